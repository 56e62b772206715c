//! The repository index: listings in, rendered bytes out.
//!
//! A plain, synchronous value: no clock, no storage. Its owner decides when to publish the rendering.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use sha2::{Digest as _, Sha256};

use crate::config::IndexFormat;
use crate::repository::entry::Entry;
use crate::repository::page::{Lead, Page};
use crate::repository::published::PublishedIndex;

/// The target size of a page in bytes. Larger pages cost more on each write, smaller ones more on each read.
const PAGE_TARGET: usize = 256 * 1024;
/// A larger page is split.
const PAGE_MAX: usize = 2 * PAGE_TARGET;
/// For more changes than this, rendering everything is cheaper.
const RENDER_ALL_FROM: usize = 64;

/// The parts of the rendered index besides its entries.
#[derive(Clone, Debug)]
pub struct IndexStyle {
    /// JSON or YAML.
    pub format: IndexFormat,
    /// The context path for `serverInfo`, such as `/x`; empty if there is none.
    pub context_path: String,
}

/// One change of the index.
#[derive(Debug)]
pub enum Change {
    /// A package is stored: it replaces the entry of its file name.
    Insert(Arc<Entry>),
    /// The object with this file name is gone.
    Remove(Box<str>),
}

/// The versions of one chart.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// What is listed, newest first; no two have the same version text.
    versions: Vec<Arc<Entry>>,
    /// Packages with the name and version of a listed one (docs/chartmuseum.md 7.3: one entry wins).
    unlisted: Vec<Arc<Entry>>,
}

/// All packages of one tenant.
#[derive(Debug)]
pub struct RepositoryIndex {
    style: IndexStyle,
    charts: BTreeMap<Box<str>, Arc<Chart>>,
    files: HashMap<Box<str>, Arc<Entry>>,
    pages: Vec<Arc<Page>>,
    listed: usize,
    /// Sum of the hashes of all listed entries: the same for the same entries, in whatever order they came.
    identity: u128,
}

impl Chart {
    /// The listed versions, newest first.
    pub fn versions(&self) -> &[Arc<Entry>] {
        &self.versions
    }

    fn is_empty(&self) -> bool {
        self.versions.is_empty() && self.unlisted.is_empty()
    }

    /// Where the listed entry with the same version text is, among those of equal precedence.
    fn position_of_version(&self, entry: &Entry) -> Option<usize> {
        let from = self
            .versions
            .partition_point(|other| other.version > entry.version);
        (self.versions[from..].iter())
            .take_while(|other| other.version == entry.version)
            .position(|other| other.version_text == entry.version_text)
            .map(|at| from + at)
    }
}

impl RepositoryIndex {
    /// An index without entries.
    pub fn new(style: IndexStyle) -> Self {
        Self {
            style,
            charts: BTreeMap::new(),
            files: HashMap::new(),
            pages: Vec::new(),
            listed: 0,
            identity: 0,
        }
    }

