//! The scenarios of docs/components.md 19 with an installer that keeps its releases in memory: what is observed,
//! decided, told and remembered is the program's own, and a site of values stands for the cluster.

pub mod helm;
mod installer;
mod rows;
mod site;
mod walks;
