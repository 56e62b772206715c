//! Behaviour at the outermost boundary: the real binary, real clients.

mod architecture;
mod charts_over_http;
mod component_controller;
mod control_plane;
mod crd;
mod crd_on_a_cluster;
mod drift_on_a_cluster;
mod events;
mod helm_child;
mod helm_cli;
mod hostile;
mod http;
mod leader_lease;
mod memory_files;
mod odd_storage;
mod plan;
mod recovery;
mod storage_root;
mod store_conformance;
mod support;
mod tenant_directories;
mod test_bed;
mod version_ranges;
