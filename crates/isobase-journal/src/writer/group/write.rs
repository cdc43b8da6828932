//! The writes of one operation: the document, its keys and its change.

use isobase_engine::{Indexed, KEPT_BYTES_MAX, Rejection};
use isobase_types::{Change, ChangeKind, Kept, KeptText, Sequence};

use super::{
    Group, KEPT_COMMIT_BYTES_MAX,
    native::{before_of, indexes_of},
    working::{Content, State, Undo, Working},
};
use crate::{
    After, DocumentDatabase, DocumentKey, DocumentWrite, KeptBody, Meta, NativeDocument,
    keys::keys_of,
};

/// Bytes of a change in the log beside its names.
const CHANGE_BYTES: u64 = 130;

impl<B: DocumentDatabase> Group<'_, B> {
    /// Puts a new content in the place of the old, with its change.
    pub(super) fn write(
        &mut self,
        key: DocumentKey,
        content: Option<Content>,
        kind: ChangeKind,
    ) -> Result<(), Rejection> {
        let native = self.documents.get(&key).and_then(|known| known.native.as_ref());
        let write = self.write_of(&key, native, content.as_ref());
        if let Some(DocumentWrite { after: Some(after), .. }) = &write {
            self.shared.check_holdable(&key, after)?;
        }
        let cost = write.as_ref().map(|write| self.shared.database.cost(write));
        let cost = cost.unwrap_or_default();
        let revision = content.as_ref().map(|content| content.revision.clone());
        let kept = self.kept(&key, content.as_ref(), kind);
        self.kept_bytes += kept.bytes();
        let before = self.replace(&key, State { content, touched: true, write, cost });
        self.journal.push(Undo { key: key.clone(), before });
        // Also an id that a caller or another program chose must not be given again.
        self.next.last_id = self.next.last_id.max(key.id.counted().unwrap_or_default());
        self.next.sequence = Sequence(self.next.sequence.0 + 1);
        let names = key.collection.as_str().len() + key.id.to_string().len();
        self.change_bytes += names as u64 + CHANGE_BYTES;
        self.changes.push(Change {
            sequence: self.next.sequence,
            collection: key.collection,
            id: Some(key.id),
            kind,
            revision,
            at: self.now,
            kept,
        });
        Ok(())
    }

    /// What the change of a document keeps of it, as far as it may.
    fn kept(&mut self, key: &DocumentKey, content: Option<&Content>, kind: ChangeKind) -> Kept {
        let is_told = self.shared.terms.of(&key.collection).changes;
        let keep = self.shared.keeping.of(&key.collection).filter(|_| is_told);
        let Some(keep) = keep else { return Kept::default() };
        let before = self.documents.get(key).and_then(|known| known.state.content.as_ref());
        let is_foreign = content.is_some_and(|content| content.keeps_native);
        let before = before.filter(|_| !is_foreign).map(|content| &*content.body);
        let mut kept = keep.kept(before, content.map(|content| &*content.body));
        if is_foreign && kind == ChangeKind::Updated && keep.needs_former() {
            // Another program wrote over it.
            kept.former = KeptText::Omitted;
        }
        let left = KEPT_COMMIT_BYTES_MAX.saturating_sub(self.kept_bytes);
        if kept.body.bytes() > KEPT_BYTES_MAX || kept.bytes() > left {
            self.keep_apart(std::mem::replace(&mut kept.body, KeptText::Omitted));
        }
        if kept.former.bytes() > left {
            kept.former = KeptText::Omitted;
        }
        kept
    }

    /// Keeps the body of the next change apart, if it can be.
    fn keep_apart(&mut self, body: KeptText) {
        let bytes_max = self.shared.database.kept_body_bytes_max();
        if let Some(text) = body.text()
            && text.len() <= bytes_max
            && !self.omits_bodies
        {
            let sequence = Sequence(self.next.sequence.0 + 1);
            self.bodies.push(KeptBody { sequence, text: text.to_owned() });
        }
    }

    /// Exchanges the state of a document and keeps the sums. `None` when it was not known.
    pub(super) fn replace(&mut self, key: &DocumentKey, state: State) -> Option<State> {
        let (touched, cost) = (state.touched, state.cost);
        let known = self.documents.contains_key(key);
        let working = self
            .documents
            .entry(key.clone())
            .or_insert_with(|| Working { native: None, state: State::default() });
        let before = std::mem::replace(&mut working.state, state);
        self.cost.items = self.cost.items + cost.items - before.cost.items;
        self.cost.bytes = self.cost.bytes + cost.bytes - before.cost.bytes;
        match (before.touched, touched) {
            (false, true) => *self.collections.entry(key.collection.clone()).or_default() += 1,
            (true, false) => {
                if let Some(count) = self.collections.get_mut(&key.collection) {
                    *count -= 1;
                    if *count == 0 {
                        self.collections.remove(&key.collection);
                    }
                }
            }
            _ => {}
        }
        known.then_some(before)
    }

    /// The fate of a document natively; `None` if nothing was and nothing is.
    fn write_of(
        &self,
        key: &DocumentKey,
        native: Option<&NativeDocument>,
        content: Option<&Content>,
    ) -> Option<DocumentWrite> {
        if native.is_none() && content.is_none() {
            return None;
        }
        let indexes = indexes_of(self.catalogue, &self.retired, &key.collection);
        let stored = self.shared.stored_keys();
        let keeps_native = content.is_some_and(|content| content.keeps_native);
        let before = native.map(|native| {
            let mut before = before_of(native, &indexes, stored, content.is_none());
            if keeps_native {
                before.keys.clear();
            }
            before
        });
        let after = content.map(|content| {
            let revision = Sequence(content.revision.number().unwrap_or_default());
            let (fields, meta) = Meta::of_body(
                &content.body,
                self.shared.database.rules(),
                revision,
                content.created_at,
                content.updated_at,
            );
            let meta = Meta { keeps_content: content.keeps_native, ..meta.bound_to(&key.id) };
            let Content { created_at, updated_at, .. } = *content;
            let body = &*content.body;
            let indexed = Indexed { body, id: &key.id, created_at, updated_at };
            let keys = keys_of(indexed, &indexes, stored);
            After { fields, meta, keys }
        });
        Some(DocumentWrite { key: key.clone(), before, after })
    }
}
