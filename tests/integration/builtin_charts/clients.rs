//! Each helm that people have: every chart passes its strict lint and is rendered to the same kinds of objects.

use super::{charts, no_findings};
use crate::support::helm::{HELM, Helm, objects};
use crate::support::version::{Program, version as kubernetes};

#[test]
fn the_helm_of_the_image_finds_no_fault() {
    finds_no_fault(HELM);
}

#[test]
fn helm_3_18_0_finds_no_fault() {
    finds_no_fault("3.18.0");
}

#[test]
fn helm_3_10_1_finds_no_fault() {
    finds_no_fault("3.10.1");
}

#[track_caller]
fn finds_no_fault(version: &'static str) {
    let helm = Helm::new(version);
    let mut findings = Vec::new();
    for chart in charts() {
        for values in chart.choices() {
            let mut arguments = vec!["lint", "--strict", chart.path()];
            arguments.extend(values.iter().map(String::as_str));
            let lint = helm.run(&arguments);
            if !lint.status.success() {
                findings.push(lint.to_string());
            }
        }
        // without a cluster a Helm 3.10 renders for a Kubernetes that is older than any that is promised
        let oldest = format!("--kube-version={}", kubernetes(Program::OldestKubernetes));
        let rendered = helm.run(&["template", "x", chart.path(), &oldest]);
        let is_good = rendered.status.success()
            && objects(&rendered.stdout()).is_empty() == chart.is_umbrella();
        if !is_good {
            findings.push(rendered.to_string());
        }
    }
    no_findings(findings);
}
