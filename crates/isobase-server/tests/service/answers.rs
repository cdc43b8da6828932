//! What every answer has, and the routes of the service itself.

use std::{collections::HashSet, sync::atomic::Ordering};

use http::Method;
use isobase_auth::Authorizer;
use isobase_server::{Durability, HttpConfig as ServerConfig, OpenTo, errors_markdown, openapi};

use super::support::Service;

#[tokio::test]
async fn every_answer_is_named_and_not_cached() {
    let service = Service::new();
    let mut ids = HashSet::new();
    for path in ["/", "/health", "/nothing", "/records/c", "/records/c/1", "/docs", "/metrics"] {
        let reply = service.get(path).await;
        // What has a tag may be kept, is asked for again, and no proxy may change it with its tag.
        let kept = match path {
            "/docs" => "private, no-cache, no-transform",
            _ => "no-store",
        };
        assert!(ids.insert(reply.header("x-request-id").to_owned()), "{path}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("cache-control"), kept, "{path}");
        assert!(!reply.headers.contains_key("access-control-allow-origin"), "{path}");
    }
}

#[tokio::test]
async fn usable_request_ids_are_kept() {
    let service = Service::new();
    for (sent, kept) in [("abc-123", true), ("a b", false), (&"x".repeat(65)[..], false)] {
        let reply = service.ask(Method::GET, "/nothing", &[("x-request-id", sent)]).await;
        assert_eq!(reply.header("x-request-id") == sent, kept, "{sent}");
        reply.is_problem(404, "route_not_found");
    }
}

#[tokio::test]
async fn open_mode_lets_every_page_read() {
    let service = Service::new();
    for path in ["/health", "/nothing"] {
        let reply = service.ask(Method::GET, path, &[("origin", "http://page")]).await;
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        assert!(reply.header("access-control-expose-headers").contains("ETag"));
        assert!(!reply.headers.contains_key("access-control-allow-credentials"));
    }
}

#[tokio::test]
async fn preflights_are_answered_as_browsers_expect() {
    let service = Service::new();
    let headers = [
        ("origin", "http://page"),
        ("access-control-request-method", "PATCH"),
        ("access-control-request-headers", "content-type, x-api-key"),
    ];
    let reply = service.ask(Method::OPTIONS, "/records/c/1", &headers).await;
    assert_eq!((reply.status, reply.text.as_str()), (200, "OK"));
    assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(
        reply.header("access-control-allow-methods"),
        "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
    );
    assert_eq!(reply.header("access-control-max-age"), "600");
    assert_eq!(reply.header("access-control-allow-headers"), "content-type, x-api-key");
    assert_eq!(reply.header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn only_listed_origins_are_allowed() {
    let config = ServerConfig {
        cors_origins: vec!["https://app.example".to_owned()],
        ..ServerConfig::default()
    };
    for authorizer in [Authorizer::open(), Authorizer::new(Some("key"))] {
        let service = Service::with(config.clone(), authorizer);
        let cases = [
            ("https://app.example", "https://app.example"),
            ("https://app.example.evil", ""),
            ("http://app.example", ""),
            ("null", ""),
        ];
        for (origin, allowed) in cases {
            let reply = service.ask(Method::GET, "/health", &[("origin", origin)]).await;
            assert_eq!(reply.header("access-control-allow-origin"), allowed, "{origin}");
            assert_eq!(reply.header("vary"), "Origin");
        }
    }
    let keyed = Service::with(ServerConfig::default(), Authorizer::new(Some("key")));
    let reply = keyed.ask(Method::GET, "/health", &[("origin", "http://page")]).await;
    assert_eq!(reply.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn service_says_what_it_is() {
    let http = ServerConfig { open_to: OpenTo::Everyone, ..ServerConfig::default() };
    let durability = Durability::None;
    let config = isobase_server::ServerConfig { http, durability, ..Default::default() };
    let service = Service::composed(config, Authorizer::open());
    let root = service.get("/").await.json();
    assert_eq!(
        (root["service"].as_str(), root["status"].as_str()),
        (Some("Isobase"), Some("running"))
    );
    let health = service.get("/health").await;
    assert!(health.text.starts_with(r#"{"status":"ok","service":"database","#), "{}", health.text);
    assert_eq!(health.json()["durability"], "none");
    assert_eq!(service.get("/livez").await.text, r#"{"status":"ok"}"#);
}

#[tokio::test]
async fn readiness_is_asked_once_a_second() {
    let service = Service::new();
    for _ in 0..50 {
        assert_eq!(service.get("/readyz").await.status, 200);
    }
    assert!(service.trouble.checks.load(Ordering::SeqCst) <= 5, "the answer is kept for a second");
}

#[tokio::test]
async fn a_broken_database_is_not_ready() {
    let service = Service::new();
    service.trouble.broken.store(true, Ordering::SeqCst);
    let reply = service.get("/readyz").await;
    reply.is_problem(503, "not_ready");
    assert!(!reply.text.contains("secret"), "{}", reply.text);
    assert_eq!(service.get("/livez").await.status, 200);
    assert_eq!(service.get("/health").await.status, 200);
}

#[tokio::test]
async fn a_panic_is_one_requests_problem() {
    let service = Service::new();
    service.trouble.panics.store(true, Ordering::SeqCst);
    let reply = service.get("/stats").await;
    reply.is_problem(500, "internal");
    assert!(!reply.text.contains("secret"), "{}", reply.text);
    service.trouble.panics.store(false, Ordering::SeqCst);
    assert_eq!(service.get("/stats").await.status, 200);
    assert!(service.get("/metrics").await.text.contains("isobase_http_panics_total 1"));
}

#[tokio::test]
async fn metrics_count_by_route_and_never_by_path() {
    let service = Service::new();
    service.get("/records/secret-name/1").await;
    service.get("/nothing/secret-name").await;
    let text = service.get("/metrics").await.text;
    let counted = [
        r#"isobase_http_requests_total{method="GET",route="/records/{collection}/{id}",status="4xx"} 1"#,
        r#"isobase_http_requests_total{method="",route="none",status="4xx"} 1"#,
        r#"isobase_http_request_seconds_count{method="GET",route="/records/{collection}/{id}"} 1"#,
        "isobase_http_requests_in_flight 1",
        "isobase_store_documents 3",
    ];
    for line in counted {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    assert!(!text.contains("secret-name"), "{text}");
}

#[tokio::test]
async fn pages_allow_nothing_from_elsewhere() {
    let service = Service::new();
    for path in ["/docs", "/docs/errors"] {
        let reply = service.get(path).await;
        assert_eq!(reply.header("content-type"), "text/html; charset=utf-8");
        assert!(reply.header("content-security-policy").starts_with("default-src 'none'"));
    }
    assert_eq!(service.get("/openapi.json").await.json(), openapi());
}

#[test]
fn error_page_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
    let written = std::fs::read_to_string(path).unwrap_or_default();
    if std::env::var_os("ISOBASE_UPDATE_DOCS").is_some() {
        std::fs::write(path, errors_markdown()).unwrap();
    } else {
        assert!(
            written == errors_markdown(),
            "docs/errors.md is out of date: run this test with ISOBASE_UPDATE_DOCS=1"
        );
    }
}

#[test]
fn openapi_document_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let written = std::fs::read_to_string(path).unwrap_or_default();
    let document = serde_json::to_string_pretty(&openapi()).unwrap() + "\n";
    if std::env::var_os("ISOBASE_UPDATE_DOCS").is_some() {
        std::fs::write(path, document).unwrap();
    } else {
        assert!(
            written == document,
            "docs/openapi.json is out of date: run this test with ISOBASE_UPDATE_DOCS=1"
        );
    }
}

/// A browser sends simple requests without asking first.
#[tokio::test]
async fn pages_of_other_origins_do_not_write_where_a_list_is_set() {
    let config = ServerConfig {
        cors_origins: vec!["https://app.example".to_owned()],
        ..ServerConfig::default()
    };
    let service = Service::with(config, Authorizer::open());
    for (origin, status) in
        [("https://evil.example", 403), ("null", 403), ("https://app.example", 404)]
    {
        let reply = service.ask(Method::DELETE, "/records/c/1", &[("origin", origin)]).await;
        assert_eq!(reply.status, status, "{origin}");
    }
}

/// A page of elsewhere, which a browser on this machine shows, neither reads nor writes; nor does
/// one under a name that was made to lead here.
#[tokio::test]
async fn open_mode_is_for_this_machine() {
    let http =
        ServerConfig { allowed_hosts: vec!["*.lvh.me".to_owned()], ..ServerConfig::default() };
    let config = isobase_server::ServerConfig { http, ..Default::default() };
    let service = Service::composed(config, Authorizer::open());
    let ask = async |method: Method, host: &str, origin: &str| {
        let mut request = http::Request::builder().method(method).uri("/records/c/1");
        request = request.header("host", host);
        if !origin.is_empty() {
            request = request.header("origin", origin);
        }
        let body = isobase_server::RequestBody::whole("");
        service.app.handle(request.body(body).unwrap()).await
    };
    let allowed = "access-control-allow-origin";
    for (host, origin) in [
        ("localhost:8002", "http://localhost:5173"),
        ("127.0.0.1:8002", "http://127.0.0.1"),
        ("app.lvh.me", "http://app.lvh.me"),
        ("localhost", ""),
    ] {
        assert_eq!(ask(Method::DELETE, host, origin).await.status(), 404, "{origin}");
        let read = ask(Method::GET, host, origin).await;
        assert_eq!(read.headers().get(allowed).map_or("", |o| o.to_str().unwrap()), origin);
    }
    for origin in ["http://evil.example", "null", "http://localhost.evil.example"] {
        assert_eq!(ask(Method::DELETE, "localhost", origin).await.status(), 403, "{origin}");
        let read = ask(Method::GET, "localhost", origin).await;
        assert!(!read.headers().contains_key(allowed), "{origin}");
    }
    for method in [Method::GET, Method::DELETE, Method::OPTIONS] {
        let rebound = ask(method, "evil.example:8002", "http://evil.example:8002").await;
        assert_eq!(rebound.status(), 403);
        assert!(!rebound.headers().contains_key(allowed));
    }
}

#[tokio::test]
async fn a_star_lets_every_page_read_and_write() {
    let config = ServerConfig { cors_origins: vec!["*".to_owned()], ..ServerConfig::default() };
    for authorizer in [Authorizer::open(), Authorizer::new(Some("key"))] {
        let service = Service::with(config.clone(), authorizer);
        let headers = [("origin", "http://page"), ("x-api-key", "key")];
        let reply = service.ask(Method::DELETE, "/records/c/1", &headers).await;
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (404, "*"));
    }
}

#[tokio::test]
async fn what_has_a_tag_is_sent_once() {
    let service = Service::new();
    for path in ["/docs", "/docs/errors", "/openapi.json"] {
        let first = service.get(path).await;
        assert!(first.headers.get_all("vary").iter().any(|v| v == "authorization, x-api-key"));
        let tag = first.header("etag");
        let bare = tag.trim_start_matches("W/");
        for known in [tag.to_owned(), format!("\"x\", {bare}"), "*".to_owned()] {
            let again = service.ask(Method::GET, path, &[("if-none-match", &known)]).await;
            assert_eq!((again.status, again.text.as_str()), (304, ""), "{path} {known}");
            assert_eq!(again.header("etag"), tag);
        }
        let other = service.ask(Method::GET, path, &[("if-none-match", "\"x\"")]).await;
        assert_eq!(other.status, 200, "{path}");
    }
}

#[tokio::test]
async fn long_texts_are_encoded_on_request() {
    use std::io::Read;
    let service = Service::new();
    let ask = async |path: &str, encoding: &str| {
        let request = http::Request::get(path).header("host", "a");
        let request = request.header("accept-encoding", encoding);
        let request = request.body(isobase_server::RequestBody::whole("")).unwrap();
        let (parts, body) = service.app.handle(request).await.into_parts();
        let bytes = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
        (parts.headers, bytes)
    };
    for path in ["/docs/errors", "/docs/rapidoc.js", "/openapi.json", "/metrics"] {
        let plain = service.get(path).await;
        assert!(!plain.headers.contains_key("content-encoding"), "{path}");
        assert!(plain.headers.get_all("vary").iter().any(|value| value == "accept-encoding"));
        let (headers, bytes) = ask(path, "br, gzip").await;
        assert_eq!(headers["content-encoding"], "gzip", "{path}");
        let mut decoded = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut decoded).unwrap();
        // The counters go on.
        assert!(decoded.len() >= plain.text.len() && bytes.len() < decoded.len() / 2, "{path}");
        assert!(!ask(path, "gzip;q=0").await.0.contains_key("content-encoding"), "{path}");
    }
    // Too short, and with a revision that is sent back as it is.
    assert!(!ask("/health", "gzip").await.0.contains_key("content-encoding"));
    let json = [("content-type", "application/json")];
    let document = format!("{{\"a\":\"{}\"}}", "x".repeat(4_000));
    service.ask_with(Method::POST, "/records/c", &json, &document).await;
    assert!(!ask("/records/c/1", "gzip").await.0.contains_key("content-encoding"));
    assert_eq!(ask("/records/c", "gzip").await.0["content-encoding"], "gzip");
    // Streamed: more than one part.
    let lines = [("content-type", "application/x-ndjson")];
    service.ask_with(Method::POST, "/records/s", &lines, &"{\"a\":1}\n".repeat(2_500)).await;
    let plain = service.get("/records/s").await;
    assert!(!plain.headers.contains_key("content-length"));
    let (headers, bytes) = ask("/records/s", "gzip").await;
    assert_eq!(headers["content-encoding"], "gzip");
    let mut decoded = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut decoded).unwrap();
    assert_eq!(decoded, plain.text);
}
