//! Resolves the chart name and version text of a request to a package.

use std::sync::Arc;

use crate::chart::constraint::Constraint;
use crate::repository::ChartRepository;
use crate::repository::entry::Entry;
use crate::repository::index::Chart;
use crate::repository::key::Tenant;
use crate::repository::store::StoreError;

/// Why no version was found. The texts are those of docs/chartmuseum.md 3.4 and 5.1.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// There is no such chart.
    #[error("no chart name found")]
    NoChart,
    /// The chart has no such version.
    #[error("no chart version found for {name}-{version}")]
    NoVersion {
        /// The chart.
        name: String,
        /// The requested version; empty for the newest stable one.
        version: String,
    },
    /// The text is neither a version of the chart nor a range.
    #[error("improper constraint: {0}")]
    ImproperConstraint(String),
    /// The index could not be built.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ChartRepository {
    /// The version of a chart that `version` means: `latest` or nothing is the newest stable one, otherwise an exact
    /// text, otherwise the newest that satisfies it as a range.
    pub async fn resolve(
        &self,
        tenant: &Tenant,
        name: &str,
        version: &str,
    ) -> Result<Arc<Entry>, ResolveError> {
        let chart = self
            .read_state(tenant)
            .await?
            .chart(name)
            .ok_or(ResolveError::NoChart)?;
        select(&chart, name, version)
    }

    /// All versions of a chart.
    pub async fn chart(
        &self,
        tenant: &Tenant,
        name: &str,
    ) -> Result<Option<Arc<Chart>>, StoreError> {
        Ok(self.read_state(tenant).await?.chart(name))
    }

    /// Charts by name, `limit` of them from `offset` on.
    pub async fn charts(
        &self,
        tenant: &Tenant,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<(String, Arc<Chart>)>, StoreError> {
        Ok(self.read_state(tenant).await?.charts(offset, limit))
    }
}

fn select(chart: &Chart, name: &str, version: &str) -> Result<Arc<Entry>, ResolveError> {
    let none = |version: &str| ResolveError::NoVersion {
        name: name.to_owned(),
        version: version.to_owned(),
    };
    let versions = chart.versions();
    if version.is_empty() || version == "latest" {
        let stable = versions.iter().find(|entry| !entry.version.is_prerelease());
        return stable.cloned().ok_or_else(|| none(""));
    }
    if let Some(exact) = versions
        .iter()
        .find(|entry| *entry.version_text == *version)
    {
        return Ok(Arc::clone(exact));
    }
    let range = Constraint::parse(version)
        .ok_or_else(|| ResolveError::ImproperConstraint(version.to_owned()))?;
    let newest = versions.iter().find(|entry| range.matches(&entry.version));
    newest.cloned().ok_or_else(|| none(version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::IndexFormat;
    use crate::repository::entry::tests::entry;
    use crate::repository::index::{Change, IndexStyle, RepositoryIndex};

    fn chart(versions: &[&str]) -> Arc<Chart> {
        let style = IndexStyle {
            format: IndexFormat::Json,
            context_path: String::new(),
        };
        let mut index = RepositoryIndex::new(style);
        index.apply(
            versions
                .iter()
                .map(|version| Change::Insert(Arc::new(entry("demo", version)))),
        );
        Arc::clone(index.chart("demo").unwrap())
    }

    #[test]
    fn versions_resolve_as_the_contract_says() {
        let demo = chart(&["0.1.0", "0.1.5", "0.2.0", "1.0.0-rc.1"]);
        for (asked, found) in [
            ("latest", "0.2.0"),
            ("", "0.2.0"),
            ("0.1.0", "0.1.0"),
            ("1.0.0-rc.1", "1.0.0-rc.1"),
            ("0.1", "0.1.5"),
            ("v0.1.0", "0.1.0"),
            ("~0.1", "0.1.5"),
            ("^0.1.0", "0.1.5"),
            ("*", "0.2.0"),
            (">0.0.1", "0.2.0"),
            (">0-0", "1.0.0-rc.1"),
        ] {
            assert_eq!(
                &*select(&demo, "demo", asked).unwrap().version_text,
                found,
                "{asked:?}"
            );
        }
    }

    #[test]
    fn what_is_not_found_says_why() {
        let only_pre = chart(&["1.0.0-rc.1"]);
        for (asked, text) in [
            ("latest", "no chart version found for demo-"),
            ("9.9.9", "no chart version found for demo-9.9.9"),
            ("not a version", "improper constraint: not a version"),
        ] {
            assert_eq!(
                select(&only_pre, "demo", asked).unwrap_err().to_string(),
                text
            );
        }
    }
}
