//! Every row of the decision table and of the restart matrix, and a model of a release in which they must come to rest.

mod failures;
mod matrix;
mod model;
mod removals;
mod storm;
mod table;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use serde_json::Map;

use super::*;
use crate::chart::digest::Sha256Hex;
use crate::component::spec_hash::Ingredients;
use crate::component::status::{Attempt, Failures, Operation, Revision as Entry};
use crate::component::{CrdsPolicy, GoDuration};
use crate::release::record::RecordedChart;
use crate::release::token::Token;

const HOLDER: &str = "pod-1";

/// A time: seconds after some moment.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 + seconds).unwrap()
}

/// The hash of a spec that is known by a letter.
fn hash(letter: &str) -> SpecHash {
    let values = Map::from_iter([("letter".to_owned(), letter.into())]);
    SpecHash::of(&Ingredients {
        release_name: "web",
        release_namespace: "edge-system",
        chart_name: "web",
        chart_version: "1.0.0",
        chart_digest: Sha256Hex::of(b""),
        values: &values,
        crds: CrdsPolicy::Skip,
        install_hooks: true,
        upgrade_hooks: true,
        service_account: None,
        common_labels: &BTreeMap::new(),
        force_replace: false,
    })
}

fn token(operation: &str, letter: &str) -> String {
    Token {
        operation: operation.to_owned(),
        hash: hash(letter),
        generation: 1,
    }
    .to_string()
}

/// A release and its Component, made up row by row.
#[derive(Clone)]
struct Case {
    now: Timestamp,
    wanted: Wanted,
    revisions: Vec<Revision>,
    record: Option<Record>,
    unreadable: bool,
    status: ComponentStatus,
    holder_is_gone: bool,
    forced: bool,
    reset: bool,
}

impl Case {
    /// Nothing is there; what is wanted has the hash `letter`.
    fn wanting(letter: &str) -> Self {
        Self {
            now: at(10_000),
            wanted: Wanted {
                hash: hash(letter),
                generation: 1,
                chart_name: "web".to_owned(),
                chart_version: "1.0.0".to_owned(),
                timeout: "5m".parse::<GoDuration>().unwrap().get(),
                take_ownership: TakeOwnership::SameRelease,
                install_on_failure: InstallFailure::Auto,
                has_install_hooks: false,
                upgrade_retries: 3,
                upgrade_on_failure: UpgradeFailure::Rollback,
            },
            revisions: Vec::new(),
            record: None,
            unreadable: false,
            status: ComponentStatus::default(),
            holder_is_gone: false,
            forced: false,
            reset: false,
        }
    }

    /// A newer revision with these labels and this description, made at `at(number * 100)`.
    fn revision(
        mut self,
        status: ReleaseStatus,
        labels: Option<(&str, &str)>,
        description: &str,
    ) -> Self {
        let number = self.revisions.first().map_or(1, |newest| newest.number + 1);
        self.revisions.insert(
            0,
            Revision {
                number,
                status,
                operation: labels.map(|(operation, _)| operation.to_owned()),
                hash: labels.map(|(_, letter)| hash(letter).short()),
                secret: format!("sh.helm.release.v1.web.v{number}"),
                resource_version: number.to_string(),
                created: Some(Time(at(number * 100))),
            },
        );
        self.record = Some(record(number, status, description, "web"));
        self
    }

    /// A revision of ours: deployed, or overtaken by a later one.
    fn ours(self, status: ReleaseStatus, operation: &str, letter: &str) -> Self {
        let description = token(operation, letter);
        self.revision(status, Some((operation, letter)), &description)
            .remembered(status, letter)
    }

    /// A failed revision of ours, which the status knows of.
    fn our_failure(self, operation: &str, letter: &str) -> Self {
        self.revision(
            ReleaseStatus::Failed,
            Some((operation, letter)),
            "Upgrade \"web\" failed: no such image",
        )
        .remembered(ReleaseStatus::Failed, letter)
    }

    /// The newest revision is in the status.
    fn remembered(mut self, status: ReleaseStatus, letter: &str) -> Self {
        let number = self.revisions[0].number;
        self.status.release_version = Some(number);
        let entry = entry(number, status, letter);
        self.status.history = remember(&self.status.history, entry, 5);
        self
    }

    /// The status says that `letter` was installed last.
    fn installed(mut self, letter: &str) -> Self {
        self.status.observed_hash = Some(hash(letter).to_string());
        self.attempted(letter)
    }

    /// The status says that `letter` was tried last.
    fn attempted(mut self, letter: &str) -> Self {
        self.status.last_attempted = Some(Attempt {
            hash: Some(hash(letter).to_string()),
            ..Attempt::default()
        });
        self
    }

