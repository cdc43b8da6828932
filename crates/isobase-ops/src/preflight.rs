//! Documents that the target cannot hold, found before anything is written.

use std::sync::Arc;

use isobase_engine::{Engine, NotRead, Rejection, Unreadable};
use isobase_types::{CollectionName, Document, DocumentId};
use serde::Serialize;

use crate::{Control, Event, OpsError, Progress, Refusal, Stage, note::Reached, scan::Scan};

/// Most refusals that are kept one by one; the others are counted. Ours: what a person reads.
pub const REFUSALS_MAX: usize = 100;

/// The way to treat documents that the target cannot hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnRefused {
    /// Nothing is written.
    #[default]
    Stop,
    /// They are left out, and the report names them.
    LeaveOut,
}

/// The report of a look at the target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PreflightReport {
    /// Documents looked at.
    pub documents: u64,
    /// Bytes of their text.
    pub bytes: u64,
    /// Documents that the target cannot hold.
    pub refused: u64,
    /// The first of them.
    pub refusals: Vec<Refusal>,
    /// What other programs have in the source that is not read.
    pub not_read: Vec<NotRead>,
}

impl PreflightReport {
    pub(crate) fn refuse(&mut self, refusal: Refusal, control: &Control) {
        self.refused += 1;
        control.tell(Event::Refused(refusal.clone()));
        if self.refusals.len() < REFUSALS_MAX {
            self.refusals.push(refusal);
        }
    }

    /// Adds documents of a source that nothing can read.
    pub(crate) fn add_unreadable(&mut self, collection: &CollectionName, found: &Unreadable) {
        self.refused += found.documents;
        let room = REFUSALS_MAX.saturating_sub(self.refusals.len());
        self.refusals.extend(found.ids.iter().take(room).map(|id| Refusal {
            collection: collection.to_string(),
            id: id.clone(),
            path: String::new(),
            reason: "no document can have this id (1 to 1,500 bytes without NUL)".to_owned(),
        }));
    }

    /// Adds what another look has found.
    pub(crate) fn add(&mut self, other: Self, control: &Control) {
        self.refused += other.refused;
        for refusal in other.refusals {
            control.tell(Event::Refused(refusal.clone()));
            if self.refusals.len() < REFUSALS_MAX {
                self.refusals.push(refusal);
            }
        }
    }

    /// An error when something was refused.
    pub(crate) fn check(&self) -> Result<(), OpsError> {
        if self.refused == 0 {
            return Ok(());
        }
        Err(OpsError::Refused { refusals: self.refusals.clone(), count: self.refused })
    }

    /// Looks at a part.
    pub(crate) fn look_at(
        &mut self,
        to: &Arc<dyn Engine>,
        collection: &CollectionName,
        documents: &[Document],
        control: &Control,
    ) {
        for document in documents {
            self.documents += 1;
            self.bytes += document.body.len() as u64;
            if let Some(refusal) = refusal(&**to, collection, document) {
                self.refuse(refusal, control);
            }
        }
    }
}

/// Why the target cannot hold a document; `None` if it can.
pub(crate) fn refusal(
    to: &dyn Engine,
    collection: &CollectionName,
    document: &Document,
) -> Option<Refusal> {
    let Document { id, body, .. } = document;
    let rejection = to.check_document(collection, Some(id), body).err()?;
    Some(named(collection, id, rejection))
}

fn named(collection: &CollectionName, id: &DocumentId, rejection: Rejection) -> Refusal {
    let (path, reason) = match rejection {
        Rejection::Unholdable { path, reason } => (path, reason),
        other => (String::new(), other.to_string()),
    };
    Refusal { collection: collection.to_string(), id: id.to_string(), path, reason }
}

/// Shows every document to the target.
pub(crate) async fn look_at_all(
    scan: Scan,
    to: &Arc<dyn Engine>,
    bytes_max: usize,
    control: &Control,
) -> Result<(PreflightReport, Scan), OpsError> {
    let total = scan.documents();
    let mut report = PreflightReport::default();
    let mut scanning = scan.start(&Reached::Start, bytes_max);
    while let Some(part) = scanning.next().await? {
        report.look_at(to, &part.collection, &part.documents, control);
        control.progress(|| Progress {
            stage: Stage::Preflight,
            collection: Some(part.collection.clone()),
            documents: report.documents,
            documents_total: Some(total),
            bytes: report.bytes,
        });
        control.rest().await;
        if control.is_stopped() {
            return Err(OpsError::Stopped { documents: 0 });
        }
    }
    let scan = scanning.end().await?;
    let mut unreadable = PreflightReport::default();
    for (collection, found) in &scan.unreadable {
        unreadable.add_unreadable(collection, found);
    }
    report.add(unreadable, control);
    Ok((report, scan))
}
