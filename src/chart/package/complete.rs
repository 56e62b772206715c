//! What `helm package` asks of a chart beyond that it loads: its sub-charts are there, and schemas are JSON.

use std::collections::BTreeSet;
use std::path::Path;

use serde::de::IgnoredAny;

use crate::chart::archive::{self, Limits, path_in_own_chart};
use crate::chart::metadata::Metadata;
use crate::chart::package::PackageError;
use crate::yaml;

/// Checks the package that was made of `dir`.
pub(super) fn check(
    dir: &Path,
    metadata: &Metadata,
    package: &[u8],
    limits: &Limits,
) -> Result<(), PackageError> {
    let mut found = BTreeSet::new();
    let mut bad_schema = None;
    let walked = archive::files(package, limits, &mut |path, _, body| {
        let own = path_in_own_chart(path);
        let is_schema = own == "values.schema.json" && bad_schema.is_none();
        if !is_schema && own != "Chart.yaml" {
            return Ok(());
        }
        let mut text = Vec::new();
        body.read_to_end(&mut text)?;
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
        if !is_schema {
            found.extend(name_of_direct(path, text));
        } else if let Err(error) = serde_json::from_slice::<IgnoredAny>(text) {
            bad_schema = Some((path.to_owned(), error));
        }
        Ok(())
    });
    walked.map_err(|error| PackageError::Invalid(dir.to_owned(), error))?;
    let missing = (metadata.dependencies.iter())
        .map(|dependency| dependency.name.as_str())
        .filter(|name| !found.contains(*name));
    let missing: Vec<&str> = missing.collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Err(PackageError::MissingDependencies(dir.to_owned(), missing));
    }
    match bad_schema {
        Some((path, error)) => Err(PackageError::Schema(dir.to_owned(), path, error)),
        None => Ok(()),
    }
}

/// The name of a sub-chart, by its `Chart.yaml`, unless it is one in another sub-chart.
fn name_of_direct(path: &str, chart_yaml: &[u8]) -> Option<String> {
    let inside = path.strip_prefix("charts/")?.strip_suffix("/Chart.yaml")?;
    if inside.contains('/') {
        return None;
    }
    let read = yaml::parse(chart_yaml, yaml::Limits::default()).ok()?;
    let mut metadata = Metadata::default();
    metadata.merge(&read).ok()?;
    Some(metadata.name)
}
