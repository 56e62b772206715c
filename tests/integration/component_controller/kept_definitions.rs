//! Case 14 and its kind: whatever a release drops a definition for, the objects of its kind do not go with it
//! (docs/components.md 10.2).

use serde_json::{Value, json};

use super::definitions::{DEFINITIONS, definition};
use super::{ChartBuilder, ComponentBuilder, DEADLINE, Scene};
use crate::support::api::poll;
use crate::support::chart_builder::Hook;
use crate::support::component;

const POLICY: &str = "helm.sh/resource-policy";
const KEPT_FOR: &str = "ext.theriseunion.io/kept-for";

impl Scene {
    fn kind_text(&self, kind: &str) -> String {
        definition(&self.group(), kind, &["v1"]).to_string()
    }

    /// The name of the definition of a kind.
    fn named(&self, kind: &str) -> String {
        format!("{}s.{}", kind.to_lowercase(), self.group())
    }

    /// The live definition of a kind; `None` if it is gone, or goes.
    #[track_caller]
    fn live(&self, kind: &str) -> Option<Value> {
        let found = self
            .components
            .api()
            .get(&format!("{DEFINITIONS}/{}", self.named(kind)));
        found.filter(|found| found["metadata"]["deletionTimestamp"].is_null())
    }

    fn objects_of(&self, kind: &str) -> String {
        let plural = format!("{}s", kind.to_lowercase());
        format!(
            "/apis/{}/v1/namespaces/{}/{plural}",
            self.group(),
            self.components.namespace()
        )
    }

    /// An object that somebody made by hand; its uid.
    #[track_caller]
    fn make_precious(&self, kind: &str) -> Value {
        let object = json!({
            "apiVersion": format!("{}/v1", self.group()), "kind": kind, "metadata": {"name": "precious"},
        });
        let made = poll(DEADLINE, || {
            let made = self
                .components
                .api()
                .send("POST", &self.objects_of(kind), Some(&object));
            Some(made.ok()?["metadata"]["uid"].clone())
        });
        made.unwrap_or_else(|| panic!("{kind} is not served"))
    }

    /// The uid of that object.
    #[track_caller]
    fn precious(&self, kind: &str) -> Value {
        let found = self
            .components
            .api()
            .get(&format!("{}/precious", self.objects_of(kind)));
        found.map_or(Value::Null, |found| found["metadata"]["uid"].clone())
    }

    /// The annotations of a definition: Helm's policy, and the Component for which it was kept.
    #[track_caller]
    fn marks(&self, kind: &str) -> (Value, Value) {
        let live = self
            .live(kind)
            .unwrap_or_else(|| panic!("definition of {kind} went"));
        let annotations = &live["metadata"]["annotations"];
        (annotations[POLICY].clone(), annotations[KEPT_FOR].clone())
    }

    /// It is marked as kept, and the Component says so in words that help.
    #[track_caller]
    fn is_told_as_kept(&self, name: &str, kind: &str) {
        let owner = format!("{}/{name}", self.components.namespace());
        assert_eq!(self.marks(kind), (json!("keep"), json!(owner)), "{name}");
        let definition = self.named(kind);
        let told = self.components.wait_for(name, "kept", |one| {
            one["status"]["keptDefinitions"][0]["name"] == definition
        });
        let message = told["status"]["keptDefinitions"][0]["message"].to_string();
        let way_out = format!("kubectl delete crd {definition}");
        assert!(message.contains(&way_out), "{message}");
        let event = self.components.await_event(name, "DefinitionKept");
        assert!(event.note.contains(&definition), "{event:?}");
    }
}

