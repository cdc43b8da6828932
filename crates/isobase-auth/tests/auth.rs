//! Keys in a database, and what they allow.
#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod accounts;
mod chain;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use isobase_auth::{
    Authorizer, CreatedKey, Denied, FormerKey, KEYS_COLLECTION, KeyError, KeyStore, Permission,
    Principal, Scope, Scopes,
};
use isobase_engine::SystemClock;
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_store::{FeedRequest, Since, Store, StoreError, StoreOptions};
use isobase_types::{CollectionName, Count, Filter, Order, PageRequest, Query};
use sha2::{Digest, Sha256};

const EVERYTHING: [Permission; 7] = [
    Permission::Public,
    Permission::Anyone,
    Permission::Read,
    Permission::Write,
    Permission::ReadOf("licences"),
    Permission::WriteOf("licences"),
    Permission::Admin,
];

/// A database, and what services and commands on it see.
struct Database(Store);

impl Database {
    fn new() -> Self {
        let engine = MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default());
        Self(Store::new(Arc::new(engine), StoreOptions::default()))
    }

    fn keys(&self) -> KeyStore {
        KeyStore::new(&self.0)
    }

    async fn make(&self, name: &str, scope: Scope) -> CreatedKey {
        self.keys().create(name, scope.into()).await.unwrap()
    }

    async fn authorizer(&self, internal: Option<&str>) -> Authorizer {
        Authorizer::with_keys(internal, self.keys()).await.unwrap()
    }
}

async fn allowed(authorizer: &Authorizer, credentials: Option<&str>) -> Vec<Permission> {
    let mut allowed = Vec::new();
    for permission in EVERYTHING {
        if authorizer.authorize(credentials, permission).await.is_ok() {
            allowed.push(permission);
        }
    }
    allowed
}

#[tokio::test]
async fn without_keys_everything_is_open() {
    let authorizer = Database::new().authorizer(None).await;
    assert!(authorizer.is_open());
    assert_eq!(authorizer.authorize(None, Permission::Admin).await, Ok(Principal::Open));
    assert_eq!(authorizer.authorize(Some("x"), Permission::Public).await, Ok(Principal::Open));
}

#[tokio::test]
async fn each_scope_allows_what_it_names() {
    let database = Database::new();
    let read = database.make("read", Scope::Read).await;
    let write = database.make("write", Scope::Write).await;
    let admin = database.make("admin", Scope::Admin).await;
    let both = Scopes::new([Scope::Read, Scope::WriteOf("licences")]).unwrap();
    let both = database.keys().create("both", both).await.unwrap();
    let authorizer = database.authorizer(None).await;
    let allowed = async |key: &CreatedKey| allowed(&authorizer, Some(&key.secret)).await;
    assert_eq!(allowed(&read).await, EVERYTHING[..3]);
    assert_eq!(allowed(&write).await, EVERYTHING[..4]);
    assert_eq!(allowed(&admin).await, EVERYTHING);
    let [public, anyone, reading, _, licences, in_licences, _] = EVERYTHING;
    assert_eq!(allowed(&both).await, [public, anyone, reading, licences, in_licences]);
    let forbidden = authorizer.authorize(Some(&read.secret), Permission::Write).await;
    assert_eq!(forbidden, Err(Denied::Forbidden));
}

#[tokio::test]
async fn a_caller_without_credentials_is_anonymous_where_anyone_may_ask() {
    let authorizer = Authorizer::new(Some("internal"));
    for permission in [Permission::Public, Permission::Anyone] {
        assert_eq!(authorizer.authorize(None, permission).await, Ok(Principal::Anonymous));
    }
    let internal = authorizer.authorize(Some("internal"), Permission::Anyone).await;
    assert_eq!(internal, Ok(Principal::Internal));
    let wrong = authorizer.authorize(Some("wrong"), Permission::Anyone).await;
    assert_eq!(wrong, Err(Denied::Unauthenticated), "a revoked key is not the same as none");
}

