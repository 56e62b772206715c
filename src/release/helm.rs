//! The driver that runs the helm binary.

/// What a failure means for what comes next (contract section 2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureClass {
    /// Something could not be reached or was busy. Class A.
    Transient,
    /// The attempt failed and counts. Class B.
    Attempt,
    /// It fails again until something changes. Class C.
    Terminal,
    /// It was cut off. Class I.
    Interrupted,
    /// The release is not in the state that was assumed.
    DecideAgain,
}
