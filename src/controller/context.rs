//! What every pass has at hand.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::chart::version::Version;
use crate::component::Component;
use crate::component::spec_hash::SpecHash;
use crate::config::ControllerConfig;
use crate::controller::charts::Charts;
use crate::controller::decide;
use crate::controller::drift::{Compared, Corrections};
use crate::controller::events::Events;
use crate::controller::lease::Elector;
use crate::controller::metrics::ControllerMetrics;
use crate::controller::objects::Objects;
use crate::controller::queue::Waker;
use crate::controller::retry;
use crate::controller::slots::{ReleaseKey, Slots};
use crate::controller::world::{World, release_of};
use crate::node_key::NodeKey;
use crate::release::helm::{FailureClass, Helm};
use crate::release::manifest::ObjectKey;
use crate::release::owner;
use crate::release::record::{
    Record, RecordError, ReleaseStatus, Revision, newest_first, secret_name, selector,
};

/// The controller's means, shared by all passes.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// What the API server has told.
    pub world: Arc<World>,
    /// The chart repository.
    pub charts: Charts,
    /// The helm binary.
    pub helm: Helm,
    /// Objects of any kind.
    pub objects: Objects,
    /// Who may run Helm.
    pub slots: Slots,
    /// Asks for passes.
    pub waker: Waker,
    /// Events about Components.
    pub events: Arc<Events>,
    /// The metrics.
    pub metrics: Arc<ControllerMetrics>,
    /// What was configured.
    pub config: ControllerConfig,
    /// This process, among all that ever were.
    pub identity: String,
    /// The API server's version.
    pub server_version: Version,
    /// The candidate that has the Lease; `None` if nobody is elected.
    pub elector: Option<Arc<Elector>>,
    /// Ends Helm's children: the program stops, or another replica works now.
    pub stop: CancellationToken,
    /// What is remembered of each Component between passes; losing it loses nothing but a little work.
    pub memory: Mutex<HashMap<NodeKey, Memory>>,
}

/// What is remembered of a Component between passes.
#[derive(Default)]
pub struct Memory {
    /// Passes in a row that ended because something could not be reached.
    pub transient: i64,
    /// Of which generation Helm could not do its work for such a reason, and until when it is not run again.
    pub pause: Option<(i64, Instant)>,
    /// When drift and health were last looked at.
    pub checked: Option<Instant>,
    /// The newest revision's record without its manifest, and which Secret it was read from, in which version.
    pub record: Option<(String, String, Arc<Record>)>,
    /// That manifest, deflated, if it is small then.
    pub manifest: Option<Vec<u8>>,
    /// The digest of the drift that was last reported.
    pub drift: Option<String>,
    /// When it was last written what is waited for.
    pub told_news: Option<Instant>,
    /// Since when it has waited for a slot.
    pub queued: Option<Instant>,
    /// Versions of objects that were found to be as installed.
    pub compared: Option<Compared>,
    /// Of which revision and generation, and since when.
    pub compared_since: Option<((i64, i64), Instant)>,
    /// When which object was put right.
    pub corrections: Corrections,
    /// Whether a definition came whose lack the last attempt may have failed of.
    pub definition_came: bool,
    /// How long leftovers of an uninstall have been waited for.
    pub leftovers: u32,
    /// What the release consists of, since it was last changed: objects, and whether they are to stay.
    pub inventory: Option<Vec<(ObjectKey, bool)>>,
    /// Of which release's hash and generation a dry run went well, before the release moves.
    pub tried: Option<(SpecHash, i64)>,
    /// Whether it was told that a disabled release was made again by somebody else.
    pub told_recreated: bool,
    /// Since when nobody has required this implicit Component.
    pub unneeded: Option<Instant>,
    /// Whether a timer for the end of its grace runs.
    pub grace_timer: bool,
}