#[tokio::test]
async fn wrong_credentials_allow_only_what_is_public() {
    let database = Database::new();
    let key = database.make("a", Scope::Admin).await;
    let authorizer = database.authorizer(Some("internal")).await;
    let other_end = if key.secret.ends_with('0') { "1" } else { "0" };
    let changed = format!("{}{other_end}", &key.secret[..key.secret.len() - 1]);
    let longer = format!("{}0", key.secret);
    let id_only = format!("iso_{}_", key.info.id);
    for wrong in ["", " ", "interna", "internal ", &changed, &longer, &id_only] {
        assert_eq!(allowed(&authorizer, Some(wrong)).await, [Permission::Public], "{wrong:?}");
        let denied = authorizer.authorize(Some(wrong), Permission::Read).await;
        assert_eq!(denied, Err(Denied::Unauthenticated));
    }
    let internal = authorizer.authorize(Some("internal"), Permission::Admin).await;
    assert_eq!(internal, Ok(Principal::Internal));
}

#[tokio::test]
async fn an_empty_internal_key_is_none() {
    assert!(Database::new().authorizer(Some("")).await.is_open());
}

#[tokio::test]
async fn the_operator_may_do_everything_and_say_on_whose_behalf() {
    let database = Database::new();
    let key = database.make("a", Scope::Read).await;
    let authorizer = database.authorizer(None).await;
    assert_eq!(authorizer.operator(None).await, Principal::Operator);
    assert_eq!(authorizer.operator(Some("wrong")).await, Principal::Operator);
    assert_eq!(authorizer.operator(Some(&key.secret)).await.id(), key.info.id);
    assert!(EVERYTHING.into_iter().all(|it| Principal::Operator.allows(it)));
    assert_eq!(Principal::Operator.mark(), Principal::Open.mark());
}

/// Another service on the same database, as its next requests see it.
#[tokio::test]
async fn a_key_made_elsewhere_closes_and_opens_within_seconds() {
    let database = Database::new();
    let service = database.authorizer(None).await;
    assert!(service.authorize(None, Permission::Read).await.is_ok());
    let key = database.make("first", Scope::Read).await;
    let deadline = SystemTime::now() + Duration::from_secs(30);
    while service.authorize(None, Permission::Read).await.is_ok() {
        assert!(SystemTime::now() < deadline, "the service stays open");
        tokio::task::yield_now().await;
    }
    assert!(!service.is_open());
    assert!(service.authorize(Some(&key.secret), Permission::Read).await.is_ok());
}

#[tokio::test]
async fn first_key_ends_open_mode_while_running() {
    let database = Database::new();
    let authorizer = database.authorizer(None).await;
    let key = database.make("first", Scope::Read).await;
    authorizer.refresh().await.unwrap();
    assert!(!authorizer.is_open());
    let denied = authorizer.authorize(None, Permission::Read).await;
    assert_eq!(denied, Err(Denied::Unauthenticated));
    assert!(authorizer.authorize(Some(&key.secret), Permission::Read).await.is_ok());
}

#[tokio::test]
async fn revoking_the_last_key_closes_the_service() {
    let database = Database::new();
    let key = database.make("only", Scope::Admin).await;
    let authorizer = database.authorizer(None).await;
    database.keys().revoke("only").await.unwrap();
    authorizer.refresh().await.unwrap();
    assert_eq!(allowed(&authorizer, Some(&key.secret)).await, [Permission::Public]);
    assert!(!database.authorizer(None).await.is_open(), "a restart must not open it either");
}

#[tokio::test]
async fn a_database_that_was_closed_stays_closed() {
    let database = Database::new();
    let authorizer = database.authorizer(None).await;
    authorizer.close().await.unwrap();
    authorizer.close().await.unwrap();
    assert!(!authorizer.is_open());
    assert!(!database.authorizer(None).await.is_open());
    assert_eq!(database.keys().list().await.unwrap(), []);
}

