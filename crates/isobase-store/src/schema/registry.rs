//! Where schemas are kept: in the configuration, or as documents of the database itself.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use isobase_engine::{
    Action, BodyCheck, Engine, EngineError, ErrorKind, IfMissing, Precondition, Rejection,
    WriteBatch, WriteOperation, WriteOutcome,
};
use isobase_types::{
    CollectionName, Document, DocumentId, FieldPath, Revision,
    json::{self, find},
};

use super::{Schema, check::SchemaCheck};
use crate::StoreError;

/// The collection whose documents are schemas: `{"collection":"agents","schema":"{…}"}` under
/// the id `collection:agents`. The schema is a string, so that every engine holds it unchanged.
///
/// A store never shows or changes it as a collection. What reads a whole database (a copy) finds
/// it among the collections of the engine.
pub const SCHEMAS_COLLECTION: &str = "isobase_schemas";

/// How long a schema is used before the database is asked again. Other services on the same
/// database see a change this late, and a request longer.
const FRESH: Duration = Duration::from_secs(2);

/// Most collections remembered, with a schema or without; beyond it they are looked up again.
const COLLECTIONS_MAX: usize = 10_000;

/// A schema in use.
#[derive(Clone, Debug)]
pub struct SchemaInfo {
    /// The schema.
    pub schema: Schema,
    /// Where it comes from.
    pub origin: SchemaOrigin,
}

/// Where a schema comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaOrigin {
    /// The configuration of this process.
    Declared,
    /// The database.
    Stored,
}

/// The schemas of one store.
pub(crate) struct Registry {
    /// Those of the configuration; they come before stored ones.
    declared: HashMap<CollectionName, Schema>,
    /// What the database said last. Written by whoever asked it, read by every write.
    known: Mutex<HashMap<CollectionName, Known>>,
    collection: CollectionName,
}

#[derive(Clone)]
struct Known {
    asked_at: Instant,
    /// The stored revision and the schema; none when there is none.
    stored: Option<(Revision, Schema)>,
}

impl Registry {
    pub(crate) fn new(declared: HashMap<CollectionName, Schema>) -> Self {
        let collection =
            CollectionName::new(SCHEMAS_COLLECTION).expect("it is a valid name, as tests show");
        Self { declared, known: Mutex::default(), collection }
    }

    /// Whether this is the collection of the schemas themselves.
    pub(crate) fn is_reserved(&self, collection: &CollectionName) -> bool {
        *collection == self.collection
    }

    /// What a batch must be checked with; none when no schema concerns it.
    pub(crate) async fn check_for(
        &self,
        engine: &dyn Engine,
        operations: &[WriteOperation],
    ) -> Result<Option<Arc<dyn BodyCheck>>, EngineError> {
        let mut schemas = Vec::new();
        let mut last: Option<&CollectionName> = None;
        for operation in operations {
            let collection = &operation.collection;
            let seen =
                last == Some(collection) || schemas.iter().any(|(name, _)| name == collection);
            if seen || matches!(operation.action, Action::Delete { .. }) {
                continue;
            }
            last = Some(collection);
            if let Some(info) = self.current(engine, collection).await? {
                schemas.push((collection.clone(), info.schema));
            }
        }
        let check =
            (!schemas.is_empty()).then(|| Arc::new(SchemaCheck(schemas)) as Arc<dyn BodyCheck>);
        Ok(check)
    }

    /// The schema of a collection, at most [`FRESH`] old.
    pub(crate) async fn current(
        &self,
        engine: &dyn Engine,
        collection: &CollectionName,
    ) -> Result<Option<SchemaInfo>, EngineError> {
        if let Some(schema) = self.declared.get(collection) {
            let origin = SchemaOrigin::Declared;
            return Ok(Some(SchemaInfo { schema: schema.clone(), origin }));
        }
        let before = {
            let mut known = self.known();
            match known.get_mut(collection) {
                Some(entry) if entry.asked_at.elapsed() < FRESH => return Ok(entry.info()),
                Some(entry) => {
                    // Whoever comes meanwhile uses what there is: one asks for all.
                    let before = entry.clone();
                    entry.asked_at = Instant::now();
                    Some(before)
                }
                None => None,
            }
        };
        match self.load(engine, collection, before.as_ref()).await {
            Ok(entry) => {
                let info = entry.info();
                self.remember(collection, entry);
                Ok(info)
            }
            Err(error) => {
                match before {
                    // The write itself will tell whether the database is there; the schema of a
                    // moment ago is better than none.
                    Some(before) if error.is_temporary() => {
                        self.remember(collection, before.clone());
                        Ok(before.info())
                    }
                    // Nobody else may go on with what there was.
                    _ => {
                        self.known().remove(collection);
                        Err(error)
                    }
                }
            }
        }
    }

