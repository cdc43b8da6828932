//! Who may do what: every route with every kind of credentials.

use std::sync::Arc;

use http::Method;
use isobase_auth::{Authorizer, CreatedKey, KeyStore, Scope};
use isobase_engine::SystemClock;
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_server::{HttpConfig, ServerConfig, compose, openapi, parse_network};
use isobase_store::{Store, StoreOptions};
use isobase_types::Timestamp;

use serde_json::json;

use super::support::{Service, no_sql, no_uploads, no_webhooks};

struct Keyed {
    service: Service,
    keys: KeyStore,
    read: CreatedKey,
    write: CreatedKey,
    admin: CreatedKey,
    revoked: CreatedKey,
}

impl Keyed {
    async fn new() -> Self {
        let engine = MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default());
        let store = Store::new(Arc::new(engine), StoreOptions::default());
        let keys = KeyStore::new(&store);
        let create =
            async |scope: Scope| keys.create(&scope.to_string(), scope.into()).await.unwrap();
        let (read, write, admin) =
            (create(Scope::Read).await, create(Scope::Write).await, create(Scope::Admin).await);
        let revoked = keys.create("revoked", Scope::Admin.into()).await.unwrap();
        keys.revoke("revoked").await.unwrap();
        let authorizer = Authorizer::with_keys(Some("internal-key"), KeyStore::new(&store)).await;
        let files = Some(no_uploads());
        let webhooks = Some(no_webhooks(&store));
        let sql = Some(no_sql());
        let config = ServerConfig { files, webhooks, sql, ..ServerConfig::default() };
        let app = compose(store, Arc::new(authorizer.unwrap()), config);
        let service = Service { app, trouble: Arc::default() };
        Self { service, keys, read, write, admin, revoked }
    }
}

/// Method, path and permission of every route.
fn routes() -> Vec<(Method, String, String)> {
    let document = openapi();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
            let permission = operation["x-permission"].as_str().unwrap().to_owned();
            let path = path.replace("{collection}", "c").replace("{id}", "1");
            routes.push((method, path, permission));
        }
    }
    routes
}

#[tokio::test]
async fn every_route_asks_for_its_permission() {
    let keyed = Keyed::new().await;
    let internal = "internal-key".to_owned();
    // What each caller may do at most: 0 is public, 3 is admin.
    let callers = [
        (None, 0),
        (Some(&keyed.read.secret), 1),
        (Some(&keyed.write.secret), 2),
        (Some(&keyed.admin.secret), 3),
        (Some(&internal), 3),
    ];
    for (method, path, permission) in routes() {
        let levels = [&["public", "anyone"][..], &["read"], &["write"], &["admin"]];
        let level = levels.iter().position(|names| names.contains(&&*permission));
        // What a feature keeps is reached by its own scopes, and by those that allow everything.
        let needed = level.or(permission.contains(':').then_some(3)).unwrap();
        for (key, level) in callers {
            let bearer = key.map(|key| format!("Bearer {key}"));
            let headers: Vec<_> = bearer.iter().map(|b| ("authorization", b.as_str())).collect();
            let reply = keyed.service.ask(method.clone(), &path, &headers).await;
            let context = format!("{method} {path} with level {level}: {}", reply.status);
            match () {
                () if level >= needed => {
                    let is_refused = matches!(reply.status, 401 | 403)
                        && ["unauthenticated", "forbidden"]
                            .contains(&reply.json()["code"].as_str().unwrap());
                    // Whose a file is must be known, so its route asks who comes by itself.
                    let asks_itself =
                        key.is_none() && ["/api/upload", "/api/uploads/tus"].contains(&&*path);
                    assert!(!is_refused || asks_itself, "{context}");
                }
                () if key.is_none() => {
                    // Twenty failures a second are told why; the rest is told to wait.
                    assert!(matches!(reply.status, 401 | 429), "{context}");
                }
                () => assert_eq!(reply.status, 403, "{context}"),
            }
        }
    }
}

#[tokio::test]
async fn unusable_credentials_are_refused() {
    let keyed = Keyed::new().await;
    let bearer = format!("Bearer {}", keyed.read.secret);
    let revoked = format!("Bearer {}", keyed.revoked.secret);
    let long = format!("Bearer {}", "x".repeat(5_000));
    let cases: [&[(&str, &str)]; 8] = [
        &[],
        &[("authorization", "Bearer")],
        &[("authorization", "Bearer x")],
        &[("authorization", "Basic aW50ZXJuYWwta2V5")],
        &[("authorization", &revoked)],
        &[("authorization", &long)],
        &[("authorization", &bearer), ("x-api-key", "internal-key")],
        &[("cookie", "key=internal-key")],
    ];
    for headers in cases {
        let reply = keyed.service.ask(Method::GET, "/stats", headers).await;
        reply.is_problem(401, "unauthenticated");
        assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"isobase\"", "{headers:?}");
        assert!(!reply.text.contains("internal-key"));
    }
    let in_query = keyed.service.get("/records/c?api_key=internal-key&access_token=internal-key");
    in_query.await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn both_headers_carry_keys() {
    let keyed = Keyed::new().await;
    for (name, value) in [
        ("x-api-key", keyed.read.secret.clone()),
        ("authorization", format!("bearer {}", keyed.read.secret)),
    ] {
        let reply = keyed.service.ask(Method::GET, "/stats", &[(name, &value)]).await;
        assert_eq!(reply.status, 200, "{name}");
    }
}

