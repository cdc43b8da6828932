//! Deletions that reach into other collections.

use std::collections::{HashMap, HashSet, VecDeque};

use isobase_engine::{Action, Engine, ListRequest, Precondition, WriteBatch, WriteOperation};
use isobase_types::{
    CollectionName, Comparison, DocumentId, FieldPath, Filter, Literal, Operator, Order, Revision,
    json::Patch,
};
use serde_json::{Map, Value};

use crate::{
    StoreError,
    schema::{OnDelete, Reference, Referring, Registry},
};

/// A document, by its collection and its id.
type Key = (CollectionName, DocumentId);

/// The operations that must come before those of a batch, so that nothing refers to what it
/// deletes: documents that refer to it are changed or deleted. One that is to be changed in one
/// field and to go for another goes. References that refuse are left to the check of the commit.
pub(crate) async fn before(
    engine: &dyn Engine,
    schemas: &Registry,
    batch: &WriteBatch,
    max: usize,
) -> Result<Vec<WriteOperation>, StoreError> {
    let mut cascade = Cascade::of(batch);
    while let Some((collection, id)) = cascade.left.pop_front() {
        let references = schemas.references_to(engine, std::slice::from_ref(&collection)).await?;
        for Referring { from, reference } in references {
            if reference.on_delete == OnDelete::Refuse {
                continue;
            }
            for found in referrers(engine, &from, &reference.field, &id, max).await? {
                cascade.reach(&from, found, &reference);
                if cascade.operations > max {
                    return Err(StoreError::CascadeTooLarge { max });
                }
            }
        }
    }
    Ok(cascade.into_operations())
}

/// The documents that a batch reaches.
struct Cascade {
    /// Deleted, and not yet looked at.
    left: VecDeque<Key>,
    gone: HashSet<Key>,
    deleted: Vec<Key>,
    changed: Vec<Key>,
    /// The fields of those that are changed.
    cleared: HashMap<Key, Vec<FieldPath>>,
    /// Of all that were found.
    revisions: HashMap<Key, Revision>,
    /// With those of the batch.
    operations: usize,
}

impl Cascade {
    fn of(batch: &WriteBatch) -> Self {
        let deletes = |operation: &WriteOperation| match &operation.action {
            Action::Delete { id } => Some((operation.collection.clone(), id.clone())),
            _ => None,
        };
        let left: VecDeque<Key> = batch.operations.iter().filter_map(deletes).collect();
        Self {
            gone: left.iter().cloned().collect(),
            left,
            deleted: Vec::new(),
            changed: Vec::new(),
            cleared: HashMap::new(),
            revisions: HashMap::new(),
            operations: batch.operations.len(),
        }
    }

    /// A document refers to one that is deleted.
    fn reach(
        &mut self,
        from: &CollectionName,
        (id, revision): (DocumentId, Revision),
        reference: &Reference,
    ) {
        let key = (from.clone(), id);
        if self.gone.contains(&key) {
            return;
        }
        let is_new = !self.cleared.contains_key(&key);
        if reference.on_delete == OnDelete::SetNull {
            self.cleared.entry(key.clone()).or_default().push(reference.field.clone());
            if is_new {
                self.changed.push(key.clone());
            }
        } else {
            self.gone.insert(key.clone());
            self.left.push_back(key.clone());
            self.deleted.push(key.clone());
        }
        self.revisions.insert(key, revision);
        self.operations += usize::from(is_new);
    }

    fn into_operations(self) -> Vec<WriteOperation> {
        let Self { gone, deleted, mut changed, mut cleared, revisions, .. } = self;
        // One that was changed meanwhile may refer to something else by now.
        let operation = |key: Key, action| {
            let precondition = match revisions.get(&key) {
                Some(revision) => Precondition::RevisionIn(vec![revision.clone()]),
                None => Precondition::None,
            };
            WriteOperation { collection: key.0, action, precondition }
        };
        changed.retain(|key| !gone.contains(key));
        let changed = changed.into_iter().map(|key| {
            let fields = cleared.remove(&key).unwrap_or_default();
            let (id, patch) = (key.1.clone(), Patch::Merge(without(&fields)));
            operation(key, Action::Patch { id, patch })
        });
        let deleted = deleted.into_iter().map(|key| {
            let id = key.1.clone();
            operation(key, Action::Delete { id })
        });
        changed.chain(deleted).collect()
    }
}

/// The documents that refer to one, and their revisions; at most one more than `max`.
async fn referrers(
    engine: &dyn Engine,
    from: &CollectionName,
    field: &FieldPath,
    id: &DocumentId,
    max: usize,
) -> Result<Vec<(DocumentId, Revision)>, StoreError> {
    let literal = match id {
        DocumentId::Integer(integer) => Literal::Integer(*integer),
        DocumentId::Text(text) => Literal::Text(text.as_ref().to_owned()),
    };
    let (path, operator) = (field.clone(), Operator::In(vec![literal]));
    let mut request = ListRequest {
        filter: Filter::Compare(Comparison { path, operator }),
        order: Order::default(),
        after: None,
        skip: 0,
        limit: u32::try_from(max + 1).unwrap_or(u32::MAX).min(10_000),
        bytes_max: 8 << 20,
        scan_max: u64::MAX,
    };
    let mut found = Vec::new();
    while found.len() <= max {
        let page = engine.list(from, &request).await?;
        found.extend(page.documents.into_iter().map(|document| (document.id, document.revision)));
        request.after = page.next;
        if request.after.is_none() {
            break;
        }
    }
    Ok(found)
}

/// The merge patch that removes fields.
fn without(fields: &[FieldPath]) -> String {
    let mut patch = Map::new();
    'fields: for field in fields {
        let mut at = &mut patch;
        let Some((last, way)) = field.steps().split_last() else { continue };
        for step in way {
            let inner = at.entry(&**step).or_insert_with(|| Value::Object(Map::new()));
            // Where a longer path was removed already there is nothing left to do.
            let Value::Object(inner) = inner else { continue 'fields };
            at = inner;
        }
        at.insert(last.to_string(), Value::Null);
    }
    Value::Object(patch).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_reach_nested_fields() {
        let fields = ["a.\"b c\"", "a.d", "e"].map(|field| FieldPath::parse(field).unwrap());
        assert_eq!(without(&fields), r#"{"a":{"b c":null,"d":null},"e":null}"#);
    }
}
