//! What of a repository is needed, worked out from what its manifests say of each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::oci::digest::Digest;
use crate::oci::manifest::{Kind, Manifest};

/// A manifest of the repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// It is younger than what is collected: its tag, or the index that it is for, may be on its way.
    pub is_young: bool,
    /// The manifests that it lists.
    pub children: Vec<Digest>,
    /// The manifest that it is about.
    pub subject: Option<Digest>,
    /// The blobs that it consists of.
    pub blobs: Vec<Digest>,
}

impl Node {
    /// What matters of a manifest.
    pub fn of(manifest: &Manifest, is_young: bool) -> Self {
        let all = |descriptors: &[crate::oci::manifest::Descriptor]| {
            let digests = descriptors.iter().map(|one| one.digest.clone());
            digests.collect::<Vec<_>>()
        };
        let (children, blobs) = match &manifest.kind {
            Kind::Index(manifests) => (all(manifests), Vec::new()),
            Kind::Image { config, layers } => {
                let config = config.iter().map(|config| config.digest.clone());
                (Vec::new(), config.chain(all(layers)).collect())
            }
        };
        Self {
            is_young,
            children,
            subject: manifest.subject.as_ref().map(|one| one.digest.clone()),
            blobs,
        }
    }
}

/// What is needed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Needed {
    /// Manifests.
    pub manifests: BTreeSet<Digest>,
    /// Blobs.
    pub blobs: BTreeSet<Digest>,
}

/// What the `roots` need, which are the targets of tags and whatever else is there without a tag, such as the artifacts
/// of listed charts; and what young manifests need. A manifest needs what it lists and what it is about, and is needed
/// by what refers to it: a signature stays with its image.
pub fn needed(roots: impl IntoIterator<Item = Digest>, nodes: &BTreeMap<Digest, Node>) -> Needed {
    let mut referrers: BTreeMap<&Digest, Vec<&Digest>> = BTreeMap::new();
    for (digest, node) in nodes {
        if let Some(subject) = &node.subject {
            referrers.entry(subject).or_default().push(digest);
        }
    }
    let young = nodes.iter().filter(|(_, node)| node.is_young);
    let mut reached: Vec<Digest> = young.map(|(digest, _)| digest.clone()).collect();
    reached.extend(roots);
    let mut needed = Needed::default();
    while let Some(digest) = reached.pop() {
        if needed.manifests.contains(&digest) {
            continue;
        }
        let refer = referrers.get(&digest).into_iter().flatten();
        reached.extend(refer.map(|digest| (*digest).clone()));
        if let Some(node) = nodes.get(&digest) {
            reached.extend(node.children.iter().chain(&node.subject).cloned());
            needed.blobs.extend(node.blobs.iter().cloned());
        }
        needed.manifests.insert(digest);
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::digest::Algorithm;

    fn digest(name: &str) -> Digest {
        Digest::of(Algorithm::Sha256, name.as_bytes())
    }

    /// `name: children < subject | blobs`, with `*` before the name of a young one.
    fn repository(lines: &[&str]) -> BTreeMap<Digest, Node> {
        let digests = |text: &str| text.split_whitespace().map(digest).collect::<Vec<_>>();
        let nodes = lines.iter().map(|line| {
            let (name, rest) = line.split_once(':').unwrap();
            let (rest, blobs) = rest.split_once('|').unwrap_or((rest, ""));
            let (children, subject) = rest.split_once('<').unwrap_or((rest, ""));
            let node = Node {
                is_young: name.starts_with('*'),
                children: digests(children),
                subject: digests(subject).pop(),
                blobs: digests(blobs),
            };
            (digest(name.trim_start_matches('*')), node)
        });
        nodes.collect()
    }

    #[test]
    fn what_is_needed() {
        type Row<'a> = (&'a str, &'a [&'a str], &'a [&'a str], &'a str, &'a str);
        let rows: [Row<'_>; 9] = [
            (
                "a tag needs its image",
                &["image: | layer"],
                &["image"],
                "image",
                "layer",
            ),
            (
                "nobody needs an old image without a tag",
                &["image: | layer"],
                &[],
                "",
                "",
            ),
            (
                "a young one is needed",
                &["*image: | layer"],
                &[],
                "image",
                "layer",
            ),
            (
                "an index needs its images",
                &["index: a b", "a: | l", "b: | m", "c: | n"],
                &["index"],
                "index a b",
                "l m",
            ),
            (
                "a signature stays with its image",
                &["image: | l", "signature: < image | s"],
                &["image"],
                "image signature",
                "l s",
            ),
            (
                "and goes with it",
                &["image: | l", "signature: < image | s"],
                &[],
                "",
                "",
            ),
            (
                "a tagged signature keeps its image",
                &["image: | l", "signature: < image | s"],
                &["signature"],
                "image signature",
                "l s",
            ),
            (
                "a chain of referrers, and one about a child of an index",
                &["index: a", "a: | l", "b: < a", "c: < b", "d: < x"],
                &["index"],
                "index a b c",
                "l",
            ),
            ("circles end", &["a: b < b", "b: a < a"], &["a"], "a b", ""),
        ];
        for (what, nodes, roots, manifests, blobs) in rows {
            let found = needed(roots.iter().map(|name| digest(name)), &repository(nodes));
            let set = |text: &str| text.split_whitespace().map(digest).collect::<BTreeSet<_>>();
            assert_eq!(found.manifests, set(manifests), "{what}");
            assert_eq!(found.blobs, set(blobs), "{what}");
        }
    }
}
