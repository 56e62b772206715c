//! The registry beside the charts, and when what nobody needs is removed from it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tracing::{error, info};

use crate::causes::chain;
use crate::config::{Config, Oci};
use crate::oci::disk::Disk;
use crate::oci::registry::{Collected, Collection, Registry, RegistryRules};
use crate::repository::ChartRepository;

/// How often it is seen how much room is left.
const LOOK_AT_ROOM: Duration = Duration::from_secs(60);
/// A collection for lack of room has probably found all there is: the next waits this long.
const AT_MOST_EVERY: Duration = Duration::from_secs(600);

/// The registry of a storage that can hold one.
pub fn registry(config: &Config, repository: &Arc<ChartRepository>) -> Option<Arc<Registry>> {
    let oci = config.oci.as_ref()?;
    let root = repository.store().root()?;
    let rules = RegistryRules {
        depth: config.tenancy.depth,
        sparse: oci.sparse,
        overwrite: config.upload.overwrite,
        max_package: config.upload.max_upload_size,
        max_blob: oci.max_blob,
    };
    let disk = Arc::new(Disk::below(Arc::clone(root)));
    Some(Arc::new(Registry::new(disk, Arc::clone(repository), rules)))
}

/// Collects once.
pub async fn collect(
    config: &Config,
    repository: Arc<ChartRepository>,
    is_dry_run: bool,
) -> anyhow::Result<Collected> {
    let registry = registry(config, &repository);
    let registry = registry.context("the distribution API is switched off (--oci=false)")?;
    let oci = config.oci.as_ref().context("there is a registry")?;
    let collection = Collection {
        grace: oci.gc_grace,
        is_dry_run,
    };
    let collected = registry.collect(collection).await;
    collected.context("what nobody needs cannot be collected")
}

/// Collects at each interval, and when there is little room left. Never ends.
pub async fn collect_on_schedule(registry: Arc<Registry>, oci: Oci) {
    let mut last = Instant::now();
    let mut is_first = true;
    loop {
        let until_due = oci
            .gc_interval
            .map(|interval| interval.saturating_sub(last.elapsed()));
        tokio::time::sleep(until_due.unwrap_or(LOOK_AT_ROOM).min(LOOK_AT_ROOM)).await;
        let is_due = oci
            .gc_interval
            .is_some_and(|interval| last.elapsed() >= interval);
        let may_hurry = is_first || last.elapsed() >= AT_MOST_EVERY;
        let is_short =
            may_hurry && oci.gc_low_water > 0 && is_below(&registry, oci.gc_low_water).await;
        if !is_due && !is_short {
            continue;
        }
        (last, is_first) = (Instant::now(), false);
        let collection = Collection {
            grace: oci.gc_grace,
            is_dry_run: false,
        };
        match registry.collect(collection).await {
            Ok(collected) => tell(&collected, last.elapsed()),
            Err(cause) => error!(
                error = chain(&cause),
                "What nobody needs could not be removed from the registry"
            ),
        }
    }
}

async fn is_below(registry: &Registry, low_water: u64) -> bool {
    let free = registry.free().await.ok().flatten();
    free.is_some_and(|free| free < low_water)
}

fn tell(collected: &Collected, took: Duration) {
    let Collected {
        manifests,
        blobs,
        bytes,
        uploads,
    } = *collected;
    if *collected != Collected::default() {
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        info!(
            manifests,
            blobs,
            size_bytes = bytes,
            uploads,
            duration_ms,
            "Removed from the registry what nobody needs"
        );
    }
}
