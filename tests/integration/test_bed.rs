//! The test bed itself: what the controller's tests stand on does what they believe it does.

mod charts;
mod components;
mod controller;
mod helm_wrapper;
mod kubelet;
mod outages;
mod releases;
