//! A scratch database that is filled with what another program has.

use std::sync::Arc;

use anyhow::Result;
use isobase::{
    engine::{Counters, Engine},
    types::{CollectionName, Document, DocumentId, Revision, Sequence, Timestamp, json},
};

use crate::{
    failure::{Failure, Problem},
    print::Printer,
};

/// Documents that are loaded together.
const PART_DOCUMENTS: usize = 1_000;

/// The largest integer that is an id of the counter's kind everywhere; beyond it ids are those of
/// other programs, and the counter does not follow them.
const COUNTED_MAX: i64 = 1 << 53;

/// A record of another program.
pub(super) struct Foreign {
    /// As it is written there.
    pub(super) id: String,
    /// JSON text of the whole object.
    pub(super) text: String,
    /// Fields of it that are that program's bookkeeping.
    pub(super) without: &'static [&'static str],
    /// Microseconds since 1970.
    pub(super) created_us: Option<i64>,
    pub(super) updated_us: Option<i64>,
}

/// A scratch database that is being filled.
pub(super) struct Filling<'a> {
    engine: &'a Arc<dyn Engine>,
    skip_bad: bool,
    printer: Printer,
    collection: Option<CollectionName>,
    part: Vec<Document>,
    counters: Counters,
    left_out: u64,
}

impl<'a> Filling<'a> {
    pub(super) async fn begin(
        engine: &'a Arc<dyn Engine>,
        skip_bad: bool,
        printer: Printer,
    ) -> Result<Self> {
        engine.mark("an import").await?;
        let (collection, part) = (None, Vec::new());
        let counters = Counters::default();
        Ok(Self { engine, skip_bad, printer, collection, part, counters, left_out: 0 })
    }

    /// Says that ids up to this one were given out, also those of records that are gone.
    pub(super) fn count_to(&mut self, last_id: i64) {
        self.counters.last_id = self.counters.last_id.max(last_id);
    }

    /// Takes a record; those of one collection come one after another.
    pub(super) async fn take(&mut self, collection: &str, record: Foreign) -> Result<()> {
        match self.document(collection, &record) {
            Ok((name, document)) => self.push(name, document).await,
            Err(reason) => {
                let message = format!("{collection}/{}: {reason}", record.id.escape_debug());
                if !self.skip_bad {
                    return Err(Failure::new(message)
                        .hint("--skip-bad leaves out what cannot be stored")
                        .into());
                }
                self.left_out += 1;
                let message = format!("left out: {message}");
                self.printer.warning(&Problem { message, hint: None });
                Ok(())
            }
        }
    }

    fn document(
        &mut self,
        collection: &str,
        record: &Foreign,
    ) -> Result<(CollectionName, Document), String> {
        let name = CollectionName::new(collection).map_err(|error| error.to_string())?;
        let id = DocumentId::parse(&record.id).map_err(|error| error.to_string())?;
        let mut body = json::canonicalise_document(record.text.as_bytes())
            .map_err(|error| error.to_string())?;
        for field in record.without {
            body = json::merge_patch(&body, &format!("{{\"{field}\":null}}"));
        }
        if let DocumentId::Integer(integer) = id
            && integer <= COUNTED_MAX
        {
            self.count_to(integer);
        }
        self.counters.sequence = Sequence(self.counters.sequence.0 + 1);
        let at = |us: Option<i64>| Timestamp { unix_us: us.unwrap_or_default() };
        let (created_at, updated_at) = (at(record.created_us), at(record.updated_us));
        let revision = Revision::from_number(self.counters.sequence.0);
        Ok((name, Document { id, revision, created_at, updated_at, body }))
    }

    async fn push(&mut self, name: CollectionName, document: Document) -> Result<()> {
        if self.collection.as_ref() != Some(&name) || self.part.len() >= PART_DOCUMENTS {
            self.load().await?;
            self.collection = Some(name);
        }
        self.part.push(document);
        Ok(())
    }

    async fn load(&mut self) -> Result<()> {
        let documents = std::mem::take(&mut self.part);
        if let Some(collection) = &self.collection
            && !documents.is_empty()
        {
            self.engine.load(collection, documents).await?;
        }
        Ok(())
    }

    /// Ends it; gives how many records were left out.
    pub(super) async fn finish(mut self) -> Result<u64> {
        self.load().await?;
        self.engine.finish(self.counters).await?;
        Ok(self.left_out)
    }
}
