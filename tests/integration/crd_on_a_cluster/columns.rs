//! What people see: the columns of `kubectl get`, and `kubectl explain`.

use super::{component, components, every_field};
use crate::support::kubectl::Kubectl;

#[test]
fn a_list_shows_what_matters_and_a_wide_one_shows_why() {
    let kubectl = components();
    let full = every_field(&kubectl);
    kubectl.apply_server_side(&full.to_string()).succeeded();
    kubectl
        .apply(&component("new", "{enabled: true, version: 1.2.3}"))
        .succeeded();
    let status = r#"{"status": {"phase": "Deployed", "resolvedVersion": "1.4.2", "message": "all is well",
        "conditions": [{"type": "Ready", "status": "True", "reason": "InSync", "message": "as wanted",
        "lastTransitionTime": "2030-01-01T00:00:00Z"}]}}"#;
    set_status(&kubectl, "grafana", status);

    let rows = cells(&kubectl.ok(&["get", "components"]));
    let [head, grafana, new] = &rows[..] else {
        panic!("two Components and a head: {rows:?}");
    };
    assert_eq!(
        head[..],
        ["NAME", "ENABLED", "PHASE", "VERSION", "READY", "AGE"]
    );
    assert_eq!(
        grafana[..5],
        ["grafana", "false", "Deployed", ">=1.2 <2", "True"]
    );
    assert_eq!(new[..4], ["new", "true", "", "1.2.3"]);

    let wide = kubectl.ok(&["get", "comp", "--output=wide"]);
    let rows = cells(&wide);
    assert_eq!(rows[0][6..], ["RESOLVED", "MESSAGE"], "{wide}");
    assert_eq!(rows[1][6..], ["1.4.2", "all is well"], "{wide}");
}

#[test]
fn explain_tells_what_a_field_is_for() {
    let kubectl = components();
    let rows = [
        (
            "component.spec.dependsOn",
            "Components that must be installed and ready before this one.",
        ),
        (
            "component.spec.chart.digest",
            "Another package is never installed.",
        ),
        (
            "comp.status.observedHash",
            "The hash of everything that made up the last successful install or upgrade.",
        ),
    ];
    for (field, expected) in rows {
        // the server publishes its descriptions a moment after it serves the resource
        kubectl.eventually(&["explain", field], |text| {
            one_line(text).contains(expected)
        });
    }
}

#[track_caller]
pub fn set_status(kubectl: &Kubectl, name: &str, status: &str) {
    kubectl.ok(&[
        "patch",
        "component",
        name,
        "--subresource=status",
        "--type=merge",
        "--patch",
        status,
    ]);
}

/// The cells below the heads of a table, trimmed; a head begins where its column does.
fn cells(table: &str) -> Vec<Vec<String>> {
    let head = table.lines().next().unwrap_or_default();
    let starts: Vec<usize> = (0..head.len())
        .filter(|&at| !head[at..].starts_with(' ') && (at == 0 || head[..at].ends_with(' ')))
        .collect();
    let row = |line: &str| {
        let ends = starts.iter().skip(1).copied().chain([line.len()]);
        let cell = |(&start, end): (&usize, usize)| {
            let cell = line.get(start..end.min(line.len()));
            cell.unwrap_or_default().trim().to_owned()
        };
        starts.iter().zip(ends).map(cell).collect()
    };
    table.lines().map(row).collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
