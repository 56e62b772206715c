//! Helm's environment: empty but for what is named here (docs/components.md 5.6).

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How Helm is run, the same for every call.
#[derive(Clone, Debug)]
pub struct HelmSettings {
    /// Helm, an absolute path; [`super::find`] finds it.
    pub binary: PathBuf,
    /// A writable directory for `HOME` and caches, created if missing.
    pub home: PathBuf,
    /// Variables for the API server: `KUBECONFIG`, or `KUBERNETES_SERVICE_*`, or `HELM_KUBE*`. They may override those
    /// that are set by default.
    pub environment: Vec<(OsString, OsString)>,
    /// How long Helm may take to end by itself after its deadline, between SIGTERM and SIGKILL.
    pub grace: Duration,
    /// `GOMEMLIMIT` in bytes.
    pub memory_limit: Option<u64>,
    /// `GOGC` in percent.
    pub gogc: Option<u32>,
    /// The program that starts Helm, with [`super::launcher::ARGUMENT`] as its first argument; `None` is this program
    /// as it runs now, even if its file has been replaced since.
    pub launcher: Option<PathBuf>,
}

/// All variables of Helm; of two with one name the later counts.
pub fn variables(settings: &HelmSettings) -> Vec<(OsString, OsString)> {
    let below = |name: &str| settings.home.join(name).into_os_string();
    let mut variables: Vec<(OsString, OsString)> = vec![
        ("HOME".into(), settings.home.clone().into()),
        ("HELM_CACHE_HOME".into(), below("cache")),
        ("HELM_CONFIG_HOME".into(), below("config")),
        ("HELM_DATA_HOME".into(), below("data")),
        ("HELM_NO_PLUGINS".into(), "1".into()),
        ("NO_COLOR".into(), "1".into()),
        ("HELM_DRIVER".into(), "secret".into()),
        ("HELM_BURST_LIMIT".into(), "100".into()),
    ];
    if let Some(bytes) = settings.memory_limit {
        variables.push(("GOMEMLIMIT".into(), bytes.to_string().into()));
    }
    if let Some(percent) = settings.gogc {
        variables.push(("GOGC".into(), percent.to_string().into()));
    }
    variables.extend(settings.environment.iter().cloned());
    variables
}

/// The candidates for a program in a search path such as `PATH`: in each absolute directory.
pub(super) fn candidates(name: &Path, path: &OsStr) -> impl Iterator<Item = PathBuf> {
    std::env::split_paths(path)
        .filter(|directory| directory.is_absolute())
        .map(move |directory| directory.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> HelmSettings {
        HelmSettings {
            binary: "/usr/bin/helm".into(),
            home: "/var/helm".into(),
            environment: Vec::new(),
            grace: Duration::from_secs(30),
            memory_limit: None,
            gogc: None,
            launcher: None,
        }
    }

    fn lines(settings: &HelmSettings) -> Vec<String> {
        let text = |text: &OsString| text.to_str().expect("UTF-8").to_owned();
        variables(settings)
            .iter()
            .map(|(name, value)| format!("{}={}", text(name), text(value)))
            .collect()
    }

    #[test]
    fn helm_is_told_where_it_may_write_and_nothing_of_ours() {
        let expected = [
            "HOME=/var/helm",
            "HELM_CACHE_HOME=/var/helm/cache",
            "HELM_CONFIG_HOME=/var/helm/config",
            "HELM_DATA_HOME=/var/helm/data",
            "HELM_NO_PLUGINS=1",
            "NO_COLOR=1",
            "HELM_DRIVER=secret",
            "HELM_BURST_LIMIT=100",
        ];
        assert_eq!(lines(&settings()), expected);
    }

    #[test]
    fn limits_and_the_way_to_the_cluster_are_added() {
        let settings = HelmSettings {
            memory_limit: Some(90 * 1024 * 1024),
            gogc: Some(50),
            environment: vec![("KUBECONFIG".into(), "/etc/kubeconfig".into())],
            ..settings()
        };
        let added = &lines(&settings)[8..];
        assert_eq!(
            added,
            [
                "GOMEMLIMIT=94371840",
                "GOGC=50",
                "KUBECONFIG=/etc/kubeconfig"
            ]
        );
    }
}
