//! Errors of accounts, as problems.

use std::time::Duration;

use http::header;
use isobase_auth::{AccountError, InvalidRole, ProviderError, Role};
use isobase_http::{Problem, ProblemItem};

use crate::{
    codes,
    failure::{CHALLENGE, IntoProblem},
};

/// How soon a provider may be asked again that was down.
const AGAIN: Duration = Duration::from_secs(10);

impl IntoProblem for AccountError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::InvalidName { .. } => invalid("username", &detail),
            Self::InvalidEmail => invalid("email", &detail),
            Self::InvalidPassword { .. } => invalid("password", &detail),
            Self::NameTaken => Problem::new(codes::NAME_TAKEN, detail),
            Self::EmailTaken => Problem::new(codes::EMAIL_TAKEN, detail),
            Self::WrongCredentials => Problem::new(codes::INVALID_CREDENTIALS, detail)
                .with_header(header::WWW_AUTHENTICATE, CHALLENGE),
            Self::SecondFactorRequired { challenge, expires_at } => {
                Problem::new(codes::SECOND_FACTOR_REQUIRED, detail)
                    .with_header(header::WWW_AUTHENTICATE, CHALLENGE)
                    .with_member("challenge", challenge)
                    .with_member("expires_at", expires_at.to_string())
            }
            Self::WrongCode => Problem::new(codes::WRONG_CODE, detail)
                .with_header(header::WWW_AUTHENTICATE, CHALLENGE),
            Self::ChallengeOver => Problem::new(codes::CHALLENGE_OVER, detail)
                .with_header(header::WWW_AUTHENTICATE, CHALLENGE),
            Self::SecondFactorOn => Problem::new(codes::SECOND_FACTOR_ON, detail),
            Self::NoSecondFactor => Problem::new(codes::NO_SECOND_FACTOR, detail),
            Self::NoSecret => Problem::new(codes::NO_SECRET, detail),
            Self::NotSealed(_) => Problem::new(
                codes::NO_SECRET,
                "the service cannot use the secret that seals second factors; its log says why",
            )
            .with_cause(detail),
            Self::Provider(error) => of_provider(&error, detail),
            Self::IdentityTaken => Problem::new(codes::IDENTITY_TAKEN, detail),
            Self::NoIdentity(_) => Problem::new(codes::IDENTITY_NOT_FOUND, detail),
            Self::LastIdentity => Problem::new(codes::LAST_IDENTITY, detail),
            Self::SignInAgain => Problem::new(codes::SIGN_IN_AGAIN, detail),
            Self::TooManyAttempts { retry_after } => {
                Problem::new(codes::TOO_MANY_ATTEMPTS, detail).with_retry_after(retry_after)
            }
            Self::Busy => Problem::new(codes::TOO_MANY_SIGN_INS, detail),
            Self::RegistrationClosed => Problem::new(codes::REGISTRATION_CLOSED, detail),
            Self::NotFound(_) => Problem::new(codes::ACCOUNT_NOT_FOUND, detail),
            Self::LastOwner => Problem::new(codes::LAST_OWNER, detail),
            Self::OwnerExists => Problem::new(codes::OWNER_EXISTS, detail),
            Self::NoMail => Problem::new(codes::NO_MAIL, detail),
            Self::WrongLink => Problem::new(codes::WRONG_LINK, detail),
            Self::WrongSetupToken => Problem::new(codes::WRONG_SETUP_TOKEN, detail),
            Self::OwnersOnly => Problem::new(codes::OWNERS_ONLY, detail),
            Self::Changed => Problem::new(codes::ACCOUNT_CHANGED, detail),
            Self::Referenced { .. } => Problem::new(codes::REFERENCED, detail),
            Self::Refused(rejection) => rejection.into_problem(),
            Self::NotClosed(error) => error.into_problem(),
            Self::Store(error) => error.into_problem(),
            Self::Random(_) | Self::Unreadable(_) => Problem::internal(detail),
        }
    }
}