#[tokio::test]
async fn keys_are_revoked_by_id_or_name() {
    let database = Database::new();
    let keys = database.keys();
    let a = database.make("a", Scope::Read).await;
    database.make("b", Scope::Write).await;
    assert!(keys.revoke(&a.info.id).await.unwrap().revoked_at.is_some());
    assert_eq!(keys.revoke("b").await.unwrap().name, "b");
    assert!(matches!(keys.revoke("b").await, Err(KeyError::NotFound(name)) if name == "b"));
    database.make("b", Scope::Read).await;
    let names: Vec<_> = keys.list().await.unwrap().into_iter().map(|key| key.name).collect();
    assert_eq!(names, ["a", "b", "b"]);
}

#[tokio::test]
async fn names_are_checked_and_unique() {
    let keys = Database::new().keys();
    let create = async |name: &str| keys.create(name, Scope::Read.into()).await;
    create("a").await.unwrap();
    assert!(matches!(create("a").await, Err(KeyError::NameTaken(name)) if name == "a"));
    for name in ["", "a\nb", &"x".repeat(101)] {
        assert!(matches!(create(name).await, Err(KeyError::InvalidName)), "{name}");
    }
}

#[tokio::test]
async fn of_racing_keys_of_one_name_one_is_made() {
    let database = Arc::new(Database::new());
    let tasks = (0..20).map(|_| {
        let database = database.clone();
        tokio::spawn(async move { database.keys().create("one", Scope::Read.into()).await.is_ok() })
    });
    let mut made = 0;
    for task in tasks.collect::<Vec<_>>() {
        made += usize::from(task.await.unwrap());
    }
    assert_eq!(made, 1);
    assert_eq!(database.keys().list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn use_of_a_key_is_noted_to_the_minute_and_changes_nothing() {
    let database = Database::new();
    let key = database.make("a", Scope::Read).await;
    let authorizer = database.authorizer(None).await;
    authorizer.authorize(Some(&key.secret), Permission::Read).await.unwrap();
    // What was used is not forgotten when keys are read again meanwhile.
    authorizer.refresh().await.unwrap();
    let place = async || {
        let (since, collection) = (Since::Start, None);
        let request = FeedRequest { since, collection, limit: 100, bodies: false };
        database.0.system().changes(request).await.unwrap().changes.len()
    };
    let before = place().await;
    authorizer.note_used().await.unwrap();
    assert_eq!(place().await, before, "nobody who listens with the key is cut off");
    let used = database.keys().list().await.unwrap()[0].last_used_at.unwrap();
    assert!(used.elapsed().unwrap().as_secs() <= 120);
    assert!(authorizer.authorize(Some(&key.secret), Permission::Read).await.is_ok());
}

#[tokio::test]
async fn the_database_holds_no_secret_and_shows_no_key() {
    let database = Database::new();
    let key = database.make("a", Scope::Read).await;
    let secret = key.secret.rsplit('_').next().unwrap();
    let all = Query {
        filter: Filter::all(),
        order: Order::default(),
        page: PageRequest::All,
        fields: Vec::new(),
        count: Count::None,
    };
    let collection = CollectionName::new(KEYS_COLLECTION).unwrap();
    let kept = database.0.system().list(&collection, &all).await.unwrap().documents;
    assert_eq!(kept.len(), 2, "the key and the state");
    assert!(kept.iter().all(|document| !document.body.contains(secret)), "{kept:?}");
    assert!(!format!("{key:?}").contains(&key.secret));
    let refused = database.0.list(&collection, &all).await;
    assert!(matches!(refused, Err(StoreError::ReservedCollection { .. })));
    assert_eq!(database.0.collections().await.unwrap(), []);
}

fn former(id: &str, name: &str, revoked: bool) -> FormerKey {
    let created_at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    FormerKey {
        id: id.to_owned(),
        name: name.to_owned(),
        scope: Scope::Write,
        hash: Sha256::digest(b"secret").into(),
        created_at,
        last_used_at: None,
        revoked_at: revoked.then_some(created_at),
    }
}

#[tokio::test]
async fn former_keys_are_taken_over_once() {
    let database = Database::new();
    database.make("taken", Scope::Read).await;
    // Digits alone are no integer id.
    let file = vec![former("123456789012", "taken", false), former("b", "old", true)];
    let renamed = database.keys().take_over(file.clone()).await.unwrap();
    assert_eq!(renamed.len(), 1);
    assert_eq!(renamed[0].name, "taken (2)");
    let authorizer = database.authorizer(None).await;
    let secret = Some("iso_123456789012_secret");
    assert!(authorizer.authorize(secret, Permission::Write).await.is_ok());
    assert!(authorizer.authorize(Some("iso_b_secret"), Permission::Read).await.is_err());

    database.keys().revoke("123456789012").await.unwrap();
    assert_eq!(database.keys().take_over(file).await.unwrap(), []);
    authorizer.refresh().await.unwrap();
    let denied = authorizer.authorize(secret, Permission::Read).await;
    assert_eq!(denied, Err(Denied::Unauthenticated), "a revoked key does not come back");
    assert_eq!(database.keys().list().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_key_and_the_one_it_replaced_are_both_accepted_for_a_while() {
    let database = Database::new();
    let keys = database.keys();
    let first = database.make("app", Scope::Write).await;
    let authorizer = database.authorizer(None).await;
    let hour = Duration::from_secs(3_600);
    let (second, former) = keys.rotate("app", hour).await.unwrap();
    authorizer.refresh().await.unwrap();
    assert_eq!((&*second.info.name, &second.info.scopes), ("app", &first.info.scopes));
    assert_eq!(former.replaced_by.as_ref(), Some(&second.info.id));
    for key in [&first, &second] {
        assert!(authorizer.authorize(Some(&key.secret), Permission::Write).await.is_ok());
    }
    // Each tells its own last use.
    authorizer.note_used().await.unwrap();
    let listed = keys.list().await.unwrap();
    assert!(listed.iter().all(|key| key.last_used_at.is_some()), "{listed:?}");
    // The name is that of the new one, which goes with it.
    let (third, _) = keys.rotate("app", Duration::ZERO).await.unwrap();
    authorizer.refresh().await.unwrap();
    let denied = authorizer.authorize(Some(&second.secret), Permission::Read).await;
    assert_eq!(denied, Err(Denied::Unauthenticated), "no overlap revokes it at once");
    assert!(authorizer.authorize(Some(&first.secret), Permission::Read).await.is_ok());
    assert!(authorizer.authorize(Some(&third.secret), Permission::Read).await.is_ok());
    let again = keys.rotate(&first.info.id, hour).await;
    assert!(matches!(again, Err(KeyError::NotFound(_))), "{again:?}");
    let long = keys.rotate("app", Duration::from_secs(91 * 86_400)).await;
    assert!(matches!(long, Err(KeyError::Overlap)), "{long:?}");
}

#[tokio::test]
async fn a_replaced_key_ends_with_its_time() {
    let database = Database::new();
    let keys = database.keys();
    let first = database.make("app", Scope::Write).await;
    let (second, _) = keys.rotate("app", Duration::from_millis(1)).await.unwrap();
    let authorizer = database.authorizer(None).await;
    let end = tokio::time::Instant::now() + Duration::from_secs(20);
    while authorizer.authorize(Some(&first.secret), Permission::Read).await.is_ok() {
        assert!(tokio::time::Instant::now() < end);
    }
    // From then on it is one that was revoked, and streams of it end.
    authorizer.note_used().await.unwrap();
    let listed = keys.list().await.unwrap();
    let former = listed.iter().find(|key| key.id == first.info.id).unwrap();
    assert_eq!(former.revoked_at, former.expires_at);
    assert!(authorizer.authorize(Some(&second.secret), Permission::Write).await.is_ok());
}

#[tokio::test]
async fn of_two_that_replace_a_key_one_does() {
    let database = Database::new();
    database.make("app", Scope::Write).await;
    let rotating = (0..8).map(|_| {
        let keys = database.keys();
        tokio::spawn(async move { keys.rotate("app", Duration::from_secs(60)).await.is_ok() })
    });
    let mut done = 0;
    for one in rotating.collect::<Vec<_>>() {
        done += usize::from(one.await.unwrap());
    }
    let keys = database.keys().list().await.unwrap();
    assert_eq!(keys.len(), done + 1);
    assert_eq!(keys.iter().filter(|key| key.replaced_by.is_none()).count(), 1, "{keys:?}");
}
