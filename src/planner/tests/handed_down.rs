//! What requirers want of the values of implicit Components (docs/components.md 11.8).

use serde_json::{Map, Value, json};

use super::*;
use crate::planner::handed_down;
use crate::planner::node::Inherited;

fn mapping(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().expect("a mapping")
}

/// A case in which `a`, whose values are `own`, is checked.
struct HandedDown {
    case: &'static str,
    nodes: &'static [&'static str],
    /// Of `part`: its values, and what was noted that others want.
    has: (Value, &'static [(&'static str, &'static str)]),
    own: Value,
    /// What is handed down: values, and who wants them.
    changes: Option<(Value, &'static [&'static str])>,
    verdict: &'static str,
}

const READY: &str = "Ready DependenciesReady: part 1.0.0 is ready";
const WAITS: &str =
    "Waiting DependencyInstalling: waits for part: it gets the values that are wanted of it";

#[test]
fn implicit_components_get_what_those_want_that_require_them() {
    let rows = [
        HandedDown {
            case: "has them",
            nodes: &["a age=9"],
            has: (json!({"size": 1}), &[("a", r#"{"size": 1}"#)]),
            own: json!({"part": {"size": 1}}),
            changes: None,
            verdict: READY,
        },
        HandedDown {
            case: "others are wanted: it is waited for",
            nodes: &["a age=9"],
            has: (json!({"size": 1}), &[("a", r#"{"size": 1}"#)]),
            own: json!({"part": {"size": 2}}),
            changes: Some((json!({"size": 2}), &["a"])),
            verdict: WAITS,
        },
        HandedDown {
            case: "none are wanted any more",
            nodes: &["a age=9"],
            has: (json!({"size": 1}), &[("a", r#"{"size": 1}"#)]),
            own: json!({}),
            changes: Some((json!({}), &[])),
            verdict: WAITS,
        },
        HandedDown {
            case: "only who wants them is another: nobody waits",
            nodes: &["a age=9"],
            has: (json!({"size": 1}), &[]),
            own: json!({"part": {"size": 1}}),
            changes: Some((json!({"size": 1}), &["a"])),
            verdict: READY,
        },
        HandedDown {
            case: "an older one wants another, and more",
            nodes: &["a age=1", "b ready age=9: part"],
            has: (
                json!({"size": 2, "more": 1}),
                &[("b", r#"{"size": 2, "more": 1}"#)],
            ),
            own: json!({"part": {"size": 1}}),
            changes: Some((json!({"size": 2, "more": 1}), &["a", "b"])),
            verdict: "Ready DependenciesReady: part 1.0.0 is ready; its value size for part does not count: b, which comes \
                      first, wants another",
        },
        HandedDown {
            case: "who requires it no more is not heard",
            nodes: &["a age=1", "b ready age=9", "c gone age=9: part"],
            has: (
                json!({"size": 2}),
                &[
                    ("b", r#"{"size": 2}"#),
                    ("c", r#"{"size": 3}"#),
                    ("d", r#"{"size": 4}"#),
                ],
            ),
            own: json!({"part": {"size": 1}}),
            changes: Some((json!({"size": 1}), &["a"])),
            verdict: WAITS,
        },
        HandedDown {
            case: "what one requires that is not settled is not known",
            nodes: &["a age=1", "b age=9"],
            has: (json!({"size": 2}), &[("b", r#"{"size": 2}"#)]),
            own: json!({"global": {"size": 1}}),
            changes: Some((json!({"size": 2, "global": {"size": 1}}), &["a", "b"])),
            verdict: WAITS,
        },
    ];
    for row in rows {
        let nodes = row.nodes.iter().map(|line| node(line));
        let mut part = node("part ready 1.0.0");
        part.implicit = true;
        let given = row.has.1.iter().map(|(name, text)| {
            (
                key(name),
                mapping(&serde_json::from_str(text).expect("JSON")),
            )
        });
        part.inherited = Some(Inherited {
            values: mapping(&row.has.0),
            given: given.collect(),
        });
        let planner = Planner::of(nodes.chain([part.clone()]));
        let requires = handed_down(&requirements("part"), &mapping(&row.own));
        let got = check(&planner, "a", &requires, &[]);
        assert_eq!(told(&got.verdict), row.verdict, "{}", row.case);
        let changes = got.hand_down.iter().map(|change| {
            let given: Vec<String> = change.given.keys().map(|key| key.name.clone()).collect();
            (Value::Object(change.values.clone()), given)
        });
        let expected = row.changes.map(|(values, names)| {
            (
                values,
                names
                    .iter()
                    .map(|&name| name.to_owned())
                    .collect::<Vec<_>>(),
            )
        });
        assert_eq!(
            Vec::from_iter(changes),
            Vec::from_iter(expected),
            "{}",
            row.case
        );

        // one that is a user's, or goes, is never told
        for change in [
            |part: &mut Node| part.inherited = None,
            |part: &mut Node| part.deleting = true,
        ] {
            let mut other = part.clone();
            change(&mut other);
            let planner = Planner::of([node("a age=9"), other]);
            assert!(
                check(&planner, "a", &requires, &[]).hand_down.is_empty(),
                "{}",
                row.case
            );
        }
    }
}
