//! Signing in with accounts of other services, and linking them to accounts of this one.

use std::sync::Arc;

use isobase_store::{Action, Precondition, Rejection, WriteOutcome};
use isobase_types::Timestamp;
use serde_json::json;

use super::{Accounts, Registration, not_stored};
use crate::{
    Account, AccountError, Fetcher, Provider, Returned, Role, StartedSignIn,
    account::StoredAccount,
    account_name::{Names, check_email, fold},
    identity::{LinkedIdentity, StoredIdentity},
    providers::{Identity, LinkTo, Providers},
    secret,
};

/// How often a sign-in begins again that another one overtook, or whose name is taken.
const TRIED_MAX: usize = 20;

/// Somebody who came back from a provider.
#[derive(Debug)]
pub struct FinishedSignIn {
    /// Who it is; what else is to be done when the account takes a second step.
    pub outcome: Result<Account, AccountError>,
    /// The path to go back to.
    pub back: String,
    /// The identity was linked to an account whose session goes on: there is none to begin.
    pub linked: bool,
}

impl Accounts {
    /// The same accounts with providers to sign in with, which are asked by `fetcher`. What a
    /// browser keeps on its way is sealed by the sealer of the options.
    #[must_use]
    pub fn with_providers(mut self, providers: Vec<Provider>, fetcher: &Arc<dyn Fetcher>) -> Self {
        for provider in &providers {
            self.documents.add_unique(field_of(&provider.id));
        }
        let store = self.documents.store();
        let sealer = self.sealer.clone();
        self.providers = Some(Providers::new(store, providers, fetcher, sealer, &self.clock));
        self
    }

    /// The providers, in their order.
    pub fn providers(&self) -> impl Iterator<Item = &Provider> {
        self.providers.iter().flat_map(Providers::all)
    }

    fn asked(&self, provider: &str) -> Result<&Providers, AccountError> {
        let unknown = || crate::ProviderError::Unknown(provider.to_owned()).into();
        self.providers.as_ref().ok_or_else(unknown)
    }

    /// Begins a sign-in at a provider, which sends the browser to `redirect_uri`; afterwards it
    /// goes to the path `back`. With the session of an account the identity is linked to it.
    /// Counted by the address.
    ///
    /// # Errors
    /// [`AccountError::Provider`], [`AccountError::TooManyAttempts`], [`AccountError::NoSecret`].
    pub async fn begin_at_provider(
        &self,
        provider: &str,
        (redirect_uri, back): (&str, &str),
        link: Option<(&Account, &str)>,
        address: &str,
    ) -> Result<StartedSignIn, AccountError> {
        let waits = |retry_after| AccountError::TooManyAttempts { retry_after };
        self.at_providers.take(&[address], self.clock.now()).map_err(waits)?;
        let link = link.map(|(account, session)| LinkTo {
            account: account.id.to_string(),
            session: session.to_owned(),
        });
        self.asked(provider)?.start(provider, redirect_uri, back, link).await
    }

    /// Finishes a sign-in: the code is exchanged, once, and the account is the one that has the
    /// identity, a new one, or the one that it is to be linked to. An account is never taken by
    /// an address that the provider does not know to be right.
    ///
    /// # Errors
    /// [`AccountError::Provider`], [`AccountError::TooManyAttempts`],
    /// [`AccountError::EmailTaken`] when another account has the address,
    /// [`AccountError::IdentityTaken`], [`AccountError::RegistrationClosed`],
    /// [`AccountError::WrongCredentials`] when the account is shut out, or the database fails.
    pub async fn finish_at_provider(
        &self,
        provider: &str,
        returned: Returned<'_>,
        address: &str,
    ) -> Result<FinishedSignIn, AccountError> {
        let waits = |retry_after| AccountError::TooManyAttempts { retry_after };
        self.at_providers.take(&[address], self.clock.now()).map_err(waits)?;
        let (identity, flow) = self.asked(provider)?.finish(provider, returned).await?;
        let back = flow.back;
        if let Some(LinkTo { account, session }) = flow.link {
            let account = self.link_to(&account, &session, &identity).await?;
            return Ok(FinishedSignIn { outcome: Ok(account), back, linked: true });
        }
        let account = self.account_of(&identity, address).await?;
        let outcome = match self.first_step(account).await {
            Err(required @ AccountError::SecondFactorRequired { .. }) => Err(required),
            outcome => Ok(outcome?),
        };
        Ok(FinishedSignIn { outcome, back, linked: false })
    }

    /// The identities of an account.
    ///
    /// # Errors
    /// The database fails.
    pub async fn identities(&self, account: &Account) -> Result<Vec<LinkedIdentity>, AccountError> {
        let found = self.read(&account.id).await?;
        let identities = found.map(|found| found.identities).unwrap_or_default();
        let linked = |(provider, it): (String, StoredIdentity)| LinkedIdentity {
            provider,
            subject: it.subject,
            email: it.email,
            linked_at: Timestamp { unix_us: it.linked_us },
        };
        Ok(identities.into_iter().map(linked).collect())
    }

