//! The namespaces that releases go to.

use std::collections::BTreeMap;

use chartroom::controller::namespace::{NamespaceState, ensure, label_system_namespaces};

use super::{Bed, client_of};
use crate::support::control_plane::ControlPlane;

fn labels() -> BTreeMap<String, String> {
    [
        ("theriseunion.io/workspace", "system-workspace"),
        ("theriseunion.io/managed", "true"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

#[tokio::test]
async fn a_missing_one_is_made_with_labels_and_an_existing_one_is_left_as_it_is() {
    let bed = Bed::new("").await;
    let name = format!("{}-target", bed.kubectl.namespace());
    let made = ensure(&bed.client, &name, &labels())
        .await
        .expect("an answer");
    assert_eq!(made, NamespaceState::Created);
    let live = bed.kubectl.json(&["get", "namespace", &name]);
    for (label, value) in labels() {
        assert_eq!(live["metadata"]["labels"][&label], value.as_str());
    }

    let existing = bed.kubectl.namespace();
    let before = bed.kubectl.json(&["get", "namespace", existing]);
    let found = ensure(&bed.client, existing, &labels())
        .await
        .expect("an answer");
    assert_eq!(found, NamespaceState::Existed);
    assert_eq!(bed.kubectl.json(&["get", "namespace", existing]), before);

    // nobody empties namespaces here: it stays in its last stage
    bed.kubectl
        .ok(&["delete", "namespace", &name, "--wait=false"]);
    let ending = ensure(&bed.client, &name, &labels())
        .await
        .expect("an answer");
    assert_eq!(ending, NamespaceState::Terminating);
}

#[tokio::test]
async fn two_that_make_the_same_one_make_one() {
    let bed = Bed::new("").await;
    let name = format!("{}-race", bed.kubectl.namespace());
    let labels = labels();
    let one = || ensure(&bed.client, &name, &labels);
    let (first, second, third) = futures_util::join!(one(), one(), one());
    let mut states = [first, second, third].map(|state| state.expect("an answer"));
    states.sort_by_key(|state| *state != NamespaceState::Created);
    let [created, rest @ ..] = states;
    assert_eq!(created, NamespaceState::Created);
    assert_eq!(rest, [NamespaceState::Existed; 2]);
}

#[tokio::test]
async fn the_systems_own_are_labelled_once() {
    // a cluster of its own: each controller of the other tests does the same to the shared one
    let plane = ControlPlane::start();
    let (client, kubectl) = (client_of(&plane, None).await, plane.namespace());
    let made = ensure(&client, "observability-system", &BTreeMap::new()).await;
    made.expect("an answer");
    let first = label_system_namespaces(&client, &labels())
        .await
        .expect("an answer");
    for name in ["kube-system", "observability-system"] {
        assert!(first.iter().any(|labelled| labelled == name), "{first:?}");
        let live = kubectl.json(&["get", "namespace", name]);
        assert_eq!(
            live["metadata"]["labels"]["theriseunion.io/managed"],
            "true"
        );
    }
    let own = kubectl.json(&["get", "namespace", kubectl.namespace()]);
    assert!(own["metadata"]["labels"]["theriseunion.io/managed"].is_null());
    let second = label_system_namespaces(&client, &labels())
        .await
        .expect("an answer");
    assert_eq!(second, Vec::<String>::new());
}
