//! The rules that every chart keeps, whatever its values.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::rendering::{Container, MIRROR, PULL_SECRET};
use super::{Rendering, charts, no_findings, renderings};
use crate::support::version::{Program, version};

/// Chart and container of those that run as root: the kubelet's log files are readable by root only.
const AS_ROOT: &[(&str, &str)] = &[("fluent-bit", "fluent-bit")];

/// Chart and container of those that have no port to ask, and end when something is wrong with them.
const WITHOUT_PROBES: &[(&str, &str)] = &[("nats", "reloader")];

/// Kinds that run once: whoever waits for a release waits for them, and they need an image that nobody keeps.
const ONE_OFF: &[&str] = &["Job", "CronJob", "Pod"];

#[test]
fn the_annotation_names_exactly_the_images_that_are_used() {
    let mut findings = Vec::new();
    for chart in charts() {
        let own = renderings().iter().filter(|one| one.chart == chart.name);
        let plain = own.filter(|one| !one.mirrored);
        let used: BTreeSet<String> = plain.flat_map(Rendering::images).collect();
        let named = chart.images();
        if used != named {
            findings.push(format!("{}: uses {used:?}, names {named:?}", chart.name));
        }
    }
    no_findings(findings);
}

#[test]
fn images_come_from_the_mirror_and_are_never_the_latest() {
    let mirror = format!("{MIRROR}/");
    let mut findings = Vec::new();
    for rendering in renderings() {
        for one in rendering.containers() {
            let secrets = one.pod["imagePullSecrets"].as_array().into_iter().flatten();
            let is_shown = secrets
                .into_iter()
                .any(|secret| secret["name"] == PULL_SECRET);
            if is_shown != rendering.mirrored {
                findings.push(format!("{}: global.imagePullSecrets", rendering.title));
            }
        }
        for image in rendering.images() {
            let name = image.rsplit('/').next().expect("a last part");
            let tag = name.split_once(':').map_or("latest", |(_, tag)| tag);
            if tag == "latest" || rendering.mirrored && !image.starts_with(&mirror) {
                findings.push(format!("{}: image {image}", rendering.title));
            }
        }
    }
    no_findings(findings);
}

#[test]
fn containers_are_confined_and_answer_probes() {
    let mut findings = Vec::new();
    for rendering in renderings() {
        for one in rendering.containers() {
            let place = (rendering.chart.as_str(), one.name);
            for flaw in flaws(place, &one) {
                findings.push(format!(
                    "{}, container {}: {flaw}",
                    rendering.title, one.name
                ));
            }
        }
    }
    no_findings(findings);
}

#[test]
fn exceptions_are_still_needed() {
    for place in AS_ROOT.iter().chain(WITHOUT_PROBES) {
        let own = renderings().iter().filter(|one| one.chart == place.0);
        let mut containers = own.flat_map(Rendering::containers);
        let exists = containers.any(|one| one.name == place.1);
        assert!(exists, "{place:?} is an exception and does not exist");
    }
}

