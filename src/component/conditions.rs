//! The conditions of a Component: their types, their reasons, and which reason goes with which status
//! (docs/components.md 13.2).

mod reason;

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

pub use self::reason::Reason;

/// The longest message that the definition takes, in bytes (and so in characters at least).
const MAX_MESSAGE: usize = 32_768;

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConditionType {
    /// The summary.
    Ready,
    /// Work goes on.
    Reconciling,
    /// Work has stopped.
    Stalled,
    /// The dependencies.
    DependenciesReady,
    /// The chart.
    ChartResolved,
    /// The values.
    ValuesResolved,
    /// The Helm release.
    Released,
    /// The chart's tests.
    TestSuccess,
    /// Remediation of a failure.
    Remediated,
    /// The installed objects.
    Healthy,
    /// Drift.
    Drifted,
}

/// The polarity of a condition: which status is the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polarity {
    /// True is good.
    Positive,
    /// False is good; the condition is absent when there is nothing to report.
    Negative,
}

/// The condition of this type, if it is there.
pub fn find(conditions: &[Condition], about: ConditionType) -> Option<&Condition> {
    let mut of_type = conditions.iter();
    of_type.find(|known| known.type_ == about.as_str())
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It is not known yet.
    Unknown,
}

impl ConditionType {
    /// All of them, in the order of docs/components.md 13.2.
    pub const ALL: [Self; 11] = [
        Self::Ready,
        Self::Reconciling,
        Self::Stalled,
        Self::DependenciesReady,
        Self::ChartResolved,
        Self::ValuesResolved,
        Self::Released,
        Self::TestSuccess,
        Self::Remediated,
        Self::Healthy,
        Self::Drifted,
    ];

