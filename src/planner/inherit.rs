//! Values that a Component hands down to those that are created for it, and which of them count where several require
//! one (docs/components.md 11.8).

use std::fmt;

use serde_json::{Map, Value};

use crate::component::implicit::{Given, Values};
use crate::node_key::NodeKey;
use crate::planner::requirement::Requirement;

/// The key of what every chart sees, as in Helm.
const GLOBAL: &str = "global";

/// A value that somebody wants and does not get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unheard {
    /// Who wants it.
    pub(super) loser: NodeKey,
    /// Who wants another, and was there before.
    pub(super) winner: NodeKey,
    /// Where in the values, such as `persistence.size`.
    pub(super) path: String,
}

/// The requirements of a chart with the values that the Component of that chart, which has `values`, hands down: over the
/// annotation's come those under the requirement's name, and over these `global`, which wins as it does for sub-charts.
pub fn handed_down(requires: &[Requirement], values: &Values) -> Vec<Requirement> {
    let global = (values.get(GLOBAL)).filter(|global| global.as_object().is_some_and(is_some));
    let one = |requirement: &Requirement| {
        let mut all = match &requirement.values {
            Some(Value::Object(declared)) => declared.clone(),
            _ => Map::new(),
        };
        let own = values.get(&requirement.name).and_then(Value::as_object);
        if let Some(own) = own.filter(|_| !requirement.withholds) {
            merge_over(&mut all, own);
        }
        if let Some(global) = global {
            merge_over(
                &mut all,
                &Map::from_iter([(GLOBAL.to_owned(), global.clone())]),
            );
        }
        Requirement {
            values: is_some(&all).then_some(Value::Object(all)),
            ..requirement.clone()
        }
    };
    requires.iter().map(one).collect()
}

fn is_some(values: &Values) -> bool {
    !values.is_empty()
}

/// What each wants, put together: mappings merge, and of two that want different values of one thing the first of `order`
/// is heard. Who is not in `order` is not heard at all.
pub(super) fn joined<'a>(
    given: &Given,
    order: impl Iterator<Item = &'a NodeKey>,
) -> (Values, Vec<Unheard>) {
    let mut all = Map::new();
    let mut unheard = Vec::new();
    let mut heard: Vec<(&NodeKey, &Values)> = Vec::new();
    for (key, values) in order.filter_map(|key| given.get_key_value(key)) {
        let mut lost = Vec::new();
        merge_under(&mut all, values, "", &mut lost);
        unheard.extend(lost.into_iter().map(|path| {
            let says_so = |(_, values): &&(&NodeKey, &Values)| has(values, &path);
            let winner = heard.iter().find(says_so).map_or(key, |(winner, _)| winner);
            Unheard {
                loser: key.clone(),
                winner: winner.clone(),
                path,
            }
        }));
        heard.push((key, values));
    }
    (all, unheard)
}

