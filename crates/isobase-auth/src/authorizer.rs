//! The one authorization function.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use arc_swap::ArcSwap;
use isobase_types::{Revision, Timestamp};
use subtle::ConstantTimeEq;
use tokio::{sync::Mutex, time::timeout};

use crate::{
    KeyError, KeyStore, Permission, Principal,
    key::{self, SecretHash},
    key_store::Snapshot,
    uses::minute_of,
};

/// How long keys are used before one request asks the database whether they changed. Others go on
/// meanwhile.
const FRESH: Duration = Duration::from_secs(2);
/// Older than this no request goes on with them: after a quiet hour the first one waits.
const STALE: Duration = Duration::from_secs(4);
/// How long a request waits for that answer. Whether the database works the request itself tells.
const PATIENCE: Duration = Duration::from_secs(2);

/// Decides who may do what. Shared by everything that answers requests.
///
/// Without an internal key, in a database that never had a key, it is *open*: everything is
/// allowed. Otherwise every route but the public ones needs a key. It never becomes open again
/// while it runs, nor while the database remembers a key, even if all of them are revoked.
///
/// Several services on one database see a created or revoked key within [`STALE`] and the time of
/// one read.
#[derive(Debug)]
pub struct Authorizer {
    /// Hash of the internal key. Whether it is right is compared in constant time.
    internal: Option<SecretHash>,
    /// Where keys are kept; `None` for a service without a database.
    store: Option<KeyStore>,
    /// Written by [`Authorizer::refresh`], read by every request.
    keys: ArcSwap<Keys>,
    started: Instant,
    /// When the database was asked last, in milliseconds since `started`. Written by the caller that asked.
    asked_ms: AtomicU64,
    /// Held by the caller that asks.
    asking: Mutex<()>,
}

#[derive(Debug, Default)]
struct Keys {
    open: bool,
    /// Of the state of the keys that these are of.
    state: Option<Revision>,
    by_id: HashMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    hash: SecretHash,
    principal: Principal,
    /// From when it is refused; `None` when it has no end.
    expires_at: Option<SystemTime>,
    /// Minutes since 1970: written by requests, read when uses are noted.
    used_minute: AtomicI64,
    /// The last answer of the database. Written by the task that noted it.
    noted_minute: AtomicI64,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// There are no credentials, or no one has them.
    #[error("a valid key is required")]
    Unauthenticated,
    /// The key is valid and does not allow this.
    #[error("the key does not allow this")]
    Forbidden,
}

impl Authorizer {
    /// An authorizer that knows the internal key of the configuration alone. An empty one counts
    /// as none, and then everything is allowed.
    #[must_use]
    pub fn new(internal_key: Option<&str>) -> Self {
        let internal = internal_key.filter(|key| !key.is_empty()).map(key::hash);
        let keys = Keys { open: internal.is_none(), ..Keys::default() };
        Self {
            internal,
            store: None,
            keys: ArcSwap::from_pointee(keys),
            started: Instant::now(),
            asked_ms: AtomicU64::new(0),
            asking: Mutex::new(()),
        }
    }

    /// An authorizer that allows everything, for a service without keys.
    #[must_use]
    pub fn open() -> Self {
        Self::new(None)
    }

    /// An authorizer with the internal key of the configuration and the keys of a database.
    ///
    /// # Errors
    /// When the keys cannot be read.
    pub async fn with_keys(internal_key: Option<&str>, keys: KeyStore) -> Result<Self, KeyError> {
        let snapshot = (keys.state().await?, keys.snapshot().await?);
        let authorizer = Self { store: Some(keys), ..Self::new(internal_key) };
        authorizer.replace(snapshot.0, snapshot.1);
        Ok(authorizer)
    }

