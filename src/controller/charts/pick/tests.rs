use super::*;

const LISTED: &[&str] = &[
    "3.0.0-rc.1",
    "2.1.0",
    "2.0.0",
    "1.5.0+b2",
    "1.5.0+b1",
    "1.4.0",
    "1.0.0",
];

fn listed(texts: &[&str]) -> Vec<ChartVersion> {
    let version = |text: &&str| ChartVersion {
        name: "demo".to_owned(),
        text: (*text).to_owned(),
        version: Version::parse(text).unwrap(),
        digest: None,
        url: format!("http://room/charts/demo-{text}.tgz"),
        requires: None,
        kube_version: String::new(),
        app_version: String::new(),
    };
    texts.iter().map(version).collect()
}

/// The picked version's text, `stay`, or the reason's word.
fn picked(wanted: &str, texts: &[&str], current: &str, auto_upgrade: bool) -> String {
    let selector = VersionSelector::parse(wanted).unwrap();
    let current = Some(current).filter(|text| !text.is_empty());
    match pick(&selector, &listed(texts), current, auto_upgrade) {
        Picked::Version(index) => texts[index].to_owned(),
        Picked::Stay(message) => {
            assert!(message.contains(current.unwrap()), "{message}");
            "stay".to_owned()
        }
        Picked::NotFound { reason, message } => {
            assert!(message.contains("push"), "{message}");
            reason.to_string()
        }
    }
}

#[test]
fn a_component_without_a_release_gets_what_its_version_means() {
    for (wanted, found) in [
        ("", "2.1.0"),
        ("latest", "2.1.0"),
        ("1.4.0", "1.4.0"),
        ("v1.4.0", "1.4.0"),
        ("1.5.0+b1", "1.5.0+b1"),
        ("3.0.0-rc.1", "3.0.0-rc.1"),
        ("^1", "1.5.0+b2"),
        (">=2.0.0-0", "3.0.0-rc.1"),
        ("4.0.0", "VersionNotFound"),
        ("^4", "VersionNotFound"),
    ] {
        assert_eq!(picked(wanted, LISTED, "", false), found, "{wanted:?}");
    }
    for wanted in ["", "latest"] {
        assert_eq!(
            picked(wanted, &["1.0.0-rc.1"], "", false),
            "VersionNotFound",
            "{wanted:?}"
        );
    }
    assert_eq!(picked("", &[], "", false), "ChartNotFound");
}

#[test]
fn an_empty_version_is_pinned_unless_it_may_follow_uploads() {
    for (current, auto_upgrade, found) in [
        ("1.4.0", false, "1.4.0"),
        ("v1.4.0", false, "1.4.0"),
        ("1.5.0+b1", false, "1.5.0+b1"),
        ("3.0.0-rc.1", false, "3.0.0-rc.1"),
        ("1.3.0", false, "stay"),
        ("odd", false, "stay"),
        ("1.4.0", true, "2.1.0"),
        ("2.1.0", true, "2.1.0"),
        ("2.2.0", true, "stay"),
        ("3.0.0-rc.1", true, "3.0.0-rc.1"),
        ("odd", true, "2.1.0"),
    ] {
        assert_eq!(
            picked("", LISTED, current, auto_upgrade),
            found,
            "{current} {auto_upgrade}"
        );
    }
}

#[test]
fn what_follows_uploads_goes_up_and_never_down_by_itself() {
    for (wanted, current, found) in [
        ("latest", "1.4.0", "2.1.0"),
        ("latest", "2.1.0", "2.1.0"),
        // 2.2.0 was deleted
        ("latest", "2.2.0", "stay"),
        // an upload with other build metadata is no newer version
        ("^1", "1.5.0+b1", "1.5.0+b1"),
        ("^1", "1.4.0", "1.5.0+b2"),
        ("^1", "1.9.0", "stay"),
        (">=2", "2.1.0", "2.1.0"),
        // the newest in the range is gone, and there is nothing else in the range
        ("~2.5", "2.5.1", "stay"),
    ] {
        assert_eq!(
            picked(wanted, LISTED, current, false),
            found,
            "{wanted} from {current}"
        );
    }
}

#[test]
fn a_downgrade_happens_when_it_is_asked_for() {
    for (wanted, current, found) in [
        ("1.4.0", "2.1.0", "1.4.0"),
        ("^1", "2.1.0", "1.5.0+b2"),
        ("<2", "2.5.0", "1.5.0+b2"),
        // the current one is a pre-release, which the range does not take
        ("^2", "3.0.0-rc.1", "2.1.0"),
        ("^4", "2.1.0", "VersionNotFound"),
    ] {
        assert_eq!(
            picked(wanted, LISTED, current, false),
            found,
            "{wanted} from {current}"
        );
    }
}

#[test]
fn an_exact_version_that_is_gone_stays_where_it_is_installed() {
    for (current, found) in [
        ("1.2.3", "stay"),
        ("v1.2.3", "stay"),
        ("1.0.0", "VersionNotFound"),
    ] {
        assert_eq!(picked("1.2.3", LISTED, current, false), found, "{current}");
    }
    assert_eq!(picked("1.2.3", &[], "1.2.3", false), "stay");
}

#[test]
fn messages_say_what_is_there() {
    let selector = VersionSelector::parse("9.9.9").unwrap();
    let message = |texts: &[&str], selector| match pick(selector, &listed(texts), None, false) {
        Picked::NotFound { message, .. } => message,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        message(LISTED, &selector),
        "chart demo has no version 9.9.9, but 3.0.0-rc.1, 2.1.0, 2.0.0, 1.5.0+b2, 1.5.0+b1, 2 more; push \
         demo-9.9.9.tgz, or change spec.version"
    );
    let message = message(&["1.0.0-rc.2", "1.0.0-rc.1"], &VersionSelector::Newest);
    assert!(
        message.contains("only pre-releases: 1.0.0-rc.2, 1.0.0-rc.1;"),
        "{message}"
    );
}
