//! Which Components are left alone.

use crate::component::Component;

/// [`Component::is_left_alone`].
pub fn is_left_alone(component: &Component) -> bool {
    component.is_left_alone()
}
