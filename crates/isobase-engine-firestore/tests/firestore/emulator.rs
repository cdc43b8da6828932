//! Where emulators differ from Firestore, or from each other, nothing may depend on it.

use std::{collections::BTreeSet, sync::Arc};

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use isobase_engine::SystemClock;
use isobase_engine_firestore::{Environment, FirestoreOptions};
use isobase_journal::{JournalOptions, testing::live};
use prost::Message as _;
use proto::{
    RunAggregationQueryRequest, RunQueryRequest, StructuredQuery, Value,
    run_aggregation_query_request, run_query_request, structured_aggregation_query,
    structured_query::{Filter, filter::FilterType},
    value::ValueType,
};

use crate::{
    proxy::Proxy,
    support::{Database, collection, on_each},
};

/// Bytes of a value that an index of Firestore compares
/// (firebase.google.com/docs/firestore/quotas, 2026-11).
const COMPARED_BYTES_MAX: usize = 1_500;

/// What a whole life of an engine sends.
async fn sent(database: &Database) -> Proxy {
    let proxy = Proxy::start(&database.host.host).await;
    let url = format!("firestore://{}?emulator={}", database.project, proxy.address);
    let (options, environment) = (FirestoreOptions::new(&url).unwrap(), Environment::default());
    let (remote, clock) = (JournalOptions::default(), Arc::new(SystemClock));
    let engine = isobase_engine_firestore::open(options, &environment, remote, clock);
    live(&engine.await.unwrap(), &collection("things")).await.unwrap();
    proxy
}

/// The fields that filters compare, and with what.
fn compared(filter: &Filter) -> Vec<(&str, &Value)> {
    match filter.filter_type.as_ref().unwrap() {
        FilterType::FieldFilter(filter) => {
            let field = &filter.field.as_ref().unwrap().field_path;
            vec![(field, filter.value.as_ref().unwrap())]
        }
        FilterType::CompositeFilter(all) => all.filters.iter().flat_map(compared).collect(),
        FilterType::UnaryFilter(_) => panic!("{filter:?}"),
    }
}

fn query_of(method: &str, message: &[u8]) -> Option<StructuredQuery> {
    match method {
        "RunQuery" => {
            let request = RunQueryRequest::decode(message).unwrap();
            let run_query_request::QueryType::StructuredQuery(query) = request.query_type?;
            Some(query)
        }
        "RunAggregationQuery" => {
            let request = RunAggregationQueryRequest::decode(message).unwrap();
            let run_aggregation_query_request::QueryType::StructuredAggregationQuery(counting) =
                request.query_type?;
            let structured_aggregation_query::QueryType::StructuredQuery(query) =
                counting.query_type?;
            Some(query)
        }
        _ => None,
    }
}

#[test]
fn only_what_every_server_has_is_asked() {
    on_each(async |database| {
        let sent = sent(&database).await.sent();
        let asked: BTreeSet<_> = sent.iter().map(|(method, _)| method.as_str()).collect();
        // Neither `Listen` nor `Write`, `PartitionQuery`, pipelines or transactions with locks.
        let expected = [
            "BatchGetDocuments",
            "BatchWrite",
            "Commit",
            "ListCollectionIds",
            "RunAggregationQuery",
            "RunQuery",
        ];
        assert_eq!(asked, expected.into(), "{}", database.host.name);
    });
}

#[test]
fn queries_need_no_index_but_the_automatic_ones() {
    on_each(async |database| {
        let mut ranges = 0;
        for (method, message) in sent(&database).await.sent() {
            let Some(query) = query_of(&method, &message) else { continue };
            assert!(query.from.iter().all(|from| !from.all_descendants), "{query:?}");
            assert!(query.find_nearest.is_none() && query.offset == 0, "{query:?}");
            let mut fields: BTreeSet<_> = query
                .order_by
                .iter()
                .map(|order| &*order.field.as_ref().unwrap().field_path)
                .collect();
            let filters = query.r#where.as_ref().map(compared).unwrap_or_default();
            for (field, value) in filters {
                fields.insert(field);
                match value.value_type.as_ref().unwrap() {
                    ValueType::BytesValue(key) => {
                        assert!(key.len() <= COMPARED_BYTES_MAX, "{query:?}");
                        ranges += 1;
                    }
                    ValueType::ReferenceValue(_) | ValueType::TimestampValue(_) => {}
                    other => panic!("{other:?} is compared by {query:?}"),
                }
            }
            // A filter and an order by one field: Firestore makes that index itself.
            assert!(fields.len() <= 1, "{query:?}");
            let ours = |field: &str| {
                field == "__name__" || field.starts_with("isobase_meta.keys.") || field == "at"
            };
            assert!(fields.iter().all(|field| ours(field)), "{query:?}");
        }
        assert!(ranges > 20, "{ranges}");
    });
}
