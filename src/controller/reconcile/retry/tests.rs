use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::*;
use FailureClass as C;
use OperationKind as K;

fn seconds(class: FailureClass, failures: i64) -> u64 {
    delay(class, failures, 0.0).as_secs()
}

#[test]
fn waiting_times() {
    let rows: [(&str, FailureClass, &[u64]); 4] = [
        (
            "transient: doubling to a minute",
            C::Transient,
            &[1, 2, 4, 8, 16, 32, 60, 60],
        ),
        (
            "an attempt: six steps",
            C::Attempt,
            &[10, 30, 60, 120, 300, 600, 600, 600],
        ),
        ("terminal: half an hour", C::Terminal, &[1800, 1800, 1800]),
        ("interrupted: at once", C::Interrupted, &[0, 0, 0]),
    ];
    for (sentence, class, expected) in rows {
        let waits: Vec<u64> = (0..)
            .take(expected.len())
            .map(|n| seconds(class, n))
            .collect();
        assert_eq!(waits, expected, "{sentence}");
    }
    for class in [C::Transient, C::Attempt, C::DecideAgain] {
        assert_eq!(seconds(class, i64::MAX), seconds(class, 100), "{class:?}");
        assert_eq!(seconds(class, -5), seconds(class, 0), "{class:?}");
    }
    assert!(seconds(C::DecideAgain, 0) > 0);
}

#[test]
fn times_are_spread_by_a_tenth() {
    let of = |jitter| delay(C::Attempt, 5, jitter).as_secs();
    assert_eq!((of(-1.0), of(0.0), of(1.0)), (540, 600, 660));
    assert_eq!((of(-9.0), of(f64::NAN), of(9.0)), (540, 600, 660));
}

fn status(install: i64, upgrade: i64, transient: i64, retry_count: i64) -> ComponentStatus {
    ComponentStatus {
        failures: Some(Failures {
            install,
            upgrade,
            transient,
        }),
        retry_count: Some(retry_count),
        last_failure_time: Some(Time(Timestamp::UNIX_EPOCH)),
        ..ComponentStatus::default()
    }
}

#[test]
fn what_counts() {
    let now = Timestamp::from_second(1_900_000_000).unwrap();
    // from 2 installs, 1 upgrade, 3 transient, 3 in all
    let rows = [
        (
            "a failed install",
            C::Attempt,
            K::Install,
            (3, 1, 0, 4),
            60,
            true,
        ),
        (
            "a failed upgrade",
            C::Attempt,
            K::Upgrade,
            (2, 2, 0, 4),
            30,
            true,
        ),
        (
            "a failed test is a failed upgrade",
            C::Attempt,
            K::Test,
            (2, 2, 0, 4),
            30,
            true,
        ),
        (
            "a failed rollback takes no retry",
            C::Attempt,
            K::Rollback,
            (2, 1, 0, 4),
            120,
            true,
        ),
        (
            "nor does a failed uninstall",
            C::Attempt,
            K::Uninstall,
            (2, 1, 0, 4),
            120,
            true,
        ),
        (
            "terminal: once",
            C::Terminal,
            K::Upgrade,
            (2, 1, 0, 3),
            1800,
            true,
        ),
        (
            "transient: only for its own time",
            C::Transient,
            K::Upgrade,
            (2, 1, 4, 3),
            8,
            false,
        ),
        (
            "decide again: likewise",
            C::DecideAgain,
            K::Upgrade,
            (2, 1, 4, 3),
            8,
            false,
        ),
        (
            "interrupted: nothing",
            C::Interrupted,
            K::Upgrade,
            (2, 1, 3, 3),
            0,
            false,
        ),
    ];
    for (sentence, class, kind, (install, upgrade, transient, count), wait, counts) in rows {
        let update = after_failure(&status(2, 1, 3, 3), class, kind, now, 0.0);
        let expected = FailureUpdate {
            failures: Failures {
                install,
                upgrade,
                transient,
            },
            retry_count: count,
            next_retry: later(now, Duration::from_secs(wait)),
            last_failure: Some(if counts { now } else { Timestamp::UNIX_EPOCH }),
        };
        assert_eq!(update, expected, "{sentence}");
    }
    let first = after_failure(
        &ComponentStatus::default(),
        C::Terminal,
        K::Install,
        now,
        0.0,
    );
    assert_eq!(first.retry_count, 1);
    assert_eq!(first.failures, Failures::default());
    let second = ComponentStatus {
        retry_count: Some(first.retry_count),
        ..ComponentStatus::default()
    };
    let second = after_failure(&second, C::Terminal, K::Install, now, 0.0);
    assert_eq!(second.retry_count, 1, "a terminal failure counts once");
}

#[test]
fn the_end_of_time_is_no_obstacle() {
    assert_eq!(
        later(Timestamp::MAX, Duration::from_secs(1)),
        Timestamp::MAX
    );
    assert_eq!(later(Timestamp::UNIX_EPOCH, Duration::MAX), Timestamp::MAX);
}
