//! Accounts and their sessions, on the memory engine.

mod mail;
mod providers;
mod second_factor;
mod sessions;
mod sign_in;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use isobase_auth::{
    Account, AccountError, AccountOptions, Accounts, AttemptLimits, Clock, NewAccount,
    PasswordOptions, Registration, Role,
};
use isobase_engine::SystemClock;
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_store::{Store, StoreOptions};
use isobase_types::{CollectionName, DocumentId, Timestamp};

const ADDRESS: &str = "192.0.2.1";

/// A database in memory whose time stands still until a test moves it.
struct Database {
    store: Store,
    now: Arc<AtomicI64>,
}

impl Database {
    fn new() -> Self {
        let memory = MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default());
        let store = Store::new(Arc::new(memory), StoreOptions::default());
        Self { store, now: Arc::new(AtomicI64::new(1_800_000_000_000_000)) }
    }

    fn pass(&self, time: Duration) {
        self.now.fetch_add(i64::try_from(time.as_micros()).unwrap(), Ordering::SeqCst);
    }

    fn options(&self) -> AccountOptions {
        let now = Arc::clone(&self.now);
        AccountOptions {
            passwords: PasswordOptions { memory_kib: 8, passes: 1, threads: 2, waiting_max: 1_000 },
            clock: Clock::new(move || Timestamp { unix_us: now.load(Ordering::SeqCst) }),
            ..AccountOptions::default()
        }
    }

    /// The accounts as one of several services has them.
    fn accounts(&self) -> Accounts {
        Accounts::new(&self.store, self.options())
    }

    async fn raw(&self, collection: &str, id: &DocumentId) -> String {
        let name = CollectionName::new(collection).unwrap();
        self.store.system().get(&name, id).await.unwrap().unwrap().body
    }
}

fn new<'a>(name: &'a str, password: &'a str) -> NewAccount<'a> {
    NewAccount { name, email: None, password }
}

async fn register(accounts: &Accounts, name: &str) -> Account {
    accounts.register(new(name, "secret"), ADDRESS).await.unwrap()
}

#[tokio::test]
async fn an_account_keeps_a_hash_of_its_password() {
    let database = Database::new();
    let accounts = database.accounts();
    let ann = NewAccount { name: "Ann", email: Some("Ann@x.org"), password: "pa55" };
    let ann = accounts.register(ann, ADDRESS).await.unwrap();
    assert_eq!((ann.name.as_str(), ann.role.as_str()), ("Ann", "user"));
    assert_eq!(ann.email.as_deref(), Some("Ann@x.org"));
    assert!(!ann.verified && !ann.disabled);
    let body = database.raw("isobase_accounts", &ann.id).await;
    assert!(body.contains("$argon2id$") && !body.contains("pa55"), "{body}");
    assert!(!format!("{ann:?}").contains("argon2"));
    assert!(!format!("{:?}", new("a", "pa55")).contains("pa55"));
    assert_eq!(accounts.get(&ann.id).await.unwrap(), Some(ann));
}

#[tokio::test]
async fn names_are_taken_exactly_and_addresses_without_case() {
    let accounts = Database::new().accounts();
    register(&accounts, "ann").await;
    register(&accounts, "Ann").await;
    register(&accounts, " ann").await;
    let taken = accounts.register(new("ann", "x"), ADDRESS).await.unwrap_err();
    assert!(matches!(taken, AccountError::NameTaken), "{taken}");
    assert_eq!(taken.to_string(), "Username already taken");
    let with = |name, email| NewAccount { name, email: Some(email), password: "x" };
    accounts.register(with("bob", "bob@x.org"), ADDRESS).await.unwrap();
    let taken = accounts.register(with("eve", "BOB@X.org"), ADDRESS).await.unwrap_err();
    assert!(matches!(taken, AccountError::EmailTaken), "{taken}");
    // No one takes another's address as a name either.
    let taken = accounts.register(new("Bob@x.org", "x"), ADDRESS).await.unwrap_err();
    assert!(matches!(taken, AccountError::NameTaken), "{taken}");
}

