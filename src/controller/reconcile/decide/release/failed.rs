//! A failed newest revision: go on, go back, or wait (docs/components.md 6.3 and 6.4).

use crate::component::conditions::Reason;
use crate::component::{InstallFailure, UpgradeFailure};
use crate::controller::reconcile::decide::release::evidence::says_interrupted;
use crate::controller::reconcile::decide::release::good::{KnownGood, is_good, known_good};
use crate::controller::reconcile::decide::release::{Action, Decision, Situation, Why, words};
use crate::release::helm::FailureClass;
use crate::release::record::{Record, ReleaseStatus};

/// What a failed revision was meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meant {
    /// What is or was wanted.
    Upgrade,
    /// `helm rollback` to a good revision, whose labels it carries.
    Rollback,
    /// An upgrade with the chart and values of a good revision.
    Reapply,
    /// Somebody else's upgrade.
    Foreign,
}

/// What to do about a failed newest revision.
pub(super) fn remediate(s: &Situation<'_>, record: &Record) -> Decision {
    if let Some(operation) = s.own_operation(record) {
        return Decision::CountFailure {
            revision: record.revision,
            kind: operation.kind,
            class: if says_interrupted(&record.description) {
                FailureClass::Interrupted
            } else {
                FailureClass::Attempt
            },
            message: record.description.clone(),
        };
    }
    let interrupted = s.was_interrupted(record);
    if was_never_deployed(s) {
        return install_again(s, interrupted);
    }
    let good = known_good(s.revisions, s.status);
    let meant = meant(s, record, good.as_ref());
    if s.forced || s.is_untried() {
        return s.by_schedule(Action::Upgrade, fresh_reason(s, meant));
    }
    match (meant, good) {
        // while ours is not tried again yet, what they left is no better than what ours would have
        (Meant::Foreign, _) if !s.has_failed() => s.by_schedule(Action::Upgrade, Why::Foreign),
        (Meant::Upgrade, _) if interrupted && !s.is_exhausted() => {
            s.by_schedule(Action::Upgrade, Why::Interrupted)
        }
        (Meant::Upgrade | Meant::Rollback | Meant::Foreign, good)
            if s.wanted.upgrade_on_failure == UpgradeFailure::Rollback =>
        {
            go_back(s, meant, good, interrupted)
        }
        (Meant::Reapply, Some(good)) if interrupted => {
            go(s, Action::Reapply { to: good.number }, Why::Interrupted)
        }
        (Meant::Reapply, Some(good)) if s.wanted.upgrade_on_failure == UpgradeFailure::Rollback => {
            both_ways_failed(s, &good)
        }
        _ => s.by_schedule(Action::Upgrade, Why::Retry),
    }
}

/// After a failed upgrade, or a failed `helm rollback`.
fn go_back(
    s: &Situation<'_>,
    meant: Meant,
    good: Option<KnownGood>,
    interrupted: bool,
) -> Decision {
    let Some(good) = good else {
        return no_way_back(s);
    };
    let to = good.number;
    let same = good.hash.as_deref() == Some(s.wanted.hash.short().as_str());
    match meant {
        Meant::Rollback if interrupted => go(s, Action::Rollback { to }, Why::Interrupted),
        // to reapply what is wanted is to upgrade, and that has its turn
        Meant::Rollback if same => both_ways_failed(s, &good),
        Meant::Rollback => go(s, Action::Reapply { to }, Why::RollbackFailed),
        // it failed before it could leave a revision
        _ if s.way_back_failed() => both_ways_failed(s, &good),
        _ => go(s, Action::Rollback { to }, Why::LastAttemptFailed),
    }
}

/// What to do when [`Action::Reapply`] was decided on and cannot be begun, because the chart's package is gone: the
/// release stays as it is until the next attempt is due.
pub fn decide_without_reapply(situation: &Situation<'_>) -> Decision {
    match known_good(situation.revisions, situation.status) {
        Some(good) => both_ways_failed(situation, &good),
        None => no_way_back(situation),
    }
}

/// The way back is not put off by the failure that it answers, only by not having reached the cluster.
fn go(s: &Situation<'_>, action: Action, why: Why) -> Decision {
    match s.next_retry() {
        Some(until) if s.is_transient() => s.not_yet(until),
        _ => Decision::Run { action, why },
    }
}

/// Nothing is in order, and nothing else is left to try before the next attempt is due.
fn both_ways_failed(s: &Situation<'_>, good: &KnownGood) -> Decision {
    match s.not_before() {
        Some(until) => Decision::Wait {
            reason: Reason::RollbackFailed,
            message: words::not_rolled_back(&s.cause().message, good.number),
            class: FailureClass::Attempt,
            until: Some(until),
        },
        None if s.is_exhausted() => Decision::Run {
            action: Action::Rollback { to: good.number },
            why: Why::RollbackFailed,
        },
        None => s.by_schedule(Action::Upgrade, Why::Retry),
    }
}