    /// The condition's `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::DependenciesReady => "DependenciesReady",
            Self::ChartResolved => "ChartResolved",
            Self::ValuesResolved => "ValuesResolved",
            Self::Released => "Released",
            Self::TestSuccess => "TestSuccess",
            Self::Remediated => "Remediated",
            Self::Healthy => "Healthy",
            Self::Drifted => "Drifted",
        }
    }

    /// The meaning of the status True.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Ready => "The release is as the spec wants it.",
            Self::Reconciling => "The release is being brought to what the spec wants.",
            Self::Stalled => "Nothing will happen until somebody changes something.",
            Self::DependenciesReady => "Everything that this Component depends on is ready.",
            Self::ChartResolved => "The chart was found, and its package is sound.",
            Self::ValuesResolved => "All values were found and merged.",
            Self::Released => "Helm's newest revision of the release is deployed.",
            Self::TestSuccess => "The chart's tests passed.",
            Self::Remediated => "After a failure, what was there before is back.",
            Self::Healthy => "The installed objects are ready.",
            Self::Drifted => "Installed objects are not as they were installed.",
        }
    }

    /// Which status is the good one. Readers that know kstatus rely on Reconciling and Stalled being negative.
    pub fn polarity(self) -> Polarity {
        match self {
            Self::Reconciling | Self::Stalled | Self::Drifted => Polarity::Negative,
            _ => Polarity::Positive,
        }
    }

    /// True if `reason` is allowed with `status` in this condition.
    pub fn permits(self, status: ConditionStatus, reason: Reason) -> bool {
        if status == ConditionStatus::True {
            return self.true_reasons().contains(&reason);
        }
        match self {
            // mirrors whatever condition failed
            Self::Ready => !self.true_reasons().contains(&reason),
            _ => self.other_reasons().contains(&reason),
        }
    }

    /// Reasons of the status True.
    fn true_reasons(self) -> &'static [Reason] {
        use Reason as R;
        match self {
            Self::Ready => &[
                R::InstallSucceeded,
                R::UpgradeSucceeded,
                R::TestSucceeded,
                R::Adopted,
                R::InSync,
                R::Disabled,
                R::Preinstalled,
            ],
            Self::Reconciling => &[
                R::Progressing,
                R::ProgressingWithRetry,
                R::WaitingForSlot,
                R::WaitingForDependencies,
                R::WaitingForChart,
                R::WaitingForDeletion,
            ],
            Self::Stalled => &[
                R::InvalidSpec,
                R::DependencyCycle,
                R::DependencyVersionConflict,
                R::DependencyDisabled,
                R::DigestMismatch,
                R::ProvenanceFailed,
                R::ChartInvalid,
                R::KubeVersionMismatch,
                R::SchemaInvalid,
                R::NotAllowed,
                R::ReleaseConflict,
                R::OwnershipConflict,
                R::ReleaseTooLarge,
                R::RetriesExceeded,
                R::ImmutableField,
                R::DependentsExist,
            ],
            Self::DependenciesReady => &[R::DependenciesReady, R::NoDependencies],
            Self::ChartResolved => &[R::ChartResolved],
            Self::ValuesResolved => &[R::ValuesResolved],
            Self::Released => &[
                R::InstallSucceeded,
                R::UpgradeSucceeded,
                R::RollbackSucceeded,
                R::Adopted,
            ],
            Self::TestSuccess => &[R::TestSucceeded],
            Self::Remediated => &[R::RollbackSucceeded, R::UninstallSucceeded],
            Self::Healthy => &[R::Healthy],
            Self::Drifted => &[R::DriftDetected, R::CorrectionFailed],
        }
    }

    /// Reasons of the statuses False and Unknown. Ready takes more: see [`ConditionType::permits`].
    fn other_reasons(self) -> &'static [Reason] {
        use Reason as R;
        match self {
            Self::Ready => &[R::Progressing],
            // absent instead
            Self::Reconciling | Self::Stalled => &[],
            Self::DependenciesReady => &[
                R::DependencyMissing,
                R::DependencyNotReady,
                R::DependencyDisabled,
                R::DependencyVersionMismatch,
                R::DependencyVersionConflict,
                R::DependencyCycle,
                R::DependencyAmbiguous,
                R::DependencyInstalling,
            ],
            Self::ChartResolved => &[
                R::ChartNotFound,
                R::VersionNotFound,
                R::RepositoryUnavailable,
                R::DigestMismatch,
                R::ChartInvalid,
                R::ProvenanceFailed,
                R::KubeVersionMismatch,
                R::NotAllowed,
            ],
            Self::ValuesResolved => &[R::ValuesRefNotFound, R::ValuesError, R::SchemaInvalid],
            Self::Released => &[
                R::NotInstalled,
                R::InstallFailed,
                R::UpgradeFailed,
                R::UninstallFailed,
                R::UninstallSucceeded,
                R::Interrupted,
                R::PendingRelease,
                R::NamespaceMissing,
                R::NamespaceTerminating,
                R::Forbidden,
                R::NotAllowed,
                R::MissingCRDs,
                R::ImmutableField,
                R::OwnershipConflict,
                R::ReleaseTooLarge,
                R::Timeout,
                // named by docs/components.md 6.6 and 7.3
                R::StateError,
                R::ClusterUnreachable,
                R::WebhookUnavailable,
                R::QuotaExceeded,
            ],
            Self::TestSuccess => &[R::TestFailed],
            Self::Remediated => &[
                R::RollbackFailed,
                R::UninstallFailed,
                R::MissingRollbackTarget,
            ],
            Self::Healthy => &[R::Unhealthy, R::ManifestUnreadable],
            Self::Drifted => &[
                R::NoDriftDetected,
                R::DriftCorrected,
                R::ComparisonFailed,
                R::ManifestUnreadable,
            ],
        }
    }
}

impl fmt::Display for ConditionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ConditionStatus {
    /// The condition's `status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// The condition as it is written to `status`. A message that is too long is cut; `lastTransitionTime` is that of
/// `before` while the status is the same, else `now`.
pub fn condition(
    about: ConditionType,
    status: ConditionStatus,
    reason: Reason,
    message: &str,
    generation: i64,
    before: &[Condition],
    now: &Time,
) -> Condition {
    debug_assert!(
        about.permits(status, reason),
        "{about} is never {status:?} for {reason}"
    );
    let since = before
        .iter()
        .find(|condition| condition.type_ == about.as_str() && condition.status == status.as_str())
        .map_or(now, |condition| &condition.last_transition_time);
    Condition {
        type_: about.as_str().to_owned(),
        status: status.as_str().to_owned(),
        reason: reason.as_str().to_owned(),
        message: message[..message.floor_char_boundary(MAX_MESSAGE)].to_owned(),
        observed_generation: Some(generation),
        last_transition_time: since.clone(),
    }
}

#[cfg(test)]
mod tests;
