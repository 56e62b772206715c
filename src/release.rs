//! Helm's words for what is installed, read from Helm's own release Secrets, and the program that changes it.

pub mod helm;
pub mod inventory;
pub mod manifest;
pub mod owner;
pub mod record;
pub mod token;
