//! What the tests stand on: the real server in a world of its own, a small client, charts made of bytes, the real
//! `helm`, and a real Kubernetes control plane. Nothing here sleeps for luck: each wait is for a condition, with a
//! deadline.

pub mod api;
pub mod blocking;
pub mod chart_builder;
pub mod component;
pub mod control_plane;
pub mod controller;
pub mod dry_run;
pub mod form;
pub mod gpg;
pub mod helm;
pub mod helm_release;
pub mod helm_wrapper;
pub mod http;
pub mod kubectl;
pub mod kubelet;
pub mod liar;
pub mod process;
pub mod random;
pub mod raw;
pub mod running;
pub mod server;
pub mod small_volume;
pub mod tar;
pub mod tls;
pub mod tools;
pub mod version;
