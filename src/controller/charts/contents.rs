//! Opens a package and reads what the controller needs to know of it. Pure.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use crate::chart::archive::{self, ArchiveError, Limits};
use crate::chart::digest::Sha256Hex;
use crate::chart::index::REQUIRES;
use crate::controller::charts::release_size::{ReleaseSize, is_kept, upper_bound};
use crate::controller::charts::{ChartsError, FetchedChart, RELEASE_LIMIT};
use crate::planner::Requirement;

/// Opens `package`, with its digest and its path in the cache; `listed` is its name in the repository, for
/// messages.
pub(super) fn read(
    package: &[u8],
    digest: Sha256Hex,
    path: PathBuf,
    listed: &str,
) -> Result<FetchedChart, ChartsError> {
    let invalid = |error: ArchiveError| ChartsError::Invalid {
        chart: listed.to_owned(),
        source: Arc::new(error),
    };
    let limits = Limits::default();
    let metadata = archive::open(package, &limits).map_err(invalid)?.metadata;
    let mut seen = Seen::default();
    archive::files(package, &limits, &mut |path, size, body| {
        seen.file(path, size, body)
    })
    .map_err(invalid)?;
    let release_size = match upper_bound(seen.kept_bytes, seen.kept_files) {
        bound if bound <= RELEASE_LIMIT => None,
        _ => {
            let mut size = ReleaseSize::default();
            archive::files(package, &limits, &mut |path, _, body| size.add(path, body))
                .map_err(invalid)?;
            Some(size.finish())
        }
    };
    let requires = match metadata.annotations.get(REQUIRES) {
        None => Vec::new(),
        Some(text) => {
            Requirement::parse_annotation(text).map_err(|error| ChartsError::Requires {
                chart: listed.to_owned(),
                source: Arc::new(error),
            })?
        }
    };
    // Helm takes the chart's own definitions first
    seen.crds
        .sort_by_key(|(path, _)| !path.starts_with("crds/"));
    Ok(FetchedChart {
        digest,
        path,
        size: package.len() as u64,
        crds: seen.crds,
        has_install_hooks: seen.has_install_hooks,
        has_post_hooks: seen.has_post_hooks,
        schema: seen.schema,
        requires,
        is_library: metadata.chart_type == "library",
        name: metadata.name,
        version: metadata.version,
        app_version: metadata.app_version,
        annotations: metadata.annotations,
        kube_version: metadata.kube_version,
        release_size,
    })
}

#[derive(Default)]
struct Seen {
    crds: Vec<(String, Vec<u8>)>,
    has_install_hooks: bool,
    has_post_hooks: bool,
    schema: bool,
    /// For the files that a release keeps unchanged.
    kept_bytes: u64,
    kept_files: u64,
}

impl Seen {
    fn file(&mut self, path: &str, size: u64, body: &mut dyn Read) -> io::Result<()> {
        if is_kept(path) {
            self.kept_bytes += size;
            self.kept_files += 1;
        }
        let own = archive::path_in_own_chart(path);
        if own == "values.schema.json" {
            self.schema = true;
        } else if own.starts_with("crds/") && is_manifest(own) {
            let mut file = Vec::new();
            body.read_to_end(&mut file)?;
            // of two files at one path the later counts
            self.crds.retain(|(known, _)| known != path);
            self.crds.push((path.to_owned(), file));
        } else if own.starts_with("templates/") && !(self.has_install_hooks && self.has_post_hooks)
        {
            let mut file = Vec::new();
            body.read_to_end(&mut file)?;
            let template = String::from_utf8_lossy(&file);
            self.has_install_hooks |= has_hook(&template, &["pre-install", "post-install"]);
            self.has_post_hooks |= has_hook(
                &template,
                &["post-install", "post-upgrade", "post-rollback"],
            );
        }
        Ok(())
    }
}

/// Helm's rule for which files of `crds/` it reads.
fn is_manifest(path: &str) -> bool {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|extension| {
        ["yaml", "yml", "json"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(extension))
    })
}

/// True if a line says that it is the annotation of a hook for one of these events. `helm.sh/hook-weight` is another
/// annotation.
fn has_hook(template: &str, events: &[&str]) -> bool {
    let lines = template.lines().map(str::trim_start);
    lines.filter(|line| !line.starts_with('#')).any(|line| {
        line.split("helm.sh/hook").skip(1).any(|after| {
            !after.starts_with('-') && events.iter().any(|event| after.contains(event))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn install_hooks_are_seen_in_the_text_of_a_template() {
        for (template, expected) in [
            (
                "metadata:\n  annotations:\n    \"helm.sh/hook\": pre-install,pre-upgrade\n",
                true,
            ),
            ("    helm.sh/hook: post-install\n", true),
            ("    'helm.sh/hook': 'pre-upgrade, post-install'\n", true),
            (
                "annotations: {\"helm.sh/hook-weight\": \"1\", \"helm.sh/hook\": pre-install}\n",
                true,
            ),
            (
                "    \"helm.sh/hook\": {{ ternary \"pre-install\" \"pre-upgrade\" .Release.IsInstall }}\n",
                true,
            ),
            ("    \"helm.sh/hook\": pre-upgrade,pre-rollback\n", false),
            ("    \"helm.sh/hook\": test\n", false),
            (
                "    \"helm.sh/hook-delete-policy\": before-hook-creation\n    x: pre-install\n",
                false,
            ),
            ("    # \"helm.sh/hook\": pre-install\n", false),
            ("name: pre-install\n", false),
        ] {
            assert_eq!(
                has_hook(template, &["pre-install", "post-install"]),
                expected,
                "{template}"
            );
        }
    }

    #[test]
    fn definitions_are_the_files_that_helm_reads() {
        for (path, expected) in [
            ("crds/a.yaml", true),
            ("crds/a/b.YML", true),
            ("crds/a.json", true),
            ("crds/README.md", false),
            ("crds/yaml", false),
        ] {
            assert_eq!(is_manifest(path), expected, "{path}");
        }
    }

    #[test]
    fn the_path_in_its_own_chart_leaves_out_the_subcharts() {
        for (path, own) in [
            ("crds/a.yaml", "crds/a.yaml"),
            ("charts/a/crds/a.yaml", "crds/a.yaml"),
            ("charts/a/charts/b-1.0.0.tgz/templates/x", "templates/x"),
            ("charts/_a/crds/a.yaml", "charts/_a/crds/a.yaml"),
            ("charts/a.tgz", "charts/a.tgz"),
            ("templates/charts/a/b", "templates/charts/a/b"),
        ] {
            assert_eq!(archive::path_in_own_chart(path), own, "{path}");
        }
    }
}
