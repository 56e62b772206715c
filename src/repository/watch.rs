//! Noticing what others do to the storage directory: file-system events, gathered until a file has come to rest, then
//! one refresh of the index for it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use notify::{EventKind, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tracing::{debug, warn};

use crate::repository::key::{FileKind, Tenant};
use crate::repository::{ChartRepository, chain};

/// A file is looked at when nothing has happened to it for this long, so that a copy under way is not read half.
const QUIET: Duration = Duration::from_millis(150);
/// It is looked at after this long in any case.
const PATIENCE: Duration = Duration::from_millis(600);

/// Events wait here while the repository catches up; beyond that many, everything is compared instead.
const QUEUE: usize = 4096;

enum Seen {
    Path(PathBuf),
    /// Events were lost.
    Everything,
}

/// Follows the directory of a local repository until the future is dropped. Returns at once if there is nothing to
/// watch, or the system cannot watch it.
pub async fn follow(repository: Arc<ChartRepository>, min_depth: usize, max_depth: usize) {
    let Some(root) = repository.store().local_root().map(Path::to_owned) else {
        return;
    };
    let (events, mut seen) = mpsc::channel(QUEUE);
    let mut overflowing = false;
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
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
                .any(|path| events.try_send(Seen::Path(path)).is_err()),
            Err(_) => true,
        };
        overflowing |= lost;
        if overflowing {
            overflowing = events.try_send(Seen::Everything).is_err();
        }
    });
    let watched = watcher.and_then(|mut watcher| {
        watcher.watch(&root, RecursiveMode::Recursive)?;
        Ok(watcher)
    });
    let _watcher = match watched {
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
    // what happened between the first listing and the first event
    repository.catch_up(min_depth, max_depth).await;

    let mut restless: HashMap<PathBuf, (Instant, Instant)> = HashMap::new();
    let mut look = tokio::time::interval(QUIET / 3);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
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
            _ = look.tick(), if !restless.is_empty() => {
                if repository.store().check_root().await.is_err() {
                    // whoever finds it again compares everything
                    restless.clear();
                    continue;
                }
                let due: Vec<PathBuf> = (restless.iter())
                    .filter(|(_, (first, last))| last.elapsed() >= QUIET || first.elapsed() >= PATIENCE)
                    .map(|(path, _)| path.clone())
                    .collect();
                for path in due {
                    restless.remove(&path);
                    look_at(&repository, &root, &path, min_depth, max_depth).await;
                }
            }
        }
    }
}

async fn look_at(
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
        // a directory that came, went or was renamed brings or takes the tenants in it
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