    /// Applies changes in order and renders what they touched.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = Change>) {
        let mut touched = Vec::new();
        for change in changes {
            match change {
                Change::Insert(entry) => {
                    touched.extend(self.remove_file(&entry.file_name));
                    touched.extend(self.insert_entry(entry));
                }
                Change::Remove(file_name) => touched.extend(self.remove_file(&file_name)),
            }
        }
        if touched.len() >= RENDER_ALL_FROM || self.pages.is_empty() {
            self.render_all();
        } else {
            for entry in &touched {
                self.render_around(entry);
            }
        }
    }

    /// The chart of that name.
    pub fn chart(&self, name: &str) -> Option<&Arc<Chart>> {
        self.charts
            .get(name)
            .filter(|chart| !chart.versions.is_empty())
    }

    /// All charts, by name.
    pub fn charts(&self) -> impl Iterator<Item = (&str, &Arc<Chart>)> {
        self.charts.iter().map(|(name, chart)| (&**name, chart))
    }

    /// The package stored under `file_name`, listed or not.
    pub fn file(&self, file_name: &str) -> Option<&Arc<Entry>> {
        self.files.get(file_name)
    }

    /// All packages, listed or not, in no order.
    pub fn files(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.files.values()
    }

    /// Packages that are not listed, each with the one that is listed for the same name and version.
    pub fn unlisted(&self) -> impl Iterator<Item = (&Arc<Entry>, &Arc<Entry>)> {
        self.charts.values().flat_map(|chart| {
            chart.unlisted.iter().filter_map(|entry| {
                let at = chart.position_of_version(entry)?;
                Some((entry, &chart.versions[at]))
            })
        })
    }

    /// All packages of one name and version, the listed one first.
    pub fn packages_of(&self, name: &str, version: &str) -> Vec<Arc<Entry>> {
        let Some(chart) = self.charts.get(name) else {
            return Vec::new();
        };
        (chart.versions.iter().chain(&chart.unlisted))
            .filter(|entry| *entry.version_text == *version)
            .cloned()
            .collect()
    }

    /// Number of charts with at least one version.
    pub fn chart_count(&self) -> usize {
        self.charts.len()
    }

    /// Number of listed versions.
    pub fn version_count(&self) -> usize {
        self.listed
    }

    /// The newest `created` of all entries: the time of the index, if nothing was removed.
    pub fn newest(&self) -> Option<DateTime<Utc>> {
        self.files.values().map(|entry| entry.stamp.modified).max()
    }

    /// The whole index as of now, sharing its pages.
    pub fn publish(&self, generated: DateTime<Utc>) -> PublishedIndex {
        let (head, tail) = self.frame(generated);
        let frame_hash = Sha256::new()
            .chain_update(&head)
            .chain_update([0])
            .chain_update(&tail)
            .finalize();
        let mut frame = [0u8; 16];
        frame.copy_from_slice(&frame_hash[..16]);
        let identity = self.identity.wrapping_add(u128::from_le_bytes(frame));
        PublishedIndex::new(head, self.pages.clone(), tail, identity, generated)
    }

    /// The frame before and after the pages (docs/chartmuseum.md 7.1).
    fn frame(&self, generated: DateTime<Utc>) -> (Bytes, Bytes) {
        let generated = generated.to_rfc3339_opts(SecondsFormat::Secs, true);
        let context_path = serde_json::Value::String(self.style.context_path.clone());
        let no_context = self.style.context_path.is_empty();
        let empty = self.pages.is_empty();
        let (head, tail) = match self.style.format {
            IndexFormat::Json => {
                let server_info = if no_context {
                    "{}".into()
                } else {
                    format!(r#"{{"contextPath":{context_path}}}"#)
                };
                (
                    format!(r#"{{"apiVersion":"v1","generated":"{generated}","entries":{{"#)
                        + if empty { "" } else { "\n" },
                    if empty { String::new() } else { "\n]\n".into() }
                        + &format!("}},\"serverInfo\":{server_info}}}\n"),
                )
            }
            IndexFormat::Yaml => {
                let server_info = if no_context {
                    " {}".into()
                } else {
                    format!("\n  contextPath: {context_path}")
                };
                (
                    format!(
                        "apiVersion: v1\nentries:{}\n",
                        if empty { " {}" } else { "" }
                    ),
                    format!("generated: \"{generated}\"\nserverInfo:{server_info}\n"),
                )
            }
        };
        (head.into(), tail.into())
    }

    /// Returns what changed in the list.
    fn insert_entry(&mut self, entry: Arc<Entry>) -> Vec<Arc<Entry>> {
        self.files
            .insert(entry.file_name.clone(), Arc::clone(&entry));
        if !self.charts.contains_key(&entry.name) {
            self.charts.insert(entry.name.clone(), Arc::default());
        }
        let chart = self.charts.get_mut(&entry.name).expect("it is there now");
        let chart = Arc::make_mut(chart);
        let displaced = match chart.position_of_version(&entry) {
            Some(at) if chart.versions[at].cmp_claim(&entry) == Ordering::Less => {
                chart.unlisted.push(entry);
                return Vec::new();
            }
            Some(at) => Some(chart.versions.remove(at)),
            None => None,
        };
        let at = chart
            .versions
            .partition_point(|other| other.cmp_position(&entry) == Ordering::Less);
        chart.versions.insert(at, Arc::clone(&entry));
        self.identity = self.identity.wrapping_add(entry.hash());
        match displaced {
            Some(displaced) => {
                self.identity = self.identity.wrapping_sub(displaced.hash());
                chart.unlisted.push(Arc::clone(&displaced));
                vec![displaced, entry]
            }
            None => {
                self.listed += 1;
                vec![entry]
            }
        }
    }

    /// Returns what changed in the list.
    fn remove_file(&mut self, file_name: &str) -> Vec<Arc<Entry>> {
        let Some(entry) = self.files.remove(file_name) else {
            return Vec::new();
        };
        let chart = self
            .charts
            .get_mut(&entry.name)
            .expect("every file is in its chart");
        let chart_mut = Arc::make_mut(chart);
        if let Some(at) = chart_mut
            .unlisted
            .iter()
            .position(|other| other.file_name == entry.file_name)
        {
            chart_mut.unlisted.swap_remove(at);
            return Vec::new();
        }
        if let Some(at) = chart_mut.position_of_version(&entry) {
            chart_mut.versions.remove(at);
        }
        self.identity = self.identity.wrapping_sub(entry.hash());
        self.listed -= 1;
        let heir = (chart_mut.unlisted.iter())
            .filter(|other| other.version_text == entry.version_text)
            .min_by(|a, b| a.cmp_claim(b))
            .cloned();
        let mut changed = vec![Arc::clone(&entry)];
        if let Some(heir) = heir {
            chart_mut
                .unlisted
                .retain(|other| other.file_name != heir.file_name);
            changed.extend(self.insert_entry(heir));
        } else if chart_mut.is_empty() {
            self.charts.remove(&entry.name);
        }
        changed
    }

    fn render_all(&mut self) {
        let entries: Vec<Arc<Entry>> = self
            .charts
            .values()
            .flat_map(|chart| chart.versions.iter().cloned())
            .collect();
        self.pages = self.divide(&entries, Lead::First);
    }

    /// Renders the page that `entry` is in, or was in before it was removed.
    fn render_around(&mut self, entry: &Entry) {
        let after = self
            .pages
            .partition_point(|page| page.start.cmp_position(entry) != Ordering::Greater);
        // what sorts before the first page belongs to it: it has no lower bound
        let at = after.saturating_sub(1);
        if at < self.pages.len() {
            self.render_page(at);
            self.join_if_small(at);
        } else {
            self.render_all();
        }
    }

    fn render_page(&mut self, at: usize) {
        let start = (at > 0).then(|| Arc::clone(&self.pages[at].start));
        let end = self.pages.get(at + 1).map(|page| Arc::clone(&page.start));
        let (entries, lead) = self.entries_between(start.as_deref(), end.as_deref());
        let rendered = if entries.is_empty() {
            Vec::new()
        } else {
            self.divide(&entries, lead)
        };
        let next = at + rendered.len();
        self.pages.splice(at..=at, rendered);
        self.correct_lead(next);
    }

    /// How the first entry of a page is written depends on the entry before it, which may have changed.
    fn correct_lead(&mut self, at: usize) {
        while let Some(page) = self.pages.get(at) {
            let start = Arc::clone(&page.start);
            let end = self.pages.get(at + 1).map(|page| Arc::clone(&page.start));
            let (entries, lead) = self.entries_between((at > 0).then_some(&*start), end.as_deref());
            if entries.is_empty() {
                self.pages.remove(at);
                continue;
            }
            if self.pages[at].lead != lead {
                self.pages[at] = Arc::new(Page::render(&entries, lead, self.style.format));
            }
            return;
        }
    }

    /// Merges small pages, which many removals would leave behind.
    fn join_if_small(&mut self, at: usize) {
        let Some([a, b]) = self.pages.get(at..at + 2) else {
            return;
        };
        if a.bytes().len() + b.bytes().len() < PAGE_TARGET {
            self.pages.remove(at + 1);
            self.render_page(at);
        }
    }

    /// The listed entries that sort at or after `start` and before `end`, and what stands before the first of them.
    fn entries_between(
        &self,
        start: Option<&Entry>,
        end: Option<&Entry>,
    ) -> (Vec<Arc<Entry>>, Lead) {
        let from = start.map_or(Bound::Unbounded, |start| Bound::Included(&*start.name));
        let mut entries = Vec::new();
        let mut lead = Lead::First;
        for (_, chart) in self.charts.range::<str, _>((from, Bound::Unbounded)) {
            let skip = start.map_or(0, |start| {
                chart
                    .versions
                    .partition_point(|entry| entry.cmp_position(start) == Ordering::Less)
            });
            for (i, entry) in chart.versions.iter().enumerate().skip(skip) {
                if end.is_some_and(|end| entry.cmp_position(end) != Ordering::Less) {
                    return (entries, lead);
                }
                if entries.is_empty() {
                    lead = if i > 0 {
                        Lead::SameChart
                    } else if self.is_first_chart(&entry.name) {
                        Lead::First
                    } else {
                        Lead::NewChart
                    };
                }
                entries.push(Arc::clone(entry));
            }
        }
        (entries, lead)
    }

    fn is_first_chart(&self, name: &str) -> bool {
        self.charts
            .first_key_value()
            .is_some_and(|(first, _)| **first == *name)
    }

    /// Renders a run of entries as one page, or as several of about the target size.
    fn divide(&self, entries: &[Arc<Entry>], lead: Lead) -> Vec<Arc<Page>> {
        let total: usize = entries.iter().map(|entry| entry.line().len()).sum();
        let target = if total <= PAGE_MAX {
            usize::MAX
        } else {
            PAGE_TARGET
        };
        let mut pages = Vec::new();
        let (mut from, mut size, mut lead) = (0, 0, lead);
        for (i, entry) in entries.iter().enumerate() {
            size += entry.line().len();
            let last = i + 1 == entries.len();
            if size >= target || last {
                pages.push(Arc::new(Page::render(
                    &entries[from..=i],
                    lead,
                    self.style.format,
                )));
                if let Some(next) = entries.get(i + 1) {
                    lead = if next.name == entry.name {
                        Lead::SameChart
                    } else {
                        Lead::NewChart
                    };
                }
                (from, size) = (i + 1, 0);
            }
        }
        pages
    }
}

#[cfg(test)]
mod tests;
