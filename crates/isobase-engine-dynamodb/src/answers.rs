//! The answers to idempotency keys.

use isobase_engine::EngineError;
use isobase_journal::StoredAnswer;
use isobase_types::Timestamp;

use crate::{
    codec::{Item, as_bytes, as_integer, as_text, bytes, integer, text},
    database::DynamoDbDatabase,
    journal::{ANSWERS, EXPIRES, SK, corrupted, key},
};

impl DynamoDbDatabase {
    /// Answers by their keys, in the order of these.
    pub(crate) async fn answers(
        &self,
        keys: &[[u8; 32]],
    ) -> Result<Vec<Option<StoredAnswer>>, EngineError> {
        let mut unique = keys.to_vec();
        unique.sort_unstable();
        unique.dedup();
        let wanted: Vec<Item> = unique.into_iter().map(|it| key(ANSWERS, it)).collect();
        let items = self.read_items([(self.journal.clone(), wanted)].into(), None).await?;
        let found: Result<Vec<StoredAnswer>, _> =
            items.iter().map(|(_, item)| read_answer(item)).collect();
        let found = found?;
        Ok(keys.iter().map(|key| found.iter().find(|it| it.key == *key).cloned()).collect())
    }

    /// An answer as an item.
    pub(crate) fn answer_item(&self, answer: &StoredAnswer) -> Item {
        let retention = i64::try_from(self.idempotency_retention.as_secs()).unwrap_or(i64::MAX);
        let given = answer.at.unix_us.div_euclid(1_000_000);
        // One second more: what is compared to the microsecond elsewhere is whole here.
        answer_item(answer, given.saturating_add(retention).saturating_add(1))
    }
}

/// `expires` is when DynamoDB may delete it, in seconds.
fn answer_item(answer: &StoredAnswer, expires: i64) -> Item {
    let mut item = key(ANSWERS, answer.key);
    item.insert("fingerprint".to_owned(), bytes(answer.fingerprint));
    item.insert("outcomes".to_owned(), text(answer.outcomes.as_str()));
    item.insert("at".to_owned(), integer(answer.at.unix_us));
    item.insert(EXPIRES.to_owned(), integer(expires));
    item
}

fn read_answer(item: &Item) -> Result<StoredAnswer, EngineError> {
    let read = || {
        Some(StoredAnswer {
            key: as_bytes(item, SK)?.try_into().ok()?,
            fingerprint: as_bytes(item, "fingerprint")?.try_into().ok()?,
            outcomes: as_text(item, "outcomes")?.to_owned(),
            at: Timestamp { unix_us: as_integer(item, "at")? },
        })
    };
    read().ok_or_else(|| corrupted("the answer to an idempotency key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_back_as_written() {
        let at = Timestamp { unix_us: 9 };
        let answer = StoredAnswer { key: [1; 32], fingerprint: [2; 32], outcomes: "[]".into(), at };
        assert_eq!(read_answer(&answer_item(&answer, 1)).unwrap(), answer);
    }
}
