//! The answers to idempotency keys.

use std::fmt::Write as _;

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use isobase_engine::EngineError;
use isobase_journal::StoredAnswer;
use isobase_types::Timestamp;
use proto::structured_query::field_filter::Operator;

use crate::{
    codec,
    database::FirestoreDatabase,
    fields::Fields,
    journal::{AT, corrupted},
    query::Query,
};

impl FirestoreDatabase {
    /// Answers by their keys, in the order of these.
    pub(crate) async fn answers(
        &self,
        keys: &[[u8; 32]],
    ) -> Result<Vec<Option<StoredAnswer>>, EngineError> {
        let names = &self.requests.names;
        let answers = names.answers();
        let name = |key: &[u8; 32]| names.native_document(&answers, answer_id(key));
        let found = self.requests.documents(&keys.iter().map(name).collect::<Vec<_>>()).await?;
        let read = keys.iter().zip(found).map(|(key, document)| {
            document.map(|document| answer_of(*key, &document.fields)).transpose()
        });
        read.collect()
    }

    /// Deletes answers that were given before a moment.
    pub(crate) async fn delete_answers(&self, before: Timestamp) -> Result<(), EngineError> {
        let answers = self.requests.names.answers();
        let query = || {
            let before = codec::time(before);
            let query = Query::of(&*answers).only(AT, Operator::LessThan, before);
            query.by(AT, false)
        };
        self.delete_found(query).await
    }
}

/// The name of the answer to a key.
pub(crate) fn answer_id(key: &[u8; 32]) -> String {
    key.iter().fold(String::with_capacity(64), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

pub(crate) fn answer_fields(answer: &StoredAnswer) -> Fields {
    Fields::from([
        ("fingerprint".to_owned(), codec::bytes(answer.fingerprint.to_vec())),
        ("outcomes".to_owned(), codec::string(&*answer.outcomes)),
        (AT.to_owned(), codec::time(answer.at)),
    ])
}

pub(crate) fn answer_of(key: [u8; 32], fields: &Fields) -> Result<StoredAnswer, EngineError> {
    let read = || {
        Some(StoredAnswer {
            key,
            fingerprint: codec::bytes_of(fields.get("fingerprint")?)?.try_into().ok()?,
            outcomes: codec::string_of(fields.get("outcomes")?)?.to_owned(),
            at: codec::time_of(fields.get(AT)?)?,
        })
    };
    read().ok_or_else(|| corrupted("an answer in isobase_answers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_they_were_written() {
        let answer = StoredAnswer {
            key: [7; 32],
            fingerprint: [9; 32],
            outcomes: "[]".to_owned(),
            at: Timestamp { unix_us: 1_000_001 },
        };
        assert_eq!(answer_of(answer.key, &answer_fields(&answer)).unwrap(), answer);
        assert_eq!(answer_id(&[0xab; 32]), "ab".repeat(32));
    }
}
