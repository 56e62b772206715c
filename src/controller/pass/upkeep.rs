//! A release that is as it should be: is it healthy, and has anybody changed it (docs/components.md 8)?

use std::time::Duration;

use k8s_openapi::jiff::SignedDuration;
use tokio::time::Instant;

use crate::component::conditions::{ConditionStatus, ConditionType, Reason};
use crate::component::{DriftMode, Phase};
use crate::controller::charts::FetchedChart;
use crate::controller::context::{Observed, PassError, jittered};
use crate::controller::decide::{InSync, Wanted};
use crate::controller::drift::{self, Compared, DriftCheck, DriftReport};
use crate::controller::health;
use crate::controller::pass::{Next, Pass};
use crate::controller::report::find;
use crate::release::manifest::{self, Object};

/// How long an object that nobody wrote counts as compared.
const COMPARED: Duration = Duration::from_secs(60 * 60);
/// An unhealthy release is looked at again after this long.
const UNHEALTHY: Duration = Duration::from_secs(5);
/// One that has been unhealthy for this long is looked at as rarely as any other.
const UNHEALTHY_FOR: SignedDuration = SignedDuration::from_mins(2);

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
        self.mark_release(observed).await?;
        let adopts = how == InSync::AdoptSuccess;
        if adopts || self.draft.status.observed_hash.as_deref() != Some(&wanted.hash.to_string()) {
            self.note_revision(&record, chart, wanted);
            self.note_inventory(&self.release(), record.revision)
                .await?;
        }
        self.draft.status.operation = None;
        self.note_release(&self.release());
        self.draft.status.release_version = Some(record.revision);
        self.draft.status.observed_hash = Some(wanted.hash.to_string());
        self.draft.status.last_attempted = Some(self.attempt(chart, wanted.hash));
        self.clear_failures();
        let message = format!(
            "{} {} is installed (release {}, revision {})",
            chart.name, chart.version, record.name, record.revision
        );
        if adopts {
            self.log_outcome(&message);
        }
        let reason = self.success_reason(record.revision);
        self.draft
            .is_true(ConditionType::Released, reason, &message);
        self.draft.clear(&[ConditionType::Remediated]);
        let due = self.next_check();
        let is_sound = match due {
            None => self.check(&message).await?,
            Some(_) => !self.is_unsound(),
        };
        if is_sound {
            self.draft.ready(reason, &message);
            self.draft.phase(Phase::Deployed, &message);
        } else {
            let told = self.draft.message_of(ConditionType::Ready);
            let told = told.unwrap_or(&message).to_owned();
            self.draft
                .clear(&[ConditionType::Reconciling, ConditionType::Stalled]);
            self.draft.settle();
            self.draft.phase(Phase::Degraded, &told);
        }
        self.save().await?;
        Ok(Some(due.unwrap_or_else(|| jittered(self.period()))))
    }

    /// True if the last look found something that is not as it should be. Drift that is only to be told is no such thing.
    fn is_unsound(&self) -> bool {
        let drifted = find(&self.draft.status.conditions, ConditionType::Drifted);
        let failed = Reason::CorrectionFailed.as_str();
        self.draft
            .has(ConditionType::Healthy, ConditionStatus::False)
            || drifted.is_some_and(|drifted| drifted.reason == failed)
    }

    /// How often drift and health are looked at (docs/components.md 4.5).
    fn period(&self) -> Duration {
        let interval = self.component.spec.interval.get();
        let healthy = find(&self.draft.status.conditions, ConditionType::Healthy);
        let is_lately_unwell = healthy.is_some_and(|healthy| {
            let since = self
                .draft
                .now()
                .duration_since(healthy.last_transition_time.0);
            healthy.status == "False" && since < UNHEALTHY_FOR
        });
        if is_lately_unwell {
            interval.min(UNHEALTHY)
        } else {
            interval
        }
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
        let ready = find(&self.draft.status.conditions, ConditionType::Ready);
        let says_so = ready.is_some_and(|ready| {
            let unsound = [Reason::Unhealthy, Reason::CorrectionFailed];
            unsound.iter().any(|known| known.as_str() == ready.reason)
        });
        let observed = self.component.status.as_ref();
        let observed = observed.and_then(|status| status.observed_generation);
        if self.is_unsound() && !says_so || observed != self.component.metadata.generation {
            // something else was said in the meantime, or asked for
            return None;
        }
        let interval = self.component.spec.interval.get();
        let period = self.period();
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
        let context = self.context;
        let Some(manifest) = context.manifest(&self.key, &release, number).await? else {
            return Err(PassError::Conflict);
        };
        let objects = match manifest::objects(&manifest) {
            Ok(objects) => objects,
            Err(_) => return Ok(true),
        };
        let mut compared = self.compared(number);
        let is_straight = self.check_drift(&objects, message, &mut compared).await?;
        let is_healthy = self.check_health(&objects, message, &compared).await?;
        context.remember(&self.key, |memory| memory.compared = Some(compared.kept()));
        Ok(is_straight && is_healthy)
    }

    /// What was compared of this revision in the last hour, by the rules of this generation: then everything is compared
    /// anew, should the API server have come to see the same objects in another way.
    fn compared(&self, revision: i64) -> Compared {
        let of = (revision, self.generation());
        self.context.remember(&self.key, |memory| {
            let since = memory.compared_since;
            let holds = since.is_some_and(|(known, at)| known == of && at.elapsed() < COMPARED);
            let compared = memory.compared.take().filter(|_| holds);
            if compared.is_none() {
                memory.compared_since = Some((of, Instant::now()));
            }
            compared.unwrap_or_default()
        })
    }

    async fn check_health(
        &mut self,
        objects: &[Object],
        message: &str,
        compared: &Compared,
    ) -> Result<bool, PassError> {
        let context = self.context;
        let namespace = self.component.target_namespace();
        // what was just read and is ready need not be read again
        let others: Vec<&Object> = (objects.iter())
            .filter(|object| !compared.is_ready(&object.identity()))
            .collect();
        let unready =
            health::unready_of(&context.objects, &context.client, &others, namespace).await;
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
        if is_new {
            self.warn(Reason::Unhealthy, "Check", &named).await;
        }
        Ok(false)
    }

    async fn check_drift(
        &mut self,
        objects: &[Object],
        message: &str,
        compared: &mut Compared,
    ) -> Result<bool, PassError> {
        let policy = self.component.spec.drift_detection.clone();
        if policy.mode == DriftMode::Disabled {
            *compared = Compared::default();
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
        let report = drift::detect_since(&self.context.objects, &check, compared).await;
        if report.drifted.is_empty() {
            self.context
                .remember(&self.key, |memory| memory.drift = None);
            let (about, none) = (ConditionType::Drifted, Reason::NoDriftDetected);
            if !report.unknown.is_empty() {
                let unknown = format!("cannot be compared: {}", report.unknown_summary());
                self.draft
                    .set(about, ConditionStatus::Unknown, none, &unknown);
            } else if self.draft.has(about, ConditionStatus::True)
                || self.draft.has(about, ConditionStatus::Unknown)
            {
                self.draft.is_false(about, none, "");
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
        let now = Instant::now().into_std();
        let mut failed = Vec::new();
        let mut tried = DriftReport::default();
        for drifted in &report.drifted {
            let rounds = self.context.remember(&self.key, |memory| {
                memory.corrections.fought_over(&drifted.key, now)
            });
            match rounds {
                Some(rounds) => failed.push(format!(
                    "{drifted} again, after it was put right {rounds} times in ten minutes: somebody else keeps changing \
                     it, and it is left for now"
                )),
                None => tried.drifted.push(drifted.clone()),
            }
        }
        for (key, result) in drift::correct(&self.context.objects, check, &tried).await {
            match result {
                Ok(()) => self
                    .context
                    .remember(&self.key, |memory| memory.corrections.note(&key, now)),
                Err(cause) => failed.push(format!("{key}: {cause}")),
            }
        }
        let digest = report.digest();
        let action = format!("Drift/{}", &digest[..8.min(digest.len())]);
        if failed.is_empty() {
            let summary = report.summary();
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
        if is_new {
            self.warn(Reason::CorrectionFailed, &action, &failures)
                .await;
        }
        Ok(false)
    }
}
