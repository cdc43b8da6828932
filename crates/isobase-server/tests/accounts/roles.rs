//! What each role may do in the service: every role with a route of every group.

use http::Method;
use isobase_auth::{NewAccount, Role};
use serde_json::{Value, json};

use super::support::App;

const ROLES: [&str; 6] = ["owner", "admin", "editor", "support", "viewer", "user"];

/// The groups of routes, and who may use them: a letter for each of [`ROLES`], `-` for who may not.
const GROUPS: [(&str, Method, &str, &str); 36] = [
    ("oaesv-", Method::GET, "/admin/api/overview", "overview"),
    ("oaesv-", Method::GET, "/api/v1/audit", "audit"),
    ("oae-v-", Method::GET, "/records/c", "documents"),
    ("oae---", Method::POST, "/records/c", "documents"),
    ("oae---", Method::DELETE, "/records/c/1", "documents"),
    ("oa----", Method::PUT, "/collections/c/schema", "schemas"),
    ("oaesv-", Method::GET, "/api/v1/db/license", "licences"),
    ("oaes--", Method::POST, "/api/v1/db/license/create", "licences"),
    ("oaesv-", Method::GET, "/api/v1/db/requests", "requests"),
    ("oae---", Method::POST, "/api/v1/db/requests", "requests"),
    ("oaesv-", Method::GET, "/api/v1/accounts", "accounts"),
    ("oa-s--", Method::PATCH, "/api/v1/accounts/ann", "accounts"),
    ("oa-s--", Method::POST, "/api/v1/accounts", "accounts"),
    ("oa----", Method::PATCH, "/api/v1/accounts/admin", "accounts of who works here"),
    ("oa----", Method::DELETE, "/api/v1/accounts/viewer", "accounts of who works here"),
    ("oaesv-", Method::GET, "/api/v1/uploads", "uploads"),
    ("oae---", Method::DELETE, "/api/v1/uploads/none.txt", "uploads"),
    ("oae-v-", Method::GET, "/api/v1/jobs", "operations"),
    ("oae-v-", Method::GET, "/api/v1/backups", "operations"),
    ("oae---", Method::POST, "/api/v1/jobs/sweep", "operations"),
    ("oae---", Method::POST, "/api/v1/jobs/backup", "operations"),
    ("oae---", Method::POST, "/api/v1/jobs/none/cancel", "operations"),
    ("oa----", Method::POST, "/api/v1/jobs/copy", "what leaves the service"),
    ("oa----", Method::POST, "/api/v1/jobs/restore", "what leaves the service"),
    ("oa----", Method::GET, "/api/v1/backups/none.isobase", "what leaves the service"),
    ("oae-v-", Method::GET, "/api/v1/webhooks", "webhooks"),
    ("oae-v-", Method::GET, "/api/v1/deliveries", "webhooks"),
    ("oa----", Method::POST, "/api/v1/webhooks", "webhooks"),
    ("oae---", Method::POST, "/api/v1/imports", "imports"),
    ("oa----", Method::PUT, "/admin/api/settings/none", "settings"),
    ("o-----", Method::POST, "/api/v1/accounts/ann/impersonate", "acting as somebody else"),
    ("oa----", Method::GET, "/api/v1/keys", "keys"),
    ("oa----", Method::POST, "/api/v1/keys", "keys"),
    ("o-----", Method::GET, "/api/v1/sql/tables", "a database of the owners' own"),
    ("o-----", Method::GET, "/api/v1/sql/history", "a database of the owners' own"),
    ("o-----", Method::POST, "/api/v1/sql/statements/none/cancel", "a database of the owners' own"),
];

#[tokio::test]
async fn each_role_reaches_its_routes_and_no_others() {
    let app = App::with_every_route().await;
    let accounts = app.accounts();
    for role in ROLES {
        let new = NewAccount { name: role, email: None, password: "a long password" };
        accounts.create(new, &role.parse::<Role>().unwrap()).await.unwrap();
    }
    app.register("ann").await;
    for (index, role) in ROLES.into_iter().enumerate() {
        let browser = app.login(role, "a long password").await;
        for (allowed, method, target, group) in GROUPS {
            let body = if method == Method::GET { Value::Null } else { json!({ "no": "such" }) };
            // The last one is really done.
            if method == Method::DELETE && target.ends_with("viewer") && index < 2 {
                continue;
            }
            let reply = browser.ask(method.clone(), target, body).await;
            let may = allowed.as_bytes()[index] != b'-';
            let context = format!("{role} {method} {target} ({group}): {}", reply.text);
            assert_eq!(reply.status != 403, may, "{context}");
            assert_ne!(reply.status, 401, "{context}");
        }
    }
}

#[tokio::test]
async fn support_makes_no_rights_out_of_its_own() {
    let app = App::new().await;
    let new = NewAccount { name: "sue", email: None, password: "a long password" };
    app.accounts().create(new, &"support".parse().unwrap()).await.unwrap();
    app.register("ann").await;
    let sue = app.login("sue", "a long password").await;
    for role in ["owner", "admin", "editor", "support", "viewer"] {
        let change = json!({ "role": role });
        let refused = sue.ask(Method::PATCH, "/api/v1/accounts/ann", change).await;
        assert_eq!(refused.status, 403, "{role}: {}", refused.text);
        let new = json!({ "username": "x", "password": "a long password", "role": role });
        let refused = sue.ask(Method::POST, "/api/v1/accounts", new).await;
        assert_eq!(refused.status, 403, "{role}: {}", refused.text);
    }
    let itself = sue.ask(Method::PATCH, "/api/v1/accounts/sue", json!({ "role": "admin" })).await;
    itself.is_problem(403, "forbidden");
    let blocked = sue.ask(Method::PATCH, "/api/v1/accounts/ann", json!({ "disabled": true })).await;
    assert_eq!(blocked.json()["disabled"], true);
}

#[tokio::test]
async fn a_role_ends_what_it_gave_with_the_next_request() {
    let app = App::new().await;
    let new = NewAccount { name: "eve", email: None, password: "a long password" };
    app.accounts().create(new, &"editor".parse().unwrap()).await.unwrap();
    let eve = app.login("eve", "a long password").await;
    assert_eq!(eve.get("/records/c").await.status, 200);
    let internal = [("authorization", "Bearer internal-key")];
    let target = (Method::PATCH, "/api/v1/accounts/eve");
    let changed = app.ask(target, &internal, json!({ "role": "user" }).to_string()).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    eve.get("/records/c").await.is_problem(403, "forbidden");
}
