//! A release as Helm records it: one Secret per revision, its payload and its labels (docs/components.md 5.1). Pure.

mod payload;
mod revision;
mod rewrite;
mod status;

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value};

pub use payload::{MAX_JSON_BYTES, RecordError, interrupted};
pub use revision::{Revision, newest_first};
pub use rewrite::{RewriteError, named, rewritten, without_definitions};
pub use status::ReleaseStatus;

/// The `type` of the Secrets that Helm keeps its releases in.
pub const SECRET_TYPE: &str = "helm.sh/release.v1";

/// The key of the Secret's `data` that holds the payload.
pub const SECRET_KEY: &str = "release";

/// The name of the Secret that Helm keeps this revision of a release in.
pub fn secret_name(release: &str, revision: i64) -> String {
    format!("sh.helm.release.v1.{release}.v{revision}")
}

/// The labels that select the Secrets of a release; `None` for a name that no release can have.
///
/// Helm writes the name into a label, and the API server takes for its value at most 63 letters, digits, `-`, `_` and
/// `.` that begin and end with a letter or digit. Anything else would break the selector, or change what it selects.
pub fn selector(release: &str) -> Option<String> {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_outer = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = release.as_bytes();
    let is_value = bytes.len() <= 63
        && bytes.iter().copied().all(is_inner)
        && is_outer(bytes.first())
        && is_outer(bytes.last());
    is_value.then(|| format!("owner=helm,name={release}"))
}

/// One revision of a release, without the chart's files.
///
/// [`Debug`](fmt::Debug) shows only its identity: values and manifests hold passwords.
#[derive(Clone, PartialEq)]
pub struct Record {
    /// The release's name.
    pub name: String,
    /// The release's namespace; empty if the record does not say.
    pub namespace: String,
    /// The revision, from 1.
    pub revision: i64,
    /// Its state by the payload, which is what Helm itself uses; the Secret's label may differ.
    pub status: ReleaseStatus,
    /// The description: our token, or Helm's words, or the error of the operation.
    pub description: String,
    /// When the release was first installed.
    pub first_deployed: Option<Timestamp>,
    /// When this revision was made.
    pub last_deployed: Option<Timestamp>,
    /// Its chart.
    pub chart: RecordedChart,
    /// The values that were passed, without the chart's own defaults.
    pub config: Map<String, Value>,
    /// The rendered objects but hooks, as a stream of YAML documents.
    pub manifest: String,
    /// The rendered hooks.
    pub hooks: Vec<Hook>,
    /// Labels in the payload. Helm keeps them on the Secret and leaves these out.
    pub labels: BTreeMap<String, String>,
    /// `ssa` or `csa`; Helm 3 has only the latter and does not record it.
    pub apply_method: Option<String>,
    /// The rendered `NOTES.txt`.
    pub notes: String,
}

/// The chart of a revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedChart {
    /// The chart's name.
    pub name: String,
    /// The chart's version.
    pub version: String,
    /// The version of what it installs.
    pub app_version: Option<String>,
}

/// An object that Helm applies around an operation.
///
/// [`Debug`](fmt::Debug) leaves the manifest out.
#[derive(Clone, PartialEq, Eq)]
pub struct Hook {
    /// The object's name.
    pub name: String,
    /// The object's kind.
    pub kind: String,
    /// The template that it comes from.
    pub path: String,
    /// The object, as one YAML document.
    pub manifest: String,
    /// Its events: `pre-install`, `post-upgrade`, `test`, …
    pub events: Vec<String>,
    /// Its delete policies: `before-hook-creation`, `hook-succeeded`, `hook-failed`.
    pub delete_policies: Vec<String>,
}

impl Record {
    /// Reads the payload of a release Secret: `data["release"]` without Kubernetes' own base64.
    ///
    /// The chart's templates, files and defaults are skipped. A field that is absent or null is empty; a time that
    /// is Go's zero time, or invalid, is `None`.
    ///
    /// # Errors
    /// Not base64, damaged gzip, more than [`MAX_JSON_BYTES`] when inflated, not JSON, or without a name or revision.
    pub fn decode(data: &[u8]) -> Result<Self, RecordError> {
        payload::read(data)
    }

    /// Reads a release as `helm upgrade --output=json` prints it.
    ///
    /// # Errors
    /// Not JSON, or without a name or revision.
    pub fn printed(json: &[u8]) -> Result<Self, RecordError> {
        payload::read_json(json)
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("name", &self.name)
            .field("namespace", &self.namespace)
            .field("revision", &self.revision)
            .field("status", &self.status)
            .field("chart", &self.chart)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook")
            .field("kind", &self.kind)
            .field("name", &self.name)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
