//! Objects that have to go before an operation can work: what follows when somebody deletes them.

use super::{End, Row, play, row};
use crate::controller::reconcile::tests::site::{Site, release};

/// An object of the next version is somebody else's.
pub const THEIRS: &str = "Unable to continue with update: ConfigMap \"their\" in namespace \"edge-system\" exists and cannot be \
                    imported into the current release: invalid ownership metadata; label validation error: missing key";

/// A field of an object that runs may not change.
const IMMUTABLE: &str = "UPGRADE FAILED: server-side apply failed for object edge-system/web /v1, Kind=ConfigMap: \
                         ConfigMap \"web\" is invalid: data: Forbidden: field is immutable when `immutable` is set";

pub const ROWS: &[Row] = &[
    row(
        145,
        "an immutable object that is deleted, as the message asks, is made anew within seconds",
        |mut site| {
            is_blocked_by(&mut site, IMMUTABLE, "ImmutableField");
            site.pass(300);
            site.ran("web", "");
            site.objects("web").deleted = Some("ConfigMap web");
            site.pass(11);
            site.ran("web", "upgrade web 2.0.0");
            site.shows("web", "Deployed Ready=True Healthy=True !Stalled");
            assert_eq!(site.objects("web").deleted, None);
        },
    ),
    row(
        145,
        "an object of somebody else that is deleted is in nobody's way any more",
        |mut site| {
            is_blocked_by(&mut site, THEIRS, "OwnershipConflict");
            site.others_gone.insert("ConfigMap their");
            site.pass(11);
            site.ran("web", "upgrade web 2.0.0");
            site.shows("web", "Deployed");
        },
    ),
    row(
        145,
        "one that is gone when it is first looked for is tried at requestedAt",
        |mut site| {
            site.others_gone.insert("ConfigMap their");
            is_blocked_by(&mut site, THEIRS, "OwnershipConflict");
            site.pass(300);
            site.ran("web", "");
            site.annotate("web", "requestedAt", "now");
            site.settle();
            site.ran("web", "upgrade web 2.0.0");
            site.shows("web", "Deployed");
        },
    ),
    row(
        145,
        "one that is still there is not tried, whoever asks",
        |mut site| {
            is_blocked_by(&mut site, IMMUTABLE, "ImmutableField");
            site.annotate("web", "requestedAt", "now");
            site.pass(60);
            site.ran("web", "");
        },
    ),
    row(
        145,
        "one try for each time that it goes: what fails again waits again",
        |mut site| {
            is_blocked_by(&mut site, THEIRS, "OwnershipConflict");
            site.helm_ends("web", &[End::Refuses(THEIRS)]);
            site.others_gone.insert("ConfigMap their");
            site.pass(600);
            site.ran("web", "upgrade web 2.0.0");
            site.shows("web", "Stalled=True/OwnershipConflict");
        },
    ),
    row(
        145,
        "what the surroundings refuse is tried again at requestedAt, what the chart refuses is not",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            let refused = "chart requires kubeVersion: >=1.40 which is incompatible";
            site.helm_ends("web", &[End::Refuses(refused)]);
            site.apply("web", "version: 2.0.0");
            site.settle();
            site.helm.take_runs(&release("web"));
            site.pass(300);
            site.ran("web", "");
            site.annotate("web", "requestedAt", "now");
            site.settle();
            site.ran("web", "upgrade web 2.0.0");
            site.shows("web", "Deployed !Stalled");
            let refused = "execution error at (web/templates/a.yaml:5:11): x is needed";
            site.helm_ends("web", &[End::Refuses(refused)]);
            site.apply("web", "{version: 2.0.0, values: {a: 1}}");
            site.settle();
            site.annotate("web", "requestedAt", "again");
            site.settle();
            site.ran("web", "upgrade web 2.0.0");
            site.shows("web", "Stalled=True Ready=False/ValuesError");
        },
    ),
];

/// `web` runs in version 1.0.0, and Helm cannot get past an object for the next.
fn is_blocked_by(site: &mut Site, why: &'static str, reason: &str) {
    site.runs("web", "version: 1.0.0");
    site.helm_ends("web", &[End::Fails(why), End::Works]);
    site.apply("web", "version: 2.0.0");
    site.settle();
    site.shows("web", &format!("Degraded Stalled=True/{reason}"));
    site.helm.take_runs(&release("web"));
}

#[test]
fn objects_in_the_way() {
    play(ROWS);
}
