//! Scenarios of docs/components.md 19, by their numbers: the real program, the real helm, a real API
//! server.

mod bounds;
mod chart_arrival;
mod crashes;
mod definitions;
mod dependencies;
mod drift;
mod failures;
mod field_owners;
mod fields_of_others;
mod graphs;
mod handed_down;
mod held;
mod helms_ways;
mod installing;
mod interruption;
mod kept_definitions;
mod leaving;
mod moving;
mod odd_charts;
mod odd_names;
mod odd_specs;
mod operation_ids;
mod outside;
mod passes;
mod pending;
mod progress;
mod records;
mod refused_drift;
mod removal;
mod replicas;
mod retries;
mod rivals;
mod separators;
mod start;
mod steady;
mod storm;
mod unreadable_manifest;
mod values;
mod versions;
mod waiting;

use std::time::Duration;

use crate::support::api::poll;
use crate::support::chart_builder::ChartBuilder;
use crate::support::component::{self, ComponentBuilder, Components};
use crate::support::control_plane::ControlPlane;
use crate::support::controller::Controller;
use crate::support::helm_release::Releases;

/// How long something that the test waits for may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A namespace with Components, and a controller at work on it.
pub struct Scene {
    // the controller goes first: it reports to nobody then
    pub controller: Controller,
    pub components: Components,
    pub releases: Releases,
}

impl Scene {
    #[track_caller]
    pub fn new() -> Scene {
        let plane = ControlPlane::shared();
        let components = Components::of(plane);
        Scene {
            controller: Controller::start(plane, components.namespace()),
            releases: Releases::of(plane, components.namespace()),
            components,
        }
    }

    /// Uploads small charts of these names in version 1.0.0.
    #[track_caller]
    pub fn upload_charts(&self, names: &[&str]) {
        for name in names {
            self.controller.upload(&ChartBuilder::new(name, "1.0.0"));
        }
    }

    /// Applies a Component and waits until it is ready.
    #[track_caller]
    fn install(&self, component: &ComponentBuilder) {
        self.components.apply(component);
        self.components.ready(component.name());
    }

    /// How many runs of helm there were.
    #[track_caller]
    fn helm_count(&self) -> usize {
        self.controller.helm().calls().len()
    }

    /// How many runs of helm have not ended.
    #[track_caller]
    fn running_helms(&self) -> usize {
        let calls = self.controller.helm().calls();
        calls.iter().filter(|call| call.ended.is_none()).count()
    }

    /// Asks for a pass and waits until the controller says that it has made one.
    #[track_caller]
    fn request_pass(&self, name: &str, at: &str) {
        self.components.annotate(name, "requestedAt", at);
        self.components.wait_for(name, "looked at again", |one| {
            one["status"]["lastHandledReconcileAt"] == at
        });
    }

    /// A ConfigMap in the namespace; `None` when there is none.
    #[track_caller]
    fn config_map(&self, name: &str) -> Option<serde_json::Value> {
        let namespace = self.components.namespace();
        let path = format!("/api/v1/namespaces/{namespace}/configmaps/{name}");
        self.components.api().get(&path)
    }

    /// Takes the finalizers of a ConfigMap away: nobody holds it any more.
    #[track_caller]
    fn free(&self, name: &str) {
        let namespace = self.components.namespace();
        let path = format!("/api/v1/namespaces/{namespace}/configmaps/{name}");
        let free = serde_json::json!({"metadata": {"finalizers": null}});
        self.components.api().merge(&path, &free);
    }

    /// Waits until there is nothing of the release any more.
    #[track_caller]
    fn await_release_gone(&self, release: &str) {
        let gone = poll(DEADLINE, || {
            self.releases.newest(release).is_none().then_some(())
        });
        assert!(gone.is_some(), "the release {release} did not go");
    }

    /// The verbs of helm's runs on a release, in the order of their starts.
    #[track_caller]
    fn verbs(&self, release: &str) -> Vec<String> {
        let calls = self.controller.helm().calls().into_iter();
        let calls = calls.filter(|call| call.release == release);
        calls.map(|call| call.verb).collect()
    }

    /// There were two runs of this verb on the release, the second as long after the first as the schedule says.
    #[track_caller]
    fn check_second_try(&self, verb: &str, release: &str) {
        let calls = self.controller.helm().calls_of(verb, release);
        assert_eq!(calls.len(), 2, "{calls:#?}");
        let ended = calls[0].ended.expect("it ended");
        let pause = (calls[1].started - ended) / 1_000_000_000;
        assert!((8..30).contains(&pause), "{pause} s between the two");
    }

    /// How many runs of helm there were on a release.
    #[track_caller]
    fn helm_calls(&self, release: &str) -> usize {
        self.verbs(release).len()
    }

    /// Waits until there were so many runs of helm on a release, and the last of them is over.
    #[track_caller]
    fn await_helm_calls(&self, release: &str, wanted: usize) {
        let reached = poll(DEADLINE, || {
            let mut calls = self.controller.helm().calls();
            calls.retain(|call| call.release == release);
            (calls.len() >= wanted && calls.iter().all(|call| call.ended.is_some())).then_some(())
        });
        assert!(reached.is_some(), "no {wanted} runs of helm on {release}");
    }

    /// Waits until the Component is ready with this revision of its release.
    #[track_caller]
    fn await_revision(&self, name: &str, revision: i64) -> serde_json::Value {
        let what = format!("ready at revision {revision}");
        self.components.wait_for(name, &what, |one| {
            component::is_ready(one)
                && one["status"]["releaseVersion"] == revision
                && self
                    .releases
                    .newest(name)
                    .is_some_and(|newest| newest.number == revision)
        })
    }

    /// What the small chart of the release's own name has put into its ConfigMap.
    #[track_caller]
    fn greeting(&self, release: &str) -> serde_json::Value {
        let installed = self.config_map(&format!("{release}-{release}"));
        installed.expect("what the chart installs")["data"]["greeting"].clone()
    }
}
