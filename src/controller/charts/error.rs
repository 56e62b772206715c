//! Why a chart is not available: the reason and message of the condition, and when to retry.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::chart::archive::ArchiveError;
use crate::chart::digest::Sha256Hex;
use crate::chart::index::REQUIRES;
use crate::component::conditions::Reason;
use crate::planner::RequirementError;
use crate::remote::address::AddressError;
use crate::remote::client::ClientError;

/// Why a chart is not available. Messages show no credentials; [`message`](Self::message) has the causes too.
#[derive(Clone, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say what the fields are")]
pub enum ChartsError {
    /// The repository's URL is invalid.
    #[error("cannot use the repository {url:?}")]
    Address {
        url: String,
        #[source]
        source: AddressError,
    },
    /// The repository has no such chart.
    #[error(
        "chart {name} is not in {repository}; push it there, with helm cm-push or by curl to /api/charts"
    )]
    ChartNotFound { name: String, repository: String },
    /// The repository does not answer completely.
    #[error("the repository {repository} is not available")]
    Unavailable {
        repository: String,
        #[source]
        source: ClientError,
    },
    /// Its index has more bytes than are read.
    #[error("the index of {repository} is larger than {limit} bytes; raise --helm-index-max-size")]
    IndexTooLarge { repository: String, limit: u64 },
    /// It answers with a status that may pass.
    #[error("the repository {repository} answers {status}; look at its log")]
    Status { repository: String, status: String },
    /// It refuses the credentials.
    #[error(
        "the repository {repository} answers {status}; give credentials that it accepts (http://USER:PASSWORD@HOST)"
    )]
    Unauthorized { repository: String, status: String },
    /// There is no chart repository at this address.
    #[error(
        "there is no chart repository at {repository}: {why}; name the address that `helm repo add` takes"
    )]
    NoRepository { repository: String, why: String },
    /// The package that the repository lists does not exist.
    #[error("{repository} lists chart {chart} but does not have its package; push it again")]
    PackageGone { chart: String, repository: String },
    /// The URL of the package is invalid.
    #[error("{repository} says that the package of chart {chart} is at {url:?}")]
    PackageAddress {
        chart: String,
        repository: String,
        url: String,
        #[source]
        source: AddressError,
    },
    /// The package has another digest.
    #[error("chart {chart} of {repository} has the digest {found}, not {wanted}{}", advice(*pinned))]
    Digest {
        chart: String,
        repository: String,
        found: Sha256Hex,
        wanted: Sha256Hex,
        /// The digest is from `spec.chart.digest`.
        pinned: bool,
    },
    /// The package is too large.
    #[error(
        "the package of chart {chart} is larger than {limit} bytes; leave out what the release does not need (.helmignore)"
    )]
    PackageTooLarge { chart: String, limit: u64 },
    /// The package is invalid.
    #[error(
        "the package of chart {chart} cannot be used; package it with `helm package` and push it again"
    )]
    Invalid {
        chart: String,
        #[source]
        source: Arc<ArchiveError>,
    },
    /// The package holds another chart.
    #[error(
        "{repository} gives the package of chart {found} for chart {listed}; push the right one"
    )]
    WrongChart {
        listed: String,
        found: String,
        repository: String,
    },
    /// The chart's list of requirements cannot be read.
    #[error("the annotation {REQUIRES} of chart {chart} cannot be read")]
    Requires {
        chart: String,
        #[source]
        source: Arc<RequirementError>,
    },
    /// The chart is a library chart.
    #[error("chart {0} is a library, which cannot be installed; name the chart that uses it")]
    Library(String),
    /// The chart does not support this Kubernetes version.
    #[error(
        "chart {chart} is for Kubernetes {wanted:?}, and this is {server}; choose another version of the chart"
    )]
    KubeVersion {
        chart: String,
        wanted: String,
        server: String,
    },
    /// A release of the chart does not fit into Helm's Secret.
    #[error(
        "a release of chart {chart} takes at least {size} bytes, and the Secret in which Helm keeps it can have {limit}; \
         leave out what is not needed (.helmignore)"
    )]
    ReleaseTooLarge {
        chart: String,
        size: u64,
        limit: u64,
    },
    /// The cache cannot be written or read.
    #[error("cannot keep charts in {}; make room there, or make it writable", directory.display())]
    Cache {
        directory: PathBuf,
        #[source]
        source: Arc<io::Error>,
    },
}

/// When to retry (docs/components.md 7.2 and 17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// It may pass: class A, after a second up to a minute.
    Transient,
    /// A user must provide something: wait for the event, and check every 30 seconds.
    Blocked,
    /// Only other inputs help: class C.
    Terminal,
}

impl ChartsError {
    /// The reason of the condition.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Address { .. } => Reason::InvalidSpec,
            Self::ChartNotFound { .. } => Reason::ChartNotFound,
            Self::PackageGone { .. } => Reason::VersionNotFound,
            Self::Unavailable { .. }
            | Self::IndexTooLarge { .. }
            | Self::Status { .. }
            | Self::Unauthorized { .. }
            | Self::NoRepository { .. }
            | Self::Cache { .. } => Reason::RepositoryUnavailable,
            Self::Digest { .. } => Reason::DigestMismatch,
            Self::PackageTooLarge { .. } | Self::ReleaseTooLarge { .. } => Reason::ReleaseTooLarge,
            Self::PackageAddress { .. }
            | Self::Invalid { .. }
            | Self::WrongChart { .. }
            | Self::Requires { .. }
            | Self::Library(_) => Reason::ChartInvalid,
            Self::KubeVersion { .. } => Reason::KubeVersionMismatch,
        }
    }

    /// When to retry. A digest other than the listed one, without a pin, is transient: the chart may have been
    /// uploaded again between the list and the package.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unavailable { .. }
            | Self::Status { .. }
            | Self::Cache { .. }
            | Self::Digest { pinned: false, .. } => ErrorClass::Transient,
            Self::ChartNotFound { .. }
            | Self::IndexTooLarge { .. }
            | Self::PackageGone { .. }
            | Self::Unauthorized { .. }
            | Self::NoRepository { .. } => ErrorClass::Blocked,
            Self::Address { .. }
            | Self::Digest { pinned: true, .. }
            | Self::PackageTooLarge { .. }
            | Self::PackageAddress { .. }
            | Self::Invalid { .. }
            | Self::WrongChart { .. }
            | Self::Requires { .. }
            | Self::Library(_)
            | Self::KubeVersion { .. }
            | Self::ReleaseTooLarge { .. } => ErrorClass::Terminal,
        }
    }

    /// The message with all causes, for a condition.
    pub fn message(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.ends_with(&cause_text) {
                text += &format!(": {cause_text}");
            }
            source = cause.source();
        }
        text
    }
}

fn advice(pinned: bool) -> &'static str {
    if pinned {
        " that spec.chart.digest names; push the package that was meant, or change spec.chart.digest"
    } else {
        " that its index names; it may just have been uploaded anew"
    }
}
