//! Everything that a decision about one Component depends on, as values. What a decision turns out to need besides is
//! asked for with [`Read`](super::decide::Read) and read then: until that, it is `None`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::chart::digest::Sha256Hex;
use crate::component::conditions::{ConditionType, Reason, find};
use crate::component::names::{FINALIZER, annotation};
use crate::component::spec_hash::{Ingredients, SpecHash};
use crate::component::status::{Attempt, OperationKind};
use crate::component::{Component, ComponentStatus, Wait, rules};

use crate::controller::reconcile::retry;
use crate::controller::reconcile::wanted::{Waits, Wanted};
use crate::node_key::NodeKey;
use crate::planner::{DependencyCheck, Removal};
use crate::release::helm::{UNKNOWN_KINDS, obstacle};
use crate::release::operation::ReleaseKey;
use crate::release::record::{Record, ReleaseStatus, Revision};

/// What was seen of a Component and of what belongs to it.
#[derive(Clone, Debug)]
pub struct Observation {
    /// When.
    pub now: Timestamp,
    /// Between -1 and 1: where within its spread the next retry is.
    pub jitter: f64,
    /// Which Component.
    pub key: NodeKey,
    /// As it was last read or written.
    pub component: Component,
    /// Its status as decisions take it: requests are acknowledged, and what does not count any more is forgotten.
    pub status: ComponentStatus,
    /// This process, as in `status.operation.holder`.
    pub holder: String,
    /// What is wrong with its spec; not looked for where the spec is not acted on.
    pub problem: Option<String>,
    /// Why it may not have what it asks for.
    pub refusal: Option<String>,
    /// As whom Helm acts for it; `None` is the controller itself.
    pub user: Option<String>,
    /// What the planner says of it.
    pub plan: PlanPosition,
    /// What this process remembers of it.
    pub memory: Remembered,
    /// The chart that the spec means.
    pub chart: Option<ChartState>,
    /// Whether its dependencies let it go on.
    pub gate: Option<DependencyCheck>,
    /// The definitions that are marked as kept for it, by name.
    pub marked: BTreeSet<String>,
    /// Those of them that the newest revision does not have; `None` as long as nobody has looked.
    pub kept: Option<BTreeSet<String>>,
    /// The releases that were looked at.
    pub releases: Vec<Release>,
    /// Whether Helm may run on that release now.
    pub slot: Option<SlotState>,
    /// Why the last good revision cannot be made again; the inner `None` if it can.
    pub reapply: Option<Option<String>>,
    /// What was applied and is not ready yet, and why.
    pub readiness: Option<Readiness>,
    /// Health and drift of what runs.
    pub installed: Option<Installed>,
    /// Whether the object that the last operation could not get past is there still.
    pub obstacle: Option<ObstacleState>,
    /// What an uninstall left, in words; the inner `None` if nothing.
    pub leftovers: Option<Option<String>>,
    /// Whether the Component's own namespace is being deleted.
    pub namespace_ends: Option<bool>,
    /// Whether somebody else has said something about its spec.
    pub is_claimed: Option<bool>,
}

/// What the planner says of a Component.
#[derive(Clone, Debug)]
pub struct PlanPosition {
    /// For `status.requiredBy`.
    pub required_by: Vec<String>,
    /// The older Component that has the release, if there is one.
    pub release_owner: Option<NodeKey>,
    /// Whether it may go.
    pub removal: Removal,
    /// The release that it has still although the spec names another.
    pub old: Option<OldRelease>,
    /// True if there is a release of the name that the spec gives, as the watch has told.
    pub has_release: bool,
    /// An implicit Component that nobody requires: since when, and how long that may be.
    pub unneeded: Option<(Duration, Duration)>,
}

/// The release that a Component had before its spec named another.
#[derive(Clone, Debug)]
pub struct OldRelease {
    /// Which.
    pub key: ReleaseKey,
    /// The state of its newest revision, as the watch has told.
    pub newest: Option<ReleaseStatus>,
    /// Another Component that names it now.
    pub claimant: Option<NodeKey>,
}

/// What this process remembers of a Component; losing it loses nothing but a little work.
#[derive(Clone, Debug, Default)]
pub struct Remembered {
    /// How long Helm is not to be run again, because it could not reach something.
    pub pause: Option<Duration>,
    /// How long the Component has waited for a slot.
    pub queued: Option<Duration>,
    /// True if there is an inventory of the release.
    pub has_inventory: bool,
    /// Of which hash and generation a dry run went well, before the release moves.
    pub tried: Option<(SpecHash, i64)>,
    /// How long ago drift and health were looked at, by what this generation asks for.
    pub checked: Option<Duration>,
    /// True if somebody asks for a look now.
    pub is_requested: bool,
    /// What was last said under a reason that is said once.
    pub told: BTreeMap<&'static str, String>,
    /// How long ago it was last written what is waited for.
    pub progress: Option<Duration>,
}

