//! The rules as `x-kubernetes-validations` of the Component, in the CEL of Kubernetes 1.28: no functions that came
//! later, no optional fields.
//!
//! Each rule is written twice, because an API server before 1.30 checks every rule at each write, whatever it changes.
//! An invalid object that was stored under an older definition could then neither get a status nor lose its finalizer.
//! So the first of the two applies to objects without a status, which are new, and the second to those with one, and
//! only where a write changes the field.

use serde_json::{Value, json};

use crate::component::duration;
use crate::component::sentence::Sentence;

/// The name of the release: [`Component::release_name`](crate::component::Component::release_name).
pub(super) const RELEASE: &str = "(has(self.spec.chart.releaseName) && self.spec.chart.releaseName != '' ? \
                                  self.spec.chart.releaseName : self.metadata.name)";
/// A label of RFC 1123, as RE2 has it.
pub(super) const LABEL: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
/// Such labels, joined by dots.
pub(super) const SUBDOMAIN: &str =
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// The rule for objects that are made, and the one for those that are changed. `fine` is CEL that is true if there is
/// nothing wrong with `fields`, `named` is CEL for what the sentence names otherwise.
pub(super) fn validations(
    sentence: Sentence,
    fields: &[&str],
    fine: &str,
    named: &[String],
) -> [Value; 2] {
    let unchanged: Vec<String> = fields.iter().map(|field| unchanged(field)).collect();
    let made = format!("has(self.status) || {fine}");
    let changed = format!(
        "!has(self.status) || ({}) || {fine}",
        unchanged.join(" && ")
    );
    [made, changed].map(|cel| {
        json!({
            "rule": cel,
            "fieldPath": format!(".{}", fields[0]),
            // instead of the expression where that fails: a line break in what it names, or too long a text
            "message": sentence.without_texts(named),
            "messageExpression": expression(sentence, named),
        })
    })
}

/// CEL for the sentence about what these expressions give.
fn expression(sentence: Sentence, named: &[String]) -> String {
    let mut named = named.iter();
    let mut terms = Vec::new();
    for (index, part) in sentence.0.split("{}").enumerate() {
        if index > 0 {
            terms.extend(named.next().cloned());
        }
        if !part.is_empty() {
            terms.push(text(part));
        }
    }
    terms.join(" + ")
}

/// A text as CEL writes it.
fn text(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

/// The field's value.
pub(super) fn in_self(field: &str) -> String {
    below("self", field)
}

/// The field's value in this object. Words that CEL has for itself stand in underscores there.
fn below(object: &str, field: &str) -> String {
    let names = field.split('.').map(|name| match name {
        "namespace" => "__namespace__",
        name => name,
    });
    names.fold(object.to_owned(), |path, name| format!("{path}.{name}"))
}

/// True if the field is there. `spec` always is: it has a default.
fn present(object: &str, field: &str) -> String {
    let ends = field.match_indices('.').map(|(end, _)| end).skip(1);
    let has: Vec<String> = (ends.chain([field.len()]))
        .map(|end| format!("has({})", below(object, &field[..end])))
        .collect();
    format!("({})", has.join(" && "))
}

/// True if the field is as it was.
fn unchanged(field: &str) -> String {
    let (now, before) = (present("self", field), present("oldSelf", field));
    let (new, old) = (below("self", field), below("oldSelf", field));
    format!("({now} ? {before} && {new} == {old} : !{before})")
}

/// True if the field is not there, or `fine` is.
pub(super) fn absent_or(field: &str, fine: &str) -> String {
    format!("!{} || {fine}", present("self", field))
}

/// True if the field is not there, is the empty text, or `fine` is.
pub(super) fn absent_empty_or(field: &str, fine: &str) -> String {
    absent_or(field, &format!("{} == '' || {fine}", in_self(field)))
}

/// True if the text has this pattern.
pub(super) fn matches(text: &str, pattern: &str) -> String {
    format!("{text}.matches(r'{pattern}')")
}

/// True if the text may be a version or a range: what [`VersionSelector`](crate::chart::selector::VersionSelector)
/// reads, and some that it does not, such as numbers beyond 64 bits.
pub(super) fn is_range(text: &str) -> String {
    // a separator at the end asks for more
    let unfinished = matches(text, r"(,|\|\|)\s*$");
    format!("({} && !{unfinished})", matches(text, &range()))
}

/// Nothing, `latest`, or comparators and pairs with a hyphen between them, in RE2.
fn range() -> String {
    // what may stand around it: Unicode's white space, more than Go's \s
    let around = r"[\s\x0b\x85\p{Z}]*";
    // after a wild number, whatever the grammar takes for a number is left unread
    let number = r"(\d+(\.(\d+(\.[\dxX*]+)?|[xX*](\.[\dxX*|]+)?))?|[xX*](\.[\dxX*|]+){0,2})";
    let tail = r"(-[\da-zA-Z.-]+)?(\+[\da-zA-Z.-]+)?";
    let bound = format!(r"v?{number}{tail}");
    // between hyphens the grammar takes a bar for a digit, and sets what it has found apart: `X - 1.2.3||2^0`
    let end = format!(r"v?[\dxX*|]+(\.[\dxX*|]+){{0,2}}{tail}");
    let separator = r"\s*(,|\|\|)\s*";
    format!(
        r"^{around}(latest|({end}\s+-\s+{end}({separator}|\s*)|(!=|[<>]=|=[<>]|~>|[=<>~^])?\s*{bound}({separator}|\s+|{around}$))+)?{around}$"
    )
}

/// True if each item of this list has a range, or none.
pub(super) fn all_ranges(list: &str) -> String {
    let is_range = is_range("one.version");
    format!("self.{list}.all(one, !has(one.version) || {is_range})")
}

/// True if each of these fields that is there is a duration above zero.
pub(super) fn positive_durations(fields: &[&str]) -> String {
    let fine: Vec<String> = (fields.iter())
        .map(|field| format!("({})", absent_or(field, &positive(field))))
        .collect();
    fine.join(" && ")
}

/// The first of these fields that is there and no duration above zero.
pub(super) fn bad_duration(fields: &[&str]) -> String {
    let (last, before) = fields.split_last().unwrap_or((&"", &[]));
    let choose = |rest: String, field: &&str| {
        let is_bad = format!("{} && !({})", present("self", field), positive(field));
        format!("({is_bad} ? self.{field} : {rest})")
    };
    before.iter().rev().fold(in_self(last), choose)
}

fn positive(field: &str) -> String {
    let matches = matches(&in_self(field), duration::PATTERN);
    format!("{matches} && duration(self.{field}) > duration('0s')")
}
