//! Which chart: the version that the spec means, and its package (docs/components.md 11.1 and 17).

use std::sync::Arc;

use crate::chart::digest::Sha256Hex;
use crate::chart::selector::VersionSelector;
use crate::chart::version::Version;
use crate::component::Phase;
use crate::component::conditions::{ConditionStatus, ConditionType, Reason};
use crate::controller::charts::{
    ChartVersion, ChartsError, ErrorClass, FetchedChart, Picked, pick,
};
use crate::controller::context::PassError;
use crate::controller::pass::{Next, Pass};

/// A chart, or when to look again; the status then says why there is none.
type Chart = Result<Arc<FetchedChart>, Next>;

impl Pass<'_> {
    /// The chart that the spec means, ready to be installed.
    pub(super) async fn resolve_chart(&mut self) -> Result<Chart, PassError> {
        // validated before
        let pinned = self.component.spec.chart.digest.as_deref();
        let pinned = pinned.and_then(Sha256Hex::parse_named);
        let repository = self.repository();
        let name = self.component.chart_name().to_owned();
        let versions = match self
            .context
            .charts
            .versions(repository.as_deref(), &name)
            .await
        {
            Ok(versions) => versions,
            Err(cause) => return self.without_chart(&cause).await,
        };
        let version = match self.pick(&versions) {
            Ok(index) => versions[index].clone(),
            Err(chart) => return chart.await_in(self).await,
        };
        let fetched = self
            .context
            .charts
            .fetch(repository.as_deref(), &version, pinned)
            .await;
        let chart = match fetched {
            Ok(chart) => chart,
            Err(cause) => return self.without_chart(&cause).await,
        };
        self.check_chart(chart).await
    }

    fn repository(&self) -> Option<String> {
        let given = self.component.spec.chart.repository.clone();
        given.filter(|url| !url.is_empty())
    }

    fn pick(&self, versions: &[ChartVersion]) -> Result<usize, NoVersion> {
        let spec = &self.component.spec;
        // validated before
        let selector = VersionSelector::parse(&spec.version).unwrap_or(VersionSelector::Newest);
        let current = self.component.status.as_ref();
        let current = current.and_then(|status| status.resolved_version.as_deref());
        match pick(&selector, versions, current, spec.auto_upgrade) {
            Picked::Version(index) => Ok(index),
            Picked::Stay(message) => Err(NoVersion {
                reason: Reason::VersionNotFound,
                message,
                stays: true,
            }),
            Picked::NotFound { reason, message } => Err(NoVersion {
                reason,
                message,
                stays: false,
            }),
        }
    }

    /// The package is there; may it be installed here?
    async fn check_chart(&mut self, chart: Arc<FetchedChart>) -> Result<Chart, PassError> {
        let mut checked = chart.check(&self.context.server_version);
        if (checked.as_ref()).is_err_and(|cause| cause.reason() == Reason::KubeVersionMismatch)
            && let Some(version) = self.server_version_now().await
        {
            checked = chart.check(&version);
        }
        if let Err(cause) = checked {
            let (reason, message) = (cause.reason(), cause.message());
            if reason == Reason::ReleaseTooLarge {
                self.draft
                    .is_false(ConditionType::Released, reason, &message);
                return Ok(Err(self.stall(reason, &message).await?));
            }
            return self.refuse_chart(reason, &message).await;
        }
        let message = format!("{} {} (sha256:{})", chart.name, chart.version, chart.digest);
        self.draft.is_true(
            ConditionType::ChartResolved,
            Reason::ChartResolved,
            &message,
        );
        self.draft.is_true(
            ConditionType::ValuesResolved,
            Reason::ValuesResolved,
            "values are those of spec.values",
        );
        self.draft.status.resolved_version = Some(chart.version.clone());
        self.draft.status.chart_digest = Some(format!("sha256:{}", chart.digest));
        self.draft.status.app_version =
            Some(chart.app_version.clone()).filter(|text| !text.is_empty());
        Ok(Ok(chart))
    }

    /// The API server's version, which may be another than at the start; `None` if it does not say.
    async fn server_version_now(&self) -> Option<Version> {
        let info = self.context.objects.server_version().await.ok()?;
        Version::parse(&info.git_version)
    }

    async fn refuse_chart(&mut self, reason: Reason, message: &str) -> Result<Chart, PassError> {
        let about = ConditionType::ChartResolved;
        let is_its_own = about.permits(ConditionStatus::False, reason);
        let shown = if is_its_own {
            reason
        } else {
            Reason::ChartInvalid
        };
        self.draft.is_false(about, shown, message);
        Ok(Err(self.stall(reason, message).await?))
    }

    /// There is no chart: waited for, tried again or refused, by what is the matter with it.
    async fn without_chart(&mut self, cause: &ChartsError) -> Result<Chart, PassError> {
        let message = cause.message();
        match cause.class() {
            ErrorClass::Terminal => self.refuse_chart(cause.reason(), &message).await,
            _ => self.wait_for_chart(cause.reason(), &message).await,
        }
    }

    /// What is installed stays as it is, and says so; what is not installed waits.
    async fn wait_for_chart(&mut self, reason: Reason, message: &str) -> Result<Chart, PassError> {
        self.context.slots.forget(&self.key);
        self.draft
            .is_false(ConditionType::ChartResolved, reason, message);
        let is_new = !self.says(ConditionType::ChartResolved, reason, message);
        if !self.runs_what_it_should() {
            self.draft.waiting(reason, Reason::WaitingForChart, message);
            self.draft.phase(Phase::Blocked, message);
        }
        self.save().await?;
        if is_new && reason != Reason::RepositoryUnavailable {
            self.tell(reason, "Resolve", message).await;
        }
        let next = if reason == Reason::RepositoryUnavailable {
            // the caller takes this pass for a success, which it is not
            Some(self.another_transient())
        } else {
            self.safety_poll()
        };
        Ok(Err(next))
    }

    /// True if this generation was installed, as far as the status tells.
    fn runs_what_it_should(&self) -> bool {
        let status = self.component.status.as_ref();
        let is_observed = status.and_then(|status| status.observed_generation)
            == self.component.metadata.generation;
        let tried = status.and_then(|status| status.last_attempted.as_ref());
        let is_tried = tried.and_then(|tried| tried.generation) == Some(self.generation());
        is_observed && is_tried && self.draft.has(ConditionType::Ready, ConditionStatus::True)
    }
}

/// No version that will do, for now.
struct NoVersion {
    reason: Reason,
    message: String,
    stays: bool,
}

impl NoVersion {
    async fn await_in(self, pass: &mut Pass<'_>) -> Result<Chart, PassError> {
        if self.stays
            && let Some(chart) = pass.installed_chart().await
        {
            // what runs is wanted still; only its package is no longer in the repository
            let checked = pass.check_chart(chart).await?;
            pass.draft
                .is_false(ConditionType::ChartResolved, self.reason, &self.message);
            return Ok(checked);
        }
        pass.wait_for_chart(self.reason, &self.message).await
    }
}

impl Pass<'_> {
    /// The package of what is installed, from the cache.
    async fn installed_chart(&self) -> Option<Arc<FetchedChart>> {
        let status = self.component.status.as_ref()?;
        let digest = Sha256Hex::parse_named(status.chart_digest.as_deref()?)?;
        self.context.charts.cached(digest).await
    }
}
