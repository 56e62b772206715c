//! From which repositories charts may come.

use std::fmt;
use std::str::FromStr;

use crate::bounds::namespaces::matches;
use crate::remote::address::Address;

/// The word for all Services of the cluster.
const CLUSTER: &str = "cluster";
/// What the names of Services end with, where they have a dot at all.
const CLUSTER_DOMAINS: [&str; 2] = [".svc", ".cluster.local"];

/// Patterns, of which an address must match one. The default allows Services of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedRepositories(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    /// `*`
    Any,
    /// `cluster`
    Cluster,
    /// `HOST` or `HOST:PORT`, with stars in the host.
    Host(String, Option<u16>),
    /// `https://HOST/PATH`: that path and all below it.
    Url(Address),
}

/// A text is no list of patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a list of cluster, *, HOST, *.DOMAIN or http(s)://HOST/PATH, joined by commas")]
pub struct RepositoryPatternError;

impl AllowedRepositories {
    /// All repositories, wherever they are.
    pub fn all() -> Self {
        Self(vec![Pattern::Any])
    }

    /// As the default, and what is served on this machine: for a controller outside of any cluster, where nobody but its
    /// user reaches that.
    pub fn on_a_desk() -> Self {
        let here = ["127.0.0.1", "localhost", "[::1]"];
        let here = here.map(|host| Pattern::Host(host.to_owned(), None));
        Self([Pattern::Cluster].into_iter().chain(here).collect())
    }

    /// True if charts may come from this address.
    pub fn allow(&self, address: &Address) -> bool {
        let host = address.host();
        self.0.iter().any(|pattern| match pattern {
            Pattern::Any => true,
            Pattern::Cluster => is_of_cluster(host),
            Pattern::Host(pattern, port) => {
                matches(pattern, host) && port.is_none_or(|port| port == address.port())
            }
            Pattern::Url(above) => above.has_origin_of(address) && above.is_above(address),
        })
    }
}

impl Default for AllowedRepositories {
    fn default() -> Self {
        Self(vec![Pattern::Cluster])
    }
}

impl FromStr for AllowedRepositories {
    type Err = RepositoryPatternError;

    fn from_str(text: &str) -> Result<Self, RepositoryPatternError> {
        let patterns = (text.split(',').map(str::trim)).filter(|pattern| !pattern.is_empty());
        patterns.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for Pattern {
    type Err = RepositoryPatternError;

    fn from_str(text: &str) -> Result<Self, RepositoryPatternError> {
        match text {
            "*" => return Ok(Self::Any),
            CLUSTER => return Ok(Self::Cluster),
            _ => {}
        }
        if text.contains("://") {
            let address = Address::parse(text).map_err(|_| RepositoryPatternError)?;
            if address.has_credentials() {
                return Err(RepositoryPatternError);
            }
            return Ok(Self::Url(address));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !text.ends_with(']') => (
                host,
                Some(port.parse().map_err(|_| RepositoryPatternError)?),
            ),
            _ => (text, None),
        };
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-._*:[]".contains(&byte);
        if host.is_empty() || !host.bytes().all(is_inner) {
            return Err(RepositoryPatternError);
        }
        Ok(Self::Host(host.to_ascii_lowercase(), port))
    }
}

/// As the option has it; for messages.
impl fmt::Display for AllowedRepositories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none but this server");
        }
        for (number, pattern) in self.0.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            f.write_str(comma)?;
            match pattern {
                Pattern::Any => f.write_str("*")?,
                Pattern::Cluster => f.write_str(CLUSTER)?,
                Pattern::Host(host, None) => f.write_str(host)?,
                Pattern::Host(host, Some(port)) => write!(f, "{host}:{port}")?,
                Pattern::Url(address) => write!(f, "{address}")?,
            }
        }
        Ok(())
    }
}

/// True for the name of a Service: without a dot, or below one of the cluster's domains. What resolvers take for a
/// number, and names of this machine, are none.
fn is_of_cluster(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_domain = CLUSTER_DOMAINS.iter().any(|domain| host.ends_with(domain));
    // a label of a Service begins with a letter (RFC 1035), so that numbers in all their notations are none
    host.starts_with(|first: char| first.is_ascii_lowercase())
        && host != "localhost"
        && (is_domain || !host.contains(['.', ':', '[']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(patterns: &str, url: &str) -> bool {
        let patterns: AllowedRepositories = patterns
            .parse()
            .unwrap_or_else(|_| panic!("{patterns} are patterns"));
        patterns.allow(&Address::parse(url).unwrap_or_else(|_| panic!("{url} is an address")))
    }

    #[test]
    fn services_of_the_cluster_are_known_by_their_names() {
        for (url, expected) in [
            ("http://charts:8080", true),
            ("http://charts.infra.svc", true),
            ("http://charts.infra.svc.cluster.local:8080/x", true),
            ("http://charts.infra.svc.cluster.local.", true),
            ("http://CHARTS", true),
            ("http://charts.example.com", false),
            ("http://charts.infra", false),
            ("http://localhost:9000", false),
            ("http://127.0.0.1", false),
            ("http://2130706433", false),
            ("http://0x7f000001", false),
            ("http://017700000001", false),
            ("http://[::1]:80", false),
            ("http://169.254.169.254", false),
            ("http://svc", true),
            ("http://evil.com/.svc", false),
        ] {
            assert_eq!(allowed("cluster", url), expected, "{url}");
        }
    }

    #[test]
    fn a_path_allows_what_is_below_it_and_nothing_beside_it() {
        let pattern = "https://charts.example.com/stable";
        for (url, expected) in [
            ("https://charts.example.com/stable", true),
            ("https://charts.example.com/stable/a", true),
            ("https://charts.example.com:443/stable", true),
            ("https://charts.example.com/stable2", false),
            ("https://charts.example.com/", false),
            ("http://charts.example.com/stable", false),
            ("https://charts.example.com:8443/stable", false),
            ("https://charts.example.com.evil.com/stable", false),
        ] {
            assert_eq!(allowed(pattern, url), expected, "{url}");
        }
    }

    #[test]
    fn hosts_may_have_stars_and_ports() {
        for (pattern, url, expected) in [
            ("*.example.com", "https://a.example.com", true),
            ("*.example.com", "https://example.com", false),
            ("charts.example.com", "http://charts.example.com:8080", true),
            (
                "charts.example.com:8080",
                "http://charts.example.com:8080",
                true,
            ),
            (
                "charts.example.com:8080",
                "http://charts.example.com",
                false,
            ),
            ("127.0.0.1:9000", "http://127.0.0.1:9000/x", true),
            ("*", "http://169.254.169.254", true),
            ("", "http://charts", false),
            ("cluster, *.example.com", "http://charts", true),
        ] {
            assert_eq!(allowed(pattern, url), expected, "{pattern} and {url}");
        }
    }

    #[test]
    fn at_a_desk_this_machine_is_allowed_too() {
        let allows = |url: &str| {
            let address = Address::parse(url).expect("an address");
            AllowedRepositories::on_a_desk().allow(&address)
        };
        for url in [
            "http://127.0.0.1:9000/x",
            "http://localhost",
            "http://[::1]:1",
            "http://charts",
        ] {
            assert!(allows(url), "{url}");
        }
        for url in [
            "http://169.254.169.254",
            "https://charts.example.com",
            "http://127.0.0.2",
        ] {
            assert!(!allows(url), "{url}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["ftp://a", "a b", "https://u:p@a", "a:port", "http://"] {
            let read = text.parse::<AllowedRepositories>();
            assert_eq!(read, Err(RepositoryPatternError), "{text}");
        }
    }
}
