//! Behaviour at the outermost boundary: the real binary, real clients.

mod architecture;
mod crd;
mod helm_cli;
mod hostile;
mod recovery;
mod support;
