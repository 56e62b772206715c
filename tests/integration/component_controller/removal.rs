//! Scenarios 37 and 38: down in the reverse order, and not while somebody needs it.

use super::{ComponentBuilder, DEADLINE, Scene};
use crate::support::api::poll;

#[test]
fn scenario_37_all_that_is_deleted_at_once_goes_in_the_reverse_order() {
    let scene = Scene::new();
    let graph: [(&str, &[&str]); 4] =
        [("a", &[]), ("b", &["a"]), ("c", &["a"]), ("d", &["b", "c"])];
    let names = graph.map(|(name, _)| name);
    scene.upload_charts(&names);
    let components = graph.map(|(name, needs)| ComponentBuilder::new(name).depends_on(needs));
    scene.components.apply_all(&components);
    scene.components.all_ready(&names);

    scene.components.delete_all();
    for name in names {
        scene.components.await_gone(name);
        assert!(
            scene.releases.newest(name).is_none(),
            "{name} has a release still"
        );
        assert_eq!(scene.config_map(&format!("{name}-{name}")), None, "{name}");
    }
    assert_eq!(scene.components.list().len(), 0);
    let helm = scene.controller.helm();
    let uninstall = |name: &str| {
        let calls = helm.calls_of("uninstall", name);
        assert_eq!(calls.len(), 1, "{name}: {calls:#?}");
        (calls[0].started, calls[0].ended.expect("it ended"))
    };
    for (name, needs) in graph {
        for need in needs {
            let (_, ended) = uninstall(name);
            let (started, _) = uninstall(need);
            assert!(ended <= started, "{need} went before {name} was gone");
        }
    }
}

#[test]
fn scenario_38_what_others_need_survives_its_deletion() {
    let scene = Scene::new();
    scene.upload_charts(&["base", "user"]);
    scene.install(&ComponentBuilder::new("base"));
    scene.install(&ComponentBuilder::new("user").depends_on(&["base"]));

    scene.components.delete("base");
    let condition = scene
        .components
        .await_condition("base", "Stalled", "True", "DependentsExist");
    assert!(condition.message.contains("user"), "{condition:?}");
    assert_eq!(scene.releases.statuses("base"), ["deployed"], "it survives");
    assert!(scene.config_map("base-base").is_some());
    assert_eq!(
        scene.controller.helm().calls_of("uninstall", "base").len(),
        0
    );

    scene
        .components
        .annotate("base", "allow-break-dependents", "true");
    scene.components.await_gone("base");
    scene.await_release_gone("base");
    let gone = poll(DEADLINE, || {
        scene.config_map("base-base").is_none().then_some(())
    });
    assert!(gone.is_some());
    assert_eq!(scene.releases.statuses("user"), ["deployed"], "it runs on");
}
