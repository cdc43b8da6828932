//! Errors of accounts.

use std::time::Duration;

use isobase_store::{Rejection, StoreError};

use isobase_types::Timestamp;

use crate::{KeyError, NoRandomness, ProviderError, SealError};

/// Longest password, in bytes. Its length does not change what a hash costs; the bound is there
/// because everything has one.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// Why something about an account was not done.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The name cannot be one.
    #[error("{reason}")]
    InvalidName {
        /// The kind of a name.
        reason: String,
    },
    /// The text is no e-mail address.
    #[error("expected an e-mail address, as ann@example.org, of at most 254 bytes")]
    InvalidEmail,
    /// The password is too short or too long.
    #[error(
        "a password has at least {characters_min} characters and at most {PASSWORD_BYTES_MAX} bytes"
    )]
    InvalidPassword {
        /// The fewest characters.
        characters_min: usize,
    },
    /// Another account has the name.
    #[error("Username already taken")]
    NameTaken,
    /// Another account has the address.
    #[error("another account has this e-mail address")]
    EmailTaken,
    /// There is no such account, or the password is another. Which of them is not told.
    #[error("Invalid credentials")]
    WrongCredentials,
    /// The name and the password are right, and a code is to follow.
    #[error("a code of your authenticator app is needed, or a recovery code")]
    SecondFactorRequired {
        /// The challenge that the second step shows. Secret.
        challenge: String,
        /// Until when it is good.
        expires_at: Timestamp,
    },
    /// The code is not the one that the app shows, was used already, and is no recovery code.
    #[error("the code is wrong, too old, or was used already")]
    WrongCode,
    /// The first step of the sign-in is too long ago, or had its codes.
    #[error("the sign-in took too long, or another one began since; begin again with the password")]
    ChallengeOver,
    /// The account has a second factor already.
    #[error("the account has a second factor already; remove it first")]
    SecondFactorOn,
    /// The account has no second factor, and none waits to be confirmed.
    #[error("the account has no second factor, or it was not confirmed in time; begin again")]
    NoSecondFactor,
    /// Nothing can be sealed here.
    #[error("this service has no secret to seal a second factor with")]
    NoSecret,
    /// The secret of a second factor cannot be sealed or opened.
    #[error(transparent)]
    NotSealed(#[from] SealError),
    /// A provider signs no one in.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The identity belongs to another account, or the account has another one of the provider.
    #[error(
        "this identity signs in to another account, or yours has another one of the provider; \
         unlink it first"
    )]
    IdentityTaken,
    /// The account has no identity of the provider.
    #[error("the account has no identity of {0:?}")]
    NoIdentity(String),
    /// Nothing else signs in to the account.
    #[error("nothing else signs in to the account; set a password first")]
    LastIdentity,
    /// The account has no password, and the session that asks is not from just now.
    #[error("the account has no password; sign in again, and do this within ten minutes")]
    SignInAgain,
    /// Too many attempts failed.
    #[error("too many attempts; try again in {} s", retry_after.as_secs().max(1))]
    TooManyAttempts {
        /// When the next one is looked at.
        retry_after: Duration,
    },
    /// Too many passwords wait to be hashed.
    #[error("too many sign-ins at once; try again in a moment")]
    Busy,
    /// No one may register.
    #[error("registration is closed; ask an administrator for an account")]
    RegistrationClosed,
    /// There is no such account.
    #[error("there is no account {0:?}")]
    NotFound(String),
    /// It is the only owner.
    #[error("the account is the only owner; make another one owner first")]
    LastOwner,
    /// There is an owner already.
    #[error("there is an owner already; an owner can make others")]
    OwnerExists,
    /// The service sends no letters.
    #[error("this service sends no mail")]
    NoMail,
    /// The link of the letter was used, is too old, or is none.
    #[error("the link was used, is older than an hour, or is none; ask for another letter")]
    WrongLink,
    /// The token is none that was offered, or is too old.
    #[error(
        "the link was used, is older than 30 minutes, or is none; start the service again for \
         another one, or use isobase user create NAME --owner"
    )]
    WrongSetupToken,
    /// Only an owner may do this to an owner.
    #[error("only an owner may make, change or delete an owner")]
    OwnersOnly,
    /// The account changed while it was worked on.
    #[error("the account changed meanwhile; nothing was done, try again")]
    Changed,
    /// Documents refer to the account and do not allow that it goes.
    #[error("the account cannot be deleted: {reason}")]
    Referenced {
        /// Which ones.
        reason: String,
    },
    /// The system gave no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The stored account cannot be read.
    #[error("what is stored of the {0} cannot be read")]
    Unreadable(String),
    /// The database did not take what was to be stored.
    #[error("nothing was stored: {0}")]
    Refused(Rejection),
    /// The database could not be closed to callers without credentials, so nothing was stored.
    #[error(transparent)]
    NotClosed(#[from] KeyError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AccountError {
    /// Why a write of an account or a session was not carried out.
    pub(crate) fn refused(rejection: Rejection) -> Self {
        match rejection {
            Rejection::RevisionConflict { .. } | Rejection::NotFound | Rejection::AlreadyExists => {
                Self::Changed
            }
            Rejection::Referenced { .. } => Self::Referenced { reason: rejection.to_string() },
            rejection => Self::Refused(rejection),
        }
    }
}
