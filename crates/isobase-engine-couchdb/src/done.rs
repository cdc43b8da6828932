//! Whether what a record says is done.
//!
//! Most of the time its author is about to come to the end, or has: then looking is cheaper than
//! doing it once more.

use std::{collections::BTreeMap, time::Duration};

use isobase_engine::EngineError;
use tokio::time::{Instant, sleep};

use crate::{
    apply::has_had,
    client::at_once,
    record::{Effect, Record},
    rows::Row,
    shared::{PARALLEL, Shared},
    versioned::{Versioned, version_of},
};

/// Documents that are looked at rather than written again: their answers are small.
const LOOKED_AT_MAX: usize = 256;
/// How often a record is looked at whose author may be at work. An author that is alive writes the
/// documents one round trip after the record, which may be two looks from now.
const LOOKS_MAX: usize = 3;
/// Longest pause between two looks.
const LOOK_PAUSE_MAX: Duration = Duration::from_millis(50);

impl Shared {
    /// Whether a record is done, or its author does it within the time of a few looks: to write
    /// everything a second time would hold up the author too. False also where looking would be as
    /// dear as doing it again.
    pub(crate) async fn is_done_soon(
        &self,
        record: &Record,
        deadline: Instant,
    ) -> Result<bool, EngineError> {
        let documents = record.effects.len() + self.ours_of(record).len();
        if !record.bodies.is_empty() || documents > LOOKED_AT_MAX {
            return Ok(false);
        }
        for look in 1..=LOOKS_MAX {
            let asked = Instant::now();
            if self.is_done(record, deadline).await? {
                return Ok(true);
            }
            if look < LOOKS_MAX {
                sleep(asked.elapsed().min(LOOK_PAUSE_MAX)).await;
            }
        }
        Ok(false)
    }

    /// Whether every document is as a record says, or was changed after it.
    async fn is_done(&self, record: &Record, deadline: Instant) -> Result<bool, EngineError> {
        let ours = self.ours_of(record);
        let mut databases: BTreeMap<String, Vec<&Effect>> = BTreeMap::new();
        for effect in &record.effects {
            databases.entry(self.names.database(&effect.collection)).or_default().push(effect);
        }
        let looks = databases.iter().map(|(database, effects)| async move {
            let ids: Vec<String> = effects.iter().map(|effect| effect.id.clone()).collect();
            // The stamp is in the document; new ones are known by their versions.
            let with_documents = effects.iter().any(|effect| effect.base.is_some());
            let rows = self.read_rows(database, &ids, with_documents, None, deadline).await?;
            let rows = rows.unwrap_or_default();
            Ok(rows.len() == effects.len()
                && effects.iter().zip(&rows).all(|(effect, row)| is_as_said(record, effect, row)))
        });
        let looks = at_once(PARALLEL, looks.collect());
        let (documents, ours) = tokio::try_join!(looks, self.are_stored(&ours, deadline))?;
        Ok(ours && documents.into_iter().all(|is_done| is_done))
    }

    /// Whether documents of the journal are there, or later ones.
    async fn are_stored(
        &self,
        documents: &[Versioned],
        deadline: Instant,
    ) -> Result<bool, EngineError> {
        if documents.is_empty() {
            return Ok(true);
        }
        let ids: Vec<String> = documents.iter().map(|document| document.id.clone()).collect();
        let rows = self.read_rows(&self.journal, &ids, true, None, deadline).await?;
        let rows = rows.unwrap_or_default();
        let is_there = |(document, row): (&Versioned, &Row)| match row {
            Row::Live { document: Some(found), .. } => {
                version_of(found).is_some_and(|version| version >= document.version)
            }
            _ => false,
        };
        Ok(rows.len() == documents.len() && documents.iter().zip(&rows).all(is_there))
    }
}

fn is_as_said(record: &Record, effect: &Effect, row: &Row) -> bool {
    match (row, &effect.base) {
        (Row::Live { revision, .. }, None) => *revision == effect.first_revision(&record.token),
        (Row::Live { document, .. }, Some(_)) => {
            has_had(document.as_ref().and_then(|found| found.stamp()), effect)
        }
        // Created and deleted at once is nothing to do.
        (Row::Missing | Row::Deleted { .. }, None) => effect.is_deletion,
        // A tombstone that was there before looks the same.
        (Row::Missing | Row::Deleted { .. }, Some(_)) => false,
    }
}
