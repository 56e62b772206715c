//! One verdict of all findings about the dependencies of a Component.

use std::collections::BTreeSet;

use crate::component::conditions::Reason;
use crate::component::status::DependencyState;
use crate::planner::check::finding::Finding;
use crate::planner::cycle::Cycle;
use crate::planner::verdict::{DependencyCheck, Verdict};
use crate::planner::words::and;

/// The rank of a reason: the worst finding, with the lowest rank, gives the verdict.
fn rank(reason: Reason) -> usize {
    const WORST_FIRST: [Reason; 7] = [
        Reason::DependencyDisabled,
        Reason::DependencyVersionConflict,
        Reason::DependencyMissing,
        Reason::DependencyAmbiguous,
        Reason::DependencyVersionMismatch,
        Reason::DependencyNotReady,
        Reason::DependencyInstalling,
    ];
    let place = WORST_FIRST.iter().position(|known| *known == reason);
    place.expect("obstacles have these reasons only")
}

/// One verdict of all findings.
pub(super) fn of(cycle: Option<&Cycle>, findings: Vec<Finding>) -> DependencyCheck {
    const SHOWN: usize = 4;
    let mut check = DependencyCheck {
        verdict: ready(&findings),
        dependencies: Vec::new(),
        create: Vec::new(),
        retarget: Vec::new(),
        hand_down: Vec::new(),
    };
    let mut unheard: Vec<String> = Vec::new();
    let mut obstacles = Vec::new();
    for finding in findings {
        if !check.dependencies.contains(&finding.status) {
            check.dependencies.push(finding.status);
        }
        obstacles.extend(finding.obstacle);
        check.create.extend(finding.create);
        check.retarget.extend(finding.retarget);
        check.hand_down.extend(finding.hand_down);
        unheard.extend(finding.unheard);
    }
    // stable: those of equal rank stay in their order, the spec's first
    obstacles.sort_by_key(|obstacle| rank(obstacle.reason));
    let worst = obstacles.first().map(|obstacle| obstacle.reason);
    let stalls = matches!(
        worst,
        Some(Reason::DependencyDisabled | Reason::DependencyVersionConflict)
    );
    if let Some(cycle) = cycle {
        check.verdict = Verdict::Stalled {
            reason: Reason::DependencyCycle,
            message: format!("dependency cycle: {cycle}"),
        };
    } else if let Some(reason) = worst {
        let mut messages: Vec<String> = Vec::new();
        for obstacle in obstacles {
            if !messages.contains(&obstacle.message) {
                messages.push(obstacle.message);
            }
        }
        let more = messages.len().saturating_sub(SHOWN);
        messages.truncate(SHOWN);
        let mut message = messages.join("; ");
        if more > 0 {
            message.push_str(&format!("; and {more} more"));
        }
        check.verdict = if stalls {
            Verdict::Stalled { reason, message }
        } else {
            Verdict::Waiting { reason, message }
        };
    }
    // nothing is created for a Component that is stalled
    if matches!(check.verdict, Verdict::Stalled { .. }) {
        check.create.clear();
        check.retarget.clear();
        check.hand_down.clear();
    }
    unheard.dedup();
    let (Verdict::Ready { message, .. }
    | Verdict::Waiting { message, .. }
    | Verdict::Stalled { message, .. }) = &mut check.verdict;
    for sentence in unheard {
        message.push_str(&format!("; {sentence}"));
    }
    check
        .create
        .sort_by(|a, b| (&a.key, &a.version).cmp(&(&b.key, &b.version)));
    check.create.dedup_by(|a, b| a.key == b.key);
    check
        .retarget
        .sort_by(|a, b| (&a.key, &a.version).cmp(&(&b.key, &b.version)));
    check.retarget.dedup_by(|a, b| a.key == b.key);
    check.hand_down.sort_by(|a, b| a.key.cmp(&b.key));
    check.hand_down.dedup_by(|a, b| a.key == b.key);
    check
}

/// The verdict if nothing holds the Component up.
fn ready(findings: &[Finding]) -> Verdict {
    const NAMED: usize = 5;
    let there = findings.iter().filter(|finding| {
        matches!(
            finding.status.state,
            DependencyState::Ready | DependencyState::External
        )
    });
    let names: BTreeSet<String> = there
        .map(|finding| {
            let version = finding.status.found.iter();
            let words = [finding.status.name.clone()].into_iter();
            words.chain(version.cloned()).collect::<Vec<_>>().join(" ")
        })
        .collect();
    let names: Vec<String> = names.into_iter().collect();
    let (reason, message) = match names.len() {
        0 => (Reason::NoDependencies, "depends on nothing".to_owned()),
        1 => (Reason::DependenciesReady, format!("{} is ready", names[0])),
        2..=NAMED => (
            Reason::DependenciesReady,
            format!("{} are ready", and(&names)),
        ),
        many => (
            Reason::DependenciesReady,
            format!("all {many} dependencies are ready"),
        ),
    };
    Verdict::Ready { reason, message }
}
