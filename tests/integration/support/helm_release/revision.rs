//! One revision of a release, as its Secret shows it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::payload;

/// One revision of a release, from its Secret.
#[derive(Clone, Debug)]
pub struct Revision {
    pub number: i64,
    /// What the Secret's label says.
    pub label: String,
    /// What the payload says, which is what Helm believes; empty when it cannot be read.
    pub status: String,
    /// The payload's description.
    pub description: String,
    /// All labels of the Secret.
    pub labels: BTreeMap<String, String>,
}

impl Revision {
    /// What this Secret says.
    #[track_caller]
    pub fn of(secret: &Value) -> Revision {
        let labels: BTreeMap<String, String> =
            serde_json::from_value(secret["metadata"]["labels"].clone()).expect("labels");
        let payload = payload::of(secret).unwrap_or_default();
        let text = |key: &str| payload["info"][key].as_str().unwrap_or_default().to_owned();
        Revision {
            number: labels["version"].parse().expect("a number"),
            label: labels["status"].clone(),
            status: text("status"),
            description: text("description"),
            labels,
        }
    }
}