fn of_provider(error: &ProviderError, detail: String) -> Problem {
    match error {
        ProviderError::Unknown(_) => Problem::new(codes::PROVIDER_NOT_FOUND, detail),
        ProviderError::Unavailable { provider, .. } => Problem::new(
            codes::PROVIDER_UNAVAILABLE,
            format!("{provider} cannot be asked now; the log says why"),
        )
        .with_cause(detail)
        .with_retry_after(AGAIN),
        ProviderError::Refused { .. } => Problem::new(codes::SIGN_IN_REFUSED, detail),
        ProviderError::NotBegun => Problem::new(codes::SIGN_IN_NOT_BEGUN, detail),
        ProviderError::InvalidReturn(_) => invalid("return_to", &detail),
    }
}

/// No one knows where browsers reach the service.
pub(super) fn no_public_url() -> Problem {
    Problem::new(
        codes::NO_PUBLIC_URL,
        "the service does not know its own address, to which providers send people back",
    )
}

/// A name or a password is missing or empty.
pub(super) fn incomplete() -> Problem {
    Problem::new(codes::ACCOUNT_INCOMPLETE, "Username and password required")
}

/// A field of the body cannot be what it is to be.
pub(super) fn invalid(field: &str, message: &str) -> Problem {
    let item = ProblemItem::at(format!("/{field}"), message);
    Problem::new(codes::INVALID_ACCOUNT, format!("{field}: {message}")).with_item(item)
}

/// The role is none.
pub(super) fn invalid_role(error: &InvalidRole) -> Problem {
    invalid("role", &error.to_string())
}

/// A second factor is made by the person who has the app in hand.
pub(super) fn not_theirs() -> Problem {
    invalid("second_factor", "expected false: only its own account makes a second factor")
}

/// An owner acts as the account, and does not change what is its own.
pub(super) fn impersonating() -> Problem {
    let detail = "an owner acts as this account, and may not change how it signs in";
    Problem::new(codes::IMPERSONATING, detail)
}

/// No one acts as somebody else by this session.
pub(super) fn not_impersonating() -> Problem {
    let detail = "this session is not one by which an owner acts as somebody else";
    Problem::new(codes::NOT_IMPERSONATING, detail)
}

/// Only an owner who is signed in acts as somebody else, and never as an owner.
pub(super) fn cannot_impersonate() -> Problem {
    let detail = "only an owner who is signed in may act as somebody else, and not as an owner, nor as an \
                  account that is shut out";
    Problem::new(codes::OWNERS_ONLY, detail)
}

/// Those who may not do everything manage the accounts of people, not of those who work here.
pub(super) fn administrators_only(role: &Role) -> Problem {
    Problem::new(
        codes::FORBIDDEN,
        format!("only owners and admins manage accounts with the role {role}"),
    )
}

/// The request has no session, and is about the one who signed in.
pub(super) fn sign_in_required() -> Problem {
    Problem::new(codes::SIGN_IN_REQUIRED, "sign in first")
        .with_header(header::WWW_AUTHENTICATE, CHALLENGE)
}

/// The account has no such session.
pub(super) fn session_not_found(id: &str) -> Problem {
    Problem::new(codes::SESSION_NOT_FOUND, format!("you have no session {id:?}"))
}

/// Somebody without credentials, in open mode, would close the service to everybody else.
pub(super) fn open() -> Problem {
    Problem::new(
        codes::FORBIDDEN,
        "the first accounts are made by the operator of the service: isobase user create NAME",
    )
}

/// A field of the body is missing.
pub(super) fn missing(field: &str) -> Problem {
    Problem::new(codes::ACCOUNT_INCOMPLETE, format!("{field} required"))
}

/// The request has no token of the link.
pub(super) fn token_missing() -> Problem {
    Problem::new(codes::ACCOUNT_INCOMPLETE, "token, username and password required")
}

/// One of the two passwords is missing.
pub(super) fn passwords_missing() -> Problem {
    Problem::new(codes::ACCOUNT_INCOMPLETE, "current_password and new_password required")
}

/// A page of another origin asks with the cookie of its visitor.
pub(super) fn foreign_page() -> Problem {
    Problem::new(codes::ORIGIN_NOT_ALLOWED, "pages of other origins may not use a session's cookie")
}
