//! The values: each is explained, and nonsense is refused.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{HELMS, chart, document, file, kube_version};
use crate::support::helm::Helm;

#[test]
fn the_readme_explains_every_value_and_no_other() {
    let values = document("values.yaml");
    let mut paths = BTreeSet::new();
    collect("", &values, &mut paths);
    let readme = file("README.md");
    let (_, table) = readme
        .split_once("\n## Values\n")
        .expect("a table of values");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let explained: BTreeSet<String> = rows
        .filter_map(|row| row.split(" |").next())
        .flat_map(|names| names.split(','))
        .map(|name| name.trim().trim_matches('`').to_owned())
        .collect();
    let has_row = |path: &str| {
        let ends = path
            .match_indices('.')
            .map(|(end, _)| end)
            .chain([path.len()]);
        ends.into_iter().any(|end| explained.contains(&path[..end]))
    };
    let missing: Vec<&String> = paths.iter().filter(|path| !has_row(path)).collect();
    assert!(missing.is_empty(), "README.md has no row for {missing:?}");
    let exists = |name: &str| {
        let pointer = format!("/{}", name.replace('.', "/"));
        values.pointer(&pointer).is_some()
    };
    let strange: Vec<&String> = explained.iter().filter(|name| !exists(name)).collect();
    assert!(
        strange.is_empty(),
        "README.md explains what is no value: {strange:?}"
    );
}

/// The paths of all values that are no maps with something in them.
fn collect(path: &str, value: &Value, paths: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let below = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                collect(&below, value, paths);
            }
        }
        _ => {
            paths.insert(path.to_owned());
        }
    }
}

#[test]
fn what_helm_template_prints_can_be_applied_without_taking_everything_down() {
    let chart = chart();
    for version in HELMS {
        let printed = Helm::new(version).ok(&["template", "chartroom", &chart, &kube_version()]);
        assert!(printed.contains("kind: Deployment"), "{version}");
        assert!(!printed.contains("teardown"), "{version}: {printed}");
    }
}

#[test]
fn nonsense_is_refused_by_its_name() {
    let chart = chart();
    for version in HELMS {
        let helm = Helm::new(version);
        for (value, named) in [
            ("replicas=2", "replicas"),
            ("replicaCount=2", "replicaCount"),
            ("image.digest=sha256:12", "digest"),
            ("image.pullPolicy=Sometimes", "pullPolicy"),
            ("persistence.size=lots", "size"),
            ("persistence.path=storage", "path"),
            ("persistence.accessMode=ReadOnlyMany", "accessMode"),
            ("mode=edge", "mode"),
            ("components.a.modes={somewhere}", "components"),
            ("components.a.version=1", "version"),
            ("components.Grafana.spec.version=1", "Grafana"),
            ("service.port=70000", "port"),
            ("service.name=Charts", "name"),
            ("teardown.timeout=soon", "timeout"),
            ("controller.concurrency=0", "concurrency"),
            ("env.open.allow-overwrite=true", "allow-overwrite"),
            ("auth.username=a:b", "username"),
            ("rbac.namespaceRoles[0].namespace=a", "clusterRole"),
            ("dnsPolicy=None", "dnsPolicy"),
        ] {
            let set = format!("--set={value}");
            let said = helm.fails(&["template", "chartroom", &chart, &set, &kube_version()]);
            assert!(
                said.contains("schema") && said.contains(named),
                "{version} {value}: {said}"
            );
        }
        // what the schema cannot say
        for (value, sentence) in [
            (
                "env.open.PORT=1",
                "env.open.PORT is set by this chart: use the value service.port or hostNetwork.ports",
            ),
            (
                "controller.watchNamespace=apps,components.a.namespace=edge",
                "components.a.namespace is edge, and the controller looks at apps only",
            ),
            ("image.tag=latest", "image.tag is latest: name a version"),
            (
                "env.open.STORAGE=amazon",
                "stores in a local directory only",
            ),
        ] {
            let set = format!("--set={value}");
            let said = helm.fails(&["template", "chartroom", &chart, &set, &kube_version()]);
            assert!(said.contains(sentence), "{version} {value}: {said}");
        }
    }
}