#[tokio::test]
async fn a_revoked_key_ends_with_the_next_refresh() {
    let keyed = Keyed::new().await;
    let headers = [("x-api-key", keyed.write.secret.as_str())];
    assert_eq!(keyed.service.ask(Method::GET, "/stats", &headers).await.status, 200);
    keyed.keys.revoke(&keyed.write.info.id).await.unwrap();
    let authorizer = Arc::clone(&keyed.service.app.gate().authorizer);
    authorizer.refresh().await.unwrap();
    let reply = keyed.service.ask(Method::GET, "/stats", &headers).await;
    reply.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn guessing_is_slowed_and_right_keys_are_not() {
    let keyed = Keyed::new().await;
    let mut limited = 0;
    for _ in 0..100 {
        let reply = keyed.service.ask(Method::GET, "/stats", &[("x-api-key", "guess")]).await;
        if reply.status == 429 {
            reply.is_problem(429, "too_many_failures");
            limited += 1;
        }
    }
    assert!(limited > 0);
    let headers = [("x-api-key", keyed.read.secret.as_str())];
    assert_eq!(keyed.service.ask(Method::GET, "/stats", &headers).await.status, 200);
    let metrics = keyed.service.ask(Method::GET, "/metrics", &headers).await.text;
    assert!(metrics.contains("isobase_http_failed_authentications_total 100"), "{metrics}");
}

#[tokio::test]
async fn only_admins_act_for_other_users() {
    let keyed = Keyed::new().await;
    let target = "/data-store/namespaces/n/records/k";
    let ask = |method, secret: &str, more: &[(&str, &str)]| {
        let bearer = format!("Bearer {secret}");
        let mut headers = vec![("authorization".to_owned(), bearer)];
        headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let service = &keyed.service;
        async move {
            let headers: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            service.ask_with(method, target, &headers, "{\"value\":1}").await
        }
    };
    let put = ask(Method::PUT, &keyed.write.secret, &[]).await;
    assert_eq!(put.json()["userId"], keyed.write.info.id.as_str());
    let own = ("x-user-id", keyed.write.info.id.as_str());
    assert_eq!(ask(Method::GET, &keyed.write.secret, &[own]).await.status, 200);
    let other = ("x-user-id", "ann");
    ask(Method::GET, &keyed.write.secret, &[other]).await.is_problem(403, "forbidden");
    ask(Method::PUT, &keyed.write.secret, &[other]).await.is_problem(403, "forbidden");
    ask(Method::GET, &keyed.read.secret, &[]).await.is_problem(404, "record_not_found");
    let agent = ("x-agent-id", "a");
    ask(Method::GET, &keyed.read.secret, &[agent]).await.is_problem(403, "forbidden");
    for secret in [keyed.admin.secret.as_str(), "internal-key"] {
        assert_eq!(ask(Method::PUT, secret, &[other]).await.json()["userId"], "ann");
        assert_eq!(ask(Method::GET, secret, &[other, agent]).await.status, 200);
        assert_eq!(ask(Method::GET, secret, &[own]).await.status, 200);
    }
    assert_eq!(ask(Method::PUT, "internal-key", &[]).await.json()["userId"], "internal");
}

#[tokio::test]
async fn admins_make_list_and_revoke_keys() {
    let keyed = Keyed::new().await;
    let bearer = format!("Bearer {}", keyed.admin.secret);
    let headers = [("authorization", bearer.as_str())];
    let body = json!({ "name": "new", "scopes": ["read", "licences:write"] }).to_string();
    let made = keyed.service.ask_with(Method::POST, "/api/v1/keys", &headers, &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json()["scopes"], json!(["read", "licences:write"]));
    let key = made.json()["key"].as_str().unwrap().to_owned();
    let with_key = [("x-api-key", key.as_str())];
    assert_eq!(keyed.service.ask(Method::GET, "/stats", &with_key).await.status, 200);
    let denied = keyed.service.ask(Method::GET, "/api/v1/keys", &with_key).await;
    denied.is_problem(403, "forbidden");

    let again = keyed.service.ask_with(Method::POST, "/api/v1/keys", &headers, &body).await;
    again.is_problem(409, "key_name_taken");
    for wrong in [
        json!({ "name": "x", "scopes": [] }),
        json!({ "name": "x", "scopes": ["reed"] }),
        json!({ "name": "", "scopes": ["read"] }),
        json!({ "name": "x" }),
        json!({ "name": "x", "scopes": ["read"], "hash": "0" }),
        json!({ "name": "x", "scopes": ["read"], "days": 0 }),
    ] {
        let wrong = wrong.to_string();
        let refused = keyed.service.ask_with(Method::POST, "/api/v1/keys", &headers, &wrong).await;
        refused.is_problem(422, "invalid_key");
    }

    let body = json!({ "name": "ends", "scopes": ["read"], "days": 30 }).to_string();
    let ends = keyed.service.ask_with(Method::POST, "/api/v1/keys", &headers, &body).await.json();
    let moment = |name: &str| Timestamp::parse(ends[name].as_str().unwrap()).unwrap().unix_us;
    assert_eq!(moment("expires_at") - moment("created_at"), 30 * 86_400_000_000);

    let listed = keyed.service.ask(Method::GET, "/api/v1/keys", &headers).await;
    assert_eq!(listed.json()["keys"].as_array().unwrap().len(), 6);
    let secret = key.rsplit('_').next().unwrap();
    assert!(!listed.text.contains(secret) && !listed.text.contains("hash"), "{}", listed.text);
    let revoked = keyed.service.ask(Method::DELETE, "/api/v1/keys/new", &headers).await;
    assert!(revoked.json()["revoked_at"].is_string(), "{}", revoked.text);
    let refused = keyed.service.ask(Method::GET, "/stats", &with_key).await;
    refused.is_problem(401, "unauthenticated");
    let missing = keyed.service.ask(Method::DELETE, "/api/v1/keys/new", &headers).await;
    missing.is_problem(404, "key_not_found");
}

/// Anyone who reaches it would shut out everybody else.
#[tokio::test]
async fn nobody_makes_the_first_key_over_the_network() {
    let service = Service::new();
    let body = json!({ "name": "mine", "scopes": ["admin"] }).to_string();
    let refused = service.ask_with(Method::POST, "/api/v1/keys", &[], &body).await;
    refused.is_problem(403, "forbidden");
    assert_eq!(service.get("/stats").await.status, 200);
}

#[tokio::test]
async fn those_who_work_on_the_service_come_from_their_addresses() {
    let engine = MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default());
    let store = Store::new(Arc::new(engine), StoreOptions::default());
    let keys = KeyStore::new(&store);
    let reads = keys.create("reads", Scope::Read.into()).await.unwrap().secret.to_string();
    let works = keys.create("works", Scope::Admin.into()).await.unwrap().secret.to_string();
    let authorizer = Authorizer::with_keys(Some("internal-key"), KeyStore::new(&store)).await;
    let networks =
        |texts: &[&str]| texts.iter().filter_map(|text| parse_network(text)).collect::<Vec<_>>();
    let config = ServerConfig {
        http: HttpConfig { trusted_proxies: networks(&["127.0.0.0/8"]), ..HttpConfig::default() },
        admin_addresses: networks(&["192.0.2.0/24", "2001:db8::7"]),
        ..ServerConfig::default()
    };
    let app = compose(store, Arc::new(authorizer.unwrap()), config);
    let service = Service { app, trouble: Arc::default() };
    let asks = async |key: &str, client: &str| {
        let headers = [("x-api-key", key), ("x-forwarded-for", client)];
        service.ask(Method::GET, "/collections", &headers).await
    };
    for key in ["internal-key", works.as_str()] {
        for client in ["192.0.2.7", "2001:db8::7", "::ffff:192.0.2.9"] {
            assert_eq!(asks(key, client).await.status, 200, "{key} {client}");
        }
        asks(key, "198.51.100.1").await.is_problem(403, "address_not_allowed");
    }
    assert_eq!(asks(&reads, "198.51.100.1").await.status, 200);
    let public = [("x-api-key", "internal-key"), ("x-forwarded-for", "198.51.100.1")];
    assert_eq!(service.ask(Method::GET, "/health", &public).await.status, 200);
}

#[tokio::test]
async fn guesses_are_counted_by_the_client_that_a_trusted_proxy_names() {
    let refused = async |proxies: &[&str], clients: fn(u8) -> String| {
        let trusted_proxies = proxies.iter().filter_map(|text| parse_network(text)).collect();
        let config = HttpConfig { trusted_proxies, ..HttpConfig::default() };
        let service = Service::with(config, Authorizer::new(Some("internal-key")));
        let mut refused = 0;
        for number in 0..100 {
            let client = clients(number);
            let headers = [("x-api-key", "guess"), ("x-forwarded-for", client.as_str())];
            let reply = service.ask(Method::GET, "/collections", &headers).await;
            refused += usize::from(reply.status == 429);
        }
        refused
    };
    let many = |number: u8| format!("192.0.2.{number}");
    // One client that pretends to ask for others.
    let one = |number: u8| format!("192.0.2.{number}, 203.0.113.7");
    assert_eq!(refused(&["127.0.0.0/8"], many).await, 0);
    assert!(refused(&["127.0.0.0/8"], one).await > 0);
    assert!(refused(&["10.0.0.0/8"], many).await > 0);
    assert!(refused(&[], many).await > 0);
}
