//! Writing documents: the checks of a batch, and what its deletions do to others.

use std::sync::Arc;

use isobase_engine::{
    Action, Precondition, Rejection, WriteBatch, WriteCheck, WriteOperation, WriteOutcome,
    WriteReport,
};
use isobase_types::{CollectionName, json};
use tracing::Instrument;

use crate::{
    Schema, Store, StoreError, cascade,
    schema::{
        FieldsCheck, Leaving, OnDelete, ReferenceCheck, Referring, SchemaCheck, leaving,
        references_of,
    },
    told::Told,
};

/// The fate of a batch when one of its operations is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Atomicity {
    /// The others are carried out.
    EachAlone,
    /// None is carried out.
    AllOrNothing,
}

/// How often a deletion is tried when documents that refer to what it deletes come and go.
const CASCADE_ATTEMPTS: u32 = 5;

impl Store {
    /// Carries out a batch; see [`Engine::write`]. After the checks that the batch brings, bodies
    /// are checked with the schemas of their collections.
    ///
    /// # Errors
    /// When the batch is too large, or the engine fails.
    pub async fn write(
        &self,
        mut batch: WriteBatch,
        atomicity: Atomicity,
    ) -> Result<WriteReport, StoreError> {
        let (operations, max) = (batch.operations.len(), self.options.batch_operations_max);
        if operations > max {
            return Err(StoreError::BatchTooLarge { operations, max });
        }
        let in_one_piece = atomicity == Atomicity::AllOrNothing || batch.idempotency.is_some();
        let max = usize::try_from(self.engine.limits().atomic_operations.max).unwrap_or(usize::MAX);
        if in_one_piece && operations > max {
            return Err(StoreError::PieceTooLarge { operations, max });
        }
        for operation in &batch.operations {
            self.refuse_reserved(&operation.collection)?;
        }
        let engine = &*self.engine;
        let schemas = self.schemas.of_operations(engine, &batch.operations).await?;
        let told = Told::of(&batch, &schemas);
        let fields = FieldsCheck::prepare(&mut batch, &schemas, self.user.as_deref())?;
        let told = told.map(|told| told.prepared(&batch));
        let collections: Vec<_> = batch.operations.iter().map(|it| it.collection.clone()).collect();
        let naming = match self.claim_files(&batch, &schemas).await? {
            Some((check, naming)) => {
                batch.checks.push(Arc::new(check));
                Some(naming)
            }
            None => None,
        };
        let mut report = self.write_prepared(batch, atomicity, schemas, fields).await?;
        if let Some(naming) = naming {
            self.tell_files(naming, &collections, &report).await;
        }
        self.tell(told, &mut report).await;
        Ok(report)
    }

    /// Says of each document whether a create would refuse it for what it is: because of the schema of
    /// its collection, or because the engine cannot hold it. Gives it as it would be stored. Others are
    /// not looked at: unique values and references are decided by the write.
    ///
    /// # Errors
    /// When the collection is reserved, its schema cannot be used, or the engine fails.
    pub async fn check_new(
        &self,
        collection: &CollectionName,
        bodies: Vec<String>,
    ) -> Result<Vec<Result<String, Rejection>>, StoreError> {
        self.refuse_reserved(collection)?;
        let operations = bodies.into_iter().map(|body| WriteOperation {
            collection: collection.clone(),
            action: Action::Create { body },
            precondition: Precondition::None,
        });
        let mut batch = WriteBatch { operations: operations.collect(), ..WriteBatch::default() };
        let schemas = self.schemas.of_operations(&*self.engine, &batch.operations).await?;
        FieldsCheck::prepare(&mut batch, &schemas, self.user.as_deref())?;
        let check = |body: String| {
            self.engine.check_document(collection, None, &body)?;
            if let Some((_, schema)) = schemas.first() {
                let checked = schema.check(&json::without_own_id(&body));
                checked.map_err(|violations| Rejection::SchemaViolation { violations })?;
            }
            Ok(body)
        };
        let bodies = batch.operations.into_iter().filter_map(|operation| match operation.action {
            Action::Create { body } => Some(body),
            _ => None,
        });
        Ok(bodies.map(check).collect())
    }

