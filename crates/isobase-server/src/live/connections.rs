//! The streams that are open, for those who may do everything.

use std::sync::Arc;

use http::Response;
use isobase_auth::AuditEntry;
use isobase_http::Body;
use serde_json::{Value, json as object};

use super::{
    State, problems,
    wire::{Connected, Connections, Cut},
};
use crate::{Call, actor::actor, answer::json, failure::Failure, request::no_parameters};

/// `GET /api/v1/connections`
pub(super) async fn list_connections(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let open = state.connections.list();
    let connections = open.iter().map(|connection| Connected::of(connection)).collect();
    Ok(json(&Connections { connections }))
}

/// `DELETE /api/v1/connections/{connection}`
pub(super) async fn cut_connection(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let named = call.parameter(0);
    let cut = named.parse().ok().and_then(|number| state.connections.cut(number));
    let cut = cut.ok_or_else(|| problems::no_connection(named))?;
    let entry = AuditEntry {
        by: &actor(&call),
        action: "connection.cut",
        object_type: "connection",
        object_id: named,
        before: object!({
            "kind": cut.kind,
            "principal": cut.principal,
            "address": cut.address.to_string(),
            "topics": cut.topics,
        }),
        after: Value::Null,
    };
    state.audit.write(&entry).await?;
    Ok(json(&Cut { ok: true }))
}