    /// Stores a schema.
    pub(crate) async fn set(
        &self,
        engine: &dyn Engine,
        collection: &CollectionName,
        schema: &Schema,
    ) -> Result<(), StoreError> {
        self.refuse_declared(collection)?;
        let mut body = b"{\"collection\":".to_vec();
        json::write_string(collection.as_str(), &mut body);
        body.extend_from_slice(b",\"schema\":");
        json::write_string(schema.as_text(), &mut body);
        body.push(b'}');
        let body = String::from_utf8(body).map_err(|_| unreadable(collection))?;
        let id = id_of(collection);
        let action = Action::Put { id, body, if_missing: IfMissing::Create };
        let written = self.write(engine, action).await?.map_err(|rejection| {
            EngineError::new(ErrorKind::Unexpected, format!("the schema was refused: {rejection}"))
        })?;
        let stored = Some((written.revision, schema.clone()));
        self.remember(collection, Known { asked_at: Instant::now(), stored });
        Ok(())
    }

    /// Takes a stored schema away; says whether there was one.
    pub(crate) async fn remove(
        &self,
        engine: &dyn Engine,
        collection: &CollectionName,
    ) -> Result<bool, StoreError> {
        self.refuse_declared(collection)?;
        let removed = match self.write(engine, Action::Delete { id: id_of(collection) }).await? {
            Ok(_) => true,
            Err(Rejection::NotFound) => false,
            Err(rejection) => {
                let message = format!("the schema was not deleted: {rejection}");
                return Err(EngineError::new(ErrorKind::Unexpected, message).into());
            }
        };
        self.remember(collection, Known { asked_at: Instant::now(), stored: None });
        Ok(removed)
    }

    fn refuse_declared(&self, collection: &CollectionName) -> Result<(), StoreError> {
        if self.declared.contains_key(collection) {
            return Err(StoreError::SchemaDeclared { collection: collection.clone() });
        }
        Ok(())
    }

    async fn load(
        &self,
        engine: &dyn Engine,
        collection: &CollectionName,
        before: Option<&Known>,
    ) -> Result<Known, EngineError> {
        let asked_at = Instant::now();
        let Some(document) = engine.get(&self.collection, &id_of(collection)).await? else {
            return Ok(Known { asked_at, stored: None });
        };
        if let Some((revision, schema)) = before.and_then(|before| before.stored.as_ref())
            && *revision == document.revision
        {
            return Ok(Known { asked_at, stored: Some((revision.clone(), schema.clone())) });
        }
        let schema = read(&document).ok_or_else(|| unreadable(collection))?;
        Ok(Known { asked_at, stored: Some((document.revision, schema)) })
    }

    async fn write(
        &self,
        engine: &dyn Engine,
        action: Action,
    ) -> Result<WriteOutcome, EngineError> {
        let precondition = Precondition::None;
        let operation =
            WriteOperation { collection: self.collection.clone(), action, precondition };
        let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
        let outcome = engine.write(batch).await?.outcomes.pop();
        outcome.ok_or_else(|| {
            EngineError::new(ErrorKind::Unexpected, "one operation did not have one outcome")
        })
    }

    fn remember(&self, collection: &CollectionName, entry: Known) {
        let mut known = self.known();
        if known.len() >= COLLECTIONS_MAX && !known.contains_key(collection) {
            known.clear();
        }
        known.insert(collection.clone(), entry);
    }

