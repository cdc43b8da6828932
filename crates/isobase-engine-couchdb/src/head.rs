//! The head: the journal is opened, looked at and checked.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use isobase_engine::{EngineError, ErrorKind, Identity};
use isobase_journal::{Head, Tree};
use isobase_types::{Sequence, Timestamp};
use tokio::time::Instant;

use crate::{
    client::segment,
    codec::Found,
    error::corrupted,
    journal::{Range, log},
    record::Record,
    shared::Shared,
    strip::LEFT_WHOLE_MAX,
    versioned::{FORMAT, FORMAT_ID, Versioned, version_of},
};

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

    /// The head without writing anything; `None` without a journal. The last record may be one that
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
}
