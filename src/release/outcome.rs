//! How a run of Helm ended. Pure.

use std::fmt;
use std::time::Duration;

/// How a run of Helm ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelmOutcome {
    /// The way it ended.
    pub ending: Ending,
    /// The end of what Helm wrote to standard error, at most 64 KiB.
    pub stderr: String,
    /// Its peak resident memory in bytes, sampled.
    pub max_rss_bytes: Option<u64>,
    /// How long it ran.
    pub duration: Duration,
}

/// The way a run of Helm ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With exit code 0, even if it was asked to end early.
    Succeeded,
    /// With another exit code.
    Failed(i32),
    /// By a signal that was not ours.
    Killed(i32),
    /// It was ended because it took longer than its deadline.
    DeadlineExceeded,
    /// It was ended on request.
    Stopped,
    /// It did not start; why.
    NotStarted(String),
}

/// As in the log.
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Succeeded => f.write_str("succeeded"),
            Self::Failed(code) => write!(f, "failed with exit code {code}"),
            Self::Killed(signal) => write!(f, "killed by signal {signal}"),
            Self::DeadlineExceeded => f.write_str("ended at its deadline"),
            Self::Stopped => f.write_str("stopped"),
            Self::NotStarted(why) => write!(f, "not started: {why}"),
        }
    }
}

impl HelmOutcome {
    /// The outcome of a call for which Helm was not started.
    pub fn without_a_run(ending: Ending) -> HelmOutcome {
        HelmOutcome {
            ending,
            stderr: String::new(),
            max_rss_bytes: None,
            duration: Duration::ZERO,
        }
    }
}
