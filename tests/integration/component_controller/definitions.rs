//! Scenarios 54 to 56, and kinds that nobody defined: what must be there before a release is, and whose it is.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ChartBuilder, ComponentBuilder, DEADLINE, Scene};
use crate::support::api::poll;
use crate::support::component;

/// Where definitions are.
pub const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// A definition with these versions, the first of which is stored.
pub fn definition(group: &str, kind: &str, versions: &[&str]) -> Value {
    let singular = kind.to_lowercase();
    let versions = versions.iter().enumerate().map(|(place, version)| {
        json!({
            "name": version, "served": true, "storage": place == 0,
            "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true,
            }},
        })
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{singular}s.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"kind": kind, "plural": format!("{singular}s"), "singular": singular},
            "versions": versions.collect::<Vec<_>>(),
        },
    })
}

impl Scene {
    /// A group of definitions that is this test's own: they are the whole cluster's.
    pub fn group(&self) -> String {
        format!("{}.example.com", self.components.namespace())
    }

    /// The versions that a definition has; `None` if there is no such definition.
    #[track_caller]
    fn versions_of(&self, definition: &str) -> Option<Vec<String>> {
        let path = format!("{DEFINITIONS}/{definition}.{}", self.group());
        let found = self.components.api().get(&path)?;
        let versions = found["spec"]["versions"].as_array().expect("a list").iter();
        let names = versions.map(|version| version["name"].as_str().expect("a text").to_owned());
        Some(names.collect())
    }
}

#[test]
fn scenario_54_an_object_that_is_nobodys_is_not_taken_unless_that_is_wanted() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    let namespace = scene.components.namespace();
    let found = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app-app"}, "data": {"greeting": "mine"},
    });
    let config_maps = format!("/api/v1/namespaces/{namespace}/configmaps");
    let before = scene.components.api().create(&config_maps, &found);

    let app = ComponentBuilder::new("app").version("1.0.0");
    scene.components.apply(&app);
    let refused = scene
        .components
        .await_condition("app", "Stalled", "True", "OwnershipConflict");
    assert!(refused.message.contains("app-app"), "{refused:?}");
    let stalled = scene.components.await_phase("app", "Stalled");
    assert!(
        component::is(&stalled, "Ready", "False", "OwnershipConflict"),
        "{stalled:#}"
    );
    let untouched = scene.config_map("app-app").expect("still there");
    assert_eq!(
        untouched["metadata"]["resourceVersion"],
        before["metadata"]["resourceVersion"]
    );

    scene.install(&app.spec(json!({"takeOwnership": "Always"})));
    let taken = scene.config_map("app-app").expect("still there");
    assert_eq!(taken["data"]["greeting"], "hello");
    assert_eq!(taken["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(
        taken["metadata"]["annotations"]["meta.helm.sh/release-name"],
        "app"
    );
}

#[test]
fn scenario_55_a_namespace_is_made_with_labels_and_one_that_exists_is_left_alone() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    let own = scene.components.namespace();
    let (made, existing) = (format!("{own}-made"), format!("{own}-existing"));
    let api = scene.components.api();
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": existing, "labels": {"theriseunion.io/workspace": "another"}},
    });
    let before = api.create("/api/v1/namespaces", &namespace);

    for (name, namespace) in [("new", &made), ("old", &existing)] {
        let app = ComponentBuilder::new(name)
            .chart("app")
            .version("1.0.0")
            .into_namespace(namespace);
        scene.install(&app);
    }
    let labels = |name: &str| {
        let found = api.get(&format!("/api/v1/namespaces/{name}"));
        found.expect("a namespace")["metadata"]["labels"].clone()
    };
    let made_labels = labels(&made);
    assert_eq!(
        made_labels["theriseunion.io/workspace"], "system-workspace",
        "{made_labels}"
    );
    assert_eq!(made_labels["theriseunion.io/managed"], "true");
    assert_eq!(labels(&existing), before["metadata"]["labels"]);
    let after = api
        .get(&format!("/api/v1/namespaces/{existing}"))
        .expect("a namespace");
    assert_eq!(
        after["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"],
        "not written at all"
    );
}

