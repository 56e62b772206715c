//! The restart storm: whatever moment the controller is killed at, it ends in the same place.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use super::{ComponentBuilder, Scene};
use crate::support::component;
use crate::support::helm_wrapper::{HelmCall, overlaps};
use crate::support::random::Random;

/// Components in each layer.
const WIDTH: u64 = 6;
const LAYERS: u64 = 5;
/// How often the controller is killed at most.
const ROUNDS: u32 = 12;
/// How long it lives in a round, in milliseconds.
const LIFE: (u64, u64) = (150, 1800);

#[test]
fn a_restart_storm_ends_with_every_release_as_wanted() {
    let mut random = Random::from_environment("CHARTROOM_STORM_SEED");
    let mut scene = Scene::new();
    let graph = layered(&mut random);
    scene.upload_charts(&["node"]);
    let components: Vec<_> = graph
        .iter()
        .map(|(name, needs)| {
            let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
            ComponentBuilder::new(name).chart("node").depends_on(&needs)
        })
        .collect();
    scene.components.apply_all(&components);

    let mut rounds = 0;
    // on a quick machine all is ready after one or two: a storm goes on
    while rounds < ROUNDS && (rounds < 3 || !scene.all_are_ready()) {
        thread::sleep(Duration::from_millis(
            LIFE.0 + random.below(LIFE.1 - LIFE.0),
        ));
        scene.let_be_what_was_hit_before();
        match random.below(3) {
            0 => scene.controller.kill(),
            1 => scene.controller.cut_power(),
            // it is back while its helms still end
            _ => {}
        }
        scene.controller.restart();
        rounds += 1;
    }
    let names: Vec<&str> = graph.keys().map(String::as_str).collect();
    scene.components.all_ready(&names);
    assert!(rounds >= 3, "that was no storm: {rounds} rounds");

    let calls = scene.controller.helm().calls();
    assert_eq!(overlaps(&calls).len(), 0, "two helms on one release");
    let was_hit = names
        .iter()
        .any(|name| calls.iter().any(|call| is_hit(call, name)));
    assert!(was_hit, "no helm was cut off in {rounds} rounds");
    let mut listed = scene.releases.list();
    listed.sort();
    assert_eq!(listed, names, "one release each");
    for name in names {
        let revisions = scene.releases.revisions(name);
        let statuses: Vec<&str> = revisions.iter().map(|one| &one.status[..]).collect();
        let hits = calls.iter().filter(|call| is_hit(call, name)).count();
        let newest = revisions.last().expect("a release");
        assert_eq!(newest.status, "deployed", "{name}: {statuses:?}");
        let earlier = &statuses[..statuses.len() - 1];
        // a first revision that failed is called superseded by helm afterwards
        let is_over = |status: &&str| matches!(*status, "failed" | "superseded");
        assert!(earlier.iter().all(is_over), "{name}: {statuses:?}");
        assert!(
            revisions.len() <= 1 + hits,
            "{name} was hit {hits} times: {statuses:?}"
        );
        let one = scene.components.get(name);
        let status = &one["status"];
        assert_eq!(component::phase(&one), "Deployed", "{name}");
        assert_eq!(status["releaseVersion"], newest.number, "{name}");
        let hash = status["observedHash"].as_str().expect("a hash");
        assert!(newest.description.contains(hash), "{name}: {newest:?}");
        assert!(status["retryCount"].is_null(), "{name}: {status:#}");
        assert!(status["operation"].is_null(), "{name}: {status:#}");
        let label = &newest.labels["status"];
        assert_eq!(label, "deployed", "{name}");
    }
}

/// A graph in layers: each node needs some of the layer below, the first two of a layer the same ones.
fn layered(random: &mut Random) -> BTreeMap<String, Vec<String>> {
    let name = |layer: u64, number: u64| format!("l{layer}-{number}");
    let mut graph = BTreeMap::new();
    for layer in 0..LAYERS {
        for number in 0..WIDTH {
            let mut needs = Vec::new();
            if layer > 0 {
                let most = if number < 2 { 2 } else { 1 + random.below(3) };
                for need in 0..most {
                    let below = match number {
                        // a diamond, with what needs both of them above
                        0 | 1 => need,
                        _ => random.below(WIDTH),
                    };
                    needs.push(name(layer - 1, below));
                }
                needs.sort();
                needs.dedup();
            }
            graph.insert(name(layer, number), needs);
        }
    }
    graph
}

/// Whether this run worked on the release and was cut off.
fn is_hit(call: &HelmCall, release: &str) -> bool {
    call.release == release && call.code != Some(0) && !call.is_running()
}

impl Scene {
    #[track_caller]
    fn all_are_ready(&self) -> bool {
        self.components.list().iter().all(component::is_ready)
    }

    /// One extra revision for each release at most: the moment is put off while helm works on what was hit before.
    #[track_caller]
    fn let_be_what_was_hit_before(&self) {
        for _ in 0..100 {
            let calls = self.controller.helm().calls();
            let mut running = calls.iter().filter(|call| call.is_running());
            let again = running.any(|call| calls.iter().any(|other| is_hit(other, &call.release)));
            if !again {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}
