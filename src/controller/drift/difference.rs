//! Where two states of an object differ, in the fields that users set.

use std::collections::BTreeSet;

use serde_json::Value;

use super::pointer;

/// Fields that the server writes, and the status.
const NOT_ASKED_FOR: [&str; 9] = [
    "/metadata/creationTimestamp",
    "/metadata/deletionGracePeriodSeconds",
    "/metadata/deletionTimestamp",
    "/metadata/generation",
    "/metadata/managedFields",
    "/metadata/resourceVersion",
    "/metadata/selfLink",
    "/metadata/uid",
    "/status",
];

/// The most differences that are returned.
const MOST: usize = 100;

/// JSON pointers to the differences between the result of an apply and the live object, in the order of the names; at
/// most 100. Left out: status, the fields that the server writes, and what `ignore` points to, with all below.
///
/// A list of another length differs as a whole. Null counts as absent; an empty object or list does not.
pub fn difference(dry_run: &Value, live: &Value, ignore: &[String]) -> Vec<String> {
    let mut left_out: BTreeSet<String> = NOT_ASKED_FOR.map(str::to_owned).into();
    left_out.extend(ignore.iter().map(|pointer| pointer::normal(pointer)));
    let mut found = Vec::new();
    compare(dry_run, live, String::new(), &left_out, &mut found);
    found
}

fn compare(
    new: &Value,
    old: &Value,
    path: String,
    left_out: &BTreeSet<String>,
    found: &mut Vec<String>,
) {
    if found.len() >= MOST || new == old || left_out.contains(&path) {
        return;
    }
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            let names: BTreeSet<&String> = new.keys().chain(old.keys()).collect();
            for name in names {
                let of = |side: &serde_json::Map<String, Value>| {
                    side.get(name).cloned().unwrap_or(Value::Null)
                };
                let below = pointer::below(&path, name);
                compare(&of(new), &of(old), below, left_out, found);
            }
        }
        (Value::Array(new), Value::Array(old)) if new.len() == old.len() => {
            for (place, (new, old)) in new.iter().zip(old).enumerate() {
                let below = pointer::below(&path, &place.to_string());
                compare(new, old, below, left_out, found);
            }
        }
        // an ignored field that is the only one on one side does not make the whole differ
        (Value::Object(one), Value::Null) | (Value::Null, Value::Object(one))
            if !one.is_empty() && is_all_left_out(one, &path, left_out) => {}
        _ => found.push(path),
    }
}

fn is_all_left_out(
    fields: &serde_json::Map<String, Value>,
    path: &str,
    left_out: &BTreeSet<String>,
) -> bool {
    fields.iter().all(|(name, value)| {
        let below = pointer::below(path, name);
        left_out.contains(&below)
            || value
                .as_object()
                .is_some_and(|inner| !inner.is_empty() && is_all_left_out(inner, &below, left_out))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_is_pointed_to() {
        let rows = [
            ("nothing", json!({"a": 1}), json!({"a": 1}), vec![]),
            ("a value", json!({"a": 1}), json!({"a": 2}), vec!["/a"]),
            (
                "a field too few",
                json!({"a": {"b": 1}}),
                json!({"a": {}}),
                vec!["/a/b"],
            ),
            (
                "a field too many",
                json!({"a": {}}),
                json!({"a": {"b": 1}}),
                vec!["/a/b"],
            ),
            ("a type", json!({"a": "1"}), json!({"a": 1}), vec!["/a"]),
            (
                "null is as good as absent",
                json!({"a": null}),
                json!({}),
                vec![],
            ),
            (
                "an empty object is not",
                json!({"emptyDir": {}}),
                json!({}),
                vec!["/emptyDir"],
            ),
            (
                "an item of a list",
                json!({"a": [1, 2]}),
                json!({"a": [1, 3]}),
                vec!["/a/1"],
            ),
            (
                "an item too many",
                json!({"a": [1]}),
                json!({"a": [1, 2]}),
                vec!["/a"],
            ),
            (
                "names with slashes",
                json!({"metadata": {"labels": {"a/b~c": "1"}}}),
                json!({"metadata": {"labels": {"a/b~c": "2"}}}),
                vec!["/metadata/labels/a~1b~0c"],
            ),
            (
                "what the server writes by itself",
                json!({"metadata": {"resourceVersion": "1", "generation": 1, "managedFields": [1]}}),
                json!({"metadata": {"resourceVersion": "2", "generation": 2, "uid": "x"}}),
                vec![],
            ),
            (
                "what is rather than what should be",
                json!({"status": {"ready": 1}, "spec": {"status": 1}}),
                json!({"status": {"ready": 0}, "spec": {"status": 2}}),
                vec!["/spec/status"],
            ),
        ];
        for (case, new, old, expected) in rows {
            assert_eq!(difference(&new, &old, &[]), expected, "{case}");
        }
    }

    #[test]
    fn what_is_ignored_is_left_out_with_all_below() {
        let new = json!({"spec": {"replicas": 1, "template": {"a": 1, "b": [1]}}});
        let old = json!({"spec": {"replicas": 3, "template": {"a": 2, "b": [2]}}});
        let rows: [(&[&str], &[&str]); 6] = [
            (
                &[],
                &["/spec/replicas", "/spec/template/a", "/spec/template/b/0"],
            ),
            (
                &["/spec/replicas"],
                &["/spec/template/a", "/spec/template/b/0"],
            ),
            (
                &["spec/replicas", "/spec/template/b/0"],
                &["/spec/template/a"],
            ),
            (&["/spec/template"], &["/spec/replicas"]),
            (&["/spec"], &[]),
            (&[""], &[]),
        ];
        for (ignore, expected) in rows {
            let ignore: Vec<String> = ignore.iter().map(|&one| one.to_owned()).collect();
            assert_eq!(difference(&new, &old, &ignore), expected, "{ignore:?}");
        }
        let (with, without) = (
            json!({"spec": {"conversion": {"caBundle": "x"}}}),
            json!({"spec": {}}),
        );
        let ignore = ["/spec/conversion/caBundle".to_owned()];
        assert_eq!(difference(&with, &without, &ignore), Vec::<String>::new());
        assert_eq!(difference(&without, &with, &ignore), Vec::<String>::new());
    }

    #[test]
    fn the_list_is_bounded() {
        let of = |value: i32| json!((0..1000).map(|_| value).collect::<Vec<_>>());
        assert_eq!(difference(&of(1), &of(2), &[]).len(), MOST);
    }
}
