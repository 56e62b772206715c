//! Collection: what nobody needs any more is removed, beside pushes and pulls. Nothing is locked: whoever is about to
//! need something touches it first, and only what has not been touched since the collection began is removed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::time::{Duration, SystemTime};

use crate::metrics::registry::Kind;
use crate::oci::digest::{Algorithm, Digest};
use crate::oci::error::OciError;
use crate::oci::keys;
use crate::oci::manifest::Manifest;
use crate::oci::mark::{self, Node};
use crate::oci::name::{RepositoryName, Tag};
use crate::oci::objects::Objects;
use crate::oci::registry::Registry;
use crate::oci::registry::listings::repositories;
use crate::oci::registry::records::{read_digest, read_stored};
use crate::oci::registry::uploads::expire;

/// How things are collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collection {
    /// How old something is at least: the tag of what was pushed may be on its way.
    pub grace: Duration,
    /// Nothing is removed, only counted.
    pub is_dry_run: bool,
}

/// What was removed, or would have been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Manifests.
    pub manifests: usize,
    /// Blobs.
    pub blobs: usize,
    /// Bytes of manifests and blobs.
    pub bytes: u64,
    /// Unfinished uploads.
    pub uploads: usize,
}

/// What is done with what is not needed.
#[derive(Clone, Copy)]
struct Sweep {
    before: SystemTime,
    is_dry_run: bool,
}

impl Sweep {
    /// Removes an object if it is old; its bytes then, or what it would have been.
    fn remove(self, objects: &dyn Objects, key: &str) -> io::Result<Option<u64>> {
        let Some(stat) = objects.stat(key)?.filter(|stat| stat.touched < self.before) else {
            return Ok(None);
        };
        let is_removed = self.is_dry_run || objects.remove_untouched(key, self.before)?;
        Ok(is_removed.then_some(stat.size))
    }
}

/// What a repository keeps, as it was read.
struct Contents {
    nodes: BTreeMap<Digest, Node>,
    tagged: Vec<Digest>,
    charts: Vec<(String, Digest)>,
}

impl Registry {
    /// Removes what nobody needs.
    pub async fn collect(&self, collection: Collection) -> Result<Collected, OciError> {
        let began = SystemTime::now();
        let before = began
            .checked_sub(collection.grace)
            .unwrap_or(SystemTime::UNIX_EPOCH);
        let sweep = Sweep {
            before,
            is_dry_run: collection.is_dry_run,
        };
        let mut collected = Collected::default();
        let mut needed: HashMap<String, BTreeSet<Digest>> = HashMap::new();
        for name in self.blocking(|objects| repositories(objects)).await? {
            let Some(name) = RepositoryName::parse(&name) else {
                continue;
            };
            let blobs = self.collect_manifests(&name, sweep, &mut collected).await?;
            needed.insert(name.to_string(), blobs);
        }
        let blobs = self.blocking(move |objects| collect_blobs(objects, sweep, &needed));
        let (blobs, bytes) = blobs.await?;
        collected.blobs = blobs;
        collected.bytes += bytes;
        collected.uploads = self
            .blocking(move |objects| {
                if sweep.is_dry_run {
                    return count_old_uploads(objects, sweep.before);
                }
                objects.sweep(sweep.before)?;
                expire(objects, sweep.before)
            })
            .await?;
        if !collection.is_dry_run {
            self.counters.collected(Kind::Manifest, collected.manifests);
            self.counters.collected(Kind::Blob, collected.blobs);
            self.counters.collected(Kind::Upload, collected.uploads);
            self.counters.collected_bytes(collected.bytes);
        }
        Ok(collected)
    }

    /// Removes the manifests of a repository that nobody needs; returns the blobs that the others need.
    async fn collect_manifests(
        &self,
        name: &RepositoryName,
        sweep: Sweep,
        collected: &mut Collected,
    ) -> Result<BTreeSet<Digest>, OciError> {
        let of = name.clone();
        let contents = self
            .blocking(move |objects| read(objects, &of, sweep.before))
            .await?;
        // after what was pushed was read: what is published in between is listed, or not seen at all
        let listed = self.listed(name).await?;
        let mut roots = contents.tagged;
        let mut gone = Vec::new();
        for (tag, digest) in contents.charts {
            let entry = Tag::parse(&tag).and_then(|tag| {
                listed
                    .as_ref()
                    .and_then(|listed| listed.tagged(&tag).cloned())
            });
            let is_listed = entry.is_some_and(|entry| {
                let node = contents.nodes.get(&digest);
                node.is_some_and(|node| node.blobs.contains(&entry.digest.into()))
            });
            if is_listed {
                roots.push(digest);
            } else {
                gone.push(format!("{}/{tag}", keys::chart_tags(name)));
            }
        }
        if let Some(listed) = &listed {
            // the artifact of a listed chart is not stored, but may have been signed
            let subjects = contents
                .nodes
                .values()
                .filter_map(|node| node.subject.as_ref());
            for subject in subjects.filter(|subject| !contents.nodes.contains_key(subject)) {
                if self.with_manifest(listed, subject).await?.is_some() {
                    roots.push(subject.clone());
                }
            }
        }
        let needed = mark::needed(roots, &contents.nodes);
        let old: Vec<Digest> = contents
            .nodes
            .into_keys()
            .filter(|digest| !needed.manifests.contains(digest))
            .collect();
        let of = name.clone();
        let (manifests, bytes) = self
            .blocking(move |objects| {
                for tag in gone {
                    sweep.remove(objects, &tag)?;
                }
                sweep_manifests(objects, &of, &old, sweep)
            })
            .await?;
        collected.manifests += manifests;
        collected.bytes += bytes;
        Ok(needed.blobs)
    }
}

