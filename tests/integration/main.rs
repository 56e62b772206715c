//! Behaviour at the outermost boundary: the real binary, real clients.
