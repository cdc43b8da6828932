//! Why something could not be done with a licence.

use isobase_store::{Rejection, StoreError};

/// A request that was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum LicenceError {
    /// There is no such licence.
    #[error("License not found")]
    NotFound,
    /// The e-mail has no installation of this id.
    #[error("Installation not found")]
    InstallationNotFound,
    /// The e-mail has an installation of this id already.
    #[error("Installation already exists")]
    InstallationExists,
    /// There is no installation that could be replaced, or the new one is there already.
    #[error("No installations to replace")]
    NothingToReplace,
    /// Another licence has the key.
    #[error("License key already exists")]
    KeyExists,
    /// The key is that of another customer.
    #[error("License key belongs to another email")]
    KeyOfAnother,
    /// The licence is not in a state in which this can be done.
    #[error("the licence is {standing}, and {expected}")]
    WrongStanding {
        /// How it stands.
        standing: &'static str,
        /// The expectation.
        expected: &'static str,
    },
    /// A value cannot be what it is given for.
    #[error("{field}: {message}")]
    Invalid {
        /// Which value: the name of a member of a request.
        field: &'static str,
        /// The expectation.
        message: String,
    },
    /// An e-mail has as many installations as can be kept for one.
    #[error("the e-mail has {max} installations, more cannot be kept; delete some")]
    TooManyInstallations {
        /// How many.
        max: usize,
    },
    /// One of many cannot be.
    #[error("licence {row}: {error}")]
    InRow {
        /// Which one, from 0.
        row: usize,
        /// Why.
        error: Box<LicenceError>,
    },
    /// More licences than one request makes.
    #[error("{licences} licences are asked for, at most {max} are made in one request")]
    TooMany {
        /// How many were asked for.
        licences: usize,
        /// Most of one request on this engine.
        max: usize,
    },
    /// Too many others change the same thing at once.
    #[error("the licence is changed by too many others at once; nothing was written")]
    Busy,
    /// The operator has given no secret to sign and seal with.
    #[error("{0} needs a secret of the operator: set secret, or give the service a data folder")]
    NoSecret(&'static str),
    /// Only the hash of its key is kept.
    #[error("the key of licence {id} is not kept, only its hash: give it another key to know it")]
    KeyNotKept {
        /// The licence.
        id: i64,
    },
    /// The sealed value cannot be opened with the operator's secret.
    #[error("the key of licence {id} was sealed with another secret than the one of now")]
    SealedOtherwise {
        /// The licence.
        id: i64,
    },
    /// The system has no random bytes.
    #[error("the system has no random bytes: {0}")]
    Random(String),
    /// The database failed, or refused the request. Says nothing about a licence.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database cannot hold it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// A document is not as this program writes it.
    #[error("the document {id} of {collection} cannot be read: {reason}")]
    Unreadable {
        /// The collection.
        collection: &'static str,
        /// The document.
        id: String,
        /// Why.
        reason: String,
    },
}

impl LicenceError {
    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { field, message: message.into() }
    }
}
