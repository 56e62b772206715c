//! A running Helm: started, fed, watched and ended (contract section 3.4).