#[test]
fn scenario_56_definitions_are_skipped_created_or_kept_up_to_date() {
    let scene = Scene::new();
    let group = scene.group();
    let config_map =
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: from-crds\n  namespace: NAMESPACE\n";
    let config_map = config_map.replace("NAMESPACE", scene.components.namespace());
    for (chart, kind) in [
        ("skip", "Gizmo"),
        ("create", "Gadget"),
        ("replace", "Widget"),
    ] {
        for (version, versions) in [("1.0.0", &["v1"][..]), ("2.0.0", &["v1", "v2"])] {
            let definition = definition(&group, kind, versions).to_string();
            let chart = ChartBuilder::new(chart, version)
                .file("crds/definition.yaml", definition)
                .file("crds/README.md", "no definition")
                .file("crds/object.yaml", config_map.clone());
            scene.controller.upload(&chart);
        }
    }
    // the third is the default
    let components = [
        ComponentBuilder::new("skip").spec(json!({"crds": "Skip"})),
        ComponentBuilder::new("create").spec(json!({"crds": "Create"})),
        ComponentBuilder::new("replace"),
    ];
    let rows = [
        ("1.0.0", None, &["v1"][..], &["v1"][..]),
        ("2.0.0", None, &["v1"], &["v1", "v2"]),
    ];
    for (version, skipped, created, replaced) in rows {
        for component in &components {
            scene.install(&component.clone().version(version));
        }
        assert_eq!(scene.versions_of("gizmos"), skipped, "{version}");
        assert_eq!(
            scene.versions_of("gadgets").expect("made"),
            created,
            "{version}"
        );
        assert_eq!(
            scene.versions_of("widgets").expect("made"),
            replaced,
            "{version}"
        );
    }
    assert_eq!(
        scene.config_map("from-crds"),
        None,
        "what is no definition is left out"
    );

    // no definition goes with its release
    scene.components.delete("replace");
    scene.components.await_gone("replace");
    assert!(scene.versions_of("widgets").is_some());
}

#[test]
fn scenario_56_definitions_of_sub_charts_that_are_switched_off_stay_away() {
    let scene = Scene::new();
    let group = scene.group();
    let sub = |name: &str, kind: &str| {
        [
            (
                format!("charts/{name}/Chart.yaml"),
                format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n"),
            ),
            (
                format!("charts/{name}/crds/definition.yaml"),
                definition(&group, kind, &["v1"]).to_string(),
            ),
        ]
    };
    let files = sub("first", "Gizmo")
        .into_iter()
        .chain(sub("second", "Gadget"))
        .chain(sub("third", "Widget"));
    let chart = ChartBuilder::new("app", "1.0.0").more_yaml(
        "dependencies:\n- {name: first, version: 1.x, repository: '', condition: first.enabled}\n\
         - {name: second, version: 1.0.0, repository: '', tags: [extra]}\n\
         - {name: third, version: '*', repository: '', condition: third.enabled}",
    );
    // Helm 4 lays the documents over each other
    let chart = chart.file(
        "values.yaml",
        "greeting: hello\nfirst: {enabled: true}\nthird: {enabled: false}\n\
         ---\nfirst: {enabled: false}\nthird: {enabled: true}\n",
    );
    let chart = files.fold(chart, |chart, (path, text)| chart.file(&path, text));
    scene.controller.upload(&chart);

    let app = ComponentBuilder::new("app").version("1.0.0");
    scene.install(&app.clone().values(json!({"tags": {"extra": false}})));
    assert!(scene.versions_of("widgets").is_some());
    assert_eq!(
        scene.versions_of("gizmos"),
        None,
        "the chart switches it off"
    );
    assert_eq!(
        scene.versions_of("gadgets"),
        None,
        "the values switch its tag off"
    );

    scene.install(&app.values(json!({"first": {"enabled": true}})));
    assert!(scene.versions_of("gizmos").is_some());
    assert!(scene.versions_of("gadgets").is_some());
}

#[test]
fn a_kind_that_nobody_defined_is_named_and_awaited() {
    let scene = Scene::new();
    let group = scene.group();
    scene
        .controller
        .upload(&ChartBuilder::new("app", "1.0.0").custom_object(&group, "Widget"));
    scene
        .components
        .apply(&ComponentBuilder::new("app").version("1.0.0"));
    let missing = scene
        .components
        .await_condition("app", "Released", "False", "MissingCRDs");
    for word in ["Widget", &group] {
        assert!(missing.message.contains(word), "{missing:?}");
    }
    let failed = scene.components.await_phase("app", "Failed");
    assert!(
        component::is(&failed, "Ready", "False", "MissingCRDs"),
        "{failed:#}"
    );
    // a second failure puts the next attempt off for half a minute
    let calls = || scene.controller.helm().calls_of("upgrade", "app");
    let twice = poll(DEADLINE, || {
        let failures = scene.components.get("app")["status"]["failures"]["install"].as_i64();
        (failures == Some(2)).then_some(())
    });
    assert!(twice.is_some(), "it was not tried again");
    let tried = calls().len();

    // another one changes nothing
    let api = scene.components.api();
    api.create(DEFINITIONS, &definition(&group, "Gizmo", &["v1"]));
    scene.request_pass("app", "another definition");
    assert_eq!(calls().len(), tried);
    api.create(DEFINITIONS, &definition(&group, "Widget", &["v1"]));
    let soon = Duration::from_secs(15);
    let ready = scene
        .components
        .wait_longer("app", "ready", soon, component::is_ready);
    assert!(
        component::condition(&ready, "Released").is_some_and(|one| one.status == "True"),
        "{ready:#}"
    );
}

