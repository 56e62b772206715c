//! Payloads as Helm 4 and 3 wrote them, their unlocking, and what is refused.

use std::io::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::*;

/// The same chart with the same values, installed into the namespace `h4` or `h3`.
#[test]
fn only_names_that_helm_can_give_select_secrets() {
    let long = "a".repeat(63);
    for name in ["app", "a", "my.app-1", long.as_str()] {
        assert_eq!(selector(name), Some(format!("owner=helm,name={name}")));
    }
    let longer = "a".repeat(64);
    for name in [
        "",
        "my release",
        "a,b",
        "-a",
        "a.",
        "A\"\nb",
        "ä",
        longer.as_str(),
    ] {
        assert_eq!(selector(name), None, "{name:?}");
    }
}

const HELM_4: &[u8] = include_bytes!("testdata/helm-4.3.1.release");
const HELM_4_1: &[u8] = include_bytes!("testdata/helm-4.1.4.release");
const HELM_3: &[u8] = include_bytes!("testdata/helm-3.22.0.release");
const HELM_3_18: &[u8] = include_bytes!("testdata/helm-3.18.0.release");

fn base64(bytes: &[u8]) -> Vec<u8> {
    BASE64_STANDARD.encode(bytes).into_bytes()
}

fn packed(json: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(json).unwrap();
    base64(&packed.finish().unwrap())
}

/// What is inside a payload, read without the code under test.
fn unpacked(payload: &[u8]) -> Vec<u8> {
    let packed = BASE64_STANDARD.decode(payload).unwrap();
    let mut json = Vec::new();
    let mut inflated = flate2::read::GzDecoder::new(packed.as_slice());
    std::io::Read::read_to_end(&mut inflated, &mut json).unwrap();
    json
}

#[test]
fn what_helm_4_and_3_wrote_is_read() {
    for (payload, namespace, apply_method, installed) in [
        (HELM_4, "h4", Some("ssa"), "2026-11-28T03:55:32.894669101Z"),
        (
            HELM_4_1,
            "h4",
            Some("ssa"),
            "2026-11-21T05:04:39.400659181Z",
        ),
        (HELM_3, "h3", None, "2026-11-28T03:55:40.368354621Z"),
        (HELM_3_18, "h3", None, "2026-11-21T05:04:39.894699038Z"),
    ] {
        let record = Record::decode(payload).unwrap();
        let installed = Some(installed.parse().unwrap());
        assert_eq!(record.name, "web");
        assert_eq!(record.namespace, namespace);
        assert_eq!(record.revision, 1);
        assert_eq!(record.status, ReleaseStatus::Deployed);
        assert_eq!(
            record.description,
            "op=abc hash=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 gen=7"
        );
        assert_eq!(record.first_deployed, installed);
        assert_eq!(record.last_deployed, installed);
        assert_eq!(
            record.chart,
            RecordedChart {
                name: "tide".to_owned(),
                version: "1.2.3".to_owned(),
                app_version: Some("2024.1".to_owned()),
            }
        );
        // `exact` was passed with --set; what comes in a file loses its last digit in Helm itself
        assert_eq!(
            Value::Object(record.config),
            json!({
                "big": 9_007_199_254_740_992_i64,
                "exact": 9_007_199_254_740_993_i64,
                "exp": 1e30,
                "float": 1.5,
                "greeting": "hé <&> \u{2028}",
                "huge": 123_456_789_012_345_678_901_234_567_890_f64,
                "list": [true, "no", 10],
                "nothing": null,
            })
        );
        assert!(record.manifest.contains("name: web-key"));
        let [hook] = record.hooks.as_slice() else {
            panic!("{:?}", record.hooks);
        };
        assert_eq!(
            (&*hook.name, &*hook.kind, &*hook.path),
            ("web-hook", "ConfigMap", "tide/templates/hook.yaml")
        );
        assert_eq!(hook.events, ["pre-install", "pre-upgrade"]);
        assert_eq!(hook.delete_policies, ["before-hook-creation"]);
        assert!(hook.manifest.starts_with("apiVersion: v1"));
        assert!(record.labels.is_empty());
        assert_eq!(record.apply_method.as_deref(), apply_method);
        assert_eq!(record.notes, format!("Installed web <&> in {namespace}.\n"));
    }
}

#[test]
fn a_release_without_gzip_and_without_most_fields_is_read() {
    let json = json!({"name": "web", "version": 3, "config": null, "hooks": null,
        "info": {"status": "pending-install", "first_deployed": "", "last_deployed": "0001-01-01T00:00:00Z"},
        "chart": {"metadata": {"name": "tide", "appVersion": ""}, "values": {"a": 1e300}}});
    let mut payload = base64(json.to_string().as_bytes());
    payload.push(b'\n');
    let record = Record::decode(&payload).unwrap();
    assert_eq!(
        record,
        Record {
            name: "web".to_owned(),
            namespace: String::new(),
            revision: 3,
            status: ReleaseStatus::PendingInstall,
            description: String::new(),
            first_deployed: None,
            last_deployed: None,
            chart: RecordedChart {
                name: "tide".to_owned(),
                ..RecordedChart::default()
            },
            config: Map::new(),
            manifest: String::new(),
            hooks: Vec::new(),
            labels: BTreeMap::new(),
            apply_method: None,
            notes: String::new(),
        }
    );
}

