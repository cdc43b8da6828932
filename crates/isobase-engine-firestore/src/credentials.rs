//! Who we are to Google.
//!
//! The order is that of Google's own libraries: the file that `GOOGLE_APPLICATION_CREDENTIALS`
//! names, what `gcloud auth application-default login` left, the metadata server of the machine.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, Method};
use isobase_engine::{EngineError, ErrorKind};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};
use serde::Deserialize;

use crate::{
    Environment,
    exchange::{self, Answer},
};

/// Whom a token that we sign ourselves is for (google.aip.dev/auth/4111, 2026-11).
const AUDIENCE: &str = "https://firestore.googleapis.com/";
/// Longest life that Google grants a token that we sign ourselves.
const SIGNED_LIFE: Duration = Duration::from_secs(3600);
/// Where a refresh token is exchanged.
const TOKEN_ADDRESS: &str = "https://oauth2.googleapis.com/token";
/// Where the metadata server of a machine in Google Cloud is.
const METADATA_HOST: &str = "metadata.google.internal";

/// Who we are.
pub(crate) enum Credentials {
    /// A caller that an emulator lets do everything.
    Emulator,
    /// A key of a service account.
    ServiceAccount(ServiceAccount),
    /// A person, through `gcloud`.
    User(User),
    /// The service account of this machine.
    Metadata {
        /// Host, and port where it is not 80.
        host: String,
    },
    /// Tokens of a test, in their order; none is a failure.
    #[cfg(test)]
    Scripted(std::sync::Mutex<std::collections::VecDeque<Option<Token>>>),
}

/// A token and how long it lasts.
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) life: Duration,
}

/// A key file of a service account.
pub(crate) struct ServiceAccount {
    email: String,
    key_id: Option<String>,
    key: RsaKeyPair,
    project: Option<String>,
}

/// The file of `gcloud auth application-default login`.
#[derive(Deserialize)]
pub(crate) struct User {
    client_id: String,
    client_secret: String,
    refresh_token: String,
    #[serde(default)]
    quota_project_id: Option<String>,
    /// Only in tests other than Google's.
    #[serde(default = "token_address")]
    token_uri: String,
}

fn token_address() -> String {
    TOKEN_ADDRESS.to_owned()
}

#[derive(Deserialize)]
struct KeyFile {
    client_email: String,
    private_key: String,
    private_key_id: Option<String>,
    project_id: Option<String>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: u64,
}

#[derive(Deserialize)]
struct Kind {
    r#type: Option<String>,
}

impl Credentials {
    /// The credentials of an environment.
    ///
    /// # Errors
    /// When a file is there and cannot be used. Whether there is a metadata server shows with
    /// the first token.
    pub(crate) fn find(environment: &Environment) -> Result<Self, EngineError> {
        if let Some(file) = &environment.credentials_file {
            return Self::from_file(file);
        }
        if let Some(file) = environment.user_file.as_ref().filter(|file| file.is_file()) {
            return Self::from_file(file);
        }
        let host = environment.metadata_host.clone();
        Ok(Self::Metadata { host: host.unwrap_or_else(|| METADATA_HOST.to_owned()) })
    }

    fn from_file(file: &Path) -> Result<Self, EngineError> {
        let text = std::fs::read_to_string(file).map_err(|error| unusable(file, &error))?;
        let kind: Kind = read_json(file, &text)?;
        match kind.r#type.as_deref() {
            Some("service_account") => {
                let account = ServiceAccount::new(read_json(file, &text)?);
                let account = account.map_err(|error| unusable(file, &error))?;
                Ok(Self::ServiceAccount(account))
            }
            Some("authorized_user") => Ok(Self::User(read_json(file, &text)?)),
            other => {
                let kind = other.unwrap_or("none");
                let reason = format!(
                    "their type is '{kind}', known are service_account and authorized_user"
                );
                Err(unusable(file, &reason))
            }
        }
    }

    /// The project the credentials belong to, as far as they say.
    pub(crate) async fn project(&self) -> Result<Option<String>, EngineError> {
        match self {
            Self::Emulator => Ok(None),
            Self::ServiceAccount(account) => Ok(account.project.clone()),
            Self::User(user) => Ok(user.quota_project_id.clone()),
            Self::Metadata { host } => metadata(host, "project/project-id").await.map(Some),
            #[cfg(test)]
            Self::Scripted(_) => Ok(None),
        }
    }

    /// The project that pays for what a person reads and writes.
    pub(crate) fn quota_project(&self) -> Option<&str> {
        match self {
            Self::User(user) => user.quota_project_id.as_deref(),
            _ => None,
        }
    }

    /// A new token.
    pub(crate) async fn token(&self) -> Result<Token, EngineError> {
        match self {
            Self::Emulator => Ok(Token { text: "owner".to_owned(), life: Duration::MAX }),
            Self::ServiceAccount(account) => account.signed_token(SystemTime::now()),
            Self::User(user) => user.token().await,
            Self::Metadata { host } => {
                let text = metadata(host, "instance/service-accounts/default/token").await?;
                token_of(text.as_bytes())
            }
            #[cfg(test)]
            Self::Scripted(tokens) => {
                let token = tokens.lock().expect("no panic").pop_front().flatten();
                token.ok_or_else(|| EngineError::new(ErrorKind::Unavailable, "later"))
            }
        }
    }
}

