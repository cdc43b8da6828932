//! Merge patches.

use crate::{Batch, Operation, RefusalKind, Shared, check::*};

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
    s.create_index("a", "n").await.unwrap();
    let id = create(&s, "a", r#"{"n":1}"#).await;
    create(&s, "a", r#"{"n":1}"#).await;
    write(&s, "a", Operation::patch(&id, r#"{"n":2}"#)).await;
    assert_eq!(ids(&s, "a", &[("n", "2")]).await, ["1"]);
    assert_eq!(ids(&s, "a", &[("n", "1")]).await, ["2"]);
    write(&s, "a", Operation::patch(&id, r#"{"n":null}"#)).await;
    assert_eq!(ids(&s, "a", &[("n[null]", "true")]).await, ["1"]);
}

pub(crate) async fn json_patch_is_carried_out_whole_or_not(s: Shared) {
    let body = r#"{"z":1.0,"a":[1,2],"big":123456789012345678901234567890,"o":{"k":"v"}}"#;
    let id = create(&s, "a", body).await;
    let patch = r#"[{"op":"test","path":"/big","value":123456789012345678901234567891},{"op":"add","path":"/a/-","value":3.50},{"op":"move","from":"/o/k","path":"/n"},{"op":"remove","path":"/z"}]"#;
    let kind = refused(&s, "a", Operation::json_patch(&id, patch)).await;
    assert_eq!(kind, RefusalKind::PatchConflict);
    let unchanged = format!("{},\"id\":{id}}}", &body[..body.len() - 1]);
    assert_eq!(text(&s, "a", &id).await.unwrap(), unchanged);
    let patch = patch.replace("567891}", "567890.0}");
    let expected = format!(
        r#"{{"a":[1,2,3.50],"big":123456789012345678901234567890,"o":{{}},"n":"v","id":{id}}}"#
    );
    let done = write(&s, "a", Operation::json_patch(&id, patch)).await;
    assert_eq!(done.text.as_deref(), Some(expected.as_str()));
    assert_eq!(text(&s, "a", &id).await.unwrap(), expected);
    for wrong in [
        "{}",
        "[1]",
        r#"[{"op":"spam","path":""}]"#,
        r#"[{"op":"add","path":"/a"}]"#,
        r#"[{"op":"replace","path":"","value":[]}]"#,
        r#"[{"op":"test","path":"/id","value":1}]"#,
        "[",
    ] {
        let kind = refused(&s, "a", Operation::json_patch(&id, wrong)).await;
        assert_eq!(kind, RefusalKind::InvalidDocument, "{wrong}");
    }
    let missing = refused(&s, "a", Operation::json_patch("none", "[]")).await;
    assert_eq!(missing, RefusalKind::NotFound);
    assert_eq!(text(&s, "a", &id).await.unwrap(), expected);
}

pub(crate) async fn updates_change_what_is_there(s: Shared) {
    let id =
        create(&s, "a", r#"{"n":1.0,"big":999999999999999999999999999999,"t":["a","b"]}"#).await;
    let update = r#"{"increment":{"n":0.25,"big":1,"new.deep":-2},"remove":{"t":["a"]},"append":{"t":["c",{"id":1}],"u":[1]},"merge":{"m":true}}"#;
    let done = write(&s, "a", Operation::update(&id, update)).await;
    let expected = format!(
        r#"{{"n":1.25,"big":1000000000000000000000000000000,"t":["b","c",{{"id":1}}],"m":true,"new":{{"deep":-2}},"u":[1],"id":{id}}}"#
    );
    assert_eq!(done.text.as_deref(), Some(expected.as_str()));
    assert_eq!(text(&s, "a", &id).await.unwrap(), expected);
    assert_eq!(ids(&s, "a", &[("n", "1.25")]).await, [id.as_str()]);
    let large = "1".repeat(2_300);
    for wrong in [
        "[]",
        r#"{"set":{}}"#,
        r#"{"increment":{"n":"1"}}"#,
        r#"{"append":{"t":"x"}}"#,
        r#"{"increment":{"id":1}}"#,
        &format!(r#"{{"increment":{{"n":{large}}}}}"#),
    ] {
        let kind = refused(&s, "a", Operation::update(&id, wrong)).await;
        assert_eq!(kind, RefusalKind::InvalidDocument, "{wrong}");
    }
    assert_eq!(text(&s, "a", &id).await.unwrap(), expected);
}

pub(crate) async fn patches_that_do_not_fit_store_nothing(s: Shared) {
    let body = r#"{"t":"x","n":1.7e308,"a":[1]}"#;
    put_new(&s, "a", "k", body).await;
    let before = latest(&s).await;
    for operation in [
        Operation::json_patch("k", r#"[{"op":"test","path":"/t","value":"y"}]"#),
        Operation::json_patch("k", r#"[{"op":"remove","path":"/none"}]"#),
        Operation::json_patch("k", r#"[{"op":"add","path":"/a/9","value":1}]"#),
        Operation::update("k", r#"{"increment":{"t":1}}"#),
        Operation::update("k", r#"{"increment":{"n":1.7e308}}"#),
        Operation::update("k", r#"{"append":{"t":[1]}}"#),
        Operation::update("k", r#"{"increment":{"a.x":1}}"#),
    ] {
        assert_eq!(
            refused(&s, "a", operation.clone()).await,
            RefusalKind::PatchConflict,
            "{operation:?}"
        );
    }
    let open = &body[..body.len() - 1];
    assert_eq!(text(&s, "a", "k").await.unwrap(), format!("{open},\"id\":\"k\"}}"));
    assert_eq!(latest(&s).await, before);
}

pub(crate) async fn patches_in_a_batch_follow_each_other(s: Shared) {
    put_new(&s, "a", "k", r#"{"n":0}"#).await;
    let operations = vec![
        Operation::update("k", r#"{"increment":{"n":1}}"#),
        Operation::json_patch(
            "k",
            r#"[{"op":"test","path":"/n","value":1},{"op":"add","path":"/m","value":2}]"#,
        ),
        Operation::json_patch("k", r#"[{"op":"test","path":"/n","value":7}]"#),
        Operation::update("k", r#"{"increment":{"n":1,"m":1}}"#),
    ];
    let report = batch(&s, "a", Batch::each(operations)).await;
    let kinds = report.outcomes.iter().map(|outcome| outcome.as_ref().map_err(|r| r.kind).err());
    assert_eq!(kinds.collect::<Vec<_>>(), [None, None, Some(RefusalKind::PatchConflict), None]);
    assert_eq!(text(&s, "a", "k").await.unwrap(), r#"{"n":2,"m":3,"id":"k"}"#);
}

pub(crate) async fn racing_increments_all_count(s: Shared) {
    const WRITERS: usize = 20;
    put_new(&s, "a", "k", r#"{"n":0.5,"by":[]}"#).await;
    let writers = (0..WRITERS).map(|writer| {
        let s = s.clone();
        tokio::spawn(async move {
            let update = format!(r#"{{"increment":{{"n":1}},"append":{{"by":[{writer}]}}}}"#);
            write(&s, "a", Operation::update("k", update)).await
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let text = text(&s, "a", "k").await.unwrap();
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found["n"].to_string(), format!("{WRITERS}.5"));
    let mut by: Vec<u64> =
        found["by"].as_array().unwrap().iter().map(|writer| writer.as_u64().unwrap()).collect();
    by.sort_unstable();
    assert_eq!(by, (0..WRITERS as u64).collect::<Vec<_>>());
}
