//! State of the routes of licences.

use isobase_licences::{ImportedInstallation, ImportedLicence, LicenceTotals, Licences};

use crate::{counted::Counted, rate::Rate};

/// Wrong keys that one address may try in a minute. Ours: an office behind one address mistypes
/// less, and with 125 random bits no one guesses one.
const WRONG_KEYS_PER_MINUTE: u32 = 600;

/// Activations and validations of one licence or installation in a minute.
const ASKS_PER_MINUTE: u32 = 600;

/// Reads the database file of another licence service; the text says why it is none.
pub type ReadLicenceFile =
    fn(&[u8]) -> Result<(Vec<ImportedLicence>, Vec<ImportedInstallation>), String>;

/// State of the routes of licences.
pub(crate) struct State {
    pub(super) licences: Licences,
    /// By address: keys that were wrong.
    pub(super) wrong_keys: Rate,
    /// By key or installation.
    pub(super) asks: Rate,
    pub(super) totals: Counted<LicenceTotals>,
    /// None where no file is read.
    pub(super) read_file: Option<ReadLicenceFile>,
}

impl State {
    pub(crate) fn new(licences: Licences, read_file: Option<ReadLicenceFile>) -> Self {
        let (wrong_keys, asks) = (Rate::new(WRONG_KEYS_PER_MINUTE), Rate::new(ASKS_PER_MINUTE));
        Self { licences, wrong_keys, asks, totals: Counted::default(), read_file }
    }
}
