//! Scenarios 31 to 33 and 36: what must be there first is there first, and only descendants wait.

use serde_json::json;

use super::{ChartBuilder, ComponentBuilder, DEADLINE, Scene};
use crate::support::api::poll;
use crate::support::component;
use crate::support::helm_wrapper::{most_at_once, overlaps};

#[test]
fn scenario_31_a_component_waits_for_its_dependencies_and_holds_nothing() {
    let scene = Scene::new();
    scene.upload_charts(&["app", "slow"]);
    scene.controller.upload(&ChartBuilder::new("slow", "2.0.0"));
    let namespace = scene.components.namespace();
    // one that cannot be installed, and one whose newest spec is not yet looked at to its end
    scene.components.apply(&ComponentBuilder::new("chartless"));
    scene.install(&ComponentBuilder::new("slow").version("1.0.0"));
    let hold = scene.controller.helm().hold_before(namespace, "slow");
    scene
        .components
        .change("slow", &json!({"version": "2.0.0"}));
    hold.await_held();
    let helm_count = scene.helm_count();

    let rows = [
        ("missing", "nobody", &["DependencyMissing"][..]),
        ("unready", "chartless", &["DependencyNotReady"]),
        (
            "behind",
            "slow",
            &["DependencyNotReady", "DependencyInstalling"],
        ),
    ];
    let target = |name: &str| format!("{namespace}-{name}");
    for (name, dependency, _) in rows {
        let waiting = ComponentBuilder::new(name)
            .chart("app")
            .depends_on(&[dependency])
            .spec(json!({"autoInstallDependencies": false}))
            .into_namespace(&target(name));
        scene.components.apply(&waiting);
    }
    for (name, dependency, reasons) in rows {
        let blocked = scene
            .components
            .wait_for(name, "Blocked by its dependency", |one| {
                let found = component::condition(one, "DependenciesReady");
                component::phase(one) == "Blocked"
                    && found.is_some_and(|found| {
                        found.status == "False" && reasons.contains(&&found.reason[..])
                    })
            });
        let condition = component::condition(&blocked, "DependenciesReady");
        let message = condition.expect("it was just there").message;
        assert!(message.contains(dependency), "{name}: {message}");
        assert!(!component::is_true(&blocked, "Ready"), "{name}");
        let path = format!("/api/v1/namespaces/{}", target(name));
        assert_eq!(
            scene.components.api().get(&path),
            None,
            "no namespace is made"
        );
    }
    assert_eq!(scene.helm_count(), helm_count, "and no helm runs");

    hold.release();
    scene.components.ready("slow");
    scene.components.ready("behind");
    // the others wait on
    assert_eq!(scene.components.phase("missing"), "Blocked");
    assert_eq!(scene.components.phase("unready"), "Blocked");
}

#[test]
fn a_dependency_whose_chart_nobody_has_is_told_as_that() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    scene
        .components
        .apply(&ComponentBuilder::new("app").depends_on(&["nowhere"]));
    let words = "the repository has no chart nowhere; push it";
    scene.components.wait_for("app", words, |one| {
        one["status"]["message"]
            .as_str()
            .is_some_and(|message| message.contains(words))
    });
    scene.upload_charts(&["nowhere"]);
    scene.components.ready("app");
}

#[test]
fn scenario_32_a_missing_dependency_is_installed_first() {
    let scene = Scene::new();
    // its release may go to a namespace that others use too
    let prometheus = format!("prometheus-{}", scene.components.namespace());
    let grafana = ChartBuilder::new("grafana", "1.0.0").requires(&format!("- {prometheus} ^1\n"));
    scene.controller.upload(&grafana);
    scene
        .controller
        .upload(&ChartBuilder::new(&prometheus, "1.2.0"));
    scene
        .controller
        .upload(&ChartBuilder::new(&prometheus, "2.0.0"));

    scene.components.apply(&ComponentBuilder::new("grafana"));
    scene.components.ready("grafana");
    let made = scene.components.ready(&prometheus);
    assert_eq!(
        made["metadata"]["labels"]["ext.theriseunion.io/implicit"],
        "true"
    );
    assert_eq!(
        made["status"]["resolvedVersion"], "1.2.0",
        "the newest in the range"
    );
    let requirer = format!("{}/grafana", scene.components.namespace());
    scene
        .components
        .wait_for(&prometheus, "required by grafana", |one| {
            one["status"]["requiredBy"] == json!([requirer])
        });

    let calls = scene.controller.helm().calls();
    let releases: Vec<&str> = calls.iter().map(|call| &call.release[..]).collect();
    assert_eq!(releases, [&prometheus[..], "grafana"], "{calls:#?}");
    assert!(
        calls[0]
            .ended
            .is_some_and(|ended| ended <= calls[1].started)
    );
}

