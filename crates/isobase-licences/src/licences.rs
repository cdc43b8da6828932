//! All licences of a database.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::{Duration, SystemTime},
};

use isobase_auth::Sealer;
use isobase_store::{IndexDefinition, Store};
use isobase_types::{
    Comparison, Count, Document, FieldPath, Filter, Literal, Operator, Order, PageRequest, Query,
    Timestamp,
};
use isobase_writer::Pauses;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use crate::{
    AtLimit, Licence, LicenceError, LicenceKey, Secret, audit,
    holder::Places,
    licence::{self, collection},
};

/// How often a write is tried when others come between.
pub(crate) const ATTEMPTS_MAX: u32 = 50;

/// Pauses between two attempts: the first, and the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(2);
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// Most licences of one e-mail among which the newest is sought.
const OF_EMAIL_MAX: u32 = 1_000;

/// Tells the present moment.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Defaults of licences.
#[derive(Clone, Debug)]
pub struct LicenceOptions {
    /// Most installations of an e-mail over all its licences. Default 2.
    pub limit: u32,
    /// The behaviour at the limit. Default [`AtLimit::ReplaceOldest`].
    pub at_limit: AtLimit,
    /// The prefix of new keys: 1 to 16 letters and digits. Default `LIC`.
    pub key_prefix: String,
    /// Seals keys, and signs files. None: only hashes of keys are kept, so a key is shown once.
    pub sealer: Option<Sealer>,
    /// The secret of licences alone: it signs files, and opens keys that former versions sealed.
    pub secret: Option<Secret>,
    /// The secret of the service, where former versions sealed keys with that: it opens them.
    pub former: Option<Secret>,
}

impl Default for LicenceOptions {
    fn default() -> Self {
        Self {
            limit: 2,
            at_limit: AtLimit::default(),
            key_prefix: "LIC".to_owned(),
            sealer: None,
            secret: None,
            former: None,
        }
    }
}

/// The licences of a database, their installations and the audit.
pub struct Licences {
    pub(crate) store: Store,
    pub(crate) options: LicenceOptions,
    now: Now,
    /// Set by the task that first finds or makes the indexes.
    prepared: OnceCell<()>,
    turns: [Mutex<()>; 64],
}

impl Licences {
    /// The licences of a database.
    #[must_use]
    pub fn new(store: &Store, options: LicenceOptions) -> Self {
        Self {
            store: store.system(),
            options,
            now: Arc::new(|| Timestamp::from_system_time(SystemTime::now())),
            prepared: OnceCell::new(),
            turns: std::array::from_fn(|_| Mutex::new(())),
        }
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(mut self, now: Now) -> Self {
        self.now = now;
        self
    }

    /// Defaults of licences.
    #[must_use]
    pub fn options(&self) -> &LicenceOptions {
        &self.options
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Makes the indexes unless they are there: that of the keys is what keeps them unique.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prepare(&self) -> Result<(), LicenceError> {
        let made = self.prepared.get_or_try_init(async || {
            let of_licences = ["unique(key_hash)", "email,-created_at", "-created_at,id"];
            for text in of_licences {
                self.store.create_index(&collection(), &index(text)).await?;
            }
            self.store.create_index(&audit::collection(), &index("object_id,-at")).await?;
            Ok::<_, LicenceError>(())
        });
        made.await.copied()
    }

    /// A licence, also one in the bin.
    ///
    /// # Errors
    /// [`LicenceError::NotFound`], or when the database fails.
    pub async fn get(&self, id: i64) -> Result<Licence, LicenceError> {
        licence::read(&self.store, id).await?.ok_or(LicenceError::NotFound)
    }

    /// The licence of a key, whatever its standing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_by_key(&self, key: &LicenceKey) -> Result<Option<Licence>, LicenceError> {
        self.prepare().await?;
        let query = Query {
            filter: equals("key_hash", &key.hash()),
            order: Order::default(),
            page: PageRequest::Cursor { limit: 1, after: None },
            fields: Vec::new(),
            count: Count::None,
        };
        let found = self.store.list(&collection(), &query).await?.documents;
        let found = found.first().map(Licence::of).transpose()?;
        let shown = Some(key.as_str().to_owned());
        Ok(found.map(|licence| Licence { fresh_key: shown, ..licence }))
    }

    /// The newest licence of an e-mail that is neither suspended, revoked nor deleted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn newest_of(&self, email: &str) -> Result<Option<Licence>, LicenceError> {
        let found = self.all_of(email).await?.into_iter().filter(Licence::is_usable);
        Ok(found.max_by(|a, b| a.created_at.cmp(&b.created_at).then(b.id.cmp(&a.id))))
    }

    /// The licences of an e-mail, the newest first.
    async fn all_of(&self, email: &str) -> Result<Vec<Licence>, LicenceError> {
        self.prepare().await?;
        let query = Query {
            filter: equals("email", &email.to_lowercase()),
            order: order("-created_at"),
            page: PageRequest::Cursor { limit: OF_EMAIL_MAX, after: None },
            fields: Vec::new(),
            count: Count::None,
        };
        let found: Vec<Document> = self.store.list(&collection(), &query).await?.documents;
        Ok(Licence::all_of(&found))
    }

    /// Reads a key as this service writes them.
    #[must_use]
    pub fn read_key(&self, text: &str) -> LicenceKey {
        LicenceKey::read(text, &self.options.key_prefix)
    }

    /// The key of a licence.
    ///
    /// # Errors
    /// It was sealed with another secret, or only its hash was kept.
    pub fn reveal(&self, licence: &Licence) -> Result<String, LicenceError> {
        let former = self.options.secret.as_ref().or(self.options.former.as_ref());
        licence.reveal(self.options.sealer.as_ref(), former)
    }

    /// The places of a licence.
    pub(crate) fn places(&self, licence: &Licence) -> Places {
        Places {
            limit: licence.max_installations.unwrap_or(self.options.limit),
            at_limit: licence.at_limit.unwrap_or(self.options.at_limit),
            allow_n: licence.allow_n.unwrap_or_default(),
            own: licence.max_installations.map(|_| licence.id),
        }
    }

    /// Waits for a turn: those who write the same document in one process need not try again.
    pub(crate) async fn turn(&self, of: &impl Hash) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        of.hash(&mut hasher);
        self.turns[hasher.finish() as usize % self.turns.len()].lock().await
    }
}

impl std::fmt::Debug for Licences {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Licences").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Pauses after another process came between.
pub(crate) fn pauses() -> Pauses {
    Pauses::new(PAUSE_FIRST, PAUSE_MAX)
}

fn index(text: &str) -> IndexDefinition {
    IndexDefinition::parse(text).expect("the indexes above are valid, as the tests show")
}

pub(crate) fn order(text: &str) -> Order {
    Order::parse(text).expect("the orders of this crate are valid, as the tests show")
}

pub(crate) fn compare(field: &str, operator: Operator) -> Filter {
    let path = FieldPath::parse(field).expect("the fields of this crate are valid");
    Filter::Compare(Comparison { path, operator })
}

pub(crate) fn equals(field: &str, value: &str) -> Filter {
    compare(field, Operator::In(vec![Literal::Text(value.to_owned())]))
}
