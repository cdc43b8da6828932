//! The second factor of accounts: the codes of an authenticator app, and recovery codes.

use std::time::Duration;

use isobase_types::Timestamp;
use serde_json::{Value, json};

use super::Accounts;
use crate::{
    Account, AccountError, SealedPlace, SecondFactor, SecondFactorOffer,
    account::Found,
    account_name::fold,
    one_time,
    second_factor::{self, StoredTotp},
    secret,
    totp::{self, SECRET_BYTES},
};

/// How long the second step of a sign-in may take.
const CHALLENGE_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// Codes that are looked at in one sign-in.
const CODES_PER_CHALLENGE: u32 = 5;
/// How long a secret waits to be confirmed.
const OFFER_LIFETIME: Duration = Duration::from_secs(15 * 60);
/// The word of a challenge.
const CHALLENGE: &str = "challenge";
/// How often a step begins again that another one overtook. Each time one of them was done.
const OVERTAKEN_MAX: usize = 20;
/// The field of a sealed secret, wherever in the account it stands.
const SEALED_FIELD: &str = "totp";

impl Accounts {
    /// The second factor of an account; `None` if it has none.
    ///
    /// # Errors
    /// The database fails.
    pub async fn second_factor(
        &self,
        account: &Account,
    ) -> Result<Option<SecondFactor>, AccountError> {
        let found = self.read(&account.id).await?;
        Ok(found.and_then(|found| found.totp).map(|totp| SecondFactor {
            since: Timestamp { unix_us: totp.since_us },
            recovery_codes_left: totp.recovery.len(),
        }))
    }

    /// Makes the secret of a second factor, which counts once it is confirmed. `issuer` is what
    /// the app calls this service. One that was made before and not confirmed is forgotten.
    ///
    /// # Errors
    /// [`AccountError::SecondFactorOn`], [`AccountError::NoSecret`], [`AccountError::NotSealed`],
    /// [`AccountError::Changed`], or the database or the system fails.
    pub async fn offer_second_factor(
        &self,
        account: &Account,
        issuer: &str,
    ) -> Result<SecondFactorOffer, AccountError> {
        if account.second_factor {
            return Err(AccountError::SecondFactorOn);
        }
        let bytes = secret::random::<SECRET_BYTES>()?;
        let sealer = self.sealer.as_ref().ok_or(AccountError::NoSecret)?;
        let sealed = sealer.seal(self.sealed_place(account), &bytes)?;
        let expires_at = self.after(OFFER_LIFETIME);
        let pending = json!({ "secret": sealed, "until_us": expires_at.unix_us });
        self.change(account, json!({ "totp_pending": pending })).await?;
        let secret = totp::base32(&bytes);
        let uri = totp::uri(&secret, issuer, &account.name);
        Ok(SecondFactorOffer { secret, uri, expires_at })
    }

    /// Lets a second factor count, as its app shows the right code. From then on signing in takes
    /// two steps. Gives the recovery codes, of which only hashes are kept.
    ///
    /// # Errors
    /// [`AccountError::NoSecondFactor`] when none waits to be confirmed, [`AccountError::WrongCode`],
    /// [`AccountError::SecondFactorOn`], [`AccountError::Changed`], or the database or the system
    /// fails.
    pub async fn confirm_second_factor(
        &self,
        account: &Account,
        code: &str,
    ) -> Result<Vec<String>, AccountError> {
        let now = self.clock.now();
        let found = self.read(&account.id).await?.ok_or(AccountError::Changed)?;
        if found.account.second_factor {
            return Err(AccountError::SecondFactorOn);
        }
        let pending = found.totp_pending.filter(|pending| now.unix_us < pending.until_us);
        let sealed = pending.ok_or(AccountError::NoSecondFactor)?.secret;
        let opened = self.open(&found.account, &sealed)?;
        let step = totp::accepted(&opened, code, now, None).ok_or(AccountError::WrongCode)?;
        let (codes, recovery) = second_factor::recovery_codes()?;
        let totp = StoredTotp { secret: sealed, last_step: step, recovery, since_us: now.unix_us };
        self.change(&found.account, json!({ "totp": totp, "totp_pending": null })).await?;
        Ok(codes)
    }

    /// Makes new recovery codes; those from before count no more.
    ///
    /// # Errors
    /// [`AccountError::NoSecondFactor`], [`AccountError::Changed`], or the database or the system
    /// fails.
    pub async fn renew_recovery_codes(
        &self,
        account: &Account,
    ) -> Result<Vec<String>, AccountError> {
        if !account.second_factor {
            return Err(AccountError::NoSecondFactor);
        }
        let (codes, recovery) = second_factor::recovery_codes()?;
        self.change(account, json!({ "totp": { "recovery": recovery } })).await?;
        Ok(codes)
    }

    /// Removes the second factor of an account, also one that waits to be confirmed.
    ///
    /// # Errors
    /// [`AccountError::Changed`], or the database fails.
    pub async fn remove_second_factor(&self, account: &Account) -> Result<Account, AccountError> {
        let nothing = json!({ "totp": null, "totp_pending": null, "challenge": null });
        self.change(account, nothing).await
    }

