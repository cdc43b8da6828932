//! Licences and installations of another service.

use isobase_licences::{ImportedInstallation, ImportedLicence};

/// Licences and installations of another service.
#[derive(Debug, Default)]
pub(in crate::commands::license) struct Source {
    pub(in crate::commands::license) licences: Vec<ImportedLicence>,
    pub(in crate::commands::license) installations: Vec<ImportedInstallation>,
    /// Parts of it that cannot be seen from here.
    pub(in crate::commands::license) hidden: Option<&'static str>,
}
