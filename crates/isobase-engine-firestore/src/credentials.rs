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
    /// Whoever an emulator lets do everything.
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
        }
    }
}
