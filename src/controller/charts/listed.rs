//! The versions that the repository in this process has listed, valid until it changes.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::chart::index::ChartVersion;

/// After this long a list is requested again in any case, to notice changes that were not counted.
const FRESH: Duration = Duration::from_secs(30);

/// Versions by chart.
pub(super) struct ListedVersions {
    changes: watch::Receiver<u64>,
    charts: Mutex<HashMap<String, List>>,
}

struct List {
    changes: u64,
    at: Instant,
    versions: Vec<ChartVersion>,
}

impl ListedVersions {
    /// `changes` is the repository's counter of changes.
    pub(super) fn new(changes: watch::Receiver<u64>) -> Self {
        Self {
            changes,
            charts: Mutex::default(),
        }
    }

    /// The number of changes so far.
    pub(super) fn changes(&self) -> u64 {
        *self.changes.borrow()
    }

    /// The versions of a chart, if they are known and current.
    pub(super) fn get(&self, chart: &str) -> Option<Vec<ChartVersion>> {
        let changes = self.changes();
        let charts = self.charts();
        let list = charts.get(chart)?;
        let is_fresh = list.changes == changes && list.at.elapsed() < FRESH;
        is_fresh.then(|| list.versions.clone())
    }

    /// Keeps the versions that were listed after this number of changes.
    pub(super) fn put(&self, chart: &str, changes: u64, versions: &[ChartVersion]) {
        let mut charts = self.charts();
        // lists from before a change are out of date
        charts.retain(|_, list| list.changes == changes && list.at.elapsed() < FRESH);
        let list = List {
            changes,
            at: Instant::now(),
            versions: versions.to_vec(),
        };
        charts.insert(chart.to_owned(), list);
    }

    fn charts(&self) -> MutexGuard<'_, HashMap<String, List>> {
        self.charts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> ChartVersion {
        ChartVersion::bare("app", text)
    }

    #[test]
    fn an_answer_holds_until_the_repository_changes() {
        let (changes, seen) = watch::channel(0);
        let listed = ListedVersions::new(seen);
        assert_eq!(listed.get("app"), None);
        listed.put("app", listed.changes(), &[version("1.0.0")]);
        assert_eq!(listed.get("app"), Some(vec![version("1.0.0")]));
        assert_eq!(listed.get("other"), None);

        // a list that was requested before a change and received after it is not used
        let before = listed.changes();
        changes.send_modify(|count| *count += 1);
        assert_eq!(listed.get("app"), None);
        listed.put("app", before, &[version("1.0.0")]);
        assert_eq!(listed.get("app"), None);
        listed.put("app", listed.changes(), &[version("2.0.0")]);
        assert_eq!(listed.get("app"), Some(vec![version("2.0.0")]));
    }
}
