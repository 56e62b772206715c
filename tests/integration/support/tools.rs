//! Where the programs are that `make test` installs.

use std::path::PathBuf;

/// The folder with the clients: `CHARTROOM_TOOLS`, or where `tests/tools/install.sh` puts them by itself.
pub fn folder() -> PathBuf {
    if let Some(tools) = std::env::var_os("CHARTROOM_TOOLS") {
        return tools.into();
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    cache.expect("a home directory").join("chartroom/tools")
}

/// One of the programs by its path below that folder, such as `helm-4.1.4/helm`.
#[track_caller]
pub fn tool(path: &str) -> PathBuf {
    installed(folder().join(path))
}

/// A program of the control plane, such as `etcd`: out of `KUBEBUILDER_ASSETS` if that is set.
#[track_caller]
pub fn control_plane(program: &str) -> PathBuf {
    match std::env::var_os("KUBEBUILDER_ASSETS") {
        Some(assets) if !assets.is_empty() => {
            let path = PathBuf::from(assets).join(program);
            assert!(path.is_file(), "KUBEBUILDER_ASSETS has no {program}");
            path
        }
        _ => tool(&format!("control-plane-1.20.2/{program}")),
    }
}

#[track_caller]
fn installed(path: PathBuf) -> PathBuf {
    assert!(
        path.is_file(),
        "{} is missing: run `make test`, it installs what the tests need",
        path.display()
    );
    path
}
