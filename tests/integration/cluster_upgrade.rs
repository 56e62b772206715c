//! A cluster is upgraded under Components: from the oldest Kubernetes that is promised to this run's, over the same etcd,
//! while the controller runs. What stored releases name is served in another version then, or not at all.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::api::poll;
use crate::support::chart_builder::ChartBuilder;
use crate::support::component::{self, ComponentBuilder, Components, Event};
use crate::support::control_plane::ControlPlane;
use crate::support::controller::Controller;
use crate::support::helm_release::Releases;

/// How long something may take to become so.
const DEADLINE: Duration = Duration::from_secs(60);
/// Where priority levels are in the version that both serve in their own way.
const LEVELS: &str = "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations";
/// Served up to 1.31.
const OLD: &str = "flowcontrol.apiserver.k8s.io/v1beta3";
/// Served from 1.29 on.
const NEW: &str = "flowcontrol.apiserver.k8s.io/v1";
/// As charts do that are for old and new clusters.
const CHOSEN: &str = "flowcontrol.apiserver.k8s.io/{{ if .Capabilities.APIVersions.Has \
                      \"flowcontrol.apiserver.k8s.io/v1\" }}v1{{ else }}v1beta3{{ end }}";
/// A kind that is gone altogether since 1.25.
const POLICY: &str = "---\n# Source: flow/templates/policy.yaml\napiVersion: policy/v1beta1\nkind: PodSecurityPolicy\n\
                      metadata:\n  name: strict\nspec: {}\n";

#[test]
fn a_cluster_upgrade_needs_no_hand() {
    let plane = ControlPlane::start_oldest_with_controller_manager();
    let site = Site::new(&plane);
    site.install_before_the_upgrade();
    plane.upgrade();
    site.everything_is_well();
    site.a_release_is_upgraded_and_rolled_back();
    site.a_failed_upgrade_is_rolled_back_to_what_the_old_cluster_made();
    site.a_chart_that_renders_what_is_gone_is_told_to_change();
    site.a_chart_for_the_new_version_alone_is_taken();
    site.releases_are_uninstalled();
}

/// Objects that apply at once; `hooks` has one of them around the uninstall.
fn chart(name: &str, number: &str, api_version: &str) -> ChartBuilder {
    let level = |name: &str, annotations: &str| {
        format!(
            "apiVersion: {api_version}\nkind: PriorityLevelConfiguration\nmetadata:\n  name: {{{{ .Release.Namespace \
             }}}}-{{{{ .Release.Name }}}}{name}\n{annotations}spec:\n  type: Limited\n  limited:\n    \
             nominalConcurrencyShares: 7\n    limitResponse: {{type: Reject}}\n"
        )
    };
    let hook = "  annotations:\n    helm.sh/hook: pre-delete\n    helm.sh/hook-delete-policy: hook-succeeded\n";
    ChartBuilder::new(name, number)
        .template("level", &level("", ""))
        .template("hook", &level("-hook", hook))
}

/// A namespace of the cluster with a controller at work on it, before, during and after the upgrade.
struct Site<'a> {
    plane: &'a ControlPlane,
    controller: Controller,
    components: Components,
    releases: Releases,
}

