//! Bulk load: newline-delimited JSON in.

use http::Method;

use super::support::{Ask, Reply, Service, Settings};

async fn load(service: &Service, target: &str, lines: impl Into<Vec<u8>>) -> Reply {
    service.send(Ask::new(Method::POST, target).lines(lines)).await
}

#[tokio::test]
async fn every_line_becomes_a_document() {
    let service = Service::new();
    let loaded = load(&service, "/records/c", "{\"n\":1.0}\n\r\n {\"n\":2,\"id\":9}\r\n{}").await;
    loaded.is(200, r#"{"created":3,"failed":0,"errors":[],"ids":{"first":1,"last":3}}"#);
    service.get("/records/c").await.is(200, r#"[{"n":1.0,"id":1},{"n":2,"id":2},{"id":3}]"#);
    load(&service, "/records/c", "")
        .await
        .is(200, r#"{"created":0,"failed":0,"errors":[],"ids":null}"#);
}

#[tokio::test]
async fn bad_lines_do_not_stop_good_ones() {
    let service = Service::new();
    let lines =
        b"{\"n\":1}\n[1]\nnope\n\n{\"a\":1,\"a\":2}\n{\"a\":\"\xff\"}\n{\"n\":2}\n{\"a\":NaN}";
    let loaded = load(&service, "/records/c", &lines[..]).await;
    loaded.has_status(200).contains(r#"{"created":2,"failed":5,"errors":["#);
    let report = loaded.json();
    let errors: Vec<(u64, &str)> = report["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["line"].as_u64().unwrap(), error["code"].as_str().unwrap()))
        .collect();
    let json = "invalid_json";
    assert_eq!(errors, [(2, "not_an_object"), (3, json), (5, json), (6, json), (8, json)]);
    service.get("/records/c").await.is(200, r#"[{"n":1,"id":1},{"n":2,"id":2}]"#);
}

#[tokio::test]
async fn long_loads_are_written_in_parts() {
    let service = Service::new();
    let lines: String = (0..2_345).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let loaded = load(&service, "/records/c", lines).await;
    loaded.is(200, r#"{"created":2345,"failed":0,"errors":[],"ids":{"first":1,"last":2345}}"#);
    service.get("/stats").await.contains(r#""total_records":2345"#);
}

#[tokio::test]
async fn an_atomic_load_is_all_or_nothing() {
    let service = Service::new();
    let refused = load(&service, "/records/c?atomic=true", "{}\n{}\nnope\n[]\n").await;
    refused.is_problem(409, "batch_rejected");
    assert_eq!(refused.blamed(), ["line 3", "line 4"]);
    service.assert_empty("a line was refused").await;
    let loaded = load(&service, "/records/c?atomic=true", "{}\n{}\n").await;
    loaded.is(200, r#"{"created":2,"failed":0,"errors":[],"ids":{"first":1,"last":2}}"#);
}

#[tokio::test]
async fn a_whole_load_keeps_the_bounds_of_a_batch() {
    let mut settings = Settings::default();
    settings.store.batch_operations_max = 3;
    settings.config.http.body_bytes_max = 40;
    let service = Service::with(settings);
    for (name, target) in [("", "/records/c?atomic=true"), ("key", "/records/c")] {
        let ask = |lines: &str| {
            let ask = Ask::new(Method::POST, target).lines(lines);
            if name.is_empty() { ask } else { ask.header("idempotency-key", name) }
        };
        service.send(ask("{}\n{}\n{}\n{}\n")).await.is_problem(422, "limit_exceeded");
        let long = format!("{}\n", "{\"a\":1}".repeat(6));
        service.send(ask(&long)).await.is_problem(413, "body_too_large");
    }
    service.assert_empty("beyond the bounds").await;
}

#[tokio::test]
async fn a_line_beyond_the_bound_is_skipped() {
    let mut settings = Settings::default();
    settings.config.http.body_bytes_max = 20;
    let service = Service::with(settings);
    let lines = format!("{{\"n\":1}}\n{{\"n\":\"{}\"}}\n{{\"n\":3}}\n", "x".repeat(50));
    let loaded = load(&service, "/records/c", lines).await;
    loaded.has_status(200).contains(r#""created":2,"failed":1"#);
    loaded.contains(r#"{"line":2,"code":"body_too_large""#);
}

#[tokio::test]
async fn an_interrupted_load_says_how_far_it_came() {
    let service = Service::new();
    service.fail_after(u32::MAX, 1);
    let lines = "{}\n".repeat(1_500);
    let cut = load(&service, "/records/c", lines.clone()).await;
    cut.is_problem(503, "outcome_unknown").contains("1000 documents were stored, up to line 1000");
    service.get("/stats").await.contains(r#""total_records":1000"#);
    let service = Service::new();
    service.fail_after(u32::MAX, 0);
    load(&service, "/records/c", lines).await.is_problem(503, "unavailable");
    service.assert_empty("nothing was written").await;
}

#[tokio::test]
async fn only_a_load_takes_its_parameter() {
    let service = Service::new();
    service.post("/records/c?atomic=true", "{}").await.is_problem(422, "invalid_parameter");
    load(&service, "/records/c?atomic=1", "{}").await.is_problem(422, "invalid_parameter");
    load(&service, "/records/c?n=1", "{}").await.is_problem(422, "invalid_parameter");
    service.assert_empty("wrong parameters").await;
}
