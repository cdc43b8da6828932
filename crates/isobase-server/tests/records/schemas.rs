//! Schemas of collections.

use std::collections::HashMap;

use http::Method;
use isobase_store::{Schema, Store};
use isobase_types::CollectionName;

use super::support::{Ask, Service};

const PERSON: &str = r#"{"type":"object","required":["name"],"properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0}}}"#;

async fn with_schema() -> Service {
    let service = Service::new();
    service.put("/collections/people/schema", PERSON).await.is(200, PERSON);
    service
}

#[tokio::test]
async fn a_schema_is_set_shown_and_taken_away() {
    let service = with_schema().await;
    let shown = service.get("/collections/people/schema").await;
    shown.is(200, PERSON);
    assert_eq!(shown.header("x-schema-origin"), Some("database"));
    service.post("/records/people", r#"{"name":1}"#).await.is_problem(422, "schema_violation");
    let gone = r#"{"message":"Schema deleted"}"#;
    service.delete("/collections/people/schema").await.is(200, gone);
    service.delete("/collections/people/schema").await.is_problem(404, "schema_not_found");
    service.get("/collections/people/schema").await.is_problem(404, "schema_not_found");
    service.post("/records/people", r#"{"name":1}"#).await.has_status(201);
}

#[tokio::test]
async fn every_write_is_checked_and_names_the_places() {
    let service = with_schema().await;
    let refused = service.post("/records/people", r#"{"age":-1}"#).await;
    refused.is_problem(422, "schema_violation").contains("\\\"name\\\" is a required property");
    assert_eq!(refused.blamed(), ["", "/age"]);
    let put = "/records/people/ann?upsert=true";
    service.put(put, r#"{"name":1}"#).await.is_problem(422, "schema_violation");
    service.put(put, r#"{"name":"Ann"}"#).await.has_status(201);
    let patched = service.patch("/records/people/ann", r#"{"name":null}"#).await;
    patched.is_problem(422, "schema_violation");
    service.patch("/records/people/ann", r#"{"age":1}"#).await.has_status(200);
    service.get("/records/people/ann").await.is(200, r#"{"name":"Ann","age":1,"id":"ann"}"#);
    let lines = Ask::new(Method::POST, "/records/people").lines("{\"name\":\"B\"}\n{\"name\":2}\n");
    let loaded = service.send(lines).await;
    loaded.has_status(200).contains(r#""created":1,"failed":1"#).contains("schema_violation");
    loaded.contains("/name");
    let batch = r#"{"operations":[{"method":"create","body":{"name":"C"}},{"method":"patch","id":"ann","patch":{"age":"x"}},{"method":"delete","id":"ann"}]}"#;
    let written = service.post("/records/people/batch", batch).await;
    written.has_status(200).contains(r#""status":422,"error":{"code":"schema_violation""#);
    assert_eq!(written.json()["results"][1]["error"]["errors"][0]["pointer"], "/age");
    let atomic = service.post("/records/people/batch?atomic=true", batch).await;
    atomic.is_problem(409, "batch_rejected").contains("operation 1");
    service.post("/records/others", r#"{"age":-1}"#).await.has_status(201);
}

#[tokio::test]
async fn a_default_that_the_schema_refuses_is_refused_with_it() {
    let service = Service::new();
    let put = async |schema: &str| service.put("/collections/c/schema", schema).await;
    for (schema, pointer, parts) in [
        (
            r#"{"properties":{"n":{"type":"integer","default":"many"}}}"#,
            "/properties/n/default",
            ["field n", "\\\"many\\\""],
        ),
        (
            r#"{"properties":{"o":{"properties":{"a/b":{"maximum":1,"default":2}}}}}"#,
            "/properties/o/properties/a~1b/default",
            ["field o.a/b", "default 2"],
        ),
        (
            r#"{"properties":{"o":{"required":["x"],"default":{},"properties":{"x":{}}}}}"#,
            "/properties/o/default",
            ["field o", "default {}"],
        ),
        (
            r##"{"$defs":{"p":{"minimum":0}},"properties":{"n":{"allOf":[{"$ref":"#/$defs/p"}],"default":-1}}}"##,
            "/properties/n/default",
            ["field n", "default -1"],
        ),
        (
            r#"{"properties":{"at":{"type":"integer","x-default":"now"}}}"#,
            "/properties/at/x-default",
            ["field at", "no document could be created"],
        ),
    ] {
        let refused = put(schema).await;
        refused.is_problem(422, "invalid_schema");
        assert_eq!(refused.blamed(), [pointer], "{schema}");
        for part in parts {
            refused.contains(part);
        }
    }
    service.get("/collections/c/schema").await.is_problem(404, "schema_not_found");
    // What depends on other fields is not known, and what is filled in counts.
    for schema in [
        r#"{"required":["a","b"],"minProperties":2,"properties":{"a":{"default":1},"b":{}}}"#,
        r#"{"if":{"properties":{"a":{"const":1}}},"then":{"properties":{"n":{"minimum":5}}},"properties":{"a":{},"n":{"default":0}}}"#,
        r#"{"properties":{"o":{"required":["x"],"default":{},"properties":{"x":{"default":1}}}}}"#,
        r##"{"properties":{"by":{"type":"integer","x-default":"user"},"n":{"$ref":"#/if","default":"x"}},"if":{}}"##,
    ] {
        put(schema).await.has_status(200);
    }
}

#[tokio::test]
async fn documents_from_before_stay() {
    let service = Service::new();
    service.post("/records/people", r#"{"age":"old"}"#).await.has_status(201);
    service.put("/collections/people/schema", PERSON).await.has_status(200);
    service.get("/records/people/1").await.has_status(200);
    service.patch("/records/people/1", r#"{"x":1}"#).await.is_problem(422, "schema_violation");
    service.patch("/records/people/1", r#"{"age":1,"name":"A"}"#).await.has_status(200);
    service.delete("/records/people?confirm=people").await.has_status(200);
    service.get("/collections/people/schema").await.is(200, PERSON);
}

#[tokio::test]
async fn conditions_come_before_the_schema() {
    let service = with_schema().await;
    service.put("/records/people/9", "{}").await.is_problem(404, "record_not_found");
    let stale = Ask::new(Method::PUT, "/records/people/x").header("if-match", "\"1\"").json("{}");
    service.send(stale).await.is_problem(412, "revision_conflict");
}

#[tokio::test]
async fn a_refusal_is_replayed_with_its_places() {
    let service = with_schema().await;
    let ask = || {
        Ask::new(Method::POST, "/records/people")
            .header("idempotency-key", "k")
            .json("{\"age\":-1}")
    };
    let first = service.send(ask()).await;
    let again = service.send(ask()).await;
    again.is_problem(422, "schema_violation");
    assert_eq!(again.blamed(), first.blamed());
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
}

#[tokio::test]
async fn schemas_are_no_collection() {
    let service = with_schema().await;
    service.get("/collections").await.is(200, r#"{"collections":[]}"#);
    service.assert_empty("a schema is no document").await;
    let changes = service.get("/changes?since=0").await;
    changes.has_status(200).lacks("isobase_schemas").contains(r#""changes":[]"#);
    for target in ["/records/isobase_schemas", "/records/isobase_schemas/collection:people"] {
        service.get(target).await.is_problem(422, "invalid_collection_name");
    }
    let batch = r#"{"operations":[]}"#;
    let refused = service.post("/records/isobase_schemas/batch", batch).await;
    refused.is_problem(422, "invalid_collection_name");
    let delete = "/records/isobase_schemas?confirm=isobase_schemas";
    service.delete(delete).await.is_problem(422, "invalid_collection_name");
    let own = service.put("/collections/isobase_schemas/schema", "{}").await;
    own.is_problem(422, "invalid_collection_name");
}

#[tokio::test]
async fn a_schema_that_cannot_be_used_is_refused() {
    let service = Service::new();
    let cases = [
        (r#"{"properties":{"a":{"type":"strng"}}}"#, "/properties/a/type"),
        (r#"{"$ref":"https://example.com/other.json"}"#, ""),
        (r##"{"allOf":[{"$ref":"#"}]}"##, ""),
        (r#"{"properties":{"a":{"x-unique":"yes"}}}"#, "/properties/a/x-unique"),
        (r#"{"properties":{"a":{"type":"string","x-private":1}}}"#, "/properties/a/x-private"),
        (
            r#"{"$schema":"http://json-schema.org/draft-04/schema#","properties":{"a":{"writeOnly":"yes"}}}"#,
            "/properties/a/writeOnly",
        ),
        (r#"{"x-assert-format":"yes"}"#, "/x-assert-format"),
        ("[]", ""),
        ("{", ""),
    ];
    for (schema, place) in cases {
        let refused = service.put("/collections/people/schema", schema).await;
        refused.is_problem(422, "invalid_schema");
        assert_eq!(refused.blamed(), [place], "{schema}");
    }
    service.get("/collections/people/schema").await.is_problem(404, "schema_not_found");
}

#[tokio::test]
async fn a_declared_schema_cannot_be_changed_here() {
    let schema = Schema::parse(PERSON.as_bytes()).unwrap();
    let declared = HashMap::from([(CollectionName::new("people").unwrap(), schema)]);
    let service = Service::over(|store: Store| store.with_schemas(declared));
    let shown = service.get("/collections/people/schema").await;
    shown.is(200, PERSON);
    assert_eq!(shown.header("x-schema-origin"), Some("configuration"));
    service.put("/collections/people/schema", "{}").await.is_problem(409, "schema_declared");
    service.delete("/collections/people/schema").await.is_problem(409, "schema_declared");
    service.post("/records/people", "{}").await.is_problem(422, "schema_violation");
}

/// JSON Schema 2020-12, validation, 6.2.1. ajv 8.20.0 and jsonschema 4.26.0 of Python divide binary
/// fractions and refuse most of these.
#[tokio::test]
async fn multiples_of_decimals_are_exact() {
    let service = Service::new();
    let schema = r#"{"properties":{"price":{"type":"number","multipleOf":0.01}}}"#;
    service.put("/collections/prices/schema", schema).await.has_status(200);
    for price in ["0.07", "0.29", "1.1", "2.55", "19.99", "19.990", "1e2", "12345678901234567.89"] {
        let body = format!(r#"{{"price":{price}}}"#);
        service.post("/records/prices", body).await.has_status(201);
    }
    for price in ["0.295", "19.999", "0.001"] {
        let body = format!(r#"{{"price":{price}}}"#);
        service.post("/records/prices", body).await.is_problem(422, "schema_violation");
    }
}
