//! What the repository in this process has told of its charts since it last changed.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::chart::index::ChartVersion;

/// It is asked again after this long all the same: a change that nobody counted is seen then.
const FRESH: Duration = Duration::from_secs(30);

/// Versions of charts, as long as the repository has not changed.
pub(super) struct Told {
    changes: watch::Receiver<u64>,
    charts: Mutex<HashMap<String, Answer>>,
}

struct Answer {
    state: u64,
    at: Instant,
    versions: Vec<ChartVersion>,
}

impl Told {
    /// By a repository that counts its changes, after each.
    pub(super) fn by(changes: watch::Receiver<u64>) -> Self {
        Self {
            changes,
            charts: Mutex::default(),
        }
    }

    /// How many changes there were.
    pub(super) fn state(&self) -> u64 {
        *self.changes.borrow()
    }

    /// The versions of a chart, if they were told and can be no others by now.
    pub(super) fn of(&self, chart: &str) -> Option<Vec<ChartVersion>> {
        let state = self.state();
        let charts = self.charts();
        let answer = charts.get(chart)?;
        let is_fresh = answer.state == state && answer.at.elapsed() < FRESH;
        is_fresh.then(|| answer.versions.clone())
    }

    /// Keeps what was told when there had been so many changes.
    pub(super) fn keep(&self, chart: &str, state: u64, versions: &[ChartVersion]) {
        let mut charts = self.charts();
        // answers of before a change are of no use to anybody
        charts.retain(|_, answer| answer.state == state && answer.at.elapsed() < FRESH);
        let answer = Answer {
            state,
            at: Instant::now(),
            versions: versions.to_vec(),
        };
        charts.insert(chart.to_owned(), answer);
    }

    fn charts(&self) -> MutexGuard<'_, HashMap<String, Answer>> {
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
        let told = Told::by(seen);
        assert_eq!(told.of("app"), None);
        told.keep("app", told.state(), &[version("1.0.0")]);
        assert_eq!(told.of("app"), Some(vec![version("1.0.0")]));
        assert_eq!(told.of("other"), None);

        // one that was asked for before a change and came after it is not believed
        let before = told.state();
        changes.send_modify(|count| *count += 1);
        assert_eq!(told.of("app"), None);
        told.keep("app", before, &[version("1.0.0")]);
        assert_eq!(told.of("app"), None);
        told.keep("app", told.state(), &[version("2.0.0")]);
        assert_eq!(told.of("app"), Some(vec![version("2.0.0")]));
    }
}
