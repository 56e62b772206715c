//! `chartroom plan` answers as the API server does: what kubectl cannot apply is refused there, and the rest means the same.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::components;
use crate::support::process::{self, Finished};
use crate::support::server;

const HEAD: &str = "apiVersion: ext.theriseunion.io/v1alpha1\nkind: Component\n";

fn plan(manifest: &str) -> Finished {
    let mut command = Command::new(server::binary());
    command.env_clear().args(["plan", "-", "--output=json"]);
    process::run(command, manifest.as_bytes(), Duration::from_secs(30))
}

#[test]
fn a_plan_takes_what_the_cluster_takes_and_refuses_what_it_refuses() {
    let kubectl = components();
    for rest in [
        "metadata: {name: a}",
        "metadata: {name: a}\nspec: null",
        "metadata: {name: a}\nspec: {}",
        "metadata: {name: a}\nspec: {version: ^1}",
        "metadata: {name: a}\nspec: {enabled: null, timeout: null}",
        "metadata: {name: a}\nspec: {enabled: false}",
        "metadata: {name: a, labels: {x: y}}\nspec: {enabled: true, values: {on: {of: [any, kind]}}}",
        "metadata: {name: a}\nspec: {enabled: true}\nstatus: {phase: Deployed}",
        // refused
        "metadata: {name: a}\nspec: {enabeld: true}",
        "metadata: {name: a}\nspec: {enabled: true, chart: {nmae: b}}",
        "metadata: {name: a}\nspec: {enabled: true, dependsOn: [{name: b, range: ^1}]}",
        "metadata: {name: a}\nspec: {enabled: true, dependsOn: [{version: ^1}]}",
        "metadata: {name: a}\nspec: {enabled: true, dependsOn: [{name: ''}]}",
        "metadata: {name: a}\nspec: {enabled: 'true'}",
        "metadata: {name: a}\nspec: {enabled: true, version: 1.10}",
        "metadata: {name: a}\nspec: {enabled: true, version: one}",
        "metadata: {name: a}\nspec: {enabled: true, timeout: 0s}",
        "metadata: {name: a}\nspec: {enabled: true, timeout: 5}",
        "metadata: {name: a}\nspec: {enabled: true, crds: Replace}",
        "metadata: {name: a}\nspec: {enabled: true, historyLimit: 0}",
        "metadata: {name: a}\nspec: {enabled: true, historyLimit: 1.5}",
        "metadata: {name: a}\nspec: {enabled: true, values: [1]}",
        "metadata: {name: a}\nspec: {enabled: true, serviceAccountName: M e}",
        "metadata: {name: a}\nspec: [enabled]",
        "metadata: {name: a, label: {x: y}}\nspec: {enabled: true}",
        "metadata: {name: a, labels: {x: 1}}\nspec: {enabled: true}",
        "metadata: {name: A_b}\nspec: {enabled: true}",
        "metadata: {name: a}\nsepc: {enabled: true}",
    ] {
        let manifest = format!("{HEAD}{rest}\n");
        let applied = kubectl.run(
            &["apply", "--dry-run=server", "--output=json", "--filename=-"],
            &manifest,
        );
        let planned = plan(&manifest);
        assert_eq!(
            planned.code(),
            applied.code(),
            "{rest}\n{planned}\n{applied}"
        );
        if applied.code() != Some(0) {
            let said = planned.stderr();
            assert!(
                said.starts_with("chartroom: standard input: document 1: "),
                "{rest}: {said}"
            );
            continue;
        }
        let stored: Value = serde_json::from_slice(&applied.stdout).expect("JSON");
        let plan: Value = serde_json::from_slice(&planned.stdout).expect("JSON");
        let is_planned = plan["components"][0]["state"] == "install";
        assert_eq!(stored["spec"]["enabled"], is_planned, "{rest}: {plan:#}");
    }
}
