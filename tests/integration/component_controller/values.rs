//! Scenario 68: values reach the chart as they were written.

use serde_json::{Value, json};

use super::{ChartBuilder, ComponentBuilder, Scene};

/// The greatest integer up to which Helm keeps all of them: it reads values documents into floating-point numbers.
const EXACT: i64 = 1 << 53;

#[test]
fn scenario_68_values_reach_the_chart_unchanged() {
    let scene = Scene::new();
    let defaults =
        "dropped: the chart's own\nkept: the chart's own\nmap:\n  dropped: 1\n  kept: 2\n";
    let chart = ChartBuilder::new("app", "1.0.0")
        .values_echo()
        .file("values.yaml", defaults);
    scene.controller.upload(&chart);
    let plain = json!({
        "bool-like": {"quoted": "yes", "y": "y", "on": "on", "no": "NO", "really": true},
        "number-like": ["1", "1.0", "0x10", "0o7", "1e3", "1_000", "007", "+1", ".5", "-.inf", "12:30:45"],
        "null-like": ["null", "~", "Null"],
        "date-like": ["2024-01-01", "2024-01-01T00:00:00Z"],
        "numbers": {
            "greatest": EXACT, "least": -EXACT, "million": 1_000_000, "seconds": 1_700_000_000_i64, "fraction": 0.1, "negative": -1,
        },
        "ключ": "значение", "鍵": "值", "emoji 🎉 and spaces": "e\u{301}\u{a0}\u{feff}",
        "dotted.key/with-slash": "{{ not a template }}",
        "text": "two\nlines, \"quotes\", a \\ and a tab\t.\n",
        "list": [[1, [2]], {"a": {"b": ["c"]}}],
    });
    let mut given = plain.clone();
    given["dropped"] = Value::Null;
    given["map"] = json!({"dropped": null, "more": 3});
    let app = ComponentBuilder::new("app").version("1.0.0");
    scene.install(&app.values(given.clone()));

    let echoed = scene.config_map("app-values").expect("the echo");
    let echoed = echoed["data"]["json"].as_str().expect("a text");
    let mut reached: Value = serde_json::from_str(echoed).expect("JSON");
    assert_eq!(reached["kept"], "the chart's own");
    assert_eq!(reached["map"], json!({"kept": 2, "more": 3}));
    let fields = reached.as_object_mut().expect("a map");
    assert!(!fields.contains_key("dropped"), "null drops a default");
    fields.remove("kept");
    fields.remove("map");
    assert_eq!(reached, plain);
    assert_eq!(
        scene.releases.values("app"),
        given,
        "and Helm tells them so"
    );

    // beyond what Helm keeps, it is what Helm makes of the same file
    let huge = json!({"huge": [EXACT + 1, i64::MAX, i64::MIN], "plain": plain});
    scene.install(
        &ComponentBuilder::new("huge")
            .chart("app")
            .values(huge.clone()),
    );
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), huge.to_string()).expect("a writable file");
    let flag = format!("--values={}", file.path().display());
    scene
        .releases
        .install("helms", &chart, &[&flag])
        .succeeded();
    let echo = |release: &str| {
        scene
            .config_map(&format!("{release}-values"))
            .expect("the echo")["data"]
            .clone()
    };
    assert_eq!(echo("huge"), echo("helms"));

    // written by hand, in YAML as kubectl reads it: only what has quotes is a text
    let namespace = scene.components.namespace();
    let manifest = format!(
        "apiVersion: ext.theriseunion.io/v1alpha1\nkind: Component\nmetadata: {{name: by-hand}}\nspec:\n  \
         enabled: true\n  chart: {{name: app, namespace: {namespace}}}\n  values:\n    quoted: \"yes\"\n    \
         plain: yes\n    dropped: null\n    big: 9007199254740992\n    ключ: 'no'\n"
    );
    let applied = scene.components.kubectl().apply_server_side(&manifest);
    applied.succeeded();
    scene.components.ready("by-hand");
    let wanted = json!({
        "quoted": "yes", "plain": true, "dropped": null, "big": EXACT, "ключ": "no",
    });
    assert_eq!(scene.releases.values("by-hand"), wanted);
}

/// https://github.com/k3s-io/helm-controller/issues/218: the ordinary apply drops nulls, and nobody said so.
#[test]
fn a_null_that_kubectl_drops_is_named() {
    let scene = Scene::new();
    let chart = ChartBuilder::new("app", "1.0.0")
        .values_echo()
        .file("values.yaml", "limits: {cpu: 4, memory: 1Gi}\n");
    scene.controller.upload(&chart);
    let component = |memory: &str| {
        let values = json!({"limits": {"cpu": null, "memory": memory}});
        let component = ComponentBuilder::new("app").values(values);
        component.manifest(scene.components.namespace()).to_string()
    };
    let limits = || {
        let echoed = scene.config_map("app-values").expect("the echo");
        let text = echoed["data"]["json"].as_str().expect("a text");
        serde_json::from_str::<Value>(text).expect("JSON")["limits"].clone()
    };
    let kubectl = scene.components.kubectl();
    // a kubectl that keeps the nulls of new objects drops them when there is something to change
    kubectl
        .run(&["create", "--filename=-"], &component("1Gi"))
        .succeeded();
    scene.components.ready("app");
    assert_eq!(limits(), json!({"memory": "1Gi"}));
    kubectl.apply(&component("2Gi")).succeeded();
    scene.await_revision("app", 2);
    assert_eq!(limits(), json!({"cpu": 4, "memory": "2Gi"}));
    scene.components.ready("app");
    let values = scene.components.condition("app", "ValuesResolved");
    let message = values.expect("a condition").message;
    assert!(
        message.contains("kubectl apply has dropped the null of limits.cpu")
            && message.contains("--server-side"),
        "{message}"
    );

    let server_side = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--filename=-",
    ];
    kubectl.run(&server_side, &component("2Gi")).succeeded();
    scene.await_revision("app", 3);
    assert_eq!(limits(), json!({"memory": "2Gi"}));
    scene.components.ready("app");
    let values = scene.components.condition("app", "ValuesResolved");
    assert_eq!(
        values.expect("a condition").message,
        "values are those of spec.values"
    );
}
