//! Whether a chart is for this version of Kubernetes.

use crate::chart::constraint::Constraint;
use crate::chart::version::Version;

/// True if a chart whose `kubeVersion` is `wanted` may be installed on `server`, as `helm install` judges it with the
/// version that the API server tells (tried with Helm 4.1.4): `+k3s1` does not count, while `-gke.100` makes a pre-release,
/// which only ranges with a pre-release (`>=1.20-0`) take. A text that is no range allows nothing.
pub fn kube_version_allows(wanted: &str, server: &Version) -> bool {
    wanted.is_empty() || Constraint::parse(wanted).is_some_and(|range| range.matches(server))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_are_for_the_servers_that_helm_takes_them_for() {
        const PLAIN: &[&str] = &["v1.20.2", "1.20.2", "v1.20.2+k3s1"];
        const PRE_RELEASES: &[&str] = &["v1.20.2-k3s1", "v1.20.2-gke.100", "v1.20.2-rc.1"];
        // what Helm 4.1.4 said to a server of such a version
        for (wanted, plain, pre_release) in [
            ("", true, true),
            (">=1.20.0", true, false),
            (">=1.20.2", true, false),
            (">=1.20.0-0", true, true),
            (">1.20.2", false, false),
            ("1.20.2", true, false),
            ("~1.20", true, false),
            (">=1.20.3-0", false, false),
            ("<1.20.2", false, false),
            ("garbage", false, false),
        ] {
            for (servers, expected) in [(PLAIN, plain), (PRE_RELEASES, pre_release)] {
                for server in servers {
                    let allowed = kube_version_allows(wanted, &Version::parse(server).unwrap());
                    assert_eq!(allowed, expected, "{wanted:?} on {server}");
                }
            }
        }
    }
}
