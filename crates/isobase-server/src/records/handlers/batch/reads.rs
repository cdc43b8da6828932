//! Batches that read.

use futures_util::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture, stream};
use isobase_http::Problem;
use isobase_store::View as Documents;
use isobase_types::{CollectionName, Document, DocumentId};
use serde_json::value::RawValue;

use super::results::{failed, tag};
use crate::{
    codes,
    failure::{Failure, record_not_found},
    records::wire::{BatchReport, BatchResult, View},
};

/// Documents that are read at a time. Ours: a database at the other end of a network is not
/// waited for once for each.
const AT_ONCE: usize = 16;

/// Reads documents by their ids, each as it is when its turn comes.
pub(super) async fn read<'a>(
    documents: &Documents,
    collection: &CollectionName,
    ids: &'a [DocumentId],
    atomic: bool,
) -> Result<BatchReport<'a>, Failure> {
    if atomic {
        let message = "the documents of a batch are not read at one moment; leave out 'atomic'";
        return Err(Problem::new(codes::INVALID_BATCH, message).into());
    }
    let bytes_max = documents.store().options().page_bytes_max;
    let mut reads: Vec<BoxFuture<'_, _>> = Vec::with_capacity(ids.len());
    for id in ids {
        reads.push(documents.get(collection, id).boxed());
    }
    let mut found = stream::iter(reads).buffered(AT_ONCE);
    let (mut results, mut bytes) = (Vec::with_capacity(ids.len()), 0);
    for id in ids {
        let Some(document) = found.try_next().await? else { break };
        results.push(match document {
            Some(_) if bytes >= bytes_max => failed(&too_much(bytes_max)),
            Some(document) => {
                bytes += document.body.len();
                of_found(id, &document)?
            }
            None => failed(&record_not_found()),
        });
    }
    Ok(BatchReport { results, committed: false })
}

fn of_found<'a>(id: &'a DocumentId, document: &Document) -> Result<BatchResult<'a>, Failure> {
    let mut text = Vec::with_capacity(document.body.len() + 32);
    View::default().write(document, &mut text);
    let text = String::from_utf8(text).ok().and_then(|text| RawValue::from_string(text).ok());
    let record = text.ok_or_else(|| Problem::internal("a stored document is no JSON"))?;
    Ok(BatchResult {
        status: 200,
        id: Some(id.into()),
        etag: Some(tag(&document.revision)),
        record: Some(record),
        ..BatchResult::default()
    })
}

/// What is left is asked for again.
fn too_much(bytes_max: usize) -> Problem {
    let detail = format!("the answer has {bytes_max} bytes; ask for this document again");
    Problem::new(codes::LIMIT_EXCEEDED, detail)
}
