//! What Helm 4 does to its Secrets, in memory, with the oddities that decisions must know (docs/components.md 5.8).

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value};

use crate::release::operation::NO_LABEL;
use crate::release::record::{Record, RecordedChart, ReleaseStatus, Revision, secret_name};

use ReleaseStatus as S;

/// A release: its revisions, newest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub namespace: String,
    pub name: String,
    pub stored: Vec<Stored>,
    /// What the pending newest revision says when it has worked; Helm's own words if `None`.
    promised: Option<String>,
    /// How often any of its Secrets was written.
    writes: usize,
}

/// One Secret.
#[derive(Clone, Debug)]
pub struct Stored {
    pub record: Record,
    pub revision: Revision,
    /// Somebody has broken its payload.
    pub is_unreadable: bool,
}

/// What an install or an upgrade makes a revision of.
#[derive(Clone, Debug, Default)]
pub struct Making {
    pub chart: RecordedChart,
    pub values: Map<String, Value>,
    /// The labels `op`, `hash` and `owner`; one that is not given is inherited.
    pub operation: Option<String>,
    pub hash: Option<String>,
    pub owner: Option<String>,
    /// The description of a success; Helm's own words if `None`.
    pub description: Option<String>,
    /// How many revisions are kept; 0 keeps all.
    pub limit: usize,
}

