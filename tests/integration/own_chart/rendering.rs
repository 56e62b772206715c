//! What is rendered, with each helm, and whether a real API server takes it.

use serde_json::{Value, json};

use super::{HELMS, PROFILES, chart, container, document, find, names, render};
use crate::support::chart_builder::sha256_hex;
use crate::support::control_plane::ControlPlane;
use crate::support::dry_run::refusals;
use crate::support::helm::{HELM, Helm};

#[test]
fn every_helm_takes_it_with_every_profile() {
    for version in HELMS {
        let helm = Helm::new(version);
        for (profile, values) in PROFILES {
            let chart = chart();
            let lint = helm.run(&[&["lint", "--strict", &chart][..], values].concat());
            assert!(lint.status.success(), "{profile}: {lint}");
            let said = lint.stdout();
            assert!(!said.contains("[WARNING]"), "{profile}: {said}");
            let objects = render(&helm, "edge-system", values);
            find(&objects, "Deployment", "chartroom");
        }
    }
}

#[test]
fn an_api_server_takes_every_object_of_every_profile() {
    let plane = ControlPlane::shared();
    plane.define_components();
    let kubectl = plane.namespace();
    let helm = Helm::new(HELM).on_cluster(&plane.kubeconfig());
    for (profile, values) in PROFILES {
        // helm asks the server what it knows: nothing of ServiceMonitors
        let asked = [&["--dry-run=server"][..], values].concat();
        let objects = render(&helm, kubectl.namespace(), &asked);
        assert!(names(&objects, "ServiceMonitor").is_empty(), "{profile}");
        let refusals = refusals(plane, kubectl.namespace(), &objects);
        assert!(refusals.is_empty(), "{profile}: {}", refusals.join("\n"));
    }
}

#[test]
fn versions_are_the_programs() {
    let chart = document("Chart.yaml");
    let own = env!("CARGO_PKG_VERSION");
    assert_eq!(chart["version"], own);
    assert_eq!(chart["appVersion"], own);
    let images = chart["annotations"]["helm.sh/images"]
        .as_str()
        .expect("images");
    assert!(
        images.contains(&format!("image: chartroom:{own}\n")),
        "{images}"
    );
    let objects = render(&Helm::new(HELMS[0]), "edge-system", &[]);
    let deployment = find(&objects, "Deployment", "chartroom");
    assert_eq!(container(deployment)["image"], format!("chartroom:{own}"));
}

#[test]
fn an_image_is_named_as_the_site_has_it() {
    let image = |values: &[&str]| {
        let objects = render(&Helm::new(HELMS[0]), "edge-system", values);
        let kinds = ["Deployment", "Job"];
        let mut images: Vec<String> = (objects.iter())
            .filter(|one| kinds.iter().any(|kind| one["kind"] == *kind))
            .map(|one| {
                container(one)["image"]
                    .as_str()
                    .expect("an image")
                    .to_owned()
            })
            .collect();
        assert_eq!(images.len(), 3, "the server and two hooks");
        images.dedup();
        assert_eq!(images.len(), 1, "hooks need no other image: {images:?}");
        images.remove(0)
    };
    let own = env!("CARGO_PKG_VERSION");
    let digest = format!("sha256:{}", "0".repeat(64));
    let set_digest = format!("--set=image.digest={digest}");
    assert_eq!(
        image(&["--set=image.registry=quay.io,image.repository=edge/chartroom"]),
        format!("quay.io/edge/chartroom:{own}")
    );
    assert_eq!(
        image(&[
            "--set=image.registry=quay.io,global.imageRegistry=mirror:5000/",
            &set_digest
        ]),
        format!("mirror:5000/chartroom:{own}@{digest}")
    );
    assert_eq!(image(&["--set-string=image.tag=9.9"]), "chartroom:9.9");
}

