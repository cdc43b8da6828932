//! The accounts of a database.

mod by_mail;
mod by_provider;
mod mail_limits;
mod second_factor;

use std::time::Duration;

use isobase_store::{Action, Precondition, Rejection, Store};
use isobase_types::{
    Count, DocumentId, Filter, Literal, Order, PageRequest, Query,
    json::{InvalidJson, Patch},
};
use serde_json::json;
use tokio::sync::OnceCell;

use crate::{
    ACCOUNTS_COLLECTION, Account, AccountError, Clock, KeyStore, NewAccount, PASSWORD_BYTES_MAX,
    PasswordOptions, PostOffice, Role, Sealer, Sessions,
    account::{Found, StoredAccount},
    account_name::{Names, fold},
    attempts::{Attempt, Attempts},
    documents::Documents,
    passwords::Passwords,
    providers::Providers,
    setup::Setup,
};
pub use by_provider::FinishedSignIn;
use mail_limits::MailLimits;

/// How old a session may be, in microseconds, that stands for a password. Ours: time to find the
/// button, and too short for a session that was left open.
const JUST_NOW_US: i64 = 10 * 60 * 1_000_000;

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
    /// What hashing costs.
    pub passwords: PasswordOptions,
    /// How long a session lasts after its beginning or its last renewal. Default 30 days.
    pub session_lifetime: Duration,
    /// How often somebody may try.
    pub limits: AttemptLimits,
    /// What seals the secrets of second factors. Default none: then there are none.
    pub sealer: Option<Sealer>,
    /// What time it is.
    pub clock: Clock,
}

/// Who may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Everyone.
    Open,
    /// Nobody: administrators make accounts.
    Closed,
}

/// Attempts in one minute. Sign-ins that succeed are not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptLimits {
    /// Failed sign-ins of one name from one address. Default 10.
    pub per_name_and_address: u32,
    /// Failed sign-ins of one name. Default 60: whoever guesses from many addresses is slow, and
    /// the owner of the name is seldom shut out.
    pub per_name: u32,
    /// Failed sign-ins from one address. Default 120: many people may share one.
    pub per_address: u32,
    /// Beginnings and ends of sign-ins at providers from one address. Default 240.
    pub at_providers: u32,
    /// Registrations from one address. Default 120.
    pub registrations: u32,
}

/// Wrong codes of one account in an hour: whoever has the password guesses one of three codes out
/// of a million, so 20 an hour need years.
const WRONG_CODES_PER_HOUR: u32 = 20;
const HOUR: Duration = Duration::from_secs(60 * 60);

/// The window of the limits.
const WINDOW: Duration = Duration::from_secs(60);

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

/// The accounts of a database, and their sessions.
#[derive(Debug)]
pub struct Accounts {
    documents: Documents,
    keys: KeyStore,
    /// Whether the database is closed to callers without credentials, as it is before there is an
    /// account.
    closed: OnceCell<()>,
    sessions: Sessions,
    passwords: Passwords,
    setup: Setup,
    /// The way of letters; `None` in a process that sends none.
    post: Option<PostOffice>,
    mail: MailLimits,
    /// Other services whose accounts sign in here; `None` in a process where nobody signs in.
    providers: Option<Providers>,
    sealer: Option<Sealer>,
    wrong_codes: Attempts,
    registration: Registration,
    password_characters_min: usize,
    clock: Clock,
    by_name_and_address: Attempts,
    by_name: Attempts,
    by_address: Attempts,
    at_providers: Attempts,
    registrations: Attempts,
}

/// A part of the list of accounts.
#[derive(Clone, Debug)]
pub struct AccountPage {
    /// By their ids.
    pub accounts: Vec<Account>,
    /// Where to go on; `None` at the end.
    pub next: Option<String>,
}

