//! What exists besides Components: charts in the repository, releases that no Component owns.

use std::collections::BTreeMap;

use crate::chart::index::ChartVersion;
use crate::planner::catalog::Catalog;

/// Answers that were fetched before the planner is asked (see [`super::Planner::lookups`]).
#[derive(Clone, Debug, Default)]
pub struct Available {
    /// Charts that were looked up; one that the repository does not have has no versions. A chart without an entry
    /// is unknown: the repository could not be reached, for example.
    pub charts: Catalog,
    /// By namespace and name, the chart version of a deployed release that no Component owns and whose chart, or which
    /// itself, has that name.
    pub releases: BTreeMap<(String, String), String>,
}

/// Something that should be looked up before the planner is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lookup {
    /// The versions of a chart.
    Chart(String),
    /// A release by namespace and name.
    Release(String, String),
}

impl Available {
    /// The versions of a chart, newest first. `None`: not known yet. Empty: the repository has no such chart.
    pub(super) fn versions(&self, chart: &str) -> Option<&[ChartVersion]> {
        self.charts.versions(chart)
    }

    /// The chart version of a release.
    pub(super) fn release(&self, namespace: &str, name: &str) -> Option<&str> {
        let key = (namespace.to_owned(), name.to_owned());
        self.releases.get(&key).map(String::as_str)
    }
}