/// Which chart the spec means.
#[derive(Clone, Debug)]
pub enum ChartState {
    /// This one.
    Resolved(ChartFacts),
    /// None for now.
    Awaited {
        /// For ChartResolved.
        reason: Reason,
        /// What to do about it.
        message: String,
    },
    /// None until somebody changes something.
    Refused {
        /// Why.
        reason: Reason,
        /// What to do about it.
        message: String,
    },
}

/// What decisions need to know of a chart.
#[derive(Clone, Debug)]
pub struct ChartFacts {
    /// As `Chart.yaml` has it.
    pub name: String,
    /// As `Chart.yaml` has it.
    pub version: String,
    /// As `Chart.yaml` has it; may be empty.
    pub app_version: String,
    /// SHA-256 of the package.
    pub digest: Sha256Hex,
    /// The hash of all that the Component asks for with this chart: made once, from values of any size.
    pub hash: SpecHash,
    /// True if it has hooks that run at installs only.
    pub has_install_hooks: bool,
    /// True if it has hooks that run after an install, an upgrade or a rollback, which must follow readiness.
    pub has_post_hooks: bool,
    /// Why this one, if the spec means another that is not to be had.
    pub instead: Option<(Reason, String)>,
}

impl ChartFacts {
    /// `web 1.2.3`
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}

/// A release as Helm's Secrets have it.
#[derive(Clone, Debug)]
pub struct Release {
    /// Which.
    pub key: ReleaseKey,
    /// Newest first.
    pub revisions: Vec<Revision>,
    /// What the newest one says.
    pub newest: Newest,
    /// True if its mark names another Component.
    pub is_anothers: bool,
    /// That Component, if it is there and its spec names this release.
    pub rival: Option<Rival>,
    /// True if nobody can be at work on the operation that the status tells of; false if there is none.
    pub holder_is_gone: bool,
    /// True if the API server was asked for it, and not a cache.
    pub is_fresh: bool,
}

/// The newest revision of a release.
#[derive(Clone, Debug)]
pub enum Newest<R = Arc<Record>> {
    /// There is no release.
    None,
    /// Its record. The record's own status counts, not the label's: so Helm judges.
    Readable(R),
    /// Why its record cannot be read.
    Unreadable(String),
}

impl Newest {
    /// The same, with the record borrowed.
    pub fn as_ref(&self) -> Newest<&Record> {
        match self {
            Self::None => Newest::None,
            Self::Readable(record) => Newest::Readable(record),
            Self::Unreadable(why) => Newest::Unreadable(why.clone()),
        }
    }
}

/// What the last good revision was made of.
#[derive(Clone, Debug)]
pub struct GoodRevision {
    /// Its package.
    pub package: PathBuf,
    /// Its values, a JSON object.
    pub values: Vec<u8>,
    /// Its hash, if its record proves one.
    pub hash: Option<SpecHash>,
}

/// Another Component that a release is marked for, and that wants it still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rival {
    /// Which Component.
    pub owner: NodeKey,
    /// True if this process looks after it too: then the older of the two has the release (docs/components.md 1.4).
    pub is_known: bool,
}

/// Whether Helm may run now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotState {
    /// A slot was taken.
    Taken,
    /// All are taken, of so many.
    Busy(usize),
}

/// Whether what was applied is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// All of it.
    Ready,
    /// Not all; the first few objects and why, if that was asked for.
    NotReady(Option<String>),
}

/// The object that an operation could not get past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObstacleState {
    /// It is there.
    Present,
    /// It is gone, or there is another of its name.
    Gone,
    /// It is not there, and was not when it was first looked for; or that cannot be seen.
    Unknown,
}

/// Health and drift of what runs.
#[derive(Clone, Debug, Default)]
pub struct Installed {
    /// The first few objects that are not ready, and why; `None` if all are.
    pub unready: Option<String>,
    /// What differs from what was installed.
    pub drift: Drift,
    /// What of the release's manifest cannot be read, and why: nothing is known of that.
    pub unreadable: Option<String>,
}

