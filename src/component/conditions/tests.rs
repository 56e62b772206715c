use std::collections::BTreeSet;

use super::*;

const STATUSES: [ConditionStatus; 3] = [
    ConditionStatus::True,
    ConditionStatus::False,
    ConditionStatus::Unknown,
];

fn time(text: &str) -> Time {
    serde_json::from_value(text.into()).unwrap()
}

#[test]
fn only_reconciling_stalled_and_drifted_are_bad_when_true() {
    let negative: Vec<_> = ConditionType::ALL
        .into_iter()
        .filter(|about| about.polarity() == Polarity::Negative)
        .map(ConditionType::as_str)
        .collect();
    assert_eq!(negative, ["Reconciling", "Stalled", "Drifted"]);
}

#[test]
fn every_word_is_its_own_and_has_a_sentence() {
    let words: Vec<_> = Reason::ALL
        .iter()
        .map(|reason| (reason.as_str(), reason.sentence()))
        .chain(ConditionType::ALL.map(|about| (about.as_str(), about.sentence())))
        .collect();
    for (word, sentence) in &words {
        assert!(
            word.starts_with(|c: char| c.is_ascii_uppercase())
                && word.chars().all(|c| c.is_ascii_alphanumeric()),
            "{word} is not CamelCase"
        );
        assert!(
            sentence.starts_with(|c: char| c.is_uppercase()) && sentence.ends_with('.'),
            "{word}: {sentence}"
        );
    }
    let reasons: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(reasons.len(), Reason::ALL.len());
    let types: BTreeSet<_> = ConditionType::ALL
        .into_iter()
        .map(ConditionType::as_str)
        .collect();
    assert_eq!(types.len(), ConditionType::ALL.len());
}

#[test]
fn every_reason_is_of_a_condition_or_of_events_alone() {
    for reason in Reason::ALL {
        let used = ConditionType::ALL
            .into_iter()
            .filter(|about| *about != ConditionType::Ready || about.true_reasons().contains(reason))
            .any(|about| {
                STATUSES
                    .iter()
                    .any(|status| about.permits(*status, *reason))
            });
        assert_eq!(used, !reason.is_of_events_alone(), "{reason}");
    }
}

#[test]
fn reasons_go_with_a_status() {
    use {ConditionStatus as S, ConditionType as T, Reason as R};
    let rows = [
        (T::Ready, S::True, R::InSync, true),
        (T::Ready, S::False, R::UpgradeFailed, true),
        (T::Ready, S::False, R::DependencyCycle, true),
        (T::Ready, S::Unknown, R::Progressing, true),
        (T::Ready, S::True, R::Progressing, false),
        (T::Ready, S::False, R::InSync, false),
        (T::Ready, S::True, R::RollbackSucceeded, false),
        (T::Ready, S::False, R::RollbackSucceeded, true),
        (T::Released, S::True, R::RollbackSucceeded, true),
        (T::Released, S::False, R::UninstallSucceeded, true),
        (T::Released, S::True, R::UninstallSucceeded, false),
        (T::Remediated, S::True, R::UninstallSucceeded, true),
        (T::Stalled, S::True, R::RetriesExceeded, true),
        (T::Stalled, S::False, R::RetriesExceeded, false),
        (T::Stalled, S::True, R::InstallFailed, false),
        (T::Reconciling, S::True, R::WaitingForSlot, true),
        (T::DependenciesReady, S::False, R::DependencyMissing, true),
        (T::ChartResolved, S::False, R::ValuesError, false),
        (T::Drifted, S::False, R::DriftCorrected, true),
    ];
    for (about, status, reason, expected) in rows {
        assert_eq!(
            about.permits(status, reason),
            expected,
            "{about} {status:?} {reason}"
        );
    }
}

#[test]
fn a_condition_keeps_its_time_while_its_status_is_the_same() {
    let (early, late) = (time("2030-01-01T00:00:00Z"), time("2030-01-02T00:00:00Z"));
    let first = condition(
        ConditionType::Ready,
        ConditionStatus::False,
        Reason::InstallFailed,
        "no such image",
        1,
        &[],
        &early,
    );
    let again = |status, reason| {
        condition(
            ConditionType::Ready,
            status,
            reason,
            "",
            2,
            std::slice::from_ref(&first),
            &late,
        )
    };
    assert_eq!(
        again(ConditionStatus::False, Reason::UpgradeFailed).last_transition_time,
        early
    );
    assert_eq!(
        again(ConditionStatus::True, Reason::InSync).last_transition_time,
        late
    );
    assert_eq!(first.observed_generation, Some(1));
    assert_eq!(
        (first.type_.as_str(), first.status.as_str()),
        ("Ready", "False")
    );
}

#[test]
fn a_message_that_is_too_long_is_cut_between_characters() {
    let message = format!("x{}", "é".repeat(20_000));
    let made = condition(
        ConditionType::Released,
        ConditionStatus::False,
        Reason::Timeout,
        &message,
        1,
        &[],
        &time("2030-01-01T00:00:00Z"),
    );
    assert_eq!(made.message.len(), MAX_MESSAGE - 1);
}
