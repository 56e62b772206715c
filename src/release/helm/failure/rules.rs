//! Helm's texts and what they mean, as one table: the first row that fits holds (contract section 3.3).

use super::message::{self, LIMIT};
use super::{ActionKind, Failure, FailureClass};
use crate::component::conditions::Reason;
use FailureClass::{Attempt, DecideAgain, Interrupted, Terminal, Transient};

/// How much of the text a list of objects may take.
const LIST: usize = 700;

/// A text that Helm's error may have, and what it means.
struct Rule {
    has: Has,
    class: FailureClass,
    /// `None` is the action's own, such as InstallFailed.
    reason: Option<Reason>,
    /// What to do next, where that is clear.
    next: &'static str,
}

/// What the error has; all is in lower case, as the error is when it is looked at.
enum Has {
    /// One of these at its beginning: the rest may be anybody's words, such as those of a template.
    Start(&'static [&'static str]),
    /// All of these, anywhere.
    All(&'static [&'static str]),
    /// One of these, anywhere.
    Any(&'static [&'static str]),
}

impl Has {
    fn fits(&self, error: &str) -> bool {
        match self {
            Self::Start(texts) => texts.iter().any(|text| error.starts_with(text)),
            Self::All(texts) => texts.iter().all(|text| error.contains(text)),
            Self::Any(texts) => texts.iter().any(|text| error.contains(text)),
        }
    }
}

const fn rule(has: Has, class: FailureClass, reason: Option<Reason>, next: &'static str) -> Rule {
    Rule {
        has,
        class,
        reason,
        next,
    }
}

