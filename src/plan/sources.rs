//! Where a plan's manifests and charts come from: files, directories, standard input, chart repositories.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::causes::chain;
use crate::chart::archive::Limits;
use crate::chart::index::{self, Index, IndexError};
use crate::plan::PlanArguments;
use crate::plan::fetch::{self, FetchError};
use crate::plan::manifest::{ManifestError, Manifests};
use crate::planner::Catalog;
use crate::remote::address;
use crate::repository::builtin::BuiltinCharts;

/// Why there is nothing to plan with.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A manifest cannot be read.
    #[error("cannot read {}", .0.display())]
    Manifest(PathBuf, #[source] io::Error),
    /// Standard input cannot be read.
    #[error("cannot read standard input")]
    StandardInput(#[source] io::Error),
    /// A directory without manifests.
    #[error("{} has no .yaml, .yml or .json file", .0.display())]
    EmptyDirectory(PathBuf),
    /// A manifest is not usable.
    #[error(transparent)]
    Unusable(#[from] ManifestError),
    /// There is no Component in all of it.
    #[error("there is no Component in {0}; its apiVersion is ext.theriseunion.io/v1alpha1")]
    NoComponents(String),
    /// A directory of charts cannot be read.
    #[error("cannot read the charts in {}", .0.display())]
    Charts(PathBuf, #[source] io::Error),
    /// A repository does not give its index.
    #[error("cannot read the index of {0}")]
    Fetch(String, #[source] FetchError),
    /// A repository's index is not usable.
    #[error("cannot use the index of {0}")]
    Index(String, #[source] IndexError),
}

/// Reads all manifests; `-` is standard input.
///
/// # Errors
/// One of them cannot be read or used, or there is no Component in them.
pub fn read_manifests(arguments: &PlanArguments) -> Result<Manifests, SourceError> {
    let mut all = Manifests::default();
    let mut add = |text: &[u8], source: &str| -> Result<(), SourceError> {
        let read = Manifests::read(text, source, &arguments.namespace)?;
        all.components.extend(read.components);
        all.notes.extend(read.notes);
        Ok(())
    };
    for path in &arguments.files {
        if path.as_os_str() == "-" {
            let mut text = Vec::new();
            let read = io::stdin().lock().read_to_end(&mut text);
            read.map_err(SourceError::StandardInput)?;
            add(&text, "standard input")?;
            continue;
        }
        for file in files_of(path)? {
            let text =
                fs::read(&file).map_err(|error| SourceError::Manifest(file.clone(), error))?;
            add(&text, &file.display().to_string())?;
        }
    }
    if all.components.is_empty() {
        let files: Vec<String> = (arguments.files.iter())
            .map(|path| match path.to_str() {
                Some("-") => "standard input".to_owned(),
                _ => path.display().to_string(),
            })
            .collect();
        return Err(SourceError::NoComponents(files.join(", ")));
    }
    Ok(all)
}

/// The file itself, or the manifests directly in a directory, by name.
fn files_of(path: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let unreadable = |error| SourceError::Manifest(path.to_owned(), error);
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        let extension = file.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("yaml" | "yml" | "json")) && file.is_file() {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(SourceError::EmptyDirectory(path.to_owned()));
    }
    files.sort_unstable();
    Ok(files)
}

/// Reads the charts of all sources, in their order of precedence; `None` if no source is named. Charts that cannot be
/// read are noted.
///
/// # Errors
/// A source as a whole cannot be read.
pub async fn read_charts(
    arguments: &PlanArguments,
    notes: &mut Vec<String>,
) -> Result<Option<Catalog>, SourceError> {
    if !arguments.has_charts() {
        return Ok(None);
    }
    let mut catalog = Catalog::default();
    for directory in arguments.builtin_charts.iter().chain(&arguments.storage) {
        let (charts, problems) = BuiltinCharts::load(directory, &Limits::default())
            .map_err(|error| SourceError::Charts(directory.clone(), error))?;
        notes.extend(problems.iter().map(|problem| chain(problem)));
        if charts.listings().is_empty() && problems.is_empty() {
            notes.push(format!(
                "{} has no chart: name a directory that holds chart directories or packages",
                directory.display()
            ));
        }
        for listing in charts.listings() {
            let version = index::read_version(format!("{}}}", listing.head).as_bytes());
            let version = version.expect("a listing's head is JSON without its closing brace");
            catalog.add(&listing.name, version);
        }
    }
    for url in &arguments.repositories {
        let shown = address::shown(url);
        let text = fetch::fetch_index(url, arguments.helm_index_max_size)
            .await
            .map_err(|error| SourceError::Fetch(shown.clone(), error))?;
        let Index { charts, left_out } =
            Index::read(&text).map_err(|error| SourceError::Index(shown.clone(), error))?;
        for (name, versions) in charts {
            versions
                .into_iter()
                .for_each(|version| catalog.add(&name, version));
        }
        if left_out > 0 {
            notes.push(format!(
                "{left_out} entries of the index of {shown} have no name or version and are left out"
            ));
        }
    }
    Ok(Some(catalog))
}