impl Accounts {
    /// The accounts of a store's database. Nothing is read or made before it is needed.
    #[must_use]
    pub fn new(store: &Store, options: AccountOptions) -> Self {
        let AccountOptions { registration, password_characters_min, clock, limits, .. } = options;
        let unique = &["name", "address_key", "first_owner"];
        Self {
            documents: Documents::new(store, ACCOUNTS_COLLECTION, unique, &["role"]),
            keys: KeyStore::new(store),
            closed: OnceCell::new(),
            sessions: Sessions::new(store, options.session_lifetime, clock.clone()),
            passwords: Passwords::new(options.passwords),
            setup: Setup::default(),
            post: None,
            mail: MailLimits::default(),
            providers: None,
            sealer: options.sealer,
            wrong_codes: Attempts::new(WRONG_CODES_PER_HOUR, HOUR),
            registration,
            password_characters_min,
            clock,
            by_name_and_address: Attempts::new(limits.per_name_and_address, WINDOW),
            by_name: Attempts::new(limits.per_name, WINDOW),
            by_address: Attempts::new(limits.per_address, WINDOW),
            at_providers: Attempts::new(limits.at_providers, WINDOW),
            registrations: Attempts::new(limits.registrations, WINDOW),
        }
    }

    /// The sessions of these accounts.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Makes an account for somebody who asks for one, from an address. With the first one the
    /// database is closed for good to callers without credentials.
    ///
    /// # Errors
    /// [`AccountError::RegistrationClosed`], [`AccountError::TooManyAttempts`], and those of
    /// [`Accounts::create`].
    pub async fn register(
        &self,
        new: NewAccount<'_>,
        address: &str,
    ) -> Result<Account, AccountError> {
        if self.registration == Registration::Closed {
            return Err(AccountError::RegistrationClosed);
        }
        let now = self.clock.now();
        let waits = |retry_after| AccountError::TooManyAttempts { retry_after };
        self.registrations.take(&[address], now).map_err(waits)?;
        self.create(new, &Role::user()).await
    }

    /// Makes an account with a role.
    ///
    /// # Errors
    /// The name, address or password cannot be one, the name or address is taken, too many
    /// passwords wait to be hashed, or the database fails.
    pub async fn create(&self, new: NewAccount<'_>, role: &Role) -> Result<Account, AccountError> {
        self.store_new(new, role, None).await
    }

    /// Makes the first owner. Of several at the same time one is made.
    ///
    /// # Errors
    /// [`AccountError::OwnerExists`], and those of [`Accounts::create`].
    pub async fn create_first_owner(&self, new: NewAccount<'_>) -> Result<Account, AccountError> {
        if self.has_owner().await? {
            return Err(AccountError::OwnerExists);
        }
        self.store_new(new, &Role::owner(), Some(true)).await
    }

    /// A token with which somebody may become the first owner, within half an hour; `None` if
    /// there is an owner.
    ///
    /// # Errors
    /// The database or the system fails.
    pub async fn offer_setup(&self) -> Result<Option<String>, AccountError> {
        if self.has_owner().await? {
            return Ok(None);
        }
        Ok(Some(self.setup.offer(self.clock.now())?))
    }

    /// Makes the first owner for somebody who has the token, from an address.
    ///
    /// # Errors
    /// [`AccountError::WrongSetupToken`], [`AccountError::TooManyAttempts`], and those of
    /// [`Accounts::create_first_owner`].
    pub async fn set_up(
        &self,
        token: &str,
        new: NewAccount<'_>,
        address: &str,
    ) -> Result<Account, AccountError> {
        let now = self.clock.now();
        let waits = |retry_after| AccountError::TooManyAttempts { retry_after };
        self.by_address.take(&[address], now).map_err(waits)?;
        if !self.setup.accepts(token, now) {
            return Err(AccountError::WrongSetupToken);
        }
        let made = self.create_first_owner(new).await;
        if matches!(made, Ok(_) | Err(AccountError::OwnerExists)) {
            self.setup.withdraw();
        }
        made
    }

    async fn store_new(
        &self,
        new: NewAccount<'_>,
        role: &Role,
        first_owner: Option<bool>,
    ) -> Result<Account, AccountError> {
        let names = Names::new(new.name, new.email)?;
        self.check_password(new.password, role)?;
        // Saves the hash; the unique indexes decide.
        if self.find_exactly("name", new.name).await?.is_some() {
            return Err(AccountError::NameTaken);
        }
        let is_address = new.name.contains('@');
        let hash = self.passwords.hash(new.password).await?;
        let stored = StoredAccount::new(names, Some(hash), role, self.clock.now());
        let stored = StoredAccount { first_owner, ..stored };
        let body = stored.body().map_err(|error| not_stored(&error))?;
        self.closed.get_or_try_init(|| self.keys.close()).await?;
        let written = self.documents.write(Action::Create { body }, Precondition::None).await?;
        let written = written.map_err(|rejection| match rejection {
            Rejection::NotUnique { fields } => taken(&fields, is_address),
            rejection => AccountError::refused(rejection),
        })?;
        stored.account(written.id, written.revision)
    }

