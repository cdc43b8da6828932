//! A bound on guessing.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// Failed attempts allowed to one address in one window.
const FAILURES_MAX: u32 = 20;
const WINDOW: Duration = Duration::from_secs(1);
/// Most addresses remembered; beyond it old ones are forgotten, then new ones are refused.
const ADDRESSES_MAX: usize = 4_096;

/// Counts failed attempts per address. Right keys are never held up by it.
#[derive(Debug, Default)]
pub(crate) struct FailureLimiter {
    addresses: Mutex<HashMap<IpAddr, (Instant, u32)>>,
}

impl FailureLimiter {
    /// Counts one; says whether the address may go on failing.
    pub(crate) fn count(&self, peer: IpAddr, now: Instant) -> bool {
        // A panic while the lock is held leaves a map that is as good as any.
        let mut addresses = self.addresses.lock();
        let peer = network(peer);
        if addresses.len() >= ADDRESSES_MAX && !addresses.contains_key(&peer) {
            addresses.retain(|_, (since, _)| now.duration_since(*since) < WINDOW);
            if addresses.len() >= ADDRESSES_MAX {
                return false;
            }
        }
        let (since, count) = addresses.entry(peer).or_insert((now, 0));
        if now.duration_since(*since) >= WINDOW {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= FAILURES_MAX
    }
}

/// One client often holds a whole IPv6 /64.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(v6) => {
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::from(u64::MAX) << 64)))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_fail_twenty_times_a_second() {
        let limiter = FailureLimiter::default();
        let now = Instant::now();
        let peer = "2001:db8::1".parse().unwrap();
        let neighbour = "2001:db8::2".parse().unwrap();
        assert!((0..FAILURES_MAX).all(|_| limiter.count(peer, now)));
        assert!(!limiter.count(neighbour, now));
        assert!(limiter.count("192.0.2.1".parse().unwrap(), now));
        assert!(limiter.count(peer, now + WINDOW));
    }

    #[test]
    fn remembered_addresses_are_bounded() {
        let limiter = FailureLimiter::default();
        let now = Instant::now();
        for number in 0..ADDRESSES_MAX as u32 + 10 {
            limiter.count(IpAddr::V4(number.into()), now);
        }
        assert_eq!(limiter.addresses.lock().len(), ADDRESSES_MAX);
        assert!(limiter.count(IpAddr::V4(u32::MAX.into()), now + WINDOW));
    }
}
