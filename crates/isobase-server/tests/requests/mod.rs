//! The routes of the request log, through the service in process.

mod own;
mod watch;

use serde_json::{Value, json};

use crate::records::support::{Reply, Service};

const LOG: &str = "/api/v1/db/requests";
const WORK: &str = "/api/v1/db/extract-action-items";

fn report(endpoint: &str, status: u16) -> Value {
    json!({ "service": "llm", "endpoint": endpoint, "method": "POST", "status_code": status, "duration_ms": 12 })
}

async fn post(service: &Service, path: &str, body: Value) -> Reply {
    service.post(path, body.to_string()).await
}

#[tokio::test]
async fn an_older_client_logs_and_lists_as_before() {
    let service = Service::new();
    let mut body = report("/v1/chat", 200);
    body["user_identifier"] = json!("ann@b.c");
    body["request_body"] = json!("x".repeat(2_001));
    let id = post(&service, LOG, body).await.has_status(200).json()["id"].as_i64().unwrap();
    post(&service, LOG, report("/v1/other", 500)).await.is(200, &format!(r#"{{"id":{}}}"#, id + 1));
    let listed = service.get(&format!("{LOG}?limit=50&offset=0&service=")).await.json();
    assert_eq!((&listed["count"], &listed["total"]), (&json!(2), &json!(2)));
    let row = &listed["requests"][1];
    assert_eq!((&row["id"], &row["endpoint"]), (&json!(id), &json!("/v1/chat")));
    assert_eq!((&row["duration_ms"], &row["status_code"]), (&json!(12), &json!(200)));
    let cut = row["request_body"].as_str().unwrap();
    assert!(cut.ends_with("x... [truncated]") && cut.len() == 2_015, "{}", cut.len());
    assert_eq!(row["timestamp"].as_str().unwrap().len(), "2026-11-30T12:00:00.000000".len());
    let second = service.get(&format!("{LOG}?limit=1&offset=1")).await.json();
    assert_eq!((&second["requests"][0]["id"], &second["total"]), (&json!(id), &json!(2)));
    assert_eq!(service.get(&format!("{LOG}?offset=5")).await.json()["count"], 0);
    assert_eq!(service.get(&format!("{LOG}?service=web")).await.json()["total"], 0);
    let one = service.get(&format!("{LOG}/{id}")).await.json();
    assert_eq!(one, *row);
    service.get(&format!("{LOG}/999")).await.is_problem(404, "request_not_found");
    service.get(&format!("{LOG}/x")).await.is_problem(422, "invalid_id");
    service.get(&format!("{LOG}?limit=0")).await.is_problem(422, "invalid_parameter");
    service.get(&format!("{LOG}?limit=201")).await.is_problem(422, "invalid_parameter");
    post(&service, LOG, json!({ "service": "llm" })).await.is_problem(422, "invalid_body");
}

#[tokio::test]
async fn headers_are_kept_by_name_and_secrets_not() {
    let service = Service::new();
    let mut body = report("/v1/chat", 200);
    body["request_headers"] = json!({
        "Content-Type": "application/json", "Authorization": "Bearer hush", "Accept": ["a/b", "c/d"],
    });
    body["response_headers"] = json!({ "server-timing": "db;dur=3", "Set-Cookie": "session=hush" });
    let id = post(&service, LOG, body).await.has_status(200).json()["id"].as_i64().unwrap();
    let one = service.get(&format!("{LOG}/{id}")).await;
    assert!(!one.text.contains("hush"), "{}", one.text);
    let one = one.json();
    let asked = json!({ "accept": "a/b, c/d", "authorization": "[redacted]", "content-type": "application/json" });
    assert_eq!(one["request_headers"], asked);
    let told = json!({ "server-timing": "db;dur=3", "set-cookie": "[redacted]" });
    assert_eq!(one["response_headers"], told);
    let csv = service.get(&format!("{LOG}/export.csv")).await;
    assert!(csv.text.contains("\"\"accept\"\":\"\"a/b, c/d\"\""), "{}", csv.text);
    let mut wrong = report("/", 200);
    wrong["request_headers"] = json!(["accept"]);
    post(&service, LOG, wrong).await.is_problem(422, "invalid_body").contains("request_headers");
}

#[tokio::test]
async fn a_batch_tells_of_each_and_can_be_repeated() {
    let service = Service::new();
    let mut named = report("/a", 200);
    named["request_id"] = json!("r-1");
    let body = json!({ "requests": [named, report("/b", 200), { "service": "llm" }, 7,
        { "service": "", "endpoint": "/", "method": "GET" }] });
    let path = format!("{LOG}/batch");
    let first = post(&service, &path, body.clone()).await.has_status(200).json();
    assert_eq!((&first["created"], &first["refused"]), (&json!(2), &json!(3)));
    assert_eq!(first["results"][2]["status"], "refused");
    assert!(first["results"][4]["error"].as_str().unwrap().starts_with("service:"));
    let again = post(&service, &path, body).await.json();
    assert_eq!((&again["created"], &again["duplicates"]), (&json!(1), &json!(1)));
    assert_eq!(again["results"][0]["id"], first["results"][0]["id"]);
    let many = json!({ "requests": vec![report("/", 200); 1_001] });
    post(&service, &path, many).await.is_problem(422, "limit_exceeded");
    post(&service, &path, json!({})).await.is_problem(422, "invalid_body");
    post(&service, &path, json!({ "requests": [] })).await.has_status(200);
}

#[tokio::test]
async fn filters_searches_and_pages() {
    let service = Service::new();
    for (endpoint, status) in [("/a", 200), ("/b", 404), ("/c", 500), ("/a", 201)] {
        post(&service, LOG, report(endpoint, status)).await.has_status(200);
    }
    let count = async |query: &str| {
        let page = service.get(&format!("{LOG}?{query}")).await.has_status(200).json();
        page["count"].as_u64().unwrap()
    };
    assert_eq!(count("endpoint=/a").await, 2);
    assert_eq!(count("status=404").await, 1);
    assert_eq!(count("class=2xx").await, 2);
    assert_eq!(count("class=5xx&endpoint=/a").await, 0);
    assert_eq!(count("min_ms=12&max_ms=12").await, 4);
    assert_eq!(count("from=2020-01-01&to=2099-01-01").await, 4);
    assert_eq!(count("to=2020-01-01").await, 0);
    assert_eq!(count("q=/C").await, 1);
    let wrong = service.get(&format!("{LOG}?class=6xx&from=soon&status=x&odd=1")).await;
    assert_eq!(wrong.is_problem(422, "invalid_parameter").blamed().len(), 4);
    let first = service.get(&format!("{LOG}?limit=3")).await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = service.get(&format!("{LOG}?limit=3&cursor={cursor}")).await.json();
    assert_eq!((&rest["count"], &rest["next_cursor"]), (&json!(1), &Value::Null));
    service
        .get(&format!("{LOG}?cursor={cursor}&offset=1"))
        .await
        .is_problem(422, "invalid_parameter");
    service.get(&format!("{LOG}?cursor=xyz")).await.is_problem(422, "invalid_argument");
}

#[tokio::test]
async fn exports_have_no_formulas_and_no_secrets() {
    let service = Service::new();
    let mut hostile = report("=cmd|' /C calc'!A0", 200);
    hostile["request_body"] = json!({ "password": "hush-hush", "text": "<script>" });
    hostile["user_identifier"] = json!("@SUM(1,2)");
    post(&service, LOG, hostile).await.has_status(200);
    post(&service, LOG, report("/b", 500)).await.has_status(200);
    let csv = service.get(&format!("{LOG}/export.csv")).await;
    assert_eq!(csv.text.lines().count(), 3);
    csv.contains("\"'=cmd|' /C calc'!A0\"").contains("\"'@SUM(1,2)\"").lacks("hush");
    let lines = service.get(&format!("{LOG}/export.ndjson?class=2xx")).await;
    assert_eq!(lines.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(lines.text.lines().count(), 1);
    lines.contains("[redacted]").lacks("hush");
    let preview =
        post(&service, &format!("{LOG}/redaction/preview"), json!({ "text": "token=abc" })).await;
    preview.is(200, r#"{"text":"token=[redacted]","redacted":1}"#);
}

#[tokio::test]
async fn charts_come_from_counts() {
    let service = Service::new();
    for status in [200, 200, 503] {
        post(&service, LOG, report("/users/7", status)).await.has_status(200);
    }
    let stats = service.get(&format!("{LOG}/stats?step=3600")).await.has_status(200).json();
    let counted: u64 =
        stats["buckets"].as_array().unwrap().iter().map(|it| it["count"].as_u64().unwrap()).sum();
    assert_eq!(counted, 3);
    assert_eq!(stats["buckets"][0]["classes"]["5xx"], 1);
    let of = service.get(&format!("{LOG}/stats?endpoint=/users/:id")).await.json();
    assert_eq!(of["buckets"][0]["count"], 3);
    for query in ["step=1", "step=301", "from=x", "from=2000-01-01&step=300"] {
        service.get(&format!("{LOG}/stats?{query}")).await.is_problem(422, "invalid_parameter");
    }
}

#[tokio::test]
async fn work_is_taken_once_and_found_by_its_input() {
    let service = Service::new();
    let take = |id: &str, hash: &str| json!({ "correlation_id": id, "license_key": "KEY", "input_json": "{}", "input_hash": hash });
    let first = post(&service, WORK, take("c-1", "h-1")).await.has_status(200).json();
    let id = first["id"].clone();
    assert_eq!(
        first,
        json!({ "id": id, "correlation_id": "c-1", "status": "pending", "output_json": null, "created": true })
    );
    let again = post(&service, WORK, take("c-2", "h-1")).await.json();
    assert_eq!((&again["id"], &again["created"]), (&id, &json!(false)));
    post(&service, WORK, take("c-1", "h-2")).await.is_problem(409, "work_exists");
    let done = json!({ "correlation_id": "c-1", "output_json": "[1]", "duration_ms": 3 });
    service.patch(WORK, done.to_string()).await.is(200, r#"{"ok":true}"#);
    let unknown = json!({ "correlation_id": "c-9" });
    service.patch(WORK, unknown.to_string()).await.is(200, r#"{"ok":false}"#);
    let found = service.get(&format!("{WORK}/by-input-hash?hash=h-1")).await.json();
    assert_eq!((&found["status"], &found["output_json"]), (&json!("completed"), &json!("[1]")));
    let none = service.get(&format!("{WORK}/by-input-hash?hash=h-9")).await;
    none.is_problem(404, "work_not_found").contains(r#""detail":"Not found""#);
    let listed = service.get(&format!("{WORK}?status=completed&search=key")).await.json();
    assert_eq!((&listed["count"], &listed["total"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn an_outage_is_said_and_nothing_is_twice_after_it() {
    let service = Service::new();
    let mut named = report("/a", 200);
    named["request_id"] = json!("r-1");
    let body = json!({ "requests": [named.clone()] });
    post(&service, LOG, named.clone()).await.has_status(200);
    service.fail_after(0, 0);
    let path = format!("{LOG}/batch");
    post(&service, &path, body).await.is_problem(503, "unavailable").lacks("made to fail");
    post(&service, LOG, named).await.is_problem(503, "unavailable");
    service.get(LOG).await.is_problem(503, "unavailable");
}

#[tokio::test]
async fn facets_tell_what_the_log_can_be_narrowed_by() {
    let service = Service::new();
    for (endpoint, status) in [("/a", 200), ("/a", 201), ("/b<i>", 500)] {
        post(&service, LOG, report(endpoint, status)).await.has_status(200);
    }
    let mut other = report("/c", 404);
    other["service"] = json!("shop");
    other["user_identifier"] = json!("ann@b.c");
    post(&service, LOG, other).await.has_status(200);
    // Long ago: another day, but not another service.
    let mut old = report("/old", 200);
    old["service"] = json!("archive");
    old["timestamp"] = json!("2026-01-01T00:00:00Z");
    post(&service, LOG, old).await.has_status(200);
    let facets = async |query: &str| {
        service.get(&format!("{LOG}/facets?{query}")).await.has_status(200).json()
    };
    let all = facets("").await;
    let facet = |value: &str, count: u64| json!({ "value": value, "count": count });
    assert_eq!(
        all["services"],
        json!([facet("llm", 3), facet("shop", 1), facet("archive", 0)]),
        "{all}"
    );
    assert_eq!(all["endpoints"], json!([facet("/a", 2), facet("/b<i>", 1), facet("/c", 1)]));
    assert_eq!(all["classes"], json!([facet("2xx", 2), facet("4xx", 1), facet("5xx", 1)]));
    assert_eq!(all["statuses"].as_array().unwrap().len(), 4);
    assert_eq!(all["methods"], json!([facet("POST", 4)]));
    assert_eq!(all["users"], json!([facet("ann@b.c", 1)]));
    assert_eq!((&all["sample"], &all["whole"]), (&json!(4), &json!(true)));
    let some = facets("class=2xx&service=llm").await;
    assert_eq!(some["endpoints"], json!([facet("/a", 2)]));
    assert_eq!(facets("from=2025-12-31&to=2026-01-02").await["sample"], 1);
    assert_eq!(facets("q=%2FB").await["sample"], 1);
    let wrong = service.get(&format!("{LOG}/facets?class=6xx&limit=1")).await;
    assert_eq!(wrong.is_problem(422, "invalid_parameter").blamed().len(), 2);
}

#[tokio::test]
async fn facets_of_a_large_log_are_those_of_a_sample() {
    let service = Service::new();
    for _ in 0..2 {
        let reports = vec![report("/many", 200); 1_000];
        post(&service, &format!("{LOG}/batch"), json!({ "requests": reports }))
            .await
            .has_status(200);
    }
    let facets = service.get(&format!("{LOG}/facets")).await.has_status(200).json();
    let sample = facets["sample"].as_u64().unwrap();
    assert!((1..=1_000).contains(&sample), "{facets}");
    assert_eq!(facets["whole"], false);
    assert_eq!(facets["endpoints"][0]["value"], "/many");
}

#[tokio::test]
async fn models_their_tokens_and_costs_are_kept_found_and_summed() {
    let service = Service::new();
    let mut asked = report("/v1/chat", 200);
    for (name, value) in [
        ("model", json!("small<1>")),
        ("input_tokens", json!(1_200)),
        ("output_tokens", json!("300")),
        ("cost", json!(0.0021)),
        ("first_token_ms", json!(180)),
        ("key_id", json!("k-7")),
    ] {
        asked[name] = value;
    }
    for _ in 0..2 {
        post(&service, LOG, asked.clone()).await.has_status(200);
    }
    let mut failed = report("/v1/chat", 500);
    failed["error"] = json!("no");
    post(&service, LOG, failed).await.has_status(200);
    let page = service.get(&format!("{LOG}?model=small%3C1%3E&key_id=k-7")).await.json();
    assert_eq!(page["count"], 2, "{page}");
    let row = &page["requests"][0];
    assert_eq!((&row["model"], &row["key_id"]), (&json!("small<1>"), &json!("k-7")));
    assert_eq!((&row["input_tokens"], &row["output_tokens"]), (&json!(1_200), &json!(300)));
    assert_eq!((&row["cost"], &row["first_token_ms"]), (&json!(0.0021), &json!(180)));
    for (query, count) in [("has_error=true", 1), ("has_error=false", 2), ("model=large", 0)] {
        let page = service.get(&format!("{LOG}?{query}")).await.json();
        assert_eq!(page["count"], count, "{query}");
    }
    let whole = service.get(&format!("{LOG}/stats")).await.json()["whole"].clone();
    assert_eq!((&whole["input_tokens"], &whole["output_tokens"]), (&json!(2_400), &json!(600)));
    assert_eq!((&whole["cost"], &whole["count"]), (&json!(0.0042), &json!(3)));
    let csv = service.get(&format!("{LOG}/export.csv?model=small%3C1%3E")).await;
    csv.contains("k-7,small<1>,1200,300,0.0021,180");
    for (name, value) in [
        ("cost", json!(-1)),
        ("cost", json!("much")),
        ("input_tokens", json!(-1)),
        ("output_tokens", json!(2_000_000_000)),
        ("first_token_ms", json!(-1)),
        ("model", json!("a\nb")),
        ("key_id", json!("x".repeat(201))),
    ] {
        let mut wrong = report("/", 200);
        wrong[name] = value;
        post(&service, LOG, wrong).await.is_problem(422, "invalid_body");
    }
}

#[tokio::test]
async fn dropped_reports_are_a_gap_and_no_requests() {
    let service = Service::new();
    post(&service, LOG, report("/a", 200)).await.has_status(200);
    let gap = json!({
        "service": "llm", "endpoint": "(dropped)", "method": "NONE", "request_id": "gap-1", "dropped": 312,
    });
    for _ in 0..2 {
        post(&service, LOG, gap.clone()).await.has_status(200);
    }
    let whole = service.get(&format!("{LOG}/stats")).await.json()["whole"].clone();
    assert_eq!((&whole["count"], &whole["dropped"]), (&json!(1), &json!(312)));
    assert_eq!(whole["classes"], json!({ "2xx": 1 }));
    let page = service.get(LOG).await.json();
    assert_eq!(page["requests"][0]["dropped"], 312);
    assert_eq!(service.get(&format!("{LOG}/facets")).await.json()["sample"], 1);
    for wrong in [json!(0), json!(-1), json!("many"), json!(5_000_000_000_u64)] {
        let mut refused = gap.clone();
        refused["dropped"] = wrong;
        post(&service, LOG, refused).await.is_problem(422, "invalid_body");
    }
}
