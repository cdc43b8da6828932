//! What emulators do not produce: recorded and scripted answers.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use isobase_engine::ErrorKind;
use isobase_journal::{Before, CommitError, DocumentDatabase, Head, KeyFetch, Tag};
use isobase_types::{Sequence, Timestamp};

use crate::{
    fixture::{collection, commit, creation, document_key, everything, id_key},
    script::{Answer, Script, canceled, error, native, ok},
};

const HEAD: &str = r#"{"Item":{"pk":{"S":"head"},"sk":{"B":"LQ=="},"commit":{"N":"3"},"sequence":{"N":"9"},"last_id":{"N":"4"},"floor":{"N":"0"},"catalogue":{"N":"1"},"format":{"N":"1"}}}"#;

fn throttled(code: &str) -> Answer {
    error(400, code, "Throughput exceeds the current capacity")
}

#[tokio::test]
async fn throttling_is_waited_out_and_then_named() {
    for code in
        ["ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"]
    {
        let script = Script::start(&[throttled(code), throttled(code), ok(HEAD)]).await;
        assert_eq!(script.native().await.head().await.unwrap().commit, 3, "{code}");
        assert_eq!(script.operations(), ["GetItem"; 3]);

        let script = Script::start(&[throttled(code)]).await;
        let error = script.native().await.head().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
        for part in [code, "p_isobase_journal", "dynamodb:GetItem"] {
            assert!(error.message.contains(part), "{error}");
        }
        assert!((2..40).contains(&script.requests().len()));
    }
}

#[tokio::test]
async fn failures_of_the_service_are_tried_again() {
    let internal = || error(500, "InternalServerError", "internal");
    let unavailable = || Answer::Json(503, "<html>busy</html>".to_owned());
    let answers = [internal(), unavailable(), Answer::Cut, Answer::Gone, ok(HEAD)];
    let script = Script::start(&answers).await;
    assert_eq!(script.native().await.head().await.unwrap().commit, 3);
    assert_eq!(script.requests().len(), 5);
}

#[tokio::test]
async fn a_commit_whose_answer_never_comes_is_sent_again_under_its_token() {
    let script = Script::start(&[Answer::Gone, ok("{}")]).await;
    let commit = commit(Head::default(), vec![creation("c", "a", 1, "{}")]);
    script.native().await.commit(&commit).await.unwrap().unwrap();
    let tokens = script.requests().into_iter().map(|(_, body)| {
        let (_, rest) = body.split_once(r#""ClientRequestToken":"#).unwrap();
        rest.split(',').next().unwrap().trim_end_matches('}').to_owned()
    });
    let tokens: Vec<String> = tokens.collect();
    assert_eq!(tokens.len(), 2);
    assert_eq!(tokens[0], tokens[1]);

    let script = Script::start(&[Answer::Gone]).await;
    let error = script.native().await.commit(&commit).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::OutcomeUnknown, "{error}");
    assert!(!error.message.contains("credentials"), "{error}");
}

#[tokio::test]
async fn a_table_with_another_key_is_refused_by_name() {
    let message = "The provided key element does not match the schema";
    let script = Script::start(&[error(400, "ValidationException", message)]).await;
    let error = script.native().await.read(&[document_key("c", "a")]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported, "{error}");
    assert!(error.message.contains("p_c") && error.message.contains("`_id` (S)"), "{error}");
}

