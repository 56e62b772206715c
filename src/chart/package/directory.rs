//! Reading a chart directory as Helm does: `.helmignore` applied, links followed, everything in a fixed order.

use std::fs;
use std::path::{Path, PathBuf};

use crate::chart::archive::Limits;
use crate::chart::ignore::IgnoreRules;
use crate::chart::package::PackageError;

/// Directories inside one another; a link to a directory above it would otherwise never end.
const DEEPEST: usize = 64;

/// The files that belong into the package: `Chart.yaml` first, so that listing a package need not read all of it, then
/// the others sorted by path.
pub(super) fn read_chart(
    dir: &Path,
    limits: &Limits,
) -> Result<Vec<(String, Vec<u8>)>, PackageError> {
    if !dir.join("Chart.yaml").is_file() {
        return Err(PackageError::NotAChart(dir.to_owned()));
    }
    let ignore_file = dir.join(".helmignore");
    let ignore = if ignore_file.is_file() {
        fs::read(&ignore_file).map_err(|error| PackageError::Read(ignore_file.clone(), error))?
    } else {
        Vec::new()
    };
    let rules =
        IgnoreRules::parse(&ignore).map_err(|error| PackageError::Ignore(dir.to_owned(), error))?;
    let mut walk = Walk {
        rules,
        limits: *limits,
        left: limits.total,
        files: Vec::new(),
    };
    walk.directory(dir, "", 0)?;
    let mut files = walk.files;
    files.sort_unstable_by(|(a, _), (b, _)| (a != "Chart.yaml", a).cmp(&(b != "Chart.yaml", b)));
    Ok(files)
}

struct Walk {
    rules: IgnoreRules,
    limits: Limits,
    /// Bytes that may still be read.
    left: u64,
    files: Vec<(String, Vec<u8>)>,
}

impl Walk {
    fn directory(&mut self, dir: &Path, inside: &str, depth: usize) -> Result<(), PackageError> {
        if depth > DEEPEST {
            return Err(PackageError::TooLarge(
                dir.to_owned(),
                "too many directories inside one another",
            ));
        }
        let read = |error| PackageError::Read(dir.to_owned(), error);
        for entry in fs::read_dir(dir).map_err(read)? {
            let path = entry.map_err(read)?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let name = name.ok_or_else(|| PackageError::Irregular(path.clone()))?;
            let inside = if inside.is_empty() {
                name.to_owned()
            } else {
                format!("{inside}/{name}")
            };
            // a link that leads nowhere may still be one that .helmignore names
            if self.rules.ignores(&inside, false) && self.rules.ignores(&inside, true) {
                continue;
            }
            let metadata =
                fs::metadata(&path).map_err(|error| PackageError::Read(path.clone(), error))?;
            if self.rules.ignores(&inside, metadata.is_dir()) {
                continue;
            }
            if metadata.is_dir() {
                self.directory(&path, &inside, depth + 1)?;
            } else if metadata.is_file() && !name.contains('\\') {
                self.file(path, inside, metadata.len())?;
            } else {
                return Err(PackageError::Irregular(path));
            }
        }
        Ok(())
    }

    fn file(&mut self, path: PathBuf, inside: String, size: u64) -> Result<(), PackageError> {
        if size > self.limits.file {
            return Err(PackageError::TooLarge(path, "a file may have 5 MiB"));
        }
        if size > self.left || self.files.len() >= self.limits.entries {
            return Err(PackageError::TooLarge(
                path,
                "all files together may have 100 MiB",
            ));
        }
        self.left -= size;
        let content = fs::read(&path).map_err(|error| PackageError::Read(path, error))?;
        self.files.push((inside, content));
        Ok(())
    }
}
