//! Where keys are: documents of the database.
//!
//! Every service on the database has the same keys, and they move with it. A document `state`
//! beside them changes with every change of a key, so that services see by one read whether
//! anything did; while it is there, the database is closed to callers without credentials. Keys are
//! never deleted: lists show what there was.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use isobase_store::{
    Action, Atomicity, IfMissing, IndexDefinition, Precondition, Rejection, Store, WriteBatch,
    WriteOperation, WriteOutcome,
};
use isobase_types::{CollectionName, Document, DocumentId, Filter, Order, Revision, json::Patch};
use serde_json::json;

use crate::{
    CreatedKey, KeyError, KeyInfo, Scope, Scopes,
    key::{self, SecretHash},
    key_error::{KEYS_MAX, NAME_BYTES_MAX, OVERLAP_DAYS_MAX},
    stored_key::{StoredKey, VALID_NAME, micros},
    uses::{Use, Uses},
};

/// The system collection of the keys.
pub const KEYS_COLLECTION: &str = "isobase_keys";

/// The document that changes with every change of a key.
const STATE: &str = "state";
/// The prefix of the ids of the keys' documents.
const KEY_PREFIX: &str = "key:";

/// The word by which the uses of keys are listed.
const USES_OF_KEYS: &str = "keys";

/// How often a key of another service's file is given another name.
const NAMES_TRIED: u32 = 100;

/// The keys of a database.
#[derive(Debug)]
pub struct KeyStore {
    store: Store,
    collection: CollectionName,
    uses: Uses,
    /// Whether names are known to be unique: the index is there.
    unique: AtomicBool,
}

/// A key of the file that former versions kept beside the records.
#[derive(Clone, Debug)]
pub struct FormerKey {
    /// Its public id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its scopes.
    pub scope: Scope,
    /// SHA-256 of its secret.
    pub hash: [u8; 32],
    /// When it was made.
    pub created_at: SystemTime,
    /// When it was last used.
    pub last_used_at: Option<SystemTime>,
    /// When it was revoked.
    pub revoked_at: Option<SystemTime>,
}

/// A valid key as the authorizer holds it.
#[derive(Clone, Debug)]
pub(crate) struct ValidKey {
    pub(crate) info: KeyInfo,
    pub(crate) hash: SecretHash,
}

/// The keys of the database, for the authorizer.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) keys: Vec<ValidKey>,
    /// There is or was a key or an account.
    pub(crate) ever: bool,
}

impl KeyStore {
    /// The id of a key's document in [`KEYS_COLLECTION`].
    #[must_use]
    pub fn document_id(key: &str) -> DocumentId {
        id_of(key)
    }