    /// So many upgrades failed, the last at 9 950; the next is due at `due`.
    fn failed_upgrades(mut self, count: i64, due: i64) -> Self {
        self.status.failures = Some(Failures {
            upgrade: count,
            ..Failures::default()
        });
        self.status.retry_count = Some(count);
        self.status.last_failure_time = Some(Time(at(9_950)));
        self.status.next_retry_time = Some(Time(at(due)));
        self.says("Released", "False", "Timeout", "pod web-0: ErrImagePull")
    }

    /// So many installs failed, the last at 9 950; the next is due at `due`.
    fn failed_installs(mut self, count: i64, due: i64) -> Self {
        self = self.failed_upgrades(count, due);
        self.status.failures = Some(Failures {
            install: count,
            ..Failures::default()
        });
        self
    }

    fn says(mut self, about: &str, status: &str, reason: &str, message: &str) -> Self {
        self.status.conditions.retain(|known| known.type_ != about);
        self.status.conditions.push(Condition {
            type_: about.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
            observed_generation: Some(1),
            last_transition_time: Time(at(0)),
        });
        self
    }

    /// An operation was begun, until 12 000 at the latest.
    fn begun(mut self, id: &str, kind: OperationKind, from_revision: i64, letter: &str) -> Self {
        self.status.operation = Some(Operation {
            id: id.to_owned(),
            kind,
            from_revision,
            hash: Some(hash(letter).to_string()),
            chart_digest: None,
            holder: "pod-0".to_owned(),
            started_at: Time(at(9_000)),
            deadline: Time(at(12_000)),
        });
        self
    }

    /// Something else about it.
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn gone(self) -> Self {
        self.with(|case| case.holder_is_gone = true)
    }

    fn forced(self) -> Self {
        self.with(|case| case.forced = true)
    }

    fn reset(self) -> Self {
        self.with(|case| case.reset = true)
    }

    fn at(self, seconds: i64) -> Self {
        self.with(|case| case.now = at(seconds))
    }

    fn situation(&self) -> Situation<'_> {
        Situation {
            now: self.now,
            wanted: &self.wanted,
            revisions: &self.revisions,
            newest: self.newest(),
            status: &self.status,
            holder: HOLDER,
            holder_is_gone: self.holder_is_gone,
            forced: self.forced,
            reset: self.reset,
        }
    }

    fn newest(&self) -> Newest<'_> {
        match &self.record {
            None => Newest::None,
            Some(_) if self.unreadable => Newest::Unreadable("broken gzip".to_owned()),
            Some(record) => Newest::Readable(record),
        }
    }

    fn decision(&self) -> Decision {
        decide(&self.situation())
    }
}

fn record(number: i64, status: ReleaseStatus, description: &str, chart: &str) -> Record {
    Record {
        name: "web".to_owned(),
        namespace: "edge-system".to_owned(),
        revision: number,
        status,
        description: description.to_owned(),
        first_deployed: Some(at(100)),
        last_deployed: Some(at(number * 100)),
        chart: RecordedChart {
            name: chart.to_owned(),
            version: "1.0.0".to_owned(),
            app_version: None,
        },
        config: Map::new(),
        manifest: String::new(),
        hooks: Vec::new(),
        labels: BTreeMap::new(),
        apply_method: None,
        notes: String::new(),
    }
}

fn entry(number: i64, status: ReleaseStatus, letter: &str) -> Entry {
    Entry {
        revision: number,
        chart_version: "1.0.0".to_owned(),
        app_version: None,
        chart_digest: None,
        values_digest: None,
        hash: Some(hash(letter).to_string()),
        status: status.as_str().to_owned(),
        first_deployed: None,
        last_deployed: None,
    }
}

fn run(action: Action, why: Why) -> Decision {
    Decision::Run { action, why }
}

/// A decision without its sentences: `Run(Upgrade, Changed)`, `Wait(PendingRelease until 12000)`.
fn brief(decision: &Decision) -> String {
    let seconds = |time: &Timestamp| time.as_second() - 1_900_000_000;
    match decision {
        Decision::InSync { how } => format!("InSync({how:?})"),
        Decision::Run { action, why } => format!("Run({action:?}, {why:?})"),
        Decision::Unlock { revision, .. } => format!("Unlock({revision})"),
        Decision::CountFailure {
            revision,
            kind,
            class,
            ..
        } => format!("CountFailure({revision}, {kind:?}, {class:?})"),
        Decision::RecordRollback { revision, to } => format!("RecordRollback({revision}, {to})"),
        Decision::SetAside { revision } => format!("SetAside({revision})"),
        Decision::Wait {
            reason,
            class,
            until,
            ..
        } => format!(
            "Wait({reason}, {class:?}, {:?})",
            until.as_ref().map(seconds)
        ),
        Decision::Hold {
            reason, recheck, ..
        } => format!("Hold({reason}, {})", seconds(recheck)),
    }
}

/// Each row is a sentence, a case, and what is decided, in brief.
fn check(rows: Vec<(&str, Case, &str)>) {
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(sentence, case, expected)| {
            let decided = brief(&case.decision());
            (decided != *expected).then(|| format!("{sentence}: {decided}, not {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
