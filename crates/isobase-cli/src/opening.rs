//! Databases that are not there, or cannot be opened.

use isobase::{Location, OpenError};

use crate::failure::Failure;

/// Refuses a database that would be made by reading it: its name may be misspelled, and nothing
/// must look like a copy of it.
pub(crate) fn must_exist(location: &Location) -> Result<(), Failure> {
    match location.missing_file() {
        Some(path) => Err(Failure::usage(format!("there is no database {}", path.display()))
            .hint("isobase serve and isobase import make one")),
        None => Ok(()),
    }
}

const MISSPELLED: &str = "is the name right, and its schema, prefix, project or region? a database \
                          that is new cannot be told from one that is misspelled";

/// The message about a database that cannot be opened.
pub(crate) fn open_failure(error: OpenError) -> Failure {
    let hint = match &error {
        OpenError::InUse { address: Some(address), .. } => {
            Some(format!("a service is running there already: {address}"))
        }
        OpenError::InUse { address: None, .. } => {
            Some("wait for that process, stop it, or choose another folder with --data".to_owned())
        }
        _ => None,
    };
    if let OpenError::Nothing { .. } = error {
        return Failure::usage(error.to_string()).hint(MISSPELLED);
    }
    let failure = Failure::from_error(anyhow::Error::new(error));
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
