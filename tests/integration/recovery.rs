//! Kills, power cuts and foreign hands: what a start finds in the storage and makes of it.

mod cache;
pub mod contents;
mod start;
mod storm;
