//! The one authorization function.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use arc_swap::ArcSwap;
use subtle::ConstantTimeEq;

use crate::{
    KeyError, KeyStore, Permission, Principal, Scope,
    key::{self, SecretHash},
    key_store::Snapshot,
};

/// Decides who may do what. Shared by everything that answers requests.
///
/// Without an internal key and without any key ever made it is *open*: everything is allowed.
/// With either, every route but the public ones needs a key. It never becomes open again while
/// it runs, nor while the key file remembers a key, even if all of them are revoked.
#[derive(Debug)]
pub struct Authorizer {
    /// Hash of the internal key. Whether it is right is compared in constant time.
    internal: Option<SecretHash>,
    /// Where keys are kept; none for a service without a folder.
    store: Option<KeyStore>,
    /// Written by [`Authorizer::refresh`], read by every request.
    keys: ArcSwap<Keys>,
    /// The version of the file that `keys` shows; held while it is read again.
    version: Mutex<Option<i64>>,
}

#[derive(Debug, Default)]
struct Keys {
    open: bool,
    by_id: HashMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    hash: SecretHash,
    principal: Principal,
    scope: Scope,
    /// Hours since 1970: written by requests, read when the keys are refreshed.
    used_hour: AtomicI64,
    /// What the file says.
    noted_hour: i64,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// There are no credentials, or nobody has them.
    #[error("a valid key is required")]
    Unauthenticated,
    /// The key is valid and does not allow this.
    #[error("the key does not allow this")]
    Forbidden,
}

impl Authorizer {
    /// An authorizer with the internal key of the configuration and a file of keys. An empty
    /// internal key counts as none.
    ///
    /// # Errors
    /// When the keys cannot be read.
    pub fn new(internal_key: Option<&str>, store: Option<KeyStore>) -> Result<Self, KeyError> {
        let internal = internal_key.filter(|key| !key.is_empty()).map(key::hash);
        let authorizer = Self {
            internal,
            store,
            keys: ArcSwap::from_pointee(Keys { open: internal.is_none(), by_id: HashMap::new() }),
            version: Mutex::new(None),
        };
        authorizer.refresh()?;
        Ok(authorizer)
    }

    /// An authorizer that allows everything, for a service without a folder and without keys.
    #[must_use]
    pub fn open() -> Self {
        Self {
            internal: None,
            store: None,
            keys: ArcSwap::from_pointee(Keys { open: true, by_id: HashMap::new() }),
            version: Mutex::new(None),
        }
    }

    /// Whether everything is allowed to everyone.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.keys.load().open
    }

    /// The file of keys.
    #[must_use]
    pub fn key_store(&self) -> Option<&KeyStore> {
        self.store.as_ref()
    }

    /// Decides whether the holder of these credentials may do this. Every answer the service
    /// gives was allowed here.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn authorize(
        &self,
        credentials: Option<&str>,
        permission: Permission,
    ) -> Result<Principal, Denied> {
        let keys = self.keys.load();
        if keys.open {
            return Ok(Principal::Open);
        }
        if permission == Permission::Public {
            return Ok(Principal::Anonymous);
        }
        let (principal, scope) =
            self.identify(&keys, credentials.unwrap_or_default()).ok_or(Denied::Unauthenticated)?;
        if scope.allows(permission) { Ok(principal) } else { Err(Denied::Forbidden) }
    }

    /// Reads the keys again if another process changed them, and notes which were used. Touches
    /// the disk: keep it off the threads that answer requests.
    ///
    /// # Errors
    /// When the file cannot be read; the keys stay as they were.
    pub fn refresh(&self) -> Result<(), KeyError> {
        let Some(store) = &self.store else { return Ok(()) };
        // A panic while the lock was held leaves the version of keys that are still right.
        let mut seen = self.version.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = self.note_used(store)?;
        // Asked before the keys are read: a change in between is seen the next time.
        let version = store.version()?;
        if noted || *seen != Some(version) {
            self.replace(store.snapshot()?);
            *seen = Some(version);
        }
        Ok(())
    }

    /// Reads the keys again, also when only this process changed them.
    ///
    /// # Errors
    /// As [`Authorizer::refresh`].
    pub fn reload(&self) -> Result<(), KeyError> {
        *self.version.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.refresh()
    }

    fn identify(&self, keys: &Keys, credentials: &str) -> Option<(Principal, Scope)> {
        if let Some((id, secret)) = key::split(credentials)
            && let Some(entry) = keys.by_id.get(id)
        {
            if bool::from(key::hash(secret).ct_eq(&entry.hash)) {
                entry.used_hour.store(current_hour(), Ordering::Relaxed);
                return Some((entry.principal.clone(), entry.scope));
            }
            return None;
        }
        // Hashing first makes the comparison independent of the key's length.
        let internal = self.internal.as_ref().filter(|_| !credentials.is_empty())?;
        bool::from(key::hash(credentials).ct_eq(internal))
            .then_some((Principal::Internal, Scope::Admin))
    }

    fn replace(&self, snapshot: Snapshot) {
        let open = self.internal.is_none() && !snapshot.ever && self.is_open();
        let by_id = snapshot.keys.into_iter().map(|key| {
            let principal = Principal::Key { id: Arc::from(key.id.as_str()), scope: key.scope };
            let entry = Entry {
                hash: key.hash,
                principal,
                scope: key.scope,
                used_hour: AtomicI64::new(0),
                noted_hour: key.last_used_hour,
            };
            (key.id, entry)
        });
        self.keys.store(Arc::new(Keys { open, by_id: by_id.collect() }));
    }

    /// Writes down the hours in which keys were used; says whether there was any.
    fn note_used(&self, store: &KeyStore) -> Result<bool, KeyError> {
        let keys = self.keys.load();
        let used: Vec<(String, i64)> = keys
            .by_id
            .iter()
            .filter_map(|(id, entry)| {
                let hour = entry.used_hour.load(Ordering::Relaxed);
                (hour > entry.noted_hour).then(|| (id.clone(), hour))
            })
            .collect();
        if !used.is_empty() {
            store.note_used(&used)?;
        }
        Ok(!used.is_empty())
    }
}

/// [`Authorizer::open`].
impl Default for Authorizer {
    fn default() -> Self {
        Self::open()
    }
}

/// Hours since 1970.
fn current_hour() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs() / 3_600).unwrap_or(i64::MAX)
}
