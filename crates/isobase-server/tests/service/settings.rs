//! Settings that are changed while the service runs, and the mail server that is tried.

use std::sync::{Arc, Mutex};

use http::Method;
use isobase_auth::{
    AccountOptions, Accounts, Authorizer, Delivered, KeyStore, Letters, Mail, MailError, Mailer,
    NewAccount, PasswordOptions, PostOffice, Role, Scope, Sending,
};
use isobase_engine::SystemClock;
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_server::{
    HttpConfig, Offered, OpenTo, RunningSettings, ServerConfig, StoredSettings, compose,
};
use isobase_store::{Store, StoreOptions};
use serde_json::{Value, json};

use super::support::{Reply, Service, soon};

const ONE: &str = "/admin/api/settings/requests.retention";

/// Settings as an executable has them.
#[derive(Debug)]
struct Running;

impl RunningSettings for Running {
    fn list(&self) -> Vec<Offered> {
        let setting = |key: &str, locked_by: Option<&str>| Offered {
            key: key.to_owned(),
            value: Some("30d".to_owned()),
            origin: json!({ "kind": "default" }),
            about: String::new(),
            expects: "a duration".to_owned(),
            default: Some("30d".to_owned()),
            changeable: locked_by.is_none(),
            locked_by: locked_by.map(str::to_owned),
        };
        vec![
            setting("requests.retention", None),
            setting("public_url", None),
            setting("admin_addresses", None),
            setting("audit.keep", Some("the variable ISOBASE_AUDIT_KEEP says its value")),
        ]
    }

    fn check(&self, stored: &[(String, String)]) -> Result<(), String> {
        let is_right = |key: &str, value: &str| key == "admin_addresses" || value.ends_with('d');
        match stored.iter().find(|(key, value)| !is_right(key, value)) {
            Some((key, _)) => Err(format!("{key}: expected a duration")),
            None => Ok(()),
        }
    }
}

fn store() -> Store {
    let engine = MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default());
    Store::new(Arc::new(engine), StoreOptions::default())
}

fn service(store: &Store, authorizer: Authorizer, config: ServerConfig) -> Service {
    let http = HttpConfig { open_to: OpenTo::Everyone, ..HttpConfig::default() };
    let config = ServerConfig { http, settings: Some(Arc::new(Running)), ..config };
    let app = compose(store.clone(), Arc::new(authorizer), config);
    Service { app, trouble: Arc::default() }
}

async fn put(service: &Service, target: &str, value: Value) -> Reply {
    let body = json!({ "value": value }).to_string();
    let headers = [("content-type", "application/json")];
    service.ask_with(Method::PUT, target, &headers, &body).await
}

