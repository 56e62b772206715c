//! Pages of long lists.

use serde_json::{Value, json};

/// The most names in an answer: so many tags of the longest kind stay below the 4 MiB that clients read.
pub const LONGEST: usize = 10_000;
/// The most bytes of an index of referrers, for the same reason.
pub const LARGEST: usize = 3 << 20;

/// A part of a list.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// The names.
    pub names: Vec<String>,
    /// More follow the last of them.
    pub has_more: bool,
}

/// Up to `limit` of the sorted `names` that come after `last`, which need not be one of them.
pub fn of(
    names: impl IntoIterator<Item = String>,
    limit: Option<usize>,
    last: Option<&str>,
) -> Page {
    let limit = limit.unwrap_or(LONGEST).min(LONGEST);
    let mut following = names
        .into_iter()
        .skip_while(|name| last.is_some_and(|last| **name <= *last));
    let names: Vec<String> = following.by_ref().take(limit).collect();
    Page {
        has_more: !names.is_empty() && following.next().is_some(),
        names,
    }
}

/// Descriptors that fit into one answer, after that of the digest `last`; and the digest after which more follow. They
/// come in the order of their digests.
pub fn of_referrers(descriptors: Vec<Value>, last: Option<&str>) -> (Value, Option<String>) {
    let mut manifests = Vec::new();
    let (mut size, mut previous) = (0, None);
    let mut next = None;
    for descriptor in descriptors {
        let digest = descriptor["digest"].as_str().unwrap_or_default().to_owned();
        if last.is_some_and(|last| *digest <= *last) {
            continue;
        }
        size += descriptor.to_string().len();
        if size > LARGEST && previous.is_some() {
            next = previous;
            break;
        }
        previous = Some(digest);
        manifests.push(descriptor);
    }
    let index = json!({
        "schemaVersion": 2,
        "mediaType": crate::oci::manifest::INDEX,
        "manifests": manifests,
    });
    (index, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_where_the_next_begins() {
        let all = || ["a", "b", "c", "d"].map(str::to_owned);
        let page = |limit, last| {
            let page = of(all(), limit, last);
            (page.names.concat(), page.has_more)
        };
        assert_eq!(page(None, None), ("abcd".to_owned(), false));
        assert_eq!(page(Some(2), None), ("ab".to_owned(), true));
        assert_eq!(page(Some(2), Some("b")), ("cd".to_owned(), false));
        assert_eq!(page(Some(2), Some("bb")), ("cd".to_owned(), false));
        assert_eq!(page(Some(0), None), (String::new(), false));
        assert_eq!(page(None, Some("z")), (String::new(), false));
    }

    #[test]
    fn referrers_with_large_annotations_come_in_pages() {
        let descriptors: Vec<Value> = ["sha256:a", "sha256:b", "sha256:c"]
            .map(|digest| json!({ "digest": digest, "annotations": { "k": "v".repeat(LARGEST / 2) } }))
            .into();
        let mut seen = Vec::new();
        let mut last = None;
        loop {
            let (index, next) = of_referrers(descriptors.clone(), last.as_deref());
            let manifests = index["manifests"].as_array().unwrap();
            seen.extend(manifests.iter().map(|one| one["digest"].clone()));
            last = next;
            if last.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["sha256:a", "sha256:b", "sha256:c"]);
    }
}
