//! Accounts as those see them who may do everything.

use http::Method;
use serde_json::{Value, json};

use super::support::App;

const INTERNAL: (&str, &str) = ("authorization", "Bearer internal-key");

async fn ask(app: &App, method: Method, rest: &str, body: Value) -> super::support::Reply {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    app.ask((method, &format!("/api/v1/accounts{rest}")), &[INTERNAL], body).await
}

#[tokio::test]
async fn accounts_are_made_changed_and_deleted() {
    let app = App::new().await;
    let new = json!({ "username": "bob", "password": "a long password", "role": "editor" });
    let made = ask(&app, Method::POST, "", new).await;
    assert_eq!((made.status, &made.json()["role"]), (201, &json!("editor")));
    let bob = app.login("bob", "a long password").await;
    let changed = ask(&app, Method::PATCH, "/bob", json!({ "role": "user" })).await;
    assert_eq!(changed.json()["role"], "user");
    assert_eq!(bob.get("/api/me").await.json()["role"], "user");
    let changed = ask(&app, Method::PATCH, "/bob", json!({ "disabled": true })).await;
    assert_eq!(changed.json()["disabled"], true);
    bob.get("/api/me").await.is_problem(401, "sign_in_required");
    let change = json!({ "disabled": false, "password": "another one" });
    assert_eq!(ask(&app, Method::PATCH, "/bob", change).await.status, 200);
    let bob = app.login("bob", "another one").await;
    assert_eq!(ask(&app, Method::DELETE, "/bob", Value::Null).await.status, 200);
    bob.get("/api/me").await.is_problem(401, "sign_in_required");
    ask(&app, Method::GET, "/bob", Value::Null).await.is_problem(404, "account_not_found");
}

#[tokio::test]
async fn accounts_are_listed_in_parts() {
    let app = App::new().await;
    for name in ["a", "b", "c"] {
        app.register(name).await;
    }
    let first = ask(&app, Method::GET, "?limit=2", Value::Null).await.json();
    assert_eq!(first["accounts"].as_array().unwrap().len(), 2);
    let next = format!("?cursor={}", first["next"].as_str().unwrap());
    let rest = ask(&app, Method::GET, &next, Value::Null).await.json();
    assert_eq!((&rest["accounts"][0]["username"], &rest["next"]), (&json!("c"), &Value::Null));
    // How they are used, where that is asked for: a sign-in is known when its session is over.
    assert_eq!(first["accounts"][0]["usage"], Value::Null);
    app.login("b", "secret").await;
    ask(&app, Method::DELETE, "/b/sessions", Value::Null).await;
    app.login("c", "secret").await;
    let used = ask(&app, Method::GET, "?usage=true", Value::Null).await.json();
    let of = |at: usize| &used["accounts"][at]["usage"];
    assert_eq!((&of(1)["sessions"], &of(2)["sessions"]), (&json!(0), &json!(2)), "{used}");
    assert!(of(1)["last_login_at"].is_string() && of(2)["last_login_at"].is_string(), "{used}");
    let wrong = ask(&app, Method::GET, "?usage=true&limit=101", Value::Null).await;
    wrong.is_problem(422, "invalid_parameter");
    let wrong = ask(&app, Method::GET, "?cursor=x&limit=1", Value::Null).await;
    assert_eq!(wrong.status, 422);
    let wrong = ask(&app, Method::GET, "?limit=0", Value::Null).await;
    wrong.is_problem(422, "invalid_parameter");
}

#[tokio::test]
async fn wrong_changes_are_refused() {
    let app = App::new().await;
    app.owner().await;
    app.register("ann").await;
    for change in [
        json!({ "role": "No role" }),
        json!({ "role": [] }),
        json!({ "disabled": "yes" }),
        json!({ "password": "x".repeat(1_025) }),
    ] {
        let reply = ask(&app, Method::PATCH, "/ann", change).await;
        reply.is_problem(422, "invalid_account");
    }
    let short = json!({ "username": "x", "password": "short", "role": "admin" });
    ask(&app, Method::POST, "", short).await.is_problem(422, "invalid_account");
    for change in [json!({ "role": "user" }), json!({ "disabled": true })] {
        ask(&app, Method::PATCH, "/owner", change).await.is_problem(409, "last_owner");
    }
    ask(&app, Method::DELETE, "/owner", Value::Null).await.is_problem(409, "last_owner");
    ask(&app, Method::PATCH, "/nobody", json!({})).await.is_problem(404, "account_not_found");
}

