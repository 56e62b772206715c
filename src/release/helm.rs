//! The driver that runs the helm binary.
