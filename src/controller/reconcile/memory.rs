//! What a process remembers of each Component between reconciles. Losing it loses nothing but a little work.

mod obstacle;
mod update;

use std::collections::{BTreeMap, HashMap};
use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use tokio::time::Instant;

pub use self::obstacle::Obstructed;
use crate::component::spec_hash::SpecHash;
use crate::controller::drift::{Compared, Corrections};
use crate::node_key::NodeKey;
use crate::release::manifest::{Object, ObjectKey};
use crate::release::record::{Record, Revision};

/// An object of a release, and whether it is to stay.
pub type Kept = (ObjectKey, bool);

/// The largest manifest that is kept in memory, in deflated bytes: a release's Secret has the chart besides, which is
/// much to read for nothing in each interval.
const SMALL_MANIFEST: usize = 4 << 10;
/// How long an object that nobody wrote counts as compared.
const COMPARED: Duration = Duration::from_secs(60 * 60);

/// The memory of all Components.
#[derive(Default)]
pub struct Memory(Mutex<HashMap<NodeKey, OfComponent>>);

/// What is remembered of one Component, each part for its one user.
#[derive(Default)]
pub struct OfComponent {
    /// When something that could not be reached is tried again.
    pub retry: RetryState,
    /// The release's newest record.
    pub release: ReleaseCache,
    /// Drift and health.
    pub drift: DriftState,
    /// What is waited for.
    pub waiting: Waiting,
    /// What was said that is said only once, by its reason.
    pub told: BTreeMap<&'static str, String>,
    /// Of which hash and generation a dry run went well, before the release moves.
    pub tried: Option<(SpecHash, i64)>,
    /// Since when nobody has required this implicit Component.
    pub unneeded: Option<Instant>,
    /// The object that the last operation could not get past.
    pub obstacle: Obstructed,
    /// Whether a CRD came whose lack the last attempt may have failed of.
    pub definition_came: bool,
}

/// When something that could not be reached is tried again.
#[derive(Default)]
pub struct RetryState {
    /// Reconciles in a row that ended because something could not be reached.
    pub transient: i64,
    /// Of which generation Helm could not do its work for such a reason, and until when it is not run again.
    pub pause: Option<(i64, Instant)>,
}

/// What is known of a release without reading it again.
#[derive(Default)]
pub struct ReleaseCache {
    /// The newest revision's record without its manifest, and which Secret it was read from, in which version.
    record: Option<(String, String, Arc<Record>)>,
    /// That manifest, deflated, if it is small then.
    manifest: Option<Vec<u8>>,
    /// What the release consists of, since it was last changed.
    pub inventory: Option<Vec<Kept>>,
    /// The revision that this is the inventory of; `None` if it is of several, or not known.
    pub inventory_of: Option<i64>,
}

/// How drift and health were when they were last looked at.
#[derive(Default)]
pub struct DriftState {
    /// When that was, and by what generation asked for.
    pub checked: Option<(i64, Instant)>,
    /// When which object was put right.
    pub corrections: Corrections,
    compared: Option<Compared>,
    /// Of which revision and generation, and since when.
    compared_since: Option<((i64, i64), Instant)>,
}

/// What is waited for.
#[derive(Default)]
pub struct Waiting {
    /// When it was last written what is waited for.
    pub told_news: Option<Instant>,
    /// When it was last written what a running operation waits for.
    pub told_progress: Option<Instant>,
    /// Since when a slot is waited for.
    pub queued: Option<Instant>,
    /// How often somebody else was waited for, who has to delete something first.
    pub patience: u32,
    /// The object of the applied manifest that was not ready when it was last looked at, by its place.
    pub unready: usize,
    /// What was applied, by its revision, until it is ready: a release's record is much to read for each look.
    pub applied: Option<(i64, Arc<Vec<Object>>)>,
}

impl Memory {
    /// Looks at or changes what is remembered of a Component.
    pub fn of<T>(&self, key: &NodeKey, look: impl FnOnce(&mut OfComponent) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        look(all.entry(key.clone()).or_default())
    }

    /// Forgets a Component.
    pub fn forget(&self, key: &NodeKey) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(key);
    }
}

impl ReleaseCache {
    /// The record of this revision, without its manifest, if it is the one that was read.
    pub fn record(&self, revision: &Revision) -> Option<Arc<Record>> {
        let (secret, version, record) = self.record.as_ref()?;
        let is_it = *secret == revision.secret && *version == revision.resource_version;
        is_it.then(|| Arc::clone(record))
    }

    /// The manifest of this revision of this release, if it is kept.
    pub fn manifest(&self, release: &str, number: i64) -> Option<String> {
        let (_, _, record) = self.record.as_ref()?;
        let is_it = record.revision == number && record.name == release;
        inflated(self.manifest.as_deref().filter(|_| is_it)?)
    }

    /// Remembers what a steady state needs of a record, which is small.
    pub fn keep(&mut self, revision: &Revision, mut record: Record) -> Arc<Record> {
        self.manifest = deflated(&record.manifest).filter(|packed| packed.len() <= SMALL_MANIFEST);
        record.manifest = String::new();
        record.notes = String::new();
        record.config = serde_json::Map::new();
        (record.hooks.iter_mut()).for_each(|hook| hook.manifest = String::new());
        let record = Arc::new(record);
        let (secret, version) = (revision.secret.clone(), revision.resource_version.clone());
        self.record = Some((secret, version, Arc::clone(&record)));
        record
    }
}

impl DriftState {
    /// When drift and health were looked at by what this generation asks for.
    pub fn checked_by(&self, generation: i64) -> Option<Instant> {
        let checked = self.checked.filter(|(by, _)| *by == generation);
        checked.map(|(_, at)| at)
    }

    /// What was compared of this revision in the last hour, by the rules of this generation: then everything is compared
    /// anew, should the API server have come to see the same objects in another way.
    pub fn take_compared(&mut self, of: (i64, i64)) -> Compared {
        let since = self.compared_since;
        let holds = since.is_some_and(|(known, at)| known == of && at.elapsed() < COMPARED);
        let compared = self.compared.take().filter(|_| holds);
        if compared.is_none() {
            self.compared_since = Some((of, Instant::now()));
        }
        compared.unwrap_or_default()
    }

    /// Keeps what was compared until the next look.
    pub fn keep_compared(&mut self, compared: Compared) {
        self.compared = Some(compared.kept());
    }
}

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
