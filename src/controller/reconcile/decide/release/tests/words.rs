//! What decisions say.

use super::failures::{failed_once, keep, reapply_failed, rolled_back};
use super::*;

#[test]
fn the_cause_stays_and_does_not_grow() {
    let cause = "pod web-0: ErrImagePull";
    let of = |decision: Decision| match decision {
        Decision::Wait { message, .. } | Decision::Hold { message, .. } => message,
        other => panic!("{}", brief(&other)),
    };
    let nowhere =
        failed_once(10_010).with(|case| case.status.history.retain(|entry| entry.revision != 1));
    for case in [
        rolled_back(1, 10_010),
        rolled_back(4, 9_990),
        keep(failed_once(10_010)),
        reapply_failed(10_010),
        nowhere,
    ] {
        let first = of(case.decision());
        assert!(first.starts_with(cause), "{first}");
        // whoever writes the whole message into the condition reads the same again
        let again = case.says("Released", "False", "Timeout", &first);
        assert_eq!(of(again.decision()), first);
    }
    let untold = failed_once(10_010).with(|case| {
        case.status.conditions.clear();
        case.wanted.upgrade_on_failure = UpgradeFailure::Keep;
    });
    assert_eq!(
        of(untold.decision()),
        "Upgrade \"web\" failed: no such image"
    );
}

#[test]
fn every_reason_is_a_phrase() {
    let whys = [
        Why::NotInstalled,
        Why::RemovedOutside,
        Why::Changed,
        Why::Foreign,
        Why::Forced,
        Why::Retry,
        Why::Adopt,
        Why::Unfinished,
        Why::Interrupted,
        Why::LastAttemptFailed,
        Why::RollbackFailed,
    ];
    let phrases: std::collections::BTreeSet<_> = whys.iter().map(Why::to_string).collect();
    assert_eq!(phrases.len(), whys.len());
    assert_eq!(
        run(Action::Rollback { to: 3 }, Why::LastAttemptFailed),
        Decision::Run {
            action: Action::Rollback { to: 3 },
            why: Why::LastAttemptFailed
        }
    );
    assert_eq!(
        Action::Rollback { to: 3 }.to_string(),
        "roll back to revision 3"
    );
}
