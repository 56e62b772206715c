//! The `helm` program: found, checked for its version, and run once for each action on a release.
//!
//! One run is one child process: nothing is retried here, and nothing is decided. What an outcome means is
//! [`failure::judge`]'s to say, and what to do then is the caller's.

pub mod arguments;
mod child;
pub mod environment;
pub mod failure;
pub mod launcher;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

pub use self::arguments::{HelmAction, HelmCall, RollbackCall, UninstallCall, UpgradeCall};
pub use self::environment::HelmSettings;
pub use self::failure::{ActionKind, Ending, Failure, FailureClass, Outcome, judge, redact};

/// Why Helm cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum HelmError {
    /// It is nowhere on the search path.
    #[error("helm is not on the PATH: install Helm 4, or name it with --helm-binary")]
    NotFound,
}

/// The `helm` program. It is cheap to clone.
#[derive(Clone, Debug)]
pub struct Helm {
    settings: HelmSettings,
}

impl Helm {
    /// Helm as these settings say.
    pub fn new(settings: HelmSettings) -> Helm {
        Helm { settings }
    }

    /// Helm's version.
    pub async fn version(&self) -> Result<String, HelmError> {
        todo!("{:?}", self.settings)
    }

    /// Runs Helm.
    pub async fn run(&self, call: &HelmCall, stop: &CancellationToken) -> Outcome {
        todo!("{call:?} {stop:?}")
    }
}

/// Finds Helm's binary.
pub fn find(name: Option<&Path>, path: Option<&OsStr>) -> Result<PathBuf, HelmError> {
    todo!("{name:?} {path:?}")
}
