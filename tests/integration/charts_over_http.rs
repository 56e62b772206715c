//! The controller's charts: fetched by HTTP from the real server and from servers that lie, cached by digest.

mod cache;
mod liars;
mod references;
mod release_size;
mod repositories;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chartroom::bounds::AllowedRepositories;
use chartroom::chart::digest::Sha256Hex;
use chartroom::controller::charts::{
    ChartVersion, Charts, ChartsError, ChartsSettings, ErrorClass, FetchedChart,
};
use tempfile::TempDir;

use crate::support::chart_builder::ChartBuilder;

/// Settings with short times, over a cache in `directory`.
fn settings(repository: &str, directory: &Path) -> ChartsSettings {
    ChartsSettings {
        named: None,
        repository: repository.to_owned(),
        cache_dir: directory.join("cache"),
        cache_size: 64 << 20,
        max_index: 1 << 20,
        max_package: ChartsSettings::MAX_PACKAGE,
        connect_timeout: Duration::from_secs(10),
        read_timeout: Duration::from_secs(20),
        ca_file: None,
        allowed: AllowedRepositories::all(),
    }
}

/// Charts of a repository, with a cache of the test's own.
struct Room {
    charts: Charts,
    world: TempDir,
}

impl Room {
    #[track_caller]
    fn new(repository: &str) -> Room {
        Room::with(repository, |_| {})
    }

    #[track_caller]
    fn with(repository: &str, change: impl FnOnce(&mut ChartsSettings)) -> Room {
        let world = TempDir::new().expect("a temporary directory");
        let mut settings = settings(repository, world.path());
        change(&mut settings);
        let charts = Charts::new(settings).expect("a usable cache");
        Room { charts, world }
    }

    /// The versions of `demo`.
    async fn versions(&self) -> Result<Vec<ChartVersion>, ChartsError> {
        self.charts.versions(None, "demo").await
    }

    /// Fetches the newest version of `demo`, as it is listed.
    async fn newest(&self) -> Result<Arc<FetchedChart>, ChartsError> {
        let versions = self.versions().await?;
        self.charts.fetch(None, &versions[0], None).await
    }

    /// The names of the files in the cache.
    fn files(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.world.path().join("cache")).expect("a directory");
        let mut names: Vec<String> = files
            .map(|file| {
                file.expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }
}

fn demo(version: &str) -> ChartBuilder {
    ChartBuilder::new("demo", version)
}

/// The answer of the chart API about `demo` 1.0.0 with this package's digest.
fn listing(digest: Sha256Hex) -> String {
    format!(
        r#"[{{"name":"demo","version":"1.0.0","urls":["charts/demo-1.0.0.tgz"],"digest":"{digest}"}}]"#
    )
}

/// Reason, class and the whole message.
fn told(error: &ChartsError) -> (&'static str, ErrorClass, String) {
    (error.reason().as_str(), error.class(), error.message())
}
