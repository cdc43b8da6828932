//! `isobase key`: through the running service, or in the database.

use std::{str::FromStr, time::Duration};

use anyhow::Result;
use clap::Subcommand;
use http::Method;
use isobase::{OpenError, Purpose, Store, types::Timestamp};
use isobase_auth::{InvalidScope, KeyInfo, KeyStore, Scope, Scopes};
use isobase_client::{Body, Client, Request};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;

use crate::{
    command::AppCommand,
    failure::Failure,
    flags::AppFlags,
    keys, local,
    opening::open_failure,
    print::Printer,
    service_failure::client_failure,
    settings::{Config, Given, Loaded, parse_duration},
};

/// Make, list and revoke API keys
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and print it; it is not shown again
    Create {
        /// Its name, to list and revoke it by
        name: String,
        /// What it may do, several with commas: read, write, admin, or by feature licences:read,
        /// licences:write, requests:read, requests:write
        #[arg(long = "scope", value_name = "SCOPES")]
        scopes: ScopeList,
        #[command(flatten)]
        app: AppFlags,
    },
    /// List the keys
    List {
        #[command(flatten)]
        app: AppFlags,
    },
    /// Make a key in the place of another one, which goes on for a while, and print it
    Rotate {
        /// Its name or id
        name: String,
        /// How long services accept the former key: 24h, 7d; 0 revokes it at once
        #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
        overlap: Duration,
        #[command(flatten)]
        app: AppFlags,
    },
    /// Revoke a key
    Revoke {
        /// Its name
        name: String,
        #[command(flatten)]
        app: AppFlags,
    },
}

/// The scopes of a key, as one text with commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScopeList(Scopes);

impl FromStr for ScopeList {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let scopes = text.split(',').map(|scope| scope.trim().parse::<Scope>());
        let scopes = Scopes::new(scopes.collect::<Result<Vec<_>, _>>()?);
        scopes.map(Self).ok_or_else(|| InvalidScope(text.to_owned()))
    }
}

/// A duration as settings have it.
fn duration(text: &str) -> Result<Duration, &'static str> {
    parse_duration(text).ok_or("expected a duration such as 24h, 7d or 0")
}

impl AppCommand for KeyCommand {
    fn given(&self) -> Given {
        let (Self::Create { app, .. }
        | Self::List { app }
        | Self::Rotate { app, .. }
        | Self::Revoke { app, .. }) = self;
        app.given()
    }

    async fn run_in(self, (_, config): (&Loaded, &Config), printer: Printer) -> Result<()> {
        let Some(keys) = Keys::find(config, matches!(self, Self::Create { .. })).await? else {
            return match &self {
                Self::Revoke { name, .. } | Self::Rotate { name, .. } => Err(unknown(name).into()),
                _ => {
                    list(&[], printer);
                    Ok(())
                }
            };
        };
        let done = match &self {
            Self::Create { name, scopes, .. } => create(&keys, name, &scopes.0, printer).await,
            Self::List { .. } => keys.list().await.map(|keys| list(&keys, printer)),
            Self::Rotate { name, overlap, .. } => rotate(&keys, name, *overlap, printer).await,
            Self::Revoke { name, .. } => revoke(&keys, name, printer).await,
        };
        keys.close().await?;
        done
    }
}

/// Where the keys are.
enum Keys {
    /// In a database that this process has opened.
    Direct(Store, KeyStore),
    /// Behind the service that has it.
    Service(Client),
}

impl Keys {
    /// Finds them: the running service of the data folder, else the database of the settings.
    /// `None` if no database was ever made, unless it is to be `made`.
    async fn find(config: &Config, made: bool) -> Result<Option<Self>> {
        if let Some(service) = local::service_of(&config.data).await {
            return Ok(Some(Self::Service(service.client(None)?)));
        }
        if !config.records.is_kept() {
            return Err(Failure::usage(format!(
                "the keys are in the memory of a service (memory:), and none runs with the data \
                 folder {}",
                config.data.display()
            ))
            .hint("start it first; a database in memory forgets its keys when it stops")
            .into());
        }
        let is_new = config.records.missing_file().is_some();
        if !made && is_new && !keys::former_path(config).exists() {
            return Ok(None);
        }
        let opened = config.records.open(Purpose::Use, &config.options).await;
        let store = opened.map_err(in_use)?.store(&config.options);
        let keys = keys::of_database(config, &store).await?;
        Ok(Some(Self::Direct(store, keys)))
    }

    async fn create(&self, name: &str, scopes: &Scopes) -> Result<CreatedKey> {
        match self {
            Self::Direct(_, keys) => {
                let created = keys.create(name, scopes.clone()).await?;
                Ok(CreatedKey { info: Key::of(&created.info), key: created.secret })
            }
            Self::Service(client) => {
                let scopes: Vec<_> = scopes.iter().map(|scope| scope.to_string()).collect();
                let body = json!({ "name": name, "scopes": scopes }).to_string();
                let request = request(Method::POST, &[]).body(Body::json(body));
                answer(client, request).await
            }
        }
    }

    async fn list(&self) -> Result<Vec<Key>> {
        match self {
            Self::Direct(_, keys) => Ok(keys.list().await?.iter().map(Key::of).collect()),
            Self::Service(client) => {
                let listed: ListedKeys = answer(client, request(Method::GET, &[])).await?;
                Ok(listed.keys)
            }
        }
    }

    async fn rotate(&self, name: &str, overlap: Duration) -> Result<RotatedKey> {
        match self {
            Self::Direct(_, keys) => {
                let (created, former) = keys.rotate(name, overlap).await?;
                let made = CreatedKey { info: Key::of(&created.info), key: created.secret };
                Ok(RotatedKey { made, former: Key::of(&former) })
            }
            Self::Service(client) => {
                let body = json!({ "overlap_s": overlap.as_secs() }).to_string();
                let request = request(Method::POST, &[name, "rotate"]).body(Body::json(body));
                answer(client, request).await
            }
        }
    }