/// What differs from what was installed.
#[derive(Clone, Debug, Default)]
pub enum Drift {
    /// Nobody looked.
    #[default]
    NotLooked,
    /// Nothing, as far as can be told.
    None {
        /// What cannot be compared or put right, and why.
        unknown: Option<String>,
    },
    /// Something.
    Found {
        /// What else cannot be compared or put right, and why.
        unknown: Option<String>,
        /// Of which kind: two looks at the same drift have the same digest.
        digest: String,
        /// In words.
        summary: String,
    },
}

impl Release {
    /// True if this is its newest revision, and nobody can read it.
    pub fn is_unreadable(&self, revision: i64) -> bool {
        matches!(self.newest, Newest::Unreadable(_)) && self.number() == revision
    }

    /// The newest revision's number; 0 if there is no release.
    pub fn number(&self) -> i64 {
        self.revisions.first().map_or(0, |revision| revision.number)
    }

    /// The newest revision's record, if it can be read.
    pub fn record(&self) -> Option<&Arc<Record>> {
        match &self.newest {
            Newest::Readable(record) => Some(record),
            Newest::None | Newest::Unreadable(_) => None,
        }
    }
}

impl Observation {
    /// What can be said of a Component without asking anybody; `status` is as decisions take it.
    pub fn of(
        now: Timestamp,
        jitter: f64,
        key: &NodeKey,
        component: &Component,
        taken: &Acknowledged,
        holder: String,
        plan: PlanPosition,
    ) -> Self {
        Self {
            now,
            jitter,
            key: key.clone(),
            component: component.clone(),
            status: taken.status.clone(),
            problem: taken.problem.clone(),
            refusal: None,
            user: None,
            holder,
            plan,
            memory: Remembered::default(),
            chart: None,
            gate: None,
            releases: Vec::new(),
            slot: None,
            reapply: None,
            readiness: None,
            installed: None,
            obstacle: None,
            leftovers: None,
            namespace_ends: None,
            is_claimed: None,
            marked: BTreeSet::new(),
            kept: None,
        }
    }

    /// `metadata.generation`.
    pub fn generation(&self) -> i64 {
        self.component.metadata.generation.unwrap_or_default()
    }

    /// The release that the spec names.
    pub fn target(&self) -> ReleaseKey {
        self.component.release()
    }

    /// True if the Component is to go.
    pub fn is_deleting(&self) -> bool {
        self.component.metadata.deletion_timestamp.is_some()
    }

    /// True if the Component has our finalizer.
    pub fn has_finalizer(&self) -> bool {
        let finalizers = self.component.metadata.finalizers.iter().flatten();
        finalizers.into_iter().any(|known| known == FINALIZER)
    }

    /// What goes when the Component does: the release it had before a move that is not done, and the one that its spec
    /// names. What another Component wants, or has the older claim to, is not among them.
    pub fn leaving(&self) -> Vec<ReleaseKey> {
        let old = (self.plan.old.as_ref()).filter(|old| old.claimant.is_none());
        let own = (self.plan.release_owner.is_none()).then(|| self.target());
        old.map(|old| old.key.clone())
            .into_iter()
            .chain(own)
            .collect()
    }

    /// A release, if it was looked at.
    pub fn release(&self, key: &ReleaseKey) -> Option<&Release> {
        self.releases.iter().find(|seen| seen.key == *key)
    }

    /// Takes in a release that was looked at.
    pub fn saw(&mut self, release: Release) {
        self.releases.retain(|seen| seen.key != release.key);
        self.releases.push(release);
    }

    /// Takes in what the API server has made of the Component.
    pub fn wrote(&mut self, component: Component) {
        self.status = component.status.clone().unwrap_or_default();
        self.component = component;
    }

    /// True if the spec can be acted on, and the release is this Component's: requests are taken in then.
    pub fn is_acted_on(&self) -> bool {
        is_acted_on(
            &self.component,
            self.problem.is_some(),
            self.plan.release_owner.is_some(),
        )
    }

    /// The chart, if there is one.
    pub fn resolved(&self) -> Option<&ChartFacts> {
        match &self.chart {
            Some(ChartState::Resolved(chart)) => Some(chart),
            _ => None,
        }
    }

    /// A value of the annotation forceAt that was not acted on yet.
    pub fn force_request(&self) -> Option<String> {
        let value = annotation_of(&self.component, annotation::FORCE_AT)?;
        (self.status.last_handled_force_at.as_ref() != Some(value)).then(|| value.clone())
    }

