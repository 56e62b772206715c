//! A situation, made up row by row.

use super::*;

/// A release and its Component, made up row by row.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) now: Timestamp,
    pub(super) wanted: Wanted,
    pub(super) revisions: Vec<Revision>,
    pub(super) record: Option<Record>,
    pub(super) unreadable: bool,
    pub(super) status: ComponentStatus,
    pub(super) holder_is_gone: bool,
    pub(super) forced: bool,
    pub(super) reset: bool,
    pub(super) rival: Option<NodeKey>,
}

impl Case {
    /// Nothing is there; what is wanted has the hash `letter`.
    pub(super) fn wanting(letter: &str) -> Self {
        Self {
            now: at(10_000),
            wanted: Wanted {
                hash: hash(letter),
                generation: 1,
                chart_name: "web".to_owned(),
                timeout: "5m".parse::<GoDuration>().unwrap().get(),
                take_ownership: TakeOwnership::SameRelease,
                install_on_failure: InstallFailure::Auto,
                has_install_hooks: false,
                upgrade_retries: 3,
                upgrade_on_failure: UpgradeFailure::Rollback,
                waits: Waits {
                    install: false,
                    upgrade: false,
                    rollback: false,
                },
            },
            revisions: Vec::new(),
            record: None,
            unreadable: false,
            status: ComponentStatus::default(),
            holder_is_gone: false,
            forced: false,
            reset: false,
            rival: None,
        }
    }

    /// A newer revision with these labels and this description, made at `at(number * 100)`.
    pub(super) fn revision(
        mut self,
        status: ReleaseStatus,
        labels: Option<(&str, &str)>,
        description: &str,
    ) -> Self {
        let number = self.revisions.first().map_or(1, |newest| newest.number + 1);
        self.revisions.insert(
            0,
            Revision {
                number,
                status,
                operation: labels.map(|(operation, _)| operation.to_owned()),
                hash: labels.map(|(_, letter)| hash(letter).short()),
                owner: None,
                secret: format!("sh.helm.release.v1.web.v{number}"),
                resource_version: number.to_string(),
                created: Some(Time(at(number * 100))),
            },
        );
        self.record = Some(record(number, status, description, "web"));
        self
    }

    /// A revision of ours: deployed, or overtaken by a later one.
    pub(super) fn ours(self, status: ReleaseStatus, operation: &str, letter: &str) -> Self {
        let description = token(operation, letter);
        self.revision(status, Some((operation, letter)), &description)
            .remembered(status, letter)
    }

    /// A failed revision of ours, which the status knows of.
    pub(super) fn our_failure(self, operation: &str, letter: &str) -> Self {
        self.revision(
            ReleaseStatus::Failed,
            Some((operation, letter)),
            "Upgrade \"web\" failed: no such image",
        )
        .remembered(ReleaseStatus::Failed, letter)
    }

    /// The newest revision is in the status.
    pub(super) fn remembered(mut self, status: ReleaseStatus, letter: &str) -> Self {
        let number = self.revisions[0].number;
        self.status.release_version = Some(number);
        let entry = entry(number, status, letter);
        self.status.history = remember(&self.status.history, entry, 5);
        self
    }

    /// The status says that `letter` was installed last.
    pub(super) fn installed(mut self, letter: &str) -> Self {
        self.status.observed_hash = Some(hash(letter).to_string());
        self.attempted(letter)
    }

    /// The status says that `letter` was tried last.
    pub(super) fn attempted(mut self, letter: &str) -> Self {
        self.status.last_attempted = Some(Attempt {
            hash: Some(hash(letter).to_string()),
            ..Attempt::default()
        });
        self
    }

    /// So many upgrades failed, the last at 9 950; the next is due at `due`.
    pub(super) fn failed_upgrades(mut self, count: i64, due: i64) -> Self {
        self.status.failures = Some(Failures {
            upgrade: count,
            ..Failures::default()
        });
        self.status.retry_count = Some(count);
        self.status.last_failure_time = Some(Time(at(9_950)));
        self.status.next_retry_time = Some(Time(at(due)));
        self.says("Released", "False", "Timeout", "pod web-0: ErrImagePull")
    }

    /// So many installs failed, the last at 9 950; the next is due at `due`.
    pub(super) fn failed_installs(mut self, count: i64, due: i64) -> Self {
        self = self.failed_upgrades(count, due);
        self.status.failures = Some(Failures {
            install: count,
            ..Failures::default()
        });
        self
    }

    pub(super) fn says(mut self, about: &str, status: &str, reason: &str, message: &str) -> Self {
        self.status.conditions.retain(|known| known.type_ != about);
        self.status.conditions.push(Condition {
            type_: about.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
            observed_generation: Some(1),
            last_transition_time: Time(at(0)),
        });
        self
    }

    /// An operation was begun, until 12 000 at the latest.
    pub(super) fn begun(
        mut self,
        id: &str,
        kind: OperationKind,
        from_revision: i64,
        letter: &str,
    ) -> Self {
        self.status.operation = Some(Operation {
            id: id.to_owned(),
            kind,
            from_revision,
            hash: Some(hash(letter).to_string()),
            chart_digest: None,
            holder: "pod-0".to_owned(),
            started_at: Time(at(9_000)),
            deadline: Time(at(12_000)),
            ready_by: None,
        });
        self
    }

    /// Something else about it.
    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(super) fn gone(self) -> Self {
        self.with(|case| case.holder_is_gone = true)
    }

    pub(super) fn forced(self) -> Self {
        self.with(|case| case.forced = true)
    }

    pub(super) fn reset(self) -> Self {
        self.with(|case| case.reset = true)
    }

    pub(super) fn at(self, seconds: i64) -> Self {
        self.with(|case| case.now = at(seconds))
    }

    pub(super) fn situation(&self) -> Situation<'_> {
        Situation {
            now: self.now,
            wanted: &self.wanted,
            revisions: &self.revisions,
            newest: self.newest(),
            status: &self.status,
            holder: HOLDER,
            holder_is_gone: self.holder_is_gone,
            forced: self.forced,
            reset: self.reset,
            unblocked: false,
            is_anothers: self.rival.is_some(),
            rival: self.rival.as_ref(),
        }
    }

    pub(super) fn newest(&self) -> Newest<&Record> {
        match &self.record {
            None => Newest::None,
            Some(_) if self.unreadable => Newest::Unreadable("broken gzip".to_owned()),
            Some(record) => Newest::Readable(record),
        }
    }

    pub(super) fn decision(&self) -> Decision {
        decide_release(&self.situation())
    }
}
