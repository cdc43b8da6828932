//! The journal: its head, its log, what it remembers.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use isobase_engine::{Counters, EngineError, ErrorKind, Identity};
use isobase_journal::{CatalogueEntry, Head, LogRecord, StoredAnswer, Tree};
use isobase_types::{Sequence, Timestamp};
use tokio::time::Instant;

use crate::{
    bulk::{BulkAnswer, BulkRow, Edits},
    client::{at_once, segment},
    codec::{Found, quoted},
    error::{corrupted, strange},
    query::{Row, journal_path, rows_of},
    record::{
        ANSWER, BODY, CATALOGUE, FORMAT, FORMAT_ID, LOG, Record, UNFINISHED_ID, Versioned,
        answer_id, answer_of, body_id, body_of, entry_of, record_bound, sequence_of, version_of,
    },
    remembered::Forgetting,
    shared::{PARALLEL, Shared},
    strip::LEFT_WHOLE_MAX,
};

/// Documents of one answer.
const ROWS_MAX: usize = 1_000;
/// Records of one answer, with their changes.
const RECORDS_MAX: usize = 100;
/// Above this, records are asked for in smaller parts: those of the last second are whole.
const RECORDS_BYTES_MAX: usize = 24 << 20;
/// Bodies of one answer: at most 16 MiB.
const BODIES_MAX: usize = 16;
/// Pages of one trimming; the rest is for the next.
const TRIM_PAGES_MAX: usize = 20;
/// Pages of one look for old answers; the next look goes on after them.
const FORGET_PAGES_MAX: usize = 20;
/// Answers stay so much longer than they must, in microseconds: to find the old ones all are read.
const ANSWERS_LATE_US: i64 = 3_600_000_000;
/// How often documents are looked at again that another process writes too.
const ROUNDS_MAX: usize = 8;

/// A part of the journal, from an id to before another.
struct Range<'a> {
    from: &'a str,
    to: &'a str,
    limit: usize,
    descending: bool,
    with_documents: bool,
}

/// Rows of a range.
struct Page {
    rows: Vec<JournalRow>,
    /// There are no more.
    is_last: bool,
}

/// A row of the journal.
struct JournalRow {
    id: String,
    revision: String,
    document: Option<Found>,
}

/// How often the head is looked at while its record is being carried out, and the pause between:
/// together longer than a record waits for others until it is marked.
const PEEKS_MAX: u32 = 30;
const PEEK_PAUSE: Duration = Duration::from_millis(100);

impl Shared {
    /// Checks the server, makes the journal where there is none, and finishes the last commit.
    pub(crate) async fn open(self: &Arc<Self>, deadline: Instant) -> Result<Head, EngineError> {
        self.check_server(deadline).await?;
        self.create_database(&self.journal, deadline).await?;
        self.check_format(deadline).await?;
        if self.last_record_id(deadline).await?.is_none() {
            // The beginning of time, so that times in the journal grow whatever the clock says.
            let head = Head { identity: Some(Identity::new()), ..Head::default() };
            let first = Record::of_head(Sequence(0), head, Timestamp::default());
            // Who loses this race finds the other's record.
            self.append(&first, deadline).await?;
        }
        let head = self.recover(deadline).await?;
        let shared = Arc::clone(self);
        // They may be large, and nothing depends on it.
        tokio::spawn(async move {
            if let Err(error) = shared.find_whole_records().await {
                tracing::debug!(%error, "records stay whole: {error}");
            }
        });
        Ok(head)
    }

    async fn check_server(&self, deadline: Instant) -> Result<(), EngineError> {
        const WHAT: &str = "greeting the server";
        let refuse = |message: String| Err(EngineError::new(ErrorKind::Unavailable, message));
        let address = self.client.address();
        let reply = self.client.send(&self.client.get("/".to_owned(), WHAT, deadline)).await?;
        let tree = reply.tree(WHAT).unwrap_or(Tree::Null);
        if tree.get("couchdb").is_none() {
            return refuse(format!("the server at {address} is not a CouchDB"));
        }
        let version = tree.get("version").and_then(Tree::as_str).unwrap_or_default();
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if major.is_some_and(|major| major < 2) {
            return refuse(format!("CouchDB at {address} is {version}; 2.1 or newer is needed"));
        }
        Ok(())
    }

    async fn check_format(&self, deadline: Instant) -> Result<(), EngineError> {
        let found = self.read_document(FORMAT_ID, deadline).await?;
        let Some(found) = found else {
            return self.store(&[Versioned::of_format()], deadline).await;
        };
        self.check_known(&found)
    }

