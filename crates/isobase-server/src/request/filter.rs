//! Filters as routes describe them.

use isobase_http::{Location, Parameter};
use serde_json::json;

/// Every parameter that a listing does not know is a filter. OpenAPI has that as an object whose
/// members are parameters by their own names (`style: form`, `explode: true`).
pub(crate) fn parameter() -> Parameter {
    let description = "Conditions on fields, each a parameter by the name of its field: \
        `status=open`, `age[gte]=18`, `name[like]=a%`. Dots reach into objects.";
    Parameter::new(Location::Query, "filter", description)
        .schema(json!({
            "type": "object",
            "additionalProperties": {
                "anyOf": [{ "type": "string" }, { "type": "number" }, { "type": "boolean" }],
            },
        }))
        .example(json!({ "status": "open", "age[gte]": 18 }))
        .exploded()
}
