//! An object that nobody has written since it was compared is only read.

use chartroom::component::DriftDetection;
use chartroom::controller::drift::{Compared, detect_since};
use chartroom::controller::objects::Objects;

use super::{Bed, MANIFEST, client};

#[tokio::test]
async fn what_nobody_wrote_is_read_and_not_compared_again() {
    let bed = Bed::installed(MANIFEST).await;
    let policy = DriftDetection::default();
    let mut compared = Compared::default();
    let first = detect_since(&bed.objects, &bed.check(&policy), &mut compared).await;
    assert!(first.is_clean(), "{first:#?}");

    // who may read and not apply sees as much, by what was compared before
    let namespace = bed.kubectl.namespace();
    let reader = format!("reader-of-{namespace}");
    let resources =
        "secrets,configmaps,services,deployments.apps,horizontalpodautoscalers.autoscaling";
    let resources = format!("--resource={resources}");
    (bed.kubectl).ok(&["create", "role", "reader", "--verb=get,list", &resources]);
    let subject = format!("--user={reader}");
    (bed.kubectl).ok(&["create", "rolebinding", "reader", "--role=reader", &subject]);
    let reading = Objects::new(client(Some(&reader)).await);
    let again = detect_since(&reading, &bed.check(&policy), &mut compared).await;
    assert!(again.is_clean(), "{again:#?}");
    let anew = &mut Compared::default();
    let without = detect_since(&reading, &bed.check(&policy), anew).await;
    assert_eq!(without.unknown.len(), bed.release.len(), "{without:#?}");

    // what somebody writes is compared, and only that
    bed.patch("configmap/settings", r#"{"data": {"greeting": "bye"}}"#);
    let seen = detect_since(&reading, &bed.check(&policy), &mut compared).await;
    assert_eq!(seen.unknown.len(), 1, "{seen:#?}");
    let changed = detect_since(&bed.objects, &bed.check(&policy), &mut compared).await;
    assert_eq!(changed.drifted.len(), 1, "{changed:#?}");
    assert!(changed.summary().contains("settings"), "{changed:#?}");
    bed.correct(&policy, &changed).await;
    let after = detect_since(&bed.objects, &bed.check(&policy), &mut compared).await;
    assert!(after.is_clean(), "{after:#?}");
}