impl Site<'_> {
    fn new(plane: &ControlPlane) -> Site<'_> {
        let components = Components::of(plane);
        Site {
            plane,
            controller: Controller::start(plane, components.namespace()),
            releases: Releases::of(plane, components.namespace()),
            components,
        }
    }

    fn install_before_the_upgrade(&self) {
        let broken = chart("flow", "2.0.0", CHOSEN).rejected_object();
        let newer = chart("newer", "1.0.0", CHOSEN).more_yaml("kubeVersion: \">=1.30.0-0\"");
        let charts = [
            chart("flow", "1.0.0", CHOSEN),
            broken,
            chart("fixed", "1.0.0", OLD),
            newer,
        ];
        charts.iter().for_each(|chart| {
            self.controller.upload(chart);
        });
        let flow = |name: &str| {
            let component = ComponentBuilder::new(name).chart("flow").version("1.0.0");
            component.spec(json!({"interval": "1h"}))
        };
        let fixed = ComponentBuilder::new("fixed").spec(json!({"interval": "1h"}));
        self.components
            .apply_all(&[flow("kept"), flow("back"), flow("gone"), fixed]);
        self.components
            .all_ready(&["kept", "back", "gone", "fixed"]);
        self.set_greeting("kept", "second");
        self.await_revision("kept", 2);
        for (release, revision) in [("kept", 1), ("kept", 2), ("gone", 1)] {
            let manifest = self.manifest(release, revision);
            assert!(manifest.contains(OLD), "{release}: {manifest}");
        }
        self.components.apply(&ComponentBuilder::new("newer"));
        let refused = self.components.await_condition(
            "newer",
            "ChartResolved",
            "False",
            "KubeVersionMismatch",
        );
        assert!(refused.message.contains("1.28"), "{refused:?}");

        // what an even older cluster would have left in the records
        for (release, revision) in [("kept", 2), ("gone", 1)] {
            self.releases.rewrite(release, revision, |payload| {
                let manifest = payload["manifest"].as_str().expect("a text").to_owned();
                payload["manifest"] = (manifest + POLICY).into();
            });
        }
    }

    /// Health, drift and inventory look at the same objects where they are served now.
    fn everything_is_well(&self) {
        for name in ["kept", "back", "gone", "fixed"] {
            self.components
                .annotate(name, "requestedAt", "after the upgrade");
            let looked = self.components.wait_for(name, "looked at again", |one| {
                one["status"]["lastHandledReconcileAt"] == "after the upgrade"
            });
            assert!(component::is_ready(&looked), "{looked:#}");
            assert!(
                component::is(&looked, "Healthy", "True", "Healthy"),
                "{looked:#}"
            );
            assert_eq!(component::phase(&looked), "Deployed", "{looked:#}");
        }
        let manifest = self.manifest("back", 1);
        assert!(
            manifest.contains(OLD),
            "nothing is rewritten for a look: {manifest}"
        );

        // what somebody takes away is put back where it is served
        let before = self.level("back").expect("it is there")["metadata"]["uid"].clone();
        self.plane.api().delete(&self.path("back"));
        self.components
            .annotate("back", "requestedAt", "after the drift");
        self.components.await_event("back", "DriftCorrected");
        let after = self.level("back").expect("it is back")["metadata"]["uid"].clone();
        assert_ne!(before, after);
    }

    fn a_release_is_upgraded_and_rolled_back(&self) {
        let before = self.releases.secret("kept", 2)["data"]["release"].clone();
        self.set_greeting("kept", "third");
        self.await_revision("kept", 3);
        assert_eq!(self.greeting("kept"), "third");
        let event = self.components.await_event("kept", "RecordRewritten");
        for words in [
            &*format!("PriorityLevelConfiguration: {OLD} → {NEW}"),
            "PodSecurityPolicy strict (policy/v1beta1)",
            "Secret sh.helm.release.v1.kept.v2.original",
        ] {
            assert!(event.note.contains(words), "{words}: {event:?}");
        }
        for revision in [1, 2, 3] {
            let manifest = self.manifest("kept", revision);
            assert!(
                manifest.contains(NEW) && !manifest.contains(OLD),
                "{manifest}"
            );
            assert!(!manifest.contains("PodSecurityPolicy"), "{manifest}");
            let hooks = self.releases.payload("kept", revision)["hooks"].to_string();
            assert!(hooks.contains(NEW) && !hooks.contains(OLD), "{hooks}");
        }
        let original = self.original("kept", 2).expect("the record as it was");
        assert_eq!(original["data"]["release"], before);

        // Helm itself can go back to what the old cluster made, and the controller puts that right
        self.releases.rollback("kept", 1).succeeded();
        self.await_revision("kept", 5);
        assert_eq!(self.greeting("kept"), "third");
    }

    fn a_failed_upgrade_is_rolled_back_to_what_the_old_cluster_made(&self) {
        let broken = json!({"version": "2.0.0", "upgrade": {"retries": 0}});
        self.components.change("back", &broken);
        self.components
            .await_condition("back", "Released", "True", "RollbackSucceeded");
        let newest = self.releases.newest("back").expect("a revision");
        assert_eq!((newest.number, &*newest.description), (3, "Rollback to 1"));
        assert!(self.manifest("back", 3).contains(NEW));
        self.components.change("back", &json!({"version": "1.0.0"}));
        self.components.ready("back");
    }

    fn a_chart_that_renders_what_is_gone_is_told_to_change(&self) {
        self.set_greeting("fixed", "changed");
        let stalled =
            self.components
                .await_condition("fixed", "Stalled", "True", "KubeVersionMismatch");
        for words in [
            &*format!("PriorityLevelConfiguration ({OLD}), which it serves in {NEW}"),
            "The chart must change",
        ] {
            assert!(stalled.message.contains(words), "{words}: {stalled:?}");
        }
        assert!(
            !stalled.message.contains("CustomResourceDefinition"),
            "{stalled:?}"
        );
        assert_eq!(self.releases.statuses("fixed"), ["deployed"]);

        self.controller.upload(&chart("fixed", "1.0.1", CHOSEN));
        self.components
            .change("fixed", &json!({"version": "1.0.1"}));
        self.await_revision("fixed", 2);
        assert_eq!(self.greeting("fixed"), "changed");
    }

    /// The controller has not been started again, and knows the version that the cluster has now.
    fn a_chart_for_the_new_version_alone_is_taken(&self) {
        self.components
            .annotate("newer", "requestedAt", "after the upgrade");
        self.components.ready("newer");
    }

    fn releases_are_uninstalled(&self) {
        // straight from the old cluster's record, with its hook
        self.components.delete("gone");
        self.components.await_gone("gone");
        let names: Vec<Event> = self.components.events("gone");
        assert!(
            names.iter().any(|event| event.reason == "RecordRewritten"),
            "{names:?}"
        );
        for name in ["kept", "back", "fixed", "newer"] {
            self.components.delete(name);
            self.components.await_gone(name);
        }
        assert_eq!(
            self.plane
                .api()
                .list(LEVELS)
                .iter()
                .filter(|level| {
                    let name = level["metadata"]["name"].as_str().unwrap_or_default();
                    name.starts_with(self.components.namespace())
                })
                .count(),
            0
        );
        let secrets = format!("/api/v1/namespaces/{}/secrets", self.components.namespace());
        let none_left = poll(DEADLINE, || {
            self.plane.api().list(&secrets).is_empty().then_some(())
        });
        assert!(none_left.is_some(), "records kept go with their release");
    }

    fn set_greeting(&self, name: &str, greeting: &str) {
        let values = json!({"values": {"greeting": greeting}});
        self.components.change(name, &values);
    }

    #[track_caller]
    fn await_revision(&self, name: &str, revision: i64) {
        let what = format!("ready at revision {revision}");
        self.components.wait_for(name, &what, |one| {
            component::is_ready(one) && one["status"]["releaseVersion"] == revision
        });
    }

    #[track_caller]
    fn greeting(&self, release: &str) -> Value {
        let chart = if release == "fixed" { "fixed" } else { "flow" };
        let namespace = self.components.namespace();
        let path = format!("/api/v1/namespaces/{namespace}/configmaps/{release}-{chart}");
        let installed = self.plane.api().get(&path);
        installed.expect("what the chart installs")["data"]["greeting"].clone()
    }

    #[track_caller]
    fn manifest(&self, release: &str, revision: i64) -> String {
        let payload = self.releases.payload(release, revision);
        payload["manifest"].as_str().expect("a text").to_owned()
    }

    fn original(&self, release: &str, revision: i64) -> Option<Value> {
        let namespace = self.components.namespace();
        let name = format!("sh.helm.release.v1.{release}.v{revision}.original");
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
        self.plane.api().get(&path)
    }

    fn level(&self, release: &str) -> Option<Value> {
        self.plane.api().get(&self.path(release))
    }

    fn path(&self, release: &str) -> String {
        format!("{LEVELS}/{}-{release}", self.components.namespace())
    }
}
