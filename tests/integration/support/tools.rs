//! Where the programs are that `make tools` installs.

use std::path::PathBuf;

use super::version::{Program, version};

/// The folder with the programs: `CHARTROOM_TOOLS`, or where `tests/tools/install.sh` puts them by itself.
pub fn folder() -> PathBuf {
    if let Some(tools) = std::env::var_os("CHARTROOM_TOOLS") {
        return tools.into();
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    cache.expect("a home directory").join("chartroom/tools")
}

/// One of the programs by its path below that folder, such as `hadolint-2.15.1/hadolint`.
#[track_caller]
pub fn tool(path: &str) -> PathBuf {
    let path = folder().join(path);
    assert!(
        path.is_file(),
        "{} is missing: run `make tools`, it installs what the tests need",
        path.display()
    );
    path
}

/// The helm of this version, such as `3.18.0`.
#[track_caller]
pub fn helm(version: &str) -> PathBuf {
    tool(&format!("helm-{version}/helm"))
}

/// A program of Kubernetes, such as `kube-apiserver` or `kubectl`, of the version that this run is for; or `etcd`.
#[track_caller]
pub fn control_plane(program: &str) -> PathBuf {
    match program {
        "etcd" => tool(&format!("etcd-{}/etcd", version(Program::Etcd))),
        _ => kubernetes(&version(Program::Kubernetes), program),
    }
}

/// A program of Kubernetes of this version.
#[track_caller]
pub fn kubernetes(version: &str, program: &str) -> PathBuf {
    tool(&format!("kubernetes-{version}/{program}"))
}
