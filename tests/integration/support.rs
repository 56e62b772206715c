//! What the tests stand on: the real server in a world of its own, a small client, charts made of bytes, and the
//! real `helm`. Nothing here sleeps for luck: each wait is for a condition, with a deadline.

pub mod chart_builder;
pub mod form;
pub mod gpg;
pub mod helm;
pub mod http;
pub mod process;
pub mod random;
pub mod raw;
pub mod server;
pub mod tar;
pub mod tls;