    /// Takes the identity of a provider from an account.
    ///
    /// # Errors
    /// [`AccountError::NoIdentity`], [`AccountError::LastIdentity`] when nothing else signs in to
    /// the account, [`AccountError::Changed`], or the database fails.
    pub async fn unlink(&self, account: &Account, provider: &str) -> Result<(), AccountError> {
        let found = self.read(&account.id).await?.ok_or(AccountError::Changed)?;
        if !found.identities.contains_key(provider) {
            return Err(AccountError::NoIdentity(provider.to_owned()));
        }
        if found.password.is_none() && found.identities.len() == 1 {
            return Err(AccountError::LastIdentity);
        }
        self.change(&found.account, json!({ "identities": { provider: null } })).await?;
        Ok(())
    }

    /// The account that signs in with an identity, which is made where there is none.
    async fn account_of(
        &self,
        identity: &Identity,
        address: &str,
    ) -> Result<Account, AccountError> {
        let field = field_of(&identity.provider);
        let mut counted = false;
        for tried in 0..TRIED_MAX {
            if let Some(found) = self.find_exactly(&field, &identity.key).await? {
                let account = Some(found.account).filter(|account| !account.disabled);
                return account.ok_or(AccountError::WrongCredentials);
            }
            // What is not known to be right is no one's address.
            let email = identity
                .email
                .as_deref()
                .filter(|email| identity.email_verified && check_email(email).is_ok());
            if let Some(email) = email
                && let Some(found) = self.find_exactly("address_key", &fold(email)).await?
            {
                // An address that no one proved may stand in an account of somebody else.
                let is_theirs = found.account.verified
                    && !found.account.disabled
                    && !found.identities.contains_key(&identity.provider);
                if !identity.link_by_email || !is_theirs {
                    return Err(AccountError::EmailTaken);
                }
                match self.link(&found.account, identity).await {
                    Err(AccountError::Changed) => continue,
                    outcome => return outcome,
                }
            }
            if self.registration == Registration::Closed {
                return Err(AccountError::RegistrationClosed);
            }
            if !std::mem::replace(&mut counted, true) {
                let waits = |retry_after| AccountError::TooManyAttempts { retry_after };
                self.registrations.take(&[address], self.clock.now()).map_err(waits)?;
            }
            let name = name_for(identity, email, tried)?;
            let Ok(names) = Names::new(&name, email) else { continue };
            if let Ok(account) = self.store_with(names, identity, email.is_some()).await? {
                return Ok(account);
            }
        }
        Err(AccountError::Changed)
    }

    /// Stores an account that an identity signs in to, unless one of its unique values is taken.
    async fn store_with(
        &self,
        names: Names,
        identity: &Identity,
        verified: bool,
    ) -> Result<Result<Account, ()>, AccountError> {
        let now = self.clock.now();
        let mut stored = StoredAccount::new(names, None, &Role::user(), now);
        stored.verified = verified;
        stored.identities = [(identity.provider.clone(), kept(identity, now))].into();
        let body = stored.body().map_err(|error| not_stored(&error))?;
        self.closed.get_or_try_init(|| self.keys.close()).await?;
        let written: WriteOutcome =
            self.documents.write(Action::Create { body }, Precondition::None).await?;
        match written {
            Ok(written) => Ok(Ok(stored.account(written.id, written.revision)?)),
            Err(Rejection::NotUnique { .. }) => Ok(Err(())),
            Err(rejection) => Err(AccountError::refused(rejection)),
        }
    }

    /// Links an identity to the account whose session asked for it, if the session goes on.
    async fn link_to(
        &self,
        account: &str,
        session: &str,
        identity: &Identity,
    ) -> Result<Account, AccountError> {
        let over = || AccountError::from(crate::ProviderError::NotBegun);
        let live = self.sessions.get(session).await?;
        let live = live.filter(|live| live.account.to_string() == account).ok_or_else(over)?;
        for _ in 0..TRIED_MAX {
            let found = self.read(&live.account).await?.ok_or_else(over)?;
            match found.identities.get(&identity.provider) {
                Some(there) if there.key == identity.key => return Ok(found.account),
                Some(_) => return Err(AccountError::IdentityTaken),
                None => {}
            }
            match self.link(&found.account, identity).await {
                Err(AccountError::Changed) => {}
                outcome => return outcome,
            }
        }
        Err(AccountError::Changed)
    }

    async fn link(&self, account: &Account, identity: &Identity) -> Result<Account, AccountError> {
        let kept = kept(identity, self.clock.now());
        self.change(account, json!({ "identities": { &identity.provider: kept } })).await
    }
}

/// Where the unique value of a provider's identities stands.
fn field_of(provider: &str) -> String {
    format!("identities.{provider}.key")
}

fn kept(identity: &Identity, now: Timestamp) -> StoredIdentity {
    StoredIdentity {
        key: identity.key.clone(),
        subject: identity.subject.clone(),
        email: identity.email.clone(),
        linked_us: now.unix_us,
    }
}

/// A name for an account, of what the provider calls the person; after the first one with a
/// random end.
fn name_for(
    identity: &Identity,
    email: Option<&str>,
    tried: usize,
) -> Result<String, AccountError> {
    /// Shorter than a name may be: an end must fit.
    const CHARACTERS_MAX: usize = 40;
    let local = email.and_then(|email| email.split('@').next());
    let given = identity.name.as_deref().or(local).unwrap_or(&identity.provider);
    let plain = given.chars().filter(|c| !c.is_control() && *c != '@').take(CHARACTERS_MAX);
    let name = plain.collect::<String>().trim().to_owned();
    let name = if name.is_empty() { identity.provider.clone() } else { name };
    Ok(match tried {
        0 => name,
        _ => format!("{name}-{}", secret::random_text::<3>()?),
    })
}