    /// The head without writing anything; none without a journal. The last record may be one that
    /// is being carried out: then what was before it is done.
    pub(crate) async fn peek(&self, deadline: Instant) -> Result<Option<Head>, EngineError> {
        if self.document_count(&self.journal, deadline).await?.is_none() {
            return Ok(None);
        }
        if let Some(found) = self.read_document(FORMAT_ID, deadline).await? {
            self.check_known(&found)?;
        }
        let mut seen = None;
        for _ in 0..PEEKS_MAX {
            let range = Range { limit: 2, descending: true, with_documents: true, ..log() };
            let rows = self.rows(&range, deadline).await?.rows.into_iter();
            let mut records = rows.filter_map(|row| row.document).map(Record::of_document);
            let Some(last) = records.next().transpose()? else { return Ok(None) };
            if last.is_applied {
                return Ok(Some(last.head));
            }
            match (&seen, records.next().transpose()?) {
                (Some(id), Some(before)) if *id != last.id => return Ok(Some(before.head)),
                _ => seen = Some(last.id),
            }
            tokio::time::sleep(PEEK_PAUSE).await;
        }
        let message = format!(
            "the last commit in the journal '{}' was perhaps not carried out to its end, and this \
             command does not write: let a service open the database once, or one that may write",
            self.journal
        );
        Err(EngineError::new(ErrorKind::Unavailable, message))
    }

    fn check_known(&self, found: &Found) -> Result<(), EngineError> {
        match version_of(found) {
            Some(format) if format <= FORMAT => {
                self.is_old.store(format < FORMAT, Ordering::Relaxed);
                Ok(())
            }
            Some(format) => {
                let message = format!(
                    "the journal '{}' has format {format}, this program knows {FORMAT}: use the \
                     newer program that made it",
                    self.journal
                );
                Err(EngineError::new(ErrorKind::Unavailable, message))
            }
            None => Err(corrupted(format!("the format of the journal '{}'", self.journal))),
        }
    }

    /// Whether the journal can be read.
    pub(crate) async fn check(&self, deadline: Instant) -> Result<(), EngineError> {
        const WHAT: &str = "checking the journal";
        let path = format!("/{}", segment(&self.journal));
        let reply = self.client.send(&self.client.get(path, WHAT, deadline)).await?;
        if reply.is_success() {
            return Ok(());
        }
        let error = self.client.refused(WHAT, &reply);
        Err(EngineError { kind: ErrorKind::Unavailable, ..error })
    }

    /// The id of the last record.
    pub(crate) async fn last_record_id(
        &self,
        deadline: Instant,
    ) -> Result<Option<String>, EngineError> {
        let range = Range { limit: 1, descending: true, ..log() };
        Ok(self.rows(&range, deadline).await?.rows.pop().map(|row| row.id))
    }

    /// The last record, if it comes after another.
    pub(crate) async fn last_after(
        &self,
        id: &str,
        deadline: Instant,
    ) -> Result<Option<Record>, EngineError> {
        // No id of a record is between the two.
        let from = format!("{id}!");
        let range =
            Range { from: &from, limit: 1, descending: true, with_documents: true, ..log() };
        let row = self.rows(&range, deadline).await?.rows.pop();
        row.and_then(|row| row.document).map(Record::of_document).transpose()
    }

    /// A record, if it is there.
    pub(crate) async fn read_record(
        &self,
        id: &str,
        deadline: Instant,
    ) -> Result<Option<Record>, EngineError> {
        let found = self.read_document(id, deadline).await?;
        found.map(Record::of_document).transpose()
    }

    /// Records that a killed process left whole: those of one version only.
    async fn find_whole_records(self: &Arc<Self>) -> Result<(), EngineError> {
        let range = Range { limit: LEFT_WHOLE_MAX, descending: true, ..log() };
        let rows = self.rows(&range, self.client.deadline()).await?.rows;
        // The last one is the head's, which is seen to already.
        for row in rows.iter().skip(1).filter(|row| row.revision.starts_with("1-")) {
            if let Some(record) = self.read_record(&row.id, self.client.deadline()).await? {
                self.strip_later(&record);
            }
        }
        Ok(())
    }

