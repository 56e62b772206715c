//! What goes wrong, with the code and the status that the distribution specification has for it.

use http::StatusCode;
use serde_json::{Value, json};

use crate::oci::digest::{Digest, InvalidDigest};
use crate::oci::range;

/// A request that is not answered as it hoped. The texts say what happened, to what, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OciError {
    /// The path is that of no endpoint.
    #[error("there is no such path in the distribution API")]
    NoSuchPath,
    /// The endpoint has no such method; the methods that it has, as `Allow` lists them.
    #[error("this path has only {0}")]
    NoSuchMethod(&'static str),
    /// The name breaks the grammar.
    #[error(
        "{0:?} is no repository name: write lower-case letters and digits with single separators, and slashes between \
         components"
    )]
    NameInvalid(String),
    /// Nothing was ever stored there.
    #[error("repository {0} is not known")]
    NameUnknown(String),
    /// The repository has no such blob.
    #[error("blob {0} is not in this repository")]
    BlobUnknown(Digest),
    /// There is no such upload in this repository, or none any more.
    #[error("this upload is not known, or has expired: begin it again")]
    UploadUnknown,
    /// A chunk's headers make no sense.
    #[error("{0}")]
    UploadInvalid(&'static str),
    /// A chunk does not begin where the upload ends.
    #[error("the upload holds {held} bytes: send what follows them")]
    OutOfOrder {
        /// Bytes that it holds.
        held: u64,
    },
    /// Bytes were asked for that are not there.
    #[error("the blob has {size} bytes")]
    NoSuchRange {
        /// Its bytes.
        size: u64,
    },
    /// A digest that is none.
    #[error(transparent)]
    DigestInvalid(#[from] InvalidDigest),
    /// The bytes are not those that the digest is of.
    #[error("the content has digest {found}, not {expected}")]
    DigestMismatch {
        /// What the request says.
        expected: Digest,
        /// What the bytes say.
        found: Digest,
    },
    /// An upload without a digest at its end.
    #[error("the digest of the whole blob is missing: write ?digest=sha256:…")]
    DigestMissing,
    /// A manifest of blobs that the repository does not have.
    #[error("the repository lacks blobs of this manifest: upload or mount them first")]
    ManifestBlobUnknown(Vec<Digest>),
    /// What was sent is no manifest.
    #[error("{0}")]
    ManifestInvalid(String),
    /// The repository has no such manifest.
    #[error("manifest {0} is not in this repository")]
    ManifestUnknown(String),
    /// Fewer or more bytes than announced.
    #[error("{expected} bytes were announced, {found} came")]
    SizeInvalid {
        /// Announced.
        expected: u64,
        /// Came.
        found: u64,
    },
    /// More bytes than are taken.
    #[error("{what} is too large: {limit} bytes are the limit{option}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit in bytes.
        limit: u64,
        /// The option that sets it, in brackets; empty if none does.
        option: &'static str,
    },
    /// More tags in one request than are taken.
    #[error("{0}")]
    TooMany(&'static str),
    /// Credentials are missing or wrong, or do not suffice.
    #[error(
        "authentication is required: log in with `helm registry login`, or with what your client has for it"
    )]
    Unauthorized {
        /// The `WWW-Authenticate` header.
        challenge: String,
    },
    /// What is not allowed, whoever asks.
    #[error("{0}")]
    Denied(String),
    /// What is there already may not be replaced.
    #[error("{0}")]
    Conflict(String),
    /// What others need may not be deleted.
    #[error("{0}")]
    InUse(String),
    /// An operation that is switched off.
    #[error("{0}")]
    SwitchedOff(&'static str),
    /// A query that makes no sense.
    #[error("{0}")]
    BadQuery(&'static str),
    /// Too many uploads are unfinished.
    #[error("{0} uploads are unfinished: finish or cancel some, or wait until they expire")]
    TooManyUploads(usize),
    /// The volume is full. Everything old is as it was.
    #[error(
        "storage is full: nothing was stored; run `chartroom gc`, delete images or charts, or enlarge the volume"
    )]
    StorageFull,
    /// The body did not arrive in time.
    #[error("the request body stopped arriving: what came is kept, resume the upload")]
    Timeout,
    /// The connection broke, or what came is no HTTP body.
    #[error("the request body could not be read to its end: what came is kept, resume the upload")]
    BrokenBody(String),
    /// The storage failed.
    #[error("the storage failed; the server's log has the cause under this request's ID")]
    Storage(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A code of the specification's closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the codes are the specification's own")]
pub enum Code {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    SizeInvalid,
    Unauthorized,
    Denied,
    Unsupported,
    TooManyRequests,
}

impl Code {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Denied => "DENIED",
            Self::Unsupported => "UNSUPPORTED",
            Self::TooManyRequests => "TOOMANYREQUESTS",
        }
    }
}

