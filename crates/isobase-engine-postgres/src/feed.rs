//! The change feed.

use async_trait::async_trait;
use isobase_engine::{ChangeFeed, ChangesPage, ChangesRequest, EngineError, ErrorKind, Keep};
use isobase_postgres::{Error, Row, ToSql};
use isobase_types::{
    Change, ChangeKind, CollectionName, Kept, KeptText, Revision, Sequence, Timestamp,
};

use crate::{
    PostgresEngine,
    catalogue::identity,
    codec::{column, id_of},
    error::{corrupted, engine_error},
};

/// Changes of all collections that are looked at for those of one, in one answer. There is no
/// index by collection: it would slow every write down for a rare question.
const WINDOW: i64 = 20_000;

#[async_trait]
impl ChangeFeed for PostgresEngine {
    async fn read_changes(&self, request: &ChangesRequest) -> Result<ChangesPage, EngineError> {
        let deadline = self.read_deadline();
        let lane = self.lanes.connection(deadline).await.map_err(engine_error)?;
        let since = i64::try_from(request.since.0).unwrap_or(i64::MAX);
        // One more than asked for tells whether there are more.
        let limit = i64::from(request.limit) + 1;
        let rows = match &request.collection {
            None => {
                let parameters: [&(dyn ToSql + Sync); 4] =
                    [&since, &i64::MAX, &limit, &request.bodies];
                let rows = lane.query(&self.statements.changes, &parameters);
                self.on_lane(deadline, "reading changes", rows).await?
            }
            Some(name) => {
                let (end, name) = (since.saturating_add(WINDOW), name.as_str());
                let parameters: [&(dyn ToSql + Sync); 5] =
                    [&since, &end, &limit, &request.bodies, &name];
                let rows = lane.query(&self.statements.changes_of, &parameters);
                self.on_lane(deadline, "reading changes", rows).await?
            }
        };
        page(&rows, request)
    }

    fn keep(&self, collection: &CollectionName, keep: Keep) {
        self.catalogue.keeping.set(collection, keep);
    }

    async fn latest(&self) -> Result<Sequence, EngineError> {
        let deadline = self.read_deadline();
        let lane = self.lanes.connection(deadline).await.map_err(engine_error)?;
        let latest = async {
            let rows = lane.query(&self.statements.latest, &[]).await?;
            let row = rows.first().ok_or_else(|| corrupted("the clock"))?;
            sequence(row, 0)
        };
        self.on_lane(deadline, "reading the clock", latest).await
    }

    async fn wait(
        &self,
        since: Sequence,
        collection: Option<&CollectionName>,
    ) -> Result<(), EngineError> {
        self.catalogue.channel.waiting.wait(since, collection).await;
        Ok(())
    }
}

fn page(rows: &[Row], request: &ChangesRequest) -> Result<ChangesPage, EngineError> {
    let row = rows.first().ok_or_else(|| engine_error(corrupted("the clock")))?;
    let latest = sequence(row, 0).map_err(engine_error)?;
    let oldest = sequence(row, 1).map_err(engine_error)?;
    let identity = identity(row, 8).map_err(engine_error)?;
    if request.since < oldest {
        return Err(EngineError::new(
            ErrorKind::ChangesGone { oldest },
            format!("changes after {} are no longer kept", request.since),
        ));
    }
    let changes: Result<Vec<Option<Change>>, Error> = rows.iter().map(change).collect();
    let mut changes: Vec<Change> = changes.map_err(engine_error)?.into_iter().flatten().collect();
    let limit = request.limit as usize;
    if changes.len() > limit {
        changes.truncate(limit);
        let next = changes.last().map_or(request.since, |last| last.sequence);
        return Ok(ChangesPage { changes, next, more: true, identity });
    }
    let looked_at = match request.collection {
        Some(_) => Sequence(request.since.0.saturating_add(WINDOW.unsigned_abs())),
        None => latest,
    };
    // A place beyond the feed stays where it is.
    let next = looked_at.min(latest).max(request.since);
    Ok(ChangesPage { changes, next, more: next < latest, identity })
}

/// The change of a row; `None` in the only row of an empty answer.
fn change(row: &Row) -> Result<Option<Change>, Error> {
    if column::<Option<i64>>(row, 2)?.is_none() {
        return Ok(None);
    }
    let collection =
        CollectionName::new(column(row, 3)?).map_err(|_| corrupted("a collection name"))?;
    let kind = ChangeKind::from_code(i64::from(column::<i16>(row, 5)?))
        .ok_or_else(|| corrupted("the kind of a change"))?;
    let revision: Option<i64> = column(row, 6)?;
    Ok(Some(Change {
        sequence: sequence(row, 2)?,
        collection,
        id: column::<Option<&[u8]>>(row, 4)?.map(id_of).transpose()?,
        kind,
        revision: revision.map(|number| Revision::from_number(number.cast_unsigned())),
        at: Timestamp { unix_us: column(row, 7)? },
        kept: Kept {
            former: KeptText::of_stored(column::<Option<&str>>(row, 10)?),
            body: kept_body(row)?,
        },
    }))
}

/// The body of a change, or that it has one which was not asked for.
fn kept_body(row: &Row) -> Result<KeptText, Error> {
    let has_one: bool = column(row, 11)?;
    Ok(match column::<Option<&str>>(row, 12)? {
        None if has_one => KeptText::Omitted,
        body => KeptText::of_stored(body),
    })
}

fn sequence(row: &Row, at: usize) -> Result<Sequence, Error> {
    Ok(Sequence(column::<i64>(row, at)?.cast_unsigned()))
}
