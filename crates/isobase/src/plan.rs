//! Objects that an administrator must create where the service may not.

use isobase_engine::{Engine, EngineError};
use isobase_types::CollectionName;

use crate::Location;

/// Commands or a file of the vendor that create in production what a database needs for some
/// collections; `None` if the service makes everything in its own file or schema.
///
/// `engine` tells the declared indexes, where [`plan_has_indexes`] says so; without it they are
/// left out.
///
/// # Errors
/// When the declared indexes cannot be read.
pub async fn production_plan(
    location: &Location,
    engine: Option<&dyn Engine>,
    collections: &[CollectionName],
) -> Result<Option<String>, EngineError> {
    // Only document databases have plans, and only CouchDB's has indexes.
    let _ = (engine, collections);
    match location {
        #[cfg(feature = "couchdb")]
        Location::Couchdb(url) => {
            let Ok(options) = isobase_engine_couchdb::CouchDbOptions::parse(url) else {
                return Ok(None);
            };
            let catalogue = catalogue(engine, collections).await?;
            let steps = isobase_engine_couchdb::setup_steps(&options, &catalogue, &[]);
            Ok(Some(steps.iter().map(|step| format!("{step}\n")).collect()))
        }
        #[cfg(feature = "dynamodb")]
        Location::Dynamodb(url) => {
            let options = isobase_engine_dynamodb::DynamoDbOptions::parse(url).ok();
            Ok(options.map(|options| isobase_engine_dynamodb::plan(&options, collections)))
        }
        #[cfg(feature = "firestore")]
        Location::Firestore(url) => {
            let options = isobase_engine_firestore::FirestoreOptions::new(url).ok();
            Ok(options.map(|options| isobase_engine_firestore::index_plan(&options, collections)))
        }
        _ => Ok(None),
    }
}

/// Whether declared indexes need something of their own, so that a plan is whole only when the
/// database itself was asked. Elsewhere no one has to open it.
#[must_use]
pub fn plan_has_indexes(location: &Location) -> bool {
    matches!(location, Location::Couchdb(_))
}

/// Collections and their indexes as the journal knows them.
#[cfg(feature = "couchdb")]
async fn catalogue(
    engine: Option<&dyn Engine>,
    collections: &[CollectionName],
) -> Result<Vec<isobase_journal::CatalogueEntry>, EngineError> {
    let mut entries = Vec::new();
    let mut number = 0;
    for collection in collections {
        let declared = match engine {
            Some(engine) => engine.indexes(collection).await?,
            None => Vec::new(),
        };
        let mut indexes = Vec::new();
        for index in declared {
            number += 1;
            indexes.push(isobase_journal::IndexEntry {
                number,
                definition: index.definition,
                state: index.state,
            });
        }
        entries.push(isobase_journal::CatalogueEntry {
            collection: collection.clone(),
            indexes,
            adopted: true,
            deleting: None,
        });
    }
    Ok(entries)
}