impl ServiceAccount {
    fn new(file: KeyFile) -> Result<Self, KeyError> {
        let der = PrivateKeyDer::from_pem_slice(file.private_key.as_bytes())
            .map_err(|_| KeyError("private_key is not a key in PEM"))?;
        let key = match &der {
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(KeyError("private_key is no RSA key")),
        };
        let key = key.map_err(|_| KeyError("private_key is no RSA key of 2048 bits or more"))?;
        Ok(Self {
            email: file.client_email,
            key_id: file.private_key_id,
            key,
            project: file.project_id,
        })
    }

    /// A token that we sign ourselves: Google takes it without an exchange.
    fn signed_token(&self, now: SystemTime) -> Result<Token, EngineError> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut head = serde_json::json!({ "alg": "RS256", "typ": "JWT" });
        if let Some(id) = &self.key_id {
            head["kid"] = id.as_str().into();
        }
        let claims = serde_json::json!({
            "iss": self.email,
            "sub": self.email,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + SIGNED_LIFE.as_secs(),
        });
        let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let mut text = format!("{}.{}", encode(head), encode(claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .map_err(|_| {
                EngineError::new(ErrorKind::Unexpected, "the token for Firestore cannot be signed")
            })?;
        text.push('.');
        text.push_str(&URL_SAFE_NO_PAD.encode(signature));
        Ok(Token { text, life: SIGNED_LIFE })
    }
}

impl User {
    async fn token(&self) -> Result<Token, EngineError> {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let form = format!(
            "grant_type=refresh_token&client_id={}&client_secret={}&refresh_token={}",
            encode(&self.client_id),
            encode(&self.client_secret),
            encode(&self.refresh_token),
        );
        let answer =
            exchange::send(Method::POST, &self.token_uri, HeaderMap::new(), Some(form)).await;
        let answer = answer.map_err(|error| no_token(&self.token_uri, error))?;
        let way_out = "log in again with `gcloud auth application-default login`";
        token_of(&accepted(&self.token_uri, answer, way_out)?.body)
    }
}

async fn metadata(host: &str, what: &str) -> Result<String, EngineError> {
    let address = format!("http://{host}/computeMetadata/v1/{what}");
    let mut headers = HeaderMap::new();
    headers.insert("metadata-flavor", HeaderValue::from_static("Google"));
    let answer = exchange::send(Method::GET, &address, headers, None).await;
    let answer = answer.map_err(|error| {
        let message = format!(
            "there are no credentials for Firestore: GOOGLE_APPLICATION_CREDENTIALS is not set, \
             `gcloud auth application-default login` was not run, and there is no metadata \
             server at '{host}'"
        );
        EngineError::with_source(ErrorKind::Unavailable, message, error)
    })?;
    let way_out = "give the machine a service account";
    let body = accepted(&address, answer, way_out)?.body;
    Ok(String::from_utf8_lossy(&body).trim().to_owned())
}

/// Refuses an answer that is not a success. What Google says about a failure holds no secret.
fn accepted(address: &str, answer: Answer, way_out: &str) -> Result<Answer, EngineError> {
    if answer.status == 200 {
        return Ok(answer);
    }
    let status = answer.status;
    let body = String::from_utf8_lossy(&answer.body);
    let body: String = body.split_whitespace().collect::<Vec<_>>().join(" ");
    let body: String = body.chars().take(200).collect();
    let kind =
        if status >= 500 || status == 429 { ErrorKind::Unavailable } else { ErrorKind::Unexpected };
    let message =
        format!("'{address}' gives no token for Firestore, it answers {status}: {body}; {way_out}");
    Err(EngineError::new(kind, message))
}

fn token_of(body: &[u8]) -> Result<Token, EngineError> {
    let answer: TokenAnswer = serde_json::from_slice(body).map_err(|error| {
        let message = format!("the token for Firestore cannot be read: {}", json_place(&error));
        EngineError::new(ErrorKind::Unexpected, message)
    })?;
    Ok(Token { text: answer.access_token, life: Duration::from_secs(answer.expires_in) })
}

fn read_json<'a, T: Deserialize<'a>>(file: &Path, text: &'a str) -> Result<T, EngineError> {
    serde_json::from_str(text).map_err(|error| unusable(file, &json_place(&error)))
}

/// Where JSON is wrong. The whole text of the failure may quote a secret.
fn json_place(error: &serde_json::Error) -> String {
    let reason = error.to_string();
    let missing = reason.split('`').nth(1).filter(|_| reason.starts_with("missing field"));
    match missing {
        Some(field) => format!("'{field}' is missing"),
        None => format!("not as expected at line {}, column {}", error.line(), error.column()),
    }
}

fn no_token(address: &str, error: exchange::NoAnswer) -> EngineError {
    let message = format!("'{address}' gives no token for Firestore");
    EngineError::with_source(ErrorKind::Unavailable, message, error)
}

fn unusable(file: &Path, reason: &dyn fmt::Display) -> EngineError {
    let file = PathBuf::from(file).display().to_string();
    let message = format!("the credentials in '{file}' cannot be used: {reason}");
    EngineError::new(ErrorKind::Unexpected, message)
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct KeyError(&'static str);

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Emulator => f.write_str("an emulator"),
            Self::ServiceAccount(account) => write!(f, "the service account {}", account.email),
            Self::User(_) => f.write_str("a user of gcloud"),
            Self::Metadata { host } => write!(f, "the service account of '{host}'"),
            #[cfg(test)]
            Self::Scripted(_) => f.write_str("a test"),
        }
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        sync::mpsc,
    };

