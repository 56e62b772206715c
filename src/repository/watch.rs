//! Watches the storage directory for changes by others: events of a file are gathered until it has come to rest, then
//! the index is refreshed for it once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tracing::{debug, warn};

use crate::causes::chain;
use crate::repository::ChartRepository;
use crate::repository::key::{FileKind, REGISTRY_DIRECTORY, Tenant};

/// A file is read when nothing has happened to it for this long, so that an unfinished copy is not.
const QUIET: Duration = Duration::from_millis(150);
/// It is read after this long in any case.
const PATIENCE: Duration = Duration::from_millis(600);

/// Events wait here while the repository catches up; beyond that many, everything is compared instead.
const QUEUE: usize = 4096;

enum Seen {
    Path(PathBuf),
    /// Events were lost.
    Everything,
}

/// Watches the directory of a local repository and keeps the index in step, until the future is dropped. Returns
/// at once if the repository is not in a directory, or the system cannot watch it.
pub async fn watch(repository: Arc<ChartRepository>, min_depth: usize, max_depth: usize) {
    let Some(root) = repository.store().local_root().map(Path::to_owned) else {
        return;
    };
    let (events, mut seen) = mpsc::channel(QUEUE);
    let _watcher = match watcher(&root, events) {
        Ok(watcher) => watcher,
        Err(cause) => {
            warn!(
                error = chain(&cause),
                "Storage directory cannot be watched: changes by hand wait for --cache-interval"
            );
            return;
        }
    };
    debug!(directory = %root.display(), "Watching the storage directory");
    // for changes between the first listing and the first event
    repository.catch_up(min_depth, max_depth).await;

    let mut restless: HashMap<PathBuf, (Instant, Instant)> = HashMap::new();
    let mut ticks = tokio::time::interval(QUIET / 3);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = seen.recv() => match event {
                None => return,
                Some(Seen::Everything) => {
                    restless.clear();
                    repository.rescan_all(min_depth, max_depth).await;
                }
                Some(Seen::Path(path)) => {
                    let now = Instant::now();
                    restless.entry(path).and_modify(|(_, last)| *last = now).or_insert((now, now));
                }
            },
            _ = ticks.tick(), if !restless.is_empty() => {
                if repository.store().check_root().await.is_err() {
                    // everything is compared when the directory is found again
                    restless.clear();
                    continue;
                }
                let due: Vec<PathBuf> = (restless.iter())
                    .filter(|(_, (first, last))| last.elapsed() >= QUIET || first.elapsed() >= PATIENCE)
                    .map(|(path, _)| path.clone())
                    .collect();
                for path in due {
                    restless.remove(&path);
                    compare(&repository, &root, &path, min_depth, max_depth).await;
                }
            }
        }
    }
}

/// Watches everything below `root`; what happens there is sent to `events`.
fn watcher(root: &Path, events: mpsc::Sender<Seen>) -> notify::Result<RecommendedWatcher> {
    let mut overflowing = false;
    // nothing in it is a package, and much happens there
    let registry = root.join(REGISTRY_DIRECTORY);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let lost = match event {
            Ok(event) if event.need_rescan() => true,
            Ok(event)
                if matches!(
                    event.kind,
                    EventKind::Access(
                        notify::event::AccessKind::Open(_) | notify::event::AccessKind::Read
                    )
                ) =>
            {
                false
            }
            Ok(event) => event
                .paths
                .into_iter()
                .filter(|path| !path.starts_with(&registry))
                .any(|path| events.try_send(Seen::Path(path)).is_err()),
            Err(_) => true,
        };
        overflowing |= lost;
        if overflowing {
            overflowing = events.try_send(Seen::Everything).is_err();
        }
    })?;
    watcher.watch(root, RecursiveMode::Recursive)?;
    Ok(watcher)
}

/// Compares what lies at a path with the index.
async fn compare(
    repository: &ChartRepository,
    root: &Path,
    path: &Path,
    min_depth: usize,
    max_depth: usize,
) {
    let Ok(relative) = path.strip_prefix(root) else {
        return;
    };
    let Some(mut segments) = relative.to_str().map(|text| {
        text.split('/')
            .filter(|s| !s.is_empty())
            .collect::<Vec<_>>()
    }) else {
        return;
    };
    let is_package = |name: &&str| FileKind::of(name) == Some(FileKind::Package);
    let outcome = match segments.pop_if(|name| is_package(&&**name)) {
        Some(name) => {
            let Some(tenant) = Tenant::from_segments(segments) else {
                return;
            };
            if tenant.depth() < min_depth || tenant.depth() > max_depth {
                return;
            }
            repository.refresh(&tenant, name).await
        }
        // a new, removed or renamed directory adds or removes the tenants in it
        None if !segments.is_empty() && (path.is_dir() || !path.exists()) => {
            let Some(tenant) = Tenant::from_segments(segments) else {
                return;
            };
            match repository.rescan_below(&tenant).await {
                Ok(()) if path.is_dir() => {
                    repository.load_below(&tenant, min_depth, max_depth).await
                }
                outcome => outcome,
            }
        }
        None => Ok(()),
    };
    if let Err(cause) = outcome {
        warn!(path = %relative.display(), error = chain(&cause), "Change in the storage could not be followed");
    }
}
