//! What Helm has applied is awaited until it is ready (docs/components.md 4.6).

use std::time::Duration;

use crate::component::status::OperationKind;
use crate::controller::reconcile::decide::{Decision, Read};
use crate::controller::reconcile::observation::{Observation, Readiness};

/// An operation is quick, or it waits: from then on people want to know for what.
pub const FIRST_WORDS: Duration = Duration::from_secs(5);
/// What is waited for is told, if it is another, so often.
pub const WORDS_EVERY: Duration = Duration::from_secs(10);

/// Helm has applied what is wanted: it is awaited, and its time is limited.
pub(super) fn await_ready(o: &Observation, kind: OperationKind, revision: i64) -> Decision {
    let operation = o.status.operation.as_ref();
    let ready_by = operation.and_then(|operation| operation.ready_by.as_ref());
    let is_over = ready_by.is_some_and(|time| o.now >= time.0);
    match &o.readiness {
        None => Decision::Read(Read::Readiness {
            revision,
            in_words: is_over || o.tells_progress(kind),
        }),
        Some(Readiness::Ready) => Decision::Succeed { kind, revision },
        Some(Readiness::NotReady(_)) if !is_over => Decision::AwaitReady { kind, revision },
        Some(Readiness::NotReady(objects)) => match o.release(&o.target()) {
            Some(release) if release.is_fresh => Decision::FailUnready {
                kind,
                revision,
                objects: objects.clone().unwrap_or_default(),
            },
            _ => Decision::Read(Read::Release {
                key: o.target(),
                fresh: true,
            }),
        },
    }
}

impl Observation {
    /// True if what is waited for is to be told now.
    pub fn tells_progress(&self, kind: OperationKind) -> bool {
        let operation = self.status.operation.as_ref();
        let Some(ready_by) = operation.and_then(|operation| operation.ready_by.as_ref()) else {
            // that there is something to wait for is written at once
            return true;
        };
        let waits = self.waited(kind, ready_by.0);
        let told = self.memory.progress.unwrap_or(waits);
        waits >= FIRST_WORDS && (told >= WORDS_EVERY || told >= waits)
    }

    /// How long readiness has been awaited that must be there by `ready_by`.
    pub fn waited(&self, kind: OperationKind, ready_by: k8s_openapi::jiff::Timestamp) -> Duration {
        let left = ready_by.duration_since(self.now);
        let left = Duration::try_from(left).unwrap_or_default();
        self.timeout(kind).saturating_sub(left)
    }
}
