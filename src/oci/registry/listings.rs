//! Lists: tags, repositories, referrers.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::oci::coordinates;
use crate::oci::digest::Digest;
use crate::oci::error::OciError;
use crate::oci::keys;
use crate::oci::name::{RepositoryName, Tag};
use crate::oci::objects::Objects;
use crate::oci::registry::Registry;
use crate::repository::TenantCounts;

impl Registry {
    /// All tags of a repository, in order: those that were pushed, and the versions of its chart.
    pub async fn tags(&self, name: &RepositoryName) -> Result<BTreeSet<String>, OciError> {
        let of = name.clone();
        let (mut tags, is_known) = self
            .blocking(move |objects| {
                let listed = objects.list(&keys::tags(&of))?;
                let tags: BTreeSet<String> = listed.into_iter().map(|tag| tag.name).collect();
                let is_known = !tags.is_empty() || is_repository(objects, &keys::repository(&of))?;
                Ok((tags, is_known))
            })
            .await?;
        let listed = self.listed(name).await?;
        if !is_known && listed.is_none() {
            return Err(OciError::NameUnknown(name.to_string()));
        }
        for entry in listed.iter().flat_map(|listed| &listed.versions) {
            tags.extend(Tag::of_version(&entry.version_text).map(|tag| tag.to_string()));
        }
        Ok(tags)
    }

    /// The names of all repositories, in order.
    pub async fn catalog(&self) -> Result<BTreeSet<String>, OciError> {
        let mut names = self.blocking(|objects| repositories(objects)).await?;
        for TenantCounts { tenant, .. } in self.charts.tenant_counts() {
            for (chart, _) in self.charts.charts(&tenant, 0, usize::MAX).await? {
                let name = coordinates::repository(&tenant, &chart);
                names.extend(name.map(|name| name.to_string()));
            }
        }
        Ok(names)
    }

    /// The descriptors of what refers to a manifest, in the order of their digests. There need not be any, nor the
    /// manifest.
    pub async fn referrers(
        &self,
        name: &RepositoryName,
        subject: &Digest,
    ) -> Result<Vec<Value>, OciError> {
        let (of, subject) = (name.clone(), subject.clone());
        self.blocking(move |objects| {
            let prefix = keys::referrers(&of, &subject);
            let mut found = Vec::new();
            for listed in objects.list(&prefix)? {
                let Some(digest) = keys::undashed(&listed.name) else {
                    continue;
                };
                // a crash may have left the reference of a manifest that was never stored
                if objects.stat(&keys::manifest(&of, &digest))?.is_none() {
                    continue;
                }
                let descriptor = objects.read(&format!("{prefix}/{}", listed.name))?;
                found.extend(descriptor.and_then(|text| serde_json::from_slice(&text).ok()));
            }
            Ok(found)
        })
        .await
    }
}

/// Everything below the prefix of repositories that has manifests or tags.
pub(super) fn repositories(objects: &dyn Objects) -> std::io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let mut prefixes = vec![String::new()];
    while let Some(prefix) = prefixes.pop() {
        let key = format!("{}{prefix}", keys::REPOSITORIES);
        let mut is_repository = false;
        for listed in objects.list(&key)? {
            if listed.name.starts_with('_') {
                is_repository = true;
            } else if !listed.is_object {
                prefixes.push(format!("{prefix}/{}", listed.name));
            }
        }
        if is_repository {
            names.insert(prefix.trim_start_matches('/').to_owned());
        }
    }
    Ok(names)
}

fn is_repository(objects: &dyn Objects, key: &str) -> std::io::Result<bool> {
    let listed = objects.list(key)?;
    Ok(listed.iter().any(|listed| listed.name.starts_with('_')))
}
