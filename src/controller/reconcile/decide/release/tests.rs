//! Every row of the decision table and of the restart matrix, and a model of a release in which they must come to rest.

mod case;
mod failures;
mod good;
mod installs;
mod matrix;
mod model;
mod pending;
mod removals;
mod storm;
mod table;
mod words;

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
use case::Case;

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
        force_replace: false,
        disable_schema_validation: false,
        server_side_apply: crate::component::ServerSideApply::Enabled,
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
        other => format!("{other:?}"),
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
