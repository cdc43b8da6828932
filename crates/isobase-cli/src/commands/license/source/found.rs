//! What is found at another service.

use isobase_licences::{ImportedInstallation, ImportedLicence};

/// What another service has.
#[derive(Debug, Default)]
pub(in crate::commands::license) struct Source {
    pub(in crate::commands::license) licences: Vec<ImportedLicence>,
    pub(in crate::commands::license) installations: Vec<ImportedInstallation>,
    /// What of it cannot be seen from here.
    pub(in crate::commands::license) hidden: Option<&'static str>,
}
