//! A spec that names another release.

use super::{Death, End, Row, play, row};
use crate::controller::reconcile::tests::site::release;
use crate::node_key::NodeKey;

const MOVED: &str = "{version: 1.0.0, chart: {releaseName: site}}";

pub const ROWS: &[Row] = &[
    row(
        44,
        "a renamed release takes the place of the old one",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.apply("web", MOVED);
            site.settle();
            site.ran("web", "uninstall");
            site.ran("site", "upgrade web 1.0.0 --dry-run, install web 1.0.0");
            site.has_release("web", "");
            site.shows("web", "Deployed Ready=True");
            assert_eq!(site.status("web").release_name.as_deref(), Some("site"));
        },
    ),
    row(44, "another namespace is another release", |mut site| {
        site.runs("web", "version: 1.0.0");
        site.apply("web", "{version: 1.0.0, chart: {namespace: shop}}");
        site.settle();
        site.ran("web", "uninstall");
        site.shows("web", "Deployed");
        assert_eq!(
            site.status("web").release_namespace.as_deref(),
            Some("shop")
        );
    }),
    row(
        44,
        "out of a namespace of Kubernetes' own only with allow-move",
        |mut site| {
            site.apply("web", "{version: 1.0.0, chart: {namespace: kube-system}}");
            site.settle();
            site.shows("web", "Deployed");
            site.apply("web", "version: 1.0.0");
            site.settle();
            site.shows("web", "Stalled=True/InvalidSpec");
            site.annotate("web", "allow-move", "true");
            site.settle();
            site.shows("web", "Deployed");
            site.ran("web", "upgrade web 1.0.0 --dry-run, install web 1.0.0");
        },
    ),
    row(
        44,
        "a controller that dies at any step of a move ends with the new release alone",
        |_| {
            for step in 0..40 {
                let mut site = super::Site::new();
                site.runs("web", "version: 1.0.0");
                site.apply("web", MOVED);
                site.dies_in = Some(step);
                site.pass(60);
                site.shows("web", "Deployed Ready=True");
                site.has_release("web", "");
                site.has_release("site", "1 deployed");
            }
        },
    ),
    row(
        44,
        "a controller that dies with Helm in the middle of a move does so too",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm_ends("web", &[End::Hangs]);
            site.apply("web", MOVED);
            site.settle();
            site.controller_dies(Death::OfBoth);
            site.pass(60);
            site.has_release("web", "");
            site.has_release("site", "1 deployed");
            site.shows("web", "Deployed");
        },
    ),
    row(
        44,
        "deleted in the middle of a move nothing is left of either",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm_ends("web", &[End::Fails("no")]);
            site.apply("web", MOVED);
            site.settle();
            site.delete("web");
            site.pass(60);
            assert!(!site.is_there("web"));
            assert!(
                site.helm
                    .release(&release("web"), |history, _| history.stored.is_empty())
            );
            assert!(
                site.helm
                    .release(&release("site"), |history, _| history.stored.is_empty())
            );
        },
    ),
    row(
        114,
        "a move whose dry run fails leaves the old release running, and is tried on schedule",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm.next_dry_run(End::Fails("it is green"));
            site.apply("web", MOVED);
            site.settle();
            site.ran("web", "");
            site.has_release("web", "1 deployed");
            site.shows("web", "Degraded Ready=False");
            site.says("web", "it is green");
            site.pass(11);
            site.ran("web", "uninstall");
            site.shows("web", "Deployed");
        },
    ),
    row(
        115,
        "a move onto a release that another Component has leaves the old one running",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            let other = NodeKey::new("elsewhere", "other");
            site.elsewhere.insert(other, release("site"));
            site.helm_upgrade_by_hand("site", "web 1.0.0", Some(Ok(())));
            site.by_hand("site", |history| {
                history.stored[0].revision.owner = Some("elsewhere.other".to_owned());
            });
            site.apply("web", MOVED);
            site.settle();
            site.ran("web", "");
            site.shows("web", "Degraded Ready=False/ReleaseConflict");
            site.says("web", "elsewhere/other");
            site.elsewhere.clear();
            site.by_hand("site", |history| history.stored.clear());
            site.pass(130);
            site.shows("web", "Deployed");
        },
    ),
    row(
        114,
        "set back to the old name in time nothing has moved",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm.next_dry_run(End::Fails("it is green"));
            site.apply("web", MOVED);
            site.settle();
            site.apply("web", "version: 1.0.0");
            site.settle();
            site.ran("web", "");
            site.shows("web", "Deployed Ready=True");
        },
    ),
];

#[test]
fn moving() {
    play(ROWS);
}
