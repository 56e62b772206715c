//! The short life between the fork and Helm: this program, started again, ties itself to its parent and becomes Helm.
//!
//! It is a program of its own because what has to happen there would need `unsafe` between fork and exec.
