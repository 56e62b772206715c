//! Why an object cannot be read or changed.

use std::fmt;

use crate::api_error;
use crate::release::manifest::served::ApiKind;

/// Why an object cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// No definition of this kind, or it is not served yet.
    #[error(
        "the cluster knows no kind {kind} in {api_version}: the definition that brings it must be installed first"
    )]
    UnknownKind {
        /// `monitoring.coreos.com/v1`.
        api_version: String,
        /// `ServiceMonitor`.
        kind: String,
    },
    /// A kind that Kubernetes has removed: there are no such objects, and none can be created.
    #[error("this version of Kubernetes has no kind {kind}, which was in {api_version}")]
    RetiredKind {
        /// `policy/v1beta1`.
        api_version: String,
        /// `PodSecurityPolicy`.
        kind: String,
    },
    /// No `apiVersion`, `kind` or `metadata.name`.
    #[error("an object without apiVersion, kind or metadata.name cannot be applied")]
    NotAnObject,
    /// The API server refused, or could not be asked.
    #[error("{doing} {what}: {}", said(source))]
    Api {
        /// `reading`.
        doing: &'static str,
        /// `Deployment edge/web`.
        what: String,
        /// What came back.
        source: Box<kube::Error>,
    },
    /// The object has fields that the kind does not have on this server.
    #[error("{doing} {what}: {}", UnknownFields(fields))]
    UnknownFields {
        /// `applying`.
        doing: &'static str,
        /// `Deployment web`.
        what: String,
        /// `.spec.replica`, as the server names them.
        fields: Vec<String>,
    },
    /// No answer in time.
    #[error("{doing} {what}: the API server did not answer within {seconds} s")]
    TooSlow {
        /// `reading`.
        doing: &'static str,
        /// `Deployment edge/web`.
        what: String,
        /// The time limit.
        seconds: u64,
    },
}

impl ObjectsError {
    pub(super) fn unknown(asked: &ApiKind) -> Self {
        let (api_version, kind) = (asked.api_version.clone(), asked.kind.clone());
        if asked.is_kubernetes_own() {
            Self::RetiredKind { api_version, kind }
        } else {
            Self::UnknownKind { api_version, kind }
        }
    }

    pub(super) fn api(doing: &'static str, what: &str, source: kube::Error) -> Self {
        let what = what.to_owned();
        let fields = unknown_fields(&source);
        if !fields.is_empty() {
            return Self::UnknownFields {
                doing,
                what,
                fields,
            };
        }
        Self::Api {
            doing,
            what,
            source: Box::new(source),
        }
    }

    /// True if the cluster serves the kind in no version, and so has no object of it.
    pub fn is_unknown_kind(&self) -> bool {
        matches!(self, Self::UnknownKind { .. } | Self::RetiredKind { .. })
    }

    /// True if the API server refuses the object as it would be: a value that may not be, a field that may not change,
    /// or a list whose items it cannot tell apart.
    pub fn refuses_object(&self) -> bool {
        let Some(kube::Error::Api(status)) = self.answer() else {
            return false;
        };
        let message = &status.message;
        let is_unmergeable = ["duplicate entries for key", "failed to create typed"];
        status.code == 422 || is_unmergeable.iter().any(|words| message.contains(words))
    }

    /// What the API server said, without what was being done.
    pub fn said(&self) -> String {
        self.answer().map_or_else(|| self.to_string(), said)
    }

    /// True if there is no such object.
    pub fn is_not_found(&self) -> bool {
        self.answer().is_some_and(api_error::is_not_found)
    }

    /// What the API server says if the user may not do this.
    pub fn forbidden(&self) -> Option<&str> {
        match self.answer()? {
            kube::Error::Api(status) if status.code == 403 => Some(&status.message),
            _ => None,
        }
    }

    /// True if a retry may succeed without a change (class A of docs/components.md 7.1): no answer,
    /// 409, 429 and the server's own failures.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::UnknownKind { .. }
            | Self::RetiredKind { .. }
            | Self::NotAnObject
            | Self::UnknownFields { .. } => false,
            Self::TooSlow { .. } => true,
            Self::Api { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => matches!(status.code, 409 | 429 | 502 | 503 | 504),
                kube::Error::BuildRequest(_) => false,
                _ => true,
            },
        }
    }

    /// True if the path itself is unknown to the server, rather than the object under it.
    pub(super) fn is_no_such_path(&self) -> bool {
        let Some(kube::Error::Api(status)) = self.answer() else {
            return false;
        };
        // an object that is missing is answered with a Status that says NotFound and names it
        let names_an_object =
            (status.details.as_ref()).is_some_and(|details| !details.name.is_empty());
        status.code == 404 && !(status.reason == "NotFound" && names_an_object)
    }

    /// The client's error, if there is one.
    fn answer(&self) -> Option<&kube::Error> {
        match self {
            Self::Api { source, .. } => Some(source),
            Self::UnknownKind { .. }
            | Self::RetiredKind { .. }
            | Self::NotAnObject
            | Self::UnknownFields { .. }
            | Self::TooSlow { .. } => None,
        }
    }
}

/// What is said of fields that a kind does not have.
pub struct UnknownFields<'a>(pub &'a [String]);

impl fmt::Display for UnknownFields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the API server knows no field {}; correct the chart, or take a version of it that is made for this \
             Kubernetes",
            self.0.join(", ")
        )
    }
}

/// The fields that the API server refuses because it does not know them, in server-side apply or by strict validation;
/// none if that is not why it refuses.
pub fn unknown_fields(error: &kube::Error) -> Vec<String> {
    let kube::Error::Api(status) = error else {
        return Vec::new();
    };
    let applied = status.message.lines().filter_map(|line| {
        let before = line
            .trim_end()
            .strip_suffix(": field not declared in schema")?;
        before.rsplit(' ').next()
    });
    let strict = status.message.split("unknown field \"").skip(1);
    let strict = strict.filter_map(|rest| rest.split('"').next());
    applied.chain(strict).map(str::to_owned).collect()
}

/// The server's own message, without kube's prefix.
fn said(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => status.message.clone(),
        kube::Error::Service(source) => format!("the API server cannot be reached: {source}"),
        kube::Error::HyperError(source) => format!("the API server cannot be reached: {source}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn unknown_fields_are_named_as_the_server_names_them() {
        let rows: [(&str, &[&str]); 4] = [
            // as said by 1.28.15 and 1.37.2
            (
                "failed to create typed patch object (/x; apps/v1, Kind=Deployment): .spec.template.spec.foo: field not \
                 declared in schema",
                &[".spec.template.spec.foo"],
            ),
            (
                "failed to create typed patch object (/x; v1, Kind=ConfigMap): errors:\n  .a: field not declared in \
                 schema\n  .b: field not declared in schema\n",
                &[".a", ".b"],
            ),
            (
                "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: unknown field \
                 \"spec.foo\", unknown field \"spec.bar\"",
                &["spec.foo", "spec.bar"],
            ),
            ("configmaps \"x\" is forbidden", &[]),
        ];
        for (message, expected) in rows {
            let status = Status::failure(message, "InternalError").with_code(500);
            let error = kube::Error::Api(Box::new(status));
            assert_eq!(unknown_fields(&error), expected, "{message}");
        }
    }
}
