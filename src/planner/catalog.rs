//! The charts that can be installed: names, versions, and what each version requires.

use std::collections::BTreeMap;

use crate::chart::index::ChartVersion;
use crate::chart::selector::VersionSelector;

/// Charts by name, from one or more sources.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    charts: BTreeMap<String, Vec<ChartVersion>>,
}

impl Catalog {
    /// Adds a version of a chart, unless it is there already: the source that was added first takes precedence.
    pub fn add(&mut self, chart: &str, new: ChartVersion) {
        let versions = self.charts.entry(chart.to_owned()).or_default();
        let place = |known: &ChartVersion| {
            // newest first, and by text where precedence is equal, as the index has them
            (new.version.cmp(&known.version)).then_with(|| known.text.cmp(&new.text))
        };
        if let Err(index) = versions.binary_search_by(place) {
            versions.insert(index, new);
        }
    }

    /// Sets all versions of a chart, newest first; an empty list is a chart that is known not to exist.
    pub fn insert(&mut self, chart: &str, versions: Vec<ChartVersion>) {
        self.charts.insert(chart.to_owned(), versions);
    }

    /// The versions of a chart, newest first; `None` if nothing is known of such a chart.
    pub fn versions(&self, chart: &str) -> Option<&[ChartVersion]> {
        self.charts.get(chart).map(Vec::as_slice)
    }

    /// The version of `chart` that a selector means.
    pub fn select(&self, chart: &str, selector: &VersionSelector) -> Option<&ChartVersion> {
        let versions = self.versions(chart)?;
        let index = selector.select(versions.iter().map(|v| (&*v.text, &v.version)))?;
        versions.get(index)
    }

    /// The names of all charts.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.charts.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_kept_newest_first_and_the_first_source_counts() {
        let mut catalog = Catalog::default();
        for (text, requires) in [
            ("1.0.0", "[a]"),
            ("2.0.0-rc.1", "[]"),
            ("1.10.0", "[]"),
            ("1.9.0", "[]"),
            ("1.0.0", "[b]"),
            ("1.0.0+b", "[]"),
        ] {
            let version = ChartVersion {
                requires: Some(requires.to_owned()),
                ..ChartVersion::bare("demo", text)
            };
            catalog.add("demo", version);
        }
        let versions = catalog.versions("demo").unwrap();
        let texts: Vec<&str> = versions.iter().map(|v| &*v.text).collect();
        assert_eq!(texts, ["2.0.0-rc.1", "1.10.0", "1.9.0", "1.0.0", "1.0.0+b"]);
        assert_eq!(versions[3].requires.as_deref(), Some("[a]"));
    }
}
