//! Where server-side apply refuses an object, the differing fields and lists are set one by one, so that one that cannot
//! be put right does not keep the others wrong (docs/components.md 8, item 10).

use serde_json::{Value, json};

use super::pointer;
use crate::controller::objects::{Objects, ObjectsError};
use crate::release::manifest::ObjectKey;

/// More steps than this are only tried all at once.
const MOST: usize = 20;

/// What setting the fields would make of an object.
pub struct Stepwise {
    /// The object as it would be.
    pub result: Value,
    /// A JSON patch that does it, if nobody has written to the object meanwhile.
    pub patch: Value,
    /// The fields that cannot be set, and why.
    pub refused: Vec<String>,
}

/// Tries, without doing it, what of an object can be put right.
///
/// # Errors
/// As [`Objects::patch_fields`], for any other reason than that the API server refuses the object.
pub async fn attempt(
    objects: &Objects,
    key: &ObjectKey,
    namespace: &str,
    wanted: &Value,
    live: &Value,
) -> Result<Stepwise, ObjectsError> {
    let mut steps = Vec::new();
    collect(wanted, live, "", &mut steps);
    let dry_run = async |steps: &[Step]| {
        let patch = patch(live, steps);
        let result = objects.patch_fields(key, namespace, &patch, true).await;
        result.map(|result| (result, patch))
    };
    let mut done = match dry_run(&steps).await {
        Ok((result, patch)) => {
            return Ok(Stepwise {
                result,
                patch,
                refused: Vec::new(),
            });
        }
        Err(error) if error.refuses_object() => Stepwise {
            result: live.clone(),
            patch: Value::Null,
            refused: Vec::new(),
        },
        Err(error) => return Err(error),
    };
    let mut taken: Vec<Step> = Vec::new();
    for step in steps.into_iter().take(MOST) {
        let path = step.path.clone();
        taken.push(step);
        match dry_run(&taken).await {
            Ok((result, patch)) => (done.result, done.patch) = (result, patch),
            Err(error) if error.refuses_object() => {
                taken.pop();
                let why = error.said();
                let way_out = way_out(key, &path);
                done.refused
                    .push(format!("{path} cannot be put right: {why}; {way_out}"));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// What somebody can do about a field that cannot be set.
fn way_out(key: &ObjectKey, path: &str) -> String {
    if key.kind == "PersistentVolumeClaim" && path.starts_with("/spec/resources") {
        return "a claim that was enlarged by hand cannot shrink: set its size in the values, or name \
                /spec/resources/requests/storage in driftDetection.ignore"
            .to_owned();
    }
    format!("delete the object to have it made again, or name {path} in driftDetection.ignore")
}

/// One field that is to be set.
#[derive(Clone, Debug, PartialEq)]
struct Step {
    path: String,
    value: Value,
}

/// A JSON patch (RFC 6902) of these steps; the API server takes it only for the object as it was read.
fn patch(live: &Value, steps: &[Step]) -> Value {
    let version = &live["metadata"]["resourceVersion"];
    let guard = json!({"op": "add", "path": "/metadata/resourceVersion", "value": version});
    let steps = steps
        .iter()
        .map(|step| json!({"op": "add", "path": step.path, "value": step.value}));
    std::iter::once(guard).chain(steps).collect()
}

/// The fields in which what is wanted is not in the object. A list is set as a whole, unless its items are the same by
/// their names.
fn collect(wanted: &Value, live: &Value, path: &str, steps: &mut Vec<Step>) {
    match (wanted, live) {
        _ if wanted == live || wanted.is_null() || is_the_servers(path) => {}
        (Value::Object(wanted), Value::Object(live)) => {
            for (name, wanted) in wanted {
                let live = live.get(name).unwrap_or(&Value::Null);
                collect(wanted, live, &pointer::below(path, name), steps);
            }
        }
        (Value::Array(wanted), Value::Array(live)) if are_the_same(wanted, live) => {
            for (place, (wanted, live)) in wanted.iter().zip(live).enumerate() {
                let below = pointer::below(path, &place.to_string());
                collect(wanted, live, &below, steps);
            }
        }
        _ => steps.push(Step {
            path: path.to_owned(),
            value: wanted.clone(),
        }),
    }
}

fn is_the_servers(path: &str) -> bool {
    matches!(
        path,
        "/apiVersion" | "/kind" | "/status" | "/metadata/namespace" | "/metadata/creationTimestamp"
    )
}

/// True if these lists have objects of the same names, in this order.
fn are_the_same(wanted: &[Value], live: &[Value]) -> bool {
    let have_the_same_name =
        |(one, other): (&Value, &Value)| one.is_object() && one.get("name") == other.get("name");
    wanted.len() == live.len() && wanted.iter().zip(live).all(have_the_same_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differing_fields_are_set_and_others_stay() {
        let rows = [
            (
                "nothing",
                json!({"a": 1}),
                json!({"a": 1, "b": 2}),
                json!([]),
            ),
            (
                "a field and one that is missing",
                json!({"spec": {"a": 1, "b": {"c": 2}}}),
                json!({"spec": {"a": 2}}),
                json!([["/spec/a", 1], ["/spec/b", {"c": 2}]]),
            ),
            (
                "an item that is the same by its name",
                json!({"ports": [{"name": "http", "port": 80}]}),
                json!({"ports": [{"name": "http", "port": 81, "nodePort": 30000}]}),
                json!([["/ports/0/port", 80]]),
            ),
            (
                "a list of other items",
                json!({"env": [{"name": "A", "value": "1"}]}),
                json!({"env": [{"name": "A", "value": "2"}, {"name": "A", "value": "3"}]}),
                json!([["/env", [{"name": "A", "value": "1"}]]]),
            ),
            (
                "what is the server's, and null",
                json!({"apiVersion": "apps/v1beta1", "status": {}, "metadata": {"creationTimestamp": null}}),
                json!({"apiVersion": "apps/v1", "metadata": {}}),
                json!([]),
            ),
        ];
        for (case, wanted, live, expected) in rows {
            let mut steps = Vec::new();
            collect(&wanted, &live, "", &mut steps);
            let steps: Value = (steps.iter())
                .map(|step| json!([step.path, step.value]))
                .collect();
            assert_eq!(steps, expected, "{case}");
        }
    }
}