#[tokio::test]
async fn of_a_hundred_registrations_of_a_name_one_wins() {
    let database = Database::new();
    let limits = AttemptLimits { registrations: 1_000, ..AttemptLimits::default() };
    let options = AccountOptions { limits, ..database.options() };
    let services =
        [options.clone(), options].map(|it| Arc::new(Accounts::new(&database.store, it)));
    let racing = (0..100).map(|number| {
        let accounts = Arc::clone(&services[number % 2]);
        tokio::spawn(async move { accounts.register(new("ann", "x"), ADDRESS).await })
    });
    let mut made = 0;
    for racing in racing.collect::<Vec<_>>() {
        match racing.await.unwrap() {
            Ok(_) => made += 1,
            Err(error) => assert!(matches!(error, AccountError::NameTaken), "{error}"),
        }
    }
    assert_eq!(made, 1);
    assert_eq!(services[0].list(None, 10).await.unwrap().accounts.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_an_account_is_refused() {
    let database = Database::new();
    let accounts = database.accounts();
    let long = "x".repeat(1_025);
    for (name, password) in [("", "x"), ("a\0", "x"), (&long, "x"), ("a", ""), ("a", &long)] {
        let refused = accounts.register(new(name, password), ADDRESS).await.unwrap_err();
        let known = matches!(
            refused,
            AccountError::InvalidName { .. } | AccountError::InvalidPassword { .. }
        );
        assert!(known, "{refused}");
    }
    let options = AccountOptions {
        registration: Registration::Closed,
        password_characters_min: 8,
        ..database.options()
    };
    let closed = Accounts::new(&database.store, options);
    let refused = closed.register(new("ann", "long enough"), ADDRESS).await.unwrap_err();
    assert!(matches!(refused, AccountError::RegistrationClosed));
    let refused = closed.create(new("ann", "seven77"), &Role::user()).await.unwrap_err();
    assert!(matches!(refused, AccountError::InvalidPassword { characters_min: 8 }));
    let refused = closed.create(new("ann", "eleven 1234"), &Role::admin()).await.unwrap_err();
    assert!(matches!(refused, AccountError::InvalidPassword { characters_min: 12 }));
    assert!(accounts.list(None, 10).await.unwrap().accounts.is_empty());
}

#[tokio::test]
async fn one_first_owner_is_made() {
    let database = Database::new();
    let services = [database.accounts(), database.accounts()].map(Arc::new);
    let racing = (0..20).map(|number| {
        let accounts = Arc::clone(&services[number % 2]);
        let name = format!("owner{number}");
        tokio::spawn(
            async move { accounts.create_first_owner(new(&name, "a long password")).await },
        )
    });
    let mut made = Vec::new();
    for racing in racing.collect::<Vec<_>>() {
        match racing.await.unwrap() {
            Ok(owner) => made.push(owner),
            Err(error) => assert!(matches!(error, AccountError::OwnerExists), "{error}"),
        }
    }
    assert_eq!(made.len(), 1);
    assert!(made[0].role.is_owner());
    assert!(services[0].has_owner().await.unwrap());
}

#[tokio::test]
async fn the_last_owner_stays() {
    let accounts = Database::new().accounts();
    let first = accounts.create_first_owner(new("first", "a long password")).await.unwrap();
    for refused in [
        accounts.set_role(&first, &Role::user()).await.unwrap_err(),
        accounts.set_disabled(&first, true).await.unwrap_err(),
        accounts.delete(&first).await.unwrap_err(),
    ] {
        assert!(matches!(refused, AccountError::LastOwner), "{refused}");
    }
    let second = accounts.create(new("second", "a long password"), &Role::owner()).await.unwrap();
    let first = accounts.set_role(&first, &Role::admin()).await.unwrap();
    assert_eq!(first.role, Role::admin());
    let refused = accounts.delete(&second).await.unwrap_err();
    assert!(matches!(refused, AccountError::LastOwner));
    accounts.delete(&first).await.unwrap();
    assert_eq!(accounts.get(&first.id).await.unwrap(), None);
    let gone = accounts.delete(&first).await.unwrap_err();
    assert!(matches!(gone, AccountError::Changed), "{gone}");
}

#[tokio::test]
async fn accounts_are_listed_in_parts_and_found_by_what_names_them() {
    let accounts = Database::new().accounts();
    for name in ["a", "b", "c@x.org"] {
        register(&accounts, name).await;
    }
    let first = accounts.list(None, 2).await.unwrap();
    let names = |page: &[Account]| page.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&first.accounts), ["a", "b"]);
    let rest = accounts.list(first.next, 2).await.unwrap();
    assert_eq!((names(&rest.accounts), rest.next), (vec!["c@x.org".to_owned()], None));
    let a = &first.accounts[0];
    for text in ["a", &a.id.to_string()] {
        assert_eq!(accounts.find(text).await.unwrap().as_ref(), Some(a), "{text}");
    }
    let named_as_an_id = register(&accounts, &a.id.to_string()).await;
    assert_eq!(accounts.find(&a.id.to_string()).await.unwrap().as_ref(), Some(a));
    let found = accounts.find(&named_as_an_id.id.to_string()).await.unwrap();
    assert_eq!(found, Some(named_as_an_id));
    assert_eq!(accounts.find("C@X.org").await.unwrap().unwrap().name, "c@x.org");
    assert_eq!(accounts.find("nobody").await.unwrap(), None);
}
