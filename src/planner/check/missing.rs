//! A dependency that is no Component: an external release, a chart that can be installed, or nothing.

use std::collections::BTreeSet;

use crate::chart::version::Version;
use crate::component::conditions::Reason;
use crate::component::status::DependencyState as State;
use crate::node_key::NodeKey;
use crate::planner::available::{Available, Lookup};
use crate::planner::check::dependent::Dependent;
use crate::planner::check::finding::Finding;
use crate::planner::demand::{Demand, agree, joined, opponents};
use crate::planner::directory::{Edge, Found};
use crate::planner::graph::Strength;
use crate::planner::obstacle::Obstacle;
use crate::planner::verdict::ImplicitComponent;
use crate::planner::words::newest_of;

impl Dependent<'_> {
    /// The releases that may satisfy it, and the versions of its chart.
    pub(super) fn lookups_of_missing(&self, edge: &Edge) -> Vec<Lookup> {
        let places = self.places_of_releases(edge).into_iter();
        let mut lookups: Vec<Lookup> = places
            .map(|(namespace, name)| Lookup::Release(namespace, name))
            .collect();
        if edge.strength() == Strength::Required {
            lookups.push(Lookup::Chart(edge.requirement.chart().to_owned()));
        }
        lookups
    }

    /// Namespaces and names under which a release could be that satisfies a requirement: beside the dependent's own
    /// release, and in the namespace that the requirement names.
    fn places_of_releases(&self, edge: &Edge) -> Vec<(String, String)> {
        let beside = Some(&self.me().release.0);
        let named = edge.requirement.namespace.as_ref();
        let mut places = Vec::new();
        for namespace in beside.into_iter().chain(named) {
            for name in [edge.requirement.chart(), &edge.requirement.name] {
                let place = (namespace.clone(), name.to_owned());
                if !places.contains(&place) {
                    places.push(place);
                }
            }
        }
        places
    }

    pub(super) fn judge_missing(&self, edge: &Edge, available: &Available) -> Finding {
        let places = self.places_of_releases(edge);
        let releases: Vec<&str> = (places.iter())
            .filter_map(|(namespace, name)| available.release(namespace, name))
            .collect();
        let range = &edge.requirement.range;
        let will_do = |version: &&&str| {
            range.is_any() || Version::parse(version).is_some_and(|version| range.allows(&version))
        };
        let status =
            |found: Option<&str>, state| edge.status(&edge.wanted, found.map(str::to_owned), state);
        if let Some(release) = releases.iter().find(will_do) {
            return Finding::clear(status(Some(release), State::External));
        }
        let name = self.name(&edge.wanted);
        match (edge.strength(), releases.first()) {
            (Strength::Optional, Some(release)) => {
                Finding::clear(status(Some(release), State::VersionMismatch))
            }
            (Strength::Optional, None) => Finding::clear(status(None, State::Skipped)),
            (Strength::Required, Some(release)) => {
                let message = format!(
                    "{name} {release} is installed as a release without a Component, but {} needs {range}; upgrade it, \
                     or write a Component {name}",
                    self.name(&self.me().key)
                );
                let reason = Reason::DependencyVersionMismatch;
                Finding::obstacle(
                    status(Some(release), State::VersionMismatch),
                    reason,
                    message,
                )
            }
            (Strength::Required, None) => self.judge_nothing(edge, available),
        }
    }

    /// There is no release either: it is created, or the message says what to do.
    fn judge_nothing(&self, edge: &Edge, available: &Available) -> Finding {
        let me = self.me();
        let name = self.name(&edge.wanted);
        let (chart, range) = (edge.requirement.chart(), &edge.requirement.range);
        let missing = |why: String| {
            let status = edge.status(&edge.wanted, None, State::Missing);
            let message = format!("waits for {name} (not installed: {why})");
            Finding::obstacle(status, Reason::DependencyMissing, message)
        };
        if !me.auto_install {
            let status = edge.status(&edge.wanted, None, State::Missing);
            return self.in_the_way(edge, status, &Obstacle::MayNotCreate);
        }
        let Some(versions) = available.versions(chart) else {
            return missing(format!(
                "whether the repository has its chart {chart} is not known yet"
            ));
        };
        let wanted = if range.is_any() {
            chart.to_owned()
        } else {
            format!("{chart} {range}")
        };
        if versions.is_empty() {
            return missing(format!(
                "the repository has no chart {wanted}; push it, or write a Component {name}"
            ));
        }
        let will_do = |version: &Version| {
            range.allows(version) && !(range.is_any() && version.is_prerelease())
        };
        if !versions.iter().any(|known| will_do(&known.version)) {
            let wanted = if range.is_any() {
                format!("no stable chart {chart}")
            } else {
                format!("no chart {wanted}")
            };
            return missing(format!(
                "the repository has {wanted}, only {}; push one, or change the range",
                newest_of(versions)
            ));
        }
        let agreement = agree(versions, self.demands_on_missing(edge));
        let is_mine = |demand: &&Demand| demand.requirer == me.key && demand.range == *range;
        let refused = agreement.refused.iter().find(is_mine);
        let (None, Some(newest)) = (refused, agreement.newest) else {
            let opponents = match refused {
                Some(refused) => opponents(versions, &agreement.admitted, refused),
                None => agreement.refused,
            };
            let status = edge.status(&edge.wanted, None, State::VersionConflict);
            let conflict = Obstacle::VersionConflict(opponents, versions);
            return self.in_the_way(edge, status, &conflict);
        };
        let create = ImplicitComponent {
            key: self.key_of_new(edge),
            chart: chart.to_owned(),
            target_namespace: me.release.0.clone(),
            version: joined(versions, &agreement.admitted, newest),
            values: edge.requirement.values.clone(),
            required_by: me.key.clone(),
        };
        let status = edge.status(&create.key, None, State::Installing);
        let message = format!(
            "waits for {}: being created for {chart} {}",
            self.name(&create.key),
            versions[newest].text
        );
        Finding {
            create: Some(create),
            ..Finding::obstacle(status, Reason::DependencyInstalling, message)
        }
    }

    /// All that is demanded of what is missing, the oldest requirer's first.
    fn demands_on_missing(&self, edge: &Edge) -> Vec<Demand> {
        let relations = &self.planner.relations;
        let names = [&edge.wanted, &edge.wanted_chart()];
        let places: BTreeSet<(usize, usize)> = (names.into_iter())
            .filter_map(|name| relations.missing.get(name))
            .flatten()
            .copied()
            .collect();
        let known =
            (places.into_iter()).map(|(place, number)| (place, &relations.edges[place][number]));
        let own: Vec<&Edge> = self.same_missing(edge).collect();
        self.demands(known, &own)
    }

    /// The smallest of the names that this Component uses for what is missing, the chart's own if it is one of them.
    fn key_of_new(&self, edge: &Edge) -> NodeKey {
        let keys: Vec<&NodeKey> = self.same_missing(edge).map(|edge| &edge.wanted).collect();
        let of_chart = edge.wanted_chart();
        let own = keys.iter().find(|key| ***key == of_chart);
        let key = own.or(keys.iter().min()).expect("it is one of them itself");
        (*key).clone()
    }

    /// This Component's edges to the same missing chart.
    fn same_missing<'b>(&'b self, edge: &'b Edge) -> impl Iterator<Item = &'b Edge> {
        self.edges.iter().filter(move |other| {
            other.found == Found::Nobody
                && other.strength() == Strength::Required
                && other.wanted_chart() == edge.wanted_chart()
        })
    }
}
