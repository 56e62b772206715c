//! One version for all requirers of a dependency: the newest that satisfies all, or the oldest requirers first.

use std::collections::BTreeSet;

use crate::chart::index::ChartVersion;
use crate::chart::selector::VersionSelector;
use crate::chart::version::Version;
use crate::node_key::NodeKey;
use crate::planner::range::VersionRange;

/// The most alternatives (`||`) that a joined range may have.
const MOST_ALTERNATIVES: usize = 32;

/// The versions that one requirer accepts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Demand {
    /// Who.
    pub(super) requirer: NodeKey,
    /// Which versions.
    pub(super) range: VersionRange,
}

/// The version for several demands on one dependency, all of equal weight.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Choice<'a> {
    /// The newest version that satisfies all, as an index into the versions given.
    Version(usize),
    /// This demand alone cannot be met by any version.
    Unsatisfiable(&'a Demand),
    /// Each demand could be met, but not these together. As few of them as possible, at least two.
    Conflict(Vec<&'a Demand>),
}

/// The newest of `versions` (newest first) that every demand allows. Where all accept any version, the newest stable
/// one. Which demands are named in a refusal does not depend on their order.
pub(super) fn choose<'a>(versions: &[ChartVersion], demands: &'a [Demand]) -> Choice<'a> {
    let meets = |version: &Version, demands: &[&Demand]| {
        let is_wanted = !version.is_prerelease() || demands.iter().any(|d| !d.range.is_any());
        is_wanted && demands.iter().all(|demand| demand.range.allows(version))
    };
    let satisfiable =
        |demands: &[&Demand]| (versions.iter()).any(|known| meets(&known.version, demands));
    let mut all: Vec<&Demand> = demands.iter().collect();
    all.sort_by(|a, b| (&a.requirer, a.range.text()).cmp(&(&b.requirer, b.range.text())));
    if let Some(newest) = (versions.iter()).position(|known| meets(&known.version, &all)) {
        return Choice::Version(newest);
    }
    if let Some(alone) = all.iter().find(|demand| !satisfiable(&[demand])) {
        return Choice::Unsatisfiable(alone);
    }
    // remove demands that are not needed for the conflict; the smallest keys are tried last, at least two remain
    let mut needed = all;
    for index in (0..needed.len()).rev() {
        let mut fewer = needed.clone();
        fewer.remove(index);
        if !satisfiable(&fewer) {
            needed = fewer;
        }
    }
    Choice::Conflict(needed)
}

/// The version for several demands on one dependency, the oldest requirers first.
#[derive(Debug, PartialEq)]
pub(super) struct Agreement {
    /// Demands that are satisfied, in the order given.
    pub(super) admitted: Vec<Demand>,
    /// Demands that cannot be satisfied together with those admitted before them.
    pub(super) refused: Vec<Demand>,
    /// The newest version that satisfies all admitted demands, as an index. `None` if none is admitted.
    pub(super) newest: Option<usize>,
}

/// Admits one demand after the other, as long as a version is left that satisfies all (docs/components.md 11.4: a
/// conflict is that of the requirer that came last). `versions` are newest first, `demands` the oldest requirer's
/// first. Where all accept any version, pre-releases do not count.
pub(super) fn agree(versions: &[ChartVersion], demands: Vec<Demand>) -> Agreement {
    let mut left: Vec<usize> = (0..versions.len()).collect();
    let mut heard: BTreeSet<String> = BTreeSet::new();
    let mut is_any = true;
    let mut agreement = Agreement {
        admitted: Vec::new(),
        refused: Vec::new(),
        newest: None,
    };
    for demand in demands {
        let text = demand.range.to_string();
        if heard.contains(&text) {
            agreement.admitted.push(demand);
            continue;
        }
        let is_still_any = is_any && demand.range.is_any();
        let meets = |index: &usize| {
            let version = &versions[*index].version;
            demand.range.allows(version) && !(is_still_any && version.is_prerelease())
        };
        let fewer: Vec<usize> = left.iter().copied().filter(meets).collect();
        // "any" must not take the pre-releases away from those who ask for them later
        if fewer.is_empty() {
            agreement.refused.push(demand);
            continue;
        }
        if !demand.range.is_any() {
            left = fewer;
            is_any = false;
        }
        heard.insert(text);
        agreement.admitted.push(demand);
    }
    if !agreement.admitted.is_empty() {
        let good = |index: &&usize| !(is_any && versions[**index].version.is_prerelease());
        agreement.newest = left.iter().find(good).copied();
    }
    agreement
}

/// The demands that `refused` conflicts with, itself among them: as few as possible, and of those with the same range
/// the first.
pub(super) fn opponents(
    versions: &[ChartVersion],
    admitted: &[Demand],
    refused: &Demand,
) -> Vec<Demand> {
    let mut heard: BTreeSet<String> = BTreeSet::new();
    let all = [refused].into_iter().chain(admitted);
    let all: Vec<Demand> = all
        .filter(|demand| heard.insert(demand.range.to_string()))
        .cloned()
        .collect();
    match choose(versions, &all) {
        Choice::Conflict(demands) => demands.into_iter().cloned().collect(),
        Choice::Version(_) | Choice::Unsatisfiable(_) => all,
    }
}

/// A text for `spec.version` that selects the version `newest`, and later ones that satisfy all demands if the ranges
/// can be joined; else just that version.
pub(super) fn joined(versions: &[ChartVersion], demands: &[Demand], newest: usize) -> String {
    let ranges: BTreeSet<String> = (demands.iter())
        .filter(|demand| !demand.range.is_any())
        .map(|demand| demand.range.to_string())
        .collect();
    let means_it = |text: &String| {
        let selector = VersionSelector::parse(text)?;
        let selected = selector.select(versions.iter().map(|v| (&*v.text, &v.version)));
        (selected == Some(newest)).then_some(())
    };
    let text = product(&ranges).filter(|text| means_it(text).is_some());
    text.unwrap_or_else(|| versions[newest].text.clone())
}

/// `^1 || ^3` and `<3.5` are `^1, <3.5 || ^3, <3.5`; a comma binds closer than `||`. `None` if that gets too long.
fn product(ranges: &BTreeSet<String>) -> Option<String> {
    let mut groups: Vec<String> = vec![String::new()];
    for range in ranges {
        let alternatives: Vec<&str> = range.split("||").map(str::trim).collect();
        if groups.len() * alternatives.len() > MOST_ALTERNATIVES {
            return None;
        }
        let join = |group: &String| -> Vec<String> {
            let joined = alternatives.iter().map(|alternative| match group.as_str() {
                "" => (*alternative).to_owned(),
                group => format!("{group}, {alternative}"),
            });
            joined.collect()
        };
        groups = groups.iter().flat_map(join).collect();
    }
    Some(groups.join(" || "))
}

#[cfg(test)]
mod tests;
