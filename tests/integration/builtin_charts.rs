//! The charts in `builtin-charts/`, whichever there are: what the real helms and a real API server say of them, and the
//! rules that all of them keep. A chart's `ci/*-values.yaml` are rendered beside its default values.

mod chart;
mod clients;
mod cluster;
mod packages;
mod rendering;
mod rules;
mod schema;
mod stacks;

use chart::{Chart, charts};
use rendering::{Rendering, renderings};

/// What a platform at the edge asks for.
const EXPECTED: [&str; 12] = [
    "alertmanager",
    "fluent-bit",
    "grafana",
    "kube-state-metrics",
    "logging-stack",
    "loki",
    "metrics-server",
    "monitoring-stack",
    "nats",
    "node-exporter",
    "prometheus",
    "traefik",
];

#[test]
fn all_that_a_platform_asks_for_is_there() {
    let names: Vec<String> = charts().into_iter().map(|chart| chart.name).collect();
    for name in EXPECTED {
        assert!(names.iter().any(|there| there == name), "no chart {name}");
    }
}

/// Looks at every chart and fails once, with all that was found.
#[track_caller]
fn no_findings(findings: impl IntoIterator<Item = String>) {
    let findings: Vec<String> = findings.into_iter().collect();
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}
