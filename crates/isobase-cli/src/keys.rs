//! The keys of the service, in its data folder.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use isobase::types::Timestamp;
use isobase_auth::{Authorizer, KeyInfo, KeyStore, Scope};

use crate::{
    arguments,
    failure::Failure,
    print::Printer,
    settings::{Config, Loaded, internal_api_key},
};

/// The file of the keys in the data folder.
const KEY_FILE: &str = "keys.db";

/// Decides who may do what, as the service with these settings does.
///
/// The key file is made also where the records lie elsewhere: a key that is created while the
/// service runs must close it. Only where it cannot be made, so that no key can be either, does
/// the service go on without; `needed` says that this is an error.
pub(crate) fn authorizer(
    loaded: &Loaded,
    config: &Config,
    needed: bool,
) -> Result<Arc<Authorizer>> {
    let path = path(config);
    let store = match open(&config.data) {
        Ok(store) => Some(store),
        Err(error) if !needed && !path.exists() => {
            tracing::warn!("there can be no keys: {error:#}");
            None
        }
        Err(error) => return Err(error),
    };
    let authorizer = Authorizer::new(internal_api_key(loaded), store)
        .with_context(|| format!("cannot read the keys in {}", path.display()))?;
    Ok(Arc::new(authorizer))
}

/// `isobase key create`
pub(crate) fn create(
    config: &Config,
    name: &str,
    scope: arguments::Scope,
    printer: Printer,
) -> Result<()> {
    let created = open(&config.data)?.create(name, scope.into())?;
    if printer.json {
        let mut value = describe(&created.info);
        value["key"] = created.secret.into();
        printer.json_line(&value);
    } else {
        printer.note(&format!(
            "key {name} ({}) was made; it is shown only now. From now on the service asks for a key.",
            created.info.scope
        ));
        printer.line(&created.secret);
    }
    Ok(())
}

/// `isobase key list`
pub(crate) fn list(config: &Config, printer: Printer) -> Result<()> {
    let keys = if path(config).exists() { open(&config.data)?.list()? } else { Vec::new() };
    if printer.json {
        let keys: Vec<_> = keys.iter().map(describe).collect();
        printer.json_line(&serde_json::json!({ "keys": keys }));
        return Ok(());
    }
    if keys.is_empty() {
        printer.note("there are no keys; isobase key create makes one");
    }
    let width = keys.iter().map(|key| key.name.chars().count()).max().unwrap_or_default();
    for key in &keys {
        let (created, state) = (day(key.created_at), state(key));
        let (id, name, scope) = (&key.id, &key.name, key.scope.as_str());
        printer.line(&format!("{id}  {name:width$}  {scope:5}  made {created}  {state}"));
    }
    Ok(())
}

/// `isobase key revoke`
pub(crate) fn revoke(config: &Config, name: &str, printer: Printer) -> Result<()> {
    let unknown = || Failure::new(format!("there is no valid key with the id or name {name:?}"));
    if !path(config).exists() {
        return Err(unknown().hint("isobase key list shows the keys of this data folder").into());
    }
    let revoked = open(&config.data)?.revoke(name)?;
    if printer.json {
        printer.json_line(&describe(&revoked));
    } else {
        printer.note(&format!(
            "key {} is revoked; running services refuse it within seconds",
            revoked.name
        ));
    }
    Ok(())
}

fn path(config: &Config) -> PathBuf {
    config.data.join(KEY_FILE)
}

fn open(data: &Path) -> Result<KeyStore> {
    fs::create_dir_all(data)
        .with_context(|| format!("cannot make the data folder {}", data.display()))?;
    let path = data.join(KEY_FILE);
    KeyStore::open(&path).with_context(|| format!("cannot open the keys in {}", path.display()))
}

fn describe(key: &KeyInfo) -> serde_json::Value {
    let moment = |time| Timestamp::from_system_time(time).to_string();
    serde_json::json!({
        "id": key.id,
        "name": key.name,
        "scope": key.scope.as_str(),
        "created_at": moment(key.created_at),
        "last_used_at": key.last_used_at.map(moment),
        "revoked_at": key.revoked_at.map(moment),
    })
}

fn state(key: &KeyInfo) -> String {
    match (key.revoked_at, key.last_used_at) {
        (Some(revoked), _) => format!("revoked {}", day(revoked)),
        (None, Some(used)) => format!("used {}", day(used)),
        (None, None) => "not used".to_owned(),
    }
}

fn day(time: SystemTime) -> String {
    // A clock before 1970 shows as 1970.
    let time = time.max(UNIX_EPOCH);
    Timestamp::from_system_time(time).to_string().chars().take(10).collect()
}

impl From<arguments::Scope> for Scope {
    fn from(scope: arguments::Scope) -> Self {
        match scope {
            arguments::Scope::Read => Self::Read,
            arguments::Scope::Write => Self::Write,
            arguments::Scope::Admin => Self::Admin,
        }
    }
}