    /// How long an operation of this kind may take to become ready.
    pub fn timeout(&self, kind: OperationKind) -> Duration {
        let spec = &self.component.spec;
        let own = match kind {
            OperationKind::Install => &spec.install.timeout,
            OperationKind::Upgrade => &spec.upgrade.timeout,
            OperationKind::Rollback => &spec.rollback.timeout,
            OperationKind::Uninstall => &spec.uninstall.timeout,
            OperationKind::Test => &spec.test.timeout,
        };
        own.as_ref().unwrap_or(&spec.timeout).get()
    }

    /// What the Component asks for, with this chart.
    pub fn wanted(&self, chart: &ChartFacts) -> Wanted {
        let spec = &self.component.spec;
        Wanted {
            hash: chart.hash,
            generation: self.generation(),
            chart_name: chart.name.clone(),
            timeout: spec.timeout.get(),
            take_ownership: spec.take_ownership,
            install_on_failure: spec.install.on_failure,
            has_install_hooks: chart.has_install_hooks && !spec.install.disable_hooks,
            upgrade_retries: spec.upgrade.retries,
            upgrade_on_failure: spec.upgrade.on_failure,
            waits: Waits {
                install: spec.install.wait != Wait::HookOnly,
                upgrade: spec.upgrade.wait != Wait::HookOnly,
                rollback: spec.rollback.wait != Wait::HookOnly,
            },
        }
    }

    /// The hash of all that the Component asks for with this chart.
    pub fn hash(&self, name: &str, version: &str, digest: Sha256Hex) -> SpecHash {
        let spec = &self.component.spec;
        SpecHash::of(&Ingredients {
            release_name: self.component.release_name(),
            release_namespace: self.component.target_namespace(),
            chart_name: name,
            chart_version: version,
            chart_digest: digest,
            values: &spec.values,
            crds: spec.crds,
            install_hooks: !spec.install.disable_hooks,
            upgrade_hooks: !spec.upgrade.disable_hooks,
            service_account: spec.service_account_name.as_deref(),
            force_replace: spec.upgrade.force_replace,
            disable_schema_validation: spec.disable_schema_validation,
            server_side_apply: spec.server_side_apply,
        })
    }

    /// What is tried, for `status.lastAttempted`.
    pub fn attempt(&self, chart: &ChartFacts, hash: SpecHash) -> Attempt {
        let values = crate::component::spec_hash::values_digest(&self.component.spec.values);
        Attempt {
            hash: Some(hash.to_string()),
            chart_version: Some(chart.version.clone()),
            chart_digest: Some(format!("sha256:{}", chart.digest)),
            values_digest: Some(format!("sha256:{values}")),
            generation: Some(self.generation()),
        }
    }

    /// True if the object says just this already.
    pub fn says(&self, about: ConditionType, reason: Reason, message: &str) -> bool {
        let status = self.component.status.as_ref();
        let known = status.and_then(|status| find(&status.conditions, about));
        known.is_some_and(|known| known.reason == reason.as_str() && known.message == message)
    }

    /// The version that holds for a spec that names none: the one that was installed. Until a first install has worked
    /// there is none, and the newest is tried (docs/components.md 11.1).
    pub fn pinned_version(&self) -> Option<&str> {
        let status = &self.status;
        let released = find(&status.conditions, ConditionType::Released);
        // one that was disabled comes back as it was
        let was_installed =
            released.is_some_and(|released| released.reason == Reason::UninstallSucceeded.as_str());
        let is_installed = status.observed_hash.is_some()
            || status
                .history
                .iter()
                .any(|entry| entry.status != ReleaseStatus::Failed.as_str());
        (status.resolved_version.as_deref()).filter(|_| is_installed || was_installed)
    }

    /// How long until then; at least a moment.
    pub fn until(&self, then: Timestamp) -> Duration {
        until(self.now, then)
    }

    /// The first whole second, which is all that a status keeps, that is `duration` after `now` or later.
    pub fn after(&self, duration: Duration) -> Time {
        whole_seconds_after(self.now, duration)
    }
}

/// How long from `now` until `then`; at least a moment.
pub fn until(now: Timestamp, then: Timestamp) -> Duration {
    let milliseconds = then.as_millisecond() - now.as_millisecond();
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0)).max(MOMENT)
}

/// The first whole second that is `duration` after `now` or later.
pub fn whole_seconds_after(now: Timestamp, duration: Duration) -> Time {
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    let exact = now.checked_add(duration).unwrap_or(Timestamp::MAX);
    let seconds = exact.as_second() + i64::from(exact.subsec_nanosecond() > 0);
    Time(Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX))
}

/// The shortest pause between two looks at one Component.
pub const MOMENT: Duration = Duration::from_millis(50);

