//! The documents of the journal: ranges of them are read, and some are written.

use isobase_engine::{EngineError, ErrorKind};
use isobase_journal::Tree;
use tokio::time::Instant;

use crate::{
    bulk::{BulkAnswer, BulkRow, Edits},
    client::segment,
    codec::{Found, quoted},
    error::strange,
    record::LOG,
    rows::{Row, journal_path, rows_of},
    shared::Shared,
    versioned::{ANSWER, BODY, CATALOGUE, Versioned, version_of},
};

/// Documents of one answer.
pub(crate) const ROWS_MAX: usize = 1_000;
/// Above this, records are asked for in smaller parts: those of the last second are whole.
const RECORDS_BYTES_MAX: usize = 24 << 20;
/// How often documents are looked at again that another process writes too.
pub(crate) const ROUNDS_MAX: usize = 8;

/// A part of the journal, from an id to before another.
pub(crate) struct Range<'a> {
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    pub(crate) limit: usize,
    pub(crate) descending: bool,
    pub(crate) with_documents: bool,
}

/// Rows of a range.
pub(crate) struct Page {
    pub(crate) rows: Vec<JournalRow>,
    /// There are no more.
    pub(crate) is_last: bool,
}

/// A row of the journal.
pub(crate) struct JournalRow {
    pub(crate) id: String,
    pub(crate) revision: String,
    pub(crate) document: Option<Found>,
}

impl Shared {
    /// Stores documents of which a greater version may be there already.
    pub(crate) async fn store(
        &self,
        documents: &[Versioned],
        deadline: Instant,
    ) -> Result<(), EngineError> {
        let mut open: Vec<(&Versioned, Option<String>)> =
            documents.iter().map(|document| (document, None)).collect();
        for _ in 0..ROUNDS_MAX {
            if open.is_empty() {
                return Ok(());
            }
            let rows: Vec<BulkRow<'_>> = open
                .iter()
                .map(|(document, revision)| BulkRow {
                    id: &document.id,
                    revision: revision.as_deref(),
                    attachments: None,
                    document: &document.text,
                })
                .collect();
            let conflicts = self.bulk_journal(&rows, deadline).await?;
            open.retain(|(document, _)| conflicts.contains(&document.id));
            let ids: Vec<String> = open.iter().map(|(document, _)| document.id.clone()).collect();
            if ids.is_empty() {
                return Ok(());
            }
            let rows = self.read_rows(&self.journal, &ids, true, None, deadline).await?;
            let waiting = std::mem::take(&mut open).into_iter().zip(rows.unwrap_or_default());
            for ((document, _), row) in waiting {
                match row {
                    Row::Live { revision, document: Some(found) } => {
                        if version_of(&found).is_none_or(|version| version < document.version) {
                            open.push((document, Some(revision)));
                        }
                    }
                    Row::Live { revision, .. } | Row::Deleted { revision } => {
                        open.push((document, Some(revision)));
                    }
                    Row::Missing => open.push((document, None)),
                }
            }
        }
        if open.is_empty() {
            return Ok(());
        }
        let message = "other processes change the journal faster than it can be written";
        Err(EngineError::new(ErrorKind::Unavailable, message))
    }

