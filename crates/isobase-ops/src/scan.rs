//! Reading a whole database, ahead of the code that uses it.

use std::sync::Arc;

use isobase_engine::{
    CollectionInfo, Counters, Engine, EngineError, Identity, NotRead, Snapshot, Unreadable,
};
use isobase_types::{CollectionName, Document, DocumentId};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    OpsError, Side,
    note::Reached,
    selection::{Selection, is_system},
};

/// Bytes of a part by default.
pub(crate) const PART_BYTES: usize = 1 << 20;

/// Parts that are read ahead.
const PARTS_AHEAD: usize = 2;

/// A part of a collection, in the order of ids.
#[derive(Debug)]
pub(crate) struct Part {
    /// Which collection.
    pub(crate) collection: CollectionName,
    /// At least one.
    pub(crate) documents: Vec<Document>,
}

/// A snapshot and what it holds.
pub(crate) struct Scan {
    side: Side,
    snapshot: Box<dyn Snapshot>,
    /// All is of one moment.
    pub(crate) one_moment: bool,
    /// When it began.
    pub(crate) counters: Counters,
    /// Of the database.
    pub(crate) identity: Identity,
    /// The wanted collections that have documents.
    pub(crate) collections: Vec<CollectionInfo>,
    /// Those of the service that have documents and are not wanted.
    pub(crate) system_left_out: Vec<String>,
    /// The findings, when everything was read, that no part has.
    pub(crate) unreadable: Vec<(CollectionName, Unreadable)>,
}

impl Scan {
    /// Begins to read some collections.
    pub(crate) async fn open(
        engine: &Arc<dyn Engine>,
        side: Side,
        wanted: &Selection,
    ) -> Result<Self, OpsError> {
        let failed = |source| OpsError::Engine { side, source };
        let identity = engine.identity().await.map_err(failed)?;
        let mut snapshot = engine.snapshot().await.map_err(failed)?;
        let (one_moment, counters) = (snapshot.is_of_one_moment(), snapshot.counters());
        let mut collections = snapshot.collections().await.map_err(failed)?;
        let left_out = collections.extract_if(.., |info| !wanted.has(&info.name));
        let left_out = left_out.filter(|info| is_system(&info.name));
        let system_left_out = left_out.map(|info| info.name.to_string()).collect();
        let unreadable = Vec::new();
        Ok(Self {
            side,
            snapshot,
            one_moment,
            counters,
            identity,
            collections,
            system_left_out,
            unreadable,
        })
    }

    /// What a copy of the whole database does not have. Nothing where some collections are named.
    pub(crate) async fn not_read(&mut self, wanted: &Selection) -> Result<Vec<NotRead>, OpsError> {
        if !wanted.named().is_empty() {
            return Ok(Vec::new());
        }
        let side = self.side;
        self.snapshot.not_read().await.map_err(|source| OpsError::Engine { side, source })
    }

    /// Leaves collections of the service out that are not among these.
    pub(crate) fn without_system_but(mut self, names: &[CollectionName]) -> Self {
        self.collections.retain(|info| !is_system(&info.name) || names.contains(&info.name));
        self
    }