/// True if the spec of a Component decides what becomes of it.
fn has_a_say(component: &Component) -> bool {
    component.metadata.deletion_timestamp.is_none() && !component.is_left_alone()
}

/// True if a Component can be acted on, and has its release to itself.
fn is_acted_on(component: &Component, has_problem: bool, has_owner: bool) -> bool {
    has_a_say(component) && !has_problem && !(component.spec.enabled && has_owner)
}

fn annotation_of<'a>(component: &'a Component, key: &str) -> Option<&'a String> {
    component.metadata.annotations.as_ref()?.get(key)
}

/// The status of a Component as decisions take it: if the Component cannot be acted on, as it stands, but for requestedAt.
pub fn taken_in(
    component: &Component,
    has_owner: bool,
    definition_came: impl FnOnce() -> bool,
) -> Acknowledged {
    let problem = (has_a_say(component)).then(|| rules::problem(component));
    let problem = problem.flatten();
    let mut taken = Acknowledged {
        status: component.status.clone().unwrap_or_default(),
        problem,
        checks_now: false,
        forgets: false,
    };
    // whatever is in the way, what runs can be looked at
    if let Some(value) = annotation_of(component, annotation::REQUESTED_AT)
        && taken.status.last_handled_reconcile_at.as_ref() != Some(value)
    {
        taken.status.last_handled_reconcile_at = Some(value.clone());
        taken.checks_now = true;
    }
    if is_acted_on(component, taken.problem.is_some(), has_owner) {
        taken.acknowledge(component, definition_came());
    }
    taken
}

/// What [`taken_in`] makes of a Component.
pub struct Acknowledged {
    /// Its status.
    pub status: ComponentStatus,
    /// What is wrong with its spec.
    pub problem: Option<String>,
    /// True if drift and health are to be looked at now.
    pub checks_now: bool,
    /// True if failures were forgotten: no pause holds either.
    pub forgets: bool,
}

impl Acknowledged {
    /// Takes in what asks for something once, and forgets failures that do not count any more (docs/components.md 2.2
    /// and 7.2). `definition_came` is true if a kind came whose lack the last attempt may have failed of.
    fn acknowledge(&mut self, component: &Component, definition_came: bool) {
        let status = &mut self.status;
        self.forgets = definition_came && lacks_definitions(status).is_some();
        if let Some(value) = annotation_of(component, annotation::RESET_AT)
            && status.last_handled_reset_at.as_ref() != Some(value)
        {
            status.last_handled_reset_at = Some(value.clone());
            self.forgets = true;
        }
        // whatever was put right meanwhile, only a try can show it
        self.forgets |= self.checks_now && may_be_put_right(status);
        let tried = status.last_attempted.as_ref();
        self.forgets |=
            tried.is_some_and(|tried| tried.generation != component.metadata.generation);
        if self.forgets {
            retry::forget_failures(status);
        }
    }
}

/// True if the last attempt failed for a reason that a change of the surroundings can put right, not of the chart and the
/// values alone, and nobody can look whether that came.
fn may_be_put_right(status: &ComponentStatus) -> bool {
    let outside = [
        Reason::KubeVersionMismatch,
        Reason::OwnershipConflict,
        Reason::ImmutableField,
        // Helm itself
        Reason::InstallFailed,
        Reason::UpgradeFailed,
    ];
    let ready = find(&status.conditions, ConditionType::Ready);
    let is_outside =
        ready.is_some_and(|ready| outside.iter().any(|reason| reason.as_str() == ready.reason));
    let stalled = find(&status.conditions, ConditionType::Stalled);
    let is_terminal = stalled.is_some_and(|stalled| {
        stalled.status == "True" && stalled.reason != Reason::RetriesExceeded.as_str()
    });
    let told = find(&status.conditions, ConditionType::Released);
    let names_object = told.is_some_and(|told| obstacle(&told.message).is_some());
    is_terminal && is_outside && status.next_retry_time.is_some() && !names_object
}

/// What the last attempt says of the kinds that the cluster does not know, if it failed of that.
pub fn lacks_definitions(status: &ComponentStatus) -> Option<&str> {
    let released = find(&status.conditions, ConditionType::Released)?;
    // what was rolled back is told with why it was
    let is_rolled_back = released.reason == Reason::RollbackSucceeded.as_str()
        && released.message.contains(UNKNOWN_KINDS);
    let lacks = released.reason == Reason::MissingCRDs.as_str() || is_rolled_back;
    lacks.then_some(released.message.as_str())
}
