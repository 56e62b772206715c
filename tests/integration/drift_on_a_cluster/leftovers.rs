//! What is left of a release.

use chartroom::controller::objects::leftovers;
use chartroom::release::manifest::ObjectKey;

use super::{Bed, MANIFEST};

#[tokio::test]
async fn what_somebody_holds_is_named_until_it_goes() {
    let bed = Bed::installed(MANIFEST).await;
    let namespace = bed.kubectl.namespace();
    let mut inventory: Vec<(ObjectKey, bool)> = bed
        .release
        .iter()
        .map(|object| (object.identity(), object.name == "token"))
        .collect();
    inventory.push((
        ObjectKey {
            group: "nobody.example.com".to_owned(),
            version: "v1".to_owned(),
            kind: "Gadget".to_owned(),
            namespace: None,
            name: "x".to_owned(),
        },
        false,
    ));
    let there = leftovers(&bed.objects, &inventory, namespace).await;
    let kinds: Vec<&str> = there.iter().map(|one| one.key.kind.as_str()).collect();
    assert_eq!(kinds, ["ConfigMap", "Service", "Deployment"], "{there:#?}");
    let release = Some((namespace.to_owned(), "shop".to_owned()));
    assert!(
        there
            .iter()
            .all(|one| one.release == release && one.deleting_since.is_none())
    );

    bed.patch(
        "configmap/settings",
        r#"{"metadata": {"finalizers": ["example.com/hold"]}}"#,
    );
    for (key, _) in &inventory {
        bed.objects.delete(key, namespace).await.expect("an answer");
    }
    let held = leftovers(&bed.objects, &inventory, namespace).await;
    let [held] = &held[..] else {
        panic!("{held:#?}");
    };
    assert_eq!(held.key.name, "settings");
    assert_eq!(held.finalizers, ["example.com/hold"]);
    assert!(held.deleting_since.is_some());
    assert_eq!(held.unknown, None);

    bed.patch(
        "configmap/settings",
        r#"{"metadata": {"finalizers": null}}"#,
    );
    assert_eq!(leftovers(&bed.objects, &inventory, namespace).await, []);
}