#[test]
fn times_are_read_with_their_offset() {
    for (text, expected) in [
        (
            "2024-05-03T11:22:33.5+02:00",
            Some("2024-05-03T09:22:33.5Z"),
        ),
        ("2024-05-03T11:22:33Z", Some("2024-05-03T11:22:33Z")),
        ("0001-01-01T00:00:00Z", None),
        ("yesterday", None),
        ("", None),
    ] {
        let json = json!({"name": "web", "version": 1, "info": {"last_deployed": text}});
        let record = Record::decode(&packed(json.to_string().as_bytes())).unwrap();
        let expected = expected.map(|time| time.parse().unwrap());
        assert_eq!(record.last_deployed, expected, "{text:?}");
    }
}

#[test]
fn an_interrupted_release_is_failed_and_otherwise_the_same() {
    for payload in [HELM_4, HELM_3] {
        let before = Record::decode(payload).unwrap();
        let unlocked = interrupted(payload, "interrupted: \"op\" <abc>").unwrap();
        let after = Record::decode(&unlocked).unwrap();
        assert_eq!(
            after,
            Record {
                status: ReleaseStatus::Failed,
                description: "interrupted: \"op\" <abc>".to_owned(),
                ..before
            }
        );
        // with what is not read here: templates, last_run, apply_method, deleted, …
        let mut expected: Value = serde_json::from_slice(&unpacked(payload)).unwrap();
        expected["info"]["status"] = "failed".into();
        expected["info"]["description"] = "interrupted: \"op\" <abc>".into();
        let found: Value = serde_json::from_slice(&unpacked(&unlocked)).unwrap();
        assert_eq!(found, expected);
    }
}

