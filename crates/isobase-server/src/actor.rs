//! Who asks, for the audit.

use isobase_auth::{Actor, Principal};

use crate::Call;

/// Who asks, for the audit.
pub(crate) fn actor(call: &Call) -> Actor {
    Actor {
        actor: match &call.principal {
            Principal::Anonymous => "client".to_owned(),
            other => other.id().to_owned(),
        },
        ip: Some(call.client().to_string()),
        request_id: call.request_id.to_str().ok().map(str::to_owned),
    }
}