/// A pass could not go on for a reason that is nobody's fault here and will pass.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// The API server refused or could not be reached.
    #[error("the API server did not do what was asked")]
    Kube(#[from] kube::Error),
    /// Somebody else changed the object at the same time.
    #[error("the Component changed while it was looked at")]
    Conflict,
    /// Another replica may work by now.
    #[error("the lease was not renewed in time: another replica may work now")]
    NotLeading,
    /// Reading in the background failed.
    #[error("a task died")]
    Task(#[from] tokio::task::JoinError),
}

/// The newest revision of a release.
#[derive(Clone, Debug)]
pub enum Newest {
    /// There is no release.
    None,
    /// It can be read.
    Readable(Arc<Record>),
    /// It cannot.
    Unreadable(String),
}

impl Newest {
    /// As decisions take it.
    pub fn for_decision(&self) -> decide::Newest<'_> {
        match self {
            Self::None => decide::Newest::None,
            Self::Readable(record) => decide::Newest::Readable(record),
            Self::Unreadable(why) => decide::Newest::Unreadable(why.clone()),
        }
    }
}

/// A release as Helm's Secrets have it.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Newest first.
    pub revisions: Vec<Revision>,
    /// What the newest one says.
    pub newest: Newest,
    /// True if its mark names another Component.
    pub is_anothers: bool,
    /// That Component, if it is there and its spec names this release.
    pub rival: Option<Rival>,
}

/// Another Component that a release is marked for, and that wants it still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rival {
    /// Which Component.
    pub owner: NodeKey,
    /// True if this process looks after it too: then the older of the two has the release (docs/components.md 1.4).
    pub is_known: bool,
}

impl Observed {
    /// The newest revision's number; 0 if there is no release.
    pub fn number(&self) -> i64 {
        self.revisions.first().map_or(0, |revision| revision.number)
    }

    /// The newest revision's record, if it can be read.
    pub fn record(&self) -> Option<&Arc<Record>> {
        match &self.newest {
            Newest::Readable(record) => Some(record),
            _ => None,
        }
    }
}

/// True if the API server says that somebody else was faster.
pub fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

/// True if the API server says that there is no such object.
pub fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

impl Context {
    /// Components of a namespace.
    pub fn components(&self, namespace: &str) -> Api<Component> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// True while nobody else can be at work: asked right before anything that must not be done twice.
    pub fn is_leading(&self) -> bool {
        let elector = self.elector.as_ref();
        elector.is_none_or(|elector| elector.is_leading())
    }

    /// Now, on the wall.
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Looks at or changes what is remembered of a Component.
    pub fn remember<T>(&self, key: &NodeKey, look: impl FnOnce(&mut Memory) -> T) -> T {
        let mut all = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        look(all.entry(key.clone()).or_default())
    }

    /// Counts that something could not be reached, and says how long to wait for it; the pauses grow.
    pub fn another_transient(&self, key: &NodeKey) -> Duration {
        let failures = self.remember(key, |memory| {
            memory.transient += 1;
            memory.transient - 1
        });
        retry::delay(FailureClass::Transient, failures, jitter())
    }

    /// Forgets a Component.
    pub fn forget(&self, key: &NodeKey) {
        let mut all = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(key);
    }

    /// The release as the watch has told so far: enough to see that nothing is to do.
    pub async fn observe(
        &self,
        key: &NodeKey,
        release: &ReleaseKey,
    ) -> Result<Observed, PassError> {
        let revisions = self.world.revisions(release);
        self.with_newest(key, release, revisions).await
    }

