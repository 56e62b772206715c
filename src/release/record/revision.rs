//! A revision by the metadata of its Secret: enough for most reconciles, and far cheaper than its payload.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

use crate::component::names::label;
use crate::release::record::ReleaseStatus;

/// A revision as the metadata of its Secret has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// The revision, from 1.
    pub number: i64,
    /// Its state by the label; Helm's own check for `pending-*` reads the payload instead (docs/components.md 5.4).
    pub status: ReleaseStatus,
    /// The id of the operation that made it. Later revisions inherit it, also those made by others
    /// (docs/components.md 5.8, fact 7).
    pub operation: Option<String>,
    /// The short form of the spec hash; inherited likewise.
    pub hash: Option<String>,
    /// The Component that owns it, see [`crate::release::owner`]; inherited likewise.
    pub owner: Option<String>,
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
    /// The release's name is not checked: list the Secrets by the label `name`.
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
            owner: text(label::OWNER).cloned(),
            secret: metadata.name.clone()?,
            resource_version: metadata.resource_version.clone().unwrap_or_default(),
            created: metadata.creation_timestamp.clone(),
        })
    }
}

/// The revisions, newest first.
pub fn newest_first(mut revisions: Vec<Revision>) -> Vec<Revision> {
    revisions.sort_by_key(|revision| std::cmp::Reverse(revision.number));
    revisions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::record::secret_name;

    /// As Helm 4.1 labelled it.
    const LABELS: [(&str, &str); 8] = [
        (
            "ext.theriseunion.io/hash",
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c",
        ),
        ("ext.theriseunion.io/op", "abc"),
        ("ext.theriseunion.io/owner", "shop.web"),
        ("modifiedAt", "1795237479"),
        ("name", "web"),
        ("owner", "helm"),
        ("status", "pending-upgrade"),
        ("version", "2"),
    ];

    fn metadata<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> ObjectMeta {
        let labels = labels.into_iter();
        ObjectMeta {
            name: Some("sh.helm.release.v1.web.v2".to_owned()),
            resource_version: Some("417".to_owned()),
            creation_timestamp: Some(Time("2026-11-21T05:04:39Z".parse().unwrap())),
            labels: Some(
                labels
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .collect(),
            ),
            ..ObjectMeta::default()
        }
    }

    fn number(number: i64) -> Revision {
        Revision {
            number,
            status: ReleaseStatus::Superseded,
            operation: None,
            hash: None,
            owner: None,
            secret: secret_name("web", number),
            resource_version: number.to_string(),
            created: None,
        }
    }

    #[test]
    fn the_labels_tell_the_revision() {
        assert_eq!(
            Revision::of(&metadata(LABELS)),
            Some(Revision {
                number: 2,
                status: ReleaseStatus::PendingUpgrade,
                operation: Some("abc".to_owned()),
                hash: Some("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c".to_owned()),
                owner: Some("shop.web".to_owned()),
                secret: "sh.helm.release.v1.web.v2".to_owned(),
                resource_version: "417".to_owned(),
                created: Some(Time("2026-11-21T05:04:39Z".parse().unwrap())),
            })
        );
    }

    #[test]
    fn a_revision_by_others_has_no_operation() {
        let theirs = LABELS.into_iter().filter(|(key, _)| !key.contains('/'));
        let revision = Revision::of(&metadata(theirs)).unwrap();
        assert_eq!((revision.operation, revision.hash), (None, None));
    }

    #[test]
    fn a_secret_without_helms_labels_is_no_revision() {
        for missing in ["name", "owner", "status", "version"] {
            let labels = LABELS.into_iter().filter(|(key, _)| *key != missing);
            assert_eq!(Revision::of(&metadata(labels)), None, "no {missing}");
        }
        for (key, value) in [
            ("owner", "flux"),
            ("version", "two"),
            ("version", "0"),
            ("version", "-1"),
            ("version", ""),
        ] {
            let labels = LABELS.into_iter().chain([(key, value)]);
            assert_eq!(Revision::of(&metadata(labels)), None, "{key}={value}");
        }
        assert_eq!(Revision::of(&ObjectMeta::default()), None);
    }

    #[test]
    fn the_tenth_revision_is_newer_than_the_ninth() {
        let sorted = newest_first([9, 1, 10, 2].map(number).to_vec());
        assert_eq!(sorted, [10, 9, 2, 1].map(number));
        assert_eq!(newest_first(Vec::new()), []);
    }
}
