//! The failure for an exit code and Helm's error: a rule's class and reason, and a message. Pure.

use super::FailureClass::{Attempt, DecideAgain, Interrupted, Terminal, Transient};
use super::message::{self, LIMIT};
use super::{Failure, FailureClass, failed, rules};
use crate::component::conditions::Reason;
use crate::operation_kind::OperationKind;
use crate::release::manifest::served::{ApiKind, Served, Unserved};

/// The most bytes of a list of objects in the message.
const LIST: usize = 700;

/// What is said before the kinds that a release needs and the cluster does not know.
pub const UNKNOWN_KINDS: &str = "the cluster does not know ";

/// What an exit code other than 0 means, with what Helm said; `None` if nothing is wrong after all.
pub fn judge(action: OperationKind, code: i32, stderr: &str) -> Option<Failure> {
    let error = message::error(stderr);
    let Some(rule) = error.as_deref().and_then(rules::fitting) else {
        let said = message::said(stderr);
        let said = if said.is_empty() {
            format!("Helm ended with exit code {code} and said nothing")
        } else {
            said
        };
        return Some(failure(action, Attempt, None, &said, ""));
    };
    let error = error.unwrap_or_default();
    let is_gone = action == OperationKind::Uninstall && rule.class == DecideAgain;
    if is_gone {
        return None;
    }
    let said = match rule.reason {
        Some(Reason::MissingCRDs) => missing_kinds(&error),
        _ => waited_for(&error),
    };
    let said = said.unwrap_or_else(|| message::one_line(&error));
    Some(failure(action, rule.class, rule.reason, &said, rule.next))
}

/// What it means that what an operation applied was not ready when its time was over; `objects` are those, and why.
pub fn not_ready(action: OperationKind, objects: &str) -> Failure {
    let said = format!("not ready in time: {objects}");
    failure(action, Attempt, Some(Reason::Timeout), &said, "")
}

fn failure(
    action: OperationKind,
    class: FailureClass,
    reason: Option<Reason>,
    said: &str,
    next: &str,
) -> Failure {
    let subject = action.subject();
    let mut message = match class {
        Interrupted => format!("{subject} was interrupted: {said}"),
        DecideAgain => format!("{subject} does not fit the release as it is: {said}"),
        Transient | Attempt | Terminal => format!("{subject} failed: {said}"),
    };
    message = message::bounded(&message, LIMIT - next.len() - 2);
    if !next.is_empty() {
        let stop = if message.ends_with(['.', '!', '?']) {
            ""
        } else {
            "."
        };
        message = format!("{message}{stop} {next}");
    }
    Failure {
        class,
        reason: reason.unwrap_or(failed(action)),
        message,
    }
}

fn missing_kinds(error: &str) -> Option<String> {
    let kinds: Vec<String> = (message::unknown_kinds(error).iter())
        .map(ApiKind::to_string)
        .collect();
    (!kinds.is_empty()).then(|| {
        format!(
            "{UNKNOWN_KINDS}{}. Install what brings the CustomResourceDefinitions; it is tried again when \
             they are there.",
            message::listed(&kinds, LIST)
        )
    })
}

/// The kinds for which Helm's error says that the cluster does not know them.
pub fn unknown_kinds(stderr: &str) -> Vec<ApiKind> {
    message::error(stderr).map_or(Vec::new(), |error| message::unknown_kinds(&error))
}

/// What it means that the cluster does not know these kinds, by where it has them instead: a chart that renders what an
/// upgrade of the cluster took away must change, and no definition helps. `None` if one would.
pub fn of_unserved(
    action: OperationKind,
    unknown: &[ApiKind],
    unserved: &Unserved,
) -> Option<Failure> {
    let gone = unknown.iter().map(|kind| match unserved.get(kind)? {
        Served::At(served) => Some(format!("{kind}, which it serves in {served}")),
        Served::Nowhere => kind
            .is_kubernetes_own()
            .then(|| format!("{kind}, which this version of Kubernetes no longer has")),
    });
    let gone: Vec<String> = gone.collect::<Option<_>>()?;
    if gone.is_empty() {
        return None;
    }
    let said = format!(
        "the chart renders what the cluster no longer serves: {}",
        message::listed(&gone, LIST)
    );
    let next =
        "The chart must change: choose a version of it, or values, for this version of Kubernetes.";
    let reason = Some(Reason::KubeVersionMismatch);
    Some(failure(action, Terminal, reason, &said, next))
}

/// The objects that were not ready, or not gone, in time, after the words for what waited for them.
fn waited_for(error: &str) -> Option<String> {
    let objects = message::waited_for(error);
    let first = error.lines().next().unwrap_or_default();
    let hook = first
        .split_once("resource ")
        .map_or("", |(before, _)| before.trim_end());
    let state = match error.contains(" still exists. status: ") {
        true => "not gone",
        false => "not ready",
    };
    let time = match error.contains("context deadline exceeded") {
        true => " in time",
        false => "",
    };
    let space = if hook.is_empty() { "" } else { " " };
    (!objects.is_empty()).then(|| {
        format!(
            "{hook}{space}{state}{time}: {}",
            message::listed(&objects, LIST)
        )
    })
}