    /// The keys of a store's database.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        let collection =
            CollectionName::new(KEYS_COLLECTION).expect("it is a valid name, as tests show");
        let (store, uses) = (store.system(), Uses::new(store));
        Self { store, collection, uses, unique: AtomicBool::new(false) }
    }

    /// Makes a key. From then on the database asks for one.
    ///
    /// # Errors
    /// [`KeyError::InvalidName`], [`KeyError::NameTaken`], [`KeyError::TooMany`], or the database
    /// or the system fails.
    pub async fn create(&self, name: &str, scopes: Scopes) -> Result<CreatedKey, KeyError> {
        self.create_for(name, scopes, None).await
    }

    /// Makes a key that is refused after so long; `None` for one without an end.
    ///
    /// # Errors
    /// As [`KeyStore::create`].
    pub async fn create_for(
        &self,
        name: &str,
        scopes: Scopes,
        lasts: Option<Duration>,
    ) -> Result<CreatedKey, KeyError> {
        let proper = (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.contains(char::is_control);
        if !proper {
            return Err(KeyError::InvalidName);
        }
        if self.list().await?.iter().filter(|key| key.revoked_at.is_none()).count() >= KEYS_MAX {
            return Err(KeyError::TooMany);
        }
        let (id, secret, hash) = key::make()?;
        let created_at = SystemTime::now();
        let info = KeyInfo {
            id,
            name: name.to_owned(),
            scopes,
            created_at,
            last_used_at: None,
            revoked_at: None,
            expires_at: lasts.map(|lasts| created_at + lasts),
            replaced_by: None,
        };
        match self.add(&info, &hash).await? {
            Ok(()) => Ok(CreatedKey { info, secret }),
            Err(Rejection::NotUnique { .. }) => Err(KeyError::NameTaken(info.name)),
            Err(rejection) => Err(KeyError::Refused(rejection)),
        }
    }

    /// All keys, also revoked ones, in the order they were made.
    ///
    /// # Errors
    /// [`KeyError::Damaged`], or the database fails.
    pub async fn list(&self) -> Result<Vec<KeyInfo>, KeyError> {
        let uses = self.uses.of(USES_OF_KEYS).await?;
        let mut keys = Vec::new();
        for document in self.documents().await? {
            let Some(id) = key_id(&document.id) else { continue };
            let info = StoredKey::read(&document).and_then(|key| key.info(id.to_owned()));
            let mut info = info.ok_or_else(|| KeyError::Damaged(document.id.to_string()))?;
            let used = uses.get(&info.id).map(|at| at.to_system_time());
            info.last_used_at = info.last_used_at.max(used);
            keys.push(info);
        }
        keys.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(keys)
    }

    /// Makes a key that takes the place of a valid one, under its name and with its scopes. The former
    /// one is accepted for as long as `overlap` says, and then refused by every service; zero revokes it
    /// at once. Gives both, the new one first.
    ///
    /// # Errors
    /// [`KeyError::NotFound`], [`KeyError::Overlap`], or the database or the system fails.
    pub async fn rotate(
        &self,
        id_or_name: &str,
        overlap: Duration,
    ) -> Result<(CreatedKey, KeyInfo), KeyError> {
        if overlap > Duration::from_secs(OVERLAP_DAYS_MAX * 24 * 3_600) {
            return Err(KeyError::Overlap);
        }
        let mut former = self.find(id_or_name, |key| key.replaced_by.is_none()).await?;
        let (id, secret, hash) = key::make()?;
        let now = SystemTime::now();
        let info =
            KeyInfo { id, created_at: now, last_used_at: None, expires_at: None, ..former.clone() };
        former.replaced_by = Some(info.id.clone());
        let mut patch = json!({ VALID_NAME: null, "replaced_by": info.id });
        if overlap.is_zero() {
            former.revoked_at = Some(now);
            patch["revoked_us"] = micros(now).into();
        } else {
            former.expires_at = Some(now + overlap);
            patch["expires_us"] = micros(now + overlap).into();
        }
        self.make_unique().await?;
        let damaged = |_| KeyError::Damaged(info.id.clone());
        let body = StoredKey::of(&info, &hash).body().map_err(damaged)?;
        let id = id_of(&former.id);
        let read = self.store.get(&self.collection, &id).await?;
        let read = read.ok_or_else(|| KeyError::NotFound(id_or_name.to_owned()))?.revision;
        // Of two that take the place of the same one the second finds it changed.
        let unchanged = Precondition::RevisionIn(vec![read]);
        let patched = self.patch(&former.id, patch.to_string());
        let operations = vec![
            WriteOperation { precondition: unchanged, ..patched },
            WriteOperation {
                collection: self.collection.clone(),
                action: Action::Put { id: id_of(&info.id), body, if_missing: IfMissing::Create },
                precondition: Precondition::Missing,
            },
        ];
        match self.change(operations).await? {
            Ok(()) => Ok((CreatedKey { info, secret }, former)),
            Err(Rejection::NotFound) => Err(KeyError::NotFound(id_or_name.to_owned())),
            Err(Rejection::NotUnique { .. }) => Err(KeyError::NameTaken(info.name)),
            Err(rejection) => Err(KeyError::Refused(rejection)),
        }
    }

    /// Notes of keys whose end has come that they are revoked, which ends the streams of those who
    /// listen with them.
    ///
    /// # Errors
    /// When the database fails; services refuse the keys all the same.
    pub async fn end_expired(&self) -> Result<(), KeyError> {
        let now = SystemTime::now();
        for key in self.list().await? {
            let Some(end) = key.expires_at.filter(|end| key.revoked_at.is_none() && *end <= now)
            else {
                continue;
            };
            let patch = json!({ "revoked_us": micros(end), VALID_NAME: null });
            let patch = self.patch(&key.id, patch.to_string());
            self.change(vec![patch]).await?.map_err(KeyError::Refused)?;
        }
        Ok(())
    }

    /// A valid key by its id or name, of those that are wanted. Of several with the name the one that
    /// took the place of the others comes first.
    async fn find(
        &self,
        id_or_name: &str,
        is_wanted: impl Fn(&KeyInfo) -> bool,
    ) -> Result<KeyInfo, KeyError> {
        let now = SystemTime::now();
        let mut valid = self.list().await?;
        valid.retain(|key| key.is_valid(now) && is_wanted(key));
        valid.sort_by_key(|key| (key.id != id_or_name, key.replaced_by.is_some()));
        let found = valid.into_iter().find(|key| key.id == id_or_name || key.name == id_or_name);
        found.ok_or_else(|| KeyError::NotFound(id_or_name.to_owned()))
    }

    /// Revokes a valid key by its id or name. Running services refuse it within 5 s.
    ///
    /// # Errors
    /// [`KeyError::NotFound`], or the database fails.
    pub async fn revoke(&self, id_or_name: &str) -> Result<KeyInfo, KeyError> {
        let not_found = || KeyError::NotFound(id_or_name.to_owned());
        let mut key = self.find(id_or_name, |_| true).await?;
        let now = SystemTime::now();
        let patch = format!("{{\"revoked_us\":{},\"{VALID_NAME}\":null}}", micros(now));
        let patch = self.patch(&key.id, patch);
        match self.change(vec![patch]).await? {
            Ok(()) => {}
            Err(Rejection::NotFound) => return Err(not_found()),
            Err(rejection) => return Err(KeyError::Refused(rejection)),
        }
        key.revoked_at = Some(now);
        Ok(key)
    }

    /// Takes over the keys of the file of former versions: those that are not there yet. Says
    /// which got another name, because a valid key has theirs.
    ///
    /// # Errors
    /// When the database fails; what was taken over until then stays, and is not taken over twice.
    pub async fn take_over(&self, former: Vec<FormerKey>) -> Result<Vec<KeyInfo>, KeyError> {
        let mut renamed = Vec::new();
        for key in former {
            let hash = key.hash;
            let mut info = KeyInfo {
                id: key.id,
                name: key.name.clone(),
                scopes: key.scope.into(),
                created_at: key.created_at,
                last_used_at: key.last_used_at,
                revoked_at: key.revoked_at,
                expires_at: None,
                replaced_by: None,
            };
            let mut tried = 1;
            loop {
                match self.add(&info, &hash).await? {
                    Ok(()) if tried > 1 => renamed.push(info),
                    Ok(()) | Err(Rejection::AlreadyExists) => {}
                    Err(Rejection::NotUnique { .. }) if tried < NAMES_TRIED => {
                        tried += 1;
                        info.name = format!("{} ({tried})", key.name);
                        continue;
                    }
                    Err(rejection) => return Err(KeyError::Refused(rejection)),
                }
                break;
            }
        }
        Ok(renamed)
    }

    /// Closes the database for good to callers without credentials, as the first key does: for
    /// anyone who makes the first account.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn close(&self) -> Result<(), KeyError> {
        if self.state().await?.is_some() {
            return Ok(());
        }
        let batch = WriteBatch { operations: vec![self.new_state()], ..WriteBatch::default() };
        let outcomes = self.store.write(batch, Atomicity::EachAlone).await?.outcomes;
        first_refusal(outcomes).map_err(KeyError::Refused)
    }

    /// Another one after every change of a key; `None` while the database is open.
    pub(crate) async fn state(&self) -> Result<Option<Revision>, KeyError> {
        let state = self.store.get(&self.collection, &state_id()).await?;
        Ok(state.map(|document| document.revision))
    }

    /// State of the authorizer. A document that is no key allows nothing.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, KeyError> {
        let documents = self.documents().await?;
        let valid = |document: &Document| {
            let stored = StoredKey::read(document)?;
            let hash = stored.secret_hash()?;
            let info = stored.info(key_id(&document.id)?.to_owned())?;
            info.revoked_at.is_none().then_some(ValidKey { info, hash })
        };
        let keys = documents.iter().filter_map(valid).collect();
        Ok(Snapshot { keys, ever: !documents.is_empty() })
    }

    /// Notes in which minutes keys were used. The keys do not change by it: anyone who listens with
    /// one would be cut off.
    pub(crate) async fn note_used(&self, used: &[(String, i64)]) -> Result<(), KeyError> {
        let noted = used.iter().map(|(id, minute)| {
            let (id, of) = (id.clone(), USES_OF_KEYS.to_owned());
            Use { id, of, minute: *minute }
        });
        Ok(self.uses.note(&noted.collect::<Vec<_>>()).await?)
    }

    /// Stores a key that is not there.
    async fn add(
        &self,
        info: &KeyInfo,
        hash: &SecretHash,
    ) -> Result<Result<(), Rejection>, KeyError> {
        self.make_unique().await?;
        let damaged = |_| KeyError::Damaged(info.id.clone());
        let body = StoredKey::of(info, hash).body().map_err(damaged)?;
        let action = Action::Put { id: id_of(&info.id), body, if_missing: IfMissing::Create };
        let collection = self.collection.clone();
        let precondition = Precondition::Missing;
        self.change(vec![WriteOperation { collection, action, precondition }]).await
    }

    /// Changes keys, and the state with them: all or none.
    async fn change(
        &self,
        mut operations: Vec<WriteOperation>,
    ) -> Result<Result<(), Rejection>, KeyError> {
        operations.push(self.new_state());
        let batch = WriteBatch { operations, ..WriteBatch::default() };
        let outcomes = self.store.write(batch, Atomicity::AllOrNothing).await?.outcomes;
        Ok(first_refusal(outcomes))
    }

    fn new_state(&self) -> WriteOperation {
        let body = format!("{{\"changed_us\":{}}}", micros(SystemTime::now()));
        WriteOperation {
            collection: self.collection.clone(),
            action: Action::Put { id: state_id(), body, if_missing: IfMissing::Create },
            precondition: Precondition::None,
        }
    }

    fn patch(&self, id: &str, merge: String) -> WriteOperation {
        WriteOperation {
            collection: self.collection.clone(),
            action: Action::Patch { id: id_of(id), patch: Patch::Merge(merge) },
            precondition: Precondition::None,
        }
    }

    /// Declares that names are unique, once.
    async fn make_unique(&self) -> Result<(), KeyError> {
        if self.unique.load(Ordering::Relaxed) {
            return Ok(());
        }
        let order = Order::parse(VALID_NAME).expect("it is a field");
        let definition = IndexDefinition::unique(order).expect("one field can be unique");
        self.store.create_index(&self.collection, &definition).await?;
        self.unique.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn documents(&self) -> Result<Vec<Document>, KeyError> {
        let all = (Filter::all(), Order::default());
        Ok(self.store.list_all(&self.collection, all, usize::MAX).await?)
    }
}

/// The id of a key's document. Digits alone would be an integer, which the counter of ids passes.
fn id_of(key: &str) -> DocumentId {
    DocumentId::Text(format!("{KEY_PREFIX}{key}").into())
}

/// The id of the key of a document; `None` of the state.
fn key_id(id: &DocumentId) -> Option<&str> {
    match id {
        DocumentId::Text(text) => text.strip_prefix(KEY_PREFIX),
        DocumentId::Integer(_) => None,
    }
}

fn state_id() -> DocumentId {
    DocumentId::Text(STATE.into())
}

/// Why a batch was refused, if it was: of those that were not carried out the first that was refused
/// itself.
fn first_refusal(outcomes: Vec<WriteOutcome>) -> Result<(), Rejection> {
    let mut refused = outcomes.into_iter().filter_map(Result::err);
    let other = |rejection: &Rejection| !matches!(rejection, Rejection::BatchRejected);
    refused.find(other).map_or(Ok(()), Err)
}
