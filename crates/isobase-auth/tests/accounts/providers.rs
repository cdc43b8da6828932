//! Signing in at providers, with a provider that says what a test wants.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use isobase_auth::{
    Account, AccountError, AccountOptions, Accounts, Algorithm, AttemptLimits, Fetch, FetchError,
    Fetched, Fetcher, Fetching, Provider, ProviderError, ProviderKind, Registration, Returned,
    Sealer, SecretSource, SessionKind,
};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use serde_json::{Value, json};

use super::{ADDRESS, Database, new, register, second_factor::app_code};

const ISSUER: &str = "https://id.example.org";
const REDIRECT: &str = "https://app.example.org/api/login/with/id/callback";

/// A provider in this process.
#[derive(Debug, Default)]
struct Fake(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The seed of the key, as a new one is made when it is rotated.
    key: Option<(String, Vec<u8>)>,
    /// Claims that replace the right ones; null leaves one out.
    claims: HashMap<&'static str, Value>,
    header: HashMap<&'static str, Value>,
    nonce: String,
    is_down: bool,
    now: i64,
    /// The forms and the credentials that codes were exchanged with.
    exchanges: Vec<(String, Option<String>)>,
}

impl Fake {
    fn rotate(&self) {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let mut state = self.0.lock().unwrap();
        let number = state.key.as_ref().map_or(0, |(kid, _)| kid.len()) + 1;
        state.key = Some(("k".repeat(number), pkcs8.as_ref().to_vec()));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap());
    }

    fn exchanges(&self) -> usize {
        self.0.lock().unwrap().exchanges.len()
    }
}

impl State {
    fn pair(&self) -> (&str, Ed25519KeyPair) {
        let (kid, pkcs8) = self.key.as_ref().unwrap();
        (kid, Ed25519KeyPair::from_pkcs8(pkcs8).unwrap())
    }

