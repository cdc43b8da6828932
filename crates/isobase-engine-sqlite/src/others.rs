//! Questions of checks about other documents: the writer looks into its transaction.

use isobase_engine::{
    AllTerms, Cutoff, IndexState, Others, Referred, finds_referrers, referrer_keys, refers,
};
use isobase_sqlite::rusqlite::{self, Connection, params};
use isobase_types::{CollectionName, DocumentId, FieldPath, Timestamp};

use crate::{catalogue::Index, fetch, journal::Working, location::id_of_column};

/// The transaction. A failure to read is kept, and what was decided then does not count.
pub(crate) struct Beside<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) working: &'a Working,
    pub(crate) terms: &'a AllTerms,
    pub(crate) now: Timestamp,
    pub(crate) failed: Option<rusqlite::Error>,
}

impl Beside<'_> {
    fn told<T>(&mut self, answer: rusqlite::Result<T>) -> Option<T> {
        match answer {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.failed = Some(error);
                None
            }
        }
    }

    fn look(&self, collection: &CollectionName, id: &DocumentId) -> rusqlite::Result<bool> {
        let Some(at) = self.working.find(collection) else { return Ok(false) };
        let found = fetch::document(self.connection, self.working.collection(at).id, id)?;
        let cutoff = self.terms.cutoff(collection, || self.now);
        Ok(found.is_some_and(|document| !Cutoff::has_passed(cutoff, document.updated_at)))
    }

    fn find(
        &self,
        (collection, cutoff): (i64, Option<Cutoff>),
        index: &Index,
        (field, id): (&FieldPath, &DocumentId),
        leaves: &dyn Fn(&DocumentId) -> bool,
    ) -> rusqlite::Result<bool> {
        let (lower, upper) = referrer_keys(id);
        let mut statement = self.connection.prepare_cached(
            "SELECT id FROM index_entries WHERE index_id = ?1 AND key >= ?2 AND key < ?3",
        )?;
        let mut rows = statement.query(params![index.id, lower, upper])?;
        while let Some(row) = rows.next()? {
            let referrer = id_of_column(row.get_ref(0)?)?;
            if leaves(&referrer) {
                continue;
            }
            let found = fetch::document(self.connection, collection, &referrer)?;
            let found = found.filter(|found| !Cutoff::has_passed(cutoff, found.updated_at));
            if found.is_some_and(|document| refers(&document.body, field, id)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Others for Beside<'_> {
    fn exists(&mut self, collection: &CollectionName, id: &DocumentId) -> Option<bool> {
        let found = self.look(collection, id);
        self.told(found)
    }

    fn is_referred_to(
        &mut self,
        collection: &CollectionName,
        field: &FieldPath,
        id: &DocumentId,
        leaves: &dyn Fn(&DocumentId) -> bool,
    ) -> Referred {
        let Some(at) = self.working.find(collection) else { return Referred::NoIndex };
        let cutoff = self.terms.cutoff(collection, || self.now);
        let collection = self.working.collection(at);
        let finds = |index: &&Index| {
            index.state == IndexState::Ready && finds_referrers(index.definition.order(), field)
        };
        let Some(index) = collection.indexes.iter().find(finds) else { return Referred::NoIndex };
        let found = self.find((collection.id, cutoff), index, (field, id), leaves);
        self.told(found).map_or(Referred::Unknown, Referred::from)
    }
}
