//! An app over the memory engine.

use std::collections::HashMap;

use isobase_server::{AppCollection, FieldTexts, ServerConfig};
use isobase_store::Schema;
use isobase_types::{CollectionName, Order};

use crate::records::support::{Service, Settings};

const ITEMS: &str = r#"{"type":"object","required":["user_id","name"],"properties":{
    "user_id":{"type":"integer","minimum":1,"maximum":9223372036854775807},
    "name":{"type":"string"},"done":{"type":["boolean","null"],"default":false},
    "created_at":{"type":"string","x-default":"timestamp"},
    "note":{"type":"string","writeOnly":true}}}"#;

const POSTS: &str = r#"{"type":"object","required":["title","user_id"],"properties":{
    "title":{"type":"string","maxLength":200},"user_id":{"type":"integer","minimum":1},
    "content":{"type":["string","null"]},"slug":{"type":"string"}}}"#;

/// The to-do items of an app.
pub fn items() -> AppCollection {
    let mut items = declared("items", ITEMS);
    items.order = Order::parse("-created_at,id").unwrap();
    items.create = Some(["user_id", "name", "note"].map(str::to_owned).to_vec());
    items.update = Some(["name", "done"].map(str::to_owned).to_vec());
    items.as_number = vec!["done".to_owned()];
    items.timestamp = Some("created_at".to_owned());
    items
}

/// The posts of a blog: in pages, with words of their own.
pub fn posts() -> AppCollection {
    let mut posts = declared("posts", POSTS);
    posts.page_size = Some(20);
    let text = |text: &str| Some(text.to_owned());
    let title = FieldTexts {
        required: text("Title is required"),
        too_long: text("Title too long (max 200 characters)"),
        ..FieldTexts::default()
    };
    let user = FieldTexts { required: text("user_id is required"), ..FieldTexts::default() };
    posts.texts.fields = [("title".to_owned(), title), ("user_id".to_owned(), user)].into();
    posts
}

fn declared(name: &str, schema: &str) -> AppCollection {
    let mut collection = AppCollection::new(CollectionName::new(name).unwrap());
    collection.schema = Some(Schema::parse(schema.as_bytes()).unwrap());
    collection
}

/// A service with these collections.
pub fn service(collections: Vec<AppCollection>) -> Service {
    let schemas: HashMap<_, _> =
        collections.iter().filter_map(|it| Some((it.name.clone(), it.schema.clone()?))).collect();
    let config = ServerConfig { collections, ..ServerConfig::default() };
    let settings = Settings { config, ..Settings::default() };
    Service::made(settings, |store| store.with_schemas(schemas))
}