#[tokio::test]
async fn only_administrators_manage_accounts() {
    let app = App::new().await;
    app.owner().await;
    let admin = json!({ "username": "admin", "password": "a long password", "role": "admin" });
    assert_eq!(ask(&app, Method::POST, "", admin).await.status, 201);
    let user = app.register("ann").await;
    let admin = app.login("admin", "a long password").await;
    let owner = app.login("owner", "a long password").await;
    let requests = [
        (Method::GET, "", Value::Null),
        (Method::POST, "", json!({ "username": "x", "password": "x" })),
        (Method::GET, "/ann", Value::Null),
        (Method::PATCH, "/ann", json!({ "role": "owner" })),
        (Method::DELETE, "/ann", Value::Null),
    ];
    for (method, rest, body) in requests {
        let target = format!("/api/v1/accounts{rest}");
        user.ask(method.clone(), &target, body.clone()).await.is_problem(403, "forbidden");
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let anonymous = app.ask((method, &target), &[], text).await;
        assert_eq!(anonymous.status, 401);
    }
    user.get("/records/c").await.is_problem(403, "forbidden");
    assert_eq!(admin.get("/records/c").await.status, 200);
    let make_owner = json!({ "role": "owner" });
    for (target, change) in
        [("ann", make_owner.clone()), ("owner", json!({ "role": "user" })), ("admin", make_owner)]
    {
        let target = format!("/api/v1/accounts/{target}");
        admin.ask(Method::PATCH, &target, change).await.is_problem(403, "owners_only");
    }
    let delete = admin.ask(Method::DELETE, "/api/v1/accounts/owner", Value::Null).await;
    delete.is_problem(403, "owners_only");
    let change = json!({ "role": "owner", "password": "a long password" });
    let promoted = owner.ask(Method::PATCH, "/api/v1/accounts/ann", change).await;
    assert_eq!(promoted.json()["role"], "owner");
}

#[tokio::test]
async fn an_address_is_taken_for_right_and_that_is_written_down() {
    let app = App::new().await;
    let new = json!({ "username": "bob", "email": "bob@x.org", "password": "a long password" });
    let made = ask(&app, Method::POST, "", new).await.json();
    assert_eq!(made["verified"], false);
    for verified in [true, true, false] {
        let changed = ask(&app, Method::PATCH, "/bob", json!({ "verified": verified })).await;
        assert_eq!(changed.json()["verified"], verified);
    }
    let audit = app.ask((Method::GET, "/api/v1/audit"), &[INTERNAL], String::new()).await.json();
    let actions: Vec<_> =
        audit["entries"].as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
    assert_eq!(actions, ["account.unverified", "account.verified", "account.created"]);
    assert_eq!(audit["entries"][1]["before"]["verified"], false);
    app.register("ann").await;
    let none = ask(&app, Method::PATCH, "/ann", json!({ "verified": true })).await;
    none.is_problem(422, "invalid_account");
}

#[tokio::test]
async fn sessions_of_others_are_listed_and_ended() {
    let app = App::new().await;
    app.owner().await;
    let ann = app.register("ann").await;
    let token = app.token("ann", "secret").await;
    let bearer = [("authorization", format!("Bearer {token}"))];
    let sessions = async || {
        ask(&app, Method::GET, "/ann/sessions", Value::Null).await.json()["sessions"].clone()
    };
    let kinds = |listed: &Value| -> Vec<Value> {
        listed.as_array().unwrap().iter().map(|one| one["kind"].clone()).collect()
    };
    let listed = sessions().await;
    assert_eq!(kinds(&listed), [json!("bearer"), json!("cookie")]);
    assert_eq!(listed[0]["current"], false);
    let one = format!("/ann/sessions/{}", listed[0]["id"].as_str().unwrap());
    assert_eq!(ask(&app, Method::DELETE, &one, Value::Null).await.status, 200);
    let headers: Vec<_> = bearer.iter().map(|(name, value)| (*name, value.as_str())).collect();
    app.ask((Method::GET, "/api/me"), &headers, String::new())
        .await
        .is_problem(401, "unauthenticated");
    assert_eq!(ann.get("/api/me").await.status, 200);
    ask(&app, Method::DELETE, &one, Value::Null).await.is_problem(404, "session_not_found");
    assert_eq!(ask(&app, Method::DELETE, "/ann/sessions", Value::Null).await.status, 200);
    ann.get("/api/me").await.is_problem(401, "sign_in_required");
    assert_eq!(sessions().await, json!([]));
    ask(&app, Method::GET, "/nobody/sessions", Value::Null)
        .await
        .is_problem(404, "account_not_found");
}

#[tokio::test]
async fn sessions_of_an_owner_are_ended_by_owners_only() {
    let app = App::new().await;
    app.owner().await;
    for (name, role) in [("admin", "admin"), ("help", "support")] {
        let new = json!({ "username": name, "password": "a long password", "role": role });
        assert_eq!(ask(&app, Method::POST, "", new).await.status, 201);
    }
    app.register("ann").await;
    let [admin, help, owner] = [
        app.login("admin", "a long password").await,
        app.login("help", "a long password").await,
        app.login("owner", "a long password").await,
    ];
    let end = |whose: &str| format!("/api/v1/accounts/{whose}/sessions");
    admin.ask(Method::DELETE, &end("owner"), Value::Null).await.is_problem(403, "owners_only");
    help.ask(Method::DELETE, &end("admin"), Value::Null).await.is_problem(403, "forbidden");
    assert_eq!(help.ask(Method::DELETE, &end("ann"), Value::Null).await.status, 200);
    assert_eq!(owner.ask(Method::DELETE, &end("admin"), Value::Null).await.status, 200);
    admin.get("/api/me").await.is_problem(401, "sign_in_required");
}
