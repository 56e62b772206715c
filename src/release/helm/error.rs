//! Why Helm cannot be used at all, and which versions of it can.

use std::io;
use std::path::{Path, PathBuf};

/// Why Helm cannot be used at all. The program does not start then.
#[derive(Debug, thiserror::Error)]
pub enum HelmError {
    /// It is nowhere on the search path.
    #[error(
        "{} is not in any directory of PATH: install Helm 4, or say where it is with --helm-binary",
        .0.display()
    )]
    NotFound(PathBuf),

    /// The named file cannot be read.
    #[error("helm cannot be used at {}: {}; say where it is with --helm-binary", .0.display(), .1)]
    Unusable(PathBuf, #[source] io::Error),

    /// It is not executable.
    #[error(
        "{} is not a program that may be executed: make it one, or say where helm is with --helm-binary",
        .0.display()
    )]
    NotExecutable(PathBuf),

    /// It does not start.
    #[error("{} does not start: {}", .0.display(), .1)]
    NotStarted(PathBuf, String),

    /// It prints no version.
    #[error("{} does not say its version, is it Helm? it said {:?}", .0.display(), .1)]
    NoVersion(PathBuf, String),

    /// A chart does not render; whose, and what Helm says.
    #[error("helm does not render {0}: {1}")]
    NotRendered(String, String),

    /// Its version is not supported.
    #[error(
        "{} is Helm {}, and Helm 4.1 or a later 4 is needed: install that, or say where it is with --helm-binary",
        .0.display(), .1
    )]
    Version(PathBuf, String),
}

/// The version if it is at least 4.1 and less than 5.
pub(super) fn check_version(binary: &Path, version: &str) -> Result<String, HelmError> {
    match numbers(version) {
        Some((4, minor)) if minor >= 1 => Ok(version.to_owned()),
        Some(_) => Err(HelmError::Version(binary.into(), version.to_owned())),
        None => Err(HelmError::NoVersion(binary.into(), version.to_owned())),
    }
}

/// Major and minor of `v4.1.4` or `v4.2.0-rc.1+g1234567`.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.strip_prefix('v').unwrap_or(version).split('.');
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next()?.parse().ok()?;
    numbers.next()?;
    Some((major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helm_4_from_4_1_on_is_accepted() {
        for version in ["v4.1.0", "v4.1.4", "4.2.0", "v4.10.0-rc.1+g1234567"] {
            let checked = check_version(Path::new("/bin/helm"), version);
            assert_eq!(checked.expect(version), version);
        }
    }

    #[test]
    fn other_versions_are_refused_by_name() {
        let needed = "and Helm 4.1 or a later 4 is needed: install that, or say where it is with --helm-binary";
        for version in ["v4.0.5", "v3.18.0", "v5.0.0"] {
            let refusal = check_version(Path::new("/bin/helm"), version).expect_err(version);
            assert_eq!(
                refusal.to_string(),
                format!("/bin/helm is Helm {version}, {needed}")
            );
        }
        for version in [
            "",
            "four",
            "v4",
            "v4.1",
            "version.BuildInfo{Version:\"v2.1.0\"}",
        ] {
            let refusal = check_version(Path::new("/bin/helm"), version).expect_err(version);
            assert!(
                refusal
                    .to_string()
                    .starts_with("/bin/helm does not say its version"),
                "{refusal}"
            );
        }
    }
}
