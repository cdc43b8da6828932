//! State of webhooks.

use isobase_webhooks::Webhooks;

/// State of webhooks.
pub(crate) struct State {
    pub(super) webhooks: Webhooks,
}

impl State {
    pub(crate) fn new(webhooks: Webhooks) -> Self {
        Self { webhooks }
    }
}
