//! Writes that each happen only while something holds of a document, many in one transaction.

use aws_sdk_dynamodb::{error::BuildError, types::TransactWriteItem};
use futures_util::{StreamExt, stream};
use isobase_engine::EngineError;
use isobase_journal::{DocumentKey, DocumentWrite};

use crate::{
    database::DynamoDbDatabase,
    transact::{Transacted, malformed},
};

/// Transactions with checks that are under way at a time, and items of each.
const GUARDED_PARALLEL: usize = 4;
const GUARDED_ITEMS_MAX: usize = 100;

/// Writes that happen only while something holds of a document.
pub(crate) struct Guarded {
    pub(crate) document: DocumentKey,
    pub(crate) check: TransactWriteItem,
    pub(crate) effects: Vec<TransactWriteItem>,
}

/// The items asked for with one check, under that check.
struct Shared {
    guarded: Guarded,
    /// Where what was asked for stands.
    places: Vec<usize>,
}

impl DynamoDbDatabase {
    /// Writes the keys of documents anew, each only if it is as it was.
    pub(crate) async fn rekey_documents(
        &self,
        writes: &[DocumentWrite],
    ) -> Result<Vec<bool>, EngineError> {
        let guarded = |write| -> Result<Guarded, BuildError> {
            let mut effects = Vec::new();
            self.push_entries(write, &mut effects)?;
            let (document, check) = (write.key.clone(), self.check_item(write)?);
            Ok(Guarded { document, check, effects })
        };
        let all: Result<Vec<Guarded>, BuildError> = writes.iter().map(guarded).collect();
        self.carry_out(all.map_err(malformed)?).await
    }

    /// Carries out effects, each if its check holds at the same moment; one answer each.
    pub(crate) async fn carry_out(&self, all: Vec<Guarded>) -> Result<Vec<bool>, EngineError> {
        let mut answers = vec![false; all.len()];
        let mut done = stream::iter(groups_of(all))
            .map(|group| self.carry_out_group(group))
            .buffer_unordered(GUARDED_PARALLEL);
        while let Some(carried_out) = done.next().await {
            for at in carried_out? {
                answers[at] = true;
            }
        }
        Ok(answers)
    }

    /// Those whose check does not hold are left out, and the others tried again.
    async fn carry_out_group(&self, mut group: Vec<Shared>) -> Result<Vec<usize>, EngineError> {
        while !group.is_empty() {
            let checks = group.iter().map(|shared| shared.guarded.check.clone());
            let effects = group.iter().flat_map(|shared| shared.guarded.effects.iter().cloned());
            match self.transact(checks.chain(effects).collect()).await? {
                Transacted::Done => break,
                Transacted::Failed { conditions, .. } => {
                    let mut place = 0..;
                    group.retain(|_| place.next().is_some_and(|at| !conditions.contains(&at)));
                }
            }
        }
        Ok(group.into_iter().flat_map(|shared| shared.places).collect())
    }
}

/// Groups that are a transaction each. DynamoDB refuses a transaction that names an item twice: of
/// one document there is one check, which everything that hangs on it shares.
fn groups_of(all: Vec<Guarded>) -> Vec<Vec<Shared>> {
    let mut all: Vec<(usize, Guarded)> = all.into_iter().enumerate().collect();
    all.sort_by(|(_, a), (_, b)| a.document.cmp(&b.document));
    let mut groups: Vec<Vec<Shared>> = Vec::new();
    let mut items = 0;
    for (at, guarded) in all {
        let effects = guarded.effects.len();
        let last = groups.last_mut().and_then(|group| group.last_mut());
        let same = last.filter(|last| last.guarded.document == guarded.document);
        let is_known = same.is_some();
        let same = same.filter(|same| same.guarded.check == guarded.check);
        if let Some(same) = same.filter(|_| items + effects <= GUARDED_ITEMS_MAX) {
            same.guarded.effects.extend(guarded.effects);
            same.places.push(at);
            items += effects;
            continue;
        }
        let shared = Shared { guarded, places: vec![at] };
        match groups.last_mut() {
            Some(group) if !is_known && items + 1 + effects <= GUARDED_ITEMS_MAX => {
                group.push(shared);
                items += 1 + effects;
            }
            _ => {
                groups.push(vec![shared]);
                items = 1 + effects;
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::ConditionCheck;
    use isobase_types::{CollectionName, DocumentId};

    use super::*;
    use crate::{
        codec::{ID, text},
        commit::put,
        journal,
    };

    fn check(id: usize, condition: &str) -> TransactWriteItem {
        let check = ConditionCheck::builder()
            .table_name("t")
            .key(ID, text(id.to_string()))
            .condition_expression(condition);
        TransactWriteItem::builder().condition_check(check.build().unwrap()).build()
    }

    fn guarded(id: usize, condition: &str, effects: usize) -> Guarded {
        let effect =
            |at: usize| put("journal", journal::key("k", [at.to_string().as_bytes()].concat()));
        let document = DocumentKey {
            collection: CollectionName::new("c").unwrap(),
            id: DocumentId::Integer(id.try_into().unwrap()),
        };
        let effects = (0..effects).map(|at| effect(at).unwrap()).collect();
        Guarded { document, check: check(id, condition), effects }
    }

    /// An id and where it was asked for.
    type Known = (String, Vec<usize>);

    /// Of each group what is known, and the number of items.
    fn grouped(all: Vec<Guarded>) -> Vec<(Vec<Known>, usize)> {
        let groups = groups_of(all).into_iter().map(|group| {
            let items = group.iter().map(|shared| 1 + shared.guarded.effects.len()).sum();
            let known = group.into_iter();
            let known = known.map(|it| (it.guarded.document.id.to_string(), it.places)).collect();
            (known, items)
        });
        groups.collect()
    }

    #[test]
    fn a_transaction_names_a_document_once() {
        let all = vec![guarded(2, "a", 1), guarded(1, "a", 1), guarded(2, "a", 2)];
        let (one, two) = (("1".to_owned(), vec![1]), ("2".to_owned(), vec![0, 2]));
        assert_eq!(grouped(all), [(vec![one, two], 6)]);

        // What shall hold is not the same.
        let all = vec![guarded(1, "a", 1), guarded(1, "b", 1), guarded(2, "b", 1)];
        let [first, second, other] =
            [("1", 0), ("1", 1), ("2", 2)].map(|(id, place)| (id.to_owned(), vec![place]));
        assert_eq!(grouped(all), [(vec![first], 2), (vec![second, other], 4)]);
    }

    #[test]
    fn a_transaction_has_a_hundred_items_at_most() {
        let all = (0..120).map(|_| guarded(1, "a", 1)).collect();
        let sizes: Vec<usize> = grouped(all).into_iter().map(|(_, items)| items).collect();
        assert_eq!(sizes, [100, 22]);
        let all = (0..120).map(|id| guarded(id, "a", 1)).collect();
        let sizes: Vec<usize> = grouped(all).into_iter().map(|(_, items)| items).collect();
        assert_eq!(sizes, [100, 100, 40]);
    }
}