    /// Who signs in with a name or an e-mail address and a password, from an address. Takes as
    /// long for names that do not exist.
    ///
    /// # Errors
    /// [`AccountError::WrongCredentials`], [`AccountError::SecondFactorRequired`] when the account
    /// takes a second step, [`AccountError::TooManyAttempts`],
    /// [`AccountError::Busy`], or the database fails.
    pub async fn sign_in(
        &self,
        identifier: &str,
        password: &str,
        address: &str,
    ) -> Result<Account, AccountError> {
        self.attempt(&fold(identifier), address, async {
            let found = match identifier.len() <= crate::ACCOUNT_NAME_BYTES_MAX {
                true => self.find_by_identifier(identifier).await?,
                false => None,
            };
            let account = self.verify(found, password).await?;
            self.first_step(account).await
        })
        .await
    }

    /// Compares a password with the one of an account, with the same work for none.
    async fn verify(&self, found: Option<Found>, password: &str) -> Result<Account, AccountError> {
        // Longer than any that was ever taken, and bounded work all the same.
        let is_bounded = password.len() <= PASSWORD_BYTES_MAX;
        let password = if is_bounded { password } else { "" };
        let (account, kept) = found.map(|it| (it.account, it.password)).unzip();
        let is_right = self.passwords.verify(kept.flatten(), password).await? && is_bounded;
        account
            .filter(|account| is_right && !account.disabled)
            .ok_or(AccountError::WrongCredentials)
    }

    /// Tries something that is counted when it fails.
    async fn attempt<T>(
        &self,
        name: &str,
        address: &str,
        work: impl Future<Output = Result<T, AccountError>>,
    ) -> Result<T, AccountError> {
        let now = self.clock.now();
        let counters: [(&Attempts, &[&str]); 3] = [
            (&self.by_name_and_address, &[name, address]),
            (&self.by_address, &[address]),
            (&self.by_name, &[name]),
        ];
        let mut taken = Vec::with_capacity(counters.len());
        for (attempts, key) in counters {
            let attempt = attempts.attempt(key, now);
            taken.push(
                attempt.map_err(|retry_after| AccountError::TooManyAttempts { retry_after })?,
            );
        }
        let outcome = work.await;
        if let Err(AccountError::WrongCredentials | AccountError::WrongCode) = outcome {
            taken.into_iter().for_each(Attempt::count);
        }
        outcome
    }

    /// The account of an id.
    ///
    /// # Errors
    /// The database fails.
    pub async fn get(&self, id: &DocumentId) -> Result<Option<Account>, AccountError> {
        Ok(self.read(id).await?.map(|found| found.account))
    }

    /// The account with this id, name or e-mail address, in that order: nobody takes the place
    /// of another by a name that is an id.
    ///
    /// # Errors
    /// The database fails.
    pub async fn find(&self, text: &str) -> Result<Option<Account>, AccountError> {
        if let Ok(id) = DocumentId::parse(text)
            && let Some(account) = self.get(&id).await?
        {
            return Ok(Some(account));
        }
        Ok(self.find_by_identifier(text).await?.map(|found| found.account))
    }

