//! What depends on what: install order, cycles, who blocks whom, and which versions all requirers accept.
//!
//! The rules are those of the controller contract, section 2.6. Nothing here depends on the order of its input.

mod cycle;
mod graph;
mod key;
mod order;
mod range;
mod requirement;

pub use cycle::Cycle;
pub use graph::{Graph, Strength};
pub use key::NodeKey;
pub use order::Order;
pub use range::{Choice, Demand, VersionRange, choose};
pub use requirement::{Declared, DeclaredBy, REQUIRES, Requirement, RequirementError, union};

#[cfg(test)]
mod tests;
