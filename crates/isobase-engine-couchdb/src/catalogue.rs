//! The catalogue: every collection known to the journal.

use isobase_engine::EngineError;
use isobase_journal::CatalogueEntry;
use tokio::time::Instant;

use crate::{
    journal::{Page, ROWS_MAX, Range, catalogue},
    shared::Shared,
    versioned::{CATALOGUE, entry_of},
};

impl Shared {
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
}
