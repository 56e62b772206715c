//! Components that are in no manifest but required.

use std::collections::BTreeMap;

use crate::chart::index::ChartVersion;
use crate::component::implicit::Values;
use crate::node_key::NodeKey;
use crate::planner::demand::Demand;
use crate::planner::inherit::{Unheard, handed_down};
use crate::planner::requirement::Requirement;

/// A Component that is added since others require it.
#[derive(Clone, Debug)]
pub(super) struct Added<'a> {
    pub(super) chart: String,
    /// Its requirers and their ranges.
    pub(super) demands: Vec<Demand>,
    /// The newest version that satisfies all demands; `None` if there is none, or none is known.
    pub(super) version: Option<&'a ChartVersion>,
    /// What its requirers want of its values, put together.
    pub(super) values: Values,
    /// What of that does not count.
    pub(super) unheard: Vec<Unheard>,
}

pub(super) type AddedSet<'a> = BTreeMap<NodeKey, Added<'a>>;

impl Added<'_> {
    /// What its chart requires; nothing if that cannot be read, which is reported elsewhere.
    pub(super) fn requires(&self) -> Vec<Requirement> {
        let requires = self.version.map(Requirement::of);
        let requires = requires.and_then(Result::ok).unwrap_or_default();
        handed_down(&requires, &self.values)
    }
}

/// The added Component that a requirement resolves to: by chart, or for an optional one by name too.
pub(super) fn find(
    added: &AddedSet<'_>,
    wanted: &NodeKey,
    requirement: &Requirement,
) -> Option<NodeKey> {
    let in_namespace = || {
        added
            .iter()
            .filter(|(key, _)| key.namespace == wanted.namespace)
    };
    let by_chart = in_namespace().find(|(_, added)| added.chart == requirement.chart());
    let by_name = || {
        let is_enough = requirement.is_optional() && requirement.chart.is_none();
        in_namespace().find(|(key, _)| is_enough && *key == wanted)
    };
    by_chart.or_else(by_name).map(|(key, _)| key.clone())
}
