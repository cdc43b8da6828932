//! Who asks: credentials of a request, and a bound on guessing.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use isobase_auth::{Denied, Permission, Principal};

use crate::{Problem, ProblemCode, connection::Connection};

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"isobase\"");

/// Failed attempts allowed to one address in one window.
const FAILURES_MAX: u32 = 20;
const WINDOW: Duration = Duration::from_secs(1);
/// Most addresses remembered; beyond it old ones are forgotten, then new ones are refused.
const ADDRESSES_MAX: usize = 4_096;

/// Decides whether a request may go on, as whom.
pub(crate) fn admit(
    connection: &Connection,
    headers: &HeaderMap,
    permission: Permission,
) -> Result<Principal, Problem> {
    let app = &connection.app;
    let denied = match app.authorizer.authorize(credentials(headers), permission) {
        Ok(principal) => return Ok(principal),
        Err(denied) => denied,
    };
    match denied {
        Denied::Forbidden => {
            let asked = match permission {
                Permission::Public | Permission::Read => "read",
                Permission::Write => "write",
                Permission::Admin => "admin",
            };
            Err(Problem::new(
                ProblemCode::Forbidden,
                format!("the key's scope does not allow this; it takes the scope {asked}"),
            ))
        }
        Denied::Unauthenticated => {
            app.metrics.failed_authentications.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if app.failures.count(connection.peer, Instant::now()) {
                Err(Problem::new(
                    ProblemCode::Unauthenticated,
                    "send a valid key as 'Authorization: Bearer <key>' or 'X-API-Key: <key>'",
                )
                .with_header(header::WWW_AUTHENTICATE, CHALLENGE))
            } else {
                Err(Problem::new(
                    ProblemCode::TooManyFailures,
                    "too many requests without a valid key came from this address",
                ))
            }
        }
    }
}

/// The key a request carries. Only headers are looked at: a URL ends up in logs. Two different
/// keys are no key.
fn credentials(headers: &HeaderMap) -> Option<&str> {
    let bearer = single(headers, header::AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim_start_matches(' '))
    });
    match (bearer, single(headers, X_API_KEY)) {
        (Some(bearer), Some(key)) if bearer != key => Some(""),
        (Some(key), _) | (None, Some(key)) => Some(key),
        (None, None) => None,
    }
}

fn single(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// Counts failed attempts per address. Right keys are never held up by it.
#[derive(Debug, Default)]
pub(crate) struct FailureLimiter {
    addresses: Mutex<HashMap<IpAddr, (Instant, u32)>>,
}

impl FailureLimiter {
    /// Counts one; says whether the address may go on failing.
    fn count(&self, peer: IpAddr, now: Instant) -> bool {
        // A panic while the lock is held leaves a map that is as good as any.
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
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

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn keys_come_from_two_headers() {
        let cases = [
            (&[] as &[_], None),
            (&[("authorization", "Bearer a")], Some("a")),
            (&[("authorization", "bearer  a")], Some("a")),
            (&[("authorization", "Basic a")], None),
            (&[("x-api-key", "a")], Some("a")),
            (&[("x-api-key", "a"), ("authorization", "Bearer b")], Some("")),
            (&[("authorization", "Bearer a"), ("authorization", "Bearer a")], None),
        ];
        for (pairs, key) in cases {
            assert_eq!(credentials(&headers(pairs)), key, "{pairs:?}");
        }
    }

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
        assert_eq!(limiter.addresses.lock().unwrap().len(), ADDRESSES_MAX);
        assert!(limiter.count(IpAddr::V4(u32::MAX.into()), now + WINDOW));
    }
}