    pub(crate) async fn bulk_journal(
        &self,
        rows: &[BulkRow<'_>],
        deadline: Instant,
    ) -> Result<Vec<String>, EngineError> {
        match self.bulk(&self.journal, Edits::New, rows, deadline).await? {
            BulkAnswer::Done { conflicts, refused } => match refused.first() {
                None => Ok(conflicts),
                Some((id, complaint)) => {
                    let reason = &complaint.reason;
                    let message = format!(
                        "a validation function of the database '{}' refused '{id}': {reason}",
                        self.journal
                    );
                    Err(EngineError::new(ErrorKind::Unexpected, message))
                }
            },
            BulkAnswer::NoDatabase => {
                let message = format!("the database '{}' is gone", self.journal);
                Err(EngineError::new(ErrorKind::Unavailable, message))
            }
        }
    }

    pub(crate) async fn delete_rows(
        &self,
        rows: &[JournalRow],
        deadline: Instant,
    ) -> Result<(), EngineError> {
        if rows.is_empty() {
            return Ok(());
        }
        let rows: Vec<BulkRow<'_>> = rows
            .iter()
            .map(|row| BulkRow {
                id: &row.id,
                revision: Some(&row.revision),
                attachments: None,
                document: b"{\"_deleted\":true}",
            })
            .collect();
        // A conflict: another process deletes or strips it; it is found again.
        self.bulk_journal(&rows, deadline).await.map(|_| ())
    }

    pub(crate) async fn read_document(
        &self,
        id: &str,
        deadline: Instant,
    ) -> Result<Option<Found>, EngineError> {
        const WHAT: &str = "reading the journal";
        let path = journal_path(&self.journal, id);
        let call = self.client.get(path, WHAT, deadline);
        let reply = self.client.send(&call).await?;
        if reply.status == 404 {
            return Ok(None);
        }
        let tree = self.success(&call, reply)?;
        Found::of(tree).map(Some).ok_or_else(|| strange(WHAT))
    }

    pub(crate) async fn rows(
        &self,
        range: &Range<'_>,
        deadline: Instant,
    ) -> Result<Page, EngineError> {
        const WHAT: &str = "reading the journal";
        let mut limit = range.limit;
        loop {
            let (first, last) = match range.descending {
                true => (range.to, range.from),
                false => (range.from, range.to),
            };
            let mut path = format!(
                "/{}/_all_docs?startkey={}&endkey={}&descending={}&inclusive_end={}\
                 &include_docs={}",
                segment(&self.journal),
                segment(&quoted(first)),
                segment(&quoted(last)),
                range.descending,
                range.descending,
                range.with_documents,
            );
            if limit < usize::MAX {
                path.push_str(&format!("&limit={limit}"));
            }
            let mut call = self.client.get(path, WHAT, deadline);
            if limit > 1 && range.with_documents {
                call.answer_bytes_max = RECORDS_BYTES_MAX;
            }
            let reply = match self.client.send_bounded(&call).await? {
                Some(reply) => reply,
                None if limit > 1 => {
                    limit = (limit.min(ROWS_MAX) / 4).max(1);
                    continue;
                }
                None => self.client.send(&call).await?,
            };
            let tree = self
                .success(&call, reply)
                .map_err(|error| EngineError { kind: ErrorKind::Unavailable, ..error })?;
            let rows: Vec<JournalRow> =
                rows_of(tree, WHAT)?.into_iter().map(JournalRow::of).collect::<Result<_, _>>()?;
            return Ok(Page { is_last: rows.len() < limit, rows });
        }
    }
}

impl JournalRow {
    fn of(tree: Tree) -> Result<Self, EngineError> {
        const WHAT: &str = "a row of the journal";
        let id = tree.get("id").and_then(Tree::as_str).map(str::to_owned);
        let revision = tree.get("value").and_then(|value| value.get("rev")).and_then(Tree::as_str);
        let (Some(id), Some(revision)) = (id, revision.map(str::to_owned)) else {
            return Err(strange(WHAT));
        };
        let Tree::Object(fields) = tree else { return Err(strange(WHAT)) };
        let document = fields.into_iter().find(|(name, _)| name == "doc");
        Ok(Self { id, revision, document: document.and_then(|(_, tree)| Found::of(tree)) })
    }
}

fn part(from: &'static str, to: &'static str) -> Range<'static> {
    Range { from, to, limit: ROWS_MAX, descending: false, with_documents: false }
}

/// The character after `.` ends each part.
pub(crate) fn log() -> Range<'static> {
    part(LOG, "log/")
}

pub(crate) fn bodies() -> Range<'static> {
    part(BODY, "body/")
}

pub(crate) fn answers() -> Range<'static> {
    part(ANSWER, "answer/")
}

pub(crate) fn catalogue() -> Range<'static> {
    part(CATALOGUE, "catalogue/")
}
