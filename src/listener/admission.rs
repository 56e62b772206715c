//! Which connections are let in: as many as there are places, and once most are taken no client more than its share.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A refusal is logged once in this time: who is refused tries again at once.
const SAID_ONCE_IN: Duration = Duration::from_secs(60);

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    /// Any address of it.
    pub address: IpAddr,
    /// How many bits of the address all of it has.
    pub prefix: u8,
}

impl AddressRange {
    /// True if it has this address; one of IPv4 in IPv6's clothes counts as what it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix.min(32)));
                (own.to_bits() ^ other.to_bits()) & mask.unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix.min(128)));
                (own.to_bits() ^ other.to_bits()) & mask.unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// What one client may have of all connections.
#[derive(Clone, Debug, Default)]
pub struct ClientShare {
    /// Connections of one address, once three quarters of all places are taken. `None` is as many as there are.
    pub connections: Option<usize>,
    /// Addresses that stand for many clients, such as those of an ingress controller: they have no share, nor has this
    /// machine itself.
    pub proxies: Vec<AddressRange>,
}

/// The places, and who has them.
pub(super) struct Admission {
    places: Arc<Semaphore>,
    all: usize,
    share: ClientShare,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    began: Instant,
    /// Milliseconds after `began` before which no refusal is logged.
    quiet_until: AtomicU64,
}

/// A place, until it is dropped.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    client: Option<IpAddr>,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Admission {
    pub(super) fn new(all: usize, share: ClientShare) -> Self {
        Self {
            places: Arc::new(Semaphore::new(all)),
            all,
            share,
            taken: Arc::default(),
            began: Instant::now(),
            quiet_until: AtomicU64::new(0),
        }
    }

    /// True if there is no place left.
    pub(super) fn is_full(&self) -> bool {
        self.places.available_permits() == 0
    }

    /// True if so many places are taken that they are shared out.
    pub(super) fn is_crowded(&self) -> bool {
        self.places.available_permits() * 4 <= self.all
    }

    /// Places that are taken.
    pub(super) fn taken(&self) -> usize {
        self.all - self.places.available_permits()
    }

    /// False for a client that has its share.
    pub(super) fn admits(&self, client: IpAddr) -> bool {
        let (Some(share), Some(client)) = (self.share.connections, self.counted(client)) else {
            return true;
        };
        if !self.is_crowded() {
            return true;
        }
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let has = taken.get(&client).copied().unwrap_or(0);
        if has >= share {
            self.say_refused(client, has);
        }
        has < share
    }

    /// Waits for a place.
    pub(super) async fn place(&self, client: IpAddr) -> Place {
        let permit = Arc::clone(&self.places).acquire_owned().await;
        let client = self.counted(client);
        if let Some(client) = client {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            *taken.entry(client).or_default() += 1;
        }
        Place {
            _permit: permit.expect("the semaphore is never closed"),
            client,
            taken: Arc::clone(&self.taken),
        }
    }

    /// Waits until all places are free.
    pub(super) async fn all_left(&self) {
        let all = u32::try_from(self.all).unwrap_or(u32::MAX);
        let _ = self.places.acquire_many(all).await;
    }

    /// The address that a client's connections are counted by: a network of IPv6 is one client, who may choose among its
    /// addresses. `None` for those without a share.
    fn counted(&self, client: IpAddr) -> Option<IpAddr> {
        self.share.connections?;
        let client = client.to_canonical();
        let exempt = client.is_loopback()
            || (self.share.proxies.iter()).any(|proxies| proxies.contains(client));
        let client = match client {
            IpAddr::V4(_) => client,
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        };
        (!exempt).then_some(client)
    }

    fn say_refused(&self, client: IpAddr, connections: usize) {
        let now = self.began.elapsed();
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let quiet = self.quiet_until.load(Ordering::Relaxed);
        if millis(now) >= quiet {
            let until = millis(now + SAID_ONCE_IN);
            self.quiet_until.store(until, Ordering::Relaxed);
            tracing::warn!(
                client = %client,
                connections,
                advice = "if this is a proxy for many, name it in --trusted-proxies",
                "A client has its share of connections while there are few left: further ones are closed"
            );
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(client) = self.client else { return };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn range(address: &str, prefix: u8) -> AddressRange {
        AddressRange {
            address: ip(address),
            prefix,
        }
    }

    #[test]
    fn a_range_has_what_shares_its_prefix() {
        for (range, address, has) in [
            (range("10.1.0.0", 16), "10.1.2.3", true),
            (range("10.1.0.0", 16), "10.2.2.3", false),
            (range("10.1.0.0", 16), "::ffff:10.1.2.3", true),
            (range("10.1.2.3", 32), "10.1.2.3", true),
            (range("10.1.2.3", 32), "10.1.2.4", false),
            (range("0.0.0.0", 0), "192.0.2.1", true),
            (range("0.0.0.0", 0), "2001:db8::1", false),
            (range("2001:db8::", 32), "2001:db8:1::1", true),
            (range("2001:db8::", 32), "2001:db9::1", false),
        ] {
            assert_eq!(range.contains(ip(address)), has, "{range:?} {address}");
        }
    }

    #[tokio::test]
    async fn a_client_gets_no_more_than_its_share_once_few_places_are_left() {
        let share = ClientShare {
            connections: Some(2),
            proxies: vec![range("10.0.0.0", 8)],
        };
        let admission = Admission::new(8, share);
        let (greedy, other) = (ip("192.0.2.1"), ip("192.0.2.2"));
        let mut places = Vec::new();
        for _ in 0..6 {
            assert!(admission.admits(greedy), "there is plenty");
            places.push(admission.place(greedy).await);
        }
        assert!(!admission.admits(greedy));
        assert!(admission.admits(other));
        assert!(admission.admits(ip("10.1.2.3")), "a proxy");
        assert!(admission.admits(ip("127.0.0.1")), "this machine");
        places.truncate(1);
        assert!(admission.admits(greedy));
    }

    #[tokio::test]
    async fn a_network_of_ipv6_is_one_client() {
        let share = ClientShare {
            connections: Some(1),
            proxies: Vec::new(),
        };
        let admission = Admission::new(1, share);
        let _place = admission.place(ip("2001:db8::1")).await;
        assert!(!admission.admits(ip("2001:db8::2")));
        assert!(admission.admits(ip("2001:db8:0:1::2")));
    }
}
