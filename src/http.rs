//! The HTTP surface.

pub mod auth;
pub mod multipart;
pub mod request_log;
pub mod route;
pub mod serve;
pub mod welcome;
