//! Work, and its state.

use isobase_http::{Answer, Content, Location, Operation, Parameter};
use isobase_requests::{self as library, Item};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::described::{BODY, maybe, maybe_number, operation, takes};
use crate::codes;

/// Work that was taken, or that is there.
#[derive(Serialize, JsonSchema)]
pub(in crate::requests) struct CreatedItem {
    id: i64,
    correlation_id: String,
    status: String,
    output_json: Option<String>,
    /// It was not there before.
    created: bool,
}

impl CreatedItem {
    pub(in crate::requests) fn of(item: Item, created: bool) -> Self {
        let Item { id, correlation_id, status, output_json, .. } = item;
        Self { id, correlation_id, status, output_json, created }
    }
}

/// Whether the work is there.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UpdatedItem")]
pub(in crate::requests) struct Updated {
    pub(in crate::requests) ok: bool,
}

/// The work of an input.
#[derive(Serialize, JsonSchema)]
pub(in crate::requests) struct FoundItem {
    id: i64,
    correlation_id: String,
    status: String,
    output_json: Option<String>,
}

impl FoundItem {
    pub(in crate::requests) fn of(item: Item) -> Self {
        let Item { id, correlation_id, status, output_json, .. } = item;
        Self { id, correlation_id, status, output_json }
    }
}

/// Work with everything that is known of it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Item")]
pub(in crate::requests) struct WholeItem {
    id: i64,
    correlation_id: String,
    created_at: String,
    updated_at: String,
    license_key: Option<String>,
    installation_id: Option<String>,
    input_json: Option<String>,
    output_json: Option<String>,
    input_hash: Option<String>,
    status: String,
    error_message: Option<String>,
    http_status_code: Option<i64>,
    duration_ms: Option<f64>,
}

impl WholeItem {
    fn of(item: Item) -> Self {
        let zoneless = |text: &str| text.trim_end_matches('Z').to_owned();
        Self {
            id: item.id,
            created_at: zoneless(&item.created_at),
            updated_at: zoneless(&item.updated_at),
            correlation_id: item.correlation_id,
            license_key: item.license_key,
            installation_id: item.installation_id,
            input_json: item.input_json,
            output_json: item.output_json,
            input_hash: item.input_hash,
            status: item.status,
            error_message: item.error_message,
            http_status_code: item.http_status_code,
            duration_ms: item.duration_ms,
        }
    }
}

/// A page of work, the newest first.
#[derive(Serialize, JsonSchema)]
pub(in crate::requests) struct ItemPage {
    items: Vec<WholeItem>,
    count: usize,
    total: usize,
}

impl ItemPage {
    pub(in crate::requests) fn of(page: library::ItemPage) -> Self {
        let total = page.total;
        let items: Vec<_> = page.items.into_iter().map(WholeItem::of).collect();
        Self { count: items.len(), items, total }
    }
}

pub(in crate::requests) fn create_item() -> Operation {
    let text = || json!({ "type": ["string", "null"] });
    let body = takes(
        &["correlation_id"],
        json!({
            "correlation_id": { "type": "string" },
            "license_key": text(),
            "installation_id": text(),
            "input_json": text(),
            "input_hash": text(),
        }),
        json!({ "correlation_id": "c-1", "input_json": "{}", "input_hash": "44136fa3" }),
    );
    let item = Item {
        id: 7,
        correlation_id: "c-1".to_owned(),
        status: "pending".to_owned(),
        ..Item::default()
    };
    operation("create_extract_item", "Take work")
        .description(
            "Of several that come with the same `input_hash` one is told `created: true` and works; \
             the others are told of its work. Inputs are cut at 100,000 characters.",
        )
        .takes(body)
        .answers(Answer::new(200, "The work.").content(Content::like(&CreatedItem::of(item, true))))
        .problems(BODY)
        .problems([codes::WORK_EXISTS])
}

pub(in crate::requests) fn update_item() -> Operation {
    let text = || json!({ "type": ["string", "null"] });
    let body = takes(
        &["correlation_id"],
        json!({
            "correlation_id": { "type": "string" },
            "output_json": text(),
            "status": text(),
            "error_message": text(),
            "http_status_code": { "type": ["integer", "null"] },
            "duration_ms": { "type": ["number", "null"] },
        }),
        json!({ "correlation_id": "c-1", "output_json": "[]" }),
    );
    operation("update_extract_item", "Note what became of work")
        .description(
            "What is not given stays; the status becomes `completed` when it is not given. `ok` is \
             false when the work is not there.",
        )
        .takes(body)
        .answers(Answer::new(200, "It is noted.").content(Content::like(&Updated { ok: true })))
        .problems(BODY)
}

pub(in crate::requests) fn list_items() -> Operation {
    let page = ItemPage { items: vec![WholeItem::of(Item::default())], count: 1, total: 1 };
    operation("list_extract_items", "List work")
        .description("The newest first, among the newest 10,000.")
        .parameters([
            maybe("limit", "Items of a page. Default 20.")
                .schema(json!({ "type": "integer", "minimum": 1, "maximum": 200 })),
            maybe_number("offset", "Leaves so many out.", 10_000),
            maybe("status", "With this status."),
            maybe("search", "With this text in licence or installation, whatever the case."),
        ])
        .answers(Answer::new(200, "The page.").content(Content::like(&page)))
}

pub(in crate::requests) fn get_item() -> Operation {
    let item = Item {
        id: 7,
        correlation_id: "c-1".to_owned(),
        status: "completed".to_owned(),
        output_json: Some("[]".to_owned()),
        ..Item::default()
    };
    operation("get_extract_item", "Find the work of an input")
        .description("By the hash of its input.")
        .parameters([
            Parameter::new(Location::RequiredQuery, "hash", "The hash.").example("44136fa3")
        ])
        .answers(Answer::new(200, "The work.").content(Content::like(&FoundItem::of(item))))
        .problems([codes::WORK_NOT_FOUND])
}