    /// The release as the API server has it now: what anything is done upon.
    pub async fn observe_afresh(
        &self,
        key: &NodeKey,
        release: &ReleaseKey,
    ) -> Result<Observed, PassError> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &release.0);
        let listed = match selector(&release.1) {
            Some(labels) => {
                let which = ListParams::default().labels(&labels);
                secrets.list_metadata(&which).await?.items
            }
            // Helm has no release of such a name, so there is none to wait for or to take down
            None => Vec::new(),
        };
        let revisions = listed
            .iter()
            .filter_map(|secret| Revision::of(&secret.metadata));
        let revisions = newest_first(revisions.collect());
        self.world.set_revisions(release, &revisions);
        self.with_newest(key, release, revisions).await
    }

    /// The release after an operation that should have made its next revision, if that is there and deployed, with the
    /// whole record; `None` if it is not so plain, and has to be looked at in full.
    pub async fn observe_made(
        &self,
        key: &NodeKey,
        release: &ReleaseKey,
        before: &Observed,
        operation: &str,
    ) -> Result<Option<(Observed, Record)>, PassError> {
        let number = before.number().saturating_add(1);
        let Some(secret) = self.secret(release, number).await? else {
            return Ok(None);
        };
        let made = Revision::of(&secret.metadata).filter(|made| {
            made.status == ReleaseStatus::Deployed && made.operation.as_deref() == Some(operation)
        });
        let (Some(made), Ok(record)) = (made, decode(secret).await?) else {
            return Ok(None);
        };
        self.world.apply_revision(release, made.clone());
        let mut revisions = before.revisions.clone();
        revisions.insert(0, made.clone());
        let newest = Newest::Readable(self.keep(key, &made, record.clone()));
        let made = Observed {
            revisions,
            newest,
            is_anothers: false,
            rival: None,
        };
        Ok(Some((made, record)))
    }

    async fn with_newest(
        &self,
        key: &NodeKey,
        release: &ReleaseKey,
        revisions: Vec<Revision>,
    ) -> Result<Observed, PassError> {
        let newest = match revisions.first() {
            None => Newest::None,
            Some(revision) => self.newest(key, release, revision).await?,
        };
        let owner = revisions.first().and_then(|newest| newest.owner.as_deref());
        let other = owner.and_then(owner::marked).filter(|owner| owner != key);
        let is_anothers = other.is_some();
        let rival = match other {
            None => None,
            Some(other) => self.rival(release, other).await?,
        };
        Ok(Observed {
            revisions,
            newest,
            is_anothers,
            rival,
        })
    }

    /// The Component that a release is marked for, if it is there and wants the release still.
    async fn rival(
        &self,
        release: &ReleaseKey,
        owner: NodeKey,
    ) -> Result<Option<Rival>, PassError> {
        let unknown = |owner| {
            Some(Rival {
                owner,
                is_known: false,
            })
        };
        if let Some(seen) = self.world.component(&owner) {
            let Some(component) = seen.usable() else {
                // it wants something, whatever that is
                return Ok(unknown(owner));
            };
            let wants = release_of(component) == *release;
            return Ok(wants.then_some(Rival {
                owner,
                is_known: true,
            }));
        }
        match self.components(&owner.namespace).get_opt(&owner.name).await {
            Ok(found) => {
                let wants = found.is_some_and(|found| release_of(&found) == *release);
                Ok(unknown(owner).filter(|_| wants))
            }
            Err(kube::Error::SerdeError(_)) => Ok(unknown(owner)),
            // whether it is there cannot be seen
            Err(kube::Error::Api(status)) if status.code == 403 => Ok(unknown(owner)),
            Err(cause) => Err(cause.into()),
        }
    }

    async fn newest(
        &self,
        key: &NodeKey,
        release: &ReleaseKey,
        revision: &Revision,
    ) -> Result<Newest, PassError> {
        let known = self.remember(key, |memory| match &memory.record {
            Some((secret, version, record))
                if *secret == revision.secret && *version == revision.resource_version =>
            {
                Some(Arc::clone(record))
            }
            _ => None,
        });
        if let Some(record) = known {
            return Ok(Newest::Readable(record));
        }
        match self.record(release, revision.number).await? {
            None => Ok(Newest::Unreadable(format!(
                "revision {} vanished while it was read",
                revision.number
            ))),
            Some(Err(cause)) => Ok(Newest::Unreadable(cause.to_string())),
            Some(Ok(record)) => Ok(Newest::Readable(self.keep(key, revision, record))),
        }
    }

    /// The manifest of the revision that was observed last: from memory, or from its Secret; `None` if that is gone or
    /// cannot be read.
    pub async fn manifest(
        &self,
        key: &NodeKey,
        release: &ReleaseKey,
        number: i64,
    ) -> Result<Option<String>, PassError> {
        let packed = self.remember(key, |memory| {
            let (_, _, record) = memory.record.as_ref()?;
            let is_it = record.revision == number && record.name == release.1;
            memory.manifest.clone().filter(|_| is_it)
        });
        if let Some(manifest) = packed.as_deref().and_then(inflated) {
            return Ok(Some(manifest));
        }
        let record = self.record(release, number).await?;
        Ok(record.and_then(Result::ok).map(|record| record.manifest))
    }

    /// Remembers what a steady state needs of a record, which is small.
    fn keep(&self, key: &NodeKey, revision: &Revision, mut record: Record) -> Arc<Record> {
        let packed = deflated(&record.manifest).filter(|packed| packed.len() <= SMALL_MANIFEST);
        self.remember(key, |memory| memory.manifest = packed);
        record.manifest = String::new();
        record.notes = String::new();
        record.config = serde_json::Map::new();
        (record.hooks.iter_mut()).for_each(|hook| hook.manifest = String::new());
        let record = Arc::new(record);
        let entry = (
            revision.secret.clone(),
            revision.resource_version.clone(),
            Arc::clone(&record),
        );
        self.remember(key, |memory| memory.record = Some(entry));
        record
    }

    /// One revision's whole record, read from its Secret; `None` if there is no such revision.
    pub async fn record(
        &self,
        release: &ReleaseKey,
        number: i64,
    ) -> Result<Option<Result<Record, RecordError>>, PassError> {
        let Some(secret) = self.secret(release, number).await? else {
            return Ok(None);
        };
        Ok(Some(decode(secret).await?))
    }

    /// The Secret of one revision.
    pub async fn secret(
        &self,
        release: &ReleaseKey,
        number: i64,
    ) -> Result<Option<Secret>, PassError> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &release.0);
        Ok(secrets.get_opt(&secret_name(&release.1, number)).await?)
    }

    /// Writes the status of `component`, whose version must still be the one in the API server.
    ///
    /// # Errors
    /// [`PassError::Conflict`] if it is not.
    pub async fn write_status(&self, component: &Component) -> Result<Component, PassError> {
        let api = self.components(component.metadata.namespace.as_deref().unwrap_or_default());
        let written = api
            .replace_status(component.name(), &PostParams::default(), component)
            .await;
        match written {
            Ok(written) => Ok(written),
            Err(cause) if is_conflict(&cause) || is_not_found(&cause) => Err(PassError::Conflict),
            Err(cause) => Err(cause.into()),
        }
    }
}

