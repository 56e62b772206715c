use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;

#[test]
fn an_identity_is_read_as_it_was_written() {
    let me = Holder::myself();
    assert!(me.process.is_some());
    assert_eq!(Holder::parse(&me.to_string()), me);
    for odd in ["", "pod", "pod_12", "a_b_c", "pod_x-1-2.3", "pod_.", "_"] {
        let holder = Holder::parse(odd);
        assert_eq!(holder.process, None, "{odd}");
        assert_eq!(Holder::parse(&holder.to_string()), holder, "{odd}");
    }
}

#[test]
fn a_neighbour_is_gone_when_it_and_its_helm_have_ended() {
    let me = Holder::myself();
    let neighbour = |pid: u32, start: &str| {
        let mine = me.to_string();
        let (before, salt) = mine.rsplit_once('.').expect("a salt");
        let (place, _) = before.split_once('-').expect("a place");
        Holder::parse(&format!("{place}-{pid}-{start}.{salt}x"))
    };
    let mut sleeper = Command::new("sleep")
        .arg("600")
        .stdin(Stdio::null())
        .spawn()
        .expect("sleep is there");
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", sleeper.id())).expect("it lives");
    let start = stat.split_whitespace().nth(21).expect("a start");
    let holder = neighbour(sleeper.id(), start);
    assert_eq!(holder.is_gone_by_itself(&me, "app"), Some(false));
    let other = neighbour(sleeper.id(), "1");
    assert_eq!(
        other.is_gone_by_itself(&me, "app"),
        Some(true),
        "another of the same id"
    );
    sleeper.kill().expect("it is ours");
    // a killed process takes a moment to die; it is not collected all the while
    let end = Instant::now() + Duration::from_secs(10);
    while holder.is_gone_by_itself(&me, "app") != Some(true) {
        assert!(Instant::now() < end, "dead, though not collected");
        thread::yield_now();
    }

    let mut helm = Command::new("sh")
        .args(["-c", "read line", "helm", "upgrade", "app"])
        .env(VARIABLE, holder.to_string())
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell is there");
    assert_eq!(holder.is_gone_by_itself(&me, "app"), Some(false));
    assert_eq!(
        holder.is_gone_by_itself(&me, "other"),
        Some(true),
        "it works on another release"
    );
    drop(helm.stdin.take());
    helm.wait().expect("it ends with its input");
    assert_eq!(holder.is_gone_by_itself(&me, "app"), Some(true));
    sleeper.wait().expect("it was killed");
}

#[test]
fn who_was_in_our_place_is_gone_and_others_must_be_asked_for() {
    let me = Holder::parse("pod-a_0123456789ab-1-50.cafe0000");
    let rows = [
        ("ourselves", "pod-a_0123456789ab-1-50.cafe0000", Some(true)),
        (
            "an earlier container of our pod",
            "pod-a_ba9876543210-1-40.cafe0001",
            Some(true),
        ),
        ("another pod", "pod-b_ba9876543210-1-40.cafe0002", None),
        (
            "another pod that could not say more",
            "pod-b_cafe0003",
            None,
        ),
    ];
    for (who, text, wanted) in rows {
        let holder = Holder::parse(text);
        assert_eq!(holder.is_gone_by_itself(&me, "app"), wanted, "{who}");
    }
}

#[test]
fn a_pod_has_ended_when_nothing_runs_in_it_that_ran_before() {
    let time: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
    let (before, after) = ("2025-12-31T23:59:00Z", "2026-01-01T00:01:00Z");
    let running = |since: &str| json!({"state": {"running": {"startedAt": since}}});
    let ended = json!({"state": {"terminated": {"exitCode": 137}}});
    let waiting = json!({"state": {"waiting": {"reason": "CrashLoopBackOff"}}});
    let of = |phase: &str, containers: Vec<Value>| {
        let with_names = containers.into_iter().map(|mut container| {
            let fields = container.as_object_mut().expect("an object");
            for (key, value) in [("name", "c"), ("image", "i"), ("imageID", "")] {
                fields.insert(key.to_owned(), value.into());
            }
            fields.insert("ready".to_owned(), false.into());
            fields.insert("restartCount".to_owned(), 0.into());
            container
        });
        let containers: Vec<Value> = with_names.collect();
        json!({"metadata": {}, "status": {"phase": phase, "containerStatuses": containers}})
    };
    let rows = [
        ("it runs on", of("Running", vec![running(before)]), false),
        (
            "it was started again",
            of("Running", vec![running(after)]),
            true,
        ),
        (
            "only one of two was",
            of("Running", vec![running(after), running(before)]),
            false,
        ),
        (
            "its container has ended",
            of("Running", vec![ended.clone()]),
            true,
        ),
        (
            "it is about to be started again",
            of("Running", vec![waiting]),
            false,
        ),
        ("it has failed", of("Failed", vec![]), true),
        ("nothing is known of it", json!({"metadata": {}}), false),
        (
            "nothing is known of its containers",
            of("Running", vec![]),
            false,
        ),
    ];
    for (what, pod, wanted) in rows {
        let pod: Pod = serde_json::from_value(pod).expect("a pod");
        assert_eq!(has_ended_since(&pod, time), wanted, "{what}");
    }
}
