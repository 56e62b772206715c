//! Definitions of a chart's `crds` folder on a cluster.

use std::time::Duration;

use chartroom::component::CrdsPolicy;
use chartroom::controller::crds::{CrdsError, CrdsReport, apply};
use chartroom::controller::objects::Objects;
use serde_json::json;

use super::Bed;

const TIMEOUT: Duration = Duration::from_secs(30);

/// A definition in a group of the test's own; `field` is the one field of its spec.
fn definition(group: &str, plural: &str, field: &str) -> String {
    let singular = plural.trim_end_matches('s');
    format!(
        "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.{group}, creationTimestamp: null}}
spec:
  group: {group}
  scope: Namespaced
  names: {{plural: {plural}, singular: {singular}, kind: K{singular}}}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {{openAPIV3Schema: {{type: object, properties: {{spec: {{type: object, properties: {{
      {field}: {{type: string}}}}}}}}}}}}
status: {{acceptedNames: {{kind: '', plural: ''}}, conditions: [], storedVersions: []}}
"
    )
}

fn file(text: &str) -> Vec<(String, Vec<u8>)> {
    vec![("crds/all.yaml".to_owned(), text.as_bytes().to_vec())]
}

#[tokio::test]
async fn definitions_are_brought_as_the_policy_says() {
    let bed = Bed::new("").await;
    let group = format!("{}.example.com", bed.kubectl.namespace());
    let name = |plural: &str| format!("{plural}.{group}");
    let put = async |text: &str, policy| apply(&bed.client, &file(text), policy, TIMEOUT).await;
    let field = |plural: &str| {
        let what = format!("customresourcedefinition/{}", name(plural));
        let live = bed.kubectl.json(&["get", &what]);
        let schema = &live["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let fields = schema["properties"]["spec"]["properties"].as_object();
        fields.expect("fields").keys().cloned().collect::<Vec<_>>()
    };

    let both = [
        definition(&group, "widgets", "old"),
        definition(&group, "gears", "old"),
    ]
    .join("---\n");
    let skipped = put(&both, CrdsPolicy::Skip).await.expect("nothing to do");
    assert_eq!(skipped, CrdsReport::default());
    bed.kubectl
        .run(&["get", "crd", &name("widgets")], "")
        .failed();

    let with_note = format!("{both}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\n");
    let created = put(&with_note, CrdsPolicy::CreateReplace)
        .await
        .expect("definitions");
    assert_eq!(created.created, [name("widgets"), name("gears")]);
    assert_eq!(created.notes.len(), 1, "{created:?}");
    bed.kubectl.run(&["get", "configmap/x"], "").failed();

    // what is established can be used at once
    let objects = Objects::new(bed.client.clone());
    let widget = json!({
        "apiVersion": format!("{group}/v1"), "kind": "Kwidget", "metadata": {"name": "one"},
        "spec": {"old": "x"},
    });
    let namespace = bed.kubectl.namespace();
    let applied = objects
        .apply(&widget, namespace)
        .await
        .expect("its kind is served");
    assert_eq!(applied["metadata"]["namespace"], namespace);

    let again = put(&both, CrdsPolicy::CreateReplace)
        .await
        .expect("definitions");
    assert_eq!(again.unchanged, [name("widgets"), name("gears")]);
    assert!(
        again.updated.is_empty() && again.created.is_empty(),
        "{again:?}"
    );

    let newer = [
        definition(&group, "widgets", "new"),
        definition(&group, "cogs", "new"),
    ]
    .join("---\n");
    let made = put(&newer, CrdsPolicy::Create).await.expect("definitions");
    assert_eq!(
        (made.created, made.unchanged),
        (vec![name("cogs")], vec![name("widgets")])
    );
    assert_eq!(field("widgets"), ["old"]);

    let replaced = put(&newer, CrdsPolicy::CreateReplace)
        .await
        .expect("definitions");
    assert_eq!(
        (replaced.updated, replaced.unchanged),
        (vec![name("widgets")], vec![name("cogs")])
    );
    assert_eq!(field("widgets"), ["new"]);
    // what is no longer in the chart stays
    bed.kubectl.ok(&["get", "crd", &name("gears")]);
    bed.kubectl.ok(&[
        "delete",
        "crd",
        &name("gears"),
        &name("cogs"),
        &name("widgets"),
    ]);
}

#[tokio::test]
async fn a_definition_that_helm_brought_is_replaced() {
    let bed = Bed::new("").await;
    let group = format!("{}.example.com", bed.kubectl.namespace());
    // helm creates them without an apply
    bed.kubectl
        .run(
            &["create", "--filename=-", "--field-manager=helm"],
            &definition(&group, "widgets", "old"),
        )
        .succeeded();
    let newer = file(&definition(&group, "widgets", "new"));
    let report = apply(&bed.client, &newer, CrdsPolicy::CreateReplace, TIMEOUT).await;
    let name = format!("widgets.{group}");
    let updated = report.expect("definitions").updated;
    assert_eq!(updated, std::slice::from_ref(&name));
    let live = bed.kubectl.json(&["get", "crd", &name]);
    let schema = &live["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    assert_eq!(
        schema["properties"]["spec"]["properties"],
        json!({"new": {"type": "string"}})
    );
    bed.kubectl.ok(&["delete", "crd", &name]);
}

#[tokio::test]
async fn what_the_server_refuses_is_named() {
    let bed = Bed::new("").await;
    let group = format!("{}.example.com", bed.kubectl.namespace());
    let put = async |text: &str| {
        let answer = apply(&bed.client, &file(text), CrdsPolicy::CreateReplace, TIMEOUT).await;
        answer.expect_err("a refusal")
    };
    let broken = definition(&group, "widgets", "x").replace("type: string", "type: text");
    let error = put(&broken).await;
    assert!(matches!(error, CrdsError::Api { .. }), "{error:?}");
    let said = error.to_string();
    assert!(
        said.starts_with(&format!("definition widgets.{group}: ")),
        "{said}"
    );

    // another with the same kind
    let first = definition(&group, "widgets", "x");
    let second = definition(&group, "gadgets", "x").replace("kind: Kgadget", "kind: Kwidget");
    let error = put(&format!("{first}---\n{second}")).await;
    assert!(matches!(error, CrdsError::NamesRefused { .. }), "{error:?}");
    let said = error.to_string();
    assert!(
        said.contains("gadgets") && said.contains("already in use"),
        "{said}"
    );

    let error = put("a: [").await;
    assert!(matches!(error, CrdsError::Unreadable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_definition_that_serves_no_version_is_not_waited_for() {
    let bed = Bed::new("").await;
    let group = format!("{}.example.com", bed.kubectl.namespace());
    let text = definition(&group, "relics", "old").replace("served: true", "served: false");
    let began = std::time::Instant::now();
    let report = apply(
        &bed.client,
        &file(&text),
        CrdsPolicy::CreateReplace,
        TIMEOUT,
    )
    .await;
    let name = format!("relics.{group}");
    assert_eq!(report.expect("applied").created, [name.as_str()]);
    assert!(began.elapsed() < TIMEOUT / 2, "{:?}", began.elapsed());
    let live = bed
        .kubectl
        .json(&["get", &format!("customresourcedefinition/{name}")]);
    let conditions = live["status"]["conditions"].as_array().expect("conditions");
    let established =
        |one: &serde_json::Value| one["type"] == "Established" && one["status"] == "True";
    assert!(conditions.iter().any(established), "{live:#}");
}
