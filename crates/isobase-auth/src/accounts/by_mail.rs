//! Actions of accounts by mail: say that an address is right, choose another password, sign in.

use std::sync::Arc;

use isobase_types::DocumentId;
use serde_json::{Value, json};

use super::Accounts;
use crate::{
    Account, AccountError, CODE_LIFETIME, LINK_LIFETIME, Mail, PostOffice,
    account::Found,
    account_name::{check_email, fold},
    one_time::{self, OneTime, Purpose},
    secret,
};

impl Accounts {
    /// The same accounts with a way for letters.
    #[must_use]
    pub fn with_post_office(mut self, post: PostOffice) -> Self {
        self.post = Some(post);
        self
    }

    /// The way of letters, if there is one.
    #[must_use]
    pub fn post_office(&self) -> Option<&PostOffice> {
        self.post.as_ref()
    }

    fn post(&self) -> Result<&PostOffice, AccountError> {
        self.post.as_ref().ok_or(AccountError::NoMail)
    }

    /// Sends a letter that asks whether an address is right: the account's own, or one that is to
    /// become it.
    ///
    /// # Errors
    /// [`AccountError::NoMail`], [`AccountError::InvalidEmail`], [`AccountError::TooManyAttempts`].
    pub fn send_verification(
        self: &Arc<Self>,
        account: &Account,
        email: &str,
        address: &str,
    ) -> Result<(), AccountError> {
        check_email(email)?;
        let (post, accounts) = (self.post()?, Arc::clone(self));
        self.count_letter(email, address)?;
        let (id, email) = (account.id.clone(), email.to_owned());
        post.dispatch(async move {
            let found = accounts.read(&id).await;
            accounts.letter(found, Purpose::Verify, &email).await
        });
        Ok(())
    }

    /// Sends a letter with a link to choose another password, if an account has the address. What
    /// is answered, and when, does not tell.
    ///
    /// # Errors
    /// [`AccountError::NoMail`], [`AccountError::TooManyAttempts`].
    pub fn send_reset(self: &Arc<Self>, email: &str, address: &str) -> Result<(), AccountError> {
        self.send_to(email, address, Purpose::Reset)
    }

    /// Sends a letter with a code to sign in, if an account has the address. What is answered, and
    /// when, does not tell.
    ///
    /// # Errors
    /// As [`Accounts::send_reset`].
    pub fn send_code(self: &Arc<Self>, email: &str, address: &str) -> Result<(), AccountError> {
        self.send_to(email, address, Purpose::Code)
    }

    fn send_to(
        self: &Arc<Self>,
        email: &str,
        address: &str,
        purpose: Purpose,
    ) -> Result<(), AccountError> {
        let (post, accounts) = (self.post()?, Arc::clone(self));
        self.count_letter(email, address)?;
        let email = email.to_owned();
        post.dispatch(async move {
            let found = accounts.find_exactly("address_key", &fold(&email)).await;
            // To the address as the account has it: what was typed may be another spelling.
            let known = found.as_ref().ok().and_then(|found| found.as_ref()?.account.email.clone());
            accounts.letter(found, purpose, &known?).await
        });
        Ok(())
    }

    fn count_letter(&self, email: &str, address: &str) -> Result<(), AccountError> {
        let waits = |retry_after| AccountError::TooManyAttempts { retry_after };
        let now = self.clock.now();
        self.by_address.take(&[address], now).map_err(waits)?;
        self.mail.letters.take(&[&fold(email)], now).map_err(waits)
    }

    /// Keeps a secret in an account and puts it into a letter.
    async fn letter(
        &self,
        found: Result<Option<Found>, AccountError>,
        purpose: Purpose,
        email: &str,
    ) -> Option<Mail> {
        match self.try_letter(found, purpose, email).await {
            Ok(mail) => mail,
            Err(error) => {
                let purpose = purpose.as_str();
                tracing::warn!(%error, purpose, "no letter was written: {error}");
                None
            }
        }
    }