#[test]
fn every_pod_shows_the_pull_secrets_of_the_chart_and_of_the_site() {
    let values = "--set=imagePullSecrets[0].name=own,global.imagePullSecrets[0].name=site";
    let objects = render(&Helm::new(HELMS[0]), "edge-system", &[values]);
    let pods: Vec<&Value> = (objects.iter())
        .map(|object| &object["spec"]["template"]["spec"])
        .filter(|pod| pod.is_object())
        .collect();
    assert_eq!(pods.len(), 3, "the server and two hooks");
    for pod in pods {
        let expected = json!([{"name": "site"}, {"name": "own"}]);
        assert_eq!(pod["imagePullSecrets"], expected);
    }
}

/// Who may read pods must not be able to try out passwords: a plain hash takes billions a second.
#[test]
fn the_pods_mark_of_the_password_changes_with_it_and_is_no_plain_hash_of_it() {
    let mark = |helm: &'static str, password: &str| {
        let values = format!("--set=auth.password={password}");
        let objects = render(&Helm::new(helm), "edge-system", &[&values]);
        let pod = &find(&objects, "Deployment", "chartroom")["spec"]["template"];
        let mark = pod["metadata"]["annotations"]["checksum/push"].as_str();
        mark.expect("an annotation").to_owned()
    };
    let one = mark(HELMS[0], "one");
    assert_ne!(mark(HELMS[0], "two"), one);
    for helm in HELMS {
        assert_eq!(
            mark(helm, "one"),
            one,
            "the same at each upgrade, with {helm}"
        );
    }
    let plain =
        ["one", "chartroom:one", "admin:one", ":one"].map(|text| sha256_hex(text.as_bytes()));
    assert!(!plain.contains(&one), "{one}");
}

#[test]
fn the_mode_chooses_components() {
    let helm = Helm::new(HELMS[0]);
    let listed = [
        "--set=components.everywhere.spec.version=^1",
        "--set=components.above.modes={host},components.below.modes={member},components.both.modes={host,member}",
        "--set=components.taken.spec.version=^1,components.taken=null",
    ];
    for (mode, expected) in [
        ("all", &["above", "below", "both", "everywhere"][..]),
        ("host", &["above", "both", "everywhere"]),
        ("member", &["below", "both", "everywhere"]),
        ("none", &[]),
    ] {
        let mode_value = format!("--set=mode={mode}");
        let objects = render(
            &helm,
            "edge-system",
            &[&listed[..], &[&mode_value]].concat(),
        );
        assert_eq!(names(&objects, "Component"), expected, "{mode}");
    }

    let spec = r#"{"version": "^1", "enabled": false, "values": {"replicas": 0}, "chart": {"namespace": "m"}}"#;
    let values = [
        format!("--set-json=components.a.spec={spec}"),
        "--set=components.a.namespace=apps,components.a.labels.x=y,components.b.spec=null"
            .to_owned(),
    ];
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let objects = render(&helm, "edge-system", &values);
    let written = find(&objects, "Component", "a");
    let expected: Value = serde_json::from_str(spec).expect("JSON");
    assert_eq!(written["spec"], expected, "false stays false, and 0 0");
    assert_eq!(written["metadata"]["namespace"], "apps");
    assert_eq!(written["metadata"]["labels"]["x"], "y");
    let shortest = find(&objects, "Component", "b");
    assert_eq!(shortest["spec"], json!({"enabled": true}));
    assert_eq!(shortest["metadata"]["namespace"], "edge-system");
}

#[test]
fn service_monitors_and_budgets_are_what_the_cluster_knows() {
    let helm = Helm::new(HELMS[0]);
    let both = "--set=serviceMonitor.enabled=true,podDisruptionBudget.enabled=true";
    let objects = render(
        &helm,
        "edge-system",
        &[both, "--api-versions=monitoring.coreos.com/v1,policy/v1"],
    );
    let monitor = find(&objects, "ServiceMonitor", "chartroom");
    let endpoints = monitor["spec"]["endpoints"].as_array().expect("endpoints");
    assert_eq!(endpoints.len(), 2, "both halves");
    assert_eq!(
        find(&objects, "PodDisruptionBudget", "chartroom")["apiVersion"],
        "policy/v1"
    );
    let objects = render(&helm, "edge-system", &[both]);
    assert!(names(&objects, "ServiceMonitor").is_empty());
}