    /// Log records that have changes after a place.
    pub(crate) async fn read_log(
        &self,
        since: Sequence,
        limit: u32,
        deadline: Instant,
    ) -> Result<Vec<LogRecord>, EngineError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).max(1);
        let mut from = record_bound(since);
        let mut records: Vec<LogRecord> = Vec::new();
        let mut changes = 0;
        loop {
            let (part, is_last) = self.read_records(&from, limit - changes, deadline).await?;
            let Some(last) = part.last().map(|record| record.id.clone()) else { break };
            for record in part {
                let after = record.changes.last().is_some_and(|change| change.sequence > since);
                if after && changes < limit {
                    changes += record.changes.len();
                    records.push(LogRecord { changes: record.changes });
                }
            }
            if changes >= limit || is_last {
                break;
            }
            from = format!("{last}\0");
        }
        let first = records.first().and_then(|record| record.changes.first());
        if first.is_none_or(|first| first.sequence.0 > since.0 + 1) {
            // The place is in the middle of a record that began before it.
            let record = self.record_before(since, deadline).await?;
            let ends_after = |record: &Record| {
                record.changes.last().is_some_and(|change| change.sequence > since)
            };
            if let Some(record) = record.filter(ends_after) {
                records.insert(0, LogRecord { changes: record.changes });
            }
        }
        Ok(records)
    }

    async fn read_records(
        &self,
        from: &str,
        limit: usize,
        deadline: Instant,
    ) -> Result<(Vec<Record>, bool), EngineError> {
        let limit = limit.clamp(1, RECORDS_MAX);
        let range = Range { from, limit, with_documents: true, ..log() };
        let Page { rows, is_last } = self.rows(&range, deadline).await?;
        let found = rows.into_iter().filter_map(|row| row.document);
        Ok((found.map(Record::of_document).collect::<Result<_, _>>()?, is_last))
    }

    /// The last record that begins before a place.
    async fn record_before(
        &self,
        since: Sequence,
        deadline: Instant,
    ) -> Result<Option<Record>, EngineError> {
        let to = record_bound(since);
        let range = Range { to: &to, limit: 1, descending: true, with_documents: true, ..log() };
        let row = self.rows(&range, deadline).await?.rows.pop();
        row.and_then(|row| row.document).map(Record::of_document).transpose()
    }

    /// Deletes records that end at or before the floor. The last that begins before it stays: it
    /// may end after it, and it may be the head's.
    pub(crate) async fn trim_log(
        &self,
        floor: Sequence,
        deadline: Instant,
    ) -> Result<(), EngineError> {
        self.delete_bodies(&body_id(Sequence(floor.0 + 1)), deadline).await?;
        let to = record_bound(floor);
        for _ in 0..TRIM_PAGES_MAX {
            let range = Range { to: &to, limit: ROWS_MAX, ..log() };
            let Page { mut rows, is_last } = self.rows(&range, deadline).await?;
            rows.pop();
            self.delete_rows(&rows, deadline).await?;
            if is_last {
                break;
            }
        }
        Ok(())
    }

    /// Deletes some pages of bodies of changes before an id.
    async fn delete_bodies(&self, to: &str, deadline: Instant) -> Result<(), EngineError> {
        for _ in 0..TRIM_PAGES_MAX {
            let range = Range { to, limit: ROWS_MAX, ..bodies() };
            let Page { rows, is_last } = self.rows(&range, deadline).await?;
            self.delete_rows(&rows, deadline).await?;
            if is_last {
                break;
            }
        }
        Ok(())
    }

    /// Bodies that lie apart from their changes.
    pub(crate) async fn read_bodies(
        &self,
        of: &[Sequence],
        deadline: Instant,
    ) -> Result<Vec<Option<String>>, EngineError> {
        let ids: Vec<String> = of.iter().map(|of| body_id(*of)).collect();
        let mut bodies = Vec::with_capacity(ids.len());
        // Few at a time: each may be large.
        for part in ids.chunks(BODIES_MAX) {
            let rows = self.read_rows(&self.journal, part, true, None, deadline).await?;
            for row in rows.unwrap_or_default() {
                bodies.push(match row {
                    Row::Live { document: Some(found), .. } => Some(body_of(found)?),
                    _ => None,
                });
            }
        }
        Ok(bodies)
    }

    /// The last change at or before a time: times grow along the log.
    pub(crate) async fn sequence_before(
        &self,
        at: Timestamp,
        deadline: Instant,
    ) -> Result<Option<Sequence>, EngineError> {
        let Some(last) = self.last_record_id(deadline).await? else { return Ok(None) };
        let last = sequence_of(&last).ok_or_else(|| corrupted(&last))?;
        let (mut low, mut high) = (0, last.0 + 1);
        // The first record that begins at `low` or after, where that is before `high`, may be old
        // enough; none that begins at `high` or after is.
        while low < high {
            let middle = low + (high - low) / 2;
            let (records, _) =
                self.read_records(&record_bound(Sequence(middle)), 1, deadline).await?;
            match records.into_iter().next() {
                Some(record) if record.at <= at => {
                    let begins = sequence_of(&record.id).ok_or_else(|| corrupted(&record.id))?;
                    low = begins.0.max(middle) + 1;
                }
                _ => high = middle,
            }
        }
        // Of several records that begin there, the last that is old enough counts.
        let to = record_bound(Sequence(high));
        let range =
            Range { to: &to, limit: RECORDS_MAX, descending: true, with_documents: true, ..log() };
        for found in self.rows(&range, deadline).await?.rows.into_iter().filter_map(|r| r.document)
        {
            let record = Record::of_document(found)?;
            if record.at <= at {
                return Ok(Some(record.head.sequence));
            }
        }
        Ok(None)
    }

    /// The first answers to idempotency keys.
    pub(crate) async fn read_answers(
        &self,
        keys: &[[u8; 32]],
        deadline: Instant,
    ) -> Result<Vec<Option<StoredAnswer>>, EngineError> {
        let ids: Vec<String> = keys.iter().map(answer_id).collect();
        let parts = ids.chunks(ROWS_MAX).map(|part| async move {
            let rows = self.read_rows(&self.journal, part, true, None, deadline).await?;
            rows.unwrap_or_default()
                .into_iter()
                .map(|row| match row {
                    Row::Live { document: Some(found), .. } => answer_of(found).map(Some),
                    _ => Ok(None),
                })
                .collect::<Result<Vec<_>, _>>()
        });
        Ok(at_once(PARALLEL, parts.collect()).await?.into_iter().flatten().collect())
    }

    /// Deletes answers given before a time, some pages of them, each with its own deadline. Goes
    /// on where the last call ended, also when that failed.
    pub(crate) async fn forget_answers(&self, before: Timestamp) -> Result<(), EngineError> {
        let unfinished = self.forgetting.lock().clone();
        if unfinished.is_none() && before.unix_us < self.answers_due_us.load(Ordering::Relaxed) {
            return Ok(());
        }
        let first = || Forgetting { from: ANSWER.to_owned(), oldest_us: None };
        let mut place = unfinished.unwrap_or_else(first);
        for _ in 0..FORGET_PAGES_MAX {
            let deadline = self.client.deadline();
            let next = self.forget_page(&mut place, before, deadline).await?;
            let is_last = next.is_none();
            place.from = next.unwrap_or_default();
            *self.forgetting.lock() = (!is_last).then(|| place.clone());
            if is_last {
                // Those that came meanwhile, and those that come, are younger.
                let due = place.oldest_us.map(|oldest| oldest.saturating_add(ANSWERS_LATE_US));
                self.answers_due_us.store(due.unwrap_or(before.unix_us), Ordering::Relaxed);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Deletes the old ones among the answers from a place on; the place after them, if there may
    /// be more.
    async fn forget_page(
        &self,
        place: &mut Forgetting,
        before: Timestamp,
        deadline: Instant,
    ) -> Result<Option<String>, EngineError> {
        let Forgetting { from, oldest_us } = place;
        let range = Range { from, limit: ROWS_MAX, with_documents: true, ..answers() };
        let Page { rows, is_last } = self.rows(&range, deadline).await?;
        let last = rows.last().map(|row| row.id.clone()).filter(|_| !is_last);
        let mut old = Vec::new();
        for mut row in rows {
            let Some(found) = row.document.take() else { continue };
            let at = answer_of(found)?.at;
            match at < before {
                true => old.push(row),
                false => *oldest_us = Some(oldest_us.unwrap_or(i64::MAX).min(at.unix_us)),
            }
        }
        self.delete_rows(&old, deadline).await?;
        Ok(last.map(|last| format!("{last}\0")))
    }

    /// Every collection known to the journal.
    pub(crate) async fn read_catalogue(
        &self,
        deadline: Instant,
    ) -> Result<Vec<CatalogueEntry>, EngineError> {
        let mut from = CATALOGUE.to_owned();
        let mut entries = Vec::new();
        loop {
            let range = Range { from: &from, limit: ROWS_MAX, with_documents: true, ..catalogue() };
            let Page { rows, is_last } = self.rows(&range, deadline).await?;
            let Some(last) = rows.last().map(|row| row.id.clone()) else { break };
            let found = rows.into_iter().filter_map(|row| row.document);
            entries.extend(found.map(entry_of).collect::<Result<Vec<_>, _>>()?);
            if is_last {
                break;
            }
            from = format!("{last}\0");
        }
        Ok(entries)
    }

    /// Whether the catalogue has the collection of a database.
    pub(crate) async fn is_in_catalogue(
        &self,
        database: &str,
        deadline: Instant,
    ) -> Result<bool, EngineError> {
        let id = format!("{CATALOGUE}{database}");
        Ok(self.read_document(&id, deadline).await?.is_some())
    }

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

    async fn bulk_journal(
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

    async fn delete_rows(&self, rows: &[JournalRow], deadline: Instant) -> Result<(), EngineError> {
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

    /// Sets or clears the note of an unfinished load.
    pub(crate) async fn set_unfinished(
        &self,
        note: Option<&str>,
        deadline: Instant,
    ) -> Result<(), EngineError> {
        const WHAT: &str = "noting an unfinished load";
        let text = match note {
            Some(note) => format!("{{\"note\":{}}}", quoted(note)),
            None => "{\"_deleted\":true}".to_owned(),
        };
        for _ in 0..ROUNDS_MAX {
            let found = self.read_document(UNFINISHED_ID, deadline).await?;
            if found.is_none() && note.is_none() {
                return Ok(());
            }
            let row = BulkRow {
                id: UNFINISHED_ID,
                revision: found.as_ref().map(|found| found.revision.as_str()),
                attachments: None,
                document: text.as_bytes(),
            };
            if self.bulk_journal(&[row], deadline).await?.is_empty() {
                return Ok(());
            }
        }
        Err(strange(WHAT))
    }

    /// The note of an unfinished load.
    pub(crate) async fn unfinished(
        &self,
        deadline: Instant,
    ) -> Result<Option<String>, EngineError> {
        let found = self.read_document(UNFINISHED_ID, deadline).await?;
        let note = |found: Found| {
            let note = found.fields.into_iter().find(|(name, _)| name == "note");
            note.and_then(|(_, note)| note.as_str().map(str::to_owned))
        };
        Ok(found.map(|found| note(found).unwrap_or_default()))
    }

    /// Replaces head and catalogue and empties the log; nobody else writes.
    pub(crate) async fn reset(
        self: &Arc<Self>,
        counters: Counters,
        catalogue: &[CatalogueEntry],
        deadline: Instant,
    ) -> Result<Head, EngineError> {
        let old = self.recover(deadline).await?;
        let sequence = counters.sequence.max(old.sequence);
        let head = Head {
            commit: old.commit + 1,
            sequence,
            last_id: counters.last_id.max(old.last_id),
            floor: sequence,
            catalogue: old.catalogue + 1,
            identity: Some(Identity::renewed(old.identity)),
            author: None,
        };
        let entries: Vec<Versioned> = catalogue
            .iter()
            .map(|entry| Versioned::of_entry(entry, head.commit, &self.names))
            .collect();
        self.store(&entries, deadline).await?;
        let range = Range { limit: usize::MAX, ..self::catalogue() };
        let mut rows = self.rows(&range, deadline).await?.rows;
        rows.retain(|row| entries.iter().all(|entry| entry.id != row.id));
        self.delete_rows(&rows, deadline).await?;
        let record = Record::of_head(sequence, head, Timestamp::default());
        if self.append(&record, deadline).await?.is_none() {
            let message = "another process wrote to the database while it was being loaded";
            return Err(EngineError::new(ErrorKind::Unavailable, message));
        }
        self.know(&record);
        // A body that is left here by a call that is cut off belongs to no change any more.
        self.delete_bodies(&body_id(Sequence(sequence.0 + 1)), self.client.deadline()).await?;
        loop {
            let range = Range { to: &record.id, limit: ROWS_MAX, ..log() };
            let rows = self.rows(&range, self.client.deadline()).await?.rows;
            if rows.is_empty() {
                return Ok(head);
            }
            self.delete_rows(&rows, self.client.deadline()).await?;
        }
    }

    async fn read_document(
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

    async fn rows(&self, range: &Range<'_>, deadline: Instant) -> Result<Page, EngineError> {
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
fn log() -> Range<'static> {
    part(LOG, "log/")
}

fn bodies() -> Range<'static> {
    part(BODY, "body/")
}

fn answers() -> Range<'static> {
    part(ANSWER, "answer/")
}

fn catalogue() -> Range<'static> {
    part(CATALOGUE, "catalogue/")
}
