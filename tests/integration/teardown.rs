//! `chartroom teardown` on a real API server: with the controller that does the work, and without one.

use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::component_controller::Scene;
use crate::support::api::poll;
use crate::support::component::ComponentBuilder;
use crate::support::control_plane::ControlPlane;
use crate::support::process::{self, Finished};
use crate::support::running::Running;
use crate::support::server::binary;

/// How long something may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// With charts of these names in the repository.
#[track_caller]
fn with_charts(names: &[&str]) -> Scene {
    let scene = Scene::new();
    scene.upload_charts(names);
    scene
}

/// Takes the Components of this namespace down.
#[track_caller]
fn teardown(namespace: &str, more: &[&str]) -> Finished {
    process::run(command(namespace, more), b"", DEADLINE * 2)
}

fn command(namespace: &str, more: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command
        .env_clear()
        .env("KUBECONFIG", ControlPlane::shared().kubeconfig())
        .args(["teardown", "--namespace", namespace])
        .args(more);
    command
}

#[test]
fn a_chain_is_taken_down_in_the_reverse_order() {
    let names = ["base", "middle", "top"];
    let scene = with_charts(&names);
    scene.components.apply_all(&[
        ComponentBuilder::new("base"),
        ComponentBuilder::new("middle").depends_on(&["base"]),
        ComponentBuilder::new("top").depends_on(&["middle"]),
    ]);
    scene.components.all_ready(&names);

    let done = teardown(scene.components.namespace(), &[]).succeeded();
    assert_eq!(done.stdout(), "3 Components are gone\n");
    let told = done.stderr();
    let namespace = scene.components.namespace();
    assert!(
        told.starts_with(&format!(
            "taking down 3 Components: {namespace}/base, {namespace}/middle, {namespace}/top\n"
        )),
        "{told}"
    );
    assert!(!told.contains('\x1b'), "colours in a pipe: {told}");
    let gone = |name: &str| told.find(&format!("left  Gone          {namespace}/{name}"));
    let [base, middle, top] = names.map(|name| gone(name).expect("it is told"));
    assert!(top < middle && middle < base, "{told}");

    assert_eq!(scene.components.list().len(), 0);
    let uninstalls: Vec<String> = (scene.controller.helm().calls().into_iter())
        .filter(|call| call.verb == "uninstall")
        .map(|call| call.release)
        .collect();
    assert_eq!(uninstalls, ["top", "middle", "base"]);
    for name in names {
        assert!(scene.releases.newest(name).is_none(), "{name}");
    }
    // neither what was installed nor what was noted about it
    let kubectl = scene.components.kubectl();
    let left = kubectl.ok(&["get", "configmaps,secrets", "--output=name"]);
    assert_eq!(left, "");

    let again = teardown(scene.components.namespace(), &[]).succeeded();
    assert_eq!(
        again.stdout(),
        "there are no Components: nothing to take down\n"
    );
    assert_eq!(again.stderr(), "");
}

#[test]
fn releases_that_are_left_alone_are_named() {
    let names = ["gone", "orphan", "paused"];
    let scene = with_charts(&names);
    scene.components.apply_all(&[
        ComponentBuilder::new("gone"),
        ComponentBuilder::new("orphan").spec(json!({"deletionPolicy": "Orphan"})),
        ComponentBuilder::new("paused"),
    ]);
    scene.components.all_ready(&names);
    scene.components.change("paused", &json!({"suspend": true}));
    scene.components.await_phase("paused", "Suspended");

    let done = teardown(scene.components.namespace(), &[])
        .succeeded()
        .stdout();
    let namespace = scene.components.namespace();
    let stays = |name: &str, why: &str| {
        format!(
            "release {name} in namespace {namespace} stays: {why}; helm uninstall {name} -n {namespace} removes it\n"
        )
    };
    let expected = "3 Components are gone\n".to_owned()
        + &stays("orphan", "its Component has deletionPolicy Orphan")
        + &stays("paused", "its Component was suspended");
    assert_eq!(done, expected);
    assert_eq!(scene.releases.list(), ["orphan", "paused"]);
}

#[test]
fn what_comes_meanwhile_goes_too_and_what_is_held_is_named() {
    let scene = with_charts(&["first", "second"]);
    scene.components.apply(&ComponentBuilder::new("first"));
    scene.components.ready("first");
    let namespace = scene.components.namespace().to_owned();
    let first =
        format!("/apis/ext.theriseunion.io/v1alpha1/namespaces/{namespace}/components/first");
    let hold = "example.com/hold";
    let api = scene.components.api();
    let mut finalizers = api.get(&first).expect("first")["metadata"]["finalizers"].clone();
    finalizers.as_array_mut().expect("a list").push(hold.into());
    api.merge(&first, &json!({"metadata": {"finalizers": finalizers}}));

    let late = teardown(scene.components.namespace(), &["--timeout=5s"]).failed();
    assert_eq!(late.code(), Some(1));
    let (said, held) = (
        late.stderr(),
        format!(
            "{namespace}/first  Held: the controller has let it go; it is held by finalizer {hold}"
        ),
    );
    assert!(
        said.contains("chartroom: 1 Component is left after 5 s:"),
        "{said}"
    );
    assert!(
        said.contains(&held) && said.contains("add --force"),
        "{said}"
    );

    let mut waiting = Running::spawn(command(&namespace, &[]), "the teardown");
    waiting.await_line("first words", DEADLINE, |line| {
        line.starts_with("taking down 1 Component").then_some(())
    });
    scene.components.apply(&ComponentBuilder::new("second"));
    scene.components.await_gone("second");
    assert!(scene.components.find("first").is_some(), "it is held still");
    api.merge(&first, &json!({"metadata": {"finalizers": []}}));
    assert!(waiting.wait().success());
    let meanwhile = format!("{namespace}/second was created meanwhile: it goes too");
    assert!(waiting.log().contains(&meanwhile), "{}", waiting.log());
    assert!(scene.releases.list().is_empty());
}

#[test]
fn without_a_controller_force_takes_components_away_and_leaves_their_releases() {
    let mut scene = with_charts(&["one", "two"]);
    scene.components.apply_all(&[
        ComponentBuilder::new("one"),
        ComponentBuilder::new("two").depends_on(&["one"]),
        // it is never installed: there is no such chart
        ComponentBuilder::new("three"),
    ]);
    scene.components.all_ready(&["one", "two"]);
    scene.components.await_phase("three", "Blocked");
    scene.controller.kill();
    let namespace = scene.components.namespace().to_owned();

    let late = teardown(scene.components.namespace(), &["--timeout=3s"]).failed();
    assert_eq!(late.code(), Some(1));
    let said = late.stderr();
    assert!(said.contains("3 Components are left after 3 s:"), "{said}");
    assert!(said.contains("--force"), "{said}");
    assert_eq!(scene.components.list().len(), 3);

    let done = teardown(scene.components.namespace(), &["--force"])
        .succeeded()
        .stdout();
    let stays = |name: &str| {
        format!(
            "release {name} in namespace {namespace} stays: nobody uninstalled it; \
             helm uninstall {name} -n {namespace} removes it\n"
        )
    };
    let expected = "3 Components are gone\n".to_owned() + &stays("one") + &stays("two");
    assert_eq!(done, expected);
    let gone = poll(DEADLINE, || {
        scene.components.list().is_empty().then_some(())
    });
    assert!(gone.is_some());
    assert_eq!(scene.releases.list(), ["one", "two"]);
}
