//! Where schemas are kept: in the configuration, or as documents of the database itself.

use std::{collections::HashMap, sync::Arc, time::Instant};

use isobase_engine::{
    Action, Engine, EngineError, ErrorKind, IfMissing, ListRequest, Precondition, Rejection,
    WriteBatch, WriteOperation, WriteOutcome,
};
use isobase_types::{CollectionName, Filter, Order, Revision, json};
use parking_lot::{Mutex, MutexGuard};

use super::{
    FieldRules, FileField, Reference, Referring, Schema,
    cache::{Cache, FRESH, Known, SchemaInfo, SchemaOrigin, Seen},
    fields::{self, files as files_in, references as references_in},
    stored::{SCHEMAS_COLLECTION, id_of, name_of, read, text_of, unreadable},
};
use crate::StoreError;

/// The schemas of one store.
pub(crate) struct Registry {
    /// Those of the configuration; they come before stored ones.
    declared: HashMap<CollectionName, Schema>,
    /// The last answer of the database. Written by the caller that asked it, read by every write.
    known: Mutex<Cache>,
    collection: CollectionName,
    /// Of stored schemas. Written by the task that deletes documents or changes a schema.
    stored_references: Mutex<StoredReferences>,
}

/// The references of stored schemas as they were read last.
#[derive(Default)]
struct StoredReferences {
    known: Option<(Instant, Arc<StoredFields>)>,
    /// Counts changes of schemas through this store: what was read before one is not kept.
    changes: u64,
}

/// What stored schemas say of documents and files elsewhere.
#[derive(Default)]
struct StoredFields {
    references: Vec<Referring>,
    files: Vec<(CollectionName, FileField)>,
}

impl Registry {
    pub(crate) fn new(declared: HashMap<CollectionName, Schema>) -> Self {
        let collection =
            CollectionName::new(SCHEMAS_COLLECTION).expect("it is a valid name, as tests show");
        let (known, stored_references) = (Mutex::default(), Mutex::default());
        Self { declared, known, collection, stored_references }
    }

    /// Whether this is the collection of the schemas themselves.
    pub(crate) fn holds_schemas(&self, collection: &CollectionName) -> bool {
        *collection == self.collection
    }

    /// The schemas of the collections that operations write documents to.
    pub(crate) async fn of_operations(
        &self,
        engine: &dyn Engine,
        operations: &[WriteOperation],
    ) -> Result<Vec<(CollectionName, Schema)>, EngineError> {
        let mut schemas: Vec<(CollectionName, Schema)> = Vec::new();
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
        Ok(schemas)
    }

    /// The effect of the fields' annotations of a collection on its documents; `None` if they do
    /// nothing. Also of a stored schema that cannot be used: what it hides stays hidden.
    pub(crate) async fn rules(
        &self,
        engine: &dyn Engine,
        collection: &CollectionName,
    ) -> Result<Option<Arc<FieldRules>>, EngineError> {
        if let Some(schema) = self.declared.get(collection) {
            return Ok(schema.rules().cloned());
        }
        if let Some(known) = self.cache().fresh(collection) {
            return Ok(known.and_then(|schema| schema.rules().cloned()));
        }
        // Rare, and large: every read has room for what it awaits.
        match Box::pin(self.current(engine, collection)).await {
            Ok(info) => Ok(info.and_then(|info| info.schema.rules().cloned())),
            Err(error) if error.kind == ErrorKind::Corrupted => {
                let document = engine.get(&self.collection, &id_of(collection)).await?;
                let text = document.as_ref().and_then(text_of);
                let fields = text.and_then(|text| fields::read(&text).ok());
                Ok(FieldRules::of(&fields.ok_or(error)?).map(Arc::new))
            }
            Err(error) => Err(error),
        }
    }

    /// The references to some collections, as of at most [`FRESH`] ago.
    pub(crate) async fn references_to(
        &self,
        engine: &dyn Engine,
        collections: &[CollectionName],
    ) -> Result<Vec<Referring>, EngineError> {
        if collections.is_empty() {
            return Ok(Vec::new());
        }
        let stored = self.stored_references(engine).await?;
        let declared = self.declared.iter().flat_map(|(from, schema)| referring(from, schema));
        // A declared schema comes before a stored one of the same collection.
        let stored = stored.references.iter();
        let stored = stored.filter(|it| !self.declared.contains_key(&it.from)).cloned();
        let mut to: Vec<Referring> = declared
            .chain(stored)
            .filter(|it| collections.contains(&it.reference.collection))
            .collect();
        to.sort_by(|a, b| a.from.cmp(&b.from));
        Ok(to)
    }

    /// The fields of all collections that hold names of uploaded files, as of at most [`FRESH`] ago.
    pub(crate) async fn files(
        &self,
        engine: &dyn Engine,
    ) -> Result<Vec<(CollectionName, FileField)>, EngineError> {
        let stored = self.stored_references(engine).await?;
        let declared = self.declared.iter().flat_map(|(from, schema)| {
            let files = schema.fields().iter().filter_map(|field| field.file.clone());
            files.map(|file| (from.clone(), file)).collect::<Vec<_>>()
        });
        // A declared schema comes before a stored one of the same collection.
        let stored = stored.files.iter().filter(|(from, _)| !self.declared.contains_key(from));
        Ok(declared.chain(stored.cloned()).collect())
    }

