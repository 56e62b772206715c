//! A release that is as it should be: is it healthy, and has anybody changed it (contract section 2.15)?

use std::time::Duration;

use tokio::time::Instant;

use crate::component::conditions::{ConditionStatus, ConditionType, Reason};
use crate::component::{DriftMode, Phase};
use crate::controller::charts::FetchedChart;
use crate::controller::context::{Observed, PassError};
use crate::controller::decide::{InSync, Wanted};
use crate::controller::drift::{self, DriftCheck, DriftReport};
use crate::controller::health;
use crate::controller::pass::{Next, Pass};
use crate::controller::report::find;
use crate::release::manifest::{self, Object};

/// An object that was put right so often in [`FIGHT`] is fought over.
const FIGHT_ROUNDS: u32 = 5;
/// See [`FIGHT_ROUNDS`].
const FIGHT: Duration = Duration::from_secs(600);
/// An unhealthy release is looked at again after this long.
const UNHEALTHY: Duration = Duration::from_secs(5);

impl Pass<'_> {
    /// Nothing has to be done to the release.
    pub(super) async fn in_sync(
        &mut self,
        chart: &FetchedChart,
        wanted: &Wanted,
        observed: &Observed,
        how: InSync,
    ) -> Result<Next, PassError> {
        self.context.slots.forget(&self.key);
        let Some(record) = observed.record().cloned() else {
            return Err(PassError::Conflict);
        };
        let adopts = how == InSync::AdoptSuccess;
        if adopts || self.draft.status.observed_hash.as_deref() != Some(&wanted.hash.to_string()) {
            self.note_revision(&record, chart, wanted);
            self.note_inventory(&self.release(), record.revision)
                .await?;
        }
        self.draft.status.operation = None;
        self.draft.status.release_name = Some(record.name.clone());
        self.draft.status.release_version = Some(record.revision);
        self.draft.status.observed_hash = Some(wanted.hash.to_string());
        self.draft.status.last_attempted = Some(self.attempt(chart, wanted.hash));
        self.clear_failures();
        let message = format!(
            "{} {} is installed (release {}, revision {})",
            chart.name, chart.version, record.name, record.revision
        );
        let reason = self.success_reason(record.revision);
        self.draft
            .is_true(ConditionType::Released, reason, &message);
        self.draft.clear(&[ConditionType::Remediated]);
        let due = self.next_check();
        let is_sound = match due {
            None => self.check(&message).await?,
            Some(_) => {
                let is_bad = self
                    .draft
                    .has(ConditionType::Healthy, ConditionStatus::False)
                    || self
                        .draft
                        .has(ConditionType::Drifted, ConditionStatus::True);
                !is_bad
            }
        };
        if is_sound {
            self.draft.ready(reason, &message);
            self.draft.phase(Phase::Deployed, &message);
        }
        self.save().await?;
        if !is_sound {
            return Ok(Some(UNHEALTHY.min(self.component.spec.interval.get())));
        }
        Ok(due.or_else(|| self.interval()))
    }

    /// The reason that stood for the success, or what it must have been.
    fn success_reason(&self, revision: i64) -> Reason {
        let released = find(&self.draft.status.conditions, ConditionType::Released);
        let known = released
            .filter(|released| released.status == "True")
            .and_then(|released| {
                [
                    Reason::InstallSucceeded,
                    Reason::UpgradeSucceeded,
                    Reason::Adopted,
                ]
                .into_iter()
                .find(|reason| reason.as_str() == released.reason)
            });
        known.unwrap_or(if revision == 1 {
            Reason::InstallSucceeded
        } else {
            Reason::UpgradeSucceeded
        })
    }

    /// How long until drift and health are to be looked at; `None` is now.
    fn next_check(&mut self) -> Option<Duration> {
        let interval = self.component.spec.interval.get();
        let is_unwell = self
            .draft
            .has(ConditionType::Healthy, ConditionStatus::False)
            || self
                .draft
                .has(ConditionType::Drifted, ConditionStatus::True);
        let period = if is_unwell {
            interval.min(UNHEALTHY)
        } else {
            interval
        };
        let checked = self.context.remember(&self.key, |memory| memory.checked);
        match checked {
            Some(checked) => period
                .checked_sub(checked.elapsed())
                .filter(|rest| !rest.is_zero()),
            // after a start, all at once would be too many
            None if self.is_well_known() => {
                let share = (crate::controller::context::jitter() + 1.0) / 2.0;
                let since = Instant::now().checked_sub(interval.mul_f64(share));
                self.context.remember(&self.key, |memory| {
                    memory.checked = Some(since.unwrap_or_else(Instant::now));
                });
                Some(interval.mul_f64(1.0 - share).max(Duration::from_millis(10)))
            }
            None => None,
        }
    }

    /// True if the object says that all is well with this generation.
    fn is_well_known(&self) -> bool {
        let status = self.component.status.as_ref();
        let requested = status.and_then(|status| status.last_handled_reconcile_at.as_ref());
        status.and_then(|status| status.observed_generation) == self.component.metadata.generation
            && requested == self.draft.status.last_handled_reconcile_at.as_ref()
            && self.draft.has(ConditionType::Ready, ConditionStatus::True)
    }

    /// Looks at the installed objects; false if something is the matter, which the draft then says.
    async fn check(&mut self, message: &str) -> Result<bool, PassError> {
        self.context
            .remember(&self.key, |memory| memory.checked = Some(Instant::now()));
        let release = self.release();
        let number = self.draft.status.release_version.unwrap_or_default();
        let Some(Ok(record)) = self.context.record(&release, number).await? else {
            return Err(PassError::Conflict);
        };
        let objects = match manifest::objects(&record.manifest) {
            Ok(objects) => objects,
            Err(_) => return Ok(true),
        };
        let is_straight = self.check_drift(&objects, message).await?;
        let is_healthy = self.check_health(&objects, message).await?;
        Ok(is_straight && is_healthy)
    }

    async fn check_health(&mut self, objects: &[Object], message: &str) -> Result<bool, PassError> {
        let context = self.context;
        let namespace = self.component.target_namespace();
        let unready = health::unready(&context.objects, &context.client, objects, namespace).await;
        if unready.is_empty() {
            self.draft
                .is_true(ConditionType::Healthy, Reason::Healthy, "");
            return Ok(true);
        }
        let named = health::name_three(&unready);
        let is_new = !self.says(ConditionType::Healthy, Reason::Unhealthy, &named);
        self.draft
            .is_false(ConditionType::Healthy, Reason::Unhealthy, &named);
        let told = format!("{message}, but not ready: {named}");
        self.draft
            .is_false(ConditionType::Ready, Reason::Unhealthy, &told);
        self.draft
            .clear(&[ConditionType::Reconciling, ConditionType::Stalled]);
        self.draft.settle();
        self.draft.phase(Phase::Degraded, &told);
        if is_new {
            self.warn(Reason::Unhealthy, "Check", &named).await;
        }
        Ok(false)
    }

    async fn check_drift(&mut self, objects: &[Object], message: &str) -> Result<bool, PassError> {
        let policy = self.component.spec.drift_detection.clone();
        if policy.mode == DriftMode::Disabled {
            self.draft.clear(&[ConditionType::Drifted]);
            return Ok(true);
        }
        let (namespace, name) = self.release();
        let check = DriftCheck {
            release: &name,
            namespace: &namespace,
            objects,
            policy: &policy,
        };
        let report = drift::detect(&self.context.objects, &check).await;
        if report.drifted.is_empty() {
            self.context
                .remember(&self.key, |memory| memory.drift = None);
            if self
                .draft
                .has(ConditionType::Drifted, ConditionStatus::True)
            {
                self.draft
                    .is_false(ConditionType::Drifted, Reason::NoDriftDetected, "");
            }
            return Ok(true);
        }
        if policy.mode == DriftMode::Warn {
            self.report_drift(&report).await;
            // it is told, and that is all that was asked for
            return Ok(true);
        }
        self.correct(&check, &report, message).await
    }

    /// Drift that is only reported: each once.
    async fn report_drift(&mut self, report: &DriftReport) {
        let (digest, summary) = (report.digest(), report.summary());
        self.draft
            .is_true(ConditionType::Drifted, Reason::DriftDetected, &summary);
        let is_new = self.context.remember(&self.key, |memory| {
            memory.drift.replace(digest.clone()).as_ref() != Some(&digest)
        });
        if is_new {
            self.context.metrics.drift("warn", "detected");
            self.warn(
                Reason::DriftDetected,
                &format!("Drift/{}", &digest[..8.min(digest.len())]),
                &summary,
            )
            .await;
        }
    }

    /// Puts objects right, one by one; what cannot be put right is named.
    async fn correct(
        &mut self,
        check: &DriftCheck<'_>,
        report: &DriftReport,
        message: &str,
    ) -> Result<bool, PassError> {
        let summary = report.summary();
        let corrected = drift::correct(&self.context.objects, check, report).await;
        let now = Instant::now();
        let mut failed = Vec::new();
        for (key, result) in corrected {
            if let Err(cause) = result {
                failed.push(format!("{key}: {cause}"));
                continue;
            }
            let rounds = self.context.remember(&self.key, |memory| {
                let entry = memory.corrections.entry(key.clone()).or_insert((0, now));
                if entry.1.elapsed() > FIGHT {
                    *entry = (0, now);
                }
                entry.0 += 1;
                entry.0
            });
            if rounds >= FIGHT_ROUNDS {
                failed.push(format!(
                    "{key} was put right {rounds} times in ten minutes: somebody else keeps changing it"
                ));
            }
        }
        let digest = report.digest();
        let action = format!("Drift/{}", &digest[..8.min(digest.len())]);
        if failed.is_empty() {
            self.context.metrics.drift("enabled", "corrected");
            self.draft
                .is_false(ConditionType::Drifted, Reason::DriftCorrected, &summary);
            self.tell(Reason::DriftCorrected, &action, &summary).await;
            return Ok(true);
        }
        self.context.metrics.drift("enabled", "failed");
        let failures = failed.join("; ");
        let is_new = !self.says(ConditionType::Drifted, Reason::CorrectionFailed, &failures);
        self.draft
            .is_true(ConditionType::Drifted, Reason::CorrectionFailed, &failures);
        let told = format!("{message}, but drift could not be put right: {failures}");
        self.draft
            .is_false(ConditionType::Ready, Reason::CorrectionFailed, &told);
        self.draft
            .clear(&[ConditionType::Reconciling, ConditionType::Stalled]);
        self.draft.settle();
        self.draft.phase(Phase::Degraded, &told);
        if is_new {
            self.warn(Reason::CorrectionFailed, &action, &failures)
                .await;
        }
        Ok(false)
    }
}
