//! How the controller comes to know what there is when it starts.

use std::time::Duration;

use super::{ComponentBuilder, Components, ControlPlane, Controller};
use crate::support::api::poll;
use crate::support::blocking;
use crate::support::helm::HELM;
use crate::support::version::kubernetes_minor;

/// Since when an API server sends what there is as a stream, unless that is switched off.
const STREAMS_SINCE: u32 = 34;

#[test]
fn components_are_streamed_where_the_server_can_and_listed_where_it_cannot() {
    let plane = ControlPlane::start();
    let components = Components::of(&plane);
    for number in 0..5 {
        components.apply(&ComponentBuilder::new(&format!("there-{number}")));
    }
    let (lists, streams) = (lists(&plane), streams(&plane));
    let mut controller = Controller::start(&plane, components.namespace());
    for number in 0..5 {
        // it has no chart, and is told so: it is known
        components.settled(&format!("there-{number}"));
    }
    controller.terminate();

    let is_streamed = kubernetes_minor() >= STREAMS_SINCE;
    // the server counts a request when it has ended
    let counted = poll(Duration::from_secs(30), || {
        let listed = self::lists(&plane) > lists;
        let streamed = self::streams(&plane) > streams;
        (streamed == is_streamed && listed != is_streamed).then_some(())
    });
    assert!(
        counted.is_some(),
        "lists of Components: {lists}, then {}; streams: {streams}, then {}",
        self::lists(&plane),
        self::streams(&plane)
    );
    assert_eq!(self::lists(&plane) > lists, !is_streamed);
}

#[test]
fn the_server_beside_it_tells_which_helm_it_runs() {
    let plane = ControlPlane::shared();
    plane.define_components();
    let mut controller = Controller::start(plane, plane.namespace().namespace());
    controller.await_log("Controller: helm is usable");
    let told = poll(Duration::from_secs(10), || {
        let http = controller.http();
        let info = blocking::wait(async move { http.get("/info").await });
        let info = info.expect(200).json();
        (info["helm"] == HELM).then_some(info)
    });
    let info = told.expect("it is told as soon as it is known");
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
}

/// How many lists of Components the API server has answered.
fn lists(plane: &ControlPlane) -> u64 {
    sum(plane, "apiserver_request_total{", "verb=\"LIST\"")
}

/// How many streams of all Components it has begun.
fn streams(plane: &ControlPlane) -> u64 {
    sum(plane, "apiserver_watch_list_duration_seconds_count{", "")
}

/// The sum of a counter's values for Components.
fn sum(plane: &ControlPlane, metric: &str, label: &str) -> u64 {
    let all = plane.kubectl("default").ok(&["get", "--raw", "/metrics"]);
    let lines = all.lines().filter(|line| {
        line.starts_with(metric) && line.contains("resource=\"components\"") && line.contains(label)
    });
    let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    values.sum()
}
