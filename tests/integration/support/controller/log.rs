//! What a controller's log says: JSON lines with the keys `L`, `T`, `M` and fields.

use std::net::SocketAddr;

use serde_json::Value;

/// One run of helm as the controller saw it.
#[derive(Clone, Debug)]
pub struct HelmRun {
    /// The operation's id; empty for a run whose command line carries none, such as a rollback.
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
                let mut open = runs.iter_mut().rev();
                // there is one at a time for a release
                let run = open.find(|run| {
                    let is_its =
                        run.release == text("release") && run.namespace == text("namespace");
                    is_its && run.ended.is_none()
                });
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

#[test]
fn starts_and_ends_are_paired() {
    let log = "no JSON\n\
        {\"L\":\"INFO\",\"T\":\"\",\"M\":\"Helm starts\",\"operation\":\"a1\",\"action\":\"upgrade\",\"release\":\"one\",\
         \"namespace\":\"n\",\"pid\":7}\n\
        {\"M\":\"Helm starts\",\"operation\":\"b2\",\"action\":\"uninstall\",\"release\":\"two\",\"namespace\":\"n\",\"pid\":8}\n\
        {\"M\":\"something else\",\"pid\":7}\n\
        {\"M\":\"Helm ended\",\"release\":\"one\",\"namespace\":\"n\",\"duration_ms\":12,\"ending\":\"success\"}\n\
        {\"M\":\"Helm starts\",\"operation\":\"c3\",\"action\":\"upgrade\",\"release\":\"one\",\"namespace\":\"n\",\"pid\":7}\n";
    let lines: Vec<Value> = log.lines().filter_map(parsed).collect();
    let runs = helm_runs(&lines);
    let shown: Vec<_> = runs
        .iter()
        .map(|run| {
            let ended = run.ended.as_ref();
            let ended = ended.map(|end| (end.duration_ms, &end.ending[..]));
            (&run.operation[..], &run.action[..], &run.release[..], ended)
        })
        .collect();
    let expected = [
        ("a1", "upgrade", "one", Some((12, "success"))),
        ("b2", "uninstall", "two", None),
        ("c3", "upgrade", "one", None),
    ];
    assert_eq!(shown, expected);
    assert!(runs.iter().all(|run| run.namespace == "n"));
}

#[test]
fn an_address_is_found_by_the_message() {
    let rows = [
        (
            r#"{"M":"Serving metrics","address":"127.0.0.1:41"}"#,
            Some(41),
        ),
        (
            r#"{"M":"Metrics are served","host":"127.0.0.1","port":42}"#,
            Some(42),
        ),
        (
            r#"{"M":"Serving health probes","address":"127.0.0.1:43"}"#,
            None,
        ),
        (r#"{"M":"metrics are off"}"#, None),
        ("Serving metrics 127.0.0.1:44", None),
    ];
    for (line, port) in rows {
        let found = address_of(line, "metrics").map(|address| address.port());
        assert_eq!(found, port, "{line}");
    }
}
