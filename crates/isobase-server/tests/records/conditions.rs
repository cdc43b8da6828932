//! Revisions: `ETag`, `If-Match`, `If-None-Match`, `fields` and `meta` of one document.

use http::Method;

use super::support::{Ask, Reply, Service};

async fn ask(service: &Service, method: Method, name: &str, value: &str) -> Reply {
    let ask = Ask::new(method, "/records/c/a").header(name, value).json(r#"{"n":1}"#);
    service.send(ask).await
}

async fn stored() -> (Service, String) {
    let service = Service::new();
    let made = service.put("/records/c/a?upsert=true", r#"{"n":0}"#).await;
    let etag = made.etag().to_owned();
    (service, etag)
}

#[tokio::test]
async fn a_read_of_a_known_revision_is_not_modified() {
    let (service, etag) = stored().await;
    let list = format!("\"999\", {etag}");
    let weak = format!("W/{etag}");
    for value in [etag.as_str(), weak.as_str(), list.as_str(), "*"] {
        for method in [Method::GET, Method::HEAD] {
            let reply = ask(&service, method, "if-none-match", value).await;
            reply.is(304, "");
            assert_eq!(reply.etag(), etag);
            assert!(reply.header("last-modified").is_some());
            assert_eq!(reply.header("content-type"), None);
        }
    }
    ask(&service, Method::GET, "if-none-match", "\"999\"").await.has_status(200);
    let missing = Ask::new(Method::GET, "/records/c/b").header("if-none-match", "*");
    service.send(missing).await.is_problem(404, "record_not_found");
}

#[tokio::test]
async fn a_read_of_another_revision_fails() {
    let (service, etag) = stored().await;
    ask(&service, Method::GET, "if-match", &etag).await.has_status(200);
    ask(&service, Method::GET, "if-match", "*").await.has_status(200);
    let weak = format!("W/{etag}");
    for value in ["\"999\"", weak.as_str()] {
        let failed = ask(&service, Method::GET, "if-match", value).await;
        failed.is_problem(412, "revision_conflict");
        assert_eq!(failed.etag(), etag);
    }
}

#[tokio::test]
async fn writes_compare_and_swap() {
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        let (service, etag) = stored().await;
        let weak = format!("W/{etag}");
        for (name, value) in [
            ("if-match", "\"999\""),
            ("if-match", weak.as_str()),
            ("if-none-match", etag.as_str()),
            ("if-none-match", weak.as_str()),
        ] {
            let failed = ask(&service, method.clone(), name, value).await;
            failed.is_problem(412, "revision_conflict").contains(&etag.replace('"', "\\\""));
            assert_eq!(failed.etag(), etag, "{method} {name}: {value}");
            let is_told = failed.blamed() == ["If-Match"];
            assert_eq!(is_told, name == "if-match" && value.starts_with('W'), "{name}: {value}");
        }
        ask(&service, method.clone(), "if-none-match", "*").await.is_problem(412, "already_exists");
        service.get("/records/c/a").await.is(200, r#"{"n":0,"id":"a"}"#);
        ask(&service, method, "if-match", &format!("\"999\", {etag}")).await.has_status(200);
    }
}

#[tokio::test]
async fn conditions_on_a_missing_document_fail() {
    let service = Service::new();
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        for value in ["*", "\"1\""] {
            let failed = ask(&service, method.clone(), "if-match", value).await;
            failed.is_problem(412, "revision_conflict");
            assert_eq!(failed.header("etag"), None);
        }
    }
    let upsert = Ask::new(Method::PUT, "/records/c/a?upsert=true").header("if-match", "*");
    service.send(upsert.json("{}")).await.is_problem(412, "revision_conflict");
    service.assert_empty("nothing matched").await;
}

#[tokio::test]
async fn a_condition_can_be_combined_with_upsert() {
    let (service, etag) = stored().await;
    let put = |value: &str| {
        Ask::new(Method::PUT, "/records/c/a?upsert=true").header("if-match", value).json("{}")
    };
    service.send(put(&etag)).await.is(200, r#"{"id":"a"}"#);
    service.send(put(&etag)).await.is_problem(412, "revision_conflict");
}

#[tokio::test]
async fn broken_conditions_are_refused_by_name() {
    let (service, _) = stored().await;
    for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
        for name in ["If-Match", "If-None-Match"] {
            for value in ["5", "\"5", "\"5\" \"6\"", "*, \"5\"", ",", "w/\"5\""] {
                let refused = ask(&service, method.clone(), name, value).await;
                refused.is_problem(422, "invalid_header").contains(name);
                assert_eq!(refused.blamed(), [name]);
            }
        }
    }
    let both = Ask::new(Method::PUT, "/records/c/a")
        .header("if-match", "*")
        .header("if-none-match", "\"7\"");
    service.send(both.json("{}")).await.is_problem(422, "invalid_header");
    service.get("/records/c/a").await.is(200, r#"{"n":0,"id":"a"}"#);
}

#[tokio::test]
async fn a_create_takes_no_condition() {
    let service = Service::new();
    for name in ["if-match", "if-none-match"] {
        let ask = Ask::new(Method::POST, "/records/c").header(name, "*").json("{}");
        service.send(ask).await.is_problem(422, "invalid_header");
    }
    service.assert_empty("of a condition").await;
}

#[tokio::test]
async fn of_many_writers_with_one_revision_one_wins() {
    let (service, etag) = stored().await;
    let writers = (0..20).map(|_| ask(&service, Method::PUT, "if-match", &etag));
    let replies = futures_util::future::join_all(writers).await;
    let won = replies.iter().filter(|reply| reply.status.as_u16() == 200).count();
    let lost = replies.iter().filter(|reply| reply.status.as_u16() == 412).count();
    assert_eq!((won, lost), (1, 19));
}

#[tokio::test]
async fn every_write_gives_a_new_revision() {
    let (service, etag) = stored().await;
    let put = service.put("/records/c/a", r#"{"n":0}"#).await;
    let patch = service.patch("/records/c/a", "{}").await;
    let mut seen = vec![etag, put.etag().to_owned(), patch.etag().to_owned()];
    service.delete("/records/c/a").await.has_status(200);
    let again = service.put("/records/c/a?upsert=true", r#"{"n":0}"#).await;
    seen.push(again.etag().to_owned());
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 4);
}

#[tokio::test]
async fn fields_and_meta_keep_the_revision() {
    let service = Service::new();
    let body = r#"{"name":"Ann","address":{"city":"Basel","zip":"4001"},"tags":[1,2]}"#;
    let made = service.post("/records/c", body).await;
    let revision = made.etag().trim_matches('"').to_owned();
    let meta = format!(
        r#""_meta":{{"revision":"{revision}","createdAt":"2026-11-20T14:09:00.000000Z","updatedAt":"2026-11-20T14:09:00.000000Z"}}"#
    );
    for (query, text) in [
        (
            "fields=address.city,name",
            r#"{"name":"Ann","address":{"city":"Basel"},"id":1}"#.to_owned(),
        ),
        ("fields=nothing", r#"{"id":1}"#.to_owned()),
        ("fields=id", r#"{"id":1}"#.to_owned()),
        ("fields=name&meta=true", format!(r#"{{"name":"Ann","id":1,{meta}}}"#)),
        ("fields=nothing&meta=true", format!(r#"{{"id":1,{meta}}}"#)),
        ("meta=false", format!("{},\"id\":1}}", body.strip_suffix('}').unwrap())),
    ] {
        let read = service.get(&format!("/records/c/1?{query}")).await;
        read.is(200, &text);
        assert_eq!(read.etag(), made.etag());
    }
    let known =
        Ask::new(Method::GET, "/records/c/1?fields=name").header("if-none-match", made.etag());
    service.send(known).await.is(304, "");
    service.get("/records/c/1").await.lacks("_meta").lacks("createdAt");
    service.put("/records/c/1", "{}").await.has_status(200);
    service.get("/records/c/1?meta=true").await.contains(
        r#""createdAt":"2026-11-20T14:09:00.000000Z","updatedAt":"2026-11-20T14:09:01.000000Z""#,
    );
    for (query, name) in [("fields=", "fields"), ("fields=a..b", "fields"), ("meta=1", "meta")] {
        let refused = service.get(&format!("/records/c/1?{query}")).await;
        refused.is_problem(422, "invalid_parameter");
        assert_eq!(refused.blamed(), [name]);
    }
}

#[tokio::test]
async fn a_collection_is_not_deleted_on_a_condition() {
    let service = Service::new();
    service.post("/records/c", "{}").await.has_status(201);
    let ask = Ask::new(Method::DELETE, "/records/c?confirm=c").header("if-match", "\"9\"");
    service.send(ask).await.is_problem(422, "invalid_header");
    service.get("/records/c/1").await.has_status(200);
}

/// A date long past was ignored, and the write happened.
#[tokio::test]
async fn dates_hold_writes_and_reads_back() {
    let service = Service::new();
    let made = service.post("/records/c", r#"{"a":1}"#).await;
    let (changed, past) = (made.header("last-modified").unwrap(), "Sun, 01 Nov 1998 08:00:00 GMT");
    let ask = async |method: Method, name: &str, date: &str| {
        let ask = Ask::new(method.clone(), "/records/c/1").header(name, date);
        let ask = if method == Method::DELETE { ask } else { ask.json(r#"{"a":2}"#) };
        service.send(ask).await
    };
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        let refused = ask(method, "if-unmodified-since", past).await;
        refused.is_problem(412, "revision_conflict");
        assert_eq!(refused.etag(), made.etag());
    }
    let get = async |name: &str, date: &str| {
        service.send(Ask::new(Method::GET, "/records/c/1").header(name, date)).await
    };
    get("if-unmodified-since", past).await.is_problem(412, "revision_conflict");
    get("if-modified-since", changed).await.is(304, "");
    get("if-modified-since", past).await.is(200, &made.text);
    ask(Method::PATCH, "if-unmodified-since", changed).await.has_status(200);
    ask(Method::DELETE, "if-modified-since", changed).await.has_status(200);
    // Nothing is there whose date could be compared.
    ask(Method::DELETE, "if-unmodified-since", past).await.is_problem(404, "record_not_found");
}
