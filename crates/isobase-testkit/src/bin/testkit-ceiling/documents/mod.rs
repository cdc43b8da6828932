//! Bare clients of document databases: the bulk call in a loop, so many at a time.
//!
//! Each reads the documents of a collection that the service loaded, and times how long it takes
//! to write the same documents into another one.

mod couchdb;
mod dynamodb;
mod firestore;

use std::{
    future::Future,
    time::{Duration, Instant},
};

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

/// What the service adds to a document begins with this.
const OURS: &str = "isobase_";

/// Options of a copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bulk<'a> {
    /// The server, `http://127.0.0.1:PORT`.
    pub(crate) url: &'a str,
    /// The native name of the collection that is read.
    pub(crate) from: &'a str,
    /// That of the one that is written.
    pub(crate) to: &'a str,
    /// Requests that are under way at a time.
    pub(crate) parallel: usize,
    /// Leaves out what the service adds to each document.
    pub(crate) plain: bool,
}

impl Bulk<'_> {
    fn keeps(&self, field: &str) -> bool {
        !self.plain || !field.starts_with(OURS)
    }

    /// Writes parts of so many documents, and tells how fast it was.
    async fn write<D, F>(
        &self,
        documents: Vec<D>,
        part: usize,
        send: impl Fn(Vec<D>) -> F,
    ) -> Result<Value>
    where
        F: Future<Output = Result<()>>,
    {
        let rows = documents.len();
        let mut documents = documents.into_iter();
        let parts = std::iter::from_fn(|| {
            let part: Vec<D> = documents.by_ref().take(part).collect();
            (!part.is_empty()).then_some(part)
        });
        let started = Instant::now();
        stream::iter(parts)
            .map(send)
            .buffer_unordered(self.parallel.max(1))
            .try_collect::<()>()
            .await?;
        let time = started.elapsed().max(Duration::from_nanos(1));
        Ok(json!({ "rows": rows, "rows_per_second": rows as f64 / time.as_secs_f64() }))
    }
}

/// Sorts whole numbers as the service copies them: some servers find it easier to take ids in the
/// order of their text.
fn place(id: &str) -> (usize, String) {
    (id.len(), id.to_owned())
}

/// Runs the bare client of an engine.
pub(crate) fn bulk(engine: &str, bulk: &Bulk<'_>) -> Result<Value> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match engine {
            "couchdb" => couchdb::bulk(bulk).await,
            "dynamodb" => dynamodb::bulk(bulk).await,
            "firestore" => firestore::bulk(bulk).await,
            _ => anyhow::bail!("{engine} has no bare client here"),
        }
    })
}
