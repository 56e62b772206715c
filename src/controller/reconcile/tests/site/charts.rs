//! The repository, as far as a reconcile sees of it.

use super::Site;
use crate::chart::digest::Sha256Hex;
use crate::chart::selector::VersionSelector;
use crate::chart::version::Version;
use crate::component::conditions::Reason;
use crate::controller::charts::{ChartVersion, Picked, pick};
use crate::controller::reconcile::observation::{ChartFacts, ChartState, Observation};
use crate::planner::Requirement;

/// The charts that there are.
#[derive(Clone, Debug, Default)]
pub struct Repository {
    charts: Vec<Chart>,
    /// Packages that were fetched once, and stay.
    cached: Vec<Chart>,
    /// It does not answer.
    pub is_away: bool,
}

/// A chart version.
#[derive(Clone, Debug)]
pub struct Chart {
    pub name: String,
    pub version: String,
    /// Other bytes have another digest.
    pub bytes: usize,
    /// The annotation that says what it requires.
    pub requires: Option<&'static str>,
    pub has_install_hooks: bool,
    pub has_post_hooks: bool,
    /// Why it can be installed by nobody here.
    pub refused: Option<(Reason, &'static str)>,
}

impl Chart {
    /// `web 1.0.0`
    pub fn of(title: &str) -> Self {
        let (name, version) = title.split_once(' ').expect("a name and a version");
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            bytes: 1,
            requires: None,
            has_install_hooks: false,
            has_post_hooks: false,
            refused: None,
        }
    }

    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    pub fn digest(&self) -> Sha256Hex {
        Sha256Hex::of(format!("{} {}", self.title(), self.bytes).as_bytes())
    }

    fn requirements(&self) -> Vec<Requirement> {
        Requirement::parse_annotation(self.requires.unwrap_or_default()).expect("it can be read")
    }

    fn listed(&self) -> ChartVersion {
        ChartVersion {
            name: self.name.clone(),
            text: self.version.clone(),
            version: Version::parse(&self.version).expect("it is a version"),
            digest: Some(self.digest()),
            url: String::new(),
            requires: self.requires.map(str::to_owned),
            kube_version: String::new(),
            app_version: String::new(),
        }
    }

    fn facts(&self, o: &Observation, instead: Option<(Reason, String)>) -> ChartFacts {
        ChartFacts {
            name: self.name.clone(),
            version: self.version.clone(),
            app_version: String::new(),
            digest: self.digest(),
            hash: o.hash(&self.name, &self.version, self.digest()),
            has_install_hooks: self.has_install_hooks,
            has_post_hooks: self.has_post_hooks,
            instead,
        }
    }
}

impl Repository {
    /// A chart comes, or comes anew.
    pub fn upload(&mut self, chart: Chart) {
        self.remove(&chart.title());
        self.charts.push(chart);
        self.charts
            .sort_by(|a, b| b.listed().version.cmp(&a.listed().version));
    }

    /// A chart that is there is changed.
    pub fn change(&mut self, title: &str, change: impl FnOnce(&mut Chart)) {
        let found = self.charts.iter_mut().find(|chart| chart.title() == title);
        change(found.expect("the chart is there"));
    }

    pub fn remove(&mut self, title: &str) {
        self.charts.retain(|chart| chart.title() != title);
    }

    /// Packages that were fetched once are gone from the cache.
    pub fn forget_packages(&mut self) {
        self.cached.clear();
    }

    pub(super) fn cached(&self, digest: Sha256Hex) -> Option<&Chart> {
        self.cached.iter().find(|chart| chart.digest() == digest)
    }

    fn of_name(&self, name: &str) -> Vec<&Chart> {
        self.charts
            .iter()
            .filter(|chart| chart.name == name)
            .collect()
    }

    /// What the planner wants to know of a chart; `None` if nobody answers.
    pub(super) fn versions(&self, name: &str) -> Option<Vec<ChartVersion>> {
        let versions = self.of_name(name).into_iter().map(Chart::listed);
        (!self.is_away).then(|| versions.collect())
    }
}

impl Site {
    /// The chart that the spec means, and what it requires.
    pub(super) fn resolve(&mut self, o: &Observation) -> (ChartState, Option<Chart>) {
        let awaited = |reason, message| (ChartState::Awaited { reason, message }, None);
        if self.repository.is_away {
            let message = "the repository does not answer".to_owned();
            return awaited(Reason::RepositoryUnavailable, message);
        }
        let spec = &o.component.spec;
        let charts = self.repository.of_name(o.component.chart_name());
        if charts.is_empty() {
            let message = format!("there is no chart {}", o.component.chart_name());
            return awaited(Reason::ChartNotFound, message);
        }
        let listed: Vec<ChartVersion> = charts.iter().map(|chart| chart.listed()).collect();
        let selector = VersionSelector::parse(&spec.version).expect("it was validated");
        let status = o.component.status.as_ref();
        let current = o.pinned_version();
        let (chart, instead) = match pick(&selector, &listed, current, spec.auto_upgrade) {
            Picked::Version(index) => (charts[index].clone(), None),
            Picked::Stay(message) => {
                let digest = status.and_then(|status| status.chart_digest.as_deref());
                let digest = digest.and_then(Sha256Hex::parse_named);
                let reason = Reason::VersionNotFound;
                match digest.and_then(|digest| self.repository.cached(digest)) {
                    Some(chart) => (chart.clone(), Some((reason, message))),
                    None => return awaited(reason, message),
                }
            }
            Picked::NotFound { reason, message } => return awaited(reason, message),
        };
        let pinned = spec
            .chart
            .digest
            .as_deref()
            .and_then(Sha256Hex::parse_named);
        let refused = |reason, message: &str| {
            let message = message.to_owned();
            (ChartState::Refused { reason, message }, None)
        };
        if pinned.is_some_and(|pinned| pinned != chart.digest()) {
            return refused(Reason::DigestMismatch, "the package has another digest");
        }
        if let Some((reason, message)) = chart.refused {
            return refused(reason, message);
        }
        if self.repository.cached(chart.digest()).is_none() {
            self.repository.cached.push(chart.clone());
        }
        (ChartState::Resolved(chart.facts(o, instead)), Some(chart))
    }

    pub(super) fn requirements(chart: &Chart) -> Vec<Requirement> {
        chart.requirements()
    }
}
