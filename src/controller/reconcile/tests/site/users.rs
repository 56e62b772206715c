//! What users and others do.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::write::key_of;
use super::{HOME, Site, key, release};
use crate::component::{Component, ComponentSpec};
use crate::controller::reconcile::tests::helm::{History, Making};
use crate::controller::reconcile::tests::installer::End;
use crate::release::operation::ReleaseKey;
use crate::release::record::RecordedChart;
use crate::yaml::{self, Limits};

impl Site {
    /// `kubectl apply` of a Component with this spec, as YAML.
    pub fn apply(&mut self, name: &str, spec: &str) {
        let spec = match spec {
            "" => json!({}),
            spec => yaml_of(spec),
        };
        let component: Component = serde_json::from_value(json!({
            "apiVersion": "ext.theriseunion.io/v1alpha1",
            "kind": "Component",
            "metadata": {"name": name, "namespace": HOME},
            "spec": spec,
        }))
        .expect("it is a Component");
        let Some(mut known) = self.components.get(&key(name)).cloned() else {
            return self.create(component);
        };
        if known.spec != component.spec {
            known.spec = component.spec;
            self.respecified(known);
        }
    }

    /// A Component with this spec was installed, and everything is in order.
    #[track_caller]
    pub fn runs(&mut self, name: &str, spec: &str) {
        self.apply(name, spec);
        self.settle();
        self.shows(name, "Deployed Ready=True");
        self.helm.take_runs(&release(name));
        self.events.clear();
    }

    /// A Helm that hangs on the release of that name, if there is one, goes on and ends like this.
    pub fn helm_goes_on(&mut self, name: &str, end: End) {
        let hangs = self.running.values().any(|run| run.is_of(&release(name)));
        if hangs {
            self.helm.go_on(&release(name), end);
        }
    }

    /// `web` runs in version 1.0.0, and its upgrade to 2.0.0 was given up: revision 9 is the last way back.
    pub fn is_given_up(&mut self) {
        self.runs("web", "version: 1.0.0");
        let ends = [End::Fails("no such image"), End::Works];
        self.helm_ends("web", &ends.repeat(4));
        self.apply("web", "version: 2.0.0");
        self.pass(1200);
        self.shows("web", "Stalled=True/RetriesExceeded");
        self.helm.take_runs(&release("web"));
    }

    /// `api` runs, and `db` was made for it.
    pub fn runs_with_db(&mut self) {
        self.apply(
            "api",
            "{version: 1.0.0, chart: {name: web}, dependsOn: [{name: db}]}",
        );
        self.pass(60);
        self.shows("api", "Deployed");
        self.helm.take_runs(&release("db"));
    }

    /// Somebody writes conditions into a status that are True and do not hold.
    pub fn spoils_status(&mut self, name: &str, conditions: &[&str]) {
        let mut component = self.component(name);
        let status = component.status.get_or_insert_default();
        for about in conditions {
            let mut stale = status.conditions[0].clone();
            stale.type_ = (*about).to_owned();
            stale.status = "True".to_owned();
            stale.reason = "RetriesExceeded".to_owned();
            status.conditions.push(stale);
        }
        self.put(component);
    }

    /// The next runs of Helm on the release of that name end like this, one after the other.
    pub fn helm_ends(&mut self, name: &str, ends: &[End]) {
        self.helm.next(&release(name), ends);
    }

    /// A change of what a Component's spec says.
    pub fn respecify(&mut self, name: &str, change: impl FnOnce(&mut ComponentSpec)) {
        let mut component = self.component(name);
        let before = component.spec.clone();
        change(&mut component.spec);
        if component.spec != before {
            self.respecified(component);
        }
    }

    /// A Component's spec has always said so: no new generation.
    pub fn had_from_the_start(&mut self, name: &str, change: impl FnOnce(&mut ComponentSpec)) {
        let mut component = self.component(name);
        change(&mut component.spec);
        self.put(component);
    }

    /// A Component with another spec than before is stored: a new generation.
    pub(super) fn respecified(&mut self, mut component: Component) {
        component.metadata.generation = component.metadata.generation.map(|known| known + 1);
        let key = key_of(&component);
        self.put(component);
        self.wake(&key);
    }

