//! Webhooks.

use super::super::{kinds::Switch, setting::Setting};

super::settings! {
    static WEBHOOKS_PRIVATE: Setting<bool> = Setting::new(
        "webhooks.private",
        &Switch,
        || false,
        "Whether webhooks may lead to addresses of this machine, of private networks and of links, and be \
         reached by http. Anyone who makes a webhook can send requests there.",
    );
}
