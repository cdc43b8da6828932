//! Owners who act as somebody else.

use http::{Method, header};
use isobase_auth::{NewAccount, Role};
use serde_json::{Value, json};

use super::support::{App, Browser, Reply};

const AS_ANN: &str = "/api/v1/accounts/ann/impersonate";
const END: &str = "/api/impersonation/end";

async fn app() -> App {
    let app = App::with_every_route().await;
    app.owner().await;
    for role in ["admin", "support", "editor"] {
        let new = NewAccount { name: role, email: None, password: "a long password" };
        app.accounts().create(new, &role.parse::<Role>().unwrap()).await.unwrap();
    }
    app.register("ann").await;
    app
}

/// The cookies of a browser after an answer.
fn cookies(reply: &Reply) -> String {
    let lines = reply.headers.get_all(header::SET_COOKIE).iter();
    let pairs = lines.map(|line| line.to_str().unwrap().split(';').next().unwrap());
    pairs.filter(|pair| !pair.ends_with('=')).collect::<Vec<_>>().join("; ")
}

/// The owner's browser, acting as an account.
async fn acting<'a>(app: &'a App, name: &str) -> Browser<'a> {
    let owner = app.login("owner", "a long password").await;
    let target = format!("/api/v1/accounts/{name}/impersonate");
    let begun = owner.ask(Method::POST, &target, Value::Null).await;
    assert_eq!(begun.status, 200, "{}", begun.text);
    assert!(begun.json().get("token").is_none(), "{}", begun.text);
    Browser { app, cookie: cookies(&begun) }
}

