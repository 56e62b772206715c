//! Converts a manifest to the API versions that a server serves: the value of `apiVersion` changes, everything else
//! stays byte for byte. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

use super::served::{ApiKind, Served, Unserved};
use super::{LIMITS, ManifestError, json, objects};
use crate::yaml::{self, DocumentPlace};

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

/// The manifest with every object of these kinds in the version in which it is served, and without those that are
/// served nowhere. All other fields and documents stay unchanged.
///
/// A document is written anew, as JSON, where its `apiVersion` cannot be changed in its place: it is an alias or a text
/// of several lines, or a list loses some of its items.
///
/// # Errors
/// As [`objects`], or a document that can be converted in neither way.
pub fn rewrite(manifest: &str, unserved: &Unserved) -> Result<String, ManifestError> {
    let documents = yaml::parse_all(manifest.as_bytes(), LIMITS)?;
    let places = yaml::places(manifest.as_bytes(), "apiVersion", LIMITS)?;
    if documents.is_empty() {
        return Ok(manifest.to_owned());
    }
    if documents.len() != places.len() {
        return Err(ManifestError::NotRewritten { document: 1 });
    }
    let text = manifest.strip_prefix('\u{feff}').unwrap_or(manifest);
    let mut rewritten = manifest[..manifest.len() - text.len()].to_owned();
    for (at, (document, place)) in documents.into_iter().zip(&places).enumerate() {
        let before = json(document);
        let mut after = before.clone();
        if !tell(&mut after, None, unserved) {
            continue;
        }
        let whole = &text[place.whole.clone()];
        if after == before {
            rewritten.push_str(whole);
            continue;
        }
        let candidates = [in_place(text, place, &after), anew(text, place, &after)];
        let mut candidates = candidates.into_iter();
        let is_so = |candidate: &String| {
            let read = yaml::parse(candidate.as_bytes(), LIMITS);
            read.is_ok_and(|read| json(read) == after)
        };
        let sound = candidates.find(is_so);
        rewritten.push_str(&sound.ok_or(ManifestError::NotRewritten { document: at + 1 })?);
    }
    Ok(rewritten)
}

/// Converts an object, or the items of a list, to served versions; false if nothing is left of it. `list` is the
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

/// The document with the values of `apiVersion` that `after` has, each in its place.
fn in_place(text: &str, place: &DocumentPlace, after: &Value) -> String {
    let mut rewritten = String::new();
    let mut done = place.whole.start;
    for scalar in &place.scalars {
        let wanted = after.pointer(&scalar.pointer).and_then(Value::as_str);
        let written = &text[scalar.range.clone()];
        if let (Some(wanted), Some(at)) = (wanted, written.rfind(&scalar.value))
            && wanted != scalar.value
            && scalar.range.start >= done
        {
            let start = scalar.range.start + at;
            rewritten.push_str(&text[done..start]);
            rewritten.push_str(wanted);
            done = start + scalar.value.len();
        }
    }
    rewritten.push_str(&text[done..place.whole.end]);
    rewritten
}

/// The document as JSON, after its opening lines.
fn anew(text: &str, place: &DocumentPlace, after: &Value) -> String {
    let opened = &text[place.whole.start..place.content.start];
    let end = if opened.is_empty() { "" } else { "\n" };
    format!("{opened}{end}{}\n", ascii(after))
}

/// JSON in ASCII: readers of YAML fold some line ends of other scripts that JSON leaves as they are.
fn ascii(value: &Value) -> String {
    let mut rewritten = String::new();
    for c in value.to_string().chars() {
        if c.is_ascii() && c != '\u{7f}' {
            rewritten.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            rewritten.push_str(&format!("\\u{unit:04x}"));
        }
    }
    rewritten
}

#[cfg(test)]
mod tests;