    /// A panic while the lock was held leaves entries that are as good as before.
    fn known(&self) -> MutexGuard<'_, HashMap<CollectionName, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn info(&self) -> Option<SchemaInfo> {
        let (_, schema) = self.stored.as_ref()?;
        Some(SchemaInfo { schema: schema.clone(), origin: SchemaOrigin::Stored })
    }
}

/// A name may be a number or begin with `_`; with the prefix every name is an id.
fn id_of(collection: &CollectionName) -> DocumentId {
    DocumentId::Text(format!("collection:{collection}").into())
}

fn read(document: &Document) -> Option<Schema> {
    let path = FieldPath::parse("schema").ok()?;
    let text = find(&document.body, &path)?.as_str_decoded()?;
    Schema::parse(text.as_bytes()).ok()
}

fn unreadable(collection: &CollectionName) -> EngineError {
    let reason = match cfg!(feature = "schemas") {
        true => "cannot be read; set it again",
        false => "needs a program that was built with the feature \"schemas\"",
    };
    let message = format!("the stored schema of the collection {collection:?} {reason}");
    EngineError::new(ErrorKind::Corrupted, message)
}

#[cfg(test)]
mod tests {
    use isobase_engine::SystemClock;
    use isobase_engine_memory::{MemoryEngine, MemoryOptions};

    use super::*;

    fn engine() -> MemoryEngine {
        MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default())
    }

    fn registry() -> Registry {
        Registry::new(HashMap::new())
    }

    /// Makes what is known as old as what must be asked again.
    fn age(registry: &Registry) {
        for known in registry.known().values_mut() {
            known.asked_at -= FRESH;
        }
    }

    async fn text(registry: &Registry, engine: &MemoryEngine) -> Option<String> {
        let name = CollectionName::new("c").unwrap();
        let info = registry.current(engine, &name).await.unwrap();
        info.map(|info| info.schema.as_text().to_owned())
    }

    #[tokio::test]
    async fn other_stores_see_a_change_when_they_ask_again() {
        let (engine, ours, theirs) = (engine(), registry(), registry());
        let name = CollectionName::new("c").unwrap();
        assert_eq!(text(&theirs, &engine).await, None);
        let schema = Schema::parse(b"{\"minProperties\":1}").unwrap();
        ours.set(&engine, &name, &schema).await.unwrap();
        assert_eq!(text(&ours, &engine).await.as_deref(), Some("{\"minProperties\":1}"));
        assert_eq!(text(&theirs, &engine).await, None);
        age(&theirs);
        assert_eq!(text(&theirs, &engine).await.as_deref(), Some("{\"minProperties\":1}"));
        assert!(ours.remove(&engine, &name).await.unwrap());
        assert!(!ours.remove(&engine, &name).await.unwrap());
        age(&theirs);
        assert_eq!(text(&theirs, &engine).await, None);
    }

    #[tokio::test]
    async fn an_unchanged_schema_is_not_read_again() {
        let (engine, registry) = (engine(), registry());
        let name = CollectionName::new("c").unwrap();
        registry.set(&engine, &name, &Schema::parse(b"{}").unwrap()).await.unwrap();
        let before = registry.current(&engine, &name).await.unwrap().unwrap().schema;
        age(&registry);
        let after = registry.current(&engine, &name).await.unwrap().unwrap().schema;
        assert!(std::ptr::eq(before.as_text(), after.as_text()));
    }

    #[tokio::test]
    async fn a_stored_text_that_is_no_schema_is_told() {
        let (engine, registry) = (engine(), registry());
        let name = CollectionName::new("c").unwrap();
        let action = Action::Put {
            id: id_of(&name),
            body: "{\"schema\":\"[]\"}".to_owned(),
            if_missing: IfMissing::Create,
        };
        registry.write(&engine, action).await.unwrap().unwrap();
        let error = registry.current(&engine, &name).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Corrupted);
        let schema = Schema::parse(b"{}").unwrap();
        registry.set(&engine, &name, &schema).await.unwrap();
        assert_eq!(text(&registry, &engine).await.as_deref(), Some("{}"));
    }
}
