//! What was found out about one dependency.

use crate::component::conditions::Reason;
use crate::component::status::DependencyStatus;
use crate::planner::verdict::{ImplicitComponent, Retarget};

/// Why a dependency is in the way.
#[derive(Debug)]
pub(super) struct Obstacle {
    pub(super) reason: Reason,
    pub(super) message: String,
}

/// How one dependency is, and what has to be done for it.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) status: DependencyStatus,
    /// `None` if it is not in the way.
    pub(super) obstacle: Option<Obstacle>,
    pub(super) create: Option<ImplicitComponent>,
    pub(super) retarget: Option<Retarget>,
}

impl Finding {
    /// A dependency that is not in the way.
    pub(super) fn clear(status: DependencyStatus) -> Self {
        Self {
            status,
            obstacle: None,
            create: None,
            retarget: None,
        }
    }

    /// A dependency that is in the way.
    pub(super) fn obstacle(status: DependencyStatus, reason: Reason, message: String) -> Self {
        Self {
            obstacle: Some(Obstacle { reason, message }),
            ..Self::clear(status)
        }
    }
}
