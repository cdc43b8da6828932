//! Where the records of a command are: in a database that is opened here, or behind a service.

use std::{collections::HashMap, time::Duration};

use anyhow::Result;
use isobase::{
    Location, OpenError, Purpose, Store,
    engine::{Engine, NotRead},
    types::{CollectionName, Sequence},
};
use isobase_auth::{Permission, Principal};
use isobase_client::{Client, ClientOptions};
use tempfile::TempDir;

use crate::{
    failure::Failure,
    flags::TargetFlags,
    keys, local,
    opening::{must_exist, open_failure},
    print::Printer,
    settings::{Config, Loaded, internal_api_key, without_line_end},
    source::Source,
};

/// Where the records of a command are.
pub(crate) enum Target {
    /// In a database that this process has opened.
    Direct {
        /// The database.
        store: Store,
        /// The caller, as a service with these settings would see it: marks of writes are the
        /// same with and without the service.
        caller: String,
        /// Where a copy is that stands for the database. Its drop removes it.
        _scratch: Option<TempDir>,
    },
    /// Behind a service.
    Service(Client),
}

impl Target {
    /// Finds the records: the address or URL of the flag, else the database of the settings. A
    /// database that a service holds is reached through that service.
    pub(crate) async fn open(
        flags: &TargetFlags,
        loaded: &Loaded,
        config: &Config,
        printer: Printer,
    ) -> Result<Self> {
        Self::find(flags, None, (loaded, config), printer).await
    }

    /// `reads` is a collection that is read and nothing else.
    async fn find(
        flags: &TargetFlags,
        reads: Option<&CollectionName>,
        (loaded, config): (&Loaded, &Config),
        printer: Printer,
    ) -> Result<Self> {
        let key = flags.key.as_deref().map(without_line_end).filter(|key| !key.is_empty());
        let key = key.or_else(|| internal_api_key(loaded));
        let location = match Address::of(flags, config)? {
            Address::Service(url) => return service(url, key),
            Address::Database(location) => location,
        };
        if !location.is_kept() {
            return match local::service_of(&config.data).await {
                Some(service) if flags.url.is_none() => Ok(Self::Service(service.client(key)?)),
                _ => Err(Failure::usage("the records are in the memory of a service (memory:)")
                    .hint("name the service: --url http://127.0.0.1:8002")
                    .into()),
            };
        }
        // Another database than the one of the settings has schemas of its own.
        let own = location == config.records;
        let schemas = if own { config.schemas.clone() } else { HashMap::new() };
        // A database that a service holds is read through the service.
        if let Some(collection) = reads
            && location.holder().is_none()
        {
            let Source { engine, scratch } = Source::open(&location, config).await?;
            if let Err(error) = must_hold_something(&location, &*engine, Some(collection)).await {
                engine.close().await?;
                return Err(error);
            }
            let store = Store::new(engine, config.options.store).with_schemas(schemas);
            let caller = Principal::Open.mark().to_owned();
            return Ok(Self::Direct { store, caller, _scratch: scratch });
        }
        match location.open(Purpose::Use, &config.options).await {
            Ok(opened) => {
                let store = opened.store(&config.options);
                let caller = caller(key, (loaded, config), &store).await?;
                let store = store.with_schemas(schemas);
                Ok(Self::Direct { store, caller, _scratch: None })
            }
            Err(OpenError::InUse { path, pid, address: Some(address) }) => {
                let process = pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
                let path = path.display();
                printer.note(&format!(
                    "{path} is held by the service at {address}{process}; using it"
                ));
                holder(&address, pid, key, config).await
            }
            Err(error) => Err(open_failure(error).into()),
        }
    }

    /// Finds a collection to read it, in a database that must be there, as [`Target::open`]
    /// does.
    pub(crate) async fn open_to_read(
        flags: &TargetFlags,
        collection: &CollectionName,
        (loaded, config): (&Loaded, &Config),
        printer: Printer,
    ) -> Result<Self> {
        Self::find(flags, Some(collection), (loaded, config), printer).await
    }