#[test]
fn no_upgrade_takes_a_definition_that_has_objects() {
    let scene = Scene::new();
    let text = |kind: &str| scene.kind_text(kind);
    let list = |kind: &str| format!("{{apiVersion: v1, kind: List, items: [{}]}}", text(kind));
    let with_switch =
        |kind: &str| format!("{{{{ if .Values.crds }}}}\n{}\n{{{{ end }}}}", text(kind));
    let chart = |name: &str, version: &str| ChartBuilder::new(name, version);
    let sub = "apiVersion: v2\nname: sub\nversion: 1.0.0\n";
    let of_sub = |version: &str, kind: &str| {
        chart("umbrella", version)
            .more_yaml("dependencies: [{name: sub, version: 1.0.0, condition: sub.enabled}]")
            .file("charts/sub/Chart.yaml", sub)
            .file("charts/sub/templates/crd.yaml", text(kind))
    };
    // name of the Component, kind, before, after, what changes
    let to_2 = json!({"version": "2.0.0"});
    let rows = [
        (
            "moved",
            "Mover",
            chart("moved", "1.0.0").template("crd", &text("Mover")),
            Some(chart("moved", "2.0.0").file("crds/crd.yaml", text("Mover"))),
            to_2.clone(),
        ),
        (
            "listed",
            "Lister",
            chart("listed", "1.0.0").template("crd", &list("Lister")),
            Some(chart("listed", "2.0.0")),
            to_2.clone(),
        ),
        (
            "renamed",
            "Renamer",
            chart("old-name", "1.0.0").template("crd", &text("Renamer")),
            Some(chart("new-name", "1.0.0")),
            json!({"chart": {"name": "new-name"}}),
        ),
        (
            "switched",
            "Switcher",
            chart("switched", "1.0.0").template("crd", &with_switch("Switcher")),
            None,
            json!({"values": {"crds": false}}),
        ),
        (
            "umbrella",
            "Covered",
            of_sub("1.0.0", "Covered"),
            None,
            json!({"values": {"sub": {"enabled": false}}}),
        ),
        (
            "replaced",
            "Replacer",
            chart("replaced", "1.0.0").template("crd", &text("Replacer")),
            Some(chart("replaced", "2.0.0")),
            json!({"version": "2.0.0", "upgrade": {"forceReplace": true}}),
        ),
    ];
    let mut names = Vec::new();
    for (name, _, before, after, _) in &rows {
        names.push(*name);
        scene.controller.upload(before);
        after
            .iter()
            .for_each(|after| drop(scene.controller.upload(after)));
        let old = if *name == "renamed" { "old-name" } else { name };
        let component = ComponentBuilder::new(name).chart(old).version("1.0.0");
        scene
            .components
            .apply(&component.values(json!({"crds": true})));
    }
    scene.components.all_ready(&names);
    let uids: Vec<Value> = rows
        .iter()
        .map(|(_, kind, ..)| scene.make_precious(kind))
        .collect();
    for (name, _, _, _, change) in &rows {
        scene.components.change(name, change);
    }
    for ((name, kind, ..), uid) in rows.iter().zip(&uids) {
        scene.await_revision(name, 2);
        scene.is_told_as_kept(name, kind);
        assert_eq!(scene.precious(kind), *uid, "{name}");
    }

    // who is removed afterwards takes nothing of it along
    for name in &names {
        scene.components.delete(name);
    }
    for ((name, kind, ..), uid) in rows.iter().zip(&uids) {
        scene.components.await_gone(name);
        assert_eq!(scene.precious(kind), *uid, "{name}");
    }
}

#[test]
fn what_nobody_needs_goes_and_what_the_release_has_still_is_not_marked() {
    let scene = Scene::new();
    let all = ["Empty", "Stayer", "Cutter"].map(|kind| scene.kind_text(kind));
    let first = ChartBuilder::new("app", "1.0.0").template("crds", &all.join("\n---\n"));
    let second = ChartBuilder::new("app", "2.0.0").template("crds", &all[1]);
    let third = ChartBuilder::new("app", "3.0.0").template("crds", &all[1..].join("\n---\n"));
    for chart in [&first, &second, &third] {
        scene.controller.upload(chart);
    }
    let app = ComponentBuilder::new("app").version("1.0.0");
    scene.install(&app);
    let kept = [scene.make_precious("Stayer"), scene.make_precious("Cutter")];
    scene.components.change("app", &json!({"version": "2.0.0"}));
    scene.await_revision("app", 2);
    scene.is_told_as_kept("app", "Cutter");
    assert_eq!(scene.live("Empty"), None, "as Helm does");
    assert_eq!(scene.marks("Stayer"), (Value::Null, Value::Null));
    let told = scene.components.get("app")["status"]["keptDefinitions"].clone();
    assert_eq!(told.as_array().map(Vec::len), Some(1), "{told}");

    // Helm has it again
    scene.components.change("app", &json!({"version": "3.0.0"}));
    let back = scene.await_revision("app", 3);
    assert_eq!(scene.marks("Cutter"), (Value::Null, Value::Null));
    assert_eq!(back["status"]["keptDefinitions"], Value::Null);

    // dropped again, and removed by who was told how
    scene.components.change("app", &json!({"version": "2.0.0"}));
    scene.await_revision("app", 4);
    scene.is_told_as_kept("app", "Cutter");
    assert_eq!([scene.precious("Stayer"), scene.precious("Cutter")], kept);
    let path = format!("{DEFINITIONS}/{}", scene.named("Cutter"));
    scene.components.api().delete(&path);
    scene.components.wait_for("app", "told no more", |one| {
        one["status"]["keptDefinitions"].is_null()
    });
}

