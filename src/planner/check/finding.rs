//! The finding about one dependency.

use crate::component::conditions::Reason;
use crate::component::status::DependencyStatus;
use crate::planner::verdict::{HandDown, ImplicitComponent, Retarget};

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
    pub(super) hand_down: Option<HandDown>,
    /// What does not count of what the dependent wants of it, in sentences.
    pub(super) unheard: Vec<String>,
}

impl Finding {
    /// A dependency that holds nothing up.
    pub(super) fn clear(status: DependencyStatus) -> Self {
        Self {
            status,
            obstacle: None,
            create: None,
            retarget: None,
            hand_down: None,
            unheard: Vec::new(),
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