    /// Finds a collection to change it, in a database that must be there, as [`Target::open`]
    /// does.
    pub(crate) async fn open_to_change(
        flags: &TargetFlags,
        collection: &CollectionName,
        (loaded, config): (&Loaded, &Config),
        printer: Printer,
    ) -> Result<Self> {
        let location = match Address::of(flags, config)? {
            Address::Service(_) => None,
            Address::Database(location) => Some(location),
        };
        if let Some(location) = &location {
            must_exist(location)?;
        }
        let target = Self::find(flags, None, (loaded, config), printer).await?;
        if let (Some(location), Self::Direct { store, .. }) = (&location, &target)
            && let Err(error) =
                must_hold_something(location, &**store.engine(), Some(collection)).await
        {
            target.close().await?;
            return Err(error);
        }
        Ok(target)
    }

    /// Lets go of the database.
    pub(crate) async fn close(self) -> Result<()> {
        if let Self::Direct { store, .. } = self {
            store.close().await?;
        }
        Ok(())
    }
}

/// The service that holds a database: by the socket of the data folder if it has that one, else by its
/// address.
async fn holder(
    address: &str,
    pid: Option<u32>,
    key: Option<&str>,
    config: &Config,
) -> Result<Target> {
    match local::service_of(&config.data).await {
        Some(holder) if pid.is_some_and(|pid| holder.pid == i32::try_from(pid).ok()) => {
            Ok(Target::Service(holder.client(key)?))
        }
        _ => service(address, key),
    }
}

/// The caller, as a service with these settings would see it. A user who may open the database may
/// write; a caller whom the service would refuse has no mark there, so the one of open mode will do.
async fn caller(
    key: Option<&str>,
    (loaded, config): (&Loaded, &Config),
    store: &Store,
) -> Result<String> {
    if key.is_none() {
        return Ok(Principal::Open.mark().to_owned());
    }
    let authorizer = keys::authorizer(loaded, config, store).await?;
    let principal = authorizer.authorize(key, Permission::Write).await;
    Ok(principal.unwrap_or(Principal::Open).mark().to_owned())
}

/// Where a command looks for records.
enum Address<'a> {
    Service(&'a str),
    Database(Location),
}

impl<'a> Address<'a> {
    fn of(flags: &'a TargetFlags, config: &Config) -> Result<Self, Failure> {
        match flags.url.as_deref() {
            Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
                Ok(Self::Service(url))
            }
            Some(url) => Location::parse(url)
                .map(Self::Database)
                .map_err(|error| Failure::usage(format!("--url: {error}"))),
            None => Ok(Self::Database(config.records.clone())),
        }
    }
}

/// Refuses a database on a server that has nothing in it: there it is made by opening it, so a
/// misspelled name looks like an empty database. `collection` may have declared indexes and
/// nothing else.
pub(crate) async fn must_hold_something(
    location: &Location,
    engine: &dyn Engine,
    collection: Option<&CollectionName>,
) -> Result<()> {
    // A file that is there was made by somebody who meant it.
    if !location.is_on_a_server() {
        return Ok(());
    }
    if engine.latest().await? > Sequence(0) {
        return Ok(());
    }
    // Documents of other programs have no place in the feed, but they are in a collection.
    match engine.collections().await {
        Ok(found) if found.is_empty() => {}
        Ok(_) => return Ok(()),
        Err(error) if error.is_temporary() => return Err(error.into()),
        // The right to read a collection does not include the right to list all of them.
        Err(_) => return Ok(()),
    }
    if let Some(collection) = collection
        && !engine.indexes(collection).await?.is_empty()
    {
        return Ok(());
    }
    let failure = open_failure(OpenError::Nothing { url: location.to_string() });
    let beside = engine.snapshot().await?.not_read().await?;
    Err(match beside.first() {
        Some(NotRead { name, reason }) => {
            failure.hint(format!("there is {name}, which is no collection: {reason}"))
        }
        None => failure,
    }
    .into())
}

/// Reasons why a database is empty.
fn service(address: &str, key: Option<&str>) -> Result<Target> {
    let options = ClientOptions {
        api_key: key.map(str::to_owned),
        answer_deadline: Duration::from_secs(60),
        ..ClientOptions::default()
    };
    let client =
        Client::new(address, options).map_err(|error| Failure::usage(format!("--url: {error}")))?;
    Ok(Target::Service(client))
}