#[tokio::test]
async fn an_owner_acts_as_somebody_and_comes_back() {
    let app = app().await;
    let browser = acting(&app, "ann").await;
    let me = browser.get("/api/me").await.json();
    assert_eq!((&me["username"], &me["impersonated_by"]), (&json!("ann"), &json!("owner")));
    let sessions = browser.get("/api/sessions").await.json();
    let marked = sessions["sessions"].as_array().unwrap();
    assert!(marked.iter().any(|it| it["impersonated_by"] == "owner"), "{sessions}");

    let ended = browser.ask(Method::POST, END, Value::Null).await;
    assert_eq!(ended.status, 200, "{}", ended.text);
    let back = Browser { app: &app, cookie: cookies(&ended) };
    let me = back.get("/api/me").await.json();
    assert_eq!((&me["username"], me.get("impersonated_by")), (&json!("owner"), None));
    browser.get("/api/me").await.is_problem(401, "sign_in_required");
    back.ask(Method::POST, END, Value::Null).await.is_problem(409, "not_impersonating");

    let audit = back.get("/api/v1/audit?object_type=account&sort=at").await.json();
    let told: Vec<_> = audit["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["action"].as_str().unwrap().contains("impersonat"))
        .map(|it| (it["action"].clone(), it["actor"].clone(), it["acting_as"].clone()))
        .collect();
    let (owner, ann) = (me["id"].to_string(), marked[0]["id"].is_string());
    assert!(ann);
    let owner = json!(format!("account:{owner}"));
    assert_eq!(told[0], (json!("account.impersonated"), owner.clone(), Value::Null));
    assert_eq!((&told[1].0, &told[1].1), (&json!("account.impersonation_ended"), &owner));
    assert!(told[1].2.as_str().unwrap().starts_with("account:"), "{audit}");
}

#[tokio::test]
async fn when_its_time_is_over_the_own_session_is_back() {
    let app = app().await;
    let browser = acting(&app, "ann").await;
    let own = browser.cookie.split("; ").find(|pair| pair.starts_with("isobase_own")).unwrap();
    // Browsers forget the other cookie by themselves.
    let left = Browser { app: &app, cookie: own.to_owned() };
    left.get("/api/me").await.is_problem(401, "sign_in_required");
    let foreign = [("cookie", own), ("origin", "http://elsewhere.example.com")];
    app.ask((Method::POST, END), &foreign, "").await.is_problem(401, "sign_in_required");
    let back = left.ask(Method::POST, END, Value::Null).await;
    assert_eq!(back.status, 200, "{}", back.text);
    let back = Browser { app: &app, cookie: cookies(&back) };
    assert!(!back.cookie.contains("own"), "{}", back.cookie);
    assert_eq!(back.get("/api/me").await.json()["username"], "owner");
    // A session that is no owner's, or is over, gives nothing back.
    let ann = app.login("ann", "secret").await;
    for token in [ann.cookie.split_once('=').unwrap().1, "ises_none"] {
        let other = Browser { app: &app, cookie: format!("isobase_own_session={token}") };
        let refused = other.ask(Method::POST, END, Value::Null).await;
        refused.is_problem(401, "sign_in_required");
    }
}

#[tokio::test]
async fn nothing_of_the_account_itself_is_changed() {
    let app = app().await;
    let browser = acting(&app, "ann").await;
    for (method, target, body) in [
        (
            Method::PUT,
            "/api/me/password",
            json!({ "current_password": "secret", "new_password": "x" }),
        ),
        (Method::PUT, "/api/me/email", json!({ "email": "a@example.com", "password": "secret" })),
        (Method::DELETE, "/api/me", json!({ "password": "secret" })),
        (Method::POST, "/api/me/second-factor", json!({ "password": "secret" })),
        (Method::DELETE, "/api/sessions", Value::Null),
        (Method::POST, "/api/sessions/renew", Value::Null),
    ] {
        browser.ask(method, target, body).await.is_problem(403, "impersonating");
    }
    // What ann may do herself goes on.
    assert_eq!(browser.get("/api/me/second-factor").await.status, 200);
    app.login("ann", "secret").await;
}

#[tokio::test]
async fn no_rights_over_accounts_and_keys_are_borrowed() {
    let app = app().await;
    let admin = acting(&app, "admin").await;
    assert_eq!(admin.get("/admin/api/overview").await.json()["impersonated_by"], "owner");
    assert_eq!(admin.ask(Method::POST, "/records/c", json!({})).await.status, 201);
    for (method, target) in [
        (Method::POST, "/api/v1/keys"),
        (Method::GET, "/admin/api/settings"),
        (Method::POST, "/api/v1/jobs/copy"),
        (Method::POST, "/api/v1/webhooks"),
        (Method::PATCH, "/api/v1/accounts/ann"),
        (Method::POST, AS_ANN),
    ] {
        admin.ask(method, target, json!({})).await.is_problem(403, "forbidden");
    }
    let support = acting(&app, "support").await;
    assert_eq!(support.get("/api/v1/accounts").await.status, 200);
    support
        .ask(Method::PATCH, "/api/v1/accounts/ann", json!({}))
        .await
        .is_problem(403, "forbidden");
    let audit = app.login("owner", "a long password").await;
    let created =
        admin.ask(Method::POST, "/api/v1/db/license/create", json!({ "email": "a@example.com" }));
    assert_eq!(created.await.status, 200);
    let audit = audit.get("/api/v1/audit?object_type=license").await.json();
    assert!(audit["entries"][0]["acting_as"].is_string(), "{audit}");
}

#[tokio::test]
async fn only_owners_act_and_never_as_owners() {
    let app = app().await;
    let owner = app.login("owner", "a long password").await;
    let another = NewAccount { name: "other", email: None, password: "a long password" };
    app.accounts().create(another, &Role::owner()).await.unwrap();
    for name in ["other", "owner"] {
        let target = format!("/api/v1/accounts/{name}/impersonate");
        owner.ask(Method::POST, &target, Value::Null).await.is_problem(403, "owners_only");
    }
    let admin = app.login("admin", "a long password").await;
    admin.ask(Method::POST, AS_ANN, Value::Null).await.is_problem(403, "owners_only");
    let key = [("authorization", "Bearer internal-key")];
    app.ask((Method::POST, AS_ANN), &key, "").await.is_problem(403, "owners_only");
    let target = "/api/v1/accounts/nobody/impersonate";
    owner.ask(Method::POST, target, Value::Null).await.is_problem(404, "account_not_found");
}

#[tokio::test]
async fn it_ends_with_the_session_and_the_role_of_the_owner() {
    let app = app().await;
    let program = app.token("owner", "a long password").await;
    let headers = [("authorization", program.as_str())];
    let begun = app.ask((Method::POST, AS_ANN), &headers, "").await.json();
    let token = format!("Bearer {}", begun["token"].as_str().unwrap());
    let acting = [("authorization", token.as_str())];
    let me = async || app.ask((Method::GET, "/api/me"), &acting, "").await.status;
    assert_eq!(me().await, 200);
    // One who becomes an owner is not acted as any more.
    let accounts = app.accounts();
    let ann = accounts.find("ann").await.unwrap().unwrap();
    let ann = accounts.set_role(&ann, &Role::owner()).await.unwrap();
    assert_eq!(me().await, 401);
    accounts.set_role(&ann, &Role::user()).await.unwrap();
    assert_eq!(me().await, 200);
    app.ask((Method::POST, "/api/logout"), &headers, "").await;
    assert_eq!(me().await, 401);
}