/// Deep; what is in `over` wins, be it null.
fn merge_over(target: &mut Values, over: &Values) {
    for (key, value) in over {
        match (target.get_mut(key), value) {
            (Some(Value::Object(target)), Value::Object(over)) => merge_over(target, over),
            _ => {
                target.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Deep; what is in `target` wins, and where it says something else is noted.
fn merge_under(target: &mut Values, under: &Values, place: &str, lost: &mut Vec<String>) {
    for (key, value) in under {
        let path = format!("{place}{key}");
        match (target.get_mut(key), value) {
            (None, _) => {
                target.insert(key.clone(), value.clone());
            }
            (Some(Value::Object(target)), Value::Object(under)) => {
                merge_under(target, under, &format!("{path}."), lost);
            }
            (Some(known), _) if known == value => {}
            (Some(_), _) => lost.push(path),
        }
    }
}

/// True if there is something at this path, or something else than a mapping on the way.
fn has(values: &Values, path: &str) -> bool {
    let (key, rest) = path.split_once('.').unwrap_or((path, ""));
    // a key may have a dot itself
    let whole = values.contains_key(path);
    whole
        || match values.get(key) {
            Some(Value::Object(below)) if !rest.is_empty() => has(below, rest),
            below => below.is_some(),
        }
}

impl Unheard {
    /// `its value size for grafana does not count: team/b, which comes first, wants another`.
    pub(super) fn sentence(&self, part: &str, winner: &str) -> String {
        format!(
            "its value {} for {part} does not count: {winner}, which comes first, wants another",
            self.path
        )
    }
}

impl fmt::Display for Unheard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.loser, self.path, self.winner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values(text: &str) -> Values {
        let value: Value = serde_json::from_str(text).expect("JSON");
        value.as_object().cloned().expect("a mapping")
    }

    #[test]
    fn a_part_gets_what_its_name_says_and_what_is_global() {
        let annotation = "\
- {name: plain}
- {name: part, values: {size: 1, keep: 2, global: {zone: a}}}
- {name: shut, inherit: false, values: {size: 1}}
- {name: short, chart: long}
";
        let requires = Requirement::parse_annotation(annotation).expect("requirements");
        let rows = [
            (
                "{}",
                [
                    json!(null),
                    json!({"size": 1, "keep": 2, "global": {"zone": "a"}}),
                    json!({"size": 1}),
                    json!(null),
                ],
            ),
            // of the chart itself
            (
                r#"{"size": 9, "plain": 1, "part": {}, "long": {"a": 1}, "global": {}}"#,
                [
                    json!(null),
                    json!({"size": 1, "keep": 2, "global": {"zone": "a"}}),
                    json!({"size": 1}),
                    json!(null),
                ],
            ),
            (
                r#"{"global": {"zone": "b"}}"#,
                [
                    json!({"global": {"zone": "b"}}),
                    json!({"size": 1, "keep": 2, "global": {"zone": "b"}}),
                    json!({"size": 1, "global": {"zone": "b"}}),
                    json!({"global": {"zone": "b"}}),
                ],
            ),
            (
                r#"{"plain": {"list": [1]}, "part": {"size": null, "global": {"zone": "c", "more": 1}},
                    "shut": {"size": 2}, "short": {"a": 1}, "global": {"zone": "b"}}"#,
                [
                    json!({"list": [1], "global": {"zone": "b"}}),
                    json!({"size": null, "keep": 2, "global": {"zone": "b", "more": 1}}),
                    json!({"size": 1, "global": {"zone": "b"}}),
                    json!({"a": 1, "global": {"zone": "b"}}),
                ],
            ),
        ];
        for (given, expected) in rows {
            let got = handed_down(&requires, &values(given));
            let got = got.into_iter().map(|one| one.values.unwrap_or_default());
            assert_eq!(Vec::from_iter(got), expected, "{given}");
        }
    }

    #[test]
    fn of_several_that_want_different_things_the_first_is_heard() {
        let key = |name: &str| NodeKey::new("team", name);
        let given = Given::from([
            (
                key("a"),
                values(r#"{"size": 1, "global": {"zone": "a"}, "x.y": 1}"#),
            ),
            (
                key("b"),
                values(r#"{"size": 2, "global": {"zone": "a", "more": 1}}"#),
            ),
            (
                key("c"),
                values(r#"{"size": {"min": 1}, "global": 1, "x.y": 2}"#),
            ),
            (key("gone"), values(r#"{"size": 7, "extra": 1}"#)),
        ]);
        let rows = [
            (
                "abc",
                json!({"size": 1, "global": {"zone": "a", "more": 1}, "x.y": 1}),
                "team/b size team/a, team/c global team/a, team/c size team/a, team/c x.y team/a",
            ),
            (
                "cba",
                json!({"size": {"min": 1}, "global": 1, "x.y": 2}),
                "team/b global team/c, team/b size team/c, team/a global team/c, team/a size team/c, team/a x.y team/c",
            ),
            (
                "b",
                json!({"size": 2, "global": {"zone": "a", "more": 1}}),
                "",
            ),
        ];
        for (order, expected, lost) in rows {
            let order: Vec<NodeKey> = order.chars().map(|one| key(&one.to_string())).collect();
            let (got, unheard) = joined(&given, order.iter());
            assert_eq!(Value::Object(got), expected, "{order:?}");
            let unheard: Vec<String> = unheard.iter().map(Unheard::to_string).collect();
            assert_eq!(unheard.join(", "), lost, "{order:?}");
        }
    }
}
