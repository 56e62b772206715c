//! chartroom keeps the Helm charts of a cluster and plots the order in which they are installed.
//!
//! ```text
//!  main -> cli -> app ─┬─> listener ─> server ─┬─> repository ─> object_store
//!                      │                       └─> oci ─> repository   (images, and the same charts)
//!                      ├─> controller ─┬─> planner    (who depends on whom, what is missing, who may go)
//!                      │               ├─> release ─> the helm binary
//!                      │               ├─> remote     (charts over HTTP, from the repository next door)
//!                      │               └─> kube       (Components, release Secrets, drift, the Lease)
//!                      └─> telemetry, metrics
//!  cli -> plan ─> planner ─> component, chart   (what manifests install, and in which order)
//!  cli -> controller::crd ─> kube        (brings the CRD of Components to a cluster)
//!  cli -> teardown ─> kube               (deletes all Components and waits for it)
//!  pure rooms: chart  component  yaml  planner  repository::{index, key}  server::tenancy  config  terminal
//!              plan but its sources
//!              api_error  causes  ellipsis
//!              oci but its registry and its storage
//!              release::{record, manifest, inventory, token}  controller::reconcile::{decide, status, retry}
//!              teardown::{left, words}
//!  never: repository -> server · server -> controller · controller -> server · pure -> axum / tokio / clock
//!         whatever is not server or app -> listener
//! ```
//!
//! `tests/integration/architecture.rs` fails on a forbidden direction.

pub mod api_error;
pub mod app;
pub mod bounds;
pub mod causes;
mod cgroup;
pub mod chart;
pub mod cli;
pub mod component;
pub mod config;
pub mod controller;
mod ellipsis;
mod go_syntax;
pub mod listener;
pub mod metrics;
pub mod node_key;
pub mod oci;
pub mod operation_kind;
pub mod plan;
pub mod planner;
pub mod release;
pub mod remote;
pub mod repository;
pub mod server;
pub mod teardown;
pub mod telemetry;
pub mod terminal;
pub mod yaml;
