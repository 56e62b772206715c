//! Whether installed objects are ready, and if not, why.
