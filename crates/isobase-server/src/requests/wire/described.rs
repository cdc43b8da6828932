//! Parts that several routes share.

use isobase_http::{Content, Location, Operation, Parameter, ProblemCode, Shape};
use serde_json::{Value, json};

use crate::codes;

pub(super) fn operation(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, "requests", summary)
}

/// A body that is read member by member.
pub(super) fn takes(required: &[&str], properties: Value, example: Value) -> Content {
    let shape = json!({ "type": "object", "required": required, "properties": properties });
    Content::shaped(Shape::Written(shape)).example(example)
}

pub(super) fn maybe(name: &'static str, description: &'static str) -> Parameter {
    Parameter::new(Location::Query, name, description)
}

pub(super) fn maybe_number(name: &'static str, description: &'static str, max: i64) -> Parameter {
    maybe(name, description).schema(json!({ "type": "integer", "minimum": 0, "maximum": max }))
}

/// The entries left out of a list.
pub(super) fn hide() -> Parameter {
    maybe(
        "hide",
        "Without health checks (`health`: the endpoints of `requests.health_checks`), without requests \
         of this service itself (`own`), or `health,own`.",
    )
}

pub(super) const BODY: [ProblemCode; 3] =
    [codes::INVALID_BODY, codes::INVALID_JSON, codes::NOT_AN_OBJECT];