impl OciError {
    /// What is answered. What will not change by itself is a 4xx: clients try a 5xx again.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchPath
            | Self::NameUnknown(_)
            | Self::BlobUnknown(_)
            | Self::UploadUnknown
            | Self::ManifestUnknown(_) => StatusCode::NOT_FOUND,
            Self::NoSuchMethod(_) | Self::InUse(_) | Self::SwitchedOff(_) => {
                StatusCode::METHOD_NOT_ALLOWED
            }
            Self::NameInvalid(_)
            | Self::UploadInvalid(_)
            | Self::DigestInvalid(_)
            | Self::DigestMismatch { .. }
            | Self::DigestMissing
            | Self::ManifestBlobUnknown(_)
            | Self::ManifestInvalid(_)
            | Self::SizeInvalid { .. }
            | Self::BadQuery(_)
            | Self::BrokenBody(_) => StatusCode::BAD_REQUEST,
            Self::OutOfOrder { .. } | Self::NoSuchRange { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooMany(_) => StatusCode::URI_TOO_LONG,
            Self::Unauthorized { .. } => StatusCode::UNAUTHORIZED,
            Self::Denied(_) => StatusCode::FORBIDDEN,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooManyUploads(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Storage(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The specification's code.
    pub fn code(&self) -> Code {
        match self {
            Self::NoSuchPath
            | Self::NoSuchMethod(_)
            | Self::SwitchedOff(_)
            | Self::BadQuery(_)
            | Self::TooMany(_)
            | Self::Storage(_) => Code::Unsupported,
            Self::NameInvalid(_) => Code::NameInvalid,
            Self::NameUnknown(_) => Code::NameUnknown,
            Self::BlobUnknown(_) | Self::NoSuchRange { .. } => Code::BlobUnknown,
            Self::UploadUnknown => Code::BlobUploadUnknown,
            Self::UploadInvalid(_)
            | Self::OutOfOrder { .. }
            | Self::Timeout
            | Self::BrokenBody(_) => Code::BlobUploadInvalid,
            Self::DigestInvalid(_) | Self::DigestMismatch { .. } | Self::DigestMissing => {
                Code::DigestInvalid
            }
            Self::ManifestBlobUnknown(_) => Code::ManifestBlobUnknown,
            Self::ManifestInvalid(_) => Code::ManifestInvalid,
            Self::ManifestUnknown(_) => Code::ManifestUnknown,
            Self::SizeInvalid { .. } | Self::TooLarge { .. } => Code::SizeInvalid,
            Self::Unauthorized { .. } => Code::Unauthorized,
            Self::Denied(_) | Self::Conflict(_) | Self::InUse(_) | Self::StorageFull => {
                Code::Denied
            }
            Self::TooManyUploads(_) => Code::TooManyRequests,
        }
    }

    /// The body of the answer.
    pub fn body(&self) -> String {
        let code = self.code().name();
        let one = |detail: Option<Value>| {
            let mut error = json!({ "code": code, "message": self.to_string() });
            if let Some(detail) = detail {
                error["detail"] = detail;
            }
            error
        };
        let errors = match self {
            Self::ManifestBlobUnknown(missing) => {
                let each = |digest: &Digest| one(Some(json!({ "digest": digest.to_string() })));
                // as many as tell what to do: clients read no more than 8 KiB of an error
                missing.iter().take(20).map(each).collect()
            }
            Self::OutOfOrder { held } => vec![one(Some(json!({ "range": range::held(*held) })))],
            _ => vec![one(None)],
        };
        json!({ "errors": errors }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::digest::Algorithm;

    #[test]
    fn each_missing_blob_is_named_once() {
        let digest = |n: u8| Digest::of(Algorithm::Sha256, &[n]);
        let body = OciError::ManifestBlobUnknown(vec![digest(0), digest(1)]).body();
        let body: Value = serde_json::from_str(&body).unwrap();
        let errors = body["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 2);
        assert_eq!(errors[1]["code"], "MANIFEST_BLOB_UNKNOWN");
        assert_eq!(errors[1]["detail"]["digest"], digest(1).to_string());
    }

    #[test]
    fn no_error_text_is_longer_than_clients_read() {
        let many = vec![Digest::of(Algorithm::Sha512, b""); 10_000];
        assert!(OciError::ManifestBlobUnknown(many).body().len() < 8192);
    }
}