    /// A part of the list of all accounts.
    ///
    /// # Errors
    /// The cursor is none of this list, or the database fails.
    pub async fn list(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<AccountPage, AccountError> {
        let query = Query {
            filter: Filter::all(),
            order: Order::default(),
            page: PageRequest::Cursor { limit, after },
            fields: Vec::new(),
            count: Count::None,
        };
        let page = self.documents.store().list(self.documents.collection(), &query).await?;
        let found = page.documents.into_iter().map(Found::read);
        let accounts = found.map(|found| found.map(|it| it.account)).collect::<Result<_, _>>()?;
        Ok(AccountPage { accounts, next: page.next.map(|position| position.cursor().to_owned()) })
    }

    /// Whether there is an owner.
    ///
    /// # Errors
    /// The database fails.
    pub async fn has_owner(&self) -> Result<bool, AccountError> {
        Ok(self.documents.find(Some(("role", owner()))).await?.is_some())
    }

    /// Gives an account another role.
    ///
    /// # Errors
    /// [`AccountError::LastOwner`], [`AccountError::Changed`], or the database fails.
    pub async fn set_role(&self, account: &Account, role: &Role) -> Result<Account, AccountError> {
        if account.role.is_owner() && !role.is_owner() {
            self.keep_an_owner(account).await?;
        }
        self.change(account, json!({ "role": role.as_str(), "first_owner": null })).await
    }

    /// Shuts an account out, or lets it in again. Its sessions end.
    ///
    /// # Errors
    /// [`AccountError::LastOwner`], [`AccountError::Changed`], or the database fails.
    pub async fn set_disabled(
        &self,
        account: &Account,
        disabled: bool,
    ) -> Result<Account, AccountError> {
        if disabled {
            self.keep_an_owner(account).await?;
        }
        let epoch = account.session_epoch + 1;
        let change = json!({
            "disabled": disabled, "session_epoch": epoch, "session_kept": null, "challenge": null,
        });
        let changed = self.change(account, change).await?;
        self.sessions.clear(&account.id, None).await?;
        Ok(changed)
    }

    /// Says whether the address of an account is known to be right, as a letter would.
    ///
    /// # Errors
    /// [`AccountError::Changed`], or the database fails.
    pub async fn set_verified(
        &self,
        account: &Account,
        verified: bool,
    ) -> Result<Account, AccountError> {
        self.change(account, json!({ "verified": verified })).await
    }

    /// Gives an account another password. All of its sessions end but the one that is kept.
    ///
    /// # Errors
    /// The password cannot be one, [`AccountError::Changed`], [`AccountError::Busy`], or the
    /// database fails.
    pub async fn set_password(
        &self,
        account: &Account,
        password: &str,
        keep: Option<&str>,
    ) -> Result<Account, AccountError> {
        self.check_password(password, &account.role)?;
        let hash = self.passwords.hash(password).await?;
        let epoch = account.session_epoch + 1;
        // In one write: there is no moment with the new password and the old sessions.
        let change = json!({
            "password": hash, "session_epoch": epoch, "session_kept": keep, "challenge": null,
        });
        let changed = self.change(account, change).await?;
        self.sessions.clear(&account.id, keep).await?;
        Ok(changed)
    }

    /// Compares the password of an account that has signed in already, before something that a
    /// stolen session must not do. Counted as a sign-in.
    ///
    /// # Errors
    /// As [`Accounts::sign_in`].
    pub async fn confirm(
        &self,
        id: &DocumentId,
        password: &str,
        address: &str,
    ) -> Result<Account, AccountError> {
        let found = self.read(id).await?;
        let name = found.as_ref().map(|found| fold(&found.account.name)).unwrap_or_default();
        self.attempt(&name, address, self.verify(found, password)).await
    }

    /// As [`Accounts::confirm`], for what an account without a password does too: one that signs in
    /// at a provider is confirmed by a session that began within the last ten minutes.
    ///
    /// # Errors
    /// [`AccountError::SignInAgain`], and as [`Accounts::confirm`].
    pub async fn confirm_in_session(
        &self,
        (id, session): (&DocumentId, &str),
        password: &str,
        address: &str,
    ) -> Result<Account, AccountError> {
        let found = self.read(id).await?.filter(|found| found.password.is_none());
        let Some(found) = found else { return self.confirm(id, password, address).await };
        let sessions = self.sessions.list(&found.account).await?;
        let begun = sessions.iter().find(|it| it.id == session).map(|it| it.created_at);
        let now = self.clock.now();
        match begun {
            Some(begun) if now.unix_us - begun.unix_us <= JUST_NOW_US => Ok(found.account),
            _ => Err(AccountError::SignInAgain),
        }
    }

    /// Whether somebody can sign in to the account by a password.
    ///
    /// # Errors
    /// The database fails.
    pub async fn has_password(&self, account: &Account) -> Result<bool, AccountError> {
        Ok(self.read(&account.id).await?.is_some_and(|found| found.password.is_some()))
    }

    /// Ends all sessions of an account but one.
    ///
    /// # Errors
    /// [`AccountError::Changed`], or the database fails.
    pub async fn end_sessions(
        &self,
        account: &Account,
        keep: Option<&str>,
    ) -> Result<(), AccountError> {
        let epoch = account.session_epoch + 1;
        self.change(account, json!({ "session_epoch": epoch, "session_kept": keep })).await?;
        self.sessions.clear(&account.id, keep).await
    }

    /// Deletes an account with its sessions. What other collections keep of it goes, stays or
    /// forbids it, as their references to accounts say.
    ///
    /// # Errors
    /// [`AccountError::LastOwner`], [`AccountError::Referenced`], [`AccountError::Changed`], or
    /// the database fails.
    pub async fn delete(&self, account: &Account) -> Result<(), AccountError> {
        self.keep_an_owner(account).await?;
        let action = Action::Delete { id: account.id.clone() };
        let precondition = Precondition::RevisionIn(vec![account.revision.clone()]);
        let outcome = self.documents.write(action, precondition).await?;
        self.sessions.forget_account(&account.id);
        outcome.map_err(AccountError::refused)?;
        self.sessions.clear(&account.id, None).await?;
        self.sessions.forget_login(&account.id).await
    }

    /// Refuses what would leave no owner. Two owners who remove each other at the same moment both
    /// pass; then the next start offers the link for the first owner again.
    async fn keep_an_owner(&self, account: &Account) -> Result<(), AccountError> {
        if !account.role.is_owner() {
            return Ok(());
        }
        let owners = self.documents.list(Some(("role", owner()))).await?;
        let is_another = |found: Found| !found.account.disabled && found.account.id != account.id;
        for document in owners {
            if is_another(Found::read(document)?) {
                return Ok(());
            }
        }
        Err(AccountError::LastOwner)
    }

    /// Changes fields of an account, unless somebody else did meanwhile.
    async fn change(
        &self,
        account: &Account,
        change: serde_json::Value,
    ) -> Result<Account, AccountError> {
        let patch = Patch::merge(change.to_string().as_bytes()).map_err(|e| not_stored(&e))?;
        let action = Action::Patch { id: account.id.clone(), patch };
        let precondition = Precondition::RevisionIn(vec![account.revision.clone()]);
        let outcome = self.documents.write(action, precondition).await?;
        self.sessions.forget_account(&account.id);
        outcome.map_err(|rejection| match rejection {
            Rejection::NotUnique { fields } => taken(&fields, false),
            rejection => AccountError::refused(rejection),
        })?;
        self.get(&account.id).await?.ok_or(AccountError::Changed)
    }

    fn check_password(&self, password: &str, role: &Role) -> Result<(), AccountError> {
        let least = match role.works_on_service() {
            true => self.password_characters_min.max(ADMIN_PASSWORD_CHARACTERS_MIN),
            false => self.password_characters_min.max(1),
        };
        let enough = password.chars().count() >= least && password.len() <= PASSWORD_BYTES_MAX;
        match enough {
            true => Ok(()),
            false => Err(AccountError::InvalidPassword { characters_min: least }),
        }
    }

    async fn read(&self, id: &DocumentId) -> Result<Option<Found>, AccountError> {
        self.documents.get(id).await?.map(Found::read).transpose()
    }

    async fn find_by_identifier(&self, text: &str) -> Result<Option<Found>, AccountError> {
        match text.contains('@') {
            true => self.find_exactly("address_key", &fold(text)).await,
            false => self.find_exactly("name", text).await,
        }
    }

    async fn find_exactly(&self, field: &str, text: &str) -> Result<Option<Found>, AccountError> {
        let literal = Literal::Text(text.to_owned());
        self.documents.find(Some((field, literal))).await?.map(Found::read).transpose()
    }
}

fn owner() -> Literal {
    Literal::Text(Role::owner().as_str().to_owned())
}

/// What a unique index refused.
fn taken(fields: &[isobase_types::FieldPath], is_address: bool) -> AccountError {
    match fields.first().map(ToString::to_string).as_deref() {
        Some("first_owner") => AccountError::OwnerExists,
        Some("address_key") if !is_address => AccountError::EmailTaken,
        Some(field) if field.starts_with("identities.") => AccountError::IdentityTaken,
        _ => AccountError::NameTaken,
    }
}

fn not_stored(error: &InvalidJson) -> AccountError {
    AccountError::Unreadable(format!("account: {error}"))
}
