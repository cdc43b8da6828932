//! Rows to be stored, as the columns of a few statements.

use isobase_engine::Indexed;
use isobase_types::ChangeKind;

use super::{
    Batch,
    touched::{NewChange, Now, Stored, Touched},
};
use crate::catalogue::IndexRow;

/// The values to store, column by column.
#[derive(Debug, Default)]
pub(crate) struct Mutations<'b> {
    pub(crate) upserts: Upserts<'b>,
    pub(crate) deleted: Keys<'b>,
    pub(crate) changes: Changes<'b>,
    pub(crate) deleted_entries: Entries<'b>,
    pub(crate) new_entries: Entries<'b>,
    /// Collections whose number of documents changes, and by how much.
    pub(crate) counted: (Vec<i32>, Vec<i64>),
    pub(crate) answers: NewAnswers<'b>,
    /// Places of the feed are taken, whether or not it tells of them.
    moves_on: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Upserts<'b> {
    pub(crate) keys: Keys<'b>,
    pub(crate) revisions: Vec<i64>,
    pub(crate) created_at: Vec<i64>,
    pub(crate) updated_at: Vec<i64>,
    pub(crate) bodies: Vec<&'b str>,
}

#[derive(Debug, Default)]
pub(crate) struct Keys<'b> {
    pub(crate) collections: Vec<i32>,
    pub(crate) ids: Vec<&'b [u8]>,
}

#[derive(Debug, Default)]
pub(crate) struct Changes<'b> {
    pub(crate) sequences: Vec<i64>,
    pub(crate) keys: Keys<'b>,
    pub(crate) kinds: Vec<i16>,
    pub(crate) revisions: Vec<Option<i64>>,
    pub(crate) former: Vec<Option<&'b str>>,
    pub(crate) bodies: Vec<Option<&'b str>>,
}

#[derive(Debug, Default)]
pub(crate) struct Entries<'b> {
    pub(crate) indexes: Vec<i32>,
    pub(crate) keys: Vec<Vec<u8>>,
    pub(crate) documents: Keys<'b>,
}

#[derive(Debug, Default)]
pub(crate) struct NewAnswers<'b> {
    pub(crate) keys: Vec<&'b [u8]>,
    pub(crate) fingerprints: Vec<&'b [u8]>,
    pub(crate) outcomes: Vec<&'b str>,
}

impl Batch<'_> {
    /// The values to store. Every collection with a change has a number by now.
    pub(crate) fn mutations(&self) -> Mutations<'_> {
        let mut mutations = Mutations::default();
        let mut added = vec![0; self.collections.len()];
        for touched in &self.touched {
            let collection = &self.collections[touched.collection];
            let Some(id) = collection.id else { continue };
            let now = match &touched.now {
                Now::AsBefore => continue,
                Now::Is(stored) => Some(stored),
                Now::Gone => None,
            };
            match (&touched.before, now) {
                (_, Some(stored)) => {
                    mutations.upserts.push(id, touched, stored);
                }
                (Some(_), None) => mutations.deleted.push(id, &touched.id_bytes),
                (None, None) => {}
            }
            added[touched.collection] +=
                i64::from(now.is_some()) - i64::from(touched.before.is_some());
            for index in collection.indexes.iter() {
                mutations.push_entries(id, index, touched, now);
            }
        }
        mutations.counted = self
            .collections
            .iter()
            .zip(added)
            .filter_map(|(collection, added)| Some((collection.id?, added)))
            .filter(|(_, added)| *added != 0)
            .unzip();
        mutations.moves_on = !self.changes.is_empty();
        for change in &self.changes {
            let touched = &self.touched[change.touched];
            let collection = &self.collections[touched.collection];
            if let Some(id) = collection.id.filter(|_| collection.is_told) {
                mutations.changes.push(id, &touched.id_bytes, change);
            }
        }
        for (key, answer) in self.answers.iter().filter(|(_, answer)| answer.is_new) {
            mutations.answers.keys.push(key);
            mutations.answers.fingerprints.push(&answer.fingerprint);
            mutations.answers.outcomes.push(&answer.outcomes);
        }
        mutations
    }
}

impl<'b> Mutations<'b> {
    /// Whether there is nothing to store.
    pub(crate) fn is_empty(&self) -> bool {
        !self.moves_on && self.answers.keys.is_empty()
    }

    /// About how many bytes it has to send.
    pub(crate) fn bytes(&self) -> usize {
        let bodies: usize = self.upserts.bodies.iter().map(|body| body.len()).sum();
        let keys = self.new_entries.keys.iter().chain(&self.deleted_entries.keys);
        let outcomes: usize = self.answers.outcomes.iter().map(|text| text.len()).sum();
        let changes = &self.changes;
        let kept = changes.former.iter().chain(&changes.bodies).flatten();
        let kept: usize = kept.map(|text| text.len()).sum();
        bodies + keys.map(Vec::len).sum::<usize>() + outcomes + kept + 200 * changes.kinds.len()
    }

    fn push_entries(
        &mut self,
        collection: i32,
        index: &IndexRow,
        touched: &'b Touched<'_>,
        now: Option<&Stored<'_>>,
    ) {
        let keys = |stored: Option<&Stored<'_>>| {
            let document = stored.map(|stored| {
                let Stored { created_at, updated_at, .. } = *stored;
                Indexed { body: &stored.body, id: &touched.id, created_at, updated_at }
            });
            document.map(|document| index.keys_of(document)).unwrap_or_default()
        };
        let (before, now) = (keys(touched.before.as_ref()), keys(now));
        for (number, key) in before.iter().filter(|key| !now.contains(key)) {
            self.deleted_entries.push(*number, key.clone(), collection, &touched.id_bytes);
        }
        for (number, key) in now.into_iter().filter(|key| !before.contains(key)) {
            self.new_entries.push(number, key, collection, &touched.id_bytes);
        }
    }
}

impl<'b> Upserts<'b> {
    fn push(&mut self, collection: i32, touched: &'b Touched<'_>, stored: &'b Stored<'_>) {
        self.keys.push(collection, &touched.id_bytes);
        self.revisions.push(stored.revision);
        self.created_at.push(stored.created_at.unix_us);
        self.updated_at.push(stored.updated_at.unix_us);
        self.bodies.push(&stored.body);
    }
}

impl<'b> Keys<'b> {
    pub(crate) fn push(&mut self, collection: i32, id: &'b [u8]) {
        self.collections.push(collection);
        self.ids.push(id);
    }
}

impl<'b> Changes<'b> {
    fn push(&mut self, collection: i32, id: &'b [u8], change: &'b NewChange) {
        self.sequences.push(change.sequence);
        self.keys.push(collection, id);
        // The codes are 1 to 4.
        self.kinds.push(i16::try_from(change.kind.code()).unwrap_or_default());
        self.revisions.push((change.kind != ChangeKind::Deleted).then_some(change.sequence));
        self.former.push(change.kept.former.stored());
        self.bodies.push(change.kept.body.stored());
    }
}

impl<'b> Entries<'b> {
    pub(crate) fn push(&mut self, index: i32, key: Vec<u8>, collection: i32, id: &'b [u8]) {
        self.indexes.push(index);
        self.keys.push(key);
        self.documents.push(collection, id);
    }
}