    /// Reads these collections too: a database that is being loaded may not count yet what it
    /// has.
    pub(crate) fn including<'a>(
        mut self,
        names: impl IntoIterator<Item = &'a CollectionName>,
    ) -> Self {
        for name in names {
            if !self.collections.iter().any(|info| info.name == *name) {
                self.collections.push(CollectionInfo { name: name.clone(), documents: 0 });
            }
        }
        self.collections.sort_by(|a, b| a.name.cmp(&b.name));
        self
    }

    /// The names of the wanted collections.
    pub(crate) fn names(&self) -> Vec<CollectionName> {
        self.collections.iter().map(|info| info.name.clone()).collect()
    }

    /// Documents of the wanted collections.
    pub(crate) fn documents(&self) -> u64 {
        self.collections.iter().map(|info| info.documents).sum()
    }

    /// Reads on from a place, in parts of about so many bytes, in a task of its own.
    pub(crate) fn start(mut self, from: &Reached, bytes_max: usize) -> Scanning {
        let (sender, parts) = mpsc::channel(PARTS_AHEAD);
        let from = from.clone();
        let side = self.side;
        let task = tokio::spawn(async move {
            if let Err(error) = self.read_all(&from, bytes_max, &sender).await {
                // The reader has left: it has an error of its own to tell.
                let _ = sender.send(Err(error)).await;
            }
            self
        });
        Scanning { side, parts, task: AbortOnDropHandle::new(task) }
    }

    async fn read_all(
        &mut self,
        from: &Reached,
        bytes_max: usize,
        sender: &mpsc::Sender<Result<Part, EngineError>>,
    ) -> Result<(), EngineError> {
        self.unreadable.clear();
        for info in self.collections.clone() {
            let mut after = match from {
                // Parts are of archives.
                Reached::Start | Reached::Parts(_) => None,
                Reached::After(collection, _) if info.name < *collection => continue,
                Reached::After(collection, id) if info.name == *collection => Some(id.clone()),
                Reached::After(..) => None,
                Reached::End => return Ok(()),
            };
            loop {
                let read = self.snapshot.read(&info.name, after.as_ref(), bytes_max);
                let documents = read.await?;
                let Some(last) = documents.last() else { break };
                after = Some(last.id.clone());
                let part = Part { collection: info.name.clone(), documents };
                if sender.send(Ok(part)).await.is_err() {
                    return Ok(());
                }
            }
            let unreadable = self.snapshot.unreadable(&info.name).await?;
            if unreadable.documents > 0 {
                self.unreadable.push((info.name, unreadable));
            }
        }
        Ok(())
    }
}

/// A scan that runs.
pub(crate) struct Scanning {
    side: Side,
    parts: mpsc::Receiver<Result<Part, EngineError>>,
    /// Lets go of the snapshot when the work ends early.
    task: AbortOnDropHandle<Scan>,
}

impl Scanning {
    /// The next part; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Part>, OpsError> {
        let side = self.side;
        let part = self.parts.recv().await.transpose();
        part.map_err(|source| OpsError::Engine { side, source })
    }

    /// Ends it; gives the snapshot back.
    pub(crate) async fn end(self) -> Result<Scan, OpsError> {
        drop(self.parts);
        self.task.await.map_err(|error| OpsError::Task(error.to_string()))
    }
}

/// Documents of a scan one by one, for code that walks along two at once.
pub(crate) struct Walk {
    scanning: Scanning,
    collection: Option<CollectionName>,
    documents: std::vec::IntoIter<Document>,
    head: Option<Document>,
}

impl Walk {
    pub(crate) async fn start(scan: Scan, bytes_max: usize) -> Result<Self, OpsError> {
        let scanning = scan.start(&Reached::Start, bytes_max);
        let documents = Vec::new().into_iter();
        let mut walk = Self { scanning, collection: None, documents, head: None };
        walk.advance().await?;
        Ok(walk)
    }

    /// The document it is at, and its place in the order.
    pub(crate) fn place(&self) -> Option<(&CollectionName, &DocumentId)> {
        Some((self.collection.as_ref()?, &self.head.as_ref()?.id))
    }

    /// Takes the document it is at, and goes on.
    pub(crate) async fn take(&mut self) -> Result<Option<Document>, OpsError> {
        let taken = self.head.take();
        self.advance().await?;
        Ok(taken)
    }

    /// Lets go of the snapshot.
    pub(crate) async fn end(self) -> Result<(), OpsError> {
        self.scanning.end().await.map(drop)
    }

    async fn advance(&mut self) -> Result<(), OpsError> {
        self.head = self.documents.next();
        if self.head.is_some() {
            return Ok(());
        }
        if let Some(part) = self.scanning.next().await? {
            self.collection = Some(part.collection);
            self.documents = part.documents.into_iter();
            self.head = self.documents.next();
        }
        Ok(())
    }
}
