//! Chart repositories seen as their client: where they are, and how their answers are fetched by HTTP and HTTPS.

pub mod address;
pub mod client;
mod resolver;
