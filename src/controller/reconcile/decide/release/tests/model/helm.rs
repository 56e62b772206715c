//! What Helm does to its Secrets, by the history in memory that the scenarios stand on too.

use super::*;
use crate::controller::reconcile::tests::helm::Making;

/// How many revisions Helm keeps.
const KEPT: usize = 5;

impl Model {
    /// What Helm does to its Secrets; `bad` is the state and description of what did not work.
    pub(super) fn helm(&mut self, action: Action, id: &str, bad: Option<(ReleaseStatus, &str)>) {
        let now = self.case.now;
        match action {
            Action::Reinstall | Action::FinishUninstall => {
                match bad {
                    None => self.release.uninstalled(false),
                    Some(_) => self.release.is_uninstalling(),
                }
                return;
            }
            Action::Install | Action::Upgrade | Action::Reapply { .. } => {
                let hash = match action {
                    Action::Reapply { to } => self.hash_of(to),
                    _ => self.case.wanted.hash,
                };
                let token = Token {
                    operation: id.to_owned(),
                    hash,
                    generation: 1,
                };
                let making = Making {
                    values: Map::from_iter([("made".to_owned(), token.to_string().into())]),
                    operation: Some(id.to_owned()),
                    hash: Some(hash.short()),
                    description: Some(token.to_string()),
                    ..of_web()
                };
                (self.release.upgrade(&making, now)).expect("Helm lets it");
            }
            Action::Rollback { to } => {
                (self.release.roll_back(to, KEPT, now)).expect("Helm lets it");
            }
        }
        match bad {
            None => self.release.succeed(),
            Some((S::Failed, error)) => self.release.fail(error),
            Some(_) => {}
        }
    }

    pub(super) fn hash_of(&self, number: i64) -> SpecHash {
        let record = self.release.record(number).expect("it exists");
        self.made_of(record).expect("it is ours")
    }
}

/// What others make, whose values are nobody's here.
pub(super) fn of_web() -> Making {
    Making {
        chart: RecordedChart {
            name: "web".to_owned(),
            version: "1.0.0".to_owned(),
            app_version: None,
        },
        values: Map::from_iter([("made".to_owned(), "by others".into())]),
        limit: KEPT,
        ..Making::default()
    }
}
