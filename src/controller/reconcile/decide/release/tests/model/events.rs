//! What others do to the release, as far as Helm lets them.

use super::*;

impl Model {
    pub fn event(&mut self, event: Event) {
        let is_locked = self
            .running_until
            .is_some_and(|until| self.case.now < until)
            || self
                .records
                .first()
                .is_some_and(|newest| newest.status.is_pending());
        let labels = self
            .case
            .revisions
            .first()
            .and_then(|newest| Some((newest.operation.clone()?, newest.hash.clone()?)));
        let is_there = self
            .records
            .first()
            .is_some_and(|newest| !matches!(newest.status, S::Uninstalling | S::Uninstalled));
        self.failed_at_once = 0;
        match event {
            Event::Nothing => {}
            Event::Want(letter) => self.case.wanted.hash = hash(letter),
            Event::Forced => self.case.forced = true,
            // nothing in an uninstalling release tells of the Helm that is at it
            Event::StatusLost if is_locked && !is_there => {}
            Event::StatusLost => {
                self.case.status = ComponentStatus::default();
                self.cause = None;
            }
            // Helm lets nobody in
            _ if is_locked => {}
            Event::Removed => {
                self.records.clear();
                self.case.revisions.clear();
            }
            _ if !is_there => {}
            Event::UpgradedOutside => self.store(S::Deployed, labels, "Upgrade complete"),
            Event::FailedOutside => self.store(S::Failed, labels, "Upgrade \"web\" failed: x"),
            Event::PendingOutside => self.store(S::PendingUpgrade, labels, "Preparing upgrade"),
            Event::RolledBackOutside => {
                let target = self
                    .case
                    .revisions
                    .iter()
                    .skip(1)
                    .find(|revision| matches!(revision.status, S::Superseded | S::Deployed));
                if let Some(target) = target.cloned() {
                    let made = |record: &&Record| record.revision == target.number;
                    let config = self
                        .records
                        .iter()
                        .find(made)
                        .map(|made| made.config.clone());
                    let labels = target.operation.zip(target.hash);
                    let description = format!("Rollback to {}", target.number);
                    self.store(S::Deployed, labels, &description);
                    self.records[0].config = config.unwrap_or_default();
                }
            }
        }
    }
}
