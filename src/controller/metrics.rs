//! The controller's metrics.
