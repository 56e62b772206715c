//! Helm's status of a revision.

use std::fmt;

/// The state of a revision (docs/components.md 5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReleaseStatus {
    /// Helm's own `unknown`, and every other word.
    #[default]
    Unknown,
    /// The current revision.
    Deployed,
    /// Uninstalled with its history kept.
    Uninstalled,
    /// Replaced by a later revision.
    Superseded,
    /// The operation failed.
    Failed,
    /// Being uninstalled, or left so.
    Uninstalling,
    /// Being installed, or left so.
    PendingInstall,
    /// Being upgraded, or left so.
    PendingUpgrade,
    /// Being rolled back, or left so.
    PendingRollback,
}

impl ReleaseStatus {
    /// Helm's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Deployed => "deployed",
            Self::Uninstalled => "uninstalled",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Uninstalling => "uninstalling",
            Self::PendingInstall => "pending-install",
            Self::PendingUpgrade => "pending-upgrade",
            Self::PendingRollback => "pending-rollback",
        }
    }

    /// The status of this name; any other name is [`Self::Unknown`].
    pub fn parse(word: &str) -> Self {
        match word {
            "deployed" => Self::Deployed,
            "uninstalled" => Self::Uninstalled,
            "superseded" => Self::Superseded,
            "failed" => Self::Failed,
            "uninstalling" => Self::Uninstalling,
            "pending-install" => Self::PendingInstall,
            "pending-upgrade" => Self::PendingUpgrade,
            "pending-rollback" => Self::PendingRollback,
            _ => Self::Unknown,
        }
    }

    /// True while Helm refuses any other operation on the release. `uninstalling` is not among these.
    pub fn is_pending(self) -> bool {
        matches!(
            self,
            Self::PendingInstall | Self::PendingUpgrade | Self::PendingRollback
        )
    }
}

impl fmt::Display for ReleaseStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
