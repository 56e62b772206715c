//! Why there is no chart: what to write into a condition, and when to try again.

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

/// Why a chart cannot be had. Texts name no credentials; [`message`](Self::message) has the causes too.
#[derive(Clone, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say what the fields are")]
pub enum ChartsError {
    /// The repository's URL is none.
    #[error("cannot use the repository {url:?}")]
    Address {
        url: String,
        #[source]
        source: AddressError,
    },
    /// The repository answers, and has no such chart.
    #[error(
        "chart {name} is not in {repository}; push it there, with helm cm-push or by curl to /api/charts"
    )]
    ChartNotFound { name: String, repository: String },
    /// The repository does not answer, or not to the end.
    #[error("the repository {repository} is not available")]
    Unavailable {
        repository: String,
        #[source]
        source: ClientError,
    },
    /// It answers that something is wrong with it.
    #[error("the repository {repository} answers {status}; look at its log")]
    Status { repository: String, status: String },
    /// It wants other credentials.
    #[error(
        "the repository {repository} answers {status}; give credentials that it accepts (http://USER:PASSWORD@HOST)"
    )]
    Unauthorized { repository: String, status: String },
    /// There is something else at this address.
    #[error(
        "there is no chart repository at {repository}: {why}; name the address that `helm repo add` takes"
    )]
    NoRepository { repository: String, why: String },
    /// The package that the repository lists is not there.
    #[error("{repository} lists chart {chart} but does not have its package; push it again")]
    PackageGone { chart: String, repository: String },
    /// The list names something that is no address.
    #[error("{repository} says that the package of chart {chart} is at {url:?}")]
    PackageAddress {
        chart: String,
        repository: String,
        url: String,
        #[source]
        source: AddressError,
    },
    /// The package is not the one that is wanted.
    #[error("chart {chart} of {repository} has the digest {found}, not {wanted}{}", advice(*pinned))]
    Digest {
        chart: String,
        repository: String,
        found: Sha256Hex,
        wanted: Sha256Hex,
        /// The user has named the digest.
        pinned: bool,
    },
    /// The package has more bytes than are accepted.
    #[error(
        "the package of chart {chart} is larger than {limit} bytes; leave out what the release does not need (.helmignore)"
    )]
    PackageTooLarge { chart: String, limit: u64 },
    /// The package does not open.
    #[error(
        "the package of chart {chart} cannot be used; package it with `helm package` and push it again"
    )]
    Invalid {
        chart: String,
        #[source]
        source: Arc<ArchiveError>,
    },
    /// The package is another chart.
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
    /// The chart is made for other charts.
    #[error("chart {0} is a library, which cannot be installed; name the chart that uses it")]
    Library(String),
    /// The chart is not for this cluster.
    #[error(
        "chart {chart} is for Kubernetes {wanted:?}, and this is {server}; choose another version of the chart"
    )]
    KubeVersion {
        chart: String,
        wanted: String,
        server: String,
    },
    /// A release of the chart does not fit where Helm keeps it.
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

/// When to try again (docs/components.md 7.2 and 17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// It may go away by itself: class A, from a second up to a minute.
    Transient,
    /// Somebody must put something there, and will: wait for the event, look each 30 seconds.
    Blocked,
    /// Nothing helps but other inputs: class C.
    Terminal,
}

impl ChartsError {
    /// The word for the condition.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Address { .. } => Reason::InvalidSpec,
            Self::ChartNotFound { .. } => Reason::ChartNotFound,
            Self::PackageGone { .. } => Reason::VersionNotFound,
            Self::Unavailable { .. }
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

    /// When to try again. A digest that is not the one of the list, without a pin, is transient: the chart may have been
    /// uploaded anew between the list and the package.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unavailable {
                source: ClientError::TooLarge(..),
                ..
            } => ErrorClass::Blocked,
            Self::Unavailable { .. }
            | Self::Status { .. }
            | Self::Cache { .. }
            | Self::Digest { pinned: false, .. } => ErrorClass::Transient,
            Self::ChartNotFound { .. }
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

    /// The text with all causes, for a condition's message.
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
