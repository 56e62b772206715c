//! Releases as people see and make them, with the real helm, and as Helm records them, in Secrets.

mod payload;
mod revision;

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

pub use self::revision::Revision;
use super::api::{Api, poll};
use super::chart_builder::ChartBuilder;
use super::control_plane::ControlPlane;
use super::helm::{HELM, Helm};
use super::process::Finished;

/// How long something may take to become so.
const DEADLINE: Duration = Duration::from_secs(60);

/// The releases of one namespace, and a helm to work on them by hand.
pub struct Releases {
    helm: Helm,
    api: Api,
    namespace: String,
}

impl Releases {
    /// With helm 4.
    #[track_caller]
    pub fn of(plane: &ControlPlane, namespace: &str) -> Releases {
        Releases::with_helm(plane, namespace, HELM)
    }

    /// With the helm of this version.
    #[track_caller]
    pub fn with_helm(plane: &ControlPlane, namespace: &str, version: &'static str) -> Releases {
        Releases {
            helm: Helm::new(version).on_cluster(&plane.kubeconfig()),
            api: plane.api().clone(),
            namespace: namespace.to_owned(),
        }
    }

    /// Where they are.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Runs helm in this namespace.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Finished {
        self.helm
            .run(&[arguments, &["--namespace", &self.namespace]].concat())
    }

    /// Runs helm in this namespace, which must succeed, and returns what it prints, as JSON.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let answer = self.run(&[arguments, &["--output=json"]].concat());
        let text = answer.succeeded().stdout();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }

    /// The names that `helm list` shows, whatever their status.
    #[track_caller]
    pub fn list(&self) -> Vec<String> {
        let listed = if self.helm.is_at_least(4, 0) {
            self.json(&["list"])
        } else {
            self.json(&["list", "--all"])
        };
        let listed = listed.as_array().expect("a list").iter();
        listed
            .map(|release| release["name"].as_str().expect("a name").to_owned())
            .collect()
    }

    /// What `helm history` shows.
    #[track_caller]
    pub fn history(&self, release: &str) -> Vec<Value> {
        let history = self.json(&["history", release]);
        history.as_array().expect("a list").clone()
    }

    /// What `helm get values` shows: the values that were given, without the chart's own.
    #[track_caller]
    pub fn values(&self, release: &str) -> Value {
        self.json(&["get", "values", release])
    }

    /// `helm install` by hand; `more` may hold flags such as `--set=a=b`.
    #[track_caller]
    pub fn install(&self, release: &str, chart: &ChartBuilder, more: &[&str]) -> Finished {
        let package = self.package(chart);
        let package = package.to_string_lossy();
        self.run(&[&["install", release, &package], more].concat())
    }

    /// `helm upgrade` by hand.
    #[track_caller]
    pub fn upgrade(&self, release: &str, chart: &ChartBuilder, more: &[&str]) -> Finished {
        let package = self.package(chart);
        let package = package.to_string_lossy();
        self.run(&[&["upgrade", release, &package], more].concat())
    }

    /// `helm rollback` by hand.
    #[track_caller]
    pub fn rollback(&self, release: &str, revision: i64) -> Finished {
        self.run(&["rollback", release, &revision.to_string()])
    }

    /// `helm uninstall` by hand.
    #[track_caller]
    pub fn uninstall(&self, release: &str, more: &[&str]) -> Finished {
        self.run(&[&["uninstall", release], more].concat())
    }

    /// Starts `helm upgrade --install --wait` of a chart that never gets ready, and kills it in the middle of its
    /// wait. The newest revision is left as Helm leaves it then: `pending-install` or `pending-upgrade`.
    #[track_caller]
    pub fn interrupt_upgrade(&self, release: &str, chart: &ChartBuilder) {
        let before = self.newest(release).map_or(0, |revision| revision.number);
        let mut helm = self.start_upgrade(release, chart);
        let begun = poll(DEADLINE, || {
            let newest = self.newest(release)?;
            (newest.number > before && newest.status.starts_with("pending")).then_some(())
        });
        helm.kill().expect("it runs");
        helm.wait().expect("a child can be waited for");
        assert!(begun.is_some(), "helm began no revision of {release}");
    }

    /// Starts `helm upgrade --install --wait` by hand and returns at once.
    #[track_caller]
    pub fn start_upgrade(&self, release: &str, chart: &ChartBuilder) -> Child {
        let package = self.package(chart);
        let package = package.to_string_lossy();
        let flags = ["--install", "--wait", "--timeout=5m", "--namespace"];
        let arguments = [
            &["upgrade", release, &package],
            &flags[..],
            &[&self.namespace],
        ]
        .concat();
        let mut command = self.helm.command(&arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null()).spawn().expect("helm runs")
    }

    /// The revisions, oldest first.
    #[track_caller]
    pub fn revisions(&self, release: &str) -> Vec<Revision> {
        let selector = format!("labelSelector=owner%3Dhelm%2Cname%3D{release}");
        let secrets = self.api.list(&format!("{}?{selector}", self.secrets()));
        let mut revisions: Vec<Revision> = secrets.iter().map(Revision::of).collect();
        revisions.sort_by_key(|revision| revision.number);
        revisions
    }

    /// The newest revision.
    #[track_caller]
    pub fn newest(&self, release: &str) -> Option<Revision> {
        self.revisions(release).pop()
    }

    /// The status of each revision, oldest first: `["superseded", "deployed"]`.
    #[track_caller]
    pub fn statuses(&self, release: &str) -> Vec<String> {
        let revisions = self.revisions(release).into_iter();
        revisions.map(|revision| revision.status).collect()
    }

    /// What Helm has recorded of a revision.
    #[track_caller]
    pub fn payload(&self, release: &str, revision: i64) -> Value {
        payload::of(&self.secret(release, revision)).expect("a payload that Helm can read")
    }

    /// Rewrites a revision: its payload, and the labels of its Secret that follow from it.
    #[track_caller]
    pub fn rewrite(&self, release: &str, revision: i64, change: impl FnOnce(&mut Value)) {
        let mut secret = self.secret(release, revision);
        let mut payload = payload::of(&secret).expect("a payload that Helm can read");
        change(&mut payload);
        secret["metadata"]["labels"]["status"] = payload["info"]["status"].clone();
        secret["data"]["release"] = payload::encode(&payload).into();
        self.api.replace(&self.path(release, revision), &secret);
    }

    /// Leaves the release locked, as a killed helm does. `pending-install` turns its only revision into that; the
    /// others add a revision to the newest, with these labels of its own beside those that it inherits.
    #[track_caller]
    pub fn leave_pending(&self, release: &str, status: &str, labels: &[(&str, &str)]) -> i64 {
        let newest = self.newest(release).expect("a release").number;
        let (number, description) = match status {
            "pending-install" => {
                assert_eq!(newest, 1, "a first install has one revision");
                (1, "Initial install underway".to_owned())
            }
            "pending-rollback" => (newest + 1, format!("Rollback to {newest}")),
            _ => (newest + 1, "Preparing upgrade".to_owned()),
        };
        let mut secret = self.secret(release, newest);
        let mut payload = payload::of(&secret).expect("a payload that Helm can read");
        payload["version"] = number.into();
        payload["info"]["status"] = status.into();
        payload["info"]["description"] = description.into();
        let own = &mut secret["metadata"]["labels"];
        own["status"] = status.into();
        own["version"] = number.to_string().into();
        for (name, value) in labels {
            own[*name] = (*value).into();
        }
        secret["data"]["release"] = payload::encode(&payload).into();
        if number == newest {
            self.api.replace(&self.path(release, newest), &secret);
            return number;
        }
        secret["metadata"] = json!({
            "name": name(release, number), "labels": secret["metadata"]["labels"].take(),
        });
        self.api.create(&self.secrets(), &secret);
        number
    }

    /// Records a release like this one under another name, as if Helm had installed it with this description and
    /// these labels of its own.
    #[track_caller]
    pub fn copy(&self, release: &str, other: &str, description: &str, own: &[(&str, &str)]) {
        let number = self.newest(release).expect("a release").number;
        let mut secret = self.secret(release, number);
        let mut payload = payload::of(&secret).expect("a payload that Helm can read");
        payload["name"] = other.into();
        payload["info"]["description"] = description.into();
        let mut labels = secret["metadata"]["labels"].take();
        labels["name"] = other.into();
        for (label, value) in own {
            labels[*label] = (*value).into();
        }
        secret["metadata"] = json!({"name": name(other, number), "labels": labels});
        secret["data"]["release"] = payload::encode(&payload).into();
        self.api.create(&self.secrets(), &secret);
    }

    /// Makes a revision's payload unreadable; the labels stay.
    #[track_caller]
    pub fn corrupt(&self, release: &str, revision: i64) {
        let patch = json!({"data": {"release": payload::garbage()}});
        self.api.merge(&self.path(release, revision), &patch);
    }

    /// Deletes the record of a revision; what it installed stays.
    #[track_caller]
    pub fn forget(&self, release: &str, revision: i64) {
        self.api.delete(&self.path(release, revision));
    }

    /// Deletes every record of the release; what it installed stays.
    #[track_caller]
    pub fn forget_all(&self, release: &str) {
        for revision in self.revisions(release) {
            self.forget(release, revision.number);
        }
    }

    /// The Secret with a revision's record.
    #[track_caller]
    pub fn secret(&self, release: &str, revision: i64) -> Value {
        let path = self.path(release, revision);
        self.api
            .get(&path)
            .unwrap_or_else(|| panic!("there is no {path}"))
    }

    fn path(&self, release: &str, revision: i64) -> String {
        format!("{}/{}", self.secrets(), name(release, revision))
    }

    fn secrets(&self) -> String {
        format!("/api/v1/namespaces/{}/secrets", self.namespace)
    }

    fn package(&self, chart: &ChartBuilder) -> PathBuf {
        let path = self.helm.directory().join(chart.file_name());
        std::fs::write(&path, chart.package()).expect("a writable directory");
        path
    }
}

fn name(release: &str, revision: i64) -> String {
    format!("sh.helm.release.v1.{release}.v{revision}")
}
