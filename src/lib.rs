//! chartroom keeps the Helm charts of a cluster and plots the order in which they are installed.
//!
//! ```text
//!  main -> app ─┬─> http ─> repository ─> object_store
//!               └─> telemetry, metrics
//!  pure rooms: chart  component  yaml  repository::{index, key, gzip}  http::route  config
//!  never: repository -> http · pure -> hyper / tokio / clock
//! ```
//!
//! `tests/integration/architecture.rs` fails on a forbidden direction.

pub mod app;
pub mod chart;
pub mod component;
pub mod config;
mod go_syntax;
pub mod http;
pub mod metrics;
pub mod repository;
pub mod telemetry;
pub mod yaml;