    /// Who did the first step of a sign-in: the account, or a challenge for the second step.
    ///
    /// # Errors
    /// [`AccountError::SecondFactorRequired`], [`AccountError::Changed`], or the database or the
    /// system fails.
    pub(super) async fn first_step(&self, account: Account) -> Result<Account, AccountError> {
        let mut account = account;
        for _ in 0..OVERTAKEN_MAX {
            match self.challenge(&account).await {
                Err(AccountError::Changed) => {}
                outcome => return outcome.map(|()| account),
            }
            // Another sign-in came first, or the password is another since.
            let again = self.get(&account.id).await?;
            account = again
                .filter(|it| !it.disabled && it.session_epoch == account.session_epoch)
                .ok_or(AccountError::WrongCredentials)?;
        }
        Err(AccountError::Changed)
    }

    /// Begins the second step, where there is one.
    async fn challenge(&self, account: &Account) -> Result<(), AccountError> {
        if !account.second_factor {
            return Ok(());
        }
        let (challenge, secret) = one_time::token(CHALLENGE, &account.id)?;
        let expires_at = self.after(CHALLENGE_LIFETIME);
        let kept = json!({
            "hash": secret::hash(&secret), "until_us": expires_at.unix_us, "tried": 0,
        });
        self.change(account, json!({ "challenge": kept })).await?;
        Err(AccountError::SecondFactorRequired { challenge, expires_at })
    }

    /// The second step of a sign-in, from an address: a code of the app, or a recovery code. Each
    /// counts once, whichever of several services it is shown to. The challenge is good for one
    /// sign-in, five minutes and five codes; a later sign-in of the account replaces it.
    ///
    /// # Errors
    /// [`AccountError::WrongCode`], [`AccountError::ChallengeOver`],
    /// [`AccountError::TooManyAttempts`], [`AccountError::NotSealed`], or the database fails.
    pub async fn second_step(
        &self,
        challenge: &str,
        code: &str,
        address: &str,
    ) -> Result<Account, AccountError> {
        let (id, secret) =
            one_time::split(CHALLENGE, challenge).ok_or(AccountError::ChallengeOver)?;
        let found = self.read(&id).await?.ok_or(AccountError::ChallengeOver)?;
        let name = fold(&found.account.name);
        self.attempt(&name, address, async {
            let waits = |retry_after| AccountError::TooManyAttempts { retry_after };
            let counted = id.to_string();
            self.wrong_codes.take(&[&counted], self.clock.now()).map_err(waits)?;
            let mut found = Some(found);
            for _ in 0..OVERTAKEN_MAX {
                let outcome = match found.take() {
                    Some(found) => self.try_code(found, secret, code).await,
                    None => Err(AccountError::ChallengeOver),
                };
                match outcome {
                    // Another code came first: what this one is worth depends on it.
                    Err(AccountError::Changed) => found = self.read(&id).await?,
                    Err(AccountError::WrongCode) => return Err(AccountError::WrongCode),
                    outcome => {
                        self.wrong_codes.give_back(&[&counted]);
                        return outcome;
                    }
                }
            }
            self.wrong_codes.give_back(&[&counted]);
            Err(AccountError::Changed)
        })
        .await
    }

    /// Compares a code with the account as it was read, and notes the outcome before it is told.
    async fn try_code(
        &self,
        found: Found,
        secret: &str,
        code: &str,
    ) -> Result<Account, AccountError> {
        let now = self.clock.now();
        let Found { account, totp: Some(totp), challenge: Some(challenge), .. } = found else {
            return Err(AccountError::ChallengeOver);
        };
        if account.disabled || !challenge.accepts(secret, now) {
            return Err(AccountError::ChallengeOver);
        }
        let opened = self.open(&account, &totp.secret)?;
        let typed = code.trim().replace(' ', "");
        let step = totp::accepted(&opened, &typed, now, Some(totp.last_step));
        let recovery = second_factor::recovery_hash(code);
        let left = || -> Option<Vec<&String>> {
            let place = totp.recovery.iter().position(|kept| *kept == recovery)?;
            let rest = totp.recovery.iter().enumerate();
            Some(rest.filter(|(at, _)| *at != place).map(|(_, kept)| kept).collect())
        };
        let change = match step {
            Some(step) => json!({ "challenge": null, "totp": { "last_step": step } }),
            None => match left() {
                Some(left) => json!({ "challenge": null, "totp": { "recovery": left } }),
                None => {
                    let tried = challenge.tried + 1;
                    let kept = match tried < CODES_PER_CHALLENGE {
                        true => json!({ "tried": tried }),
                        false => Value::Null,
                    };
                    self.change(&account, json!({ "challenge": kept })).await?;
                    return Err(AccountError::WrongCode);
                }
            },
        };
        self.change(&account, change).await
    }

    fn open(&self, account: &Account, sealed: &str) -> Result<Vec<u8>, AccountError> {
        let sealer = self.sealer.as_ref().ok_or(AccountError::NoSecret)?;
        Ok(sealer.open(self.sealed_place(account), sealed)?)
    }

    fn sealed_place<'a>(&'a self, account: &'a Account) -> SealedPlace<'a> {
        let collection = self.documents.collection();
        SealedPlace { collection, id: &account.id, field: SEALED_FIELD }
    }

    fn after(&self, lifetime: Duration) -> Timestamp {
        let lifetime = i64::try_from(lifetime.as_micros()).unwrap_or(i64::MAX);
        Timestamp { unix_us: self.clock.now().unix_us.saturating_add(lifetime) }
    }
}
