//! Helm's error texts and their meaning, as one table: the first matching row counts (docs/components.md 7.3). Pure.

use super::FailureClass;
use crate::component::conditions::Reason;
use FailureClass::{Attempt, DecideAgain, Interrupted, Terminal, Transient};

/// A pattern of Helm's errors, and its meaning.
pub struct Rule {
    has: Has,
    /// What comes next.
    pub class: FailureClass,
    /// `None` is the action's own, such as InstallFailed.
    pub reason: Option<Reason>,
    /// What users can do, where that is clear.
    pub next: &'static str,
}

/// The pattern, in lower case, as the error is when it is matched.
enum Has {
    /// One of these at its beginning: the rest may be arbitrary text, such as that of a template.
    Start(&'static [&'static str]),
    /// The first at its beginning, and all the others anywhere.
    StartAnd(&'static str, &'static [&'static str]),
    /// All of the former and one of the latter, anywhere.
    AllAndAny(&'static [&'static str], &'static [&'static str]),
    /// All of these, anywhere.
    All(&'static [&'static str]),
    /// One of these, anywhere.
    Any(&'static [&'static str]),
}

impl Has {
    fn fits(&self, error: &str) -> bool {
        match self {
            Self::Start(texts) => texts.iter().any(|text| error.starts_with(text)),
            Self::StartAnd(start, texts) => {
                error.starts_with(start) && texts.iter().all(|text| error.contains(text))
            }
            Self::AllAndAny(all, any) => Self::All(all).fits(error) && Self::Any(any).fits(error),
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
        "This Helm is not the one that the controller was started with: restart the controller, and then set the \
         annotation ext.theriseunion.io/requestedAt.",
    ),
    rule(
        Has::Start(&["release name is invalid"]),
        Terminal,
        Some(Reason::InvalidSpec),
        "Choose another release name.",
    ),
    // a schema that refers to an address without a way there is no fault of the values
    rule(
        Has::StartAnd(SCHEMA, &["\n failing loading \"http"]),
        Attempt,
        None,
        "The chart's schema refers to that address: with spec.disableSchemaValidation: true the values are not held \
         against it.",
    ),
    rule(
        Has::StartAnd(SCHEMA, &["is not valid against metaschema"]),
        Terminal,
        Some(Reason::ChartInvalid),
        SCHEMA_UNUSABLE,
    ),
    // one line for each value
    rule(
        Has::StartAnd(SCHEMA, &["\n - "]),
        Terminal,
        Some(Reason::SchemaInvalid),
        "Correct the values.",
    ),
    rule(
        Has::Start(&[SCHEMA]),
        Terminal,
        Some(Reason::ChartInvalid),
        SCHEMA_UNUSABLE,
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
            "no chart.yaml found",
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
    // a template that asks the API server
    rule(
        Has::All(&["error calling lookup: ", " is forbidden: user "]),
        Attempt,
        Some(Reason::Forbidden),
        "Give that account the right.",
    ),
    rule(
        Has::AllAndAny(&["error calling lookup: "], UNREACHABLE),
        Transient,
        Some(Reason::ClusterUnreachable),
        "It is tried again until the API server answers.",
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
    // the release is not in the assumed state
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
        // "must have at most", and in newer API servers "may not be more than"
        Has::All(&["sh.helm.release.v1.", "too long: m", " 1048576 bytes"]),
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
    // above 3 MiB the API server does not look at it any more
    rule(
        Has::All(&["create: failed to create: ", "request entity too large"]),
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
        Has::Any(IMMUTABLE),
        Terminal,
        Some(Reason::ImmutableField),
        MADE_ANEW,
    ),
    rule(
        Has::All(&[" is invalid: ", "forbidden: updates to ", " are forbidden"]),
        Terminal,
        Some(Reason::ImmutableField),
        MADE_ANEW,
    ),
    rule(
        Has::Any(TYPED),
        Attempt,
        None,
        "Server-side apply does not take this object, Helm 3 may: set spec.serverSideApply: disabled, or correct the chart.",
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
        Has::Any(UNREACHABLE),
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

/// What API servers from 1.28 on say of a field that may not change; which of these, depends on the kind and the
/// version.
const IMMUTABLE: &[&str] = &[
    "field is immutable",
    // PersistentVolumeClaims
    "is immutable after creation",
    // Services, and the values of PriorityClasses
    "may not change once set",
    "may not be changed in an update",
    // Pods
    "pod updates may not change fields other than",
    // RoleBindings and ClusterRoleBindings up to 1.28
    "cannot change roleref",
];

/// What server-side apply says of objects that it cannot merge, because a key is in a list twice, or a type is another
/// than the API's.
const TYPED: &[&str] = &[
    "failed to create typed patch object",
    "failed to create typed live object",
    "failed to create manager for existing fields",
];

/// How an error of the schema begins.
const SCHEMA: &str = "values don't meet the specifications of the schema";

const SCHEMA_UNUSABLE: &str = "The chart's schema cannot be used: it must be corrected, or left out with \
                               spec.disableSchemaValidation: true.";

/// What Helm says of an API server that it cannot reach, or that answers that it cannot answer.
const UNREACHABLE: &[&str] = &[
    "kubernetes cluster unreachable",
    "connection refused",
    "connection reset by peer",
    "client connection lost",
    "use of closed network connection",
    "broken pipe",
    "connection timed out",
    "i/o timeout",
    "no route to host",
    "network is unreachable",
    "no such host",
    "server misbehaving",
    "temporary failure in name resolution",
    "etcdserver: ",
    "rpc error: code = unavailable",
    "too many requests",
    "tls handshake timeout",
    "failed to verify certificate: x509: ",
    "remote error: tls: ",
    "server gave http response to https client",
    "http2: server sent goaway",
    "unexpected eof",
    "\": eof",
    "the server is currently unable",
    "the server was unable to return a response in the time allotted",
    "has prevented the request from succeeding",
    "apiserver is shutting down",
    "client.timeout exceeded",
];

const MADE_ANEW: &str =
    "Delete that object, so that it is made anew within seconds, or take the change back.";

const TOO_LARGE: &str =
    "Helm keeps a release, with its chart, in one Secret of at most 1 MiB: make the chart smaller.";

/// The first rule that fits this error.
pub fn fitting(error: &str) -> Option<&'static Rule> {
    // lines, so that a rule can ask for the beginning of one, whatever its indentation
    let lines: Vec<&str> = error.lines().map(str::trim_start).collect();
    let error = lines.join("\n ").to_lowercase();
    RULES.iter().find(|rule| rule.has.fits(&error))
}
