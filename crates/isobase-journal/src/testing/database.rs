//! The database as the engine uses it.

use std::ops::Bound;

use async_trait::async_trait;
use isobase_engine::{CollectionInfo, Counters, EngineError, ErrorKind, Identity, Limits, NotRead};
use isobase_types::{CollectionName, Sequence, Timestamp};

use super::{FakeDatabase, Fault};
use crate::{
    After, Budget, CatalogueEntry, Commit, CommitError, Cost, DocumentDatabase, DocumentKey,
    DocumentWrite, Head, IndexNumber, KeyFetch, KeyFetched, KeyedDocument, LogRecord,
    NativeDocument, NativeRules, ScanPage, StoredAnswer, Tree, is_purged,
};

/// An answer that lets others have their turn first.
async fn later<T>(answer: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
    tokio::task::yield_now().await;
    answer()
}

fn lost() -> EngineError {
    EngineError::new(ErrorKind::OutcomeUnknown, "the connection broke")
}

#[async_trait]
impl DocumentDatabase for FakeDatabase {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }

    fn limits(&self) -> &Limits {
        &self.settings.limits
    }

    fn rules(&self) -> &NativeRules {
        &self.settings.rules
    }

    fn refuses_collection(&self, collection: &CollectionName) -> Option<String> {
        (collection.as_str() == "unholdable").then(|| "no such name can be held".to_owned())
    }

    fn refuses_size(&self, _key: &DocumentKey, after: &After) -> Option<String> {
        let mut text = Vec::new();
        Tree::write_fields(&after.fields, &mut text);
        let max = self.settings.limits.document_bytes.max;
        (text.len() as u64 > max).then(|| format!("it has more than {max} bytes natively"))
    }

    fn budget(&self) -> Budget {
        self.settings.budget
    }

    fn cost(&self, write: &DocumentWrite) -> Cost {
        let before = write.before.iter().flat_map(|before| &before.keys);
        let after = || write.after.iter().flat_map(|after| &after.keys);
        let gone = before.clone().filter(|key| !after().any(|other| other == *key)).count();
        let new = after().filter(|key| !before.clone().any(|other| other == *key)).count();
        let mut text = Vec::new();
        if let Some(after) = &write.after {
            Tree::write_fields(&after.fields, &mut text);
        }
        Cost { items: 1 + gone as u64 + new as u64, bytes: 200 + text.len() as u64 }
    }

    fn commits_are_atomic(&self) -> bool {
        self.settings.atomic
    }

    async fn open(&self) -> Result<Head, EngineError> {
        self.head().await
    }

    async fn peek(&self) -> Result<Option<Head>, EngineError> {
        Ok(self.state().head)
    }

    async fn head(&self) -> Result<Head, EngineError> {
        tokio::task::yield_now().await;
        let way = self.state().head_way.take();
        if let Some(way) = way {
            tokio::time::sleep(way).await;
        }
        let mut state = self.state();
        state.heads_read += 1;
        if state.heads_broken {
            return Err(EngineError::new(ErrorKind::Unavailable, "the connection broke"));
        }
        state.recover();
        let identity = Some(Identity::new());
        let new = || Head { identity, ..Head::default() };
        let head = *state.head.get_or_insert_with(new);
        state.arrive(self.settings.tags);
        Ok(head)
    }

    async fn check(&self) -> Result<(), EngineError> {
        later(|| Ok(())).await
    }

    async fn catalogue(&self) -> Result<Vec<CatalogueEntry>, EngineError> {
        later(|| Ok(self.state().catalogue.values().cloned().collect())).await
    }

    async fn read(&self, keys: &[DocumentKey]) -> Result<Vec<Option<NativeDocument>>, EngineError> {
        later(|| {
            let state = self.state();
            let found = keys.iter().map(|key| {
                let id = key.id.to_string();
                state.collections.get(&key.collection)?.documents.get(&id)?.document(&id)
            });
            let found: Vec<Option<NativeDocument>> = found.collect();
            let bytes = found.iter().flatten().map(|document| document.body.len()).sum();
            drop(state);
            self.note_read(bytes);
            Ok(found)
        })
        .await
    }

    async fn fetch(
        &self,
        collection: &CollectionName,
        fetch: &KeyFetch,
    ) -> Result<KeyFetched, EngineError> {
        later(|| {
            let state = self.state();
            let Some(native) = state.collections.get(collection) else {
                return Ok(KeyFetched { exhausted: true, ..KeyFetched::default() });
            };
            let lower = Bound::Included((fetch.index, fetch.lower.clone()));
            let upper = match &fetch.upper {
                Some(upper) => Bound::Excluded((fetch.index, upper.clone())),
                None => Bound::Excluded((fetch.index + 1, Vec::new())),
            };
            let mut entries: Vec<_> = native.keys.range((lower, upper)).collect();
            if fetch.reverse {
                entries.reverse();
            }
            let (mut fetched, mut bytes) = (KeyFetched::default(), 0);
            for (looked_at, ((_, key), id)) in entries.iter().enumerate() {
                let is_full = bytes >= fetch.bytes_max && !fetched.documents.is_empty();
                if looked_at >= fetch.limit as usize || is_full {
                    return Ok(fetched);
                }
                fetched.passed = Some(key.clone());
                if let Some(document) = native.documents.get(*id).and_then(|d| d.document(id)) {
                    bytes += document.body.len();
                    fetched.documents.push(KeyedDocument { key: key.clone(), document });
                }
            }
            fetched.exhausted = true;
            Ok(fetched)
        })
        .await
    }

    async fn count_keys(
        &self,
        collection: &CollectionName,
        index: IndexNumber,
        lower: &[u8],
        upper: Option<&[u8]>,
    ) -> Result<u64, EngineError> {
        later(move || {
            let state = self.state();
            let keys = state.collections.get(collection).into_iter().flat_map(|n| n.keys.keys());
            let inside = keys.filter(|(number, key)| {
                *number == index
                    && key.as_slice() >= lower
                    && upper.is_none_or(|upper| key.as_slice() < upper)
            });
            Ok(inside.count() as u64)
        })
        .await
    }

    async fn count(&self, collection: &CollectionName) -> Result<u64, EngineError> {
        later(|| {
            let state = self.state();
            Ok(state.collections.get(collection).map_or(0, |n| n.documents.len()) as u64)
        })
        .await
    }

    async fn collections(&self) -> Result<Vec<CollectionInfo>, EngineError> {
        later(|| {
            let state = self.state();
            let infos = state.collections.iter().map(|(name, native)| CollectionInfo {
                name: name.clone(),
                documents: native.documents.len() as u64,
            });
            Ok(infos.filter(|info| info.documents > 0).collect())
        })
        .await
    }

    async fn not_read(&self) -> Result<Vec<NotRead>, EngineError> {
        Ok(Vec::new())
    }

    async fn scan(
        &self,
        collection: &CollectionName,
        after: Option<&str>,
        limit: u32,
    ) -> Result<ScanPage, EngineError> {
        later(move || {
            let state = self.state();
            let Some(native) = state.collections.get(collection) else {
                return Ok(ScanPage::default());
            };
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            let mut rest = native.documents.range::<str, _>((from, Bound::Unbounded));
            let page: Vec<_> = rest.by_ref().take(limit as usize).collect();
            let next = page.last().map(|(id, _)| (*id).clone()).filter(|_| rest.next().is_some());
            let mut scanned = ScanPage { next, ..ScanPage::default() };
            for (id, stored) in page {
                match stored.document(id) {
                    Some(document) => scanned.documents.push(document),
                    None => scanned.unreadable.push(id.clone()),
                }
            }
            Ok(scanned)
        })
        .await
    }

    async fn prepare_collection(&self, collection: &CollectionName) -> Result<bool, EngineError> {
        loop {
            tokio::task::yield_now().await;
            let mut state = self.state();
            if !state.preparations_held {
                let native = state.collections.entry(collection.clone()).or_default();
                return Ok(!native.documents.is_empty());
            }
        }
    }

    async fn prepare_index(
        &self,
        _collection: &CollectionName,
        _index: IndexNumber,
    ) -> Result<(), EngineError> {
        later(|| Ok(())).await
    }

    async fn drop_index(
        &self,
        collection: &CollectionName,
        index: IndexNumber,
    ) -> Result<(), EngineError> {
        later(move || {
            if let Some(native) = self.state().collections.get_mut(collection) {
                native.keys.retain(|(number, _), _| *number != index);
            }
            Ok(())
        })
        .await
    }

    async fn commit(&self, commit: &Commit) -> Result<Result<(), CommitError>, EngineError> {
        tokio::task::yield_now().await;
        let troubled = self.settings.troubled;
        let fault = self.state().faults.pop_front();
        let fault = fault.or_else(|| troubled.then(Fault::now_and_then).flatten());
        if let Some(Fault::Slow(way)) = fault {
            tokio::time::sleep(way).await;
        }
        let mut state = self.state();
        match fault {
            Some(Fault::Refused(kind)) => Err(EngineError::new(kind, "refused")),
            Some(Fault::RequestLost) => Err(lost()),
            Some(Fault::RequestLate) => {
                state.delay(commit.clone());
                Err(lost())
            }
            Some(Fault::AnswerLost | Fault::HalfDone) => {
                let _ = state.commit(commit, self.settings.tags, fault);
                Err(lost())
            }
            _ => Ok(state.commit(commit, self.settings.tags, fault)),
        }
    }

    async fn rekey(&self, writes: &[DocumentWrite]) -> Result<Vec<bool>, EngineError> {
        later(|| {
            let mut state = self.state();
            let written = writes.iter().map(|write| {
                let is_same = state.is_as(write, self.settings.tags);
                if is_same {
                    state.apply(write.clone());
                }
                is_same
            });
            Ok(written.collect())
        })
        .await
    }

    async fn read_log(&self, since: Sequence, limit: u32) -> Result<Vec<LogRecord>, EngineError> {
        later(move || {
            let state = self.state();
            let mut records: Vec<LogRecord> = Vec::new();
            let mut changes = 0;
            for (record, _) in state.log.range(since.0 + 1..).map(|(_, record)| record) {
                if changes >= limit as usize {
                    break;
                }
                changes += record.changes.len();
                records.push(record.clone());
            }
            Ok(records)
        })
        .await
    }

    fn kept_body_bytes_max(&self) -> usize {
        1 << 20
    }

    async fn read_bodies(&self, of: &[Sequence]) -> Result<Vec<Option<String>>, EngineError> {
        later(|| {
            let state = self.state();
            Ok(of.iter().map(|sequence| state.bodies.get(&sequence.0).cloned()).collect())
        })
        .await
    }

    async fn trim_log(&self, floor: Sequence) -> Result<(), EngineError> {
        later(move || {
            let mut state = self.state();
            state.log = state.log.split_off(&(floor.0 + 1));
            state.bodies = state.bodies.split_off(&(floor.0 + 1));
            Ok(())
        })
        .await
    }

    async fn sequence_before(&self, at: Timestamp) -> Result<Option<Sequence>, EngineError> {
        later(move || {
            let state = self.state();
            let old = state.log.iter().take_while(|(_, (_, written))| *written <= at);
            Ok(old.last().map(|(sequence, _)| Sequence(*sequence)))
        })
        .await
    }

    async fn read_answers(
        &self,
        keys: &[[u8; 32]],
    ) -> Result<Vec<Option<StoredAnswer>>, EngineError> {
        later(|| {
            let state = self.state();
            Ok(keys.iter().map(|key| state.answers.get(key).cloned()).collect())
        })
        .await
    }

    async fn forget_answers(&self, before: Timestamp) -> Result<(), EngineError> {
        later(move || {
            self.state().answers.retain(|_, answer| answer.at >= before);
            Ok(())
        })
        .await
    }

    async fn purge(&self, collection: &CollectionName, to: Sequence) -> Result<(), EngineError> {
        later(move || {
            let mut state = self.state();
            if state.purges_held {
                return Err(EngineError::new(ErrorKind::Unavailable, "purges are held"));
            }
            if let Some(native) = state.collections.get_mut(collection) {
                native
                    .documents
                    .retain(|_, stored| !is_purged(stored.meta().map(|meta| meta.revision), to));
                let documents = &native.documents;
                native.keys.retain(|_, id| documents.contains_key(id));
            }
            Ok(())
        })
        .await
    }

    async fn load(&self, writes: Vec<DocumentWrite>) -> Result<(), EngineError> {
        later(|| {
            let mut state = self.state();
            writes.into_iter().for_each(|write| state.apply(write));
            Ok(())
        })
        .await
    }

    async fn set_unfinished(&self, note: Option<&str>) -> Result<(), EngineError> {
        later(move || {
            self.state().note = note.map(str::to_owned);
            Ok(())
        })
        .await
    }

    async fn unfinished(&self) -> Result<Option<String>, EngineError> {
        later(|| Ok(self.state().note.clone())).await
    }

    async fn reset(
        &self,
        counters: Counters,
        catalogue: &[CatalogueEntry],
    ) -> Result<Head, EngineError> {
        later(move || {
            let mut state = self.state();
            let old = state.head.unwrap_or_default();
            let head = Head {
                commit: old.commit + 1,
                sequence: counters.sequence,
                last_id: counters.last_id,
                floor: counters.sequence,
                catalogue: old.catalogue + 1,
                identity: Some(Identity::renewed(old.identity)),
                author: None,
            };
            state.head = Some(head);
            state.log.clear();
            state.bodies.clear();
            let entries = catalogue.iter().map(|e| (e.collection.clone(), e.clone()));
            state.catalogue = entries.collect();
            Ok(head)
        })
        .await
    }

    async fn close(&self) -> Result<(), EngineError> {
        later(|| Ok(())).await
    }

    fn gauges(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }
}
