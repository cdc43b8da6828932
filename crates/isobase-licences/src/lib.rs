//! Licences and their installations: who may use a product, on how many machines.
//!
//! Everything is a document of a system collection, so it works on every engine. The installations
//! of an e-mail are one document: an activation replaces it only if no other write did meanwhile,
//! and so no two activations share the last free place, on any engine. With it goes an entry of the
//! audit, in the same write.
//!
//! Reading order: [`LicenceKey`], [`Licence`] and its [`Standing`], [`Holder`] (the installations
//! of an e-mail, and what an activation does to them), [`Licences`] (all of it over a store),
//! [`Signer`] (offline files).

mod activation;
mod audit;
mod bulk;
mod document;
mod edit;
mod error;
mod explain;
mod file;
mod holder;
mod import;
mod key;
mod licence;
mod licences;
mod listing;
mod moment;
mod seal;
mod together;
mod totals;
mod usage;
mod verdict;

pub use activation::Activation;
pub use bulk::CreatedMany;
pub use edit::{NewLicence, Period, Terms};
pub use error::LicenceError;
pub use explain::{Explanation, Rule};
pub use file::{FileFault, LicenceFile, Signer, verify};
pub use holder::{About, HOLDERS_COLLECTION, Holder, INSTALLATIONS_MAX, Installation};
pub use import::{ImportReport, ImportedInstallation, ImportedLicence, Tally};
pub use isobase_auth::Actor;
pub use key::LicenceKey;
pub use licence::{AtLimit, LICENCES_COLLECTION, Licence, Standing};
pub use licences::{LicenceOptions, Licences, Now};
pub use listing::{LicencePage, LicenceQuery};
pub use moment::{InvalidMoment, parse_moment, seconds_text, zoneless_text};
pub use seal::Secret;
pub use totals::LicenceTotals;
pub use usage::{Occupancy, Usage};
pub use verdict::{Answer, Code};