#[test]
fn no_failed_upgrade_and_no_rollback_takes_a_definition_that_has_objects() {
    let scene = Scene::new();
    let unready = |name: &str, kind: &str| {
        ChartBuilder::new(name, "2.0.0")
            .template("crd", &scene.kind_text(kind))
            .deployment()
    };
    // the one goes back by itself, the other is cleaned up after by what Helm would have done
    let back = unready("back", "Backer");
    let hooked = ChartBuilder::new("hooked", "2.0.0")
        .template("crd", &scene.kind_text("Hooker"))
        .template(
            "extra",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: hooked-extra}}",
        )
        .hook("post-upgrade", Hook::Job);
    scene.upload_charts(&["back", "hooked"]);
    scene.controller.upload(&back);
    scene.controller.upload(&hooked);
    let brief = json!({"upgrade": {"timeout": "15s", "onFailure": "Keep", "retries": 0}});
    let way_back = json!({"upgrade": {"timeout": "15s", "retries": 0}});
    scene.install(
        &ComponentBuilder::new("back")
            .version("1.0.0")
            .spec(way_back),
    );
    scene.install(&ComponentBuilder::new("hooked").version("1.0.0").spec(brief));
    for name in ["back", "hooked"] {
        scene.components.change(name, &json!({"version": "2.0.0"}));
    }
    let uids = [scene.make_precious("Backer"), scene.make_precious("Hooker")];
    scene
        .components
        .await_condition("back", "Remediated", "True", "RollbackSucceeded");
    scene.is_told_as_kept("back", "Backer");
    let stalled = |one: &Value| component::is(one, "Stalled", "True", "RetriesExceeded");
    scene
        .components
        .wait_for("hooked", "out of retries", stalled);
    let cleaned = poll(DEADLINE, || {
        scene.config_map("hooked-extra").is_none().then_some(())
    });
    assert!(cleaned.is_some(), "cleanupOnFail");
    assert!(
        scene.live("Hooker").is_some(),
        "it went with the failed upgrade"
    );
    assert_eq!([scene.precious("Backer"), scene.precious("Hooker")], uids);

    // and back: the newest revision has it, the good one does not
    let rollback = json!({"upgrade": {"onFailure": "Rollback"}});
    scene.components.change("hooked", &rollback);
    scene
        .components
        .await_condition("hooked", "Remediated", "True", "RollbackSucceeded");
    scene.is_told_as_kept("hooked", "Hooker");
    assert_eq!(scene.precious("Hooker"), uids[1]);
}

#[test]
fn a_kill_between_the_mark_and_the_upgrade_leaves_nothing_to_do_by_hand() {
    let mut scene = Scene::new();
    let namespace = scene.components.namespace().to_owned();
    for name in ["goes-on", "stays"] {
        let kind = if name == "stays" { "Stayer" } else { "Goer" };
        let text = scene.kind_text(kind);
        let first = ChartBuilder::new(name, "1.0.0").template("crd", &text);
        scene.controller.upload(&first);
        scene.controller.upload(&ChartBuilder::new(name, "2.0.0"));
        scene.install(&ComponentBuilder::new(name).version("1.0.0"));
    }
    let uids = [scene.make_precious("Goer"), scene.make_precious("Stayer")];
    let holds = ["goes-on", "stays"].map(|name| {
        let hold = scene.controller.helm().hold_before(&namespace, name);
        scene.components.change(name, &json!({"version": "2.0.0"}));
        hold.await_held();
        hold
    });
    assert_eq!(scene.marks("Stayer").0, "keep", "before Helm runs");
    scene.controller.cut_power();
    // the user thinks better of one
    scene
        .components
        .change("stays", &json!({"version": "1.0.0"}));
    drop(holds);
    scene.controller.restart();
    scene.await_revision("goes-on", 2);
    scene.is_told_as_kept("goes-on", "Goer");
    scene.await_revision("stays", 1);
    let unmarked = poll(DEADLINE, || {
        (scene.marks("Stayer") == (Value::Null, Value::Null)).then_some(())
    });
    assert!(unmarked.is_some(), "{:?}", scene.marks("Stayer"));
    assert_eq!([scene.precious("Goer"), scene.precious("Stayer")], uids);
}

