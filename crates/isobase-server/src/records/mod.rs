//! The record routes: documents in collections, by id.

pub(crate) mod handlers;
pub(crate) mod problems;
mod state;
mod wire;

use isobase_http::{BodyLimit, Permission::Admin, handler};

use crate::{Route, views::Permissions};
use handlers::{batch, changes, collections, create, indexes, list, load, record, schemas};
pub(crate) use state::State;

/// The routes of records.
pub(crate) fn routes(permissions: Permissions) -> Vec<Route<State>> {
    let Permissions { read, write } = permissions;
    let collection = "/records/{collection}";
    let document = "/records/{collection}/{id}";
    let index = "/indexes/{collection}";
    let schema = "/collections/{collection}/schema";
    vec![
        Route::get(
            "/collections",
            read,
            handler(collections::list_collections),
            wire::list_collections(),
        ),
        Route::get("/stats", read, handler(collections::get_stats), wire::get_stats()),
        Route::get(collection, read, handler(list::list_records), wire::list_records()),
        Route::post(collection, write, handler(create::create_record), wire::create_record())
            .body(BodyLimit::Stream),
        Route::post(
            "/collections/{collection}/load",
            write,
            handler(load::load_records),
            wire::load_records(),
        )
        .body(BodyLimit::Stream),
        Route::delete(
            collection,
            write,
            handler(collections::delete_collection),
            wire::delete_collection(),
        ),
        Route::get(document, read, handler(record::get_record), wire::get_record()),
        Route::put(document, write, handler(record::put_record), wire::put_record())
            .body(BodyLimit::Document),
        Route::patch(document, write, handler(record::patch_record), wire::patch_record())
            .body(BodyLimit::Document),
        Route::delete(document, write, handler(record::delete_record), wire::delete_record()),
        Route::post(
            "/records/{collection}/batch",
            write,
            handler(batch::write_batch),
            wire::write_batch(),
        )
        .body(BodyLimit::Document),
        Route::get(
            "/records/{collection}/changes",
            read,
            handler(changes::list_collection_changes),
            wire::list_collection_changes(),
        ),
        Route::get("/changes", read, handler(changes::list_changes), wire::list_changes()),
        Route::get(index, Admin, handler(indexes::list_indexes), wire::list_indexes()),
        Route::put(index, Admin, handler(indexes::put_index), wire::put_index()),
        Route::delete(index, Admin, handler(indexes::delete_index), wire::delete_index()),
        Route::get(schema, read, handler(schemas::get_schema), wire::get_schema()),
        Route::put(schema, Admin, handler(schemas::put_schema), wire::put_schema())
            .body(BodyLimit::Document),
        Route::delete(schema, Admin, handler(schemas::delete_schema), wire::delete_schema()),
    ]
}
