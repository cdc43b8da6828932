//! Whether it is safe to listen on an address.

use crate::{Authorizer, is_loopback};

/// The service would be open to everyone who can reach the address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{host} is not a loopback address and there are no keys: everyone who can reach it could read \
     and change everything. Set INTERNAL_API_KEY, create a key with 'isobase key create' or an owner \
     with 'isobase user create NAME --owner', or pass --open if that is what you want"
)]
pub struct Exposed {
    /// The address.
    pub host: String,
}

/// Refuses to listen beyond loopback without keys, unless the operator asks for it.
///
/// # Errors
/// [`Exposed`].
pub fn exposure_check(host: &str, open: bool, authorizer: &Authorizer) -> Result<(), Exposed> {
    if open || !authorizer.is_open() || is_loopback(host) {
        return Ok(());
    }
    Err(Exposed { host: host.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_service_stays_on_loopback() {
        let open = Authorizer::open();
        let keyed = Authorizer::new(Some("secret"));
        for host in ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost", "::ffff:127.0.0.1"] {
            assert_eq!(exposure_check(host, false, &open), Ok(()), "{host}");
        }
        for host in ["0.0.0.0", "::", "192.0.2.1", "example.com", ""] {
            assert!(exposure_check(host, false, &open).is_err(), "{host}");
            assert_eq!(exposure_check(host, true, &open), Ok(()), "{host}");
            assert_eq!(exposure_check(host, false, &keyed), Ok(()), "{host}");
        }
    }
}