#[tokio::test]
async fn unprocessed_keys_are_asked_again() {
    let item = |id: &str| format!(r#"{{"_id":{{"S":"{id}"}},"v":{{"N":"1"}}}}"#);
    let first = format!(
        r#"{{"Responses":{{"p_c":[{}]}},"UnprocessedKeys":{{"p_c":{{"Keys":[{{"_id":{{"S":"a"}}}}],"ConsistentRead":true}}}}}}"#,
        item("b")
    );
    let second = format!(r#"{{"Responses":{{"p_c":[{}]}},"UnprocessedKeys":{{}}}}"#, item("a"));
    let script = Script::start(&[ok(&first), ok(&second)]).await;
    let keys = ["a", "b", "none"].map(|id| document_key("c", id));
    let read = script.native().await.read(&keys).await.unwrap();
    let ids: Vec<_> = read.iter().map(|it| it.as_ref().map(|it| it.id.to_string())).collect();
    assert_eq!(ids, [Some("a".to_owned()), Some("b".to_owned()), None]);
    let (_, again) = &script.requests()[1];
    assert!(again.contains(r#""a""#) && !again.contains("none"), "{again}");
    assert!(again.contains(r#""ConsistentRead":true"#), "{again}");

    let never = r#"{"UnprocessedKeys":{"p_c":{"Keys":[{"_id":{"S":"a"}}]}}}"#;
    let script = Script::start(&[ok(never)]).await;
    let error = script.native().await.read(&keys).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("p_c") && error.message.contains("unprocessed"), "{error}");
}

#[tokio::test]
async fn unprocessed_items_are_written_again_and_never_dropped() {
    let left = r#"{"UnprocessedItems":{"p_c":[{"PutRequest":{"Item":{"_id":{"S":"b"},"left":{"BOOL":true}}}}]}}"#;
    let script = Script::start(&[ok(left), ok(left), ok("{}")]).await;
    let writes = ["a", "b"].map(|id| creation("c", id, 1, "{}")).to_vec();
    script.native().await.load(writes.clone()).await.unwrap();
    let requests = script.requests();
    assert_eq!(script.operations(), ["BatchWriteItem"; 3]);
    for (_, again) in &requests[1..] {
        assert!(again.contains(r#""left""#) && !again.contains(r#""a""#), "{again}");
    }

    let script = Script::start(&[ok(left)]).await;
    let error = script.native().await.load(writes).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("1 items stayed unprocessed"), "{error}");
}

fn some_commit() -> isobase_journal::Commit {
    commit(Head::default(), vec![creation("c", "a", 1, "{}")])
}

/// The token of each attempt.
fn tokens(script: &Script) -> Vec<String> {
    let token = |(_, body): &(String, String)| {
        let at = body.find("\"ClientRequestToken\":\"").unwrap() + 22;
        body[at..at + 32].to_owned()
    };
    script.requests().iter().map(token).collect()
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_sent_again_under_its_token() {
    let script =
        Script::start(&[Answer::Cut, error(500, "InternalServerError", "x"), ok("{}")]).await;
    script.native().await.commit(&some_commit()).await.unwrap().unwrap();
    let tokens = tokens(&script);
    assert_eq!(tokens.len(), 3);
    assert!(tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
}

#[tokio::test]
async fn a_commit_that_nobody_answers_has_an_unknown_outcome() {
    for last in [Answer::Cut, error(500, "InternalServerError", "x")] {
        let script = Script::start(&[last]).await;
        let error = script.native().await.commit(&some_commit()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::OutcomeUnknown, "{error}");
        assert!(error.message.contains("dynamodb:TransactWriteItems"), "{error}");
    }
    // A refusal after a lost answer says nothing about the lost one.
    let script = Script::start(&[Answer::Cut, throttled("ThrottlingException")]).await;
    let error = script.native().await.commit(&some_commit()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::OutcomeUnknown, "{error}");
}

#[tokio::test]
async fn a_conflict_after_a_lost_answer_does_not_make_the_outcome_known() {
    let conflict = canceled(&["TransactionConflict", "None", "None", "None", "None"]);
    let moved = canceled(&["ConditionalCheckFailed", "None", "None", "None", "None"]);
    let script = Script::start(&[Answer::Cut, conflict, moved]).await;
    let error = script.native().await.commit(&some_commit()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::OutcomeUnknown, "{error}");
    let mut tokens = tokens(&script);
    assert_eq!(tokens.len(), 3);
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
}

#[tokio::test]
async fn a_commit_that_reached_nobody_is_unavailable() {
    let port = isobase_testkit::ReservedPort::new().unwrap();
    let url = format!("http://127.0.0.1:{}", port.port());
    let error = native(&url).await.commit(&some_commit()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    assert!(error.message.contains("check the endpoint"), "{error}");
}

#[tokio::test]
async fn conflicting_transactions_are_tried_again_as_new_ones() {
    let conflict = canceled(&["TransactionConflict", "None", "None", "None", "None"]);
    let throttled = canceled(&["None", "ThrottlingError", "None", "None", "None"]);
    let script = Script::start(&[conflict.clone(), throttled, ok("{}")]).await;
    let native = script.native().await;
    native.commit(&some_commit()).await.unwrap().unwrap();
    let mut tokens = tokens(&script);
    tokens.dedup();
    assert_eq!(tokens.len(), 3);
    let gauges = native.gauges();
    assert!(gauges.contains(&("dynamodb_conflicts_total", 2.0)), "{gauges:?}");

    let script = Script::start(&[conflict]).await;
    let error = script.native().await.commit(&some_commit()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    let named = error.message.contains("p_isobase_journal: TransactionConflict");
    assert!(named, "{error}");
}

#[tokio::test]
async fn reasons_of_a_canceled_transaction_have_their_meaning() {
    let none = "None";
    let failed = "ConditionalCheckFailed";
    for (codes, expected) in [
        ([failed, none, none, none, none], CommitError::HeadMoved),
        ([failed, failed, none, none, none], CommitError::HeadMoved),
        ([none, failed, none, none, none], CommitError::DocumentChanged),
        (["TransactionConflict", failed, none, none, none], CommitError::DocumentChanged),
    ] {
        let script = Script::start(&[canceled(&codes)]).await;
        let done = script.native().await.commit(&some_commit()).await.unwrap();
        assert_eq!(done, Err(expected), "{codes:?}");
        assert_eq!(script.requests().len(), 1);
    }
    for code in ["ValidationError", "ItemCollectionSizeLimitExceeded", "SomethingNew"] {
        let script = Script::start(&[canceled(&[none, code, none, none, none])]).await;
        let error = script.native().await.commit(&some_commit()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unexpected);
        assert!(error.message.contains(&format!("p_c: {code}: because of")), "{error}");
        assert_eq!(script.requests().len(), 1);
    }
    let too_large = "Item size has exceeded the maximum allowed size";
    let script = Script::start(&[error(400, "ValidationException", too_large)]).await;
    let error = script.native().await.commit(&some_commit()).await.unwrap_err();
    assert!(error.message.contains("400 KB"), "{error}");
}

#[tokio::test]
async fn bad_credentials_are_named_and_not_tried_again() {
    for code in
        ["ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"]
    {
        let script = Script::start(&[error(400, code, "The security token is not valid")]).await;
        let native = script.native().await;
        for error in
            [native.head().await.unwrap_err(), native.commit(&some_commit()).await.unwrap_err()]
        {
            assert_eq!(error.kind, ErrorKind::Unavailable);
            assert!(error.message.contains(code), "{error}");
            assert!(error.message.contains("AWS_SESSION_TOKEN"), "{error}");
        }
        assert_eq!(script.requests().len(), 2);
    }
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let denied = |action: &str| {
        let message = format!(
            "User: arn:aws:iam::1:user/x is not authorized to perform: dynamodb:{action} on \
             resource: arn:aws:dynamodb:us-east-1:1:table/p_c"
        );
        error(400, "AccessDeniedException", &message)
    };
    let script = Script::start(&[denied("GetItem")]).await;
    let error = script.native().await.read(&[document_key("c", "a")]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unexpected);
    assert!(error.message.contains("dynamodb:GetItem on p_c"), "{error}");
    assert!(error.message.contains("policy"), "{error}");

    let missing = self::error(400, "ResourceNotFoundException", "Requested resource not found");
    let script = Script::start(&[missing, denied("CreateTable")]).await;
    let error = script.native().await.prepare_collection(&collection("c")).await.unwrap_err();
    for part in ["dynamodb:CreateTable on p_c", "isobase index plan"] {
        assert!(error.message.contains(part), "{error}");
    }
    assert_eq!(script.operations(), ["DescribeTable", "CreateTable"]);
}

fn table(status: &str) -> Answer {
    ok(&format!(
        r#"{{"Table":{{"TableName":"p_c","TableStatus":"{status}","KeySchema":[{{"AttributeName":"_id","KeyType":"HASH"}}],"AttributeDefinitions":[{{"AttributeName":"_id","AttributeType":"S"}}]}}}}"#
    ))
}

#[tokio::test]
async fn a_table_that_is_being_made_is_waited_for() {
    let missing = || error(400, "ResourceNotFoundException", "Requested resource not found");
    let made = ok(r#"{"TableDescription":{"TableName":"p_c","TableStatus":"CREATING"}}"#);
    let script = Script::start(&[missing(), made, table("CREATING"), table("ACTIVE")]).await;
    assert!(!script.native().await.prepare_collection(&collection("c")).await.unwrap());
    let operations = ["DescribeTable", "CreateTable", "DescribeTable", "DescribeTable"];
    assert_eq!(script.operations(), operations);

    // Another process was faster.
    let in_use = error(400, "ResourceInUseException", "Table already exists: p_c");
    let script = Script::start(&[missing(), in_use, table("CREATING"), table("ACTIVE")]).await;
    assert!(!script.native().await.prepare_collection(&collection("c")).await.unwrap());
    assert_eq!(script.operations(), operations);

    // While it is made it has no documents.
    let script = Script::start(&[missing()]).await;
    let native = script.native().await;
    assert_eq!(native.read(&[document_key("c", "a")]).await.unwrap(), [None]);
    assert_eq!(
        native.read(&["a", "b"].map(|id| document_key("c", id))).await.unwrap(),
        [None, None]
    );
    assert_eq!(native.scan(&collection("c"), None, 10).await.unwrap().documents, []);
}

#[tokio::test]
async fn an_empty_page_is_not_the_end() {
    let key = r#"{"pk":{"S":"keys/c/0"},"sk":{"B":"YQ=="}}"#;
    let empty = format!(r#"{{"Items":[],"Count":0,"LastEvaluatedKey":{key}}}"#);
    let count = |count: u32, more: bool| {
        let next = if more { format!(r#","LastEvaluatedKey":{key}"#) } else { String::new() };
        ok(&format!(r#"{{"Count":{count}{next}}}"#))
    };
    let script = Script::start(&[count(2, true), count(0, true), count(3, false)]).await;
    let keys = script.native().await.count_keys(&collection("c"), 0, &[], None).await.unwrap();
    assert_eq!(keys, 5);

    let entry =
        r#"{"Items":[{"pk":{"S":"keys/c/0"},"sk":{"B":"YQ=="},"document":{"S":"a"}}],"Count":1}"#;
    let document = r#"{"Item":{"_id":{"S":"a"},"v":{"N":"1"}}}"#;
    let script = Script::start(&[ok(&empty), ok(entry), ok(document)]).await;
    let fetched = script.native().await.fetch(&collection("c"), &everything(10)).await.unwrap();
    assert_eq!(fetched.documents.len(), 1);
    assert!(fetched.exhausted);
}

#[tokio::test]
async fn entries_whose_documents_are_gone_are_passed_by() {
    let key = r#"{"pk":{"S":"keys/c/0"},"sk":{"B":"YQ=="}}"#;
    let entry = format!(
        r#"{{"Items":[{{"pk":{{"S":"keys/c/0"}},"sk":{{"B":"YQ=="}},"document":{{"S":"a"}}}}],"Count":1,"LastEvaluatedKey":{key}}}"#
    );
    let mut answers = Vec::new();
    for _ in 0..10 {
        answers.extend([ok(&entry), ok("{}")]);
    }
    let script = Script::start(&answers).await;
    let fetch = KeyFetch { limit: 1, ..everything(1) };
    let fetched = script.native().await.fetch(&collection("c"), &fetch).await.unwrap();
    assert!(fetched.documents.is_empty() && !fetched.exhausted);
    assert_eq!(fetched.passed.as_deref(), Some(&b"a"[..]));
}

#[tokio::test]
async fn a_deletion_asks_whether_documents_exist_and_not_what_they_are() {
    let none = ok("{}");
    let entry = |id: &str, key: &str| {
        format!(r#"{{"pk":{{"S":"keys/c/0"}},"sk":{{"B":"{key}"}},"document":{{"S":"{id}"}}}}"#)
    };
    let entries =
        ok(&format!(r#"{{"Items":[{},{}],"Count":2}}"#, entry("a", "YQ=="), entry("b", "Yg==")));
    let found = ok(r#"{"Responses":{"p_c":[{"_id":{"S":"a"}}]},"UnprocessedKeys":{}}"#);
    // The scan and the catalogue have nothing.
    let script = Script::start(&[none.clone(), none, entries, found, ok("{}")]).await;
    let native = script.native().await;
    native.purge(&collection("c"), Sequence(9)).await.unwrap();
    let operations = ["Scan", "GetItem", "Query", "BatchGetItem", "TransactWriteItems"];
    assert_eq!(script.operations(), operations);
    let requests = script.requests();
    assert!(requests[3].1.contains(r##""ProjectionExpression":"#only""##), "{}", requests[3].1);
    assert!(requests[3].1.contains(r##""#only":"_id""##), "{}", requests[3].1);
    let (_, deleted) = &requests[4];
    assert!(deleted.contains(r#""S":"b""#) && !deleted.contains(r#""S":"a""#), "{deleted}");
}

#[tokio::test]
async fn answers_that_are_not_old_yet_are_not_read_again() {
    const MINUTE: i64 = 60_000_000;
    const DAY: i64 = 24 * 60 * MINUTE;
    let answer = |at: i64| {
        ok(&format!(
            r#"{{"Items":[{{"pk":{{"S":"answers"}},"sk":{{"B":"YQ=="}},"at":{{"N":"{at}"}}}}],"Count":1}}"#
        ))
    };
    let at = |unix_us: i64| Timestamp { unix_us };
    // Given three hours after the first look's bound; no one has set an expiry.
    let script = Script::start(&[answer(DAY + 180 * MINUTE), answer(DAY + 180 * MINUTE)]).await;
    let native = script.native().await;
    for minute in 0..180 {
        native.forget_answers(at(DAY + minute * MINUTE)).await.unwrap();
    }
    assert_eq!(script.operations(), ["Query"]);
    native.forget_answers(at(DAY + 300 * MINUTE)).await.unwrap();
    assert_eq!(script.operations(), ["Query", "Query", "BatchWriteItem"]);

    // Where there are none, those that come are as old as they come.
    let script = Script::start(&[ok(r#"{"Items":[],"Count":0}"#)]).await;
    let native = script.native().await;
    for minute in 0..600 {
        native.forget_answers(at(DAY + minute * MINUTE)).await.unwrap();
    }
    assert_eq!(script.operations(), ["Query"]);
    native.forget_answers(at(2 * DAY)).await.unwrap();
    assert_eq!(script.operations(), ["Query", "Query"]);
}

#[tokio::test]
async fn what_is_listed_of_many_documents_is_read_at_once() {
    let mut writes: Vec<_> = ["a", "b", "x"].map(|id| creation("c", id, 1, "{}")).into();
    for write in &mut writes {
        // Another program wrote it.
        write.before = Some(Before { tag: Tag::default(), stamp: None, keys: Vec::new() });
    }
    let entry = format!(
        r#"{{"pk":{{"S":"keys/c/0"}},"sk":{{"B":"{}"}},"document":{{"S":"b"}}}}"#,
        STANDARD.encode(id_key("b").key)
    );
    let entries = format!(r#"{{"Responses":{{"p_isobase_journal":[{entry}]}}}}"#);
    let script = Script::start(&[ok("{}"), ok(&entries), ok("{}")]).await;
    let commit = commit(Head::default(), writes);
    script.native().await.commit(&commit).await.unwrap().unwrap();
    assert_eq!(script.operations(), ["GetItem", "BatchGetItem", "TransactWriteItems"]);
    // Two of them are new to the count.
    let (_, written) = &script.requests()[2];
    assert!(written.contains(r#"":documents":{"N":"2"}"#), "{written}");
}

#[tokio::test]
async fn a_reader_needs_no_right_to_write() {
    let known = r#"{"Item":{"collection":{"S":"c"},"indexes":{"L":[]},"adopted":{"BOOL":true},"deleting":{"NULL":true},"documents":{"N":"2"}}}"#;
    let counted = r#"{"Count":2,"ScannedCount":2}"#;
    // The catalogue, no entries to look at, the head, the count, and both again.
    let answers = [ok(known), ok(r#"{"Items":[]}"#), ok(HEAD), ok(counted), ok(known), ok(HEAD)];
    let script = Script::start(&answers).await;
    let native = script.native().await;
    native.sweep(&collection("c"), &|_| Vec::new()).await.unwrap();
    let operations = script.operations();
    assert_eq!(operations, ["GetItem", "Query", "GetItem", "Query", "GetItem", "GetItem"]);
}
