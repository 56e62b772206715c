//! The Component controller: watches Components and brings their releases to what they ask for.

pub mod charts;
pub mod crds;
pub mod decide;
pub mod drift;
pub mod events;
pub mod health;
pub mod lease;
pub mod metrics;
pub mod namespace;
pub mod network;
pub mod objects;
pub mod probes;
pub mod retry;
