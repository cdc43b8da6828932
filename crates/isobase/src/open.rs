//! From a URL to a store.

use std::{io, sync::Arc};

use isobase_engine::Engine;
use isobase_store::Store;

use crate::{Location, OpenError, OpenOptions};

/// Opens the database of a URL with the default options.
///
/// # Errors
/// [`OpenError`] when the URL is wrong, its engine is not in this build, or the database cannot
/// be opened.
pub async fn open(url: &str) -> Result<Store, OpenError> {
    open_with(url, &OpenOptions::default()).await
}

/// Opens the database of a URL.
///
/// # Errors
/// As [`open`].
pub async fn open_with(url: &str, options: &OpenOptions) -> Result<Store, OpenError> {
    let location = Location::parse(url)?;
    Ok(open_as_service(&location, options).await?.store)
}

/// A store, and the way to tell other processes where it is served.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    announce: Announce,
}

impl Opened {
    /// Notes the address beside the database, where the engine has a place for it, so that a
    /// process that finds the database in use can ask this one.
    ///
    /// # Errors
    /// The note could not be written.
    pub fn announce(&self, address: &str) -> io::Result<()> {
        (self.announce.0)(address)
    }
}

type Note = dyn Fn(&str) -> io::Result<()> + Send + Sync;

struct Announce(Box<Note>);

impl Announce {
    fn nowhere() -> Self {
        Self(Box::new(|_| Ok(())))
    }
}

impl std::fmt::Debug for Announce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Announce")
    }
}

/// Opens a database for a process that serves it to others.
///
/// # Errors
/// As [`open`].
pub async fn open_as_service(
    location: &Location,
    options: &OpenOptions,
) -> Result<Opened, OpenError> {
    let (engine, announce) = open_engine(location, options).await?;
    Ok(Opened { store: Store::new(engine, options.store), announce })
}

async fn open_engine(
    location: &Location,
    options: &OpenOptions,
) -> Result<(Arc<dyn Engine>, Announce), OpenError> {
    match location {
        #[cfg(feature = "memory")]
        Location::Memory => Ok((memory(options), Announce::nowhere())),
        #[allow(unreachable_patterns, reason = "reached when a feature is off")]
        other => Err(OpenError::NotCompiled { engine: other.engine() }),
    }
}

#[cfg(feature = "memory")]
fn memory(options: &OpenOptions) -> Arc<dyn Engine> {
    use isobase_engine_memory::{MemoryEngine, MemoryOptions};
    let options = MemoryOptions {
        changes_max: usize::try_from(options.retention.changes_max).unwrap_or(usize::MAX),
        idempotency_retention: options.retention.idempotency,
        ..MemoryOptions::default()
    };
    Arc::new(MemoryEngine::new(Arc::new(isobase_engine::SystemClock), options))
}
