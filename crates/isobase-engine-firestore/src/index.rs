//! Reading documents in the order of an index, and counting them.

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use isobase_engine::EngineError;
use isobase_journal::{IndexNumber, KeyFetch, KeyFetched, KeyedDocument};
use isobase_types::CollectionName;
use proto::structured_query::field_filter::Operator;

use crate::{codec, database::FirestoreDatabase, query::Query};

impl FirestoreDatabase {
    /// Documents whose key in an index lies in a range, in its order.
    pub(crate) async fn fetch_documents(
        &self,
        collection: &CollectionName,
        fetch: &KeyFetch,
    ) -> Result<KeyFetched, EngineError> {
        let path = codec::key_path(fetch.index);
        let query = self
            .range(collection, fetch.index, &fetch.lower, fetch.upper.as_deref())
            .by(&path, fetch.reverse)
            .at_most(fetch.limit);
        let found = self.requests.query(&query.build(), fetch.bytes_max).await?;
        let exhausted = !found.cut && found.documents.len() < fetch.limit as usize;
        let passed = found.documents.last().and_then(|last| codec::key_of(last, fetch.index));
        let mut documents = Vec::with_capacity(found.documents.len());
        for native in found.documents {
            let Some(key) = codec::key_of(&native, fetch.index) else { continue };
            let Some(document) = codec::document(native) else { continue };
            documents.push(KeyedDocument { key, document });
        }
        let passed = passed.filter(|_| documents.is_empty() && !exhausted);
        Ok(KeyFetched { documents, exhausted, passed })
    }

    /// How many keys of an index lie in a range.
    pub(crate) async fn count_range(
        &self,
        collection: &CollectionName,
        index: IndexNumber,
        lower: &[u8],
        upper: Option<&[u8]>,
    ) -> Result<u64, EngineError> {
        let query = self.range(collection, index, lower, upper).build();
        self.requests.count(&query).await
    }

    /// The documents whose key in an index lies in a range.
    fn range(
        &self,
        collection: &CollectionName,
        index: IndexNumber,
        lower: &[u8],
        upper: Option<&[u8]>,
    ) -> Query {
        let path = codec::key_path(index);
        let native = self.requests.names.collection(collection);
        let from = codec::bytes(lower.to_vec());
        let query = Query::of(native).only(&path, Operator::GreaterThanOrEqual, from);
        match upper {
            Some(upper) => query.only(&path, Operator::LessThan, codec::bytes(upper.to_vec())),
            None => query,
        }
    }
}
