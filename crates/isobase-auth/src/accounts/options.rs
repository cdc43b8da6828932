//! Settings of accounts.

use std::time::Duration;

use crate::{Clock, PasswordOptions, Sealer};

/// Fewest characters of the password of somebody who works on the service: it opens what others keep.
/// Source: OWASP ASVS 5.0, 6.2.1, asks for 8 and recommends 15.
pub const ADMIN_PASSWORD_CHARACTERS_MIN: usize = 12;

/// How accounts behave.
#[derive(Clone, Debug)]
pub struct AccountOptions {
    /// Whether everyone may register. Default everyone.
    pub registration: Registration,
    /// Fewest characters of a password. Default 1: what the app asks for is its own matter.
    pub password_characters_min: usize,
    /// The cost of hashing.
    pub passwords: PasswordOptions,
    /// How long a session lasts after its beginning or its last renewal. Default 30 days.
    pub session_lifetime: Duration,
    /// How often somebody may try.
    pub limits: AttemptLimits,
    /// Seals the secrets of second factors. Default none: then there are none.
    pub sealer: Option<Sealer>,
    /// The clock.
    pub clock: Clock,
}

/// Who may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Everyone.
    Open,
    /// No one: administrators make accounts.
    Closed,
}

/// Attempts in one minute. Sign-ins that succeed are not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptLimits {
    /// Failed sign-ins of one name from one address. Default 10.
    pub per_name_and_address: u32,
    /// Failed sign-ins of one name. Default 60: anyone who guesses from many addresses is slow, and
    /// the owner of the name is seldom shut out.
    pub per_name: u32,
    /// Failed sign-ins from one address. Default 120: many people may share one.
    pub per_address: u32,
    /// Beginnings and ends of sign-ins at providers from one address. Default 240.
    pub at_providers: u32,
    /// Registrations from one address. Default 120.
    pub registrations: u32,
}

/// The window of the limits.
pub(super) const WINDOW: Duration = Duration::from_secs(60);

impl Default for AttemptLimits {
    fn default() -> Self {
        Self {
            per_name_and_address: 10,
            per_name: 60,
            per_address: 120,
            at_providers: 240,
            registrations: 120,
        }
    }
}

impl Default for AccountOptions {
    fn default() -> Self {
        Self {
            registration: Registration::Open,
            password_characters_min: 1,
            passwords: PasswordOptions::default(),
            session_lifetime: Duration::from_secs(30 * 24 * 60 * 60),
            limits: AttemptLimits::default(),
            sealer: None,
            clock: Clock::default(),
        }
    }
}