    async fn try_letter(
        &self,
        found: Result<Option<Found>, AccountError>,
        purpose: Purpose,
        email: &str,
    ) -> Result<Option<Mail>, AccountError> {
        let account = match found?.map(|found| found.account) {
            Some(account) if !account.disabled => account,
            _ => return Ok(None),
        };
        let post = self.post()?;
        let (shown, secret) = match purpose {
            Purpose::Code => one_time::code().map(|code| (code.clone(), code))?,
            _ => one_time::token(purpose.as_str(), &account.id)?,
        };
        let (letter, shown, lifetime) = match purpose {
            Purpose::Verify => (&post.letters.verify, post.link(&shown), LINK_LIFETIME),
            Purpose::Reset => (&post.letters.reset, post.link(&shown), LINK_LIFETIME),
            Purpose::Code => (&post.letters.code, shown, CODE_LIFETIME),
        };
        let lifetime = i64::try_from(lifetime.as_micros()).unwrap_or(i64::MAX);
        let kept = OneTime {
            hash: secret::hash(&secret),
            until_us: self.clock.now().unix_us.saturating_add(lifetime),
            email: email.to_owned(),
        };
        let mut change = serde_json::Map::new();
        change.insert(purpose.as_str().to_owned(), json!(kept));
        self.change(&account, Value::Object(change)).await?;
        let place = if purpose == Purpose::Code { "{code}" } else { "{link}" };
        Ok(Some(letter.to(email, &account.name, (place, &shown))))
    }

    /// Notes that the address of a letter's link is right, and the account's.
    ///
    /// # Errors
    /// [`AccountError::WrongLink`], [`AccountError::EmailTaken`], [`AccountError::Changed`], or
    /// the database fails.
    pub async fn verify_email(&self, token: &str) -> Result<Account, AccountError> {
        let (account, kept) = self.opened(Purpose::Verify, token).await?;
        let email = kept.email;
        let mut change = json!({
            "verify": null, "verified": true, "email": email, "address_key": fold(&email),
        });
        if account.name.contains('@') {
            // The name of such an account is its address.
            change["name"] = json!(email);
        }
        self.change(&account, change).await
    }

    /// Gives the account of a letter's link another password; all of its sessions end.
    ///
    /// # Errors
    /// [`AccountError::WrongLink`], [`AccountError::InvalidPassword`], [`AccountError::Changed`],
    /// [`AccountError::Busy`], or the database fails.
    pub async fn reset_password(
        &self,
        token: &str,
        password: &str,
    ) -> Result<Account, AccountError> {
        let (account, kept) = self.opened(Purpose::Reset, token).await?;
        self.check_password(password, &account.role)?;
        let hash = self.passwords.hash(password).await?;
        let change = json!({
            "reset": null,
            "challenge": null,
            "password": hash,
            "verified": account.verified || is_own(&account, &kept),
            "session_epoch": account.session_epoch + 1,
            "session_kept": null,
        });
        let changed = self.change(&account, change).await?;
        self.sessions.clear(&account.id, None).await?;
        Ok(changed)
    }

    /// Who signs in with an e-mail address and the code of a letter to it. An account whose
    /// address was not known to be right loses its password and its sessions: they may be of
    /// somebody who took another's address.
    ///
    /// # Errors
    /// As [`Accounts::sign_in`], and [`AccountError::Changed`].
    pub async fn sign_in_by_code(
        &self,
        email: &str,
        code: &str,
        address: &str,
    ) -> Result<Account, AccountError> {
        self.attempt(&fold(email), address, async {
            let found = self.find_exactly("address_key", &fold(email)).await?;
            let Some(Found { account, code: Some(kept), .. }) = found else {
                return Err(AccountError::WrongCredentials);
            };
            let now = self.clock.now();
            let is_guess = self.mail.guesses.take(&[&kept.hash], now).is_err();
            if is_guess || account.disabled || !kept.accepts(code, now) {
                return Err(AccountError::WrongCredentials);
            }
            let mut change = json!({ "code": null, "verified": true });
            if !account.verified {
                change["password"] = Value::Null;
                change["session_epoch"] = json!(account.session_epoch + 1);
                change["session_kept"] = Value::Null;
            }
            let changed = self.change(&account, change).await?;
            if !account.verified {
                self.sessions.clear(&account.id, None).await?;
            }
            self.first_step(changed).await
        })
        .await
    }

    /// The account of a token, and what is kept of its secret.
    async fn opened(
        &self,
        purpose: Purpose,
        token: &str,
    ) -> Result<(Account, OneTime), AccountError> {
        let (id, secret): (DocumentId, _) =
            one_time::split(purpose.as_str(), token).ok_or(AccountError::WrongLink)?;
        let found = self.read(&id).await?.ok_or(AccountError::WrongLink)?;
        let kept = match purpose {
            Purpose::Verify => found.verify,
            Purpose::Reset => found.reset,
            Purpose::Code => found.code,
        };
        let now = self.clock.now();
        let kept = kept.filter(|kept| kept.accepts(secret, now) && !found.account.disabled);
        Ok((found.account, kept.ok_or(AccountError::WrongLink)?))
    }
}

/// Whether a letter went to the address that the account has.
fn is_own(account: &Account, kept: &OneTime) -> bool {
    account.email.as_deref().is_some_and(|email| fold(email) == fold(&kept.email))
}
