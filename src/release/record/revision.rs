//! A revision by the labels of its Secret: enough for most passes, and far cheaper than its payload.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

use crate::component::names::label;
use crate::release::record::ReleaseStatus;

/// What the metadata of a release Secret says.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// The revision, from 1.
    pub number: i64,
    /// Its state by the label; Helm's own check for `pending-*` reads the payload instead (contract fact 0.9).
    pub status: ReleaseStatus,
    /// The id of the operation that made it. Later revisions inherit it, also those made by others (fact 0.8).
    pub operation: Option<String>,
    /// The short form of the spec hash; inherited likewise.
    pub hash: Option<String>,
    /// The Secret's name.
    pub secret: String,
    /// The Secret's resource version, to change it only as it was seen.
    pub resource_version: String,
    /// When the Secret was made.
    pub created: Option<Time>,
}

impl Revision {
    /// The revision that a Secret with this metadata holds; `None` if it is not one of Helm's.
    ///
    /// The release's name is not looked at beyond being there: list the Secrets by the label `name`.
    pub fn of(metadata: &ObjectMeta) -> Option<Self> {
        let labels = metadata.labels.as_ref()?;
        let text = |key: &str| labels.get(key).filter(|value| !value.is_empty());
        if text("owner")? != "helm" {
            return None;
        }
        text("name")?;
        Some(Self {
            number: text("version")?.parse().ok().filter(|number| *number > 0)?,
            status: ReleaseStatus::parse(text("status")?),
            operation: text(label::OPERATION).cloned(),
            hash: text(label::HASH).cloned(),
            secret: metadata.name.clone()?,
            resource_version: metadata.resource_version.clone().unwrap_or_default(),
            created: metadata.creation_timestamp.clone(),
        })
    }
}

/// The revisions with the highest number first, as every question about a release is asked of the newest.
pub fn newest_first(mut revisions: Vec<Revision>) -> Vec<Revision> {
    revisions.sort_by_key(|revision| std::cmp::Reverse(revision.number));
    revisions
}
