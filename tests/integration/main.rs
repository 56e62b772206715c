//! Behaviour at the outermost boundary: the real binary, real clients.

mod architecture;
mod crd;
mod helm_cli;
mod hostile;
mod http;
mod memory_files;
mod plan;
mod recovery;
mod storage_root;
mod store_conformance;
mod support;
mod tenant_directories;
mod version_ranges;
