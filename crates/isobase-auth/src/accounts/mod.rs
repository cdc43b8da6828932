//! The accounts of a database.

mod by_mail;
mod by_provider;
mod mail_limits;
mod manage;
mod options;
mod second_factor;
pub use by_provider::FinishedSignIn;
use options::WINDOW;
pub use options::{ADMIN_PASSWORD_CHARACTERS_MIN, AccountOptions, AttemptLimits, Registration};

use std::time::Duration;

use isobase_store::{Action, Precondition, Rejection, Store};
use isobase_types::{
    Count, DocumentId, Filter, Literal, Order, PageRequest, Query, json::InvalidJson,
};
use mail_limits::MailLimits;
use tokio::sync::OnceCell;

use crate::{
    ACCOUNTS_COLLECTION, Account, AccountError, Clock, KeyStore, NewAccount, PASSWORD_BYTES_MAX,
    PostOffice, Role, Sealer, Sessions,
    account::{Found, StoredAccount},
    account_name::{Names, fold},
    attempts::{Attempt, Attempts},
    documents::Documents,
    passwords::Passwords,
    providers::Providers,
    setup::Setup,
};

/// Wrong codes of one account in an hour: anyone who has the password guesses one of three codes out
/// of a million, so 20 an hour need years.
const WRONG_CODES_PER_HOUR: u32 = 20;
const HOUR: Duration = Duration::from_secs(60 * 60);

/// The accounts of a database, and their sessions.
#[derive(Debug)]
pub struct Accounts {
    pub(super) documents: Documents,
    keys: KeyStore,
    /// Whether the database is closed to callers without credentials, as it is before there is an
    /// account.
    closed: OnceCell<()>,
    pub(super) sessions: Sessions,
    pub(super) passwords: Passwords,
    setup: Setup,
    /// The way of letters; `None` in a process that sends none.
    post: Option<PostOffice>,
    mail: MailLimits,
    /// Other services whose accounts sign in here; `None` in a process where no one signs in.
    providers: Option<Providers>,
    pub(super) sealer: Option<Sealer>,
    wrong_codes: Attempts,
    pub(super) registration: Registration,
    pub(super) password_characters_min: usize,
    pub(super) clock: Clock,
    by_name_and_address: Attempts,
    by_name: Attempts,
    by_address: Attempts,
    pub(super) at_providers: Attempts,
    pub(super) registrations: Attempts,
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
    pub(super) async fn verify(
        &self,
        found: Option<Found>,
        password: &str,
    ) -> Result<Account, AccountError> {
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
    pub(super) async fn attempt<T>(
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

    /// The account with this id, name or e-mail address, in that order: no one takes the place
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

    pub(super) fn check_password(&self, password: &str, role: &Role) -> Result<(), AccountError> {
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

    pub(super) async fn read(&self, id: &DocumentId) -> Result<Option<Found>, AccountError> {
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

pub(super) fn owner() -> Literal {
    Literal::Text(Role::owner().as_str().to_owned())
}

/// A refusal by a unique index.
pub(super) fn taken(fields: &[isobase_types::FieldPath], is_address: bool) -> AccountError {
    match fields.first().map(ToString::to_string).as_deref() {
        Some("first_owner") => AccountError::OwnerExists,
        Some("address_key") if !is_address => AccountError::EmailTaken,
        Some(field) if field.starts_with("identities.") => AccountError::IdentityTaken,
        _ => AccountError::NameTaken,
    }
}

pub(super) fn not_stored(error: &InvalidJson) -> AccountError {
    AccountError::Unreadable(format!("account: {error}"))
}