    async fn stored_references(
        &self,
        engine: &dyn Engine,
    ) -> Result<Arc<StoredFields>, EngineError> {
        let changes = {
            let stored = self.references();
            match &stored.known {
                Some((at, references)) if at.elapsed() < FRESH => {
                    return Ok(Arc::clone(references));
                }
                _ => stored.changes,
            }
        };
        let asked_at = Instant::now();
        let mut fields = StoredFields::default();
        let mut request = ListRequest {
            filter: Filter::all(),
            order: Order::default(),
            after: None,
            skip: 0,
            limit: 1_000,
            bytes_max: 4 << 20,
            scan_max: u64::MAX,
        };
        loop {
            let page = engine.list(&self.collection, &request).await?;
            for document in page.documents {
                let Some((from, schema)) = name_of(&document).zip(text_of(&document)) else {
                    continue;
                };
                let found = references_in(&schema);
                let of_one = |reference| Referring { from: from.clone(), reference };
                fields.references.extend(found.into_iter().map(of_one));
                let files = files_in(&schema).into_iter();
                fields.files.extend(files.map(|file| (from.clone(), file)));
            }
            request.after = page.next;
            if request.after.is_none() {
                break;
            }
        }
        let fields = Arc::new(fields);
        let mut stored = self.references();
        if stored.changes == changes {
            stored.known = Some((asked_at, Arc::clone(&fields)));
        }
        Ok(fields)
    }

    /// A schema was changed.
    fn forget_references(&self) {
        let mut stored = self.references();
        stored.changes += 1;
        stored.known = None;
    }

