//! The revisions that came of a Component, as its status keeps them (docs/components.md 1.3 and 6.5).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::component::spec_hash::SpecHash;
use crate::component::status::Revision as HistoryEntry;
use crate::controller::reconcile::decide::release::remember;
use crate::controller::reconcile::observation::{ChartFacts, Observation};
use crate::controller::reconcile::status::Draft;
use crate::release::record::{Record, ReleaseStatus};

/// What a record says of a revision.
pub(super) fn entry_of(record: &Record) -> HistoryEntry {
    let app_version = record.chart.app_version.clone();
    HistoryEntry {
        revision: record.revision,
        chart_version: record.chart.version.clone(),
        app_version: app_version.filter(|text| !text.is_empty()),
        chart_digest: None,
        values_digest: None,
        hash: None,
        status: record.status.as_str().to_owned(),
        first_deployed: record.first_deployed.map(Time),
        last_deployed: record.last_deployed.map(Time),
    }
}

impl Draft {
    /// Writes a finished revision into the history.
    pub(super) fn note_revision(
        &mut self,
        o: &Observation,
        record: &Record,
        chart: &ChartFacts,
        hash: SpecHash,
    ) {
        let values = crate::component::spec_hash::values_digest(&o.component.spec.values);
        self.remember(
            o,
            HistoryEntry {
                chart_digest: Some(format!("sha256:{}", chart.digest)),
                values_digest: Some(format!("sha256:{values}")),
                hash: Some(hash.to_string()),
                ..entry_of(record)
            },
        );
    }

    /// Writes a revision that did not end well into the history, so that nobody takes it for a good one later.
    pub(super) fn note_failed(&mut self, o: &Observation, record: &Record) {
        self.remember(
            o,
            HistoryEntry {
                status: ReleaseStatus::Failed.as_str().to_owned(),
                ..entry_of(record)
            },
        );
    }

    pub(super) fn remember(&mut self, o: &Observation, entry: HistoryEntry) {
        let limit = o.component.spec.history_limit.clamp(1, 100) as usize;
        self.status.history = remember(&self.status.history, entry, limit);
    }
}