const RULES: &[Rule] = &[
    // what Helm says before it looks at the cluster or renders; whole errors, so by their beginnings
    rule(
        Has::Start(&["unknown flag", "unknown shorthand flag"]),
        Terminal,
        None,
        "This Helm is not the one that the controller was started with: restart the controller.",
    ),
    rule(
        Has::Start(&["release name is invalid"]),
        Terminal,
        Some(Reason::InvalidSpec),
        "Choose another release name.",
    ),
    rule(
        Has::Start(&["values don't meet the specifications of the schema"]),
        Terminal,
        Some(Reason::SchemaInvalid),
        "Correct the values.",
    ),
    rule(
        Has::Start(&["failed to parse -:"]),
        Terminal,
        Some(Reason::ValuesError),
        "",
    ),
    rule(
        Has::Start(&["chart requires kubeversion"]),
        Terminal,
        Some(Reason::KubeVersionMismatch),
        "Choose a version of the chart for this cluster.",
    ),
    rule(
        Has::Any(&[
            "does not appear to be a gzipped archive",
            "chart.yaml file is missing",
            "unable to load chart archive",
        ]),
        Terminal,
        Some(Reason::ChartInvalid),
        "Upload a sound package of the chart.",
    ),
    rule(
        Has::Start(&["execution error at"]),
        Terminal,
        Some(Reason::ValuesError),
        "The chart refuses these values: correct them.",
    ),
    rule(
        Has::Start(&["parse error at", "yaml parse error on", "template: "]),
        Terminal,
        Some(Reason::ChartInvalid),
        "The chart or its values must be corrected.",
    ),
    rule(
        Has::All(&["\n executing \"", "\" at <", ">:"]),
        Terminal,
        Some(Reason::ChartInvalid),
        "The chart or its values must be corrected: a value that it needs may be missing.",
    ),
    // the release is not what it was taken for
    rule(
        Has::Any(&["another operation (install/upgrade/rollback) is in progress"]),
        Transient,
        Some(Reason::PendingRelease),
        "",
    ),
    rule(
        Has::Any(&["release: already exists"]),
        Transient,
        Some(Reason::PendingRelease),
        "",
    ),
    rule(
        Has::All(&["sh.helm.release.v1.", "already exists"]),
        Transient,
        Some(Reason::PendingRelease),
        "",
    ),
    rule(
        Has::Any(&[
            "has no deployed releases",
            "is already deleted",
            "release: not found",
        ]),
        DecideAgain,
        None,
        "",
    ),
    rule(
        Has::All(&["release has no ", " version"]),
        DecideAgain,
        Some(Reason::MissingRollbackTarget),
        "",
    ),
    // the same call ends the same way until something changes
    rule(
        Has::All(&[
            "sh.helm.release.v1.",
            "too long: must have at most 1048576 bytes",
        ]),
        Terminal,
        Some(Reason::ReleaseTooLarge),
        TOO_LARGE,
    ),
    rule(
        Has::All(&[
            "create: failed to create: ",
            "etcdserver: request is too large",
        ]),
        Terminal,
        Some(Reason::ReleaseTooLarge),
        TOO_LARGE,
    ),
    rule(
        Has::Any(&["etcdserver: request is too large"]),
        Attempt,
        None,
        "",
    ),
    rule(
        Has::All(&[
            "cannot be imported into the current release",
            "invalid ownership metadata",
        ]),
        Terminal,
        Some(Reason::OwnershipConflict),
        "Delete that object, or let the release take it over with takeOwnership: Always.",
    ),
    rule(
        Has::Any(&["field is immutable"]),
        Terminal,
        Some(Reason::ImmutableField),
        "Delete that object, so that it is made anew, or take the change back.",
    ),
    rule(
        Has::All(&["apply failed with ", " conflict"]),
        Terminal,
        Some(Reason::OwnershipConflict),
        "",
    ),
    // the surroundings
    rule(
        Has::Any(&["because it is being terminated"]),
        Transient,
        Some(Reason::NamespaceTerminating),
        "It is tried again when the namespace is gone.",
    ),
    rule(
        Has::All(&["namespaces \"", "\" not found"]),
        Transient,
        Some(Reason::NamespaceMissing),
        "",
    ),
    rule(
        Has::Any(&["failed calling webhook", "failed to call webhook"]),
        Transient,
        Some(Reason::WebhookUnavailable),
        "It is tried again until the webhook answers.",
    ),
    rule(
        Has::All(&["admission webhook ", "denied"]),
        Attempt,
        None,
        "",
    ),
    rule(
        Has::Any(&["exceeded quota"]),
        Attempt,
        Some(Reason::QuotaExceeded),
        "Raise the quota, or ask for less.",
    ),
    rule(
        Has::All(&["is forbidden: user "]),
        Attempt,
        Some(Reason::Forbidden),
        "Give that account the right.",
    ),
    rule(
        Has::Any(&["no matches for kind "]),
        Attempt,
        Some(Reason::MissingCRDs),
        "",
    ),
    rule(
        Has::Any(&["context canceled"]),
        Interrupted,
        Some(Reason::Interrupted),
        "It will be taken up again.",
    ),
    // a hook's reason is in the text
    rule(
        Has::Any(&[
            "failed pre-install:",
            "failed post-install:",
            "pre-upgrade hooks failed:",
            "post-upgrade hooks failed:",
            "pre-rollback hooks failed:",
            "post-rollback hooks failed:",
        ]),
        Attempt,
        None,
        "",
    ),
    rule(
        Has::All(&["not ready. status:", "context deadline exceeded"]),
        Attempt,
        Some(Reason::Timeout),
        "",
    ),
    rule(
        Has::All(&["still exists. status:", "context deadline exceeded"]),
        Attempt,
        Some(Reason::Timeout),
        "",
    ),
    // the way to the API server, last of all: the texts may be in any of the above
    rule(
        Has::Any(&[
            "kubernetes cluster unreachable",
            "connection refused",
            "connection reset by peer",
            "client connection lost",
            "i/o timeout",
            "no route to host",
            "network is unreachable",
            "no such host",
            "etcdserver: ",
            "too many requests",
            "tls handshake timeout",
            "the server is currently unable",
            "apiserver is shutting down",
            "client.timeout exceeded",
        ]),
        Transient,
        Some(Reason::ClusterUnreachable),
        "It is tried again until the API server answers.",
    ),
    rule(
        Has::Any(&["please apply your changes to the latest version"]),
        Transient,
        None,
        "",
    ),
    rule(
        Has::All(&["path \"", ".tgz\" not found"]),
        Transient,
        None,
        "The chart's package is gone from the cache and is fetched again.",
    ),
    rule(
        Has::Any(&[
            "context deadline exceeded",
            "timed out waiting for the condition",
        ]),
        Attempt,
        Some(Reason::Timeout),
        "",
    ),
];

const TOO_LARGE: &str =
    "Helm keeps a release, with its chart, in one Secret of at most 1 MiB: make the chart smaller.";

/// What an exit code other than 0 means, with what Helm said; `None` if nothing is wrong after all.
pub fn judge(action: ActionKind, code: i32, stderr: &str) -> Option<Failure> {
    let error = message::error(stderr);
    let Some(rule) = error.as_deref().and_then(fitting) else {
        let said = message::said(stderr);
        let said = if said.is_empty() {
            format!("Helm ended with exit code {code} and said nothing")
        } else {
            said
        };
        return Some(failure(action, Attempt, None, &said, ""));
    };
    let error = error.unwrap_or_default();
    let is_gone = action == ActionKind::Uninstall && rule.class == DecideAgain;
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

fn fitting(error: &str) -> Option<&'static Rule> {
    // lines, so that a rule can ask for the beginning of one, whatever its indentation
    let lines: Vec<&str> = error.lines().map(str::trim_start).collect();
    let error = lines.join("\n ").to_lowercase();
    RULES.iter().find(|rule| rule.has.fits(&error))
}

fn failure(
    action: ActionKind,
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
        reason: reason.unwrap_or(action.failed()),
        message,
    }
}

fn missing_kinds(error: &str) -> Option<String> {
    let kinds = message::unknown_kinds(error);
    (!kinds.is_empty()).then(|| {
        format!(
            "the cluster does not know {}. Install what brings the CustomResourceDefinitions; it is tried again when \
             they are there.",
            message::listed(&kinds, LIST)
        )
    })
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
