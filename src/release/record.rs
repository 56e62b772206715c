//! Release Secrets: Helm's records of revisions.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value};

/// The state of a revision (contract section 3.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReleaseStatus {
    /// Helm's own `unknown`, and every word that is not in this list.
    #[default]
    Unknown,
    /// The revision that is in force.
    Deployed,
    /// Uninstalled with its history kept.
    Uninstalled,
    /// A later revision took its place.
    Superseded,
    /// The operation ended badly.
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

    /// True while Helm refuses any other operation on the release.
    pub fn is_pending(self) -> bool {
        matches!(
            self,
            Self::PendingInstall | Self::PendingUpgrade | Self::PendingRollback
        )
    }
}

impl std::fmt::Display for ReleaseStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What the metadata of a release Secret says.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// The revision, from 1.
    pub number: i64,
    /// Its state by the label.
    pub status: ReleaseStatus,
    /// The id of the operation that made it; later revisions inherit it.
    pub operation: Option<String>,
    /// The short form of the spec hash; inherited likewise.
    pub hash: Option<String>,
    /// The Secret's name.
    pub secret: String,
    /// The Secret's resource version.
    pub resource_version: String,
    /// When the Secret was made.
    pub created: Option<Time>,
}

/// One revision of a release, without the chart's files.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The release's name.
    pub name: String,
    /// The release's namespace.
    pub namespace: String,
    /// The revision, from 1.
    pub revision: i64,
    /// Its state by the payload.
    pub status: ReleaseStatus,
    /// The description.
    pub description: String,
    /// When the release was first installed.
    pub first_deployed: Option<Timestamp>,
    /// When this revision was made.
    pub last_deployed: Option<Timestamp>,
    /// The chart that it was made of.
    pub chart: RecordedChart,
    /// The values that were passed.
    pub config: Map<String, Value>,
    /// The rendered objects but hooks.
    pub manifest: String,
    /// The rendered hooks.
    pub hooks: Vec<Hook>,
    /// Labels in the payload.
    pub labels: BTreeMap<String, String>,
    /// `ssa` or `csa`.
    pub apply_method: Option<String>,
    /// The rendered `NOTES.txt`.
    pub notes: String,
}

/// Which chart a revision was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedChart {
    /// The chart's name.
    pub name: String,
    /// The chart's version.
    pub version: String,
    /// The version of what it installs.
    pub app_version: Option<String>,
}

/// An object that Helm applies around an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// The object's name.
    pub name: String,
}
