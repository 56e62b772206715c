//! What Helm is asked to do with a release: the word of the status, of events, metrics and the log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What Helm is asked to do.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum OperationKind {
    /// `helm upgrade --install` without a release.
    Install,
    /// `helm upgrade --install` of a release.
    Upgrade,
    /// `helm rollback`, or an upgrade to what an earlier revision was.
    Rollback,
    /// `helm uninstall`.
    Uninstall,
    /// `helm test`.
    Test,
}

impl OperationKind {
    /// The word in the status, in events and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Install => "Install",
            Self::Upgrade => "Upgrade",
            Self::Rollback => "Rollback",
            Self::Uninstall => "Uninstall",
            Self::Test => "Test",
        }
    }

    /// As the subject of a sentence.
    pub fn subject(self) -> &'static str {
        match self {
            Self::Install => "The install",
            Self::Upgrade => "The upgrade",
            Self::Rollback => "The rollback",
            Self::Uninstall => "The uninstall",
            Self::Test => "The test",
        }
    }
}
