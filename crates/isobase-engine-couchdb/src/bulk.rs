//! Writing many documents of one database with one request.

use isobase_engine::{EngineError, ErrorKind};
use isobase_journal::Tree;
use tokio::time::Instant;

use crate::{
    client::{Status, segment},
    codec::write_row,
    error::{Complaint, in_doubt, strange},
    shared::Shared,
};

/// The work in its errors.
const WHAT: &str = "writing documents";

/// One document as it is to be written.
pub(crate) struct BulkRow<'a> {
    pub(crate) id: &'a str,
    /// The version it replaces, or with [`Edits::AsTheyAre`] the version it has.
    pub(crate) revision: Option<&'a str>,
    pub(crate) attachments: Option<&'a str>,
    /// Without `_id` and `_rev`, as JSON text.
    pub(crate) document: &'a [u8],
}

/// The meaning of the versions of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edits {
    /// Each row makes a new version of the one it names, if that is the current one.
    New,
    /// Each row is the version it names, as replication writes it: a version that is there
    /// already, or was, changes nothing.
    AsTheyAre,
}

/// The outcome of a request.
pub(crate) enum BulkAnswer {
    /// There is no such database.
    NoDatabase,
    /// Done, but for these rows.
    Done {
        /// Rows whose version is not the current one.
        conflicts: Vec<String>,
        /// Rows that a validation function refused, and why.
        refused: Vec<(String, Complaint)>,
    },
}

impl Shared {
    /// Writes rows.
    pub(crate) async fn bulk(
        &self,
        database: &str,
        edits: Edits,
        rows: &[BulkRow<'_>],
        deadline: Instant,
    ) -> Result<BulkAnswer, EngineError> {
        self.try_bulk(database, edits, rows, deadline).await?
    }

    /// As [`Shared::bulk`]. The inner error is that of a database that takes none of the rows from
    /// us whenever it is asked: it is closed to us, or they are too large.
    pub(crate) async fn try_bulk(
        &self,
        database: &str,
        edits: Edits,
        rows: &[BulkRow<'_>],
        deadline: Instant,
    ) -> Result<Result<BulkAnswer, EngineError>, EngineError> {
        let bytes: usize = rows.iter().map(|row| row.document.len() + row.id.len() + 100).sum();
        let mut body = Vec::with_capacity(bytes);
        body.extend_from_slice(match edits {
            Edits::New => b"{\"docs\":[",
            Edits::AsTheyAre => b"{\"new_edits\":false,\"docs\":[",
        });
        for (place, row) in rows.iter().enumerate() {
            if place > 0 {
                body.push(b',');
            }
            write_row(row.id, row.revision, row.attachments, row.document, &mut body);
        }
        body.extend_from_slice(b"]}");
        let path = format!("/{}/_bulk_docs", segment(database));
        let mut call = self.client.post(path, body, WHAT, deadline);
        call.has_another_way = true;
        let reply = self.client.send(&call).await?;
        match reply.status {
            404 => return Ok(Ok(BulkAnswer::NoDatabase)),
            403 | 413 => return Ok(Err(self.client.refused(WHAT, &reply))),
            // A wrong password is mended one day. Who has none is not let into this database.
            401 if self.client.user().is_none() => {
                return Ok(Err(self.client.refused(WHAT, &reply)));
            }
            _ => {}
        }
        // Stored, but on fewer nodes than the quorum: the record of the commit is safe, and a row
        // that a node misses comes to it by CouchDB's own synchronisation.
        if reply.status == 202 {
            Status::count(&self.client.status.quorum_missed);
        }
        let tree = self.success(&call, reply)?;
        read_answers(&tree).map(Ok)
    }
}

/// Sorts the answers to the rows.
fn read_answers(tree: &Tree) -> Result<BulkAnswer, EngineError> {
    let unclear = || in_doubt(strange(WHAT));
    let (mut conflicts, mut refused) = (Vec::new(), Vec::new());
    for answer in tree.as_array().ok_or_else(unclear)? {
        if answer.get("error").is_none() {
            continue;
        }
        let complaint = Complaint::of_tree(answer);
        let id = answer.get("id").and_then(Tree::as_str).ok_or_else(unclear)?;
        match complaint.error.as_str() {
            "conflict" => conflicts.push(id.to_owned()),
            "forbidden" | "unauthorized" => refused.push((id.to_owned(), complaint)),
            _ => {
                let Complaint { error, reason } = complaint;
                let message = format!("CouchDB did not store '{id}': {error} {reason}");
                return Err(EngineError::new(ErrorKind::OutcomeUnknown, message));
            }
        }
    }
    Ok(BulkAnswer::Done { conflicts, refused })
}
