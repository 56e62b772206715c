//! Requests for objects of any kind.

use hyper::header::{CONTENT_TYPE, HeaderValue};
use kube::api::{Patch, PatchParams};
use kube::core::request::Error;
use kube::core::{DynamicObject, Request, Resource};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::HELM_FIELD_MANAGER;
use super::kinds::Kind;

/// A request as kube's client takes it.
pub(super) type RawRequest = hyper::Request<Vec<u8>>;

/// The path of objects of this kind, in this namespace if the kind is namespaced.
pub(super) fn at(kind: &Kind, namespace: Option<&str>, default_namespace: &str) -> Request {
    let namespace = namespace
        .filter(|namespace| !namespace.is_empty())
        .unwrap_or(default_namespace);
    let namespace = kind.namespaced.then_some(namespace);
    Request::new(DynamicObject::url_path(&kind.resource, namespace))
}

/// By force and with strict validation: an apply with a field that the server does not know is refused, by
/// whichever validation, so the object stays as Helm made it until the chart is corrected.
pub(super) fn strict_apply() -> PatchParams {
    let how = PatchParams::apply(HELM_FIELD_MANAGER).force();
    how.validation_strict()
}

/// A JSON patch (RFC 6902), for which kube's client has no untyped form.
pub(super) fn json_patch(
    place: &Request,
    name: &str,
    how: &PatchParams,
    patch: &Value,
) -> Result<RawRequest, Error> {
    let mut request = place.patch(&segment(name), how, &Patch::Merge(patch))?;
    let json_patch = HeaderValue::from_static("application/json-patch+json");
    request.headers_mut().insert(CONTENT_TYPE, json_patch);
    Ok(request)
}

/// A name as a segment of a path: those of RBAC objects may hold blanks, `?` and `#`.
pub(super) fn segment(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

/// What stands for itself in a segment of a path (RFC 3986, 3.3), and is no letter or digit.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'@');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_segment_of_a_path() {
        let rows = [
            ("web-1.2", "web-1.2"),
            ("system:node", "system:node"),
            ("a b", "a%20b"),
            ("who? #1", "who%3F%20%231"),
            ("a/b%c", "a%2Fb%25c"),
            ("é", "%C3%A9"),
        ];
        for (name, expected) in rows {
            assert_eq!(segment(name), expected);
        }
    }
}
