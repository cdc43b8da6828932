//! The one-time link by which the operator of a service becomes its first owner.

use std::time::Duration;

use isobase_types::Timestamp;
use parking_lot::{Mutex, MutexGuard};

use crate::{NoRandomness, secret};

/// How long the link works. Source: what other products' installers give.
pub const SETUP_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// Random bytes of the token in the link.
const TOKEN_BYTES: usize = 24;

/// The token of a link that is not used yet. Kept in memory only: a restart makes another.
#[derive(Debug, Default)]
pub(crate) struct Setup(Mutex<Option<Offer>>);

#[derive(Debug)]
struct Offer {
    hash: String,
    until: Timestamp,
}

impl Setup {
    /// A new token; the one before is worth nothing any more.
    pub(crate) fn offer(&self, now: Timestamp) -> Result<String, NoRandomness> {
        let token = secret::random_text::<TOKEN_BYTES>()?;
        let lifetime = i64::try_from(SETUP_LIFETIME.as_micros()).unwrap_or(i64::MAX);
        let until = Timestamp { unix_us: now.unix_us.saturating_add(lifetime) };
        *self.offered() = Some(Offer { hash: secret::hash(&token), until });
        Ok(token)
    }

    /// Whether a token is the one that was offered.
    pub(crate) fn accepts(&self, token: &str, now: Timestamp) -> bool {
        let offered = self.offered();
        let living = offered.as_ref().filter(|offer| now < offer.until);
        living.is_some_and(|offer| secret::is_hash_of(&offer.hash, token))
    }

    /// No one needs it any more.
    pub(crate) fn withdraw(&self) {
        *self.offered() = None;
    }

    /// A panic while the lock was held leaves an offer that is whole.
    fn offered(&self) -> MutexGuard<'_, Option<Offer>> {
        self.0.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_half_an_hour() {
        let setup = Setup::default();
        let at = |seconds: i64| Timestamp { unix_us: seconds * 1_000_000 };
        assert!(!setup.accepts("", at(0)));
        let token = setup.offer(at(0)).unwrap();
        assert!(setup.accepts(&token, at(1_799)));
        assert!(!setup.accepts(&token, at(1_800)));
        assert!(!setup.accepts(&token[1..], at(1)));
        let another = setup.offer(at(0)).unwrap();
        assert!(!setup.accepts(&token, at(1)));
        setup.withdraw();
        assert!(!setup.accepts(&another, at(1)));
    }
}
