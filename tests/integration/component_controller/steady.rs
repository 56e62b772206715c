//! Scenario 69: many Components that are as they should be cost nothing, after a start neither.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chartroom::chart::digest::Sha256Hex;
use chartroom::component::spec_hash::{Ingredients, SpecHash};
use chartroom::component::{CrdsPolicy, ServerSideApply};
use serde_json::Map;

use super::{ChartBuilder, ComponentBuilder, Scene};
use crate::support::api::poll;
use crate::support::component;
use crate::support::server::Memory;

/// As many as the scenario asks for.
const COMPONENTS: usize = 200;
/// From the start to a look at each of them.
const STEADY: Duration = Duration::from_secs(30);
/// The bound for the process that is tested, which nobody has optimised.
const MEMORY: u64 = 64 << 20;

#[test]
fn scenario_69_a_restart_with_200_components_runs_no_helm() {
    let mut scene = Scene::new();
    // nothing to install: the releases are all there is
    let chart = ChartBuilder::new("app", "1.0.0").without("templates/configmap.yaml");
    let package = scene.controller.upload(&chart);
    let component = |name: &str| ComponentBuilder::new(name).chart("app").version("1.0.0");
    scene.install(&component("one-0"));
    scene.controller.terminate();

    // what 199 installs would have left, without the time that they take
    let namespace = scene.components.namespace().to_owned();
    let collection =
        format!("/apis/ext.theriseunion.io/v1alpha1/namespaces/{namespace}/components");
    let digest = Sha256Hex::of(&package);
    for number in 1..COMPONENTS {
        let name = format!("one-{number}");
        let manifest = component(&name).manifest(&namespace);
        let made = scene.components.api().create(&collection, &manifest);
        assert_eq!(made["metadata"]["generation"], 1);
        let hash = SpecHash::of(&Ingredients {
            release_name: &name,
            release_namespace: &namespace,
            chart_name: "app",
            chart_version: "1.0.0",
            chart_digest: digest,
            values: &Map::new(),
            crds: CrdsPolicy::CreateReplace,
            install_hooks: true,
            upgrade_hooks: true,
            service_account: None,
            force_replace: false,
            disable_schema_validation: false,
            server_side_apply: ServerSideApply::Enabled,
        });
        let token = format!("op=test-{number} hash={hash} gen=1");
        let operation = format!("test-{number}");
        let labels = [
            ("ext.theriseunion.io/op", &operation[..]),
            ("ext.theriseunion.io/hash", &hash.short()),
        ];
        scene.releases.copy("one-0", &name, &token, &labels);
    }
    // the first start writes down what it finds
    scene.controller.restart();
    let ready = poll(2 * STEADY, || {
        let components = scene.components.list();
        components.iter().all(component::is_ready).then_some(())
    });
    let left = || {
        let components = scene.components.list().into_iter();
        let left = components.filter(|one| !component::is_ready(one));
        left.take(2).collect::<Vec<_>>()
    };
    assert!(ready.is_some(), "not ready: {:#?}", left());
    assert_eq!(scene.helm_count(), 1, "the first install");

    // the second one has nothing to write
    scene.controller.kill();
    let before = scene.components.resource_versions();
    assert_eq!(before.len(), COMPONENTS);
    let earlier = scene.controller.log().len();
    let started = Instant::now();
    scene
        .controller
        .start_again_with(|options| options.env("LOG_LEVEL", "debug"));
    let steady = poll(STEADY, || {
        let log = scene.controller.log();
        let passes = log[earlier..]
            .iter()
            .filter(|line| line["M"] == "Reconcile ended");
        let looked_at: BTreeSet<&str> = passes
            .filter_map(|line| line["component"].as_str())
            .collect();
        (looked_at.len() == COMPONENTS).then(|| started.elapsed())
    });
    let steady = steady.expect("not all were looked at in time");
    let memory = Memory::of(scene.controller.id());
    eprintln!(
        "{COMPONENTS} Components: steady after {steady:?}, {} KiB resident, {} KiB at most",
        memory.resident / 1024,
        memory.peak / 1024
    );
    assert!(memory.resident < MEMORY, "{memory:?}");
    assert_eq!(scene.components.resource_versions(), before, "no write");
    assert_eq!(scene.helm_count(), 1, "no helm");
    assert!(scene.components.list().iter().all(component::is_ready));
}
