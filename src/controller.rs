//! The Component controller: watches Components and brings their releases to what they ask for.
//!
//! ```text
//!  follow ──> world ──> queue ──> pass: observe ─> decide ─> act ─> report
//!    │ watches  │ what is known       │    planner: who waits for whom          [pure]
//!    │          │                     │    decide, retry: what to do, and when  [pure]
//!  lease: only one replica works      └──> charts, helm, crds, namespace, drift, health
//! ```

pub mod charts;
pub mod context;
pub mod crds;
pub mod decide;
pub mod definition;
pub mod drift;
pub mod events;
pub mod follow;
pub mod health;
pub mod holder;
pub mod lease;
pub mod metrics;
pub mod namespace;
pub mod objects;
pub mod pass;
pub mod probes;
pub mod queue;
pub mod report;
pub mod retry;
pub mod slots;
pub mod start;
pub mod world;

pub use start::{Repository, cluster, run};