    /// A panic while the lock was held leaves what is as good as before.
    fn references(&self) -> MutexGuard<'_, StoredReferences> {
        self.stored_references.lock()
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
        let (before, seen) = {
            let mut cache = self.cache();
            match cache.entries.get(collection).map(|entry| entry.known.clone()) {
                Some(known) if known.asked_at.elapsed() < FRESH => return Ok(known.info()),
                Some(known) => {
                    // A caller that comes meanwhile uses what there is: one asks for all.
                    let asking = Known { asked_at: Instant::now(), ..known.clone() };
                    (Some(known), cache.put(collection, asking))
                }
                None => (None, cache.seen(collection)),
            }
        };
        match self.load(engine, collection, before.as_ref()).await {
            Ok(known) => {
                let info = known.info();
                self.cache().put_after(seen, collection, known);
                Ok(info)
            }
            Err(error) => {
                match before {
                    // The write itself will tell whether the database is there; the schema of a
                    // moment ago is better than none.
                    Some(before) if error.is_temporary() => {
                        let info = before.info();
                        self.cache().put_after(seen, collection, before);
                        Ok(info)
                    }
                    // No one else may go on with what there was.
                    _ => {
                        self.cache().take_away_after(seen, collection);
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
        let seen = self.cache().seen(collection);
        let action = Action::Put { id, body, if_missing: IfMissing::Create };
        let written = self.write(engine, action).await?.map_err(|rejection| {
            EngineError::new(ErrorKind::Unexpected, format!("the schema was refused: {rejection}"))
        })?;
        self.remember(seen, collection, Some((written.revision, schema.clone())));
        self.forget_references();
        Ok(())
    }

    /// Takes a stored schema away; says whether there was one.
    pub(crate) async fn remove(
        &self,
        engine: &dyn Engine,
        collection: &CollectionName,
    ) -> Result<bool, StoreError> {
        self.refuse_declared(collection)?;
        let seen = self.cache().seen(collection);
        let removed = match self.write(engine, Action::Delete { id: id_of(collection) }).await? {
            Ok(_) => true,
            Err(Rejection::NotFound) => false,
            Err(rejection) => {
                let message = format!("the schema was not deleted: {rejection}");
                return Err(EngineError::new(ErrorKind::Unexpected, message).into());
            }
        };
        self.remember(seen, collection, None);
        self.forget_references();
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

    /// Keeps what was just written, unless another write or a read came between: which of them was
    /// last only the database can say, and it is asked again.
    fn remember(
        &self,
        seen: Seen,
        collection: &CollectionName,
        stored: Option<(Revision, Schema)>,
    ) {
        let mut cache = self.cache();
        if !cache.put_after(seen, collection, Known { asked_at: Instant::now(), stored }) {
            cache.take_away(collection);
        }
    }

    /// A panic while the lock was held leaves entries that are as good as before.
    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.known.lock()
    }
}

fn referring(from: &CollectionName, schema: &Schema) -> Vec<Referring> {
    let of_one =
        |reference: &Reference| Referring { from: from.clone(), reference: reference.clone() };
    schema.references().iter().map(of_one).collect()
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use isobase_engine::{
        SystemClock, WriteReport,
        testing::{Alteration, Altered},
    };
    use isobase_engine_memory::{MemoryEngine, MemoryOptions};
    use isobase_types::{Document, DocumentId};
    use tokio::sync::Notify;

    use super::*;

    fn engine() -> MemoryEngine {
        MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default())
    }

    fn registry() -> Registry {
        Registry::new(HashMap::new())
    }

    /// Makes what is known as old as what must be asked again.
    fn age(registry: &Registry) {
        for entry in registry.cache().entries.values_mut() {
            entry.known.asked_at -= FRESH;
        }
    }

    /// An engine whose next answer can be held back: it is as of a moment before others wrote.
    struct Slow {
        inner: MemoryEngine,
        /// The fate of the next answer; taken by the call it is for.
        next: Mutex<Option<Held>>,
        /// The answer is there and held back.
        held: Notify,
        /// It may be given.
        release: Notify,
    }

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Held {
        Get,
        FailedGet(ErrorKind),
        Write,
    }

    impl Slow {
        fn new() -> Altered<Self> {
            Altered(Self {
                inner: engine(),
                next: Mutex::default(),
                held: Notify::new(),
                release: Notify::new(),
            })
        }

        fn hold(&self, what: Held) {
            *self.next.lock() = Some(what);
        }

        async fn pause(&self, concerns: impl Fn(Held) -> bool) -> Option<Held> {
            let taken = self.next.lock().take_if(|held| concerns(*held))?;
            self.held.notify_one();
            self.release.notified().await;
            Some(taken)
        }
    }

    #[async_trait]
    impl Alteration for Slow {
        fn inner(&self) -> &dyn Engine {
            &self.inner
        }

        async fn get(
            &self,
            collection: &CollectionName,
            id: &DocumentId,
        ) -> Result<Option<Document>, EngineError> {
            let answer = self.inner.get(collection, id).await;
            match self.pause(|held| held != Held::Write).await {
                Some(Held::FailedGet(kind)) => Err(EngineError::new(kind, "as the test says")),
                _ => answer,
            }
        }

        async fn write(&self, batch: WriteBatch) -> Result<WriteReport, EngineError> {
            let answer = self.inner.write(batch).await;
            self.pause(|held| held == Held::Write).await;
            answer
        }
    }

    async fn text(registry: &Registry, engine: &dyn Engine) -> Option<String> {
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
    async fn an_older_answer_never_replaces_a_newer_schema() {
        let name = CollectionName::new("c").unwrap();
        let (old, new) =
            (Schema::parse(b"{}").unwrap(), Schema::parse(b"{\"minProperties\":1}").unwrap());
        let answers = [
            Held::Get,
            Held::FailedGet(ErrorKind::Unavailable),
            Held::FailedGet(ErrorKind::Corrupted),
        ];
        for known in [false, true] {
            for answer in answers {
                for removes in [false, true] {
                    let (engine, registry) = (Slow::new(), registry());
                    // Another store wrote it, or this one did so a while ago.
                    let writer = if known { &registry } else { &self::registry() };
                    writer.set(&engine, &name, &old).await.unwrap();
                    age(&registry);
                    engine.hold(answer);
                    let meanwhile = async {
                        engine.held.notified().await;
                        match removes {
                            true => assert!(registry.remove(&engine, &name).await.unwrap()),
                            false => registry.set(&engine, &name, &new).await.unwrap(),
                        }
                        engine.release.notify_one();
                    };
                    let _ = tokio::join!(registry.current(&engine, &name), meanwhile);
                    let expected = if removes { None } else { Some("{\"minProperties\":1}") };
                    assert_eq!(text(&registry, &engine).await.as_deref(), expected, "{known}");
                }
            }
        }
    }

    #[tokio::test]
    async fn an_older_answer_does_not_outlive_a_collection_that_was_forgotten() {
        let name = CollectionName::new("c").unwrap();
        let (old, new) =
            (Schema::parse(b"{}").unwrap(), Schema::parse(b"{\"minProperties\":1}").unwrap());
        let (engine, ours) = (Slow::new(), registry());
        registry().set(&engine, &name, &old).await.unwrap();
        engine.hold(Held::Get);
        let meanwhile = async {
            engine.held.notified().await;
            ours.set(&engine, &name, &new).await.unwrap();
            ours.cache().take_away(&name);
            engine.release.notify_one();
        };
        let _ = tokio::join!(ours.current(&engine, &name), meanwhile);
        assert_eq!(text(&ours, &engine).await.as_deref(), Some("{\"minProperties\":1}"));
    }

    #[tokio::test]
    async fn of_two_writes_the_later_one_stays() {
        let name = CollectionName::new("c").unwrap();
        let (first, second) =
            (Schema::parse(b"{}").unwrap(), Schema::parse(b"{\"minProperties\":1}").unwrap());
        let (engine, registry) = (Slow::new(), registry());
        engine.hold(Held::Write);
        let meanwhile = async {
            engine.held.notified().await;
            registry.set(&engine, &name, &second).await.unwrap();
            engine.release.notify_one();
        };
        let (set, ()) = tokio::join!(registry.set(&engine, &name, &first), meanwhile);
        set.unwrap();
        assert_eq!(text(&registry, &engine).await.as_deref(), Some("{\"minProperties\":1}"));
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
