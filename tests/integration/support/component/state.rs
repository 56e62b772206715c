//! What a Component says of itself, read from its JSON.

use serde_json::Value;

/// One condition of a Component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub status: String,
    pub reason: String,
    pub message: String,
}

impl Condition {
    /// Status and reason: `("True", "InstallSucceeded")`.
    pub fn is(&self, status: &str, reason: &str) -> bool {
        self.status == status && self.reason == reason
    }
}

/// A condition by its type; `None` when the Component has none.
pub fn condition(component: &Value, kind: &str) -> Option<Condition> {
    let conditions = component["status"]["conditions"].as_array()?;
    let found = conditions
        .iter()
        .find(|condition| condition["type"] == kind)?;
    Some(Condition {
        status: text(&found["status"]),
        reason: text(&found["reason"]),
        message: text(&found["message"]),
    })
}

/// Whether the condition has this status and reason.
pub fn is(component: &Value, kind: &str, status: &str, reason: &str) -> bool {
    condition(component, kind).is_some_and(|condition| condition.is(status, reason))
}

/// Whether the condition is True.
pub fn is_true(component: &Value, kind: &str) -> bool {
    condition(component, kind).is_some_and(|condition| condition.status == "True")
}

/// Whether the controller has come to an end with what the spec says now.
pub fn is_settled(component: &Value) -> bool {
    component["status"]["observedGeneration"] == component["metadata"]["generation"]
}

/// Whether it is settled and ready: what is wanted is there.
pub fn is_ready(component: &Value) -> bool {
    is_settled(component) && is_true(component, "Ready") && !is_true(component, "Reconciling")
}

/// The word in `status.phase`; empty before there is one.
pub fn phase(component: &Value) -> String {
    text(&component["status"]["phase"])
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
