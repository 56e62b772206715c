//! What others do to the release, as far as Helm lets them.

use super::helm::of_web;
use super::*;
use crate::controller::reconcile::tests::helm::Stored;

impl Model {
    pub fn event(&mut self, event: Event) {
        let newest = self.newest().map(|newest| newest.status);
        let works = self
            .running_until
            .is_some_and(|until| self.case.now < until);
        let is_locked = works || newest.is_some_and(ReleaseStatus::is_pending);
        let is_there =
            newest.is_some_and(|newest| !matches!(newest, S::Uninstalling | S::Uninstalled));
        let now = self.case.now;
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
            Event::Removed => self.release.uninstalled(false),
            _ if !is_there => {}
            Event::UpgradedOutside | Event::FailedOutside | Event::PendingOutside => {
                let begun = self.release.upgrade(&of_web(), now);
                begun.expect("Helm lets it");
                match event {
                    Event::UpgradedOutside => self.release.succeed(),
                    Event::FailedOutside => self.release.fail("x"),
                    _ => {}
                }
            }
            Event::RolledBackOutside => {
                let mut older = self.release.stored.iter().skip(1);
                let is_whole =
                    |it: &&Stored| matches!(it.record.status, S::Superseded | S::Deployed);
                if let Some(to) = older.find(is_whole).map(|it| it.record.revision) {
                    (self.release.roll_back(to, 0, now)).expect("Helm lets it");
                    self.release.succeed();
                }
            }
        }
    }
}