impl History {
    pub fn of(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            ..Self::default()
        }
    }

    pub fn newest(&self) -> Option<&Stored> {
        self.stored.first()
    }

    pub fn revisions(&self) -> Vec<Revision> {
        self.stored.iter().map(|it| it.revision.clone()).collect()
    }

    pub fn record(&self, number: i64) -> Option<&Record> {
        let found = self.stored.iter().find(|it| it.record.revision == number);
        found.filter(|it| !it.is_unreadable).map(|it| &it.record)
    }

    /// True if Helm installs: there is nothing, or an uninstalled history.
    pub fn is_absent(&self) -> bool {
        self.newest()
            .is_none_or(|newest| newest.record.status == S::Uninstalled)
    }

    /// `helm upgrade --install`, until its revision is there, pending; or Helm's error.
    pub fn upgrade(&mut self, making: &Making, now: Timestamp) -> Result<(), String> {
        let is_install = self.is_absent();
        let before = self.newest().filter(|_| !is_install).cloned();
        if let Some(before) = &before {
            let status = before.record.status;
            if before.is_unreadable {
                return Err("Error: illegal base64 data at input byte 4".to_owned());
            }
            if status.is_pending() {
                return Err(LOCKED.to_owned());
            }
            let is_deployed = |it: &Stored| it.record.status == S::Deployed;
            if !matches!(status, S::Failed | S::Superseded) && !self.stored.iter().any(is_deployed)
            {
                let name = &self.name;
                return Err(format!("Error: \"{name}\" has no deployed releases"));
            }
        }
        if let Some(replaced) = self.stored.first_mut().filter(|_| is_install) {
            replaced.set(S::Superseded, "superseded by new release");
        }
        let inherits = |of: fn(&Revision) -> &Option<String>| {
            before.as_ref().and_then(|it| of(&it.revision).clone())
        };
        let or = |own: &Option<String>, inherited: Option<String>| match own.as_deref() {
            Some(NO_LABEL) => None,
            Some(own) => Some(own.to_owned()),
            None => inherited,
        };
        let labels = [
            or(&making.operation, inherits(|it| &it.operation)),
            or(&making.hash, inherits(|it| &it.hash)),
            or(&making.owner, inherits(|it| &it.owner)),
        ];
        let status = if is_install {
            S::PendingInstall
        } else {
            S::PendingUpgrade
        };
        let made = self.make(making.chart.clone(), making.values.clone(), status, now);
        self.push(made, labels, making.limit, now);
        self.promised.clone_from(&making.description);
        Ok(())
    }

    /// `helm rollback`, until its revision is there, pending; or Helm's error.
    pub fn roll_back(&mut self, to: i64, limit: usize, now: Timestamp) -> Result<(), String> {
        let target = self.stored.iter().find(|it| it.record.revision == to);
        let Some(target) = target.filter(|it| !it.is_unreadable).cloned() else {
            return Err(format!("Error: release has no {to} version"));
        };
        let Stored {
            record, revision, ..
        } = target;
        let mut made = self.make(record.chart, record.config, S::PendingRollback, now);
        made.description = format!("Rollback to {to}");
        let labels = [revision.operation, revision.hash, revision.owner];
        self.push(made, labels, limit, now);
        Ok(())
    }

    /// The pending newest revision is deployed; what was in force before it is superseded.
    pub fn succeed(&mut self) {
        let promised = self.promised.take();
        let description = promised.as_deref();
        let Some((made, older)) = self.stored.split_first_mut() else {
            return;
        };
        let status = made.record.status;
        let words = match status {
            S::PendingRollback => made.record.description.clone(),
            S::PendingInstall => description.unwrap_or("Install complete").to_owned(),
            _ => description.unwrap_or("Upgrade complete").to_owned(),
        };
        let mut overtaken = 0;
        for it in older
            .iter_mut()
            .filter(|it| it.record.status == S::Deployed)
        {
            it.set(S::Superseded, &it.record.description.clone());
            overtaken += 1;
        }
        // an upgrade without a deployed revision goes on from the failed one
        if let (0, S::PendingUpgrade, Some(it)) = (overtaken, status, older.first_mut()) {
            it.set(S::Superseded, &it.record.description.clone());
        }
        made.set(S::Deployed, &words);
        self.touch();
    }

    /// The pending newest revision has failed with this error.
    pub fn fail(&mut self, error: &str) {
        let Some((made, older)) = self.stored.split_first_mut() else {
            return;
        };
        let name = &self.name;
        let words = match made.record.status {
            S::PendingRollback => format!("Rollback {name:?} failed: {error}"),
            S::PendingInstall => format!("Release {name:?} failed: {error}"),
            _ => format!("Upgrade {name:?} failed: {error}"),
        };
        if let (S::PendingRollback, Some(before)) = (made.record.status, older.first_mut()) {
            before.set(S::Superseded, &before.record.description.clone());
        }
        made.set(S::Failed, &words);
        self.touch();
    }

    /// What an uninstall that was begun makes of the newest revision.
    pub fn is_uninstalling(&mut self) {
        if let Some(newest) = self.stored.first_mut() {
            newest.set(S::Uninstalling, "Deletion in progress (or silently failed)");
        }
        self.touch();
    }

    /// What a finished uninstall leaves.
    pub fn uninstalled(&mut self, keeps_history: bool) {
        if !keeps_history {
            self.stored.clear();
        } else if let Some(newest) = self.stored.first_mut() {
            newest.set(S::Uninstalled, "Uninstallation complete");
        }
        self.touch();
    }

    /// Somebody writes the newest Secret: this status and description, in payload and label.
    pub fn set_newest(&mut self, status: ReleaseStatus, description: &str) {
        if let Some(newest) = self.stored.first_mut() {
            newest.set(status, description);
        }
        self.touch();
    }

    fn make(
        &self,
        chart: RecordedChart,
        config: Map<String, Value>,
        status: ReleaseStatus,
        now: Timestamp,
    ) -> Record {
        let first = self.stored.last().and_then(|it| it.record.first_deployed);
        Record {
            name: self.name.clone(),
            namespace: self.namespace.clone(),
            revision: self.newest().map_or(1, |it| it.record.revision + 1),
            status,
            description: "Preparing upgrade".to_owned(),
            first_deployed: first.or(Some(now)),
            last_deployed: Some(now),
            chart,
            config,
            manifest: String::new(),
            hooks: Vec::new(),
            labels: BTreeMap::new(),
            apply_method: Some("ssa".to_owned()),
            notes: String::new(),
        }
    }

    fn push(
        &mut self,
        record: Record,
        [operation, hash, owner]: [Option<String>; 3],
        limit: usize,
        now: Timestamp,
    ) {
        while limit > 0 && self.stored.len() >= limit {
            let is_deployed = |it: &Stored| it.record.status == S::Deployed;
            // the last one in force stays, however old
            let kept = self.stored.iter().position(is_deployed);
            let last = self.stored.len() - 1;
            match kept == Some(last) {
                true if last == 0 => break,
                true => _ = self.stored.remove(last - 1),
                false => _ = self.stored.remove(last),
            }
        }
        let revision = Revision {
            number: record.revision,
            status: record.status,
            operation,
            hash,
            owner,
            secret: secret_name(&self.name, record.revision),
            resource_version: String::new(),
            created: Some(Time(now)),
        };
        let is_unreadable = false;
        self.stored.insert(
            0,
            Stored {
                record,
                revision,
                is_unreadable,
            },
        );
        self.touch();
    }

    fn touch(&mut self) {
        self.writes += 1;
        if let Some(newest) = self.stored.first_mut() {
            newest.revision.resource_version = self.writes.to_string();
        }
    }
}

impl Stored {
    fn set(&mut self, status: ReleaseStatus, description: &str) {
        self.record.status = status;
        self.revision.status = status;
        self.record.description = description.to_owned();
    }
}

/// What Helm says to a second operation.
pub const LOCKED: &str =
    "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress";
