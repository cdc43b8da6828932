//! Listings: shapes, pages, streams, and what breaks them off.

use http::Method;

use super::support::{Ask, Reply, Service, Settings};

async fn people() -> Service {
    let service = Service::new();
    for (name, age, city) in [
        ("Ann", "30", "Basel"),
        ("Bob", "\"30\"", "Bern"),
        ("Cid", "41", "Basel"),
        ("Dot", "null", ""),
    ] {
        let body = format!(r#"{{"name":"{name}","age":{age},"address":{{"city":"{city}"}}}}"#);
        service.post("/records/people", body).await.has_status(201);
    }
    service
}

/// The names in a listing, in its order.
fn names(reply: &Reply) -> String {
    let listing = reply.json();
    let items = listing.as_array().or(listing["items"].as_array()).unwrap();
    items.iter().map(|item| item["name"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

/// A collection that takes several parts to stream.
async fn large(documents: usize) -> Service {
    let service = Service::new();
    let lines: String = (1..=documents).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let ask = Ask::new(Method::POST, "/records/c").lines(lines);
    service.send(ask).await.has_status(200).contains("\"failed\":0");
    service
}

#[tokio::test]
async fn filters_sort_and_fields_keep_the_bare_array() {
    let service = people().await;
    let list = async |query: &str| {
        let reply = service.get(&format!("/records/people?{query}")).await;
        reply.has_status(200);
        assert_eq!(reply.header("link"), None);
        names(&reply)
    };
    assert_eq!(list("address.city=Basel").await, "Ann Cid");
    assert_eq!(list("age[gte]=18").await, "Ann Cid");
    assert_eq!(list("sort=-name").await, "Dot Cid Bob Ann");
    assert_eq!(list("name[in]=Ann,Dot&sort=-name").await, "Dot Ann");
    assert_eq!(list("or=(name.eq.Bob,age.gt.40)").await, "Bob Cid");
    assert_eq!(list("id=2").await, "Bob");
    assert_eq!(list("nothing=x").await, "");
    let fields = service.get("/records/people?fields=name&id=1").await;
    fields.is(200, r#"[{"name":"Ann","id":1}]"#);
    let meta = service.get("/records/people?fields=name&id=1&meta=true").await;
    meta.contains(r#"[{"name":"Ann","id":1,"_meta":{"revision":""#).contains(r#"Z"}}]"#);
}

#[tokio::test]
async fn counts_come_in_a_header_of_a_bare_array() {
    let service = people().await;
    let counted = service.get("/records/people?count=exact&address.city=Basel").await;
    assert!(counted.text.starts_with("[{"));
    assert_eq!(counted.header("x-total-count"), Some("2"));
    assert_eq!(service.get("/records/people").await.header("x-total-count"), None);
}

#[tokio::test]
async fn a_cursor_walks_all_pages() {
    let service = people().await;
    let mut seen = Vec::new();
    let mut query = "limit=3&sort=-name&meta=false".to_owned();
    for (expected_names, more) in [("Dot Cid Bob", true), ("Ann", false)] {
        let page = service.get(&format!("/records/people?{query}")).await;
        page.has_status(200).lacks("\"total\"");
        assert!(page.text.starts_with("{\"items\":[{"), "{}", page.text);
        assert_eq!(names(&page), expected_names);
        let next = page.json()["next"].as_str().map(str::to_owned);
        assert_eq!(next.is_some(), more);
        let link = next
            .as_ref()
            .map(|next| format!("<?limit=3&sort=-name&meta=false&cursor={next}>; rel=\"next\""));
        assert_eq!(page.header("link"), link.as_deref());
        if let Some(next) = next {
            query = format!("limit=3&sort=-name&meta=false&cursor={next}");
            seen.push(next);
        }
    }
    page_ends_with_null(&service, &query).await;
    let foreign = service.get(&format!("/records/people?limit=3&cursor={}", seen[0])).await;
    foreign.is_problem(422, "invalid_argument").contains("cursor");
    service.get("/records/people?cursor=!").await.is_problem(422, "invalid_argument");
}

async fn page_ends_with_null(service: &Service, query: &str) {
    let last = service.get(&format!("/records/people?{query}")).await;
    assert!(last.text.ends_with(",\"next\":null}"), "{}", last.text);
    let empty = service.get("/records/nothing?limit=1").await;
    empty.is(200, r#"{"items":[],"next":null}"#);
}

#[tokio::test]
async fn a_page_counts_when_asked() {
    let service = people().await;
    let page = service.get("/records/people?limit=1&count=exact").await;
    assert!(page.text.ends_with(",\"total\":4}"), "{}", page.text);
    assert_eq!(page.header("x-total-count"), Some("4"));
}

#[tokio::test]
async fn numbered_pages_have_totals() {
    let service = people().await;
    let first = service.get("/records/people?page=1&limit=3").await;
    assert_eq!(names(&first), "Ann Bob Cid");
    assert!(first.text.ends_with("],\"total\":4,\"page\":1,\"pages\":2}"), "{}", first.text);
    assert_eq!(first.header("link"), Some("<?limit=3&page=2>; rel=\"next\""));
    let last = service.get("/records/people?page=2&limit=3").await;
    assert_eq!(names(&last), "Dot");
    assert_eq!(last.header("link"), None);
    let beyond = service.get("/records/people?page=9&limit=3").await;
    beyond.is(200, r#"{"items":[],"total":4,"page":9,"pages":2}"#);
    let nothing = service.get("/records/nothing?page=1").await;
    nothing.is(200, r#"{"items":[],"total":0,"page":1,"pages":0}"#);
}

#[tokio::test]
async fn lines_are_sent_when_asked_for() {
    let service = people().await;
    let lines =
        |target: &str| Ask::new(Method::GET, target).header("accept", "application/x-ndjson");
    let all = service.send(lines("/records/people?fields=name&id[lte]=2")).await;
    all.is(200, "{\"name\":\"Ann\",\"id\":1}\n{\"name\":\"Bob\",\"id\":2}\n");
    assert_eq!(all.header("content-type"), Some("application/x-ndjson"));
    service.send(lines("/records/nothing")).await.is(200, "");
    let page = service.send(lines("/records/people?fields=name&limit=1")).await;
    page.is(200, "{\"name\":\"Ann\",\"id\":1}\n");
    assert!(page.header("link").unwrap().starts_with("<?fields=name&limit=1&cursor="));
}

#[tokio::test]
async fn every_wrong_parameter_is_named() {
    let service = Service::new();
    let query = "limit=0&age[foo]=1&count=maybe&meta=2&fields=a..b&sort=";
    let refused = service.get(&format!("/records/people?{query}")).await;
    refused.is_problem(422, "invalid_parameter");
    let mut blamed = refused.blamed();
    blamed.sort();
    assert_eq!(blamed, ["age[foo]", "count", "fields", "limit", "meta", "sort"]);
    for query in ["limit=1001", "limit=x", "page=0", "page=1&cursor=x", "x=%ff", "or=(", "id[eq"] {
        service.get(&format!("/records/c?{query}")).await.is_problem(422, "invalid_parameter");
    }
}

#[tokio::test]
async fn large_collections_are_streamed_whole() {
    let service = large(2_500).await;
    for (target, accept) in [
        ("/records/c", "application/json"),
        ("/records/c", "application/x-ndjson"),
        ("/records/c?n[gt]=0", "application/json"),
    ] {
        let before = service.lists_run();
        let all = service.send(Ask::new(Method::GET, target).header("accept", accept)).await;
        all.has_status(200);
        assert_eq!(all.announced, None);
        assert!(!all.broken);
        assert!(service.lists_run() - before >= 3);
        let text = match accept {
            "application/json" => all.text.clone(),
            _ => format!("[{}]", all.text.trim_end().replace('\n', ",")),
        };
        let items: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        let numbers: Vec<u64> = items.iter().map(|item| item["n"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (1..=2_500).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn parts_are_fetched_as_the_client_reads() {
    use http_body_util::BodyExt;
    let service = large(2_500).await;
    let before = service.lists_run();
    let request = http::Request::get("/records/c")
        .header("host", "localhost")
        .body(isobase_server::RequestBody::whole(""))
        .unwrap();
    let mut body = service.app.handle(request).await.into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(service.lists_run() - before, 1);
    body.frame().await.unwrap().unwrap();
    assert_eq!(service.lists_run() - before, 2);
}

#[tokio::test]
async fn a_listing_that_fails_halfway_breaks_off() {
    for accept in ["application/json", "application/x-ndjson"] {
        let service = large(2_500).await;
        service.fail_after(2, u32::MAX);
        let ask = Ask::new(Method::GET, "/records/c").header("accept", accept);
        let cut = service.send(ask).await;
        cut.has_status(200);
        assert!(cut.broken);
        assert!(serde_json::from_str::<serde_json::Value>(&cut.text).is_err());
    }
    let service = large(10).await;
    service.fail_after(0, u32::MAX);
    let refused = service.get("/records/c").await;
    refused.is_problem(503, "unavailable").lacks("made to fail");
    assert!(refused.header("retry-after").is_some());
}

/// The next numbered page begins by number, so a short one would leave documents out.
#[tokio::test]
async fn a_numbered_page_is_whole_or_refused() {
    let mut settings = Settings::default();
    settings.store.page_bytes_max = 100;
    let service = Service::with(settings);
    for _ in 0..4 {
        service.post("/records/c", format!(r#"{{"text":"{}"}}"#, "x".repeat(50))).await;
    }
    service.get("/records/c?page=1&limit=4").await.is_problem(422, "limit_exceeded");
    let page = service.get("/records/c?page=2&limit=2").await.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
}
