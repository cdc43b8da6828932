//! Who asks, for the audit.

use isobase_auth::{Actor, Principal};

use crate::Call;

/// Who asks, for the audit: an owner who acts as somebody else is named as the owner.
pub(crate) fn actor(call: &Call) -> Actor {
    let principal = match &call.principal {
        Principal::Anonymous => "client",
        other => other.id(),
    };
    let (actor, acting_as) = match call.principal.impersonator() {
        Some(owner) => (&*owner.mark, Some(principal.to_owned())),
        None => (principal, None),
    };
    Actor {
        actor: actor.to_owned(),
        acting_as,
        ip: Some(call.client().to_string()),
        request_id: call.request_id.to_str().ok().map(str::to_owned),
    }
}
