//! The access rules of the service.

use isobase::store::{RuleBook, Unruled};
use isobase_auth::{Authorizer, is_loopback};

use crate::settings::Config;

/// The rules of the settings. What they leave out is open to everybody where only this machine asks
/// and nobody has made a key, so that an app begins without any.
pub(super) fn rules(config: &Config, authorizer: &Authorizer) -> RuleBook {
    let is_near = config.open || is_loopback(&config.host);
    let unruled = match is_near && !authorizer.has_keys() {
        true => Unruled::Open,
        false => Unruled::Closed,
    };
    config.rules.clone().unruled(unruled)
}
