//! Finding the route.

use http::Method;

use super::support::Service;

#[tokio::test]
async fn unknown_paths_are_not_found() {
    let service = Service::new();
    for path in ["/nothing", "/records/", "/records//1", "/records/a/b/c/d", "/Health", "//health"]
    {
        let reply = service.get(path).await;
        assert_eq!(
            reply.is_problem(404, "route_not_found").json()["detail"],
            "Not Found",
            "{path}"
        );
    }
}

#[tokio::test]
async fn paths_are_split_and_then_decoded() {
    let service = Service::new();
    service.get("/records/a%2Fb").await.is_problem(422, "invalid_collection_name");
    service.get("/records%2Fa").await.is_problem(404, "route_not_found");
    for path in ["/records/a/..", "/records/./a", "/records/a/."] {
        let refused = service.get(path).await;
        let problem = refused.is_problem(400, "malformed_request").json();
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains("%2E")), "{path}");
    }
    let named = service.get("/records/%E2%98%83%20x").await;
    assert_eq!((named.status, named.text.as_str()), (200, "[]"));
    assert_eq!(service.get("/%68ealth").await.status, 200);
}

#[tokio::test]
async fn broken_encodings_are_malformed() {
    let service = Service::new();
    for path in ["/records/%", "/records/%4", "/records/%zz", "/records/%ff", "/records/a/%c3%28"] {
        service.get(path).await.is_problem(400, "malformed_request");
    }
}

#[tokio::test]
async fn last_slash_redirects() {
    let service = Service::new();
    let cases = [
        ("/records/test/", "/records/test"),
        ("/records/test/?a=b%20c", "/records/test?a=b%20c"),
        ("/records/a%20b/", "/records/a%20b"),
        ("/health/", "/health"),
    ];
    for (path, location) in cases {
        for method in [Method::GET, Method::POST] {
            let reply = service.ask(method, path, &[]).await;
            assert_eq!((reply.status, reply.text.as_str()), (307, ""), "{path}");
            assert_eq!(reply.header("location"), location);
        }
    }
}

#[tokio::test]
async fn wrong_methods_name_all_right_ones() {
    let service = Service::new();
    let cases = [
        (Method::DELETE, "/health", "GET, HEAD, OPTIONS"),
        (Method::POST, "/records/c/1", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
        (Method::from_bytes(b"PROPFIND").unwrap(), "/stats", "GET, HEAD, OPTIONS"),
        (Method::TRACE, "/stats", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
        (Method::TRACE, "/nothing", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    ];
    for (method, path, allow) in cases {
        let reply = service.ask(method.clone(), path, &[]).await;
        reply.is_problem(405, "method_not_allowed");
        assert_eq!(reply.json()["detail"], "Method Not Allowed");
        assert_eq!(reply.header("allow"), allow, "{method} {path}");
    }
}

#[tokio::test]
async fn options_name_the_methods() {
    let service = Service::new();
    let reply = service.ask(Method::OPTIONS, "/records/c/1", &[]).await;
    assert_eq!((reply.status, reply.text.as_str()), (204, ""));
    assert_eq!(reply.header("allow"), "GET, HEAD, PUT, PATCH, DELETE, OPTIONS");
    assert_eq!(service.ask(Method::OPTIONS, "/nothing", &[]).await.status, 404);
}

#[tokio::test]
async fn head_is_get_without_its_body() {
    let service = Service::new();
    for path in ["/health", "/docs", "/openapi.json", "/nothing", "/records/c/1"] {
        let get = service.get(path).await;
        let head = service.ask(Method::HEAD, path, &[]).await;
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"));
        assert_eq!(head.header("content-length"), get.text.len().to_string());
    }
}

#[tokio::test]
async fn long_targets_are_refused() {
    let service = Service::new();
    let fits = format!("/health?{}", "x".repeat(8 * 1024 - 8));
    assert_eq!(service.get(&fits).await.status, 200);
    service.get(&format!("{fits}x")).await.is_problem(414, "uri_too_long");
}

#[tokio::test]
async fn names_that_cannot_be_are_refused() {
    let service = Service::new();
    service
        .get(&format!("/records/{}", "x".repeat(129)))
        .await
        .is_problem(422, "invalid_collection_name");
    service.get("/records/a%00b").await.is_problem(422, "invalid_collection_name");
}
