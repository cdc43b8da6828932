//! Many licences in one request.

use isobase_store::{
    Action, Atomicity, Idempotency, Precondition, Rejection, WriteBatch, WriteOperation,
};
use isobase_types::{Count, DocumentId, Literal, Operator, Order, PageRequest, Query, Timestamp};

use crate::{
    Actor, Licence, LicenceError, Licences, NewLicence, document::body, edit::created_entry,
    licence::collection, licences::compare,
};

/// Most licences of one request. Ours: what an engine writes within the time of a request.
const MANY_MAX: usize = 1_000;

/// The outcome of many licences.
#[derive(Debug)]
pub struct CreatedMany {
    /// One for each that was asked for, in their order. All are made or none is, and then the error
    /// is that of the whole; a repeat may find that one is gone again.
    pub licences: Vec<Result<Licence, LicenceError>>,
    /// They were made by an earlier request with the same mark.
    pub replayed: bool,
}

impl Licences {
    /// Most licences that one request may make on this engine.
    #[must_use]
    pub fn many_max(&self) -> usize {
        let operations = self.store.engine().limits().atomic_operations.max;
        // Each goes with an entry of the audit, and with the entries of its indexes.
        MANY_MAX.min(usize::try_from(operations / 4).unwrap_or(usize::MAX)).max(1)
    }

    /// Makes many licences: all of them or none. A repeat with the same mark makes none and gives those of the first time.
    ///
    /// # Errors
    /// [`LicenceError::InRow`] for the first that cannot be, before anything is written;
    /// [`LicenceError::TooMany`], or when the database fails. An idempotency key of another request
    /// is [`LicenceError::Store`].
    pub async fn create_many(
        &self,
        new: &[NewLicence],
        idempotency: Option<Idempotency>,
        actor: &Actor,
    ) -> Result<CreatedMany, LicenceError> {
        let max = self.many_max();
        if new.len() > max {
            return Err(LicenceError::TooMany { licences: new.len(), max });
        }
        let now = self.now();
        let in_row = |row: usize| move |error| LicenceError::InRow { row, error: Box::new(error) };
        let mut licences = Vec::with_capacity(new.len());
        for (row, new) in new.iter().enumerate() {
            licences.push(self.made_of(new, now).map_err(in_row(row))?);
        }
        self.prepare().await?;
        let writes = licences.iter().flat_map(|licence| created(licence, now, actor)).collect();
        let batch = WriteBatch { operations: writes, idempotency, ..WriteBatch::default() };
        let report = self.store.write(batch, Atomicity::AllOrNothing).await?;
        let mut made = Vec::with_capacity(licences.len());
        // After each stands its entry of the audit.
        for (licence, outcome) in licences.into_iter().zip(report.outcomes.into_iter().step_by(2)) {
            made.push(match outcome {
                Ok(written) => match written.id {
                    DocumentId::Integer(id) => {
                        Ok(Licence { id, revision: Some(written.revision), ..licence })
                    }
                    DocumentId::Text(_) => Err(LicenceError::Busy),
                },
                Err(Rejection::NotUnique { .. }) => Err(LicenceError::KeyExists),
                Err(rejection) => Err(rejection.into()),
            });
        }
        if report.replayed {
            self.as_stored(&mut made).await?;
        }
        Ok(CreatedMany { licences: made, replayed: report.replayed })
    }

    /// Of a repeat what the first request made: its keys are others.
    async fn as_stored(
        &self,
        made: &mut [Result<Licence, LicenceError>],
    ) -> Result<(), LicenceError> {
        for some in made.chunks_mut(100) {
            let ids = some.iter().flatten().map(|licence| Literal::Integer(licence.id)).collect();
            let query = Query {
                filter: compare("id", Operator::In(ids)),
                order: Order::default(),
                page: PageRequest::Cursor { limit: 100, after: None },
                fields: Vec::new(),
                count: Count::None,
            };
            let found = Licence::all_of(&self.store.list(&collection(), &query).await?.documents);
            for licence in some.iter_mut() {
                let Ok(known) = licence else { continue };
                let stored = found.iter().find(|it| it.id == known.id).cloned();
                *licence = stored.ok_or(LicenceError::NotFound);
            }
        }
        Ok(())
    }
}

/// The writes of a licence that is made under the next id: itself, and the entry of the audit.
fn created(licence: &Licence, now: Timestamp, actor: &Actor) -> [WriteOperation; 2] {
    let write = WriteOperation {
        collection: collection(),
        action: Action::Create { body: body(licence) },
        precondition: Precondition::None,
    };
    [write, created_entry(licence, now, actor)]
}
