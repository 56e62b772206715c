//! The revisions that were good, to go back to (docs/components.md 6.5).

use crate::component::status::{ComponentStatus, Revision as Entry};
use crate::release::record::{ReleaseStatus, Revision};

/// A revision to go back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KnownGood {
    /// Its number.
    pub number: i64,
    /// The id of the operation that made it, by its label.
    pub operation: Option<String>,
    /// The short form of its hash, by its label or by `status`.
    pub hash: Option<String>,
}

/// The newest revision that this Component finished well and that is still there; `None` if there is none.
///
/// Helm's status is not enough: it calls a failed revision superseded once a later one is deployed, or once a rollback
/// from it failed. `status.history` says how it ended.
pub fn last_known_good(revisions: &[Revision], status: &ComponentStatus) -> Option<i64> {
    known_good(revisions, status).map(|good| good.number)
}

/// As [`last_known_good`], with what is known of it.
pub(super) fn known_good(revisions: &[Revision], status: &ComponentStatus) -> Option<KnownGood> {
    revisions
        .iter()
        .filter(|revision| {
            matches!(
                revision.status,
                ReleaseStatus::Deployed | ReleaseStatus::Superseded
            )
        })
        .find_map(|revision| {
            let entry = status
                .history
                .iter()
                .find(|entry| entry.revision == revision.number && is_good(entry))?;
            let of_status = || {
                entry
                    .hash
                    .as_ref()
                    .map(|hash| hash.chars().take(40).collect())
            };
            Some(KnownGood {
                number: revision.number,
                operation: revision.operation.clone(),
                hash: revision.hash.clone().or_else(of_status),
            })
        })
}

/// `history` with the revision that an operation just made, newest first and at most `limit` long.
///
/// What was in force before it is superseded now, if it is deployed. The newest good revision always stays, even if
/// only failed ones came after it: it is what a rollback goes to. So a limit of 1 still keeps two after a failure.
/// Entries of a release that is gone, whose numbers are not below the new one, are dropped.
pub fn remember(history: &[Entry], made: Entry, limit: usize) -> Vec<Entry> {
    let deployed = made.status == ReleaseStatus::Deployed.as_str();
    let mut all: Vec<_> = history
        .iter()
        .filter(|entry| entry.revision < made.revision)
        .cloned()
        .map(|mut entry| {
            if deployed && entry.status == ReleaseStatus::Deployed.as_str() {
                entry.status = ReleaseStatus::Superseded.as_str().to_owned();
            }
            entry
        })
        .collect();
    all.push(made);
    all.sort_by_key(|entry| std::cmp::Reverse(entry.revision));
    let good = all.iter().position(is_good);
    let limit = limit.max(if good == Some(0) { 1 } else { 2 });
    if let Some(good) = good.filter(|good| *good >= limit) {
        all.swap(limit - 1, good);
    }
    all.truncate(limit);
    all
}

/// True if a revision of the release ended well, as far as `status` tells.
pub fn was_good(status: &ComponentStatus) -> bool {
    status.history.iter().any(is_good)
}

/// True if the operation that made this revision ended well.
pub(super) fn is_good(entry: &Entry) -> bool {
    [ReleaseStatus::Deployed, ReleaseStatus::Superseded]
        .iter()
        .any(|status| entry.status == status.as_str())
}
