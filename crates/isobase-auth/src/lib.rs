//! Who may do what: keys, scopes and the one authorization function. Knows no HTTP.
//!
//! Reading order: [`Permission`] and [`Scope`], [`Principal`] (who asks, and what they may do),
//! [`KeyStore`] (keys as documents of the database), [`Authorizer`] (the one decision),
//! [`exposure_check`]; then people: [`Role`], [`Account`], [`Accounts`] with their passwords,
//! [`Session`], [`Sessions`], and the [`Provider`]s that people sign in with. Beside them [`Sealer`],
//! for secrets that must be readable, and [`Audit`] with its [`AuditChain`].

mod account;
mod account_error;
mod account_name;
mod accounts;
mod attempts;
mod audit;
mod authorizer;
mod chain;
mod clock;
mod documents;
mod exposure;
mod identity;
mod key;
mod key_error;
mod key_store;
mod lease;
mod letters;
mod loopback;
mod mail;
mod one_time;
mod passwords;
mod permission;
mod post_office;
mod principal;
mod providers;
mod role;
mod scope;
mod sealed;
mod second_factor;
mod secret;
mod session;
mod session_cache;
mod sessions;
mod setup;
mod stored_key;
mod totp;
mod uses;

pub use account::{ACCOUNTS_COLLECTION, Account, NewAccount};
pub use account_error::{AccountError, PASSWORD_BYTES_MAX};
pub use account_name::ACCOUNT_NAME_BYTES_MAX;
pub use accounts::{
    ADMIN_PASSWORD_CHARACTERS_MIN, AccountOptions, AccountPage, Accounts, AttemptLimits,
    FinishedSignIn, Registration,
};
pub use audit::{AUDIT_COLLECTION, Actor, Audit, AuditEntry, AuditError};
pub use authorizer::{Authorizer, Denied};
pub use chain::{
    AuditChain, AuditKeeper, AuditReport, ChainHead, Fault, FaultKind, InvalidChainHead, Trimmed,
    VerifyError,
};
pub use clock::Clock;
pub use documents::Documents;
pub use exposure::{Exposed, exposure_check};
pub use identity::LinkedIdentity;
pub use key::{CreatedKey, KeyInfo};
pub use key_error::KeyError;
pub use key_store::{FormerKey, KEYS_COLLECTION, KeyStore};
pub use lease::{LEASE_LASTS, LEASE_RENEWED, Lease};
pub use letters::{CODE_LIFETIME, InvalidLetter, LINK_LIFETIME, Letter, Letters};
pub use loopback::is_loopback;
pub use mail::{Delivered, LogMailer, Mail, MailError, Mailer, Sending};
pub use passwords::PasswordOptions;
pub use permission::Permission;
pub use post_office::PostOffice;
pub use principal::Principal;
pub use providers::{
    Algorithm, Fetch, FetchError, Fetched, Fetcher, Fetching, InvalidProvider, Members,
    PROVIDERS_MAX, Provider, ProviderError, ProviderKind, Returned, StartedSignIn,
};
pub use role::{InvalidRole, ROLE_BYTES_MAX, Role};
pub use scope::{FEATURES, InvalidScope, Scope, Scopes};
pub use sealed::{SECRET_FILE, SealError, SealedPlace, Sealer, SecretSource};
pub use second_factor::{SecondFactor, SecondFactorOffer};
pub use secret::{NoRandomness, random_password, random_text};
pub use session::{
    CreatedSession, Impersonator, SESSIONS_COLLECTION, Session, SessionInfo, SessionKind,
    is_session_token,
};
pub use sessions::{AccountUse, IMPERSONATION_LIFETIME, SESSIONS_PER_ACCOUNT_MAX, Sessions};
pub use setup::SETUP_LIFETIME;