/// What is wrong with a container, in the words of the rule.
fn flaws(place: (&str, &str), one: &Container<'_>) -> Vec<String> {
    let Container { container, pod, .. } = one;
    let own = &container["securityContext"];
    // what the container does not say, the pod says
    let security = |field: &str| match &own[field] {
        Value::Null => &pod["securityContext"][field],
        said => said,
    };
    let is_root = AS_ROOT.contains(&place);
    let user = security("runAsUser").as_u64();
    let mut rules = vec![
        (
            "leaves the image's command alone",
            container["command"].is_null(),
        ),
        ("is no init container", !one.is_init),
        ("has no lifecycle hooks", container["lifecycle"].is_null()),
        (
            "cannot gain privileges",
            own["allowPrivilegeEscalation"] == false,
        ),
        ("is not privileged", own["privileged"] != true),
        (
            "has a read-only root file system",
            own["readOnlyRootFilesystem"] == true,
        ),
        (
            "drops all capabilities",
            own["capabilities"] == json!({"drop": ["ALL"]}),
        ),
        (
            "has a seccomp profile",
            security("seccompProfile")["type"] == "RuntimeDefault",
        ),
        (
            "does not run as root",
            is_root || *security("runAsNonRoot") == true,
        ),
        (
            "has a user that is root if excepted",
            user.is_some_and(|user| is_root == (user == 0)),
        ),
    ];
    for probe in ["readinessProbe", "livenessProbe"] {
        let is_excepted = WITHOUT_PROBES.contains(&place);
        rules.push((
            "has both probes, unless excepted",
            is_excepted != container[probe].is_object(),
        ));
    }
    for probe in ["readinessProbe", "livenessProbe", "startupProbe"] {
        rules.push((
            "has no probe that runs a command",
            container[probe]["exec"].is_null(),
        ));
    }
    for amount in ["/requests/cpu", "/requests/memory", "/limits/memory"] {
        let is_said = container["resources"].pointer(amount).is_some();
        rules.push(("requests CPU and memory and limits memory", is_said));
    }
    for port in container["ports"].as_array().into_iter().flatten() {
        rules.push((
            "has ports that name their protocol",
            port["protocol"].is_string(),
        ));
    }
    let broken = rules.into_iter().filter(|(_, holds)| !holds);
    broken
        .map(|(rule, _)| format!("breaks the rule that it {rule}"))
        .collect()
}

#[test]
fn nothing_runs_once() {
    let mut findings = Vec::new();
    for rendering in renderings() {
        for object in &rendering.objects {
            let kind = object["kind"].as_str().expect("a kind");
            let title = format!("{}, {kind} {}", rendering.title, object["metadata"]["name"]);
            if ONE_OFF.contains(&kind) {
                findings.push(format!("{title}: runs once"));
            }
            let annotations = object["metadata"]["annotations"].as_object();
            let mut names = annotations.into_iter().flat_map(|all| all.keys());
            if names.any(|name| name.starts_with("helm.sh/hook")) {
                findings.push(format!("{title}: is a hook"));
            }
        }
    }
    no_findings(findings);
}

#[test]
fn charts_ask_for_the_oldest_kubernetes_that_is_promised() {
    let oldest = version(Program::OldestKubernetes);
    let minor = oldest.rsplit_once('.').expect("three numbers").0;
    for chart in charts() {
        let asked = &chart.metadata["kubeVersion"];
        assert_eq!(asked, &format!(">={minor}.0-0"), "{}", chart.name);
    }
}

/// A template's name without the chart's, such as `labels`, that means something else in each chart.
const OF_ITS_OWN: &[&str] = &["config"];

#[test]
fn what_charts_have_in_common_is_the_same_in_each() {
    let mut seen: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut findings = Vec::new();
    for chart in charts().into_iter().filter(|chart| !chart.is_umbrella()) {
        let text = chart.text("templates/_helpers.tpl");
        let prefix = format!("\"{}.", chart.name);
        for define in text.split("{{- define ").skip(1) {
            let define = define.replace(&prefix, "\"");
            let (name, body) = define.split_once(" -}}\n").expect("a name and a body");
            // up to the next one's comment
            let body = body.split("\n{{/*").next().unwrap_or(body).trim_end();
            let name = name.trim_matches('"').to_owned();
            if OF_ITS_OWN.contains(&name.as_str()) {
                continue;
            }
            let this = (chart.name.clone(), body.to_owned());
            let first = seen.entry(name.clone()).or_insert_with(|| this.clone());
            if first.1 != body {
                findings.push(format!(
                    "{name} of {} is not that of {}",
                    chart.name, first.0
                ));
            }
        }
    }
    assert!(seen.contains_key("imagePullSecrets"), "{:?}", seen.keys());
    no_findings(findings);
}

#[test]
fn readmes_mention_every_value() {
    let mut findings = Vec::new();
    for chart in charts() {
        let readme = chart.text("README.md");
        let values = chart.values();
        for key in values.as_object().expect("values are a mapping").keys() {
            // `image` and `image.tag` are mentions of image
            let is_mentioned = [format!("`{key}`"), format!("`{key}.")];
            if !is_mentioned.iter().any(|text| readme.contains(text)) {
                findings.push(format!(
                    "{}: README.md does not mention `{key}`",
                    chart.name
                ));
            }
        }
    }
    no_findings(findings);
}
