//! The test bed itself: what the controller's tests stand on does what they believe it does.