#[tokio::test]
async fn a_change_is_kept_audited_and_told_to_every_service() {
    let store = store();
    let service = service(&store, Authorizer::open(), ServerConfig::default());
    let kept = StoredSettings::new(&store);
    let place = kept.place().await.unwrap();
    let changed = put(&service, ONE, json!("90d")).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(changed.json()["origin"], json!({ "kind": "database" }));
    soon("the change", kept.changed(place)).await.unwrap();
    let expected = [("requests.retention".to_owned(), "90d".to_owned())];
    assert_eq!(kept.list().await.unwrap(), expected);
    let audit = service.get("/api/v1/audit?object_type=setting").await.json();
    let entry = &audit["entries"][0];
    assert_eq!(
        (&entry["action"], &entry["object_id"], &entry["before"], &entry["after"]),
        (&json!("setting.changed"), &json!("requests.retention"), &json!("30d"), &json!("90d"))
    );
    assert_eq!(service.ask(Method::DELETE, ONE, &[]).await.status, 200);
    assert!(kept.list().await.unwrap().is_empty());
    // What an older version kept can be forgotten, too.
    assert_eq!(service.ask(Method::DELETE, ONE, &[]).await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_nothing_kept() {
    let store = store();
    let service = service(&store, Authorizer::open(), ServerConfig::default());
    put(&service, ONE, json!("soon")).await.is_problem(422, "invalid_body");
    put(&service, ONE, json!({ "days": 90 })).await.is_problem(422, "invalid_body");
    let locked = put(&service, "/admin/api/settings/audit.keep", json!("9d")).await;
    locked.is_problem(409, "setting_locked");
    assert!(locked.text.contains("ISOBASE_AUDIT_KEEP"), "{}", locked.text);
    let unknown = put(&service, "/admin/api/settings/no.such", json!("9d")).await;
    unknown.is_problem(404, "setting_not_found");
    assert!(StoredSettings::new(&store).list().await.unwrap().is_empty());
}

#[tokio::test]
async fn nobody_shuts_themselves_out() {
    let store = store();
    let service = service(&store, Authorizer::open(), ServerConfig::default());
    let target = "/admin/api/settings/admin_addresses";
    let refused = put(&service, target, json!("192.0.2.0/24")).await;
    refused.is_problem(422, "invalid_body");
    assert!(refused.text.contains("you are at 127.0.0.1"), "{}", refused.text);
    assert_eq!(put(&service, target, json!("192.0.2.0/24, 127.0.0.1")).await.status, 200);
    assert_eq!(put(&service, target, json!("")).await.status, 200);
}

#[tokio::test]
async fn only_owners_say_where_letters_lead() {
    let store = store();
    let created = KeyStore::new(&store).create("admin", Scope::Admin.into()).await.unwrap();
    let authorizer = Authorizer::with_keys(Some("internal-key"), KeyStore::new(&store)).await;
    let service = service(&store, authorizer.unwrap(), ServerConfig::default());
    let put = async |key: &str, target: &str, value: &str| {
        let key = format!("Bearer {key}");
        let headers = [("content-type", "application/json"), ("authorization", key.as_str())];
        let body = json!({ "value": value }).to_string();
        service.ask_with(Method::PUT, target, &headers, &body).await
    };
    let (admin, target) = (created.secret.to_string(), "/admin/api/settings/public_url");
    put(&admin, target, "https://app.d").await.is_problem(403, "forbidden");
    assert!(StoredSettings::new(&store).list().await.unwrap().is_empty());
    assert_eq!(put(&admin, ONE, "90d").await.status, 200);
    assert_eq!(put("internal-key", target, "https://app.d").await.status, 200);
}

/// A mail server that takes letters until it is full.
#[derive(Debug, Default)]
struct Box_(Mutex<Vec<Mail>>);

impl Mailer for Box_ {
    fn send<'a>(&'a self, mail: &'a Mail) -> Sending<'a> {
        let mut letters = self.0.lock().unwrap();
        let sent = match letters.is_empty() {
            true => Ok(Delivered { answer: Some("250 2.0.0 queued".to_owned()) }),
            false => Err(MailError("452 4.2.2 mailbox full".to_owned())),
        };
        letters.push(mail.clone());
        Box::pin(std::future::ready(sent))
    }
}

#[tokio::test]
async fn a_letter_goes_to_the_owner_who_asks() {
    let store = store();
    let cheap = PasswordOptions { memory_kib: 8, passes: 1, threads: 2, waiting_max: 10 };
    let accounts = AccountOptions { passwords: cheap, ..AccountOptions::default() };
    let password = "a long password";
    for (name, email) in [("bob", Some("bob@example.com")), ("eve", None)] {
        let made = Accounts::new(&store, accounts.clone());
        made.create(NewAccount { name, email, password }, &Role::owner()).await.unwrap();
    }
    let mailer = Arc::new(Box_::default());
    let post = PostOffice::new(mailer.clone(), Letters::default(), "https://app.example");
    let config = ServerConfig { accounts, mail: Some(post), ..ServerConfig::default() };
    let authorizer = Authorizer::with_keys(Some("internal-key"), KeyStore::new(&store)).await;
    let service = service(&store, authorizer.unwrap(), config);
    let test = async |name: &str| {
        let headers = [("content-type", "application/json")];
        let body = json!({ "username": name, "password": password }).to_string();
        let begun = service.ask_with(Method::POST, "/api/sessions", &headers, &body).await;
        let token = format!("Bearer {}", begun.json()["token"].as_str().unwrap());
        let headers = [("authorization", token.as_str())];
        service.ask(Method::POST, "/api/v1/mail/test", &headers).await
    };
    let sent = test("bob").await.json();
    let expected = json!({
        "to": "bob@example.com", "sent": true, "to_server": true, "answer": "250 2.0.0 queued",
        "error": null,
    });
    assert_eq!(sent, expected);
    assert_eq!(mailer.0.lock().unwrap()[0].to, "bob@example.com");
    let failed = test("bob").await.json();
    assert_eq!(failed["sent"], false);
    assert!(failed["error"].as_str().unwrap().contains("452 4.2.2"), "{failed}");
    test("eve").await.is_problem(409, "no_address");
    let key = [("authorization", "Bearer internal-key")];
    let by_key = service.ask(Method::POST, "/api/v1/mail/test", &key).await;
    by_key.is_problem(409, "no_address");
}