    async fn revoke(&self, name: &str) -> Result<Key> {
        match self {
            Self::Direct(_, keys) => Ok(Key::of(&keys.revoke(name).await?)),
            Self::Service(client) => answer(client, request(Method::DELETE, &[name])).await,
        }
    }

    async fn close(self) -> Result<()> {
        if let Self::Direct(store, _) = self {
            store.close().await?;
        }
        Ok(())
    }
}

/// A service holds the file, and its socket is not in this data folder.
fn in_use(error: OpenError) -> Failure {
    let held = matches!(error, OpenError::InUse { address: Some(_), .. });
    let failure = open_failure(error);
    match held {
        true => failure.hint("name the data folder of that service: --data FOLDER"),
        false => failure,
    }
}

fn request(method: Method, rest: &[&str]) -> Request {
    Request::new(method, &[&["api", "v1", "keys"], rest].concat())
}

async fn answer<T: DeserializeOwned>(client: &Client, request: Request) -> Result<T> {
    let answer = client.send(request).await.map_err(client_failure)?;
    Ok(answer.json().await.map_err(client_failure)?)
}

/// A key as it is shown.
#[derive(Serialize, Deserialize)]
struct Key {
    id: String,
    name: String,
    scopes: Vec<String>,
    created_at: String,
    last_used_at: Option<String>,
    revoked_at: Option<String>,
    expires_at: Option<String>,
    replaced_by: Option<String>,
}

impl Key {
    fn of(key: &KeyInfo) -> Self {
        let moment = |time| Timestamp::from_system_time(time).to_string();
        Self {
            id: key.id.clone(),
            name: key.name.clone(),
            scopes: key.scopes.iter().map(|scope| scope.to_string()).collect(),
            created_at: moment(key.created_at),
            last_used_at: key.last_used_at.map(moment),
            revoked_at: key.revoked_at.map(moment),
            expires_at: key.expires_at.map(moment),
            replaced_by: key.replaced_by.clone(),
        }
    }

    fn state(&self) -> String {
        let used = match &self.last_used_at {
            Some(used) => format!("used {}", day(used)),
            None => "not used".to_owned(),
        };
        match (&self.revoked_at, &self.expires_at, &self.replaced_by) {
            (Some(revoked), ..) => format!("revoked {}", day(revoked)),
            (None, Some(end), Some(by)) => {
                format!("{used}, replaced by {by}, ends {}", minute(end))
            }
            (None, Some(end), None) => format!("{used}, ends {}", minute(end)),
            (None, None, _) => used,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct CreatedKey {
    #[serde(flatten)]
    info: Key,
    key: String,
}

#[derive(Serialize, Deserialize)]
struct RotatedKey {
    #[serde(flatten)]
    made: CreatedKey,
    former: Key,
}

#[derive(Serialize, Deserialize)]
struct ListedKeys {
    keys: Vec<Key>,
}

async fn create(keys: &Keys, name: &str, scopes: &Scopes, printer: Printer) -> Result<()> {
    let created = keys.create(name, scopes).await?;
    if printer.json {
        printer.json_line(&json!(created));
        return Ok(());
    }
    printer.note(&format!(
        "key {name} ({scopes}) was made; it is shown only now. From now on the service asks for a key."
    ));
    printer.line(&created.key);
    Ok(())
}

fn list(keys: &[Key], printer: Printer) {
    if printer.json {
        printer.json_line(&json!({ "keys": keys }));
        return;
    }
    if keys.is_empty() {
        printer.note("there are no keys; isobase key create makes one");
    }
    let widest = |text: fn(&Key) -> String| {
        keys.iter().map(|key| text(key).chars().count()).max().unwrap_or_default()
    };
    let scopes = |key: &Key| key.scopes.join(",");
    let (names, widths) = (widest(|key| key.name.clone()), widest(scopes));
    for key in keys {
        let (id, name, scopes) = (&key.id, &key.name, scopes(key));
        let (made, state) = (day(&key.created_at), key.state());
        printer.line(&format!("{id}  {name:names$}  {scopes:widths$}  made {made}  {state}"));
    }
}

async fn rotate(keys: &Keys, name: &str, overlap: Duration, printer: Printer) -> Result<()> {
    let rotated = keys.rotate(name, overlap).await?;
    if printer.json {
        printer.json_line(&json!(rotated));
        return Ok(());
    }
    let RotatedKey { made, former } = rotated;
    let end = match &former.expires_at {
        Some(end) => format!("the former one, {}, is accepted until {}", former.id, minute(end)),
        None => format!("the former one, {}, is revoked", former.id),
    };
    printer
        .note(&format!("key {} was made again; it is shown only now, and {end}", made.info.name));
    printer.line(&made.key);
    Ok(())
}

async fn revoke(keys: &Keys, name: &str, printer: Printer) -> Result<()> {
    let revoked = keys.revoke(name).await?;
    if printer.json {
        printer.json_line(&json!(revoked));
        return Ok(());
    }
    let name = &revoked.name;
    printer.note(&format!("key {name} is revoked; running services refuse it within seconds"));
    Ok(())
}

fn unknown(name: &str) -> Failure {
    Failure::new(format!("there is no valid key with the id or name {name:?}"))
        .hint("isobase key list shows the keys of this database")
}

/// A moment to the minute, in UTC.
fn minute(moment: &str) -> String {
    let text: String = moment.chars().take(16).collect();
    format!("{}Z", text.replace('T', " "))
}

fn day(moment: &str) -> String {
    moment.chars().take(10).collect()
}
