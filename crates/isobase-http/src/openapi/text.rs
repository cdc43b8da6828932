//! Fixed parts of the document.

use serde_json::Value;

pub(super) const PROBLEM_SCHEMA: &str = r#"{
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": { "type": "string", "description": "Where the code is explained." },
        "title": { "type": "string", "description": "The same for every problem of the code." },
        "status": { "type": "integer" },
        "detail": { "type": "string", "description": "For people." },
        "code": { "type": "string", "description": "For programs. Never changes its meaning." },
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["message"],
                "properties": {
                    "name": { "type": "string", "description": "The parameter or header." },
                    "pointer": { "type": "string", "description": "The place in the body (RFC 6901)." },
                    "message": { "type": "string" },
                    "value": { "type": "string", "description": "The refused value, cut to 100 characters." }
                }
            }
        },
        "request_id": { "type": "string" }
    }
}"#;

/// JSON text of the route table. A test builds the whole document, so broken text never ships.
pub(super) fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}
