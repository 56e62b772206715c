//! Scenes with options of their own, and passes counted: how to show that nothing happens.

use super::{Components, ControlPlane, Controller, DEADLINE, Releases, Scene};
use crate::support::api::poll;
use crate::support::controller::ControllerOptions;

impl Scene {
    /// A scene whose controller is started with other options.
    #[track_caller]
    pub(super) fn with(change: impl FnOnce(ControllerOptions) -> ControllerOptions) -> Scene {
        Scene::on(ControlPlane::shared(), change)
    }

    /// The same on this control plane.
    #[track_caller]
    pub(super) fn on(
        plane: &ControlPlane,
        change: impl FnOnce(ControllerOptions) -> ControllerOptions,
    ) -> Scene {
        let components = Components::of(plane);
        let options = Controller::options(plane, components.namespace());
        Scene {
            controller: change(options).start(),
            releases: Releases::of(plane, components.namespace()),
            components,
        }
    }

    /// How many passes the controller has ended, well or not.
    #[track_caller]
    pub(super) fn passes(&mut self) -> u64 {
        let answer = self.controller.get("metrics", "/metrics");
        let text = answer.expect(200).text();
        let counts = text
            .lines()
            .filter(|line| line.starts_with("controller_reconcile_total"));
        let numbers = counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        numbers.sum::<f64>() as u64
    }

    /// Waits until the controller has looked at a Component that it does not answer, such as a suspended one, after
    /// everything that was done to it until now. There must be no other Component that is being worked on.
    #[track_caller]
    pub(super) fn await_look(&mut self, name: &str) {
        // the first may have been on its way already; the second began after it had ended
        for round in ["first", "second"] {
            let before = self.passes();
            let at = format!("{round} look after {before} passes");
            self.components.annotate(name, "requestedAt", at);
            let after = poll(DEADLINE, || (self.passes() > before).then_some(()));
            assert!(after.is_some(), "nobody looked at {name}");
        }
    }
}
