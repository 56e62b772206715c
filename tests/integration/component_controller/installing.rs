//! Scenarios 1 to 5: from a spec to a release, and nothing when nothing changed.

use serde_json::json;

use super::{ChartBuilder, ComponentBuilder, DEADLINE, Scene};
use crate::support::api::poll;
use crate::support::component;

#[test]
fn scenario_01_a_valid_component_is_installed() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    let app = ComponentBuilder::new("app")
        .version("1.0.0")
        .values(json!({"greeting": "from the Component"}));
    scene.components.apply(&app);
    let ready = scene.components.ready("app");

    assert!(
        component::is(&ready, "Ready", "True", "InstallSucceeded"),
        "{ready:#}"
    );
    assert!(
        component::is(&ready, "Released", "True", "InstallSucceeded"),
        "{ready:#}"
    );
    assert_eq!(component::phase(&ready), "Deployed");
    let status = &ready["status"];
    assert_eq!(status["resolvedVersion"], "1.0.0");
    assert_eq!(status["releaseName"], "app");
    assert!(status["observedHash"].is_string(), "{status:#}");
    assert_eq!(status["history"].as_array().map(Vec::len), Some(1));
    scene.components.await_event("app", "InstallSucceeded");

    // an ordinary release, as people see it
    assert_eq!(scene.releases.list(), ["app"]);
    assert_eq!(scene.releases.statuses("app"), ["deployed"]);
    assert_eq!(
        scene.releases.values("app")["greeting"],
        "from the Component"
    );
    let installed = scene
        .config_map("app-app")
        .expect("what the chart installs");
    assert_eq!(installed["data"]["greeting"], "from the Component");

    let calls = scene.controller.helm().calls();
    assert_eq!(calls.len(), 1, "{calls:#?}");
    assert_eq!((&calls[0].verb[..], calls[0].code), ("upgrade", Some(0)));
    let secret_words = calls[0].arguments.iter();
    let on_the_command_line = secret_words.filter(|word| word.contains("from the Component"));
    assert_eq!(on_the_command_line.count(), 0, "values go by stdin");
    let logged = poll(DEADLINE, || {
        let runs = scene.controller.helm_runs();
        runs.into_iter().find(|run| run.ended.is_some())
    });
    let logged = logged.expect("a run in the log");
    assert_eq!(logged.pid, u64::from(calls[0].pid));
    assert_eq!(
        (&logged.release[..], &logged.namespace[..]),
        ("app", scene.components.namespace())
    );
}

#[test]
fn scenario_02_passes_in_sync_do_nothing() {
    let mut scene = Scene::new();
    scene.upload_charts(&["app"]);
    let app = ComponentBuilder::new("app").version("1.0.0");
    scene.install(&app.spec(json!({"interval": "1s"})));

    let before = scene.components.resource_versions();
    let passes = reconciles(&mut scene);
    let enough = poll(2 * DEADLINE, || {
        (reconciles(&mut scene) >= passes + 10.0).then_some(())
    });
    assert!(enough.is_some(), "there were not ten passes");
    assert_eq!(scene.helm_count(), 1, "no helm call");
    assert_eq!(
        scene.releases.statuses("app"),
        ["deployed"],
        "no new revision"
    );
    assert_eq!(
        scene.components.resource_versions(),
        before,
        "no status write"
    );
}

#[test]
fn scenario_03_a_changed_version_is_an_upgrade() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    scene.controller.upload(&ChartBuilder::new("app", "2.0.0"));
    scene.install(&ComponentBuilder::new("app").version("1.0.0"));

    scene.components.change("app", &json!({"version": "2.0.0"}));
    let ready = scene.components.ready("app");
    assert!(
        component::is(&ready, "Ready", "True", "UpgradeSucceeded"),
        "{ready:#}"
    );
    assert_eq!(ready["status"]["resolvedVersion"], "2.0.0");
    assert_eq!(scene.releases.statuses("app"), ["superseded", "deployed"]);
    let installed = scene
        .config_map("app-app")
        .expect("what the chart installs");
    assert_eq!(installed["data"]["version"], "2.0.0");
    assert_eq!(scene.helm_count(), 2);
}

#[test]
fn scenario_04_changed_values_are_an_upgrade_and_another_style_is_none() {
    let scene = Scene::new();
    scene
        .controller
        .upload(&ChartBuilder::new("app", "1.0.0").values_echo());
    let app = ComponentBuilder::new("app").version("1.0.0");
    scene.install(&app.clone().values(json!({"a": 1, "b": {"x": 2, "w": "z"}})));
    scene.install(&app.values(json!({"a": 1, "b": {"x": 3, "w": "z"}})));
    assert_eq!(scene.releases.statuses("app"), ["superseded", "deployed"]);
    let installed = scene
        .config_map("app-values")
        .expect("what the chart installs");
    let echoed = installed["data"]["json"].as_str().expect("a text");
    assert!(echoed.contains(r#""x":3"#), "{echoed}");

    let namespace = scene.components.namespace();
    let styles = [
        ("other order", "{b: {w: z, x: 3}, a: 1}"),
        ("a number with a point", "{a: 1.0, b: {x: 3, w: z}}"),
        ("an exponent", "{a: 1e0, b: {x: 3.0, w: z}}"),
        (
            "quotes and lines",
            "\n    \"b\":\n      'w': \"z\"\n      x: 3\n    a: 1\n",
        ),
    ];
    for (style, values) in styles {
        let manifest = format!(
            "apiVersion: ext.theriseunion.io/v1alpha1\nkind: Component\nmetadata:\n  name: app\nspec:\n  \
             enabled: true\n  version: 1.0.0\n  chart: {{namespace: {namespace}}}\n  values: {values}\n"
        );
        let apply = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "--filename=-",
        ];
        scene
            .components
            .kubectl()
            .run(&apply, &manifest)
            .succeeded();
        scene.request_pass("app", style);
        scene.components.ready("app");
        assert_eq!(scene.helm_count(), 2, "{style}");
    }
    assert_eq!(scene.releases.revisions("app").len(), 2);
}

#[test]
fn scenario_05_values_that_are_taken_away_are_gone() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    let app = ComponentBuilder::new("app").version("1.0.0");
    scene.install(&app.values(json!({"greeting": "mine"})));
    let greeting = || {
        scene
            .config_map("app-app")
            .expect("what the chart installs")["data"]["greeting"]
            .clone()
    };
    assert_eq!(greeting(), "mine");

    // the field goes: API servers differ in whether they take an empty object
    scene.components.change("app", &json!({"values": null}));
    scene.components.ready("app");
    assert_eq!(greeting(), "hello", "the chart's own");
    let given = scene.releases.values("app");
    assert!(given.is_null() || given == json!({}), "{given}");
    assert_eq!(scene.releases.statuses("app"), ["superseded", "deployed"]);
}

/// How many passes the controller says that it has made.
#[track_caller]
fn reconciles(scene: &mut Scene) -> f64 {
    let metrics = scene
        .controller
        .get("metrics", "/metrics")
        .expect(200)
        .text();
    let lines = metrics.lines();
    let counts = lines.filter(|line| line.starts_with("controller_reconcile_total"));
    let numbers = counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    numbers.sum()
}
