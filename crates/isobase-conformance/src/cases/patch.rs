//! Merge patches.

use crate::{Operation, RefusalKind, Shared, check::*};

/// Document, patch and result: the examples of RFC 7396 that are objects, and ours.
const MERGES: &[(&str, &str, &str)] = &[
    (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
    (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
    (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
    (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
    (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
    (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
    (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
    (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
    (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
    ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
    (r#"{"a":1.50,"b":-0.0}"#, r#"{"c":1e2}"#, r#"{"a":1.50,"b":-0.0,"c":1e2}"#),
    (r#"{"a":5}"#, r#"{"a":{"b":1,"c":null}}"#, r#"{"a":{"b":1}}"#),
    (r#"{"a":{"x":1},"b":2}"#, r#"{"a":{}}"#, r#"{"a":{"x":1},"b":2}"#),
    (r#"{"\u0061b":1}"#, r#"{"ab":2}"#, r#"{"ab":2}"#),
    (r#"{"a":[null,{"b":null}]}"#, r#"{"c":[null]}"#, r#"{"a":[null,{"b":null}],"c":[null]}"#),
];

pub(crate) async fn merges_as_the_standard_says(s: Shared) {
    for (body, patch, result) in MERGES {
        let id = create(&s, "a", body).await;
        let done = write(&s, "a", Operation::patch(&id, patch)).await;
        let comma = if *result == "{}" { "" } else { "," };
        let expected = format!("{}{comma}\"id\":{id}}}", &result[..result.len() - 1]);
        assert_eq!(done.text.as_deref(), Some(expected.as_str()), "{body} + {patch}");
        assert_eq!(text(&s, "a", &id).await.unwrap(), expected, "{body} + {patch}");
    }
}

pub(crate) async fn merges_into_string_ids(s: Shared) {
    put_new(&s, "a", "k", r#"{"n":1}"#).await;
    let done = write(&s, "a", Operation::patch("k", r#"{"m":2}"#)).await;
    assert_eq!(done.kind, "updated");
    assert_eq!(done.text.as_deref(), Some(r#"{"n":1,"m":2,"id":"k"}"#));
}

pub(crate) async fn only_objects_are_patches(s: Shared) {
    let id = create(&s, "a", r#"{"n":1}"#).await;
    for patch in ["[]", "null", "1", "\"x\"", "", "{", r#"{"a":1,"a":2}"#] {
        let kind = refused(&s, "a", Operation::patch(&id, patch)).await;
        assert_eq!(kind, RefusalKind::InvalidDocument, "{patch}");
    }
    assert_eq!(text(&s, "a", &id).await.unwrap(), r#"{"n":1,"id":1}"#);
}

pub(crate) async fn patched_document_is_found_by_its_new_values(s: Shared) {
    if s.abilities().indexes {
        s.create_index("a", "n").await.unwrap();
    }
    let id = create(&s, "a", r#"{"n":1}"#).await;
    create(&s, "a", r#"{"n":1}"#).await;
    write(&s, "a", Operation::patch(&id, r#"{"n":2}"#)).await;
    assert_eq!(ids(&s, "a", &[("n", "2")]).await, ["1"]);
    assert_eq!(ids(&s, "a", &[("n", "1")]).await, ["2"]);
    write(&s, "a", Operation::patch(&id, r#"{"n":null}"#)).await;
    assert_eq!(ids(&s, "a", &[("n[null]", "true")]).await, ["1"]);
}
