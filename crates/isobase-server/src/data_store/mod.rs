//! The data store: values under a namespace and a key, apart for each user, with counted accesses.
//!
//! Each record is a document of the collection `agent_data_store`, so it travels with the others and
//! can be read as one. Every change compares the revision it was made from, so counts and
//! metadata of several writers at once are all kept.

mod handlers;
mod problems;
mod state;
mod wire;

use isobase_http::{
    BodyLimit,
    Permission::{Read, Write},
    handler,
};

use crate::Route;
use handlers::{namespaces, record, records};
pub(crate) use state::State;

/// The routes of the data store.
pub(crate) fn routes() -> Vec<Route<State>> {
    let all = "/data-store/namespaces";
    let one = "/data-store/namespaces/{namespace}";
    let records_of = "/data-store/namespaces/{namespace}/records";
    let record_of = "/data-store/namespaces/{namespace}/records/{*key}";
    vec![
        Route::get(all, Read, handler(namespaces::list_namespaces), wire::list_namespaces()),
        Route::get(one, Read, handler(namespaces::get_namespace), wire::get_namespace()),
        Route::delete(one, Write, handler(namespaces::delete_namespace), wire::delete_namespace()),
        Route::get(records_of, Read, handler(records::list_data), wire::list_data()),
        Route::get(record_of, Read, handler(record::get_data), wire::get_data()),
        Route::put(record_of, Write, handler(record::put_data), wire::put_data())
            .body(BodyLimit::Document),
        Route::delete(record_of, Write, handler(record::delete_data), wire::delete_data()),
    ]
}