    /// Carries out a batch within the bounds.
    async fn write_prepared(
        &self,
        mut batch: WriteBatch,
        atomicity: Atomicity,
        schemas: Vec<(CollectionName, Schema)>,
        fields: Option<FieldsCheck>,
    ) -> Result<WriteReport, StoreError> {
        let engine = &*self.engine;
        let deleted_from = deleted_from(&batch.operations);
        let deleted = self.schemas.references_to(engine, &deleted_from).await?;
        self.index_references(&deleted).await?;
        if deleted.iter().any(|it| it.reference.on_delete != OnDelete::Refuse)
            && (batch.operations.len() == 1 || atomicity == Atomicity::AllOrNothing)
        {
            return self.write_cascading(batch, fields.as_ref()).await;
        }
        let written = references_of(&schemas);
        batch.checks.extend(fields.map(|check| Arc::new(check) as Arc<dyn WriteCheck>));
        if !schemas.is_empty() {
            batch.checks.push(Arc::new(SchemaCheck(schemas)));
        }
        if !(written.is_empty() && deleted.is_empty()) {
            let leaving = match atomicity {
                Atomicity::EachAlone => Leaving::default(),
                Atomicity::AllOrNothing => leaving(&batch.operations),
            };
            batch.checks.push(Arc::new(ReferenceCheck { written, deleted, leaving }));
        }
        let report = match atomicity {
            Atomicity::EachAlone => self.engine.write(batch).instrument(self.span("write")).await?,
            Atomicity::AllOrNothing => {
                self.engine.write_atomic(batch).instrument(self.span("write_atomic")).await?
            }
        };
        if report.outcomes.iter().any(is_referenced) {
            self.forget_indexed();
        }
        Ok(report)
    }

    /// Carries out a batch with what its deletions do to documents that refer to what they delete:
    /// all of it or nothing.
    async fn write_cascading(
        &self,
        batch: WriteBatch,
        fields: Option<&FieldsCheck>,
    ) -> Result<WriteReport, StoreError> {
        let engine = &*self.engine;
        let max = usize::try_from(engine.limits().atomic_operations.max).unwrap_or(usize::MAX);
        let own = batch.operations.len();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let mut whole = batch.clone();
            let mut operations = cascade::before(engine, &self.schemas, &batch, max).await?;
            let fields = fields.map(|check| check.beside(&operations));
            operations.append(&mut whole.operations);
            let schemas = self.schemas.of_operations(engine, &operations).await?;
            let written = references_of(&schemas);
            whole.checks.extend(fields.map(|check| Arc::new(check) as Arc<dyn WriteCheck>));
            whole.checks.push(Arc::new(SchemaCheck(schemas)));
            let deleted = self.schemas.references_to(engine, &deleted_from(&operations)).await?;
            self.index_references(&deleted).await?;
            let cascading = deleted.iter().find(|it| it.reference.on_delete != OnDelete::Refuse);
            let raced = cascading.map(|Referring { from, reference }| Rejection::Referenced {
                collection: from.clone(),
                field: reference.field.clone(),
            });
            let leaving = leaving(&operations);
            whole.checks.push(Arc::new(ReferenceCheck { written, deleted, leaving }));
            whole.operations = operations;
            let mut report = engine.write_atomic(whole).await?;
            let outcomes = report.outcomes.split_off(report.outcomes.len().saturating_sub(own));
            let others = std::mem::replace(&mut report.outcomes, outcomes);
            // Others were faster: a document that refers to it came, went or was changed meanwhile.
            // A key remembers its refusal, and is not asked again.
            let came = others.iter().chain(&report.outcomes).any(is_referenced);
            if came && attempts == 1 {
                self.forget_indexed();
            }
            if (came || others.iter().any(is_another))
                && batch.idempotency.is_none()
                && attempts < CASCADE_ATTEMPTS
            {
                continue;
            }
            let refused = others.into_iter().find_map(|outcome| match outcome {
                Err(Rejection::BatchRejected) | Ok(_) => None,
                Err(_) if is_another(&outcome) => raced.clone(),
                Err(rejection) => Some(rejection),
            });
            if let (Some(refused), Some(first)) = (refused, report.outcomes.first_mut()) {
                // What one of them is refused for is the answer to the deletion.
                *first = Err(refused);
            }
            return Ok(report);
        }
    }
}

/// Something refers to what was to be deleted.
fn is_referenced(outcome: &WriteOutcome) -> bool {
    matches!(outcome, Err(Rejection::Referenced { .. }))
}

/// A document was not what it was when it was found.
fn is_another(outcome: &WriteOutcome) -> bool {
    matches!(outcome, Err(Rejection::NotFound | Rejection::RevisionConflict { .. }))
}

/// The collections that operations delete documents from.
fn deleted_from(operations: &[WriteOperation]) -> Vec<CollectionName> {
    let mut names: Vec<_> = operations
        .iter()
        .filter(|operation| matches!(operation.action, Action::Delete { .. }))
        .map(|operation| operation.collection.clone())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
