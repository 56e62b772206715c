//! Scenario 42: a chart that comes later than its Component.

use std::time::Duration;

use super::{ComponentBuilder, Scene};
use crate::support::component;

/// From the upload to the release.
const SOON: Duration = Duration::from_secs(5);

#[test]
fn scenario_42_an_upload_wakes_the_component_that_waits_for_it() {
    let scene = Scene::new();
    scene.components.apply(&ComponentBuilder::new("late"));
    let condition =
        scene
            .components
            .await_condition("late", "ChartResolved", "False", "ChartNotFound");
    assert!(condition.message.contains("late"), "{condition:?}");
    let blocked = scene.components.await_phase("late", "Blocked");
    assert!(!component::is_true(&blocked, "Ready"));
    assert_eq!(scene.helm_count(), 0);

    scene.upload_charts(&["late"]);
    let what = "ready soon after the upload";
    scene
        .components
        .wait_longer("late", what, SOON, component::is_ready);
    assert_eq!(scene.releases.statuses("late"), ["deployed"]);
    assert_eq!(scene.helm_count(), 1);
}
