//! Who may go (docs/components.md 19, scenarios 37, 38 and 64).

use super::*;

#[test]
fn dependents_go_first_and_those_that_stay_refuse() {
    let rows: &[(&str, &[&str], &str)] = &[
        ("nobody needs it", &["a deleting", "b ready"], "free"),
        ("it is not there", &["b: c"], "free"),
        (
            "one that stays needs it",
            &["a deleting", "b ready: a"],
            "refused b",
        ),
        (
            "it is needed by way of a chart",
            &["a deleting", "b ready | a"],
            "refused b",
        ),
        (
            "it is needed under the name of its chart",
            &["a deleting chart=lib", "b ready: lib"],
            "refused b",
        ),
        (
            "one that is not installed yet needs it too",
            &["a deleting", "b: a"],
            "refused b",
        ),
        (
            "one that gave it up, which no pass has looked at yet",
            &["a deleting", "b changed | a"],
            "refused b",
        ),
        (
            "one that nobody acts on",
            &["a deleting", "b suspended ready: a"],
            "refused b",
        ),
        (
            "one that is disabled, which nobody acts on",
            &["a deleting", "b suspended disabled ready: a"],
            "refused b",
        ),
        (
            "one that goes is waited for",
            &["a deleting", "b ready deleting: a"],
            "wait b",
        ),
        (
            "one that is being disabled is waited for",
            &["a deleting", "b ready disabled changed: a"],
            "wait b",
        ),
        (
            "one that was disabled, but not observed",
            &["a deleting", "b gone changed: a"],
            "wait b",
        ),
        (
            "one that is disabled and gone",
            &["a deleting", "b gone: a"],
            "free",
        ),
        (
            "those that stay count more than those that go",
            &[
                "a deleting",
                "b ready deleting: a",
                "c ready: a",
                "d ready: a",
            ],
            "refused c d",
        ),
        (
            "further dependents are no matter of its own",
            &["a deleting", "b gone: a", "c ready: b"],
            "free",
        ),
        (
            "its user permits it",
            &["a deleting breaks", "b ready: a"],
            "free",
        ),
        (
            "its user permits it, and others go too",
            &["a deleting breaks", "b ready deleting: a"],
            "free",
        ),
        (
            "its release stays",
            &["a deleting orphan", "b ready: a"],
            "free",
        ),
        (
            "its release would stay, but it is only disabled",
            &["a disabled ready orphan", "b ready: a"],
            "refused b",
        ),
        (
            "it is suspended: its release stays",
            &["a deleting suspended", "b ready: a"],
            "free",
        ),
        (
            "it is disabled, and nothing is left of it",
            &["a gone deleting", "b: a"],
            "free",
        ),
        (
            "an optional dependent that stays",
            &["a deleting", "b ready: a?"],
            "free",
        ),
        (
            "an optional dependent by way of a chart",
            &["a deleting", "b ready | a?"],
            "free",
        ),
        (
            "an optional dependent that goes is waited for",
            &["a deleting", "b ready deleting: a?"],
            "wait b",
        ),
        (
            "an optional dependent that would go, but may not",
            &[
                "a deleting",
                "b ready deleting: a?",
                "c ready deleting: b",
                "d ready: c",
            ],
            "free",
        ),
        (
            "an optional dependent whose dependents go too",
            &["a deleting", "b ready deleting: a?", "c ready deleting: b"],
            "wait b",
        ),
        (
            "a cycle has no order",
            &["a deleting: b", "b ready: c", "c deleting: a"],
            "free",
        ),
        (
            "a member of a cycle still waits for outsiders",
            &["a deleting: b", "b deleting: a", "c deleting: a"],
            "wait c",
        ),
        ("itself", &["a deleting: a"], "free"),
    ];
    for (case, lines, expected) in rows {
        let removal = match planner(lines).removal(&key("a")) {
            Removal::Free => "free".to_owned(),
            Removal::WaitFor(keys) => format!("wait {}", names(&keys)),
            Removal::Refused(keys) => format!("refused {}", names(&keys)),
        };
        assert_eq!(removal, *expected, "{case}");
    }
}

#[test]
fn what_is_kept_for_others_only_is_unneeded_without_them() {
    let rows: &[(&str, &[&str], bool)] = &[
        ("nobody is left", &["a implicit ready", "b ready"], true),
        ("a user's own is never unneeded", &["a ready"], false),
        ("somebody requires it", &["a implicit", "b ready: a"], false),
        (
            "somebody requires it, who may be gone soon",
            &["a implicit", "b ready deleting: a"],
            false,
        ),
        (
            "its last requirer is disabled and gone",
            &["a implicit", "b gone: a"],
            true,
        ),
        (
            "it is only ordered before somebody",
            &["a implicit", "b ready: a?"],
            true,
        ),
        (
            "another implicit one requires it",
            &["a implicit", "b implicit: a"],
            false,
        ),
        (
            "two that keep each other",
            &["a implicit: b", "b implicit: a"],
            true,
        ),
        (
            "two that keep each other, and somebody one of them",
            &["a implicit: b", "b implicit: a", "c: b"],
            false,
        ),
        (
            "in a cycle with a user's own",
            &["a implicit: b", "b: a"],
            false,
        ),
        ("it is not there", &["b: a"], false),
    ];
    for (case, lines, expected) in rows {
        assert_eq!(planner(lines).unneeded(&key("a")), *expected, "{case}");
    }
}
