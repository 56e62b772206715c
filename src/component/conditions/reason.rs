//! Why a condition is as it is, in one word for programs and a sentence for people. Events use the same words.

use std::fmt;

/// Declares [`Reason`]: each word with the sentence that explains it.
macro_rules! reasons {
    ($($reason:ident $sentence:literal)*) => {
        /// Why a condition is as it is, or why an event was sent (docs/components.md 13.2).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $(
                #[doc = $sentence]
                $reason,
            )*
        }

        impl Reason {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$reason),*];

            /// The word in the condition's `reason`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$reason => stringify!($reason),)*
                }
            }

            /// What the word means.
            pub fn sentence(self) -> &'static str {
                match self {
                    $(Self::$reason => $sentence,)*
                }
            }
        }
    };
}

reasons! {
    InstallSucceeded "The release was installed."
    UpgradeSucceeded "The release was upgraded."
    TestSucceeded "The chart's tests passed."
    Adopted "A release that was there before is now this Component's."
    InSync "Nothing changed, and nothing had to be done."
    Disabled "The Component is not enabled, and nothing of it is left."
    Preinstalled "The release was installed by other means and is left alone."
    Progressing "Work goes on."
    ProgressingWithRetry "An attempt failed, and the next one is due."
    WaitingForSlot "Other releases are being worked on first."
    WaitingForDependencies "Something else must be ready first."
    WaitingForChart "The chart is not in the repository yet."
    WaitingForDeletion "Something else must be deleted first."
    InvalidSpec "The spec says something that cannot be done."
    NotAllowed "The operator of the controller does not allow what the Component asks for."
    DependencyCycle "The Component depends on itself by way of others."
    DependencyVersionConflict "No version of a dependency suits all who need it."
    DependencyDisabled "A dependency is not enabled."
    DigestMismatch "The chart's package is not the one that its digest names."
    ProvenanceFailed "The chart's signature is missing or does not fit."
    ChartInvalid "The chart cannot be read or rendered."
    KubeVersionMismatch "The chart is not for this version of Kubernetes."
    SchemaInvalid "The values are not what the chart's schema allows."
    ReleaseConflict "Another Component has a release of this name in this namespace."
    OwnershipConflict "Objects or a release that exist already belong to something else."
    ReleaseTooLarge "The release is larger than a Secret can hold."
    RetriesExceeded "Every attempt that was allowed failed."
    ImmutableField "A field changed that Kubernetes does not let change."
    DependentsExist "Other Components still need this one."
    DependenciesReady "Every dependency is ready."
    NoDependencies "There is nothing that must be there first."
    DependencyMissing "A dependency is not there and cannot be created."
    DependencyNotReady "A dependency is not ready."
    DependencyVersionMismatch "A dependency is there in a version that will not do."
    DependencyAmbiguous "Several charts provide what is needed."
    DependencyInstalling "A dependency is being installed."
    ChartResolved "The chart was found, and its package is sound."
    ChartNotFound "The repository has no chart of this name."
    VersionNotFound "The repository has no version of the chart that will do."
    RepositoryUnavailable "The repository does not answer."
    ValuesResolved "All values were found and merged."
    ValuesRefNotFound "A ConfigMap, Secret or key with values does not exist."
    ValuesError "Values cannot be read or merged."
    RollbackSucceeded "The release is back at its last good revision."
    NotInstalled "There is no release yet."
    InstallFailed "The install failed."
    UpgradeFailed "The upgrade failed."
    UninstallFailed "The uninstall failed."
    UninstallSucceeded "The release was uninstalled."
    Interrupted "The operation was interrupted and will be taken up again."
    PendingRelease "Somebody else is working on the release."
    NamespaceMissing "The release's namespace does not exist."
    NamespaceTerminating "The release's namespace is being deleted."
    Forbidden "The account that Helm acts as may not do this."
    MissingCRDs "The chart has objects of a kind that the cluster does not know."
    Timeout "The objects were not ready in time."
    StateError "Helm's record of the release cannot be read."
    ClusterUnreachable "The API server does not answer."
    WebhookUnavailable "An admission webhook does not answer."
    QuotaExceeded "The namespace's quota does not allow this."
    TestFailed "A test of the chart failed."
    RollbackFailed "The way back to the last good revision failed."
    MissingRollbackTarget "There is no good revision to go back to."
    Healthy "The installed objects are ready."
    Unhealthy "Installed objects are not ready."
    ManifestUnreadable "Some of the release's manifest cannot be read, so that nothing is known of it."
    DriftDetected "Installed objects were changed or deleted by somebody else."
    CorrectionFailed "Drift could not be put right."
    ComparisonFailed "Some of the installed objects cannot be compared or put right."
    NoDriftDetected "The installed objects are as they were installed."
    DriftCorrected "Drift was put right."
    // of events alone
    DependencyCreated "A Component was created for a dependency."
    DependencyCollected "A Component that nobody needs any more was deleted."
    Unmanaged "Somebody else upgraded, rolled back or removed the release."
    Unlocked "A release that was left locked was unlocked."
    DefinitionKept "The release no longer has a definition whose objects, or other users, are still there: it was kept."
    RecordRewritten "A release's record named API versions that the cluster no longer serves, and names those that it does."
    LeaderAcquired "This replica is now the one that works."
    HelmOutput "Helm said something worth keeping."
}

impl Reason {
    /// True for reasons that say how dependencies are in the way.
    pub fn is_of_dependencies(self) -> bool {
        matches!(
            self,
            Self::DependencyMissing
                | Self::DependencyNotReady
                | Self::DependencyDisabled
                | Self::DependencyVersionMismatch
                | Self::DependencyVersionConflict
                | Self::DependencyCycle
                | Self::DependencyAmbiguous
                | Self::DependencyInstalling
        )
    }

    /// True for reasons that only events have.
    pub fn is_of_events_alone(self) -> bool {
        matches!(
            self,
            Self::DependencyCreated
                | Self::DependencyCollected
                | Self::Unmanaged
                | Self::Unlocked
                | Self::DefinitionKept
                | Self::RecordRewritten
                | Self::LeaderAcquired
                | Self::HelmOutput
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
