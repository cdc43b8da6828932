//! Annotations of fields in a schema: defaults, what only the store writes, what is
//! never shown, what is unique, what leads to other documents.

use serde_json::Value;

use crate::{Batch, Operation, RefusalKind, Shared, check::*};

const PEOPLE: &str = r#"{"type":"object","required":["email","joined"],"properties":{
    "email":{"type":"string","x-unique":true},
    "visits":{"type":["integer","null"],"default":0},
    "home":{"type":"object","properties":{"country":{"default":"DE"}}},
    "key":{"x-default":"uuid"},
    "joined":{"type":"string","x-default":"now","readOnly":true},
    "by":{"x-default":"user"},
    "password":{"writeOnly":true},
    "bank":{"properties":{"iban":{"writeOnly":true}}}}}"#;

async fn declare(s: &Shared) {
    s.set_schema("people", Some(PEOPLE)).await.unwrap();
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

async fn shown(s: &Shared, id: &str) -> Value {
    json(&text(s, "people", id).await.unwrap())
}

pub(crate) async fn new_documents_get_defaults(s: Shared) {
    declare(&s).await;
    let done = write(&s, "people", Operation::create(r#"{"email":"a","visits":null,"home":{}}"#));
    let first = json(&done.await.text.unwrap());
    assert_eq!((&first["visits"], &first["home"]["country"]), (&Value::Null, &"DE".into()));
    assert_eq!(first.get("by"), None);
    let second = write(&s, "people", Operation::create_as("k", r#"{"email":"b"}"#)).await;
    let second = json(&second.text.unwrap());
    assert_eq!((&second["visits"], second.get("home")), (&0.into(), None));
    for made in [&first, &second] {
        assert_eq!(made["key"].as_str().unwrap().len(), 36, "{made}");
        assert!(made["joined"].as_str().unwrap().ends_with('Z'), "{made}");
        let id = made["id"].as_str().map_or_else(|| made["id"].to_string(), str::to_owned);
        assert_eq!(shown(&s, &id).await, *made);
    }
    assert_ne!(first["key"], second["key"]);

    let operations =
        ["c", "d"].map(|email| Operation::create(format!("{{\"email\":\"{email}\"}}")));
    let report = batch(&s, "people", Batch::each(operations.to_vec())).await;
    let mut keys = Vec::new();
    for outcome in report.outcomes {
        keys.push(shown(&s, &segment(&outcome.unwrap().id)).await["key"].clone());
    }
    assert_ne!(keys[0], keys[1]);
    // What replaces or changes a document is no new one.
    write(&s, "people", Operation::put("k", r#"{"email":"b"}"#)).await;
    assert_eq!(shown(&s, "k").await.get("visits"), None);
}

pub(crate) async fn only_the_store_writes_read_only_fields(s: Shared) {
    declare(&s).await;
    put_new(&s, "people", "k", r#"{"email":"a","joined":"2001-01-01"}"#).await;
    let joined = shown(&s, "k").await["joined"].clone();
    assert!(joined.as_str().unwrap() > "2020", "{joined}");
    let sent = r#"{"joined":"2001-01-01","email":"a"}"#;
    for operation in [
        Operation::put("k", sent),
        Operation::put("k", r#"{"email":"a"}"#),
        Operation::upsert("k", sent),
        Operation::patch("k", sent),
        Operation::patch("k", r#"{"joined":null}"#),
        Operation::json_patch("k", r#"[{"op":"remove","path":"/joined"}]"#),
        Operation::json_patch("k", r#"[{"op":"replace","path":"","value":{"email":"a"}}]"#),
        Operation::update("k", r#"{"merge":{"joined":"2001-01-01"}}"#),
    ] {
        let answer = write(&s, "people", operation.clone()).await.text.unwrap();
        assert_eq!(json(&answer)["joined"], joined, "{operation:?}");
        assert_eq!(shown(&s, "k").await["joined"], joined, "{operation:?}");
    }
    let many = vec![Operation::put("k", sent), Operation::patch("k", sent)];
    batch(&s, "people", Batch::each(many)).await;
    assert_eq!(shown(&s, "k").await["joined"], joined);
}

pub(crate) async fn write_only_fields_are_never_shown(s: Shared) {
    declare(&s).await;
    let secret = r#"{"email":"a","password":"hush","bank":{"iban":"DE1","name":"n"}}"#;
    let mut answers = vec![write(&s, "people", Operation::create_as("k", secret)).await];
    answers.push(write(&s, "people", Operation::put("k", secret)).await);
    answers.push(write(&s, "people", Operation::patch("k", r#"{"password":"hush2"}"#)).await);
    let with_email = secret.replace("\"a\"", "\"b\"");
    answers.push(write(&s, "people", Operation::create(&with_email)).await);
    let mut texts: Vec<String> = answers.into_iter().map(|done| done.text.unwrap()).collect();
    texts.push(text(&s, "people", "k").await.unwrap());
    texts.extend(list(&s, "people", &[]).await.documents);
    texts.extend(list(&s, "people", &[("fields", "email,bank"), ("limit", "5")]).await.documents);
    for shown in texts {
        assert!(!shown.contains("hush") && !shown.contains("DE1"), "{shown}");
        assert_eq!(json(&shown)["bank"]["name"], "n", "{shown}");
    }
    for parameter in [
        ("password", "hush"),
        ("bank.iban[like]", "D%"),
        ("or", "(email.eq.a,password.gt.a)"),
        ("sort", "password"),
        ("sort", "bank"),
        ("fields", "email,password"),
    ] {
        let kind = list_refused(&s, "people", &[parameter]).await;
        assert_eq!(kind, RefusalKind::WriteOnlyField, "{parameter:?}");
    }
    for patch in [
        r#"[{"op":"test","path":"/password","value":"hush2"}]"#,
        r#"[{"op":"copy","from":"/password","path":"/x"}]"#,
        r#"[{"op":"move","from":"/bank","path":"/x"}]"#,
    ] {
        let kind = refused(&s, "people", Operation::json_patch("k", patch)).await;
        assert_eq!(kind, RefusalKind::WriteOnlyField, "{patch}");
    }
}

pub(crate) async fn what_was_never_shown_survives_its_document(s: Shared) {
    declare(&s).await;
    put_new(&s, "people", "k", r#"{"email":"a","password":"hush"}"#).await;
    // A caller sends back what it was shown; the field is still there, as its end shows.
    let sent = text(&s, "people", "k").await.unwrap();
    write(&s, "people", Operation::put("k", &sent)).await;
    s.set_schema("people", Some("{}")).await.unwrap();
    assert_eq!(shown(&s, "k").await["password"], "hush");
    s.set_schema("people", Some(PEOPLE)).await.unwrap();
    write(&s, "people", Operation::put("k", r#"{"email":"a","password":null}"#)).await;
    s.set_schema("people", Some("{}")).await.unwrap();
    assert_eq!(shown(&s, "k").await["password"], Value::Null);
}

pub(crate) async fn unique_fields_have_their_index(s: Shared) {
    declare(&s).await;
    create(&s, "people", r#"{"email":"a"}"#).await;
    let again = Operation::create(r#"{"email":"a"}"#);
    assert_eq!(refused(&s, "people", again).await, RefusalKind::NotUnique);
    assert_eq!(s.indexes("people").await.unwrap(), ["unique(email)"]);
    for _ in 0..2 {
        create(&s, "pets", r#"{"email":"a"}"#).await;
    }
    let late = s.set_schema("pets", Some(r#"{"properties":{"email":{"x-unique":true}}}"#)).await;
    assert_eq!(late.unwrap_err().kind, RefusalKind::NotUnique);
    assert_eq!(s.schema("pets").await.unwrap(), None);
}

/// Posts have authors, who have teams, which have homes.
async fn declare_chain(s: &Shared) {
    for (collection, schema) in [
        (
            "posts",
            r#"{"properties":{"author":{"x-reference":"people"},"meta":{"properties":{"editor":{"x-reference":"people"}}}}}"#,
        ),
        (
            "people",
            r#"{"properties":{"team":{"x-reference":"teams","x-on-delete":"set_null"},"password":{"writeOnly":true}}}"#,
        ),
        ("teams", r#"{"properties":{"home":{"x-reference":"homes"}}}"#),
        ("homes", r#"{"properties":{"owner":{"x-reference":"people"}}}"#),
    ] {
        s.set_schema(collection, Some(schema)).await.unwrap();
    }
    put_new(s, "homes", "h", r#"{"city":"x"}"#).await;
    put_new(s, "teams", "t", r#"{"home":"h","n":1.0}"#).await;
    put_new(s, "people", "ann", r#"{"name":"Ann","team":"t","password":"hush"}"#).await;
    put_new(s, "people", "bob", r#"{"name":"Bob"}"#).await;
}

pub(crate) async fn references_are_expanded(s: Shared) {
    declare_chain(&s).await;
    put_new(&s, "posts", "1a", r#"{"author":"ann","meta":{"editor":"bob"},"n":1}"#).await;
    put_new(&s, "posts", "2b", r#"{"author":"bob","n":2}"#).await;
    put_new(&s, "posts", "3c", r#"{"author":null,"n":3}"#).await;
    put_new(&s, "posts", "4d", r#"{"author":"ann","n":4}"#).await;
    let expand = ("expand", "author.team.home,meta.editor");
    let home = r#"{"city":"x","id":"h"}"#;
    let ann = format!(r#"{{"name":"Ann","team":{{"home":{home},"n":1.0,"id":"t"}},"id":"ann"}}"#);
    let bob = r#"{"name":"Bob","id":"bob"}"#;
    let expected = [
        format!(r#"{{"author":{ann},"meta":{{"editor":{bob}}},"n":1,"id":"1a"}}"#),
        format!(r#"{{"author":{bob},"n":2,"id":"2b"}}"#),
        r#"{"author":null,"n":3,"id":"3c"}"#.to_owned(),
        format!(r#"{{"author":{ann},"n":4,"id":"4d"}}"#),
    ];
    assert_eq!(list(&s, "posts", &[expand]).await.documents, expected);
    assert_eq!(walk(&s, "posts", &[expand], 2).await, expected);
    let fields = ("fields", "author.name,author.password");
    assert_eq!(
        list(&s, "posts", &[("n", "1"), expand, fields]).await.documents,
        [r#"{"author":{"name":"Ann"},"id":"1a"}"#]
    );
    let one = list(&s, "posts", &[("n", "1"), ("expand", "author")]).await.documents;
    let ann = r#"{"name":"Ann","team":"t","id":"ann"}"#;
    assert_eq!(one, [format!(r#"{{"author":{ann},"meta":{{"editor":"bob"}},"n":1,"id":"1a"}}"#)]);
}

pub(crate) async fn only_references_are_expanded(s: Shared) {
    declare_chain(&s).await;
    for expand in ["name", "author.name", "author.team.home.owner", "team", "meta", "id", "a..b"] {
        let kind = list_refused(&s, "posts", &[("expand", expand)]).await;
        assert_eq!(kind, RefusalKind::InvalidParameter, "{expand}");
    }
    let kind = list_refused(&s, "elsewhere", &[("expand", "author")]).await;
    assert_eq!(kind, RefusalKind::InvalidParameter);
}

pub(crate) async fn deletions_take_read_only_references_away(s: Shared) {
    let schema = r#"{"properties":{"by":{"x-reference":"people","x-on-delete":"set_null","readOnly":true,"default":"ann"}}}"#;
    put_new(&s, "people", "ann", "{}").await;
    s.set_schema("posts", Some(schema)).await.unwrap();
    put_new(&s, "posts", "k", "{}").await;
    assert_eq!(text(&s, "posts", "k").await.unwrap(), r#"{"by":"ann","id":"k"}"#);
    write(&s, "people", Operation::delete("ann")).await;
    assert_eq!(text(&s, "posts", "k").await.unwrap(), r#"{"id":"k"}"#);
}

pub(crate) async fn patches_beside_a_deletion_leave_read_only_fields(s: Shared) {
    let schema = r#"{"properties":{"up":{"x-reference":"nodes","x-on-delete":"set_null"},
        "by":{"readOnly":true,"default":"us"}}}"#;
    s.set_schema("nodes", Some(schema)).await.unwrap();
    put_new(&s, "nodes", "a", "{}").await;
    put_new(&s, "nodes", "b", r#"{"up":"a"}"#).await;
    let operations = vec![Operation::delete("a"), Operation::patch("b", r#"{"by":"me","n":1}"#)];
    assert_eq!(kinds(&batch(&s, "nodes", Batch::atomic(operations)).await), [None, None]);
    assert_eq!(text(&s, "nodes", "b").await.unwrap(), r#"{"by":"us","n":1,"id":"b"}"#);
}
