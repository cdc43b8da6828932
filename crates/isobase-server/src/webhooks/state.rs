//! What webhooks need.

use isobase_webhooks::Webhooks;

/// What webhooks need.
pub(crate) struct State {
    pub(super) webhooks: Webhooks,
}

impl State {
    pub(crate) fn new(webhooks: Webhooks) -> Self {
        Self { webhooks }
    }
}
