//! What others do to a release, and releases that are others'.

use super::{Row, play, row};
use crate::controller::reconcile::tests::site::{key, release};
use crate::release::record::ReleaseStatus as S;

pub const ROWS: &[Row] = &[
    row(
        9,
        "a release that nobody here managed is adopted by an upgrade",
        |mut site| {
            site.helm_upgrade_by_hand("web", "web 1.0.0", Some(Ok(())));
            site.apply("web", "version: 1.0.0");
            site.settle();
            site.ran("web", "upgrade web 1.0.0");
            site.shows("web", "Deployed Released=True/Adopted");
            assert_eq!(site.told_of("web", "Adopted"), 1);
        },
    ),
    row(
        9,
        "with takeOwnership Never it is left untouched",
        |mut site| {
            site.helm_upgrade_by_hand("web", "web 1.0.0", Some(Ok(())));
            site.apply("web", "{version: 1.0.0, takeOwnership: Never}");
            site.pass(3600);
            site.ran("web", "");
            site.shows("web", "Stalled=True/OwnershipConflict");
            site.has_release("web", "1 deployed");
        },
    ),
    row(
        10,
        "an upgrade by hand is upgraded back, and told",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm_upgrade_by_hand("web", "web 2.0.0", Some(Ok(())));
            site.settle();
            site.ran("web", "upgrade web 1.0.0");
            site.has_release("web", "1 superseded, 2 superseded, 3 deployed");
            assert_eq!(site.told_of("web", "Unmanaged"), 1);
        },
    ),
    row(
        11,
        "a rollback by hand is upgraded back, and told",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.apply("web", "version: 2.0.0");
            site.settle();
            site.ran("web", "upgrade web 2.0.0");
            site.helm_rollback_by_hand("web", 1);
            site.settle();
            site.ran("web", "upgrade web 2.0.0");
            assert_eq!(site.told_of("web", "Unmanaged"), 1);
            site.shows("web", "Deployed");
        },
    ),
    row(
        12,
        "a release whose records are gone is installed over its objects, once",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.by_hand("web", |history| history.stored.clear());
            site.settle();
            site.ran("web", "install web 1.0.0");
            site.has_release("web", "1 deployed");
            assert_eq!(site.told_of("web", "Unmanaged"), 1);
        },
    ),
    row(
        13,
        "what is left of a history is worked with",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.apply("web", "version: 2.0.0");
            site.settle();
            site.apply("web", "{version: 2.0.0, values: {a: 1}}");
            site.settle();
            site.ran("web", "upgrade web 2.0.0, upgrade web 2.0.0");
            site.by_hand("web", |history| {
                history.stored.retain(|it| it.record.revision != 2)
            });
            site.settle();
            site.ran("web", "");
            site.helm_ends("web", &[super::End::Fails("no")]);
            site.apply("web", "{version: 2.0.0, values: {a: 2}}");
            site.settle();
            site.ran("web", "upgrade web 2.0.0, rollback 3");
        },
    ),
    row(
        77,
        "a deployed revision with our inherited label and no token is upgraded back",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm_upgrade_by_hand("web", "web 1.0.0", Some(Ok(())));
            let labels = site.helm.release(&release("web"), |history, _| {
                history
                    .revisions()
                    .iter()
                    .map(|it| it.operation.clone())
                    .collect::<Vec<_>>()
            });
            assert_eq!(labels[0], labels[1], "it is inherited");
            site.settle();
            site.ran("web", "upgrade web 1.0.0");
            assert_eq!(site.told_of("web", "Unmanaged"), 1);
        },
    ),
    row(
        78,
        "a superseded newest revision is upgraded",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.by_hand("web", |history| {
                history.set_newest(S::Superseded, "by a broken Helm")
            });
            site.settle();
            site.ran("web", "upgrade web 1.0.0");
            site.shows("web", "Deployed");
        },
    ),
    row(
        79,
        "what was uninstalled with its history kept is installed",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.by_hand("web", |history| history.uninstalled(true));
            site.settle();
            site.ran("web", "install web 1.0.0");
            site.has_release("web", "1 superseded, 2 deployed");
            site.shows("web", "Deployed");
        },
    ),
    row(
        80,
        "an uninstall that was cut off is finished, then it is installed",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.by_hand("web", super::super::helm::History::is_uninstalling);
            site.settle();
            site.ran("web", "uninstall, install web 1.0.0");
            site.shows("web", "Deployed");
        },
    ),
    row(
        84,
        "a release that a Component elsewhere wants is left to it, and looked at every two minutes",
        |mut site| {
            let other = key("other");
            let other = crate::node_key::NodeKey::new("elsewhere", &other.name);
            site.elsewhere.insert(other, release("web"));
            site.helm_upgrade_by_hand("web", "web 1.0.0", Some(Ok(())));
            site.by_hand("web", |history| {
                history.stored[0].revision.owner = Some("elsewhere.other".to_owned());
            });
            site.apply("web", "version: 1.0.0");
            site.pass(60);
            site.shows("web", "Stalled=True/ReleaseConflict");
            site.says("web", "elsewhere/other");
            site.elsewhere.clear();
            site.pass(121);
            site.ran("web", "upgrade web 1.0.0");
            site.shows("web", "Deployed");
        },
    ),
    row(
        85,
        "a release whose Component elsewhere does not want it any more is taken over",
        |mut site| {
            site.helm_upgrade_by_hand("web", "web 1.0.0", Some(Ok(())));
            site.by_hand("web", |history| {
                history.stored[0].revision.owner = Some("elsewhere.other".to_owned());
            });
            site.apply("web", "version: 1.0.0");
            site.settle();
            site.ran("web", "upgrade web 1.0.0");
            let owner = site.helm.release(&release("web"), |history, _| {
                history.stored[0].revision.owner.clone()
            });
            assert_eq!(owner.as_deref(), Some("chartroom.web"));
        },
    ),
    row(
        86,
        "an unmanaged release of another chart is taken with Always only",
        |mut site| {
            site.helm_upgrade_by_hand("web", "nginx 1.0.0", Some(Ok(())));
            site.apply("web", "version: 1.0.0");
            site.settle();
            site.ran("web", "");
            site.shows("web", "Stalled=True/OwnershipConflict");
            site.apply("web", "{version: 1.0.0, takeOwnership: Always}");
            site.settle();
            site.ran("web", "upgrade web 1.0.0 --take-ownership");
            site.shows("web", "Deployed Released=True/Adopted");
        },
    ),
    row(
        124,
        "a release that somebody made of a disabled Component is told once and left alone",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.apply("web", "{version: 1.0.0, enabled: false}");
            site.settle();
            site.ran("web", "uninstall");
            site.helm_upgrade_by_hand("web", "web 1.0.0", Some(Ok(())));
            site.pass(3600);
            site.ran("web", "");
            site.has_release("web", "1 deployed");
            assert_eq!(site.told_of("web", "Disabled"), 1);
        },
    ),
];

#[test]
fn what_others_do() {
    play(ROWS);
}