    /// Whether everything is allowed to everyone.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.keys.load().open
    }

    /// Whether there is a key: the internal one, or one of the database.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.internal.is_some() || !self.keys.load().by_id.is_empty()
    }

    /// The keys of the database. Anyone who changes them calls [`Authorizer::refresh`].
    #[must_use]
    pub fn key_store(&self) -> Option<&KeyStore> {
        self.store.as_ref()
    }

    /// Decides whether the holder of these credentials may do this. Every answer the service
    /// gives was allowed here.
    ///
    /// # Errors
    /// [`Denied`].
    pub async fn authorize(
        &self,
        credentials: Option<&str>,
        permission: Permission,
    ) -> Result<Principal, Denied> {
        if permission == Permission::Public {
            return Ok(if self.is_open() { Principal::Open } else { Principal::Anonymous });
        }
        self.follow().await;
        let keys = self.keys.load();
        let principal = match credentials {
            _ if keys.open => Principal::Open,
            None => Principal::Anonymous,
            Some(text) => self.identify(&keys, text).ok_or(Denied::Unauthenticated)?,
        };
        match (principal.allows(permission), &principal) {
            (true, _) => Ok(principal),
            (false, Principal::Anonymous) => Err(Denied::Unauthenticated),
            (false, _) => Err(Denied::Forbidden),
        }
    }

    /// Who asks, when the request came by a way that only the operator has: everything is allowed.
    /// Credentials may say on whose behalf.
    pub async fn operator(&self, credentials: Option<&str>) -> Principal {
        self.follow().await;
        let keys = self.keys.load();
        let named = credentials.and_then(|text| self.identify(&keys, text));
        named.unwrap_or(Principal::Operator)
    }

    /// Reads the keys of the database.
    ///
    /// # Errors
    /// When they cannot be read; what was known stays.
    pub async fn refresh(&self) -> Result<(), KeyError> {
        let Some(store) = &self.store else { return Ok(()) };
        // Asked before the keys are read: a change in between is seen the next time.
        let state = store.state().await?;
        self.follow_to(state, store.snapshot().await?);
        Ok(())
    }

    /// Closes the service and its database for good to callers without credentials, as the first
    /// key does: for the caller that makes the first account.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn close(&self) -> Result<(), KeyError> {
        if let Some(store) = &self.store {
            store.close().await?;
        }
        self.refresh().await
    }

    /// Notes in the database which keys were used, to the minute, and which have come to their end.
    /// Reads nothing otherwise, and writes once a minute for each key in use.
    ///
    /// # Errors
    /// When the database fails; it is noted the next time.
    pub async fn note_used(&self) -> Result<(), KeyError> {
        let Some(store) = &self.store else { return Ok(()) };
        let keys = self.keys.load_full();
        let now = SystemTime::now();
        if keys.by_id.values().any(|entry| entry.expires_at.is_some_and(|end| end <= now)) {
            store.end_expired().await?;
            self.refresh().await?;
        }
        let minute_of = |entry: &Entry| {
            let minute = entry.used_minute.load(Ordering::Relaxed);
            (minute > entry.noted_minute.load(Ordering::Relaxed)).then_some(minute)
        };
        let used: Vec<_> = keys
            .by_id
            .iter()
            .filter_map(|(id, entry)| Some((id, entry, minute_of(entry)?)))
            .collect();
        if used.is_empty() {
            return Ok(());
        }
        let noted: Vec<_> = used.iter().map(|(id, _, minute)| ((*id).clone(), *minute)).collect();
        store.note_used(&noted).await?;
        for (_, entry, minute) in used {
            entry.noted_minute.store(minute, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Sees to it that the keys are those of the database, as of a moment ago.
    async fn follow(&self) {
        let Some(store) = &self.store else { return };
        if self.age() >= FRESH {
            // Rare, and large: every request has room for what it awaits.
            Box::pin(self.follow_now(store)).await;
        }
    }

    async fn follow_now(&self, store: &KeyStore) {
        let _turn = match self.age() < STALE {
            true => match self.asking.try_lock() {
                Ok(turn) => turn,
                Err(_) => return,
            },
            false => self.asking.lock().await,
        };
        if self.age() < FRESH {
            return;
        }
        match timeout(PATIENCE, self.refresh_if_changed(store)).await {
            Ok(Ok(())) => {}
            // The request goes on with what is known, and finds the same trouble.
            Ok(Err(error)) => tracing::warn!(%error, "cannot read the keys again: {error}"),
            Err(_) => tracing::warn!("the database does not say whether keys changed"),
        }
        self.asked_ms.store(self.elapsed_ms(), Ordering::Relaxed);
    }

    async fn refresh_if_changed(&self, store: &KeyStore) -> Result<(), KeyError> {
        let state = store.state().await?;
        if state != self.keys.load().state {
            self.follow_to(state, store.snapshot().await?);
        }
        Ok(())
    }

    /// Takes the keys of the database while requests are answered with those that were known.
    fn follow_to(&self, state: Option<Revision>, snapshot: Snapshot) {
        let was_open = self.is_open();
        self.replace(state, snapshot);
        if was_open && !self.is_open() {
            tracing::info!(
                "the first key or account ended open mode: without a key or a session a request \
                 gets what the rules let everybody do, and nothing else"
            );
        }
    }

    /// How long ago the database was asked.
    fn age(&self) -> Duration {
        let ms = self.elapsed_ms().saturating_sub(self.asked_ms.load(Ordering::Relaxed));
        Duration::from_millis(ms)
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn identify(&self, keys: &Keys, credentials: &str) -> Option<Principal> {
        if let Some((id, secret)) = key::split(credentials)
            && let Some(entry) = keys.by_id.get(id)
        {
            let is_over = entry.expires_at.is_some_and(|end| SystemTime::now() >= end);
            if bool::from(key::hash(secret).ct_eq(&entry.hash)) && !is_over {
                entry.used_minute.store(current_minute(), Ordering::Relaxed);
                return Some(entry.principal.clone());
            }
            return None;
        }
        // Hashing first makes the comparison independent of the key's length.
        let internal = self.internal.as_ref().filter(|_| !credentials.is_empty())?;
        bool::from(key::hash(credentials).ct_eq(internal)).then_some(Principal::Internal)
    }

    fn replace(&self, state: Option<Revision>, snapshot: Snapshot) {
        let before = self.keys.load();
        let open = before.open && !snapshot.ever;
        let by_id = snapshot.keys.into_iter().map(|key| {
            let principal = Principal::Key {
                id: Arc::from(key.info.id.as_str()),
                name: Arc::from(key.info.name.as_str()),
                scopes: Arc::new(key.info.scopes),
            };
            // What is noted, and what is not noted yet, is not forgotten.
            let known = before.by_id.get(&key.info.id);
            let kept = |of: fn(&Entry) -> &AtomicI64| {
                AtomicI64::new(known.map_or(0, |entry| of(entry).load(Ordering::Relaxed)))
            };
            let entry = Entry {
                hash: key.hash,
                principal,
                expires_at: key.info.expires_at,
                used_minute: kept(|entry| &entry.used_minute),
                noted_minute: kept(|entry| &entry.noted_minute),
            };
            (key.info.id, entry)
        });
        self.keys.store(Arc::new(Keys { open, state, by_id: by_id.collect() }));
        self.asked_ms.store(self.elapsed_ms(), Ordering::Relaxed);
    }
}

/// [`Authorizer::open`].
impl Default for Authorizer {
    fn default() -> Self {
        Self::open()
    }
}

fn current_minute() -> i64 {
    minute_of(Timestamp::from_system_time(SystemTime::now()))
}
