//! A manifest told in the versions that a server serves, or without some of its definitions: the value of an `apiVersion`
//! changes, or objects are left out, and everything else stays byte for byte.

use std::collections::BTreeSet;

use serde_json::Value;

use super::served::{ApiKind, Served, Unserved};
use super::unreadable::Unreadable;
use super::{LIMITS, ManifestError, json, objects};
use crate::yaml;

/// The kinds in a manifest, in the versions in which it names them.
///
/// # Errors
/// As [`objects`].
pub fn kinds(manifest: &str) -> Result<BTreeSet<ApiKind>, ManifestError> {
    let objects = objects(manifest)?.into_iter();
    Ok(objects
        .map(|object| ApiKind::new(&object.api_version, &object.kind))
        .collect())
}

/// The manifest with every object of these kinds in the version in which it is served, and without those that are served
/// nowhere. What else a document says stays as it is, and so do all other documents.
///
/// A document is written anew, as JSON, where its `apiVersion` cannot be changed in its place: it is an alias or a text
/// of several lines, or a list loses some of its items.
///
/// # Errors
/// As [`objects`], or a document that can be told neither way.
pub fn rewrite(manifest: &str, unserved: &Unserved) -> Result<String, ManifestError> {
    told(manifest, |value| tell(value, None, unserved))
}

/// The manifest without the definitions of these names; everything else stays as [`rewrite`] leaves it.
///
/// # Errors
/// As [`rewrite`].
pub fn without_definitions(
    manifest: &str,
    names: &BTreeSet<String>,
) -> Result<String, ManifestError> {
    told(manifest, |value| leave_out(value, "", names))
}

/// The manifest with each document as `tell` makes it, and without those of which it says that nothing is left.
fn told(manifest: &str, tell: impl Fn(&mut Value) -> bool) -> Result<String, ManifestError> {
    let text = manifest.strip_prefix('\u{feff}').unwrap_or(manifest);
    let mut told = manifest[..manifest.len() - text.len()].to_owned();
    let mut limits = LIMITS;
    for (at, document) in yaml::divide(text.as_bytes()).iter().enumerate() {
        let before = document.parse(text.as_bytes(), &mut limits);
        let before = json(before.map_err(|error| Unreadable::of(text, document, at + 1, &error))?);
        let mut after = before.clone();
        if !tell(&mut after) {
            continue;
        }
        if after == before {
            told.push_str(&text[document.whole.clone()]);
            continue;
        }
        let opening = &text[document.whole.start..document.content.start];
        let content = &text[document.content.clone()];
        let candidates = [in_place(content, &after), Some(anew(content, &after))];
        let mut candidates = candidates.into_iter().flatten();
        let is_so = |candidate: &String| {
            let read = yaml::parse(candidate.as_bytes(), LIMITS);
            read.is_ok_and(|read| json(read) == after)
        };
        let sound = candidates.find(is_so);
        told.push_str(opening);
        told.push_str(&sound.ok_or(ManifestError::NotRewritten { document: at + 1 })?);
    }
    Ok(told)
}

/// Tells an object, or all that it lists, in the versions that are served; false if nothing is left of it. `list` is the
/// API version and kind of the list that it is in, which an item may leave out.
fn tell(value: &mut Value, list: Option<(&str, &str)>, unserved: &Unserved) -> bool {
    let text = |value: &Value, name: &str| value[name].as_str().map(str::to_owned);
    let (Some(api_version), Some(kind)) = (
        text(value, "apiVersion").or(list.map(|(version, _)| version.to_owned())),
        text(value, "kind").or(list.map(|(_, kind)| kind.to_owned())),
    ) else {
        return true;
    };
    let of_list = kind.strip_suffix("List");
    let is_list = of_list.is_some() && value["metadata"]["name"].as_str().is_none();
    let asked = ApiKind::new(&api_version, of_list.filter(|_| is_list).unwrap_or(&kind));
    let mut is_left = true;
    let items = value.get_mut("items").and_then(Value::as_array_mut);
    if is_list && let Some(items) = items.filter(|items| !items.is_empty()) {
        let inherited = Some((api_version.as_str(), asked.kind.as_str()));
        let inherited = inherited.filter(|(_, kind)| !kind.is_empty());
        items.retain_mut(|item| tell(item, inherited, unserved));
        is_left = !items.is_empty();
    }
    match unserved.get(&asked) {
        Some(Served::At(version)) if !value["apiVersion"].is_null() => {
            value["apiVersion"] = version.as_str().into();
        }
        Some(Served::Nowhere) => is_left = false,
        Some(Served::At(_)) | None => {}
    }
    is_left
}

/// Leaves definitions of these names out of an object, which may be a list of some; false if nothing is left of it.
/// `list` is the kind of the list that it is in.
fn leave_out(value: &mut Value, list: &str, names: &BTreeSet<String>) -> bool {
    let inherited = list.strip_suffix("List").unwrap_or_default();
    let kind = value["kind"].as_str().unwrap_or(inherited).to_owned();
    let name = value["metadata"]["name"].as_str().unwrap_or_default();
    if kind == "CustomResourceDefinition" {
        return !names.contains(name);
    }
    let is_list = kind.ends_with("List") && name.is_empty();
    let items = value.get_mut("items").and_then(Value::as_array_mut);
    match items.filter(|items| is_list && !items.is_empty()) {
        Some(items) => {
            items.retain_mut(|item| leave_out(item, &kind, names));
            !items.is_empty()
        }
        None => true,
    }
}

/// The document with the values of `apiVersion` that `after` has, each in its place.
fn in_place(document: &str, after: &Value) -> Option<String> {
    let mut told = String::new();
    let mut done = 0;
    for scalar in yaml::places(document, "apiVersion", LIMITS).ok()? {
        let wanted = after.pointer(&scalar.pointer).and_then(Value::as_str);
        let written = &document[scalar.range.clone()];
        if let (Some(wanted), Some(at)) = (wanted, written.rfind(&scalar.value))
            && wanted != scalar.value
            && scalar.range.start >= done
        {
            let start = scalar.range.start + at;
            told.push_str(&document[done..start]);
            told.push_str(wanted);
            done = start + scalar.value.len();
        }
    }
    told.push_str(&document[done..]);
    Some(told)
}

/// The document as JSON, after the line of dashes that it may begin with.
fn anew(document: &str, after: &Value) -> String {
    let dashes = if document.starts_with("---") {
        "---\n"
    } else {
        ""
    };
    format!("{dashes}{}\n", ascii(after))
}

/// JSON in ASCII: readers of YAML fold some line ends of other scripts that JSON leaves as they are.
fn ascii(value: &Value) -> String {
    let mut told = String::new();
    for c in value.to_string().chars() {
        if c.is_ascii() && c != '\u{7f}' {
            told.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            told.push_str(&format!("\\u{unit:04x}"));
        }
    }
    told
}

#[cfg(test)]
mod tests;
