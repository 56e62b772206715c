//! Names of hosts, looked up; where only other machines may be meant, addresses of this one and its link are none.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::vec;

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower::Service;

/// The system's resolver.
#[derive(Clone)]
pub(super) struct Resolver {
    system: GaiResolver,
    /// Addresses that are inward count as not found.
    outward_only: bool,
}

impl Resolver {
    pub(super) fn new(outward_only: bool) -> Self {
        Self {
            system: GaiResolver::new(),
            outward_only,
        }
    }
}

type Found = Result<vec::IntoIter<SocketAddr>, io::Error>;

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Found> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Service::<Name>::poll_ready(&mut self.system, context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let outward_only = self.outward_only;
        let asked = self.system.call(name);
        Box::pin(async move {
            let mut found: Vec<SocketAddr> = asked.await?.collect();
            if outward_only {
                found.retain(|address| !is_inward(address.ip()));
                if found.is_empty() {
                    return Err(io::Error::other(
                        "its name leads to this machine or its link, where no redirect and no index may lead",
                    ));
                }
            }
            Ok(found.into_iter())
        })
    }
}

/// True for a host that is an inward address by itself; a name is looked up later.
pub(super) fn is_inward_literal(host: &str) -> bool {
    let bare = (host.strip_prefix('[')).and_then(|host| host.strip_suffix(']'));
    let address = bare.unwrap_or(host).parse();
    address.is_ok_and(is_inward) || host.eq_ignore_ascii_case("localhost")
}

/// True for addresses of this machine, of its link, and of a cloud's metadata.
fn is_inward(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_broadcast()
                || address.is_multicast()
                || address.octets() == [100, 100, 100, 200]
        }
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unicast_link_local()
                || address.is_unspecified()
                || address.is_multicast()
                || address.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inward_addresses_are_known_in_every_notation() {
        for (text, expected) in [
            ("127.0.0.1", true),
            ("127.8.8.8", true),
            ("[::1]", true),
            ("[::ffff:127.0.0.1]", true),
            ("0.0.0.0", true),
            ("169.254.169.254", true),
            ("[fe80::1]", true),
            ("[fd00:ec2::254]", true),
            ("localhost", true),
            ("10.0.0.1", false),
            ("192.168.1.1", false),
            ("[2001:db8::1]", false),
            // looked up: the resolver says what it means
            ("2130706433", false),
            ("charts.example.com", false),
        ] {
            assert_eq!(is_inward_literal(text), expected, "{text}");
        }
    }

    #[tokio::test]
    async fn numbers_and_names_that_lead_inward_are_not_found() {
        for name in ["localhost", "2130706433", "0x7f000001"] {
            let ask = |outward_only| {
                let name: Name = name.parse().expect("a name");
                Resolver::new(outward_only).call(name)
            };
            let all = ask(false).await;
            assert!(
                all.is_ok_and(|mut found| found.any(|one| one.ip().is_loopback())),
                "{name}"
            );
            assert!(ask(true).await.is_err(), "{name}");
        }
    }
}
