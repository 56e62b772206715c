//! What there is to go back to (docs/components.md 6.5).

use super::failures::{failed_once, rolled_back};
use super::*;
use ReleaseStatus as S;

#[test]
fn the_newest_good_revision() {
    let superseded_failure = failed_once(0).with(|case| case.revisions[0].status = S::Superseded);
    let rows = [
        ("nothing is there", Case::wanting("a"), None),
        ("the failed one is not good", failed_once(0), Some(1)),
        (
            "nor when Helm calls it superseded",
            superseded_failure,
            Some(1),
        ),
        (
            "our rollback is as good as its target",
            rolled_back(1, 0),
            Some(3),
        ),
        (
            "somebody's is not, however deployed",
            failed_once(0).revision(S::Deployed, Some(("op2", "b")), "Upgrade complete"),
            Some(1),
        ),
        (
            "what is not in the history is not",
            failed_once(0).with(|case| case.status.history.clear()),
            None,
        ),
        (
            "what Helm has no more is not",
            rolled_back(1, 0).with(|case| case.revisions.retain(|revision| revision.number == 2)),
            None,
        ),
    ];
    for (sentence, case, expected) in rows {
        let good = last_known_good(&case.revisions, &case.status);
        assert_eq!(good, expected, "{sentence}");
    }
}

#[test]
fn the_history_keeps_what_was_good() {
    let mut history = Vec::new();
    history = remember(&history, entry(1, S::Deployed, "a"), 3);
    for number in 2..=6 {
        history = remember(&history, entry(number, S::Failed, "b"), 3);
    }
    let numbers = |history: &[Entry]| -> Vec<(i64, String)> {
        let pair = |entry: &Entry| (entry.revision, entry.status.clone());
        history.iter().map(pair).collect()
    };
    let of = |number: i64, status: &str| (number, status.to_owned());
    assert_eq!(
        numbers(&history),
        [of(6, "failed"), of(5, "failed"), of(1, "deployed")]
    );
    history = remember(&history, entry(7, S::Deployed, "b"), 3);
    assert_eq!(
        numbers(&history),
        [of(7, "deployed"), of(6, "failed"), of(5, "failed")]
    );
    history = remember(&history, entry(8, S::Deployed, "c"), 3);
    assert_eq!(
        numbers(&history),
        [of(8, "deployed"), of(7, "superseded"), of(6, "failed")]
    );
    // the release began anew
    assert_eq!(
        numbers(&remember(&history, entry(1, S::Failed, "c"), 3)),
        [of(1, "failed")]
    );
    let alone = remember(&[], entry(1, S::Deployed, "a"), 1);
    assert_eq!(
        numbers(&remember(&alone, entry(2, S::Failed, "b"), 1)),
        [of(2, "failed"), of(1, "deployed")]
    );
}
