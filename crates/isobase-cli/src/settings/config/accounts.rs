//! Accounts, letters, and what seals secrets.

use isobase_auth::{AccountOptions, NewAccount, SECRET_FILE, Sealer, SecretSource};

use super::{
    super::{
        load::Loaded,
        table::{
            ACCOUNTS_PASSWORD_CHARACTERS_MIN, ACCOUNTS_REGISTRATION, ACCOUNTS_SESSION_LIFETIME,
            MAIL_FROM, MAIL_SMTP_URL, OWNER_EMAIL, OWNER_NAME, OWNER_PASSWORD, SECRET,
        },
    },
    Config,
};
use crate::failure::Failure;

/// The sealer of secrets that must be readable.
pub(crate) fn sealer(loaded: &Loaded, config: &Config) -> Sealer {
    Sealer::new(match loaded.find(&SECRET) {
        Some(text) => SecretSource::Text(text.as_str().into()),
        None => SecretSource::File(config.data.join(SECRET_FILE)),
    })
}

/// How accounts behave.
pub(crate) fn account_options(loaded: &Loaded) -> AccountOptions {
    AccountOptions {
        registration: loaded.get(&ACCOUNTS_REGISTRATION),
        password_characters_min: loaded.get(&ACCOUNTS_PASSWORD_CHARACTERS_MIN),
        session_lifetime: loaded.get(&ACCOUNTS_SESSION_LIFETIME),
        ..AccountOptions::default()
    }
}

/// The first owner, if the settings name one.
///
/// # Errors
/// When the name or the password is missing.
pub(crate) fn first_owner(loaded: &Loaded) -> Result<Option<NewAccount<'_>>, Failure> {
    let email = loaded.find(&OWNER_EMAIL).map(String::as_str);
    let missing = |key: &str| {
        Failure::usage(format!("the first owner needs a name and a password, and {key} is not set"))
            .hint("set ISOBASE_OWNER_NAME and ISOBASE_OWNER_PASSWORD, or none of them")
    };
    match (loaded.find(&OWNER_NAME), loaded.find(&OWNER_PASSWORD)) {
        (Some(name), Some(password)) => Ok(Some(NewAccount { name, email, password })),
        (None, None) if email.is_none() => Ok(None),
        (Some(_), None) => Err(missing("owner.password")),
        (None, _) => Err(missing("owner.name")),
    }
}

/// The mail server and the sender of letters, if they are set.
///
/// # Errors
/// When there is a server and no sender.
pub(crate) fn mail_server(loaded: &Loaded) -> Result<Option<(&str, &str)>, Failure> {
    let Some(url) = loaded.find(&MAIL_SMTP_URL) else { return Ok(None) };
    let from = loaded.find(&MAIL_FROM).ok_or_else(|| {
        Failure::usage("setting mail.from: a mail server needs a sender")
            .hint("as in mail.from = \"My app <app@example.com>\"")
    })?;
    Ok(Some((url, from)))
}
