//! Behaviour at the outermost boundary: the real binary, real clients.

mod architecture;
mod helm_cli;
mod hostile;
mod plan;
mod recovery;
mod support;
mod version_ranges;
