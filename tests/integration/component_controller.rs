//! Scenarios of the controller contract's section 4, by their numbers: the real program, the real helm, a real API
//! server.

mod chart_arrival;
mod definitions;
mod dependencies;
mod drift;
mod installing;
mod interruption;
mod removal;

use std::time::Duration;

use crate::support::api::poll;
use crate::support::chart_builder::ChartBuilder;
use crate::support::component::{ComponentBuilder, Components};
use crate::support::control_plane::ControlPlane;
use crate::support::controller::Controller;
use crate::support::helm_release::Releases;

/// How long something that the test waits for may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A namespace with Components, and a controller at work on it.
struct Scene {
    // the controller goes first: it reports to nobody then
    controller: Controller,
    components: Components,
    releases: Releases,
}

impl Scene {
    #[track_caller]
    fn new() -> Scene {
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
    fn upload_charts(&self, names: &[&str]) {
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

    /// Waits until there is nothing of the release any more.
    #[track_caller]
    fn await_release_gone(&self, release: &str) {
        let gone = poll(DEADLINE, || {
            self.releases.newest(release).is_none().then_some(())
        });
        assert!(gone.is_some(), "the release {release} did not go");
    }
}
