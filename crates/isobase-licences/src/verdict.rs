//! The answers to a client, in words and in codes that never change their meaning.

/// The answer to an activation or a validation, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// It may be used.
    Ok,
    /// The installation was known already.
    OkReinstall,
    /// Another installation gave its place up.
    OkReplaced,
    /// Its time is over, and it may be used for its days of grace.
    Grace,
    /// There is no such licence.
    InvalidLicense,
    /// The checksum of the key says that it is mistyped.
    MalformedKey,
    /// The licence is that of another e-mail.
    EmailMismatch,
    /// Its time is over.
    LicenseExpired,
    /// Somebody has suspended it.
    LicenseSuspended,
    /// Somebody has revoked it.
    LicenseRevoked,
    /// It has as many installations as it may have.
    InstallationLimit,
    /// The e-mail has no such installation.
    InstallationNotFound,
    /// It had one, which gave its place up.
    InstallationFreed,
    /// The licence of the installation is gone.
    NoActiveLicense,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 14] = [
        Self::Ok,
        Self::OkReinstall,
        Self::OkReplaced,
        Self::Grace,
        Self::InvalidLicense,
        Self::MalformedKey,
        Self::EmailMismatch,
        Self::LicenseExpired,
        Self::LicenseSuspended,
        Self::LicenseRevoked,
        Self::InstallationLimit,
        Self::InstallationNotFound,
        Self::InstallationFreed,
        Self::NoActiveLicense,
    ];

    /// The code on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::OkReinstall => "ok_reinstall",
            Self::OkReplaced => "ok_replaced",
            Self::Grace => "grace",
            Self::InvalidLicense => "invalid_license",
            Self::MalformedKey => "malformed_key",
            Self::EmailMismatch => "email_mismatch",
            Self::LicenseExpired => "license_expired",
            Self::LicenseSuspended => "license_suspended",
            Self::LicenseRevoked => "license_revoked",
            Self::InstallationLimit => "installation_limit",
            Self::InstallationNotFound => "installation_not_found",
            Self::InstallationFreed => "installation_freed",
            Self::NoActiveLicense => "no_active_license",
        }
    }

    /// Whether the product may be used.
    #[must_use]
    pub fn is_valid(self) -> bool {
        matches!(self, Self::Ok | Self::OkReinstall | Self::OkReplaced | Self::Grace)
    }
}

/// The answer to an activation or a validation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// For programs.
    pub code: Code,
    /// For people.
    pub message: String,
    /// The expiry for clients that know no zones; `None` if it never expires or is not told.
    pub expiry: Option<String>,
    /// How many installations take the places of the licence.
    pub active_count: Option<usize>,
    /// How many places there are.
    pub limit: Option<u32>,
    /// The installation that gave its place up.
    pub replaced: Option<String>,
    /// The licence that was looked at, for those who may know it.
    pub licence: Option<i64>,
}

impl Answer {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            expiry: None,
            active_count: None,
            limit: None,
            replaced: None,
            licence: None,
        }
    }
}
