//! The collections that an app declares, in the app's own shapes: `/api/{collection}`.
//!
//! Each collection has routes of its own, made from its declaration when the service is composed, so
//! the OpenAPI document tells of this app's documents.

mod handlers;
mod problems;
mod state;
mod wire;

use isobase_http::{BodyLimit, handler};

use crate::{Route, app_collection::AppCollection, views::Permissions};
use handlers::{batch, item, list};
pub(crate) use state::State;

/// The routes of a collection; none for one whose name is taken.
pub(crate) fn routes(
    collection: &AppCollection,
    Permissions { read, write }: Permissions,
) -> Vec<Route<State>> {
    if collection.has_no_routes().is_some() {
        return Vec::new();
    }
    let all = format!("/api/{}", collection.name);
    let batch_ = format!("/api/{}/batch", collection.name);
    let one = format!("/api/{}/{{id}}", collection.name);
    let of = wire::Described::of(collection);
    vec![
        Route::get(all.clone(), read, handler(list::list_items), of.list()),
        Route::post(all, write, handler(item::create_item), of.create()).body(BodyLimit::Document),
        Route::post(batch_, write, handler(batch::write_items), of.batch())
            .body(BodyLimit::Document),
        Route::get(one.clone(), read, handler(item::get_item), of.get()),
        Route::put(one.clone(), write, handler(item::update_item), of.update("update"))
            .body(BodyLimit::Document),
        Route::patch(one.clone(), write, handler(item::update_item), of.update("patch"))
            .body(BodyLimit::Document),
        Route::delete(one, write, handler(item::delete_item), of.delete()),
    ]
}
