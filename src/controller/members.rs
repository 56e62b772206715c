//! Which Components are left alone.

use crate::component::Component;
use crate::component::names::annotation;

/// True if nothing may be done to the release: suspended, skipped or installed by other means.
pub fn is_left_alone(component: &Component) -> bool {
    component.spec.suspend
        || component.is_marked(annotation::SKIP_RECONCILE)
        || component.is_marked(annotation::PRE_INSTALLED)
}
