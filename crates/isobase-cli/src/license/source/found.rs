//! What is found at another service.

use isobase_licences::{ImportedInstallation, ImportedLicence};

/// What another service has.
#[derive(Debug, Default)]
pub(in crate::license) struct Source {
    pub(in crate::license) licences: Vec<ImportedLicence>,
    pub(in crate::license) installations: Vec<ImportedInstallation>,
    /// What of it cannot be seen from here.
    pub(in crate::license) hidden: Option<&'static str>,
}
