//! Licences and installations of another service.

mod file;
mod found;
#[cfg(feature = "postgres")]
mod postgres;
mod service;

use std::path::Path;

use anyhow::Result;
use isobase_licences::{ImportedInstallation, ImportedLicence};

pub(super) use self::found::Source;
use crate::failure::Failure;

/// Licences and installations.
pub(in crate::commands) type Rows = (Vec<ImportedLicence>, Vec<ImportedInstallation>);

/// Reads a file, a database or a service; nothing is written there.
pub(super) async fn read(source: &str, key: Option<&str>) -> Result<Source> {
    let scheme = source.split_once("://").map(|(scheme, _)| scheme);
    // Programs in Python name their driver too: `postgresql+asyncpg`.
    match scheme.map(|scheme| scheme.split('+').next().unwrap_or_default()) {
        None => file::read(Path::new(source)),
        Some("http" | "https") => service::read(source, key).await,
        #[cfg(feature = "postgres")]
        Some("postgres" | "postgresql") => postgres::read(source).await,
        #[cfg(not(feature = "postgres"))]
        Some("postgres" | "postgresql") => {
            Err(Failure::usage("this build has no PostgreSQL").into())
        }
        Some("sqlite") => match isobase::Location::parse(source) {
            Ok(location) => match location.file() {
                Some(path) => file::read(path),
                None => Err(unknown(source).into()),
            },
            Err(error) => Err(Failure::usage(format!("the source: {error}")).into()),
        },
        Some(_) => Err(unknown(source).into()),
    }
}

/// Licences and installations of a file of another service, which was sent to this one.
pub(super) fn read_sent(bytes: &[u8]) -> Result<Rows> {
    let Source { licences, installations, .. } = file::read_sent(bytes)?;
    Ok((licences, installations))
}

fn unknown(source: &str) -> Failure {
    Failure::usage(format!("{} is no license service", isobase::redact(source)))
        .hint("name its SQLite file, postgres://…, or the address of a running one (http://…)")
}
