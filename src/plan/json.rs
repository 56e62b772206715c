//! A plan as JSON, for scripts. Pure.

use serde_json::{Value, json};

use crate::node_key::NodeKey;
use crate::planner::{DeclaredBy, Dependency, Plan, PlannedComponent, State};

/// The whole plan as indented JSON, ending in a line end. Components are named `namespace/name` throughout.
pub fn json(plan: &Plan) -> String {
    let components: Vec<Value> = (plan.components.iter())
        .map(|(key, planned)| component(plan, key, planned))
        .collect();
    let problems: Vec<Value> = (plan.problems.iter())
        .map(|problem| {
            json!({
                "reason": problem.reason.to_string(),
                "components": names(&problem.on),
                "message": problem.message,
                "help": problem.help,
            })
        })
        .collect();
    let steps: Vec<Value> = plan.steps.iter().map(names).collect();
    let whole = json!({
        "works": plan.works(),
        "steps": steps,
        "components": components,
        "problems": problems,
        "notes": plan.notes,
    });
    format!("{whole:#}\n")
}

fn component(plan: &Plan, key: &NodeKey, planned: &PlannedComponent) -> Value {
    let step = plan.steps.iter().position(|step| step.contains(key));
    let number = plan.steps.iter().flatten().position(|other| other == key);
    let (state, blocked_by) = match &planned.state {
        State::Install => ("install", Value::Null),
        State::Untouched(_) => ("untouched", Value::Null),
        State::Disabled => ("disabled", Value::Null),
        State::Failed => ("failed", Value::Null),
        State::Blocked(causes) => ("blocked", names(causes)),
    };
    let requirers: Vec<String> = plan
        .requirers(key)
        .map(|(key, _)| key.to_string())
        .collect();
    json!({
        "namespace": key.namespace,
        "name": key.name,
        "chart": planned.chart,
        "wanted": planned.wanted,
        "version": planned.version,
        "added": planned.added,
        "state": state,
        "step": step.map(|step| step + 1),
        "number": number.map(|number| number + 1),
        "blockedBy": blocked_by,
        "requiredBy": requirers,
        "dependsOn": planned.dependencies.iter().map(dependency).collect::<Vec<Value>>(),
    })
}

fn dependency(edge: &Dependency) -> Value {
    json!({
        "wanted": edge.wanted.to_string(),
        "component": edge.target.as_ref().map(NodeKey::to_string),
        "version": if edge.range.is_any() { String::new() } else { edge.range.to_string() },
        "optional": edge.optional,
        "declaredBy": match edge.by {
            DeclaredBy::Component => "component",
            DeclaredBy::Chart => "chart",
        },
    })
}

fn names<'a>(keys: impl IntoIterator<Item = &'a NodeKey>) -> Value {
    keys.into_iter()
        .map(|key| Value::String(key.to_string()))
        .collect()
}
