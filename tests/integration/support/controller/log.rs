//! What a controller's log says: JSON lines with the keys `L`, `T`, `M` and fields.

use std::net::SocketAddr;

use serde_json::Value;

/// One run of helm as the controller saw it.
#[derive(Clone, Debug)]
pub struct HelmRun {
    /// The operation's id.
    pub operation: String,
    /// What was done, such as `upgrade`.
    pub action: String,
    pub release: String,
    pub namespace: String,
    pub pid: u64,
    /// `None` while it runs, and when the controller was killed.
    pub ended: Option<HelmEnd>,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct HelmEnd {
    pub duration_ms: u64,
    pub ending: String,
}

/// A line as JSON; `None` for text that is none, such as a panic's.
pub fn parsed(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok().filter(Value::is_object)
}

/// The pairs of `Helm starts` and `Helm ended`.
#[track_caller]
pub fn helm_runs(lines: &[Value]) -> Vec<HelmRun> {
    let mut runs: Vec<HelmRun> = Vec::new();
    for line in lines {
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let number = |key: &str| match &line[key] {
            Value::String(text) => text.parse().expect("a number"),
            number => number.as_u64().unwrap_or_default(),
        };
        match line["M"].as_str() {
            Some("Helm starts") => runs.push(HelmRun {
                operation: text("operation"),
                action: text("action"),
                release: text("release"),
                namespace: text("namespace"),
                pid: number("pid"),
                ended: None,
            }),
            Some("Helm ended") => {
                let pid = number("pid");
                let mut open = runs.iter_mut().rev();
                let run = open.find(|run| run.pid == pid && run.ended.is_none());
                let run = run.unwrap_or_else(|| panic!("it ended and never started: {line}"));
                run.ended = Some(HelmEnd {
                    duration_ms: number("duration_ms"),
                    ending: text("ending"),
                });
            }
            _ => {}
        }
    }
    runs
}

/// The address in a line whose message has this word in it: in the field `address`, or in `host` and `port`.
pub fn address_of(line: &str, word: &str) -> Option<SocketAddr> {
    let line = parsed(line)?;
    if !line["M"].as_str()?.to_lowercase().contains(word) {
        return None;
    }
    let text = |key: &str| match &line[key] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let whole = text("address").parse();
    whole
        .or_else(|_| format!("{}:{}", text("host"), text("port")).parse())
        .ok()
}