#[test]
fn a_definition_is_handed_over_to_another_component() {
    let scene = Scene::new();
    let kinds = ["Taken", "Applied"];
    let [taken, applied] = kinds.map(|kind| scene.kind_text(kind));
    let giver = ChartBuilder::new("giver", "1.0.0");
    let both = [taken.as_str(), applied.as_str()].join("\n---\n");
    scene.controller.upload(&giver.template("crds", &both));
    scene
        .controller
        .upload(&ChartBuilder::new("giver", "2.0.0"));
    let taker = ChartBuilder::new("taker", "1.0.0").template("crds", &taken);
    scene
        .controller
        .upload(&taker.file("crds/crd.yaml", applied));
    scene.install(&ComponentBuilder::new("giver").version("1.0.0"));
    let taker = ComponentBuilder::new("taker").version("1.0.0");
    scene.install(&taker.spec(json!({"takeOwnership": "Always"})));
    // there are no objects: it is enough that another has them
    scene
        .components
        .change("giver", &json!({"version": "2.0.0"}));
    scene.await_revision("giver", 2);
    for kind in kinds {
        assert!(scene.live(kind).is_some(), "{kind} went");
    }
    scene.components.delete("giver");
    scene.components.await_gone("giver");
    for kind in kinds {
        assert!(scene.live(kind).is_some(), "{kind} went with its giver");
    }
}

#[test]
fn a_release_that_moves_or_is_made_anew_takes_no_definition_that_has_objects_along() {
    let scene = Scene::new();
    let upload = |name: &str, kind: &str, hook: bool| {
        let chart = ChartBuilder::new(name, "1.0.0").template("crd", &scene.kind_text(kind));
        let chart = if hook {
            chart.hook("pre-install", Hook::ConfigMap).deployment()
        } else {
            chart
        };
        scene.controller.upload(&chart);
    };
    upload("mover", "Mover", false);
    scene.install(&ComponentBuilder::new("mover").version("1.0.0"));
    let moved = scene.make_precious("Mover");
    // it has install hooks, so that an attempt that failed is uninstalled before the next
    upload("anew", "Anew", true);
    let brief = json!({"install": {"timeout": "8s"}});
    scene
        .components
        .apply(&ComponentBuilder::new("anew").version("1.0.0").spec(brief));
    let anew = scene.make_precious("Anew");

    scene
        .components
        .change("mover", &json!({"chart": {"releaseName": "moved"}}));
    scene.await_release_gone("mover");
    scene.components.wait_for("mover", "moved", |one| {
        component::is_ready(one) && one["status"]["releaseName"] == "moved"
    });
    assert_eq!(scene.precious("Mover"), moved);
    assert_eq!(
        scene.marks("Mover"),
        (Value::Null, Value::Null),
        "Helm has it again"
    );
    let live = scene.live("Mover").expect("it is there");
    assert_eq!(
        live["metadata"]["annotations"]["meta.helm.sh/release-name"],
        "moved"
    );

    scene.await_helm_calls("anew", 3);
    assert_eq!(
        scene.verbs("anew")[..3],
        ["upgrade", "uninstall", "upgrade"]
    );
    assert_eq!(scene.precious("Anew"), anew);
    let _ready = scene.kubelet().keep_ready();
    scene.components.ready("anew");
    assert_eq!(scene.marks("Anew"), (Value::Null, Value::Null));

    // and whoever is removed on purpose takes its own along
    scene.components.delete("mover");
    scene.components.await_gone("mover");
    assert_eq!(scene.live("Mover"), None);
}

#[test]
fn a_removal_takes_no_definition_that_another_component_has() {
    let scene = Scene::new();
    let kinds = ["Taken", "Applied", "Own"];
    let [taken, applied, own] = kinds.map(|kind| scene.kind_text(kind));
    let all = [taken.as_str(), &applied, &own].join("\n---\n");
    scene
        .controller
        .upload(&ChartBuilder::new("giver", "1.0.0").template("crds", &all));
    let taker = ChartBuilder::new("taker", "1.0.0").template("crds", &taken);
    scene
        .controller
        .upload(&taker.file("crds/crd.yaml", applied));
    scene.install(&ComponentBuilder::new("giver").version("1.0.0"));
    let taker = ComponentBuilder::new("taker").version("1.0.0");
    scene.install(&taker.spec(json!({"takeOwnership": "Always"})));
    let uids = kinds.map(|kind| scene.make_precious(kind));
    scene.components.delete("giver");
    scene.components.await_gone("giver");
    assert_eq!(scene.precious("Taken"), uids[0]);
    assert_eq!(scene.precious("Applied"), uids[1]);
    assert_eq!(scene.live("Own"), None, "it was asked for");
}
