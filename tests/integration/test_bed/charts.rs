//! Charts of the builder: helm finds nothing to complain of, and each does what it is for.

use serde_json::json;

use crate::support::api::Api;
use crate::support::chart_builder::{ChartBuilder, Hook};
use crate::support::control_plane::ControlPlane;
use crate::support::helm::{HELM, Helm};
use crate::support::helm_release::Releases;
use crate::support::version::kubernetes_minor;

#[test]
fn charts_lint_and_install() {
    let (api, namespace, releases) = bed();
    let schema = json!({"properties": {"greeting": {"type": "string"}}});
    let group = format!("{namespace}.example.com");
    let charts = [
        ("plain", chart(), "configmaps/plain-app"),
        (
            "deployment",
            chart().deployment(),
            "configmaps/deployment-app",
        ),
        (
            "hooked",
            chart()
                .hook("pre-install", Hook::ConfigMap)
                .hook("post-install,post-upgrade", Hook::ConfigMap),
            "configmaps/hooked-post-install-post-upgrade",
        ),
        ("schema", chart().schema(&schema), "configmaps/schema-app"),
        (
            "requires",
            chart().requires("- prometheus ^1\n- name: loki\n"),
            "configmaps/requires-app",
        ),
        (
            "immutable",
            chart().immutable_object(),
            "configmaps/immutable-immutable",
        ),
        (
            "held",
            chart().held_object("example.com/held"),
            "configmaps/held-held",
        ),
        (
            "cluster",
            chart().cluster_object(),
            "configmaps/cluster-app",
        ),
        (
            "random",
            chart().random_file(50_000),
            "configmaps/random-app",
        ),
        ("crd", chart().crd(&group, "Widget"), "configmaps/crd-app"),
    ];
    let lint = Helm::new(HELM);
    for (release, chart, object) in charts {
        let directory = chart.write_directory(lint.directory());
        lint.ok(&["lint", &directory.display().to_string()]);
        std::fs::remove_dir_all(directory).expect("our own directory");
        releases.install(release, &chart, &[]).succeeded();
        let path = format!("/api/v1/namespaces/{namespace}/{object}");
        assert!(api.get(&path).is_some(), "{release} made no {object}");
    }
    let deployments = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    assert_eq!(api.list(&deployments).len(), 1);
    let role = format!("/apis/rbac.authorization.k8s.io/v1/clusterroles/{namespace}-cluster");
    assert!(api.get(&role).is_some());

    releases.uninstall("cluster", &[]).succeeded();
    assert_eq!(api.get(&role), None);

    releases.uninstall("held", &[]).succeeded();
    let held = format!("/api/v1/namespaces/{namespace}/configmaps/held-held");
    let still = api.get(&held).expect("a finalizer holds it");
    assert!(still["metadata"]["deletionTimestamp"].is_string());
    api.merge(&held, &json!({"metadata": {"finalizers": null}}));
    assert_eq!(api.get(&held), None);

    let custom = chart().custom_object(&group, "Widget");
    releases.install("custom", &custom, &[]).succeeded();
    assert_eq!(
        api.list(&format!("/apis/{group}/v1/namespaces/{namespace}/widgets"))
            .len(),
        1
    );
}

#[test]
fn charts_that_fail_say_what_they_are_made_to_say() {
    let (_, namespace, releases) = bed();
    let number = json!({"properties": {"greeting": {"type": "number"}}});
    let rows = [
        (
            "failing",
            chart().failing_template("as it must"),
            "as it must",
        ),
        (
            "rejected",
            chart().rejected_object(),
            "spec.ports: Required value",
        ),
        (
            "schema",
            chart().schema(&number),
            "values don't meet the specifications of the schema",
        ),
        (
            "large",
            chart().random_file(1_500_000),
            match kubernetes_minor() {
                28 => "is invalid: data: Too long: must have at most 1048576 bytes",
                _ => "is invalid: data: Too long: may not be more than 1048576 bytes",
            },
        ),
        (
            "custom",
            chart().custom_object("nobody.example.com", "Thing"),
            "ensure CRDs are installed first",
        ),
    ];
    for (release, chart, words) in rows {
        let said = releases.install(release, &chart, &[]).failed().stderr();
        assert!(said.contains(words), "{release} in {namespace}: {said}");
    }
    let immutable = chart().immutable_object();
    releases.install("fixed", &immutable, &[]).succeeded();
    let said = releases
        .upgrade("fixed", &immutable, &["--set=fixed=second"])
        .failed()
        .stderr();
    assert!(said.contains("field is immutable"), "{said}");
}

#[test]
fn values_are_echoed_as_the_templates_got_them() {
    let (api, namespace, releases) = bed();
    let echo = chart().values_echo();
    releases
        .install(
            "echo",
            &echo,
            &["--set-string=zip=007", "--set=on=true,n=5,greeting=null"],
        )
        .succeeded();
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/echo-values");
    let found = api.get(&path).expect("a ConfigMap");
    let values: serde_json::Value =
        serde_json::from_str(found["data"]["json"].as_str().expect("a text")).expect("JSON");
    assert_eq!(values, json!({"zip": "007", "on": true, "n": 5}));
    assert_eq!(releases.values("echo")["zip"], "007");
}

fn bed() -> (Api, String, Releases) {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace().namespace().to_owned();
    let releases = Releases::of(plane, &namespace);
    (plane.api().clone(), namespace, releases)
}

fn chart() -> ChartBuilder {
    ChartBuilder::new("app", "1.0.0")
}
