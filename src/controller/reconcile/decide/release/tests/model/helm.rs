//! What Helm does to its Secrets, with the oddities that decisions must know.

use super::*;

/// How many revisions Helm keeps.
const KEPT: usize = 5;

impl Model {
    /// What Helm does to its Secrets; `bad` is the state and description of what did not work.
    pub(super) fn helm(&mut self, action: Action, id: &str, bad: Option<(ReleaseStatus, &str)>) {
        let of = |letter: SpecHash| {
            Token {
                operation: id.to_owned(),
                hash: letter,
                generation: 1,
            }
            .to_string()
        };
        match action {
            Action::Reinstall | Action::FinishUninstall if bad.is_none() => {
                self.records.clear();
                self.case.revisions.clear();
            }
            Action::Reinstall | Action::FinishUninstall => {
                if let (Some(record), Some(revision)) =
                    (self.records.first_mut(), self.case.revisions.first_mut())
                {
                    record.status = S::Uninstalling;
                    revision.status = S::Uninstalling;
                }
            }
            Action::Install | Action::Upgrade | Action::Reapply { .. } => {
                let hash = match action {
                    Action::Reapply { to } => self.hash_of(to),
                    _ => self.case.wanted.hash,
                };
                let (status, description) = bad.unwrap_or((S::Deployed, ""));
                let description = match status {
                    S::Failed => description.to_owned(),
                    _ => of(hash),
                };
                let labels = Some((id.to_owned(), hash.short()));
                self.store(status, labels, &description);
                self.records[0].config = Map::from_iter([("made".to_owned(), of(hash).into())]);
            }
            Action::Rollback { to } => {
                let position = |revision: &Revision| revision.number == to;
                let at = self
                    .case
                    .revisions
                    .iter()
                    .position(position)
                    .expect("it exists");
                let target = self.case.revisions[at].clone();
                let config = self.records[at].config.clone();
                let (status, description) = bad.unwrap_or((S::Deployed, ""));
                let description = match status {
                    S::Failed => description.to_owned(),
                    _ => format!("Rollback to {to}"),
                };
                if status == S::Failed {
                    self.records[0].status = S::Superseded;
                    self.case.revisions[0].status = S::Superseded;
                }
                self.store(status, target.operation.zip(target.hash), &description);
                self.records[0].config = config;
            }
        }
    }

    pub(super) fn hash_of(&self, number: i64) -> SpecHash {
        let record = self.records.iter().find(|record| record.revision == number);
        self.made_of(record.expect("it exists"))
            .expect("it is ours")
    }

    /// A new revision; what it overtakes is superseded, a failed one too.
    pub(super) fn store(
        &mut self,
        status: ReleaseStatus,
        labels: Option<(String, String)>,
        description: &str,
    ) {
        let number = self.records.first().map_or(1, |newest| newest.revision + 1);
        if status == S::Deployed {
            for at in 0..self.records.len() {
                if self.records[at].status == S::Deployed || at == 0 {
                    self.records[at].status = S::Superseded;
                    self.case.revisions[at].status = S::Superseded;
                }
            }
        }
        let (operation, hash) = labels.unzip();
        let revision = Revision {
            number,
            status,
            operation,
            hash,
            owner: None,
            secret: format!("v{number}"),
            resource_version: String::new(),
            created: Some(Time(self.case.now)),
        };
        let mut made = record(number, status, description, "web");
        made.last_deployed = Some(self.case.now);
        made.config = Map::from_iter([("made".to_owned(), "by others".into())]);
        self.case.revisions.insert(0, revision);
        self.records.insert(0, made);
        // the last one in force stays, however old
        let deployed = self
            .records
            .iter()
            .position(|record| record.status == S::Deployed);
        while self.records.len() > KEPT {
            let last = self.records.len() - 1;
            let at = if deployed == Some(last) {
                last - 1
            } else {
                last
            };
            self.records.remove(at);
            self.case.revisions.remove(at);
        }
    }
}
