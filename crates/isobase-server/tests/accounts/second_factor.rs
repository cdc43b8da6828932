//! The second factor over HTTP.

use http::Method;
use isobase_auth::Clock;
use isobase_types::Timestamp;
use ring::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use serde_json::{Value, json};

use super::support::App;

/// A moment at which time stands still.
const NOW: i64 = 1_800_000_000;

/// What an app shows so many half minutes later.
fn code(secret: &str, later: i64) -> String {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: String =
        secret.chars().map(|c| format!("{:05b}", letters.find(c).unwrap())).collect();
    let byte = |at: usize| u8::from_str_radix(&bits[at * 8..at * 8 + 8], 2).unwrap();
    let bytes: Vec<u8> = (0..bits.len() / 8).map(byte).collect();
    let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    let tag = sign(&key, &(NOW / 30 + later).to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let word = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().unwrap());
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}

async fn app() -> App {
    let clock = Clock::new(|| Timestamp { unix_us: NOW * 1_000_000 });
    let options = isobase_auth::AccountOptions { clock, ..Default::default() };
    App::with(options, isobase_server::HttpConfig::default()).await
}

#[tokio::test]
async fn signing_in_takes_two_steps_from_then_on() {
    let app = app().await;
    let browser = app.register("ann").await;
    let factor = "/api/me/second-factor";
    let ask = |method: Method, body: Value| browser.ask(method, factor, body);
    assert_eq!(browser.get(factor).await.json()["enabled"], false);
    ask(Method::POST, json!({})).await.is_problem(401, "invalid_credentials");
    let offer = ask(Method::POST, json!({ "password": "secret" })).await;
    assert_eq!(offer.status, 200, "{}", offer.text);
    let secret = offer.json()["secret"].as_str().unwrap().to_owned();
    assert!(
        offer.json()["uri"].as_str().unwrap().starts_with("otpauth://totp/Isobase:ann?secret=")
    );
    ask(Method::PUT, json!({})).await.is_problem(400, "account_incomplete");
    ask(Method::PUT, json!({ "code": "guess" })).await.is_problem(401, "wrong_code");
    let confirmed = ask(Method::PUT, json!({ "code": code(&secret, 0) })).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text);
    let recovery = confirmed.json()["recovery_codes"].as_array().unwrap().clone();
    assert_eq!(recovery.len(), 10);
    assert_eq!(browser.get("/api/me").await.json()["second_factor"], true);
    ask(Method::POST, json!({ "password": "secret" })).await.is_problem(409, "second_factor_on");

    let password = json!({ "username": "ann", "password": "secret" });
    for target in ["/api/login", "/api/sessions"] {
        let first = app.post(target, password.clone()).await;
        first.is_problem(401, "second_factor_required");
        assert_eq!(first.header("set-cookie"), "");
        let challenge = first.json()["challenge"].clone();
        // The code that confirmed it is used already.
        let used = json!({ "challenge": challenge, "code": code(&secret, 0) });
        app.post(target, used).await.is_problem(401, "wrong_code");
        let later =
            if target == "/api/login" { json!(code(&secret, 1)) } else { recovery[0].clone() };
        let second = json!({ "challenge": challenge, "code": later });
        let signed_in = app.post(target, second.clone()).await;
        assert_eq!(signed_in.status, 200, "{}", signed_in.text);
        app.post(target, second).await.is_problem(401, "challenge_over");
    }
    let told = browser.get(factor).await.json();
    assert_eq!((&told["enabled"], &told["recovery_codes_left"]), (&json!(true), &json!(9)));
    let renewed = browser.ask(
        Method::POST,
        "/api/me/second-factor/recovery",
        json!({ "password": "secret" }),
    );
    assert_eq!(renewed.await.json()["recovery_codes"].as_array().unwrap().len(), 10);
    ask(Method::DELETE, json!({ "password": "guess" }))
        .await
        .is_problem(401, "invalid_credentials");
    assert_eq!(ask(Method::DELETE, json!({ "password": "secret" })).await.status, 200);
    app.login("ann", "secret").await;
}

#[tokio::test]
async fn an_administrator_resets_it_and_makes_none() {
    let app = app().await;
    let browser = app.register("ann").await;
    app.owner().await;
    let owner = app.login("owner", "a long password").await;
    let body = json!({ "password": "secret" });
    let offer = browser.ask(Method::POST, "/api/me/second-factor", body).await.json();
    let code = code(offer["secret"].as_str().unwrap(), 0);
    let confirmed =
        browser.ask(Method::PUT, "/api/me/second-factor", json!({ "code": code })).await;
    assert_eq!(confirmed.status, 200);
    let account = owner.get("/api/v1/accounts/ann").await;
    assert_eq!(account.json()["second_factor"], true);
    assert!(!account.text.contains(offer["secret"].as_str().unwrap()));
    let change = |factor: bool| {
        owner.ask(Method::PATCH, "/api/v1/accounts/ann", json!({ "second_factor": factor }))
    };
    assert_eq!(change(false).await.json()["second_factor"], false);
    change(true).await.is_problem(422, "invalid_account");
    app.login("ann", "secret").await;
}
