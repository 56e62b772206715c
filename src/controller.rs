//! The Component controller: watches Components and brings their releases to what they ask for.
//!
//! ```text
//!  watch ──> store ──> workqueue ──> reconcile: observe ─> decide ─> act ─> status
//!    │ of Components,    │ who and when            [I/O]    [pure]    │      [pure]
//!    │ Secrets, CRDs     └ slots: who may run Helm                    └──> trait Installer ─> helm
//!  lease: only one replica works          charts, crds, namespace, drift, health: read and written by the steps
//! ```

pub mod charts;
pub mod crd;
pub mod crds;
pub mod drift;
pub mod events;
pub mod health;
pub mod holder;
pub mod lease;
pub mod metrics;
pub mod namespace;
pub mod objects;
pub mod probes;
pub mod reconcile;
pub mod relay;
pub mod slots;
pub mod start;
pub mod store;
pub mod watch;
pub mod workqueue;

pub use start::{Repository, cluster, run};