#[test]
fn unlocking_keeps_unknown_fields_and_numbers() {
    for (field, kept) in [
        (
            r#""later":{"a":[1,{"b":null}]}"#,
            r#""later":{"a":[1,{"b":null}]}"#,
        ),
        (r#""n":9007199254740993"#, r#""n":9007199254740993"#),
        (r#""n":18446744073709551615"#, r#""n":18446744073709551615"#),
        (r#""n":-9223372036854775808"#, r#""n":-9223372036854775808"#),
        (r#""n":0.1"#, r#""n":0.1"#),
        (r#""n":1.0"#, r#""n":1.0"#),
        (
            r#""n":2.2250738585072014e-308"#,
            r#""n":2.2250738585072014e-308"#,
        ),
        // another spelling of the same number
        (r#""n":1e21"#, r#""n":1e+21"#),
        // beyond 64 bits only the float is left, as in Helm
        (
            r#""n":18446744073709551617"#,
            r#""n":1.8446744073709552e+19"#,
        ),
    ] {
        let json = format!(
            r#"{{"info":{{"status":"pending-upgrade"}},"name":"web",{field},"version":2}}"#
        );
        let unlocked = interrupted(&packed(json.as_bytes()), "interrupted").unwrap();
        let found = String::from_utf8(unpacked(&unlocked)).unwrap();
        assert!(found.contains(kept), "{field} became {found}");
    }
}

#[test]
fn what_no_helm_wrote_is_refused() {
    let json = |text: &str| packed(text.as_bytes());
    let release = unpacked(HELM_4);
    let mut damaged = BASE64_STANDARD.decode(HELM_4).unwrap();
    damaged.truncate(damaged.len() / 2);
    let zeros = vec![b' '; MAX_JSON_BYTES + 1];
    let many = format!(
        r#"{{"name":"web","version":1,"hooks":[{}{{}}]}}"#,
        "{},".repeat(200_000)
    );
    let rows: [(&str, Vec<u8>, &str); 14] = [
        ("nothing", Vec::new(), "is not what Helm writes: EOF"),
        ("no base64", b"{\"name\":\"web\"}".to_vec(), "is not base64"),
        (
            "base64 that ends early",
            HELM_4[..HELM_4.len() - 3].to_vec(),
            "is not base64",
        ),
        (
            "gzip that ends early",
            base64(&damaged),
            "cannot be unpacked",
        ),
        (
            "a bomb",
            packed(&zeros),
            "is larger than 33554432 bytes when unpacked",
        ),
        (
            "a bomb without gzip",
            base64(&zeros),
            "is larger than 33554432 bytes when unpacked",
        ),
        (
            "very many hooks",
            json(&many),
            "has more than 200000 values",
        ),
        (
            "JSON that ends early",
            packed(&release[..release.len() / 2]),
            "is not what Helm writes: EOF",
        ),
        ("no object", json("[]"), "is not what Helm writes"),
        ("no name", json(r#"{"version":1}"#), "missing field `name`"),
        (
            "no revision",
            json(r#"{"name":"web"}"#),
            "missing field `version`",
        ),
        (
            "a revision in words",
            json(r#"{"name":"web","version":"one"}"#),
            "expected i64",
        ),
        (
            "a manifest that is no text",
            json(r#"{"name":"web","version":1,"manifest":{}}"#),
            "expected a string",
        ),
        (
            "values that are a list",
            json(r#"{"name":"web","version":1,"config":[1]}"#),
            "invalid type: sequence",
        ),
    ];
    for (what, payload, message) in rows {
        let error = Record::decode(&payload).unwrap_err().to_string();
        assert!(error.contains(message), "{what}: {error}");
    }
}

#[test]
fn a_text_is_one_value_whatever_is_in_it() {
    let manifest = "a: [1, {b: \"\\\"\"}]\n".repeat(300_000);
    let json = json!({"name": "web", "version": 1, "manifest": manifest});
    let record = Record::decode(&packed(json.to_string().as_bytes())).unwrap();
    assert_eq!(record.manifest, manifest);
}

#[test]
fn what_cannot_be_unlocked_is_refused() {
    for (json, message) in [
        ("[1]", "invalid type: sequence"),
        (
            r#"{"name":"web","info":"deployed"}"#,
            "`info` is not an object",
        ),
        ("{", "EOF"),
    ] {
        let error = interrupted(&packed(json.as_bytes()), "interrupted").unwrap_err();
        assert!(error.to_string().contains(message), "{json}: {error}");
    }
    assert!(interrupted(b"%", "interrupted").is_err());
}

#[test]
fn debug_output_has_no_secrets() {
    let text = format!("{:?}", Record::decode(HELM_4).unwrap());
    assert!(
        text.contains("Deployed") && !text.contains("hunter2"),
        "{text}"
    );
}

#[test]
fn each_state_has_helms_word() {
    use ReleaseStatus as S;
    for (status, word, pending) in [
        (S::Unknown, "unknown", false),
        (S::Deployed, "deployed", false),
        (S::Uninstalled, "uninstalled", false),
        (S::Superseded, "superseded", false),
        (S::Failed, "failed", false),
        (S::Uninstalling, "uninstalling", false),
        (S::PendingInstall, "pending-install", true),
        (S::PendingUpgrade, "pending-upgrade", true),
        (S::PendingRollback, "pending-rollback", true),
    ] {
        assert_eq!(status.to_string(), word);
        assert_eq!(S::parse(word), status);
        assert_eq!(status.is_pending(), pending, "{word}");
    }
    for word in ["", "Deployed", "deployed ", "pending", "brand-new"] {
        assert_eq!(S::parse(word), S::Unknown, "{word:?}");
    }
}

#[test]
fn secrets_are_named_as_helm_names_them() {
    assert_eq!(secret_name("web", 12), "sh.helm.release.v1.web.v12");
}

#[test]
fn a_record_is_told_in_the_versions_that_are_served() {
    use crate::release::manifest::served::{ApiKind, Served};

    let hook = |version: &str, kind: &str| {
        json!({
            "name": "h", "kind": kind, "events": ["pre-delete"], "weight": 3,
            "manifest": format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: h}}\n"),
        })
    };
    let release = |manifest: &str, hooks: &[Value]| {
        json!({
            "name": "web", "version": 3, "namespace": "edge", "manifest": manifest, "hooks": hooks,
            "chart": {"templates": [{"name": "a", "data": "cG9saWN5L3YxYmV0YTE="}]}, "config": {"n": 1.5},
        })
    };
    let before = release(
        "---\napiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a}\n",
        &[
            hook("batch/v1beta1", "CronJob"),
            hook("policy/v1beta1", "PodSecurityPolicy"),
            hook("v1", "ConfigMap"),
        ],
    );
    let unserved = [
        ("policy/v1beta1", "PodDisruptionBudget", Some("policy/v1")),
        ("policy/v1beta1", "PodSecurityPolicy", None),
        ("batch/v1beta1", "CronJob", Some("batch/v1")),
    ]
    .map(|(version, kind, served)| {
        let served = served.map_or(Served::Nowhere, |version| Served::At(version.to_owned()));
        (ApiKind::new(version, kind), served)
    });
    let packed = packed(before.to_string().as_bytes());
    let names = named(&Record::decode(&packed).unwrap()).unwrap();
    assert_eq!(names.len(), 4, "{names:?}");
    let told = rewritten(&packed, &unserved.into()).unwrap();
    let told: Value = serde_json::from_slice(&unpacked(&told)).unwrap();
    let expected = release(
        "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: a}\n",
        &[hook("batch/v1", "CronJob"), hook("v1", "ConfigMap")],
    );
    assert_eq!(told, expected);
    assert!(rewritten(b"no record", &Default::default()).is_err());
}
