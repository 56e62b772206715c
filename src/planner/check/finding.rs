//! The finding about one dependency.

use crate::component::conditions::Reason;
use crate::component::status::DependencyStatus;
use crate::planner::verdict::{ImplicitComponent, Retarget};

/// Why a dependency holds the dependent up.
#[derive(Debug)]
pub(super) struct Obstacle {
    pub(super) reason: Reason,
    pub(super) message: String,
}

/// The state of one dependency, and what has to be done for it.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) status: DependencyStatus,
    /// `None` if it holds nothing up.
    pub(super) obstacle: Option<Obstacle>,
    pub(super) create: Option<ImplicitComponent>,
    pub(super) retarget: Option<Retarget>,
}

impl Finding {
    /// A dependency that holds nothing up.
    pub(super) fn clear(status: DependencyStatus) -> Self {
        Self {
            status,
            obstacle: None,
            create: None,
            retarget: None,
        }
    }

    /// A dependency that holds the dependent up.
    pub(super) fn obstacle(status: DependencyStatus, reason: Reason, message: String) -> Self {
        Self {
            obstacle: Some(Obstacle { reason, message }),
            ..Self::clear(status)
        }
    }
}