    use super::*;
    use crate::tokens::Tokens;

    /// Made for these tests; it opens nothing.
    const KEY: &str = include_str!("../tests/fixtures/unused_key.pem");

    fn file(content: &serde_json::Value) -> (tempfile::TempDir, Environment) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.json");
        std::fs::write(&path, content.to_string()).unwrap();
        let environment = Environment { credentials_file: Some(path), ..Environment::default() };
        (folder, environment)
    }

    /// Answers every connection with the next answer; tells the requests.
    async fn server(answers: Vec<&'static str>) -> (String, mpsc::UnboundedReceiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (asked, requests) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 4096];
                let length = stream.read(&mut request).await.unwrap();
                let _ = asked.send(String::from_utf8_lossy(&request[..length]).into_owned());
                let (status, body) = answer.split_once(' ').unwrap();
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n\
                     {body}"
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        (host, requests)
    }

    fn user(host: &str) -> serde_json::Value {
        serde_json::json!({
            "type": "authorized_user",
            "client_id": "me&you",
            "client_secret": "s3cret",
            "refresh_token": "r/1",
            "quota_project_id": "payer",
            "token_uri": format!("http://{host}/token"),
        })
    }

    #[tokio::test]
    async fn a_service_account_signs_its_own_tokens() {
        let (_folder, environment) = file(&serde_json::json!({
            "type": "service_account",
            "project_id": "shop",
            "private_key_id": "k1",
            "private_key": KEY,
            "client_email": "me@shop.iam.gserviceaccount.com",
        }));
        let credentials = Credentials::find(&environment).unwrap();
        assert_eq!(credentials.project().await.unwrap().as_deref(), Some("shop"));
        let Credentials::ServiceAccount(account) = &credentials else { panic!("another kind") };
        let token = account.signed_token(UNIX_EPOCH + Duration::from_secs(1_000)).unwrap();
        assert_eq!(token.life, Duration::from_secs(3600));
        let parts: Vec<_> = token.text.split('.').collect();
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
        let json = |part: &str| serde_json::from_slice::<serde_json::Value>(&decode(part)).unwrap();
        let head = serde_json::json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" });
        assert_eq!(json(parts[0]), head);
        let claims = serde_json::json!({
            "iss": "me@shop.iam.gserviceaccount.com",
            "sub": "me@shop.iam.gserviceaccount.com",
            "aud": "https://firestore.googleapis.com/",
            "iat": 1_000,
            "exp": 4_600,
        });
        assert_eq!(json(parts[1]), claims);
        let public = account.key.public_key().as_ref();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public)
            .verify(format!("{}.{}", parts[0], parts[1]).as_bytes(), &decode(parts[2]))
            .unwrap();
    }

    #[tokio::test]
    async fn a_user_exchanges_the_refresh_token() {
        let answers = vec![
            r#"200 {"access_token":"t1","expires_in":3599,"token_type":"Bearer"}"#,
            r#"400 {"error":"invalid_grant"}"#,
            "503 later",
        ];
        let (host, mut requests) = server(answers).await;
        let (_folder, environment) = file(&user(&host));
        let credentials = Credentials::find(&environment).unwrap();
        assert_eq!(credentials.quota_project(), Some("payer"));
        let token = credentials.token().await.unwrap();
        assert_eq!((&*token.text, token.life), ("t1", Duration::from_secs(3599)));
        let request = requests.recv().await.unwrap();
        assert!(request.starts_with("POST /token HTTP/1.1\r\n"), "{request}");
        let form = "grant_type=refresh_token&client_id=me%26you&client_secret=s3cret\
                    &refresh_token=r%2F1";
        assert!(request.ends_with(form), "{request}");
        for (kind, part) in [
            (ErrorKind::Unexpected, "gcloud auth application-default login"),
            (ErrorKind::Unavailable, "answers 503: later"),
        ] {
            let error = credentials.token().await.err().unwrap();
            assert_eq!(error.kind, kind);
            let text = error.to_string();
            assert!(text.contains(part) && !text.contains("s3cret"), "{text}");
        }
    }

    #[tokio::test]
    async fn the_metadata_server_knows_project_and_token() {
        let answers = vec!["200 shop\n", r#"200 {"access_token":"t2","expires_in":10}"#, "404 no"];
        let (host, mut requests) = server(answers).await;
        let environment = Environment { metadata_host: Some(host), ..Environment::default() };
        let credentials = Credentials::find(&environment).unwrap();
        assert_eq!(credentials.project().await.unwrap().as_deref(), Some("shop"));
        assert_eq!(credentials.token().await.unwrap().text, "t2");
        let request = requests.recv().await.unwrap();
        assert!(request.contains("metadata-flavor: Google"), "{request}");
        let error = credentials.token().await.err().unwrap();
        assert!(error.to_string().contains("give the machine a service account"), "{error}");
        // No one listens any more.
        let error = credentials.token().await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(error.to_string().contains("there are no credentials"), "{error}");
    }

    #[test]
    fn files_that_cannot_be_used_are_named() {
        let secret = "do not show";
        let cases = [
            (serde_json::json!({}), "their type is 'none'"),
            (serde_json::json!({ "type": "external_account" }), "'external_account'"),
            (serde_json::json!({ "type": "authorized_user" }), "'client_id' is missing"),
            (
                serde_json::json!({
                    "type": "service_account", "client_email": "e", "private_key": secret,
                }),
                "private_key is not a key in PEM",
            ),
            (
                serde_json::json!({ "type": "authorized_user", "client_id": [secret] }),
                "not as expected at line 1",
            ),
        ];
        for (content, part) in cases {
            let (folder, environment) = file(&content);
            let text = Credentials::find(&environment).err().unwrap().to_string();
            assert!(text.contains(part) && !text.contains(secret), "{text}");
            assert!(text.contains(&folder.path().display().to_string()), "{text}");
        }
        let credentials_file = Some("/does/not/exist.json".into());
        let environment = Environment { credentials_file, ..Environment::default() };
        let text = Credentials::find(&environment).err().unwrap().to_string();
        assert!(text.contains("'/does/not/exist.json' cannot be used"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_are_replaced_in_time_and_used_on_when_none_can_be_had() {
        let token =
            |text: &str| Some(Token { text: text.to_owned(), life: Duration::from_secs(3_600) });
        let script = [token("t1"), token("t2"), None, None, token("t3")];
        let tokens = Tokens::new(Credentials::Scripted(std::sync::Mutex::new(script.into())));
        let header = async |refused| {
            let authorization = tokens.authorization(refused).await;
            authorization.map(|given| (given.header.to_str().unwrap().to_owned(), given.number))
        };
        let first = ("Bearer t1".to_owned(), 1);
        assert_eq!(header(None).await.unwrap(), first);
        tokio::time::advance(Duration::from_secs(3_200)).await;
        assert_eq!(header(None).await.unwrap(), first);
        tokio::time::advance(Duration::from_secs(200)).await;
        let second = ("Bearer t2".to_owned(), 2);
        assert_eq!(header(None).await.unwrap(), second);
        // A token that was replaced already is not replaced again.
        assert_eq!(header(Some(1)).await.unwrap(), second);
        tokio::time::advance(Duration::from_secs(3_400)).await;
        assert_eq!(header(None).await.unwrap(), second);
        tokio::time::advance(Duration::from_secs(3_000)).await;
        assert_eq!(header(None).await.unwrap_err().kind, ErrorKind::Unavailable);
        assert_eq!(header(Some(2)).await.unwrap(), ("Bearer t3".to_owned(), 3));
        assert_eq!(tokens.fetched(), 5);
    }
}
