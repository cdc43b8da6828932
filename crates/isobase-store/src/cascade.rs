//! Deletions that reach into other collections.

use std::collections::{HashSet, VecDeque};

use isobase_engine::{Action, Engine, ListRequest, Precondition, WriteBatch, WriteOperation};
use isobase_types::{
    CollectionName, Comparison, DocumentId, FieldPath, Filter, Literal, Operator, Order,
    json::{self, Patch},
};

use crate::{
    StoreError,
    schema::{OnDelete, Referring, Registry},
};

/// The operations that must come before those of a batch, so that nothing refers to what it
/// deletes: documents that refer to it are changed or deleted, those that refer to them before.
/// References that refuse are left to the check of the commit.
pub(crate) async fn before(
    engine: &dyn Engine,
    schemas: &Registry,
    batch: &WriteBatch,
    max: usize,
) -> Result<Vec<WriteOperation>, StoreError> {
    let mut seen: HashSet<(CollectionName, DocumentId)> = HashSet::new();
    let mut left: VecDeque<(CollectionName, DocumentId)> = batch
        .operations
        .iter()
        .filter_map(|operation| match &operation.action {
            Action::Delete { id } => Some((operation.collection.clone(), id.clone())),
            _ => None,
        })
        .collect();
    seen.extend(left.iter().cloned());
    let mut operations = Vec::new();
    while let Some((collection, id)) = left.pop_front() {
        let references = schemas.references_to(engine, std::slice::from_ref(&collection)).await?;
        for Referring { from, reference } in references {
            if reference.on_delete == OnDelete::Refuse {
                continue;
            }
            for referrer in referrers(engine, &from, &reference.field, &id, max).await? {
                if !seen.insert((from.clone(), referrer.clone())) {
                    continue;
                }
                let action = match reference.on_delete {
                    OnDelete::Cascade => {
                        left.push_back((from.clone(), referrer.clone()));
                        Action::Delete { id: referrer }
                    }
                    _ => Action::Patch {
                        id: referrer,
                        patch: Patch::Merge(without(&reference.field)),
                    },
                };
                let (collection, precondition) = (from.clone(), Precondition::None);
                operations.push(WriteOperation { collection, action, precondition });
                let operations = operations.len() + batch.operations.len();
                if operations > max {
                    return Err(StoreError::CascadeTooLarge { max });
                }
            }
        }
    }
    // What was found last refers to what was found before.
    operations.reverse();
    Ok(operations)
}

/// The documents that refer to one, at most one more than `max`.
async fn referrers(
    engine: &dyn Engine,
    from: &CollectionName,
    field: &FieldPath,
    id: &DocumentId,
    max: usize,
) -> Result<Vec<DocumentId>, StoreError> {
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
        found.extend(page.documents.into_iter().map(|document| document.id));
        request.after = page.next;
        if request.after.is_none() {
            break;
        }
    }
    Ok(found)
}

/// The merge patch that removes a field.
pub(crate) fn without(field: &FieldPath) -> String {
    let mut patch = Vec::new();
    for step in field.steps() {
        patch.push(b'{');
        json::write_string(step, &mut patch);
        patch.push(b':');
    }
    patch.extend_from_slice(b"null");
    patch.extend(field.steps().iter().map(|_| b'}'));
    String::from_utf8(patch).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_reach_nested_fields() {
        let field = FieldPath::parse("a.\"b c\"").unwrap();
        assert_eq!(without(&field), r#"{"a":{"b c":null}}"#);
    }
}
