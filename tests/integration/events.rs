//! Events on a real API server: what is said twice is there once, what differs is there twice, and nobody waits long.

use std::time::{Duration, Instant};

use chartroom::component::conditions::Reason;
use chartroom::controller::events::{EventKind, Events};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::support::control_plane::ControlPlane;
use crate::support::kubectl::Kubectl;

fn component(namespace: &str, name: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some("ext.theriseunion.io/v1alpha1".to_owned()),
        kind: Some("Component".to_owned()),
        name: Some(name.to_owned()),
        namespace: Some(namespace.to_owned()),
        uid: Some("1b4e28ba-2fa1-11d2-883f-0016d3cca427".to_owned()),
        ..ObjectReference::default()
    }
}

async fn client(kubectl: &Kubectl, plane: &ControlPlane) -> (Client, String) {
    let kubeconfig = Kubeconfig::read_from(plane.kubeconfig()).expect("a kubeconfig");
    let options = KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
    let client = Client::try_from(config.expect("a way in")).expect("a client");
    (client, kubectl.namespace().to_owned())
}

/// Type, reason, action and note of each event, sorted.
fn events(kubectl: &Kubectl) -> Vec<[String; 4]> {
    let list = kubectl.json(&["get", "events.events.k8s.io"]);
    let text = |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
    let mut events: Vec<_> = list["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|event| ["type", "reason", "action", "note"].map(|field| text(event, field)))
        .collect();
    events.sort();
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn each_thing_that_is_said_is_there_once() {
    let plane = ControlPlane::shared();
    let kubectl = plane.namespace();
    let (client, namespace) = client(&kubectl, plane).await;
    let events_of = Events::new(client, "edge-1_2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d");
    // a name as long as names can be
    let about = component(&namespace, &"n".repeat(253));
    for (kind, reason, action, note) in [
        (
            EventKind::Normal,
            Reason::InstallSucceeded,
            "Install",
            "done",
        ),
        (
            EventKind::Normal,
            Reason::InstallSucceeded,
            "Install",
            "done",
        ),
        (
            EventKind::Normal,
            Reason::InstallSucceeded,
            "Install",
            "done again",
        ),
        (
            EventKind::Warning,
            Reason::InstallFailed,
            "",
            &"é".repeat(5000),
        ),
        (EventKind::Normal, Reason::Unlocked, &"a".repeat(500), ""),
    ] {
        events_of.send(&about, kind, reason, action, note).await;
    }
    let found = events(&kubectl);
    let expected = [
        ["Normal", "InstallSucceeded", "Install", "done"],
        ["Normal", "InstallSucceeded", "Install", "done again"],
        ["Normal", "Unlocked", &"a".repeat(128), ""],
        [
            "Warning",
            "InstallFailed",
            "InstallFailed",
            &format!("{}…", "é".repeat(510)),
        ],
    ];
    assert_eq!(found, expected.map(|event| event.map(str::to_owned)));
    // as `kubectl describe` looks for them
    let selector = format!("--field-selector=involvedObject.name={}", "n".repeat(253));
    let described = kubectl.json(&["get", "events", &selector]);
    assert_eq!(described["items"].as_array().map(Vec::len), Some(4));
}

#[tokio::test]
async fn an_event_that_cannot_be_sent_keeps_nobody_waiting() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await;
    let listener = listener.expect("a loopback port");
    let address = listener.local_addr().expect("an address");
    let url = format!("http://{address}").parse().expect("a URL");
    let client = Client::try_from(kube::Config::new(url)).expect("a client");
    let events = Events::new(client, "edge-1");
    let start = Instant::now();
    let about = component("default", "nats");
    events
        .send(&about, EventKind::Normal, Reason::InSync, "Install", "done")
        .await;
    assert!(start.elapsed() < Duration::from_secs(10));
    drop(listener);
}
