//! Databases that jobs of the service read and write.

use std::{path::PathBuf, sync::Arc};

use futures_util::future::{BoxFuture, FutureExt};
use isobase::{Location, OpenOptions, engine::Engine, ops::FilePlace};
use isobase_jobs::{Databases, Purpose, Target};
use isobase_server::Shelf;

use super::{
    place::{Place, name, unnamed_location},
    same::is_same,
    uploads::{file_place, uploads_of},
};
use crate::{failure::Failure, settings::Config};

/// Opens databases by their URLs, for jobs of the service.
pub(crate) struct OtherDatabases {
    options: OpenOptions,
    own: Location,
    /// Whether callers without credentials may come from elsewhere.
    is_exposed: bool,
    /// Where databases are that go again.
    data: PathBuf,
    /// Where uploads of the service are.
    uploads: Shelf,
}

impl OtherDatabases {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            options: config.options.clone(),
            own: config.records.clone(),
            is_exposed: config.open,
            data: config.data.clone(),
            uploads: Shelf::of(&config.files),
        }
    }
}

/// How the database of the settings is called in reports, without secrets.
pub(crate) fn own_name(config: &Config) -> String {
    name(&config.records)
}

impl Databases for OtherDatabases {
    fn check(&self, url: &str, by_anybody: bool) -> Result<String, String> {
        if by_anybody && self.is_exposed {
            let message = "the service is open to everybody who reaches it, and writes into other \
                           databases only for callers with a key or an account";
            return Err(message.to_owned());
        }
        let location = unnamed_location(url).map_err(told)?;
        match is_same(&location, &self.own) {
            true => Err("it is the database of this service".to_owned()),
            false => Ok(name(&location)),
        }
    }

    fn open<'a>(
        &'a self,
        url: &'a str,
        purpose: Purpose,
    ) -> BoxFuture<'a, Result<Box<dyn Target>, String>> {
        async move {
            let location = unnamed_location(url).map_err(told)?;
            let opened = match purpose {
                Purpose::Load => Place::open_to_load(&location, &self.options).await,
                Purpose::Try => Place::open_to_try(&location, &self.options).await,
            };
            let uploads = uploads_of(&location, &self.own, &self.uploads);
            let uploads = uploads.map(file_place);
            Ok(Box::new(Opened { place: opened.map_err(told)?, uploads }) as Box<dyn Target>)
        }
        .boxed()
    }

    fn scratch(&self) -> BoxFuture<'_, Result<Box<dyn Target>, String>> {
        async move {
            let place = Place::scratch(&self.data, &self.options).await.map_err(told)?;
            Ok(Box::new(Opened { place, uploads: None }) as Box<dyn Target>)
        }
        .boxed()
    }
}

/// A database, and where its uploads are.
struct Opened {
    place: Place,
    uploads: Option<Arc<dyn FilePlace>>,
}

impl Target for Opened {
    fn engine(&self) -> &Arc<dyn Engine> {
        &self.place.engine
    }

    fn files(&self) -> Option<Arc<dyn FilePlace>> {
        self.uploads.clone()
    }

    fn close(self: Box<Self>, succeeded: bool) -> BoxFuture<'static, Result<(), String>> {
        async move {
            let done = if succeeded { Ok(()) } else { Err(()) };
            self.place.close_after(&done).await.map_err(told)
        }
        .boxed()
    }
}

fn told(error: anyhow::Error) -> String {
    Failure::from_error(error).to_string()
}
