//! The access rules of the service.

use isobase::store::{RuleBook, Unruled};
use isobase_auth::{Authorizer, is_loopback};

use crate::settings::Config;

/// The rules of the settings. Actions without a rule are open to everybody while only this machine can
/// ask and there are no keys, so that an app begins without rules.
pub(super) fn rules(config: &Config, authorizer: &Authorizer) -> RuleBook {
    let is_near = config.open || is_loopback(&config.host);
    let unruled = match is_near && !authorizer.has_keys() {
        true => Unruled::Open,
        false => Unruled::Closed,
    };
    config.rules.clone().unruled(unruled)
}