    fn answer(&mut self, request: &Fetch) -> Value {
        match request.url.strip_prefix(ISSUER).unwrap() {
            "/.well-known/openid-configuration" => json!({
                "issuer": ISSUER,
                "authorization_endpoint": format!("{ISSUER}/auth"),
                "token_endpoint": format!("{ISSUER}/token"),
                "userinfo_endpoint": format!("{ISSUER}/me"),
                "jwks_uri": format!("{ISSUER}/jwks"),
                "authorization_response_iss_parameter_supported": true,
            }),
            "/jwks" => {
                let (kid, pair) = self.pair();
                let x = BASE64.encode(pair.public_key());
                let key = json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x });
                json!({ "keys": [{ "kty": "of another time" }, key] })
            }
            "/token" => {
                let form = request.form.clone().unwrap();
                self.exchanges.push((form, request.authorization.clone()));
                json!({ "access_token": "access", "id_token": self.token() })
            }
            "/me" => {
                assert_eq!(request.authorization.as_deref(), Some("Bearer access"));
                json!({ "sub": "7", "email": "Ann@x.org", "email_verified": true })
            }
            other => panic!("{other}"),
        }
    }

    fn token(&self) -> String {
        let (kid, pair) = self.pair();
        let mut header = json!({ "alg": "EdDSA", "kid": kid });
        let mut claims = json!({
            "iss": ISSUER, "sub": "7", "aud": "client", "exp": self.now + 60, "iat": self.now,
            "nonce": self.nonce, "preferred_username": "ann",
        });
        for (whole, changes) in [(&mut header, &self.header), (&mut claims, &self.claims)] {
            for (name, value) in changes {
                whole[*name] = value.clone();
                if value.is_null() {
                    whole.as_object_mut().unwrap().remove(*name);
                }
            }
        }
        let encode = |value: &Value| BASE64.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = BASE64.encode(pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

impl Fetcher for Fake {
    fn fetch(&self, request: Fetch) -> Fetching<'_> {
        let mut state = self.0.lock().unwrap();
        let answer = match state.is_down {
            true => Err(FetchError("connection refused".to_owned())),
            false => {
                let body = state.answer(&request).to_string().into_bytes();
                Ok(Fetched { status: 200, body })
            }
        };
        Box::pin(std::future::ready(answer))
    }
}

struct Service {
    database: Database,
    fake: Arc<Fake>,
    accounts: Accounts,
}

impl Service {
    fn new() -> Self {
        Self::with(AccountOptions::default(), |_| {})
    }

    fn with(options: AccountOptions, change: impl FnOnce(&mut Provider)) -> Self {
        let database = Database::new();
        let fake = Arc::new(Fake::default());
        fake.rotate();
        let accounts = accounts_of(&database, &fake, options, change);
        Self { database, fake, accounts }
    }

    /// Leaves for the provider, and gives what comes back: the state and what the browser keeps.
    async fn leave(&self, link: Option<(&Account, &str)>) -> (String, String) {
        let places = (REDIRECT, "/settings");
        let begun = self.accounts.begin_at_provider("id", places, link, ADDRESS).await.unwrap();
        let parameter = |name: &str| {
            let query = begun.url.split_once('?').unwrap().1;
            let pair = query.split('&').find_map(|it| it.strip_prefix(&format!("{name}=")));
            pair.unwrap().to_owned()
        };
        assert_eq!(parameter("code_challenge_method"), "S256");
        assert_eq!(parameter("state"), begun.state);
        let now = self.database.now.load(Ordering::SeqCst) / 1_000_000;
        self.fake.change(|state| {
            state.nonce = parameter("nonce");
            state.now = now;
        });
        (begun.state, begun.kept)
    }

    async fn return_with(&self, (state, kept): &(String, String)) -> Result<Account, AccountError> {
        let (code, iss) = (Some("code"), Some(ISSUER));
        let returned = Returned { state, code, iss, error: None, kept: Some(kept) };
        let finished = self.accounts.finish_at_provider("id", returned, ADDRESS).await?;
        assert_eq!(finished.back, "/settings");
        finished.outcome
    }

    async fn sign_in(&self) -> Result<Account, AccountError> {
        let left = self.leave(None).await;
        self.return_with(&left).await
    }
}

fn accounts_of(
    database: &Database,
    fake: &Arc<Fake>,
    options: AccountOptions,
    change: impl FnOnce(&mut Provider),
) -> Accounts {
    let limits = AttemptLimits { at_providers: 1_000, ..options.limits };
    let sealer = Some(Sealer::new(SecretSource::Text("0123456789abcdef".into())));
    let registration = options.registration;
    let options = AccountOptions { sealer, limits, registration, ..database.options() };
    let mut provider = Provider {
        id: "id".to_owned(),
        label: "Id".to_owned(),
        kind: ProviderKind::OpenId { issuer: ISSUER.to_owned() },
        client_id: "client".to_owned(),
        client_secret: Some("s+e c%r&t".into()),
        scopes: vec!["openid".to_owned(), "email".to_owned()],
        link_by_email: false,
        algorithms: Algorithm::ALL.to_vec(),
    };
    change(&mut provider);
    provider.check().unwrap();
    let fetcher: Arc<dyn Fetcher> = Arc::clone(fake) as _;
    Accounts::new(&database.store, options).with_providers(vec![provider], &fetcher)
}

fn refusal(outcome: Result<Account, AccountError>) -> String {
    match outcome {
        Err(AccountError::Provider(ProviderError::Refused { reason, .. })) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn who_comes_back_has_an_account_and_keeps_it() {
    let service = Service::new();
    let ann = service.sign_in().await.unwrap();
    assert_eq!((ann.name.as_str(), ann.verified), ("ann", true));
    assert_eq!(ann.email.as_deref(), Some("Ann@x.org"));
    assert_eq!(service.sign_in().await.unwrap(), ann);
    let identities = service.accounts.identities(&ann).await.unwrap();
    assert_eq!((identities.len(), identities[0].subject.as_str()), (1, "7"));
    let state = service.fake.0.lock().unwrap();
    let (form, authorization) = &state.exchanges[0];
    assert!(
        form.contains("grant_type=authorization_code&code=code&redirect_uri=https%3A%2F%2Fapp")
    );
    assert!(!form.contains("secret"), "{form}");
    // `client:s%2Be+c%25r%26t`: both are form-encoded before they become Basic.
    assert_eq!(authorization.as_deref(), Some("Basic Y2xpZW50OnMlMkJlK2MlMjVyJTI2dA=="));
}

#[tokio::test]
async fn what_is_not_of_this_sign_in_is_not_believed() {
    let service = Service::new();
    let now = service.database.now.load(Ordering::SeqCst) / 1_000_000;
    let wrong: [(&'static str, Value); 16] = [
        ("iss", json!("https://id.example.org/")),
        ("iss", json!(null)),
        ("aud", json!("another")),
        ("aud", json!(["client", "another"])),
        ("aud", json!([])),
        ("aud", json!(null)),
        ("azp", json!("another")),
        ("nonce", json!("another")),
        ("nonce", json!(null)),
        ("exp", json!(now - 61)),
        ("exp", json!(null)),
        ("exp", json!("soon")),
        ("iat", json!(now + 3_600)),
        ("sub", json!("")),
        ("sub", json!("8")),
        ("sub", json!("x".repeat(300))),
    ];
    for (name, value) in wrong {
        service.fake.change(|state| state.claims = [(name, value.clone())].into());
        let reason = refusal(service.sign_in().await);
        assert!(!reason.is_empty(), "{name} {value}");
    }
    service.fake.change(|state| state.claims.clear());
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("alg", json!("ES256")),
        ("kid", json!("unknown")),
        ("crit", json!(["exp"])),
    ] {
        service.fake.change(|state| state.header = [(name, value.clone())].into());
        refusal(service.sign_in().await);
    }
    assert!(service.accounts.list(None, 10).await.unwrap().accounts.is_empty());
    service.fake.change(|state| {
        state.header = [("kid", Value::Null)].into();
        state.claims = [("aud", json!(["client"])), ("azp", json!("client"))].into();
    });
    service.sign_in().await.unwrap();
}

#[tokio::test]
async fn only_the_browser_that_left_comes_back_and_once() {
    let service = Service::new();
    let left = service.leave(None).await;
    let other = service.leave(None).await;
    let not_begun = |outcome: Result<Account, AccountError>| {
        let is_so = matches!(outcome, Err(AccountError::Provider(ProviderError::NotBegun)));
        assert!(is_so, "{outcome:?}");
    };
    not_begun(service.return_with(&(left.0.clone(), other.1.clone())).await);
    not_begun(service.return_with(&(left.0.clone(), "s1.00.AA".to_owned())).await);
    not_begun(service.return_with(&(String::new(), left.1.clone())).await);
    let (state, kept) = (left.0.as_str(), Some(left.1.as_str()));
    let finish = async |returned| {
        service.accounts.finish_at_provider("id", returned, ADDRESS).await.map(|_| ())
    };
    for (returned, word) in [
        (Returned { state, kept, error: Some("access_denied"), ..Returned::default() }, "denied"),
        (Returned { state, kept, code: Some("c"), ..Returned::default() }, "issuer"),
        (Returned { state, kept, code: Some("c"), iss: Some("https://x"), error: None }, "issuer"),
        (Returned { state, kept, iss: Some(ISSUER), ..Returned::default() }, "no code"),
    ] {
        let error = finish(returned).await.unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    assert_eq!(service.fake.exchanges(), 0, "nothing of these was worth an exchange");
    // Of several returns at once, to two services, one exchanges the code.
    let second = accounts_of(&service.database, &service.fake, AccountOptions::default(), |_| {});
    service.fake.change(|state| state.claims = [("nonce", json!("of the other"))].into());
    let returned = Returned { state, kept, code: Some("c"), iss: Some(ISSUER), error: None };
    let all = tokio::join!(
        service.accounts.finish_at_provider("id", returned, ADDRESS),
        second.finish_at_provider("id", returned, ADDRESS),
        service.accounts.finish_at_provider("id", returned, ADDRESS),
    );
    assert!(all.0.is_err() && all.1.is_err() && all.2.is_err());
    assert_eq!(service.fake.exchanges(), 1);
    service.database.pass(Duration::from_secs(600));
    not_begun(service.return_with(&other).await);
}

#[tokio::test]
async fn new_keys_are_read_and_a_provider_that_is_down_is_told() {
    let service = Service::new();
    let ann = service.sign_in().await.unwrap();
    service.fake.rotate();
    assert_eq!(service.sign_in().await.unwrap(), ann);
    let left = service.leave(None).await;
    service.fake.change(|state| state.is_down = true);
    let down = service.return_with(&left).await.unwrap_err();
    assert!(matches!(down, AccountError::Provider(ProviderError::Unavailable { .. })), "{down}");
    service.database.pass(Duration::from_secs(3_600));
    let places = (REDIRECT, "/");
    let begun = service.accounts.begin_at_provider("id", places, None, ADDRESS).await.unwrap_err();
    assert!(matches!(begun, AccountError::Provider(ProviderError::Unavailable { .. })), "{begun}");
    for back in ["", "//x", "/\\x", "https://x", "/a b", "x", "/\n"] {
        service.fake.change(|state| state.is_down = false);
        let places = (REDIRECT, back);
        let begun = service.accounts.begin_at_provider("id", places, None, ADDRESS).await;
        let refused = matches!(begun, Err(AccountError::Provider(ProviderError::InvalidReturn(_))));
        assert!(refused, "{back}");
    }
}

#[tokio::test]
async fn an_account_is_never_taken_by_an_address_alone() {
    let with_email = isobase_auth::NewAccount { email: Some("ann@x.org"), ..new("own", "secret") };
    // Anyone who registered with the address may be somebody else.
    for link_by_email in [false, true] {
        let service =
            Service::with(AccountOptions::default(), |it| it.link_by_email = link_by_email);
        service.accounts.register(with_email, ADDRESS).await.unwrap();
        let taken = service.sign_in().await.unwrap_err();
        assert!(matches!(taken, AccountError::EmailTaken), "{taken}");
    }
    // An address that both sides know to be right is one person's, where the operator says so.
    let service = Service::with(AccountOptions::default(), |it| it.link_by_email = true);
    let ann = service.sign_in().await.unwrap();
    service.fake.change(|state| {
        let email = [("email", json!("ann@X.org")), ("email_verified", json!(true))];
        state.claims = email.into_iter().chain([("sub", json!("9"))]).collect();
    });
    let another = service.sign_in().await.unwrap_err();
    assert!(matches!(another, AccountError::EmailTaken), "it has an identity: {another}");
    let ann = service.accounts.set_password(&ann, "secret", None).await.unwrap();
    service.accounts.unlink(&ann, "id").await.unwrap();
    assert_eq!(service.sign_in().await.unwrap().id, ann.id);
    // An address that the provider does not know to be right is no one's.
    let service = Service::new();
    service.fake.change(|state| {
        state.claims = [("email", json!("own@x.org")), ("email_verified", json!(false))].into();
    });
    let ann = service.sign_in().await.unwrap();
    assert_eq!((ann.email.as_deref(), ann.verified), (None, false));
    // The name is taken, so another one gets a longer one.
    service.fake.change(|state| {
        state.claims = [("sub", json!("8")), ("email", json!("b@x.org"))].into();
    });
    let other = service.sign_in().await.unwrap();
    assert!(other.name.starts_with("ann-") && other.id != ann.id, "{}", other.name);
    let closed = AccountOptions { registration: Registration::Closed, ..AccountOptions::default() };
    let service = Service::with(closed, |_| {});
    let refused = service.sign_in().await.unwrap_err();
    assert!(matches!(refused, AccountError::RegistrationClosed), "{refused}");
}

#[tokio::test]
async fn identities_are_linked_and_unlinked_by_their_account() {
    let service = Service::new();
    let own = register(&service.accounts, "own").await;
    let session = service.accounts.sessions().begin(&own, SessionKind::Cookie, None).await.unwrap();
    let left = service.leave(Some((&own, &session.session.id))).await;
    assert_eq!(service.return_with(&left).await.unwrap().id, own.id);
    assert_eq!(service.sign_in().await.unwrap().id, own.id);
    let own = service.accounts.get(&own.id).await.unwrap().unwrap();
    let eve = register(&service.accounts, "eve").await;
    let hers = service.accounts.sessions().begin(&eve, SessionKind::Cookie, None).await.unwrap();
    let left = service.leave(Some((&eve, &hers.session.id))).await;
    let taken = service.return_with(&left).await.unwrap_err();
    assert!(matches!(taken, AccountError::IdentityTaken), "{taken}");
    service.accounts.unlink(&own, "id").await.unwrap();
    let none = service.accounts.unlink(&own, "id").await.unwrap_err();
    assert!(matches!(none, AccountError::NoIdentity(_)));
    // A session that is over links nothing.
    let left = service.leave(Some((&eve, &hers.session.id))).await;
    service.accounts.end_sessions(&eve, None).await.unwrap();
    let over = service.return_with(&left).await.unwrap_err();
    assert!(matches!(over, AccountError::Provider(ProviderError::NotBegun)), "{over}");
    let made = service.sign_in().await.unwrap();
    assert!(made.id != own.id && made.id != eve.id);
    let last = service.accounts.unlink(&made, "id").await.unwrap_err();
    assert!(matches!(last, AccountError::LastIdentity));
    service.accounts.set_disabled(&made, true).await.unwrap();
    let shut_out = service.sign_in().await.unwrap_err();
    assert!(matches!(shut_out, AccountError::WrongCredentials));
}

#[tokio::test]
async fn a_session_from_just_now_stands_for_a_password_that_is_not_there() {
    let service = Service::new();
    let (accounts, ann) = (&service.accounts, service.sign_in().await.unwrap());
    assert!(!accounts.has_password(&ann).await.unwrap());
    let begun = accounts.sessions().begin(&ann, SessionKind::Cookie, None).await.unwrap();
    let asks = (&ann.id, &*begun.session.id);
    assert_eq!(accounts.confirm_in_session(asks, "", ADDRESS).await.unwrap().id, ann.id);
    service.database.pass(Duration::from_secs(601));
    for asks in [asks, (&ann.id, "another")] {
        let old = accounts.confirm_in_session(asks, "", ADDRESS).await.unwrap_err();
        assert!(matches!(old, AccountError::SignInAgain), "{old}");
    }
    // Where there is a password, no session stands for it.
    let own = register(accounts, "own").await;
    assert!(accounts.has_password(&own).await.unwrap());
    let begun = accounts.sessions().begin(&own, SessionKind::Cookie, None).await.unwrap();
    let asks = (&own.id, &*begun.session.id);
    let wrong = accounts.confirm_in_session(asks, "", ADDRESS).await.unwrap_err();
    assert!(matches!(wrong, AccountError::WrongCredentials), "{wrong}");
}

#[tokio::test]
async fn a_second_factor_is_asked_for_after_the_provider() {
    let service = Service::new();
    let accounts = &service.accounts;
    let ann = service.sign_in().await.unwrap();
    let offer = accounts.offer_second_factor(&ann, "x").await.unwrap();
    let ann = accounts.get(&ann.id).await.unwrap().unwrap();
    let code = app_code(&offer.secret, &service.database);
    accounts.confirm_second_factor(&ann, &code).await.unwrap();
    let asked = service.sign_in().await.unwrap_err();
    let AccountError::SecondFactorRequired { challenge, .. } = asked else { panic!("{asked}") };
    service.database.pass(Duration::from_secs(30));
    let code = app_code(&offer.secret, &service.database);
    assert_eq!(accounts.second_step(&challenge, &code, ADDRESS).await.unwrap().id, ann.id);
}
