//! Manifests as charts render them.

use serde_json::json;

use super::*;

fn names(manifest: &str) -> Vec<String> {
    let objects = objects(manifest).unwrap();
    objects.iter().map(ToString::to_string).collect()
}

fn only(manifest: &str) -> Object {
    let mut objects = objects(manifest).unwrap();
    assert_eq!(objects.len(), 1, "{objects:?}");
    objects.remove(0)
}

#[test]
fn the_objects_of_a_manifest_are_told_in_their_order() {
    let manifest = "---
# Source: web/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: edge}
---
# Source: web/templates/empty.yaml
# nothing here today
---

--- # Source: web/templates/role.yaml
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: web
  namespace: ''
...
---
apiVersion: v1
kind: ConfigMap
metadata: {name: scripts}
data:
  documents.yaml: |
    a: 1
    ---
    kind: List
---
null
";
    assert_eq!(
        names(manifest),
        [
            "Deployment edge/web",
            "ClusterRole web",
            "ConfigMap scripts"
        ]
    );
    assert_eq!(
        only("{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: edge}}"),
        Object {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            namespace: Some("edge".to_owned()),
            name: "web".to_owned(),
            value: json!({"apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": "web", "namespace": "edge"}}),
        }
    );
    for empty in ["", "\n", "---\n", "---\n---\n", "# a comment\n"] {
        assert_eq!(names(empty), [""; 0], "{empty:?}");
    }
}

#[test]
fn lists_are_taken_apart() {
    let manifest = "
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Secret, metadata: {name: key}}
- apiVersion: v1
  kind: List
  items:
  - {apiVersion: batch/v1, kind: Job, metadata: {name: deep, namespace: edge}}
---
apiVersion: v1
kind: ConfigMapList
metadata: {resourceVersion: ''}
items:
- {metadata: {name: told-by-the-list}, data: {a: b}}
---
{apiVersion: v1, kind: List, items: null}
---
{apiVersion: v1, kind: List, items: []}
---
{apiVersion: v1, kind: List}
---
{apiVersion: edge.example/v1, kind: AllowList, metadata: {name: mine}, items: [10.0.0.1]}
";
    assert_eq!(
        names(manifest),
        [
            "Secret key",
            "Job edge/deep",
            "ConfigMap told-by-the-list",
            "AllowList mine"
        ]
    );
    let objects = objects(manifest).unwrap();
    assert_eq!(
        objects[2].value,
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "told-by-the-list"}, "data": {"a": "b"}})
    );
    assert_eq!(objects[3].value["items"], json!(["10.0.0.1"]));
}

#[test]
fn values_are_those_that_kubernetes_reads() {
    for (yaml, expected) in [
        ("yes", json!(true)),
        ("'yes'", json!("yes")),
        ("0644", json!(420)),
        ("9007199254740993", json!(9_007_199_254_740_993_i64)),
        ("18446744073709551615", json!(u64::MAX)),
        ("1.0", json!(1)),
        ("0.5", json!(0.5)),
        ("~", json!(null)),
        ("[1, {a: off}]", json!([1, {"a": false}])),
        ("2024-05-03", json!("2024-05-03")),
    ] {
        let manifest = format!("{{apiVersion: v1, kind: K, metadata: {{name: web}}, x: {yaml}}}");
        assert_eq!(only(&manifest).value["x"], expected, "{yaml}");
    }
}

#[test]
fn what_is_no_object_is_refused() {
    for (manifest, message) in [
        (
            "null\n---\nb: [\n",
            "document 2 of the release's manifest cannot be read: line 4: did not find expected node content",
        ),
        (
            "kind: ConfigMap\nmetadata: {name: a}\n",
            "document 1 of the release's manifest (ConfigMap) cannot be read: line 1: it has no apiVersion",
        ),
        (
            "null\n---\napiVersion: v1\nmetadata: {name: a}\n",
            "document 2 of the release's manifest cannot be read: line 3: it has no kind",
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\n",
            "document 1 of the release's manifest (ConfigMap) cannot be read: line 1: it has no metadata.name",
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ''}\n",
            "has no metadata.name",
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 1}\n",
            "has no metadata.name",
        ),
        ("just words\n", "has no apiVersion"),
        ("[]\n", "has no apiVersion"),
        (
            "apiVersion: v1\nkind: List\nitems: [1]\n",
            "has no apiVersion",
        ),
        (
            "apiVersion: v1\nkind: List\nitems: {}\n",
            "has no list in its items",
        ),
    ] {
        let error = objects(manifest).unwrap_err().to_string();
        assert!(error.contains(message), "{manifest:?}: {error}");
    }
}

