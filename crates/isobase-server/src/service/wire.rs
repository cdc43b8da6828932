//! What the service says of itself.

use serde::Serialize;

/// `/health` on the wire. The first two fields are what clients have always read.
#[derive(Serialize)]
pub(super) struct Health {
    pub(super) status: &'static str,
    pub(super) service: &'static str,
    pub(super) version: &'static str,
    pub(super) durability: &'static str,
}
