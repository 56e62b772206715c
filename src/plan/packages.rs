//! The packages behind a plan's versions: from the first source that has the version, as the plan chose it.

use std::io;
use std::path::PathBuf;

use bytes::Bytes;

use crate::chart::archive::Limits;
use crate::chart::digest::Sha256Hex;
use crate::chart::index::{Index, IndexError};
use crate::plan::PlanArguments;
use crate::plan::fetch::{self, FetchError};
use crate::remote::address;
use crate::repository::builtin::BuiltinCharts;

/// Why there is no package.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// A directory of charts cannot be read.
    #[error("cannot read the charts in {}", .0.display())]
    Charts(PathBuf, #[source] io::Error),
    /// A repository does not give its index, or the package.
    #[error("cannot fetch chart {chart} from {repository}")]
    Fetch {
        /// Name and version.
        chart: String,
        /// Its address.
        repository: String,
        /// Why not.
        source: FetchError,
    },
    /// A repository's index is not usable.
    #[error("cannot use the index of {0}")]
    Index(String, #[source] IndexError),
    /// It is another one than the index says.
    #[error(
        "the package of chart {chart} that {repository} gives is not the one in its index: the digests differ"
    )]
    Digest {
        /// Name and version.
        chart: String,
        /// Its address.
        repository: String,
    },
    /// It was there when the plan was made.
    #[error("no source has chart {0} any more")]
    Gone(String),
}

/// The package of this version of `chart`.
///
/// # Errors
/// No source has it, or the one that has it does not give it.
pub async fn package(
    arguments: &PlanArguments,
    chart: &str,
    version: &str,
) -> Result<Bytes, PackageError> {
    for directory in arguments.builtin_charts.iter().chain(&arguments.storage) {
        let unreadable = |error| PackageError::Charts(directory.clone(), error);
        let (charts, _) = BuiltinCharts::load(directory, &Limits::default()).map_err(unreadable)?;
        let listing = charts
            .listings()
            .iter()
            .find(|listing| *listing.name == *chart && *listing.version_text == *version);
        if let Some(bytes) = listing.and_then(|listing| charts.get(&listing.file_name)) {
            return bytes.map_err(unreadable);
        }
    }
    for url in &arguments.repositories {
        if let Some(bytes) =
            from_repository(url, arguments.helm_index_max_size, chart, version).await?
        {
            return Ok(bytes);
        }
    }
    Err(PackageError::Gone(format!("{chart} {version}")))
}

async fn from_repository(
    url: &str,
    limit: u64,
    chart: &str,
    version: &str,
) -> Result<Option<Bytes>, PackageError> {
    let repository = address::shown(url);
    let named = format!("{chart} {version}");
    let failed = |source| PackageError::Fetch {
        chart: named.clone(),
        repository: repository.clone(),
        source,
    };
    let text = fetch::fetch_index(url, limit).await.map_err(failed)?;
    let index = Index::read(&text);
    let index = index.map_err(|error| PackageError::Index(repository.clone(), error))?;
    let mut versions = index.charts.get(chart).into_iter().flatten();
    let Some(listed) = versions.find(|listed| listed.text == version) else {
        return Ok(None);
    };
    let bytes = fetch::fetch_package(url, &listed.url)
        .await
        .map_err(failed)?;
    match listed.digest {
        Some(digest) if digest != Sha256Hex::of(&bytes) => Err(PackageError::Digest {
            chart: named,
            repository,
        }),
        _ => Ok(Some(bytes)),
    }
}
