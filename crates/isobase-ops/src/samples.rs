//! Documents of both sides, for people who want to see with their own eyes.

use std::sync::Arc;

use isobase_engine::{Engine, ListRequest};
use isobase_types::{CollectionName, Filter, Order};
use rand::seq::index;
use serde::Serialize;

use crate::OpsError;

/// Documents of a collection among which samples are picked.
const AMONG: u32 = 1_000;
/// Most bytes of the text of one document that is shown.
const SHOWN_BYTES_MAX: usize = 16 << 10;
/// Most bytes of documents that are read of one collection.
const READ_BYTES_MAX: usize = 4 << 20;

/// A document of both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Its collection.
    pub collection: String,
    /// Its id.
    pub id: String,
    /// The document of the source, cut after 16 KiB; `None` where it is gone.
    pub source: Option<String>,
    /// The document of the target.
    pub target: Option<String>,
    /// Whether the whole texts are equal, byte for byte.
    pub equal: bool,
}

/// Reads documents from both sides: at most `max`, picked by chance among the first of each
/// collection, from as many collections as there are.
///
/// # Errors
/// One of the sides cannot be read.
pub async fn samples(
    from: &Arc<dyn Engine>,
    to: &Arc<dyn Engine>,
    collections: &[CollectionName],
    max: usize,
) -> Result<Vec<Sample>, OpsError> {
    let each = max.div_ceil(collections.len().max(1));
    let mut found = Vec::new();
    for collection in collections {
        let request = ListRequest {
            filter: Filter::all(),
            order: Order::default(),
            after: None,
            skip: 0,
            limit: AMONG,
            bytes_max: READ_BYTES_MAX,
            scan_max: u64::MAX,
        };
        let page = from.list(collection, &request).await.map_err(OpsError::source_failed)?;
        let documents = page.documents;
        let wanted = each.min(max - found.len()).min(documents.len());
        let mut picked = index::sample(&mut rand::rng(), documents.len(), wanted).into_vec();
        picked.sort_unstable();
        for document in picked.into_iter().filter_map(|at| documents.get(at)) {
            let there = to.get(collection, &document.id).await.map_err(OpsError::target_failed)?;
            found.push(Sample {
                collection: collection.to_string(),
                id: document.id.to_string(),
                equal: there.as_ref().is_some_and(|there| there.body == document.body),
                source: Some(shown(&document.body)),
                target: there.map(|there| shown(&there.body)),
            });
        }
    }
    Ok(found)
}

/// The beginning of a long text.
fn shown(body: &str) -> String {
    body.get(..body.floor_char_boundary(SHOWN_BYTES_MAX)).unwrap_or(body).to_owned()
}