#[test]
fn a_definition_that_comes_gives_a_rolled_back_upgrade_another_go() {
    let scene = Scene::new();
    let group = scene.group();
    scene.upload_charts(&["app"]);
    // Helm meets it when the revision is begun: it fails, and is rolled back
    let hook = format!(
        "apiVersion: {group}/v1\nkind: Widget\nmetadata:\n  name: {{{{ .Release.Name }}}}-hook\n  \
         annotations: {{helm.sh/hook: pre-upgrade}}\n"
    );
    scene
        .controller
        .upload(&ChartBuilder::new("app", "2.0.0").template("hook", &hook));
    let app = ComponentBuilder::new("app").version("1.0.0");
    scene.install(&app.spec(json!({"upgrade": {"retries": 0}})));
    scene.components.change("app", &json!({"version": "2.0.0"}));
    let stalled = scene
        .components
        .await_condition("app", "Stalled", "True", "RetriesExceeded");
    assert!(stalled.message.contains("Widget"), "{stalled:?}");
    assert_eq!(scene.verbs("app"), ["upgrade", "upgrade", "rollback"]);

    let api = scene.components.api();
    api.create(DEFINITIONS, &definition(&group, "Widget", &["v1"]));
    let ready = scene.components.ready("app");
    assert_eq!(ready["status"]["resolvedVersion"], "2.0.0");
}

#[test]
fn a_definition_that_goes_is_in_nobodys_way() {
    let scene = Scene::new();
    let group = scene.group();
    let with = |version: &str| ChartBuilder::new("app", version).custom_object(&group, "Widget");
    for chart in [
        with("1.0.0"),
        with("1.1.0"),
        ChartBuilder::new("app", "2.0.0"),
    ] {
        scene.controller.upload(&chart);
    }
    let api = scene.components.api();
    let widgets = definition(&group, "Widget", &["v1"]);
    api.create(DEFINITIONS, &widgets);
    let names = ["stays", "goes", "tries"];
    for name in names {
        let app = ComponentBuilder::new(name).chart("app").version("1.0.0");
        scene.components.apply(&app.spec(json!({"interval": "1h"})));
    }
    scene.components.all_ready(&names);
    api.delete(&format!("{DEFINITIONS}/widgets.{group}"));
    let gone = poll(DEADLINE, || {
        let served = api.send("GET", &format!("/apis/{group}"), None);
        served.is_err().then_some(())
    });
    assert!(gone.is_some(), "it is served still");

    // the new version has no such object, and the old ones are gone with their definition
    scene
        .components
        .change("stays", &json!({"version": "2.0.0"}));
    scene.await_revision("stays", 2);
    let event = scene.components.await_event("stays", "RecordRewritten");
    assert!(event.note.contains("Widget stays"), "{event:?}");
    scene.components.delete("goes");
    scene.components.await_gone("goes");
    assert_eq!(scene.config_map("goes-app"), None);

    // the next version has one: it waits, and until then the record says what should be there
    scene
        .components
        .change("tries", &json!({"version": "1.1.0"}));
    let missing = scene
        .components
        .await_condition("tries", "Released", "False", "MissingCRDs");
    assert!(missing.message.contains("Widget"), "{missing:?}");
    let record = || scene.releases.payload("tries", 1)["manifest"].to_string();
    assert!(record().contains("Widget"), "{}", record());
    api.create(DEFINITIONS, &widgets);
    scene.await_revision("tries", 2);
    let path = format!(
        "/apis/{group}/v1/namespaces/{}/widgets/tries",
        scene.components.namespace()
    );
    assert!(api.get(&path).is_some(), "made anew");
}