#[test]
fn what_cannot_be_read_is_told_beside_what_can() {
    let manifest = "---
# Source: web/templates/service.yaml
apiVersion: v1
kind: Service
metadata:
  labels:
    name: other
  name: web # the name
spec:
  type: \"ClusterIP
---
# Source: web/templates/ok.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: ok}
--- apiVersion: v1
kind: ConfigMap
metadata: {name: behind}
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Secret, metadata: {name: key}}
- {apiVersion: v1, kind: Secret}
---
kind: Widget
metadata:
\tname: tabs
";
    let read = read(manifest);
    let objects: Vec<String> = read.objects.iter().map(ToString::to_string).collect();
    assert_eq!(objects, ["ConfigMap ok", "Secret key"]);
    let told: Vec<String> = read.unreadable.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "document 1 of the release's manifest (Service web, from web/templates/service.yaml) cannot be read: line 11: found unexpected end of stream",
            "document 3 of the release's manifest (ConfigMap) cannot be read: line 16: invalid Yaml document separator: apiVersion: v1",
            "document 4 of the release's manifest (List) cannot be read: line 20: it has no metadata.name",
            "document 5 of the release's manifest (Widget) cannot be read: line 28: found character that cannot start any token",
        ]
    );
    assert!(super::objects(manifest).is_err(), "not all of them");
}

#[test]
fn an_object_without_a_name_of_its_own_is_left_out() {
    let manifest = "{apiVersion: batch/v1, kind: Job, metadata: {generateName: migrate-}}";
    assert_eq!(names(manifest), [""; 0]);
}

#[test]
fn the_api_version_has_a_group_and_a_version() {
    for (api_version, group, version) in [
        ("v1", "", "v1"),
        ("apps/v1", "apps", "v1"),
        (
            "rbac.authorization.k8s.io/v1beta1",
            "rbac.authorization.k8s.io",
            "v1beta1",
        ),
    ] {
        let object = only(&format!(
            "{{apiVersion: {api_version}, kind: K, metadata: {{name: web}}}}"
        ));
        assert_eq!((object.group(), object.version()), (group, version));
    }
}

#[test]
fn a_chart_may_ask_for_an_object_to_be_kept() {
    for (annotations, keeps) in [
        ("{helm.sh/resource-policy: keep}", true),
        ("{helm.sh/resource-policy: ' Keep '}", true),
        ("{helm.sh/resource-policy: delete}", false),
        ("{helm.sh/resource-policy: ''}", false),
        ("{helm.sh/hook: pre-install}", false),
        ("null", false),
        ("{}", false),
    ] {
        let metadata = format!("{{name: web, annotations: {annotations}}}");
        let object = only(&format!(
            "{{apiVersion: v1, kind: K, metadata: {metadata}}}"
        ));
        assert_eq!(object.keeps(), keeps, "{annotations}");
    }
}

#[test]
fn debug_output_has_no_secrets() {
    let object =
        only("{apiVersion: v1, kind: Secret, metadata: {name: key}, stringData: {p: hunter2}}");
    assert_eq!(format!("{object:?}"), "Object(v1 Secret key)");
}

#[test]
fn a_megabyte_of_definitions_is_read() {
    let mut manifest = String::new();
    for number in 0..40 {
        manifest += &format!(
            "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: d{number}\nspec:\n  properties:\n"
        );
        for property in 0..2000 {
            manifest += &format!(
                "    property{property}:\n      description: what it is for, in a sentence or two\n      type: string\n"
            );
        }
    }
    assert!(manifest.len() > 5_000_000);
    assert_eq!(objects(&manifest).unwrap().len(), 40);
}

