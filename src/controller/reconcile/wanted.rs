//! What a Component asks for, with its chart resolved. Pure.

use std::time::Duration;

use crate::component::spec_hash::SpecHash;
use crate::component::status::OperationKind;
use crate::component::{InstallFailure, TakeOwnership, UpgradeFailure};

/// What the Component asks for, resolved.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The hash of everything that the release is to be made of.
    pub hash: SpecHash,
    /// The generation of the spec. It decides nothing: the hash does (docs/components.md 3.2).
    pub generation: i64,
    /// The chart's name.
    pub chart_name: String,
    /// `spec.timeout`, by which the age of somebody else's operation is judged.
    pub timeout: Duration,
    /// Whether a release that was there before may be taken over.
    pub take_ownership: TakeOwnership,
    /// What follows a failed first install.
    pub install_on_failure: InstallFailure,
    /// True if the chart has hooks that run at installs only.
    pub has_install_hooks: bool,
    /// How many attempts follow a first failed upgrade.
    pub upgrade_retries: u32,
    /// What follows a failed upgrade.
    pub upgrade_on_failure: UpgradeFailure,
    /// After which operations readiness is awaited.
    pub waits: Waits,
}

/// After which operations readiness is awaited (docs/components.md 4.6).
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// Of the first revision.
    pub install: bool,
    /// Of each later one.
    pub upgrade: bool,
    /// Of a way back.
    pub rollback: bool,
}

impl Waits {
    /// True if an operation of this kind that made this revision is awaited.
    pub fn after(self, kind: OperationKind, revision: i64) -> bool {
        match kind {
            OperationKind::Rollback => self.rollback,
            OperationKind::Uninstall => false,
            OperationKind::Install | OperationKind::Upgrade | OperationKind::Test => {
                if revision == 1 {
                    self.install
                } else {
                    self.upgrade
                }
            }
        }
    }
}
