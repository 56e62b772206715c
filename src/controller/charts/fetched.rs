//! A fetched and opened package: what the controller needs to know of it, without its bytes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::chart::digest::Sha256Hex;
use crate::chart::version::Version;
use crate::controller::charts::{ChartsError, RELEASE_LIMIT, kube_version_allows};
use crate::planner::Requirement;

/// A chart whose package is in the cache.
#[derive(Clone, Debug)]
pub struct FetchedChart {
    /// As `Chart.yaml` has it.
    pub name: String,
    /// As `Chart.yaml` has it.
    pub version: String,
    /// As `Chart.yaml` has it; may be empty.
    pub app_version: String,
    /// SHA-256 of the package.
    pub digest: Sha256Hex,
    /// The package in the cache. It stays there as long as the digest is kept or this value exists.
    pub path: PathBuf,
    /// Bytes of the package.
    pub size: u64,
    /// The files that Helm treats as definitions, with their paths in the package, the chart's own first. Those of
    /// sub-charts are among them (`charts/sub/crds/x.yaml`, or `charts/sub-1.0.0.tgz/crds/x.yaml`), whether or not the
    /// values disable the sub-chart.
    pub crds: Vec<(String, Vec<u8>)>,
    /// A line of a template, a sub-chart's too, has `helm.sh/hook` and after it `pre-install` or `post-install`. The
    /// templates are not rendered for it: a hook whose name is computed is missed, one that is disabled is counted.
    pub has_install_hooks: bool,
    /// As `has_install_hooks`, for `post-install`, `post-upgrade` or `post-rollback`: these must follow readiness, so Helm
    /// itself has to wait for it.
    pub has_post_hooks: bool,
    /// The chart or one of its sub-charts has a `values.schema.json`.
    pub schema: bool,
    /// The requirements in the chart's annotation.
    pub requires: Vec<Requirement>,
    /// All annotations.
    pub annotations: BTreeMap<String, String>,
    /// The Kubernetes versions that it supports; empty for all.
    pub kube_version: String,
    /// It cannot be installed.
    pub is_library: bool,
    /// Bytes that a release takes at least in its Secret; `None` if it is far from the limit.
    pub(super) release_size: Option<u64>,
}

impl FetchedChart {
    /// Checks that the chart can be installed on a server of this version.
    ///
    /// # Errors
    /// It is a library chart, does not support the version, or is too large for a release.
    pub fn check(&self, server: &Version) -> Result<(), ChartsError> {
        if self.is_library {
            return Err(ChartsError::Library(self.title()));
        }
        if !kube_version_allows(&self.kube_version, server) {
            return Err(ChartsError::KubeVersion {
                chart: self.title(),
                wanted: self.kube_version.clone(),
                server: server.to_string(),
            });
        }
        self.release_fits()
    }

    /// Set if a release of the chart certainly does not fit into the Secret in which Helm keeps it. One that might fit
    /// is not refused.
    pub fn is_too_large_for_a_release(&self) -> Option<String> {
        self.release_fits().err().map(|error| error.to_string())
    }

    fn release_fits(&self) -> Result<(), ChartsError> {
        match self.release_size {
            Some(size) if size > RELEASE_LIMIT => Err(ChartsError::ReleaseTooLarge {
                chart: self.title(),
                size,
                limit: RELEASE_LIMIT,
            }),
            _ => Ok(()),
        }
    }

    /// Name and version, for messages.
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    /// Bytes in memory, roughly.
    pub(super) fn weight(&self) -> usize {
        let crds = self.crds.iter().map(|(path, file)| path.len() + file.len());
        let annotations = (self.annotations.iter()).map(|(key, value)| key.len() + value.len());
        // requirements are read from an annotation
        1024 + crds.sum::<usize>() + 2 * annotations.sum::<usize>()
    }
}