/// As charts of the field render it, MinIO's and Loki's among them: Helm reads each, and so did not every reader here.
#[test]
fn what_looks_odd_and_is_sound_is_read() {
    let begin = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: odd\n";
    for (what, text, pointer, expected) in [
        (
            "comments farther left than what they are in",
            "data:\n  a: |-\n    one\n# not of the text\n  # nor this\n  b: x\n",
            "/data",
            json!({"a": "one", "b": "x"}),
        ),
        (
            "a comment between the items of a list in the column of its key",
            "items:\n- a\n# c\n  # d\n- b\n",
            "/items",
            json!(["a", "b"]),
        ),
        (
            "lines of blanks and tabs in a script",
            "data:\n  a: |\n    if x; then\n    \t y\n      \n    \t\n    fi\n",
            "/data/a",
            json!("if x; then\n\t y\n  \n\t\nfi\n"),
        ),
        (
            "a block that says its own indentation",
            "data:\n  a: |2-\n      deep\n    less\n  b: >+1\n    c\n\n\n",
            "/data",
            json!({"a": "  deep\nless", "b": " c\n\n\n"}),
        ),
        (
            "a flow mapping that closes in the first column",
            "data: {\n  a: 'b',\n    \"c\": \"d\",\n}\nx: [\n'e'\n]\n",
            "",
            json!({"data": {"a": "b", "c": "d"}, "x": ["e"]}),
        ),
        (
            "anchors and merges",
            "x: &x {a: '1', b: '2'}\ndata:\n  <<: *x\n  b: '3'\nz: [*x]\n",
            "",
            json!({"x": {"a": "1", "b": "2"}, "data": {"a": "1", "b": "3"}, "z": [{"a": "1", "b": "2"}]}),
        ),
        (
            "quotes over several lines",
            "data:\n  a: \"one\n\n   two \\\n   three\"\n  b: 'it''s\n    long'\n",
            "/data",
            json!({"a": "one\ntwo three", "b": "it's long"}),
        ),
        (
            "plain text over several lines",
            "data:\n  a: one\n    two # c\n  b: http://x:80/#y\n",
            "/data",
            json!({"a": "one two", "b": "http://x:80/#y"}),
        ),
        (
            "line ends of Windows",
            "data:\r\n  a: |\r\n    b\r\n\r\n    c\r\n",
            "/data/a",
            json!("b\n\nc\n"),
        ),
        (
            "tabs behind keys and values",
            "data:\t# c\n  a:\t'b'\t# d\n  c: {\t\"d\":\t1\t}\n",
            "/data",
            json!({"a": "b", "c": {"d": 1}}),
        ),
        (
            "an empty line before a block's text",
            "data:\n  a: |\n\n    auth_enabled: false\n  b: |-\n   \n    c\n",
            "/data",
            json!({"a": "\nauth_enabled: false\n", "b": "\nc"}),
        ),
    ] {
        let read = read(&format!(
            "---\n# Source: odd/templates/odd.yaml\n{begin}{text}---\n"
        ));
        assert_eq!(read.unreadable, [], "{what}");
        let mut value = read.objects[0].value.clone();
        for known in ["apiVersion", "kind", "metadata"] {
            value.as_object_mut().expect("an object").remove(known);
        }
        assert_eq!(value.pointer(pointer), Some(&expected), "{what}");
    }
}

#[test]
fn of_an_object_rendered_twice_the_last_is_left() {
    type Rendered<'a> = &'a [(&'a str, &'a str, &'a str)];
    let rows: [(&str, Rendered, &[usize]); 5] = [
        (
            "nothing twice",
            &[("v1 ConfigMap", "", "a"), ("v1 Secret", "", "a")],
            &[0, 1],
        ),
        (
            "the same",
            &[("v1 ConfigMap", "", "a"), ("v1 ConfigMap", "", "a")],
            &[1],
        ),
        (
            "the release's namespace, named and not",
            &[("v1 ConfigMap", "edge", "a"), ("v1 ConfigMap", "", "a")],
            &[1],
        ),
        (
            "another namespace",
            &[
                ("v1 ConfigMap", "edge", "a"),
                ("v1 ConfigMap", "other", "a"),
            ],
            &[0, 1],
        ),
        (
            "another version of the kind",
            &[
                ("apps/v1beta1 Deployment", "", "a"),
                ("v1 Secret", "", "b"),
                ("apps/v1 Deployment", "", "a"),
            ],
            &[1, 2],
        ),
    ];
    for (case, rendered, expected) in rows {
        let manifest: String = (rendered.iter())
            .map(|(kind, namespace, name)| {
                let (api_version, kind) = kind.split_once(' ').expect("a version and a kind");
                format!(
                    "---\n{{apiVersion: {api_version}, kind: {kind}, metadata: {{name: {name}, namespace: '{namespace}'}}}}\n"
                )
            })
            .collect();
        let all = read(&manifest).objects;
        let wanted: Vec<Object> = expected.iter().map(|place| all[*place].clone()).collect();
        assert_eq!(lasting(all, "edge"), wanted, "{case}");
    }
}

#[test]
fn only_what_the_cluster_removes_when_it_is_done_removes_itself() {
    let rows = [
        (
            "{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {ttlSecondsAfterFinished: 0}}",
            true,
        ),
        (
            "{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {ttlSecondsAfterFinished: null}}",
            false,
        ),
        (
            "{apiVersion: batch/v1, kind: Job, metadata: {name: a}}",
            false,
        ),
        (
            "{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {ttlSecondsAfterFinished: 1}}",
            false,
        ),
        (
            "{apiVersion: certificates.k8s.io/v1, kind: CertificateSigningRequest, metadata: {name: a}}",
            true,
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {restartPolicy: Never}}",
            false,
        ),
    ];
    for (manifest, expected) in rows {
        let read = read(manifest).objects;
        assert_eq!(read[0].removes_itself(), expected, "{manifest}");
    }
}