#[test]
fn scenario_33_three_work_at_once_and_each_after_its_dependencies() {
    let scene = Scene::new();
    let graph: [(&str, &[&str]); 8] = [
        ("root", &[]),
        ("left", &["root"]),
        ("right", &["root"]),
        ("both", &["left", "right"]),
        ("top", &["both"]),
        ("lone-a", &[]),
        ("lone-b", &[]),
        ("lone-c", &[]),
    ];
    let names = graph.map(|(name, _)| name);
    scene.upload_charts(&names);
    let namespace = scene.components.namespace();
    let helm = scene.controller.helm();
    let roots = ["root", "lone-a", "lone-b", "lone-c"];
    let holds = roots.map(|name| helm.hold_before(namespace, name));
    // the leaves first: the order of applying is of no account
    let components = graph.iter().rev();
    let components: Vec<_> = components
        .map(|(name, needs)| ComponentBuilder::new(name).depends_on(needs))
        .collect();
    scene.components.apply_all(&components);

    let full = poll(DEADLINE, || (helm.calls().len() == 3).then_some(()));
    assert!(full.is_some(), "{:#?}", helm.calls());
    let queued = poll(DEADLINE, || {
        roots
            .iter()
            .find(|root| scene.components.phase(root) == "Queued")
    });
    assert!(queued.is_some(), "one of four has to wait for a slot");
    assert_eq!(helm.calls().len(), 3);
    drop(holds);
    scene.components.all_ready(&names);

    let calls = helm.calls();
    assert_eq!(calls.len(), names.len(), "one each: {calls:#?}");
    assert_eq!(most_at_once(&calls), 3);
    assert_eq!(overlaps(&calls).len(), 0);
    let call = |name: &str| {
        calls
            .iter()
            .find(|call| call.release == name)
            .expect("a call")
    };
    for (name, needs) in graph {
        for need in needs {
            let ended = call(need).ended.expect("it ended");
            assert!(ended <= call(name).started, "{name} before {need} was done");
        }
    }
}

#[test]
fn scenario_36_only_descendants_of_what_fails_wait() {
    let scene = Scene::new();
    scene
        .controller
        .upload(&ChartBuilder::new("bad", "1.0.0").rejected_object());
    scene.upload_charts(&["child", "grandchild", "lone", "lone-child"]);
    scene.components.apply_all(&[
        ComponentBuilder::new("bad"),
        ComponentBuilder::new("child").depends_on(&["bad"]),
        ComponentBuilder::new("grandchild").depends_on(&["child"]),
        ComponentBuilder::new("lone"),
        ComponentBuilder::new("lone-child").depends_on(&["lone"]),
    ]);
    scene.components.all_ready(&["lone", "lone-child"]);
    let failed = scene.components.await_phase("bad", "Failed");
    let released = component::condition(&failed, "Released").expect("a condition");
    assert!(released.is("False", "InstallFailed"), "{released:?}");
    assert!(
        released.message.contains("spec.ports"),
        "helm's reason: {released:?}"
    );
    for (name, dependency) in [("child", "bad"), ("grandchild", "child")] {
        scene.components.await_phase(name, "Blocked");
        let condition = scene.components.await_condition(
            name,
            "DependenciesReady",
            "False",
            "DependencyNotReady",
        );
        assert!(condition.message.contains(dependency), "{condition:?}");
        assert_eq!(scene.controller.helm().calls_of("upgrade", name).len(), 0);
    }
}
