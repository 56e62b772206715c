//! One id from the decision to the outcome: what the log says of an operation is found by it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ChartBuilder, ComponentBuilder, DEADLINE, Scene};
use crate::support::api::poll;

/// What the log says of one operation, by kinds of lines: `decision`, `started`, `ended`, `outcome`.
type Told = Vec<&'static str>;

/// Kinds of lines by operation, in the order of operations.
fn operations(log: &[Value]) -> Vec<Told> {
    let mut order: Vec<&str> = Vec::new();
    let mut told: BTreeMap<&str, Told> = BTreeMap::new();
    for line in log {
        let Some(id) = line["operation"].as_str() else {
            continue;
        };
        assert_eq!(id.len(), 32, "{line}");
        if !order.contains(&id) {
            order.push(id);
        }
        let kind = match line["M"].as_str() {
            Some("Helm starts") => "started",
            Some("Helm ended") => "ended",
            // an outcome has a reason, a decision none
            _ if line["reason"].is_string() => "outcome",
            _ => "decision",
        };
        told.entry(id).or_default().push(kind);
    }
    order.into_iter().filter_map(|id| told.remove(id)).collect()
}

#[test]
fn decision_helm_and_outcome_of_an_operation_have_one_id() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    let broken = ChartBuilder::new("app", "2.0.0").rejected_object();
    scene.controller.upload(&broken);
    let app = ComponentBuilder::new("app").version("1.0.0");
    scene.install(&app.spec(json!({"upgrade": {"retries": 0}})));
    scene.components.change("app", &json!({"version": "2.0.0"}));
    scene
        .components
        .await_condition("app", "Stalled", "True", "RetriesExceeded");
    scene.components.delete("app");
    scene.components.await_gone("app");

    // install, upgrade, rollback, uninstall
    let whole = poll(DEADLINE, || {
        let told = operations(&scene.controller.log());
        let is_whole =
            |one: &Told| one.starts_with(&["decision", "started", "ended"]) && one.len() > 3;
        (told.len() == 4 && told.iter().all(is_whole)).then_some(told)
    });
    let told = whole.unwrap_or_else(|| panic!("{:#?}", scene.controller.log()));
    for one in told {
        assert!(one[3..].iter().all(|kind| *kind == "outcome"), "{one:?}");
    }
}
