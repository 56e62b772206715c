//! Drift of what is installed.

use super::{Row, play, row};
use crate::controller::reconcile::observation::Drift;
use crate::controller::reconcile::tests::site::Site;

fn drifts(site: &mut Site) {
    let summary = "ConfigMap web: data.a changed; Deployment web: deleted".to_owned();
    let digest = "0123456789abcdef".to_owned();
    site.objects("web").drift = Drift::Found {
        digest,
        summary,
        unknown: None,
    };
}

pub const ROWS: &[Row] = &[
    row(
        27,
        "what drifted is put right without a revision, and an event names it",
        |mut site| {
            site.runs("web", "{version: 1.0.0, driftDetection: {mode: enabled}}");
            drifts(&mut site);
            site.pass(660);
            site.ran("web", "");
            site.has_release("web", "1 deployed");
            site.shows("web", "Deployed Ready=True Drifted=False/DriftCorrected");
            site.says("web", "ConfigMap web");
            site.says("web", "Deployment web");
            assert_eq!(site.told_of("web", "DriftCorrected"), 1);
            assert!(!matches!(site.objects("web").drift, Drift::Found { .. }));
        },
    ),
    row(
        28,
        "with warn it is told once and not written",
        |mut site| {
            site.runs("web", "{version: 1.0.0, driftDetection: {mode: warn}}");
            drifts(&mut site);
            site.pass(3 * 660);
            site.shows("web", "Deployed Ready=True Drifted=True/DriftDetected");
            assert_eq!(site.told_of("web", "DriftDetected"), 1);
            assert!(matches!(site.objects("web").drift, Drift::Found { .. }));
        },
    ),
    row(28, "with disabled nobody looks", |mut site| {
        site.runs("web", "{version: 1.0.0, driftDetection: {mode: disabled}}");
        drifts(&mut site);
        site.pass(3 * 660);
        site.shows("web", "Deployed Ready=True !Drifted");
    }),
    row(
        30,
        "what cannot be put right is named, and the release is Degraded",
        |mut site| {
            site.runs("web", "{version: 1.0.0, driftDetection: {mode: enabled}}");
            drifts(&mut site);
            site.objects("web").stubborn = vec!["Deployment web: forbidden".to_owned()];
            site.pass(660);
            site.shows(
                "web",
                "Degraded Ready=False/CorrectionFailed Drifted=True/CorrectionFailed",
            );
            site.says("web", "forbidden");
            site.objects("web").stubborn.clear();
            site.pass(660);
            site.shows("web", "Deployed Ready=True");
        },
    ),
    row(
        30,
        "what cannot be compared or put right by any means is told once, and the release stays Deployed",
        |mut site| {
            site.runs("web", "{version: 1.0.0, driftDetection: {mode: enabled}}");
            let unknown =
                "PersistentVolumeClaim data: /spec/resources cannot be put right".to_owned();
            site.objects("web").drift = Drift::None {
                unknown: Some(unknown),
            };
            site.pass(3 * 660);
            site.shows(
                "web",
                "Deployed Ready=True Drifted=Unknown/ComparisonFailed",
            );
            assert_eq!(site.told_of("web", "ComparisonFailed"), 1);
            site.objects("web").drift = Drift::None { unknown: None };
            site.pass(660);
            site.shows("web", "Deployed Ready=True Drifted=False/NoDriftDetected");
        },
    ),
];

#[test]
fn drift() {
    play(ROWS);
}