/// Tags first, then manifests: what is tagged meanwhile is touched before.
fn read(objects: &dyn Objects, name: &RepositoryName, before: SystemTime) -> io::Result<Contents> {
    let mut contents = Contents {
        nodes: BTreeMap::new(),
        tagged: Vec::new(),
        charts: Vec::new(),
    };
    for tag in objects.list(&keys::tags(name))? {
        let key = format!("{}/{}", keys::tags(name), tag.name);
        contents.tagged.extend(read_digest(objects, &key)?);
    }
    for tag in objects.list(&keys::chart_tags(name))? {
        let key = format!("{}/{}", keys::chart_tags(name), tag.name);
        let digest = read_digest(objects, &key)?;
        contents
            .charts
            .extend(digest.map(|digest| (tag.name, digest)));
    }
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let prefix = keys::manifests(name, algorithm);
        for listed in objects.list(&prefix)? {
            let Ok(digest) = Digest::parse(&format!("{}:{}", algorithm.name(), listed.name)) else {
                continue;
            };
            let key = keys::manifest(name, &digest);
            let (Some(stat), Some(stored)) = (objects.stat(&key)?, read_stored(objects, &key)?)
            else {
                continue;
            };
            let is_young = stat.touched >= before;
            let node = match Manifest::parse(&stored.bytes, &stored.media_type) {
                Ok(manifest) => Node::of(&manifest, is_young),
                // it was read when it came; what cannot be read now is kept for somebody to look at
                Err(_) => Node {
                    is_young: true,
                    ..Node::default()
                },
            };
            contents.nodes.insert(digest, node);
        }
    }
    Ok(contents)
}

fn sweep_manifests(
    objects: &dyn Objects,
    name: &RepositoryName,
    old: &[Digest],
    sweep: Sweep,
) -> io::Result<(usize, u64)> {
    let (mut count, mut bytes) = (0, 0);
    for digest in old {
        let key = keys::manifest(name, digest);
        let Some(stored) = read_stored(objects, &key)? else {
            continue;
        };
        let Some(size) = sweep.remove(objects, &key)? else {
            continue;
        };
        count += 1;
        bytes += size;
        let manifest = Manifest::parse(&stored.bytes, &stored.media_type).ok();
        if let Some(subject) = manifest.and_then(|manifest| manifest.subject) {
            sweep.remove(objects, &keys::referrer(name, &subject.digest, digest))?;
        }
    }
    Ok((count, bytes))
}

/// Removes links to blobs that no manifest needs, then the blobs that have none left.
fn collect_blobs(
    objects: &dyn Objects,
    sweep: Sweep,
    needed: &HashMap<String, BTreeSet<Digest>>,
) -> io::Result<(usize, u64)> {
    let (mut count, mut bytes) = (0, 0);
    for digest in each_below(objects, keys::LINKS)? {
        let mut are_left = false;
        for link in objects.list(&keys::links(&digest))? {
            let name = keys::linked(&link.name);
            let is_needed = name
                .as_ref()
                .and_then(|name| needed.get(name.as_str()))
                .is_some_and(|blobs| blobs.contains(&digest));
            let key = format!("{}/{}", keys::links(&digest), link.name);
            are_left |= is_needed || sweep.remove(objects, &key)?.is_none();
        }
        if sweep.is_dry_run && !are_left {
            let old = objects.stat(&keys::blob(&digest))?;
            let old = old.filter(|stat| stat.touched < sweep.before);
            count += usize::from(old.is_some());
            bytes += old.map_or(0, |stat| stat.size);
        }
    }
    for digest in each_below(objects, keys::BLOBS)? {
        if !objects.list(&keys::links(&digest))?.is_empty() {
            continue;
        }
        if let Some(size) = sweep.remove(objects, &keys::blob(&digest))? {
            count += 1;
            bytes += size;
        }
    }
    Ok((count, bytes))
}

/// The digests that have something below a prefix of blobs or links.
fn each_below(objects: &dyn Objects, prefix: &str) -> io::Result<Vec<Digest>> {
    let mut digests = Vec::new();
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let prefix = format!("{prefix}/{}", algorithm.name());
        for fan in objects.list(&prefix)? {
            for listed in objects.list(&format!("{prefix}/{}", fan.name))? {
                let text = format!("{}:{}", algorithm.name(), listed.name);
                digests.extend(Digest::parse(&text));
            }
        }
    }
    Ok(digests)
}

fn count_old_uploads(objects: &dyn Objects, before: SystemTime) -> io::Result<usize> {
    let mut count = 0;
    for upload in objects.list(keys::UPLOADS)? {
        let stat = objects.stat(&keys::upload(&upload.name))?;
        count += usize::from(stat.is_some_and(|stat| stat.touched < before));
    }
    Ok(count)
}
