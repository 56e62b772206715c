//! `chartroom images`: the images of what manifests install, as helm renders it.

use std::fs;

use tempfile::TempDir;

use crate::support::chart_builder::ChartBuilder;
use crate::support::helm::HELM;
use crate::support::process::Finished;
use crate::support::server::{self, TestServer};
use crate::support::tools;

/// `app` needs `base`; both have values that their images follow.
const COMPONENTS: &str = "\
apiVersion: ext.theriseunion.io/v1alpha1
kind: Component
metadata: {name: app}
spec: {enabled: true, values: {registry: mirror.site:5000/}, chart: {namespace: shop, releaseName: shop}}
---
apiVersion: ext.theriseunion.io/v1alpha1
kind: Component
metadata: {name: idle}
spec: {enabled: false, chart: {name: other}}
";

fn app() -> ChartBuilder {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: {{ .Release.Name }}-{{ .Release.Namespace }}}\nspec:\n  \
               initContainers: [{name: i, image: '{{ .Values.registry }}init:1'}]\n  \
               containers: [{name: a, image: '{{ .Values.registry }}{{ .Release.Name }}:1'}, {name: b, image: sidecar:2}]\n";
    let hook = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: h, annotations: {helm.sh/hook: pre-install}}\nspec: \
                {template: {spec: {containers: [{name: h, image: 'hook:3'}]}}}\n";
    let test = "apiVersion: v1\nkind: Pod\nmetadata: {name: t, annotations: {helm.sh/hook: test}}\nspec: {containers: \
                [{name: t, image: 'test:4'}]}\n";
    ChartBuilder::new("app", "1.0.0")
        .requires("[base]")
        .template("pod.yaml", pod)
        .template("hook.yaml", hook)
        .template("tests/test.yaml", test)
}

fn base() -> ChartBuilder {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: base}\nspec: {containers: [{name: a, image: sidecar:2}, {name: b, \
               image: 'base:{{ .Chart.Version }}'}]}\n";
    ChartBuilder::new("base", "2.0.0").template("pod.yaml", pod)
}

const ALL: &str =
    "base:2.0.0\nhook:3\nmirror.site:5000/init:1\nmirror.site:5000/shop:1\nsidecar:2\n";

fn images(place: &TempDir, arguments: &[&str]) -> Finished {
    let helm = format!("--helm-binary={}", tools::helm(HELM).display());
    server::chartroom(
        &[&["images", &helm, "components.yaml"], arguments].concat(),
        place.path(),
    )
}

fn world() -> TempDir {
    let place = TempDir::new().expect("a temporary directory");
    fs::write(place.path().join("components.yaml"), COMPONENTS).expect("a writable directory");
    place
}

#[test]
fn each_image_is_a_line_with_those_of_what_is_added_and_of_hooks() {
    let place = world();
    let charts = place.path().join("charts");
    app().write_directory(&charts);
    fs::create_dir(place.path().join("uploads")).expect("a directory");
    let base = base();
    fs::write(
        place.path().join("uploads").join(base.file_name()),
        base.package(),
    )
    .expect("a file");
    let listed = images(
        &place,
        &["--builtin-charts=charts", "--storage-local-rootdir=uploads"],
    );
    let listed = listed.succeeded();
    assert_eq!(listed.stdout(), ALL);
    assert_eq!(listed.stderr(), "", "it is for a pipe");
}

#[tokio::test]
async fn charts_come_from_a_repository_with_credentials_too() {
    let server = TestServer::start(&["--basic-auth-user=me", "--basic-auth-pass=p@ss"]);
    let http = server.http().with_basic_auth("me", "p@ss");
    for chart in [app(), base()] {
        http.post("/api/charts", chart.package()).await.expect(201);
    }
    let repository = format!("--repository=http://me:p%40ss@{}", server.address());
    assert_eq!(images(&world(), &[&repository]).succeeded().stdout(), ALL);
}

#[test]
fn a_list_that_would_lack_something_is_none() {
    let place = world();
    let charts = place.path().join("charts");
    app().write_directory(&charts);
    let refused = images(&place, &["--builtin-charts=charts"]).failed();
    assert_eq!(refused.stdout(), "");
    let said = refused.stderr();
    assert!(
        said.contains("not all of it can be installed (") && said.contains("the chart base"),
        "{said}"
    );

    let refused = images(&place, &[]).failed().stderr();
    assert!(
        refused.contains("name charts with --repository"),
        "{refused}"
    );

    let broken = ChartBuilder::new("base", "2.0.0").failing_template("no such luck");
    broken.write_directory(&charts);
    let refused = images(&place, &["--builtin-charts=charts"]).failed();
    assert_eq!(refused.stdout(), "");
    let said = refused.stderr();
    assert!(
        said.contains("helm does not render base: ") && said.contains("no such luck"),
        "{said}"
    );
}

#[test]
fn a_schema_that_is_left_out_is_left_out_here_too() {
    let place = world();
    let schema = serde_json::json!({"properties": {"registry": {"$ref": "http://127.0.0.1:1/definitions.json"}}});
    let charts = place.path().join("charts");
    app().schema(&schema).write_directory(&charts);
    base().write_directory(&charts);
    let said = images(&place, &["--builtin-charts=charts"])
        .failed()
        .stderr();
    assert!(said.contains("failing loading"), "{said}");
    let components = COMPONENTS.replace(
        "enabled: true,",
        "enabled: true, disableSchemaValidation: true,",
    );
    fs::write(place.path().join("components.yaml"), components).expect("a writable directory");
    assert_eq!(
        images(&place, &["--builtin-charts=charts"])
            .succeeded()
            .stdout(),
        ALL
    );
}
