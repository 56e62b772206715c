//! chartroom keeps the Helm charts of a cluster and plots the order in which they are installed.
//!
//! ```text
//!  main -> app ─┬─> http ─> repository ─> object_store
//!               └─> telemetry, metrics
//!  controller::charts, plan -> remote      (chart repositories, seen as their client)
//!  main -> plan ─> topology ─> chart      (what Component manifests install, and in which order)
//!  pure rooms: chart  component  yaml  topology  repository::{index, key}  http::route  config  plan but its sources
//!  never: repository -> http · pure -> hyper / tokio / clock
//! ```
//!
//! `tests/integration/architecture.rs` fails on a forbidden direction.

pub mod app;
pub mod chart;
pub mod component;
pub mod config;
pub mod controller;
mod go_syntax;
pub mod http;
pub mod metrics;
pub mod plan;
pub mod release;
pub mod remote;
pub mod repository;
pub mod telemetry;
pub mod topology;
pub mod yaml;