/// Nothing is known to be good: nothing is destroyed, and the next attempt has its turn.
fn no_way_back(s: &Situation<'_>) -> Decision {
    match s.by_schedule(Action::Upgrade, Why::Retry) {
        Decision::Wait {
            message,
            class: class @ FailureClass::Attempt,
            until,
            ..
        } => Decision::Wait {
            reason: Reason::MissingRollbackTarget,
            message: words::nowhere_to_go_back_to(&message),
            class,
            until,
        },
        other => other,
    }
}

/// A release that never worked. It is tried for ever.
fn install_again(s: &Situation<'_>, interrupted: bool) -> Decision {
    // somebody else's first install is not ours to remove
    let all_ours = s
        .revisions
        .iter()
        .take_while(|revision| revision.status != ReleaseStatus::Uninstalled)
        .all(|revision| revision.operation.is_some());
    let anew = match s.wanted.install_on_failure {
        InstallFailure::Reinstall => true,
        InstallFailure::Auto => s.wanted.has_install_hooks,
        InstallFailure::Keep => false,
    };
    let action = if all_ours && anew {
        Action::Reinstall
    } else {
        Action::Install
    };
    let why = match () {
        () if !s.is_managed() => Why::Adopt,
        () if interrupted => Why::Interrupted,
        () if s.is_untried() => fresh_reason(s, Meant::Upgrade),
        () => Why::Retry,
    };
    s.by_schedule(action, why)
}

/// Why what is wanted is tried, when it was not tried before or earlier failures are forgotten.
fn fresh_reason(s: &Situation<'_>, meant: Meant) -> Why {
    let of_wanted = s
        .revisions
        .first()
        .is_some_and(|revision| s.is_of_wanted(revision));
    match meant {
        Meant::Foreign if s.is_managed() => Why::Foreign,
        Meant::Foreign => Why::Adopt,
        _ if of_wanted => Why::Retry,
        _ => Why::Changed,
    }
}

/// True if no revision since the last uninstall was ever deployed, by all that is known.
fn was_never_deployed(s: &Situation<'_>) -> bool {
    let since = s
        .revisions
        .iter()
        .take_while(|revision| revision.status != ReleaseStatus::Uninstalled);
    let oldest = since.clone().last().map_or(0, |revision| revision.number);
    // what was applied and never became ready was deployed to Helm alone, which calls it superseded later
    let is_known_bad = |number: i64| {
        let mut entries = s.status.history.iter();
        entries.any(|entry| entry.revision == number && !is_good(entry))
    };
    let labelled = since.clone().any(|revision| {
        matches!(
            revision.status,
            ReleaseStatus::Deployed | ReleaseStatus::Superseded
        ) && !is_known_bad(revision.number)
    });
    let uninstalled = s
        .revisions
        .iter()
        .find(|revision| revision.status == ReleaseStatus::Uninstalled)
        .map_or(0, |revision| revision.number);
    // a Secret that somebody deleted is still in the history
    let remembered = s
        .status
        .history
        .iter()
        .any(|entry| entry.revision > uninstalled && is_good(entry));
    oldest > 0 && !labelled && !remembered
}

/// What the failed newest revision was meant to be, by its labels.
///
/// Each of our installs and upgrades has an id of its own. An id that an older revision has too was copied: by a
/// rollback from its target, or by somebody's upgrade from the revision before it.
fn meant(s: &Situation<'_>, record: &Record, good: Option<&KnownGood>) -> Meant {
    let mut revisions = s.revisions.iter();
    let Some(newest) = revisions.next() else {
        return Meant::Foreign;
    };
    let Some(id) = &newest.operation else {
        return Meant::Foreign;
    };
    let previous = revisions.clone().next();
    let has_id = |operation: Option<&String>| operation == Some(id);
    let is_copy = revisions.any(|revision| has_id(revision.operation.as_ref()));
    if is_copy {
        let inherited = previous.is_some_and(|revision| has_id(revision.operation.as_ref()));
        return if s.is_recorded(record.revision) || !inherited {
            Meant::Rollback
        } else {
            Meant::Foreign
        };
    }
    let is_of_good = good.is_some_and(|good| good.hash.is_some() && good.hash == newest.hash);
    if is_of_good && !s.is_of_wanted(newest) {
        Meant::Reapply
    } else {
        Meant::Upgrade
    }
}
