//! The configuration of the Component controller: its cluster, repository and helm, and its limits.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::bounds::Bounds;
use crate::config::Logging;

/// The controller's configuration, checked (docs/components.md 4.3 and 16).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerConfig {
    /// Address of the chart repository, `http://…` or `https://…` without a slash at its end. `None` is the server in
    /// this process; never `None` where the controller runs alone.
    pub repository_url: Option<String>,
    /// Where people reach this process's repository, if that is not what it tells itself: in a pod, its Service.
    pub service_url: Option<String>,
    /// The helm program; `None` searches `PATH` for `helm`.
    pub helm_binary: Option<PathBuf>,
    /// Work only while holding the Lease.
    pub leader_elect: bool,
    /// Namespace of the Lease; `None` is the pod's own, or that of the kubeconfig's context.
    pub leader_elect_namespace: Option<String>,
    /// Name of the Lease, a DNS subdomain.
    pub lease_name: String,
    /// How long the Lease is held, and how often renewed.
    pub lease: LeaseTimes,
    /// Where `/metrics` is served; `None` is nowhere.
    pub metrics_bind_address: Option<BindAddress>,
    /// Where `/healthz` and `/readyz` are served; `None` is nowhere.
    pub health_probe_bind_address: Option<BindAddress>,
    /// Helm operations at once (docs/components.md 4.3).
    pub concurrency: NonZeroUsize,
    /// Components reconciled at the same time.
    pub reconciles: NonZeroUsize,
    /// Directory of fetched charts; `None` is a temporary one.
    pub cache_dir: Option<PathBuf>,
    /// Bytes of fetched charts that are kept at most.
    pub chart_cache_size: u64,
    /// Bytes of a repository's index that are read at most.
    pub helm_index_max_size: u64,
    /// The kubeconfig, as in `KUBECONFIG`: one path, or several joined like those of `PATH`. `None` is what a
    /// client finds by itself: the pod's account, or the user's own file.
    pub kubeconfig: Option<PathBuf>,
    /// How long an implicit Component that nobody requires is kept.
    pub implicit_grace: Duration,
    /// How often what cannot be watched is checked.
    pub safety_poll: Duration,
    /// Labels of the namespaces that the controller creates or binds (docs/components.md 2.3).
    pub namespace_labels: BTreeMap<String, String>,
    /// The only namespace whose Components are reconciled; `None` is all.
    pub watch_namespace: Option<String>,
    /// What Components may ask for.
    pub bounds: Bounds,
}

/// The times of leader election; `retry_period` < `renew_deadline` < `duration` (docs/components.md 16.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTimes {
    /// How long others wait after the last renewal that they saw; whole seconds, at least one.
    pub duration: Duration,
    /// How long the holder goes on without a renewal that succeeded.
    pub renew_deadline: Duration,
    /// How long between two attempts.
    pub retry_period: Duration,
}

impl Default for LeaseTimes {
    /// 15 s, 10 s and 2 s, as controller-runtime has them.
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindAddress {
    /// A name or an address, IPv6 without brackets; `None` is every address of the machine.
    pub host: Option<String>,
    /// The port; 0 lets the system choose.
    pub port: u16,
}

impl BindAddress {
    /// Reads `host:port`, `[v6]:port` or `:port`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok()?;
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let is_v6 = bare.is_some();
        let host = bare.unwrap_or(host);
        let strange = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '[' | ']' | '/');
        if host.contains(strange) || host.contains(':') != is_v6 {
            return None;
        }
        Some(Self {
            host: Some(host.to_owned()).filter(|host| !host.is_empty()),
            port,
        })
    }

    /// True if both cannot be bound at the same time, as far as their texts show.
    pub(super) fn collides(&self, other: &Self) -> bool {
        let is_any =
            |host: &Option<String>| matches!(host.as_deref(), None | Some("0.0.0.0" | "::"));
        self.port != 0
            && self.port == other.port
            && (is_any(&self.host) || is_any(&other.host) || self.host == other.host)
    }
}

impl fmt::Display for BindAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.as_deref() {
            None => write!(f, ":{}", self.port),
            Some(host) if host.contains(':') => write!(f, "[{host}]:{}", self.port),
            Some(host) => write!(f, "{host}:{}", self.port),
        }
    }
}

/// The configuration of `chartroom controller`: the controller without a server beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerAlone {
    /// The controller; it has a `repository_url`.
    pub controller: ControllerConfig,
    /// What is logged, and how.
    pub logging: Logging,
    /// Sentences to log at start: options that are deprecated or change nothing.
    pub warnings: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> BindAddress {
        BindAddress::parse(text).unwrap_or_else(|| panic!("{text} is an address"))
    }

    #[test]
    fn addresses_are_read_as_go_reads_them() {
        for (text, host, port) in [
            (":8081", None, 8081),
            (":0", None, 0),
            ("127.0.0.1:1", Some("127.0.0.1"), 1),
            ("localhost:65535", Some("localhost"), 65535),
            ("[::1]:80", Some("::1"), 80),
            ("[::]:80", Some("::"), 80),
        ] {
            let read = address(text);
            assert_eq!((read.host.as_deref(), read.port), (host, port), "{text}");
            assert_eq!(read.to_string(), text);
        }
        for text in [
            "",
            "8081",
            ":",
            ":65536",
            ":-1",
            ":http",
            "::1:80",
            "[x]:80",
            "a b:1",
            "[::1]",
            "http://a:1",
            "[]:1",
        ] {
            assert_eq!(BindAddress::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn two_listeners_collide_on_one_port_of_one_address() {
        for (one, other, expected) in [
            (":1", ":1", true),
            (":1", "127.0.0.1:1", true),
            ("0.0.0.0:1", "127.0.0.1:1", true),
            ("127.0.0.1:1", "127.0.0.1:1", true),
            ("127.0.0.1:1", "127.0.0.2:1", false),
            (":1", ":2", false),
            (":0", ":0", false),
        ] {
            assert_eq!(
                address(one).collides(&address(other)),
                expected,
                "{one} {other}"
            );
            assert_eq!(
                address(other).collides(&address(one)),
                expected,
                "{other} {one}"
            );
        }
    }
}
