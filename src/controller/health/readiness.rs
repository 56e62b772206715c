//! The readiness of one object, and the conditions it is read from. Pure.

use serde_json::Value;

/// Whether an object is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// The object works.
    Ready,
    /// It is on its way; the text says what is missing.
    InProgress(String),
    /// It will not become ready without a change from outside; the text says why.
    Failed(String),
    /// It has a deletion timestamp.
    Gone,
}

impl Readiness {
    pub(super) fn waits(why: impl Into<String>) -> Self {
        Self::InProgress(why.into())
    }
}

/// The status and the message (or the reason, if there is none) of a condition.
pub(super) fn condition<'a>(object: &'a Value, name: &str) -> Option<(&'a str, String)> {
    let mut conditions = object["status"]["conditions"].as_array()?.iter();
    let found = conditions.find(|condition| condition["type"] == name)?;
    let text = |name: &str| found[name].as_str().filter(|text| !text.is_empty());
    let why = text("message").or(text("reason")).unwrap_or(name);
    Some((found["status"].as_str()?, why.to_owned()))
}
