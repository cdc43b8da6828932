//! State of the routes of licences.

use isobase_licences::{LicenceTotals, Licences};

use crate::{counted::Counted, rate::Rate};

/// Wrong keys that one address may try in a minute. Ours: an office behind one address mistypes
/// less, and with 125 random bits no one guesses one.
const WRONG_KEYS_PER_MINUTE: u32 = 600;

/// Activations and validations of one licence or installation in a minute.
const ASKS_PER_MINUTE: u32 = 600;

/// State of the routes of licences.
pub(crate) struct State {
    pub(super) licences: Licences,
    /// By address: keys that were wrong.
    pub(super) wrong_keys: Rate,
    /// By key or installation.
    pub(super) asks: Rate,
    pub(super) totals: Counted<LicenceTotals>,
}

impl State {
    pub(crate) fn new(licences: Licences) -> Self {
        let (wrong_keys, asks) = (Rate::new(WRONG_KEYS_PER_MINUTE), Rate::new(ASKS_PER_MINUTE));
        Self { licences, wrong_keys, asks, totals: Counted::default() }
    }
}
