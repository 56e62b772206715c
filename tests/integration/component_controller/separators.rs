//! Line separators in values and manifests: what go-yaml folds is neither folded at the install nor by a look.

use serde_json::json;

use super::{ChartBuilder, ComponentBuilder, Scene};
use crate::support::component;

#[test]
fn a_line_separator_is_installed_as_it_is_and_is_no_drift() {
    let scene = Scene::new();
    let texts = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: texts}
data:
  one: \"first \\u2028 second\"
  two: {{ .Values.text | quote }}
";
    let chart = ChartBuilder::new("app", "1.0.0").template("texts", texts);
    scene.controller.upload(&chart);
    let app = ComponentBuilder::new("app").version("1.0.0");
    scene.install(&app.values(json!({"text": "left \u{2029} right"})));
    let installed = scene.config_map("texts").expect("a ConfigMap");
    let expected = json!({"one": "first \u{2028} second", "two": "left \u{2029} right"});
    assert_eq!(installed["data"], expected);

    scene.request_pass("app", "a look");
    let ready = scene.components.ready("app");
    assert!(!component::is_true(&ready, "Drifted"), "{ready:#}");
    assert!(!component::is(&ready, "Drifted", "False", "DriftCorrected"));
    let after = scene.config_map("texts").expect("a ConfigMap");
    assert_eq!(installed, after, "nothing is written");
}
