//! A backup of a document store: `{"metadata": …, "data": {"users": [{"_id": "ann", …}]}}`.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    super::input::open,
    filling::{Filling, Foreign},
};
use crate::failure::Failure;

#[derive(Deserialize)]
struct Backup<'a> {
    #[serde(borrow)]
    data: BTreeMap<String, Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Ids<'a> {
    #[serde(borrow, rename = "_id")]
    native: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

pub(super) async fn read(path: &Path, filling: &mut Filling<'_>) -> Result<()> {
    let mut text = String::new();
    let read = open(path)?.begin().map_err(|error| error.to_string());
    let read = read
        .and_then(|mut input| input.read_to_string(&mut text).map_err(|error| error.to_string()));
    let text = text.trim_start_matches('\u{feff}');
    let backup = read
        .and_then(|_| serde_json::from_str::<Backup<'_>>(text).map_err(|error| error.to_string()));
    let Backup { data } = backup.map_err(|reason| {
        let message = format!("{} is no database of another program: {reason}", path.display());
        Failure::usage(message).hint(
            "records of one collection need its name: --collection; without one a file is a \
             record service's data.db, a document store's backup.json or a PocketBase backup",
        )
    })?;
    // It does not tell when a document was made. The same file gives the same documents, so that
    // an import that was cut off can be resumed.
    let at = fs::metadata(path).and_then(|metadata| metadata.modified());
    let at = at.unwrap_or_else(|_| SystemTime::now()).duration_since(UNIX_EPOCH);
    let at = at.ok().and_then(|since| i64::try_from(since.as_micros()).ok());
    for (collection, documents) in &data {
        for (index, document) in documents.iter().enumerate() {
            let id = id_of(document).ok_or_else(|| {
                let number = index + 1;
                Failure::new(format!("{collection}: document {number} has no _id and no id"))
            })?;
            let record = Foreign {
                id,
                text: document.get().to_owned(),
                without: &["_id", "_rev", "_attachments"],
                created_us: at,
                updated_us: at,
            };
            filling.take(collection, record).await?;
        }
    }
    Ok(())
}

/// A string or an integer.
fn id_of(document: &RawValue) -> Option<String> {
    let ids: Ids<'_> = serde_json::from_str(document.get()).ok()?;
    let id = ids.native.or(ids.id)?.get();
    match serde_json::from_str(id).ok()? {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Number(_) => Some(id.to_owned()),
        _ => None,
    }
}