    pub(super) fn create(&mut self, mut component: Component) {
        self.versions += 1;
        component.metadata.generation = Some(1);
        component.metadata.uid = Some(format!("{:08}", self.versions));
        component.metadata.creation_timestamp = Some(Time(self.now));
        let key = key_of(&component);
        self.put(component);
        self.wake(&key);
    }

    pub fn annotate(&mut self, name: &str, annotation: &str, value: &str) {
        let mut component = self.component(name);
        let annotations = component.metadata.annotations.get_or_insert_default();
        let annotation = format!("ext.theriseunion.io/{annotation}");
        annotations.insert(annotation, value.to_owned());
        self.put(component);
        self.wake(&key(name));
    }

    /// `kubectl delete --wait=false`
    pub fn delete(&mut self, name: &str) {
        let mut component = self.component(name);
        component.metadata.deletion_timestamp = Some(Time(self.now));
        component.metadata.generation = component.metadata.generation.map(|known| known + 1);
        self.put(component);
        self.wake(&key(name));
    }

    /// The Component as it is stored.
    pub fn component(&self, name: &str) -> Component {
        let component = self.components.get(&key(name));
        component
            .unwrap_or_else(|| panic!("{name} is gone"))
            .clone()
    }

    /// Something changes in the repository, and everybody looks.
    pub fn repository_changes(&mut self, change: impl FnOnce(&mut super::Repository)) {
        change(&mut self.repository);
        let keys: Vec<_> = self.components.keys().cloned().collect();
        keys.iter().for_each(|key| self.wake(key));
    }

    /// A definition comes whose lack an attempt failed of.
    pub fn definition_comes(&mut self, name: &str) {
        (self.memory).of(&key(name), |memory| memory.definition_came = true);
        self.wake(&key(name));
    }

    /// Somebody changes a release's Secrets by hand.
    pub fn by_hand(&mut self, name: &str, change: impl FnOnce(&mut History)) {
        let key = release(name);
        self.helm.release(&key, |history, _| change(history));
        self.wake_release(&key);
    }

    /// `helm upgrade --install` by hand, with a chart such as `web 1.0.0`; it works, fails, or is left pending.
    pub fn helm_upgrade_by_hand(
        &mut self,
        name: &str,
        chart: &str,
        result: Option<Result<(), &str>>,
    ) {
        let (chart, version) = chart.split_once(' ').expect("a name and a version");
        let making = Making {
            chart: RecordedChart {
                name: chart.to_owned(),
                version: version.to_owned(),
                app_version: None,
            },
            limit: 10,
            ..Making::default()
        };
        let now = self.now;
        self.by_hand(name, |history| {
            history.upgrade(&making, now).expect("Helm lets it");
            match result {
                Some(Ok(())) => history.succeed(),
                Some(Err(error)) => history.fail(error),
                None => {}
            }
        });
    }

    /// `helm rollback` by hand.
    pub fn helm_rollback_by_hand(&mut self, name: &str, to: i64) {
        let now = self.now;
        self.by_hand(name, |history| {
            history.roll_back(to, 10, now).expect("Helm lets it");
            history.succeed();
        });
    }

    /// The release's Secrets have changed: who wants it looks.
    pub(super) fn wake_release(&mut self, release: &ReleaseKey) {
        let wants = |component: &Component| {
            component.target_namespace() == release.0 && component.release_name() == release.1
        };
        let keys: Vec<_> = (self.components.iter())
            .filter(|(_, component)| wants(component))
            .map(|(key, _)| key.clone())
            .collect();
        keys.iter().for_each(|key| self.wake(key));
    }
}

/// Numbers of JSON are as exact here as they are in the API.
fn yaml_of(text: &str) -> Value {
    let limits = Limits {
        nodes: 10_000,
        depth: 50,
    };
    let yaml = || yaml::parse(text.as_bytes(), limits);
    serde_json::from_str(text).unwrap_or_else(|_| yaml().expect("it is YAML").to_json())
}