/// The largest manifest that is kept in memory, in deflated bytes: a release's Secret has the chart besides, which is
/// much to read for nothing in each interval.
const SMALL_MANIFEST: usize = 4 << 10;

fn deflated(text: &str) -> Option<Vec<u8>> {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text.as_bytes()).ok()?;
    let mut packed = packed.finish().ok()?;
    packed.shrink_to_fit();
    Some(packed)
}

fn inflated(packed: &[u8]) -> Option<String> {
    let mut text = String::new();
    DeflateDecoder::new(packed).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Inflating and parsing may take a while.
async fn decode(secret: Secret) -> Result<Result<Record, RecordError>, PassError> {
    let data = payload(secret);
    Ok(tokio::task::spawn_blocking(move || Record::decode(&data)).await?)
}

/// The bytes of a release Secret.
pub fn payload(mut secret: Secret) -> Vec<u8> {
    let data = secret.data.as_mut().and_then(|data| data.remove("release"));
    data.map(|bytes| bytes.0).unwrap_or_default()
}

/// `delay` give or take a tenth, so that many do not come at once.
pub fn jittered(delay: Duration) -> Duration {
    delay.mul_f64(1.0 + 0.1 * jitter())
}

/// A number between -1 and 1.
pub fn jitter() -> f64 {
    let random = uuid::Uuid::new_v4().as_u128() as u32;
    f64::from(random) / f64::from(u32::MAX) * 2.0 - 1.0
}
