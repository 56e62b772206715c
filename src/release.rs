//! Helm releases: read from Helm's own Secrets, and changed by the helm program.

pub mod helm;
pub mod installer;
pub mod inventory;
pub mod manifest;
pub mod operation;
pub mod outcome;
pub mod owner;
pub mod record;
pub mod token;
