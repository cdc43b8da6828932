//! Ids in runs: what a load writes instead of one entry for each document.
//!
//! While a load lasts, each call leaves items in the partition `loading/NAME`: sorted ids that
//! came or went. Its end merges them, and what runs there were, into the partition
//! `ids/NAME/GENERATION`: runs without overlap, each thousands of ids in one item. From then on
//! the index of the ids is the runs and, over them, the entries: an entry without a document
//! takes its id away.

use std::collections::BTreeMap;

use isobase_engine::EngineError;
use isobase_types::{CollectionName, DocumentId};

use crate::{
    codec::{Item, as_bytes},
    database::DynamoDbDatabase,
    index::Entries,
    journal::{self, SK, corrupted},
    limits::key_bounds,
    load::{FIRST, LAST},
    pages::{PartitionPage, Wanted},
    range::Range,
    run::{Generation, Id, Place, RUN_IDS_MAX, ids, places},
};

/// Entries read at a time while all are read.
const ENTRIES_PAGE: usize = 5_000;

impl DynamoDbDatabase {
    /// Entries of the index of the ids where it has runs.
    pub(crate) async fn entries_over_runs(
        &self,
        range: &Range<'_>,
        generation: Generation,
        reverse: bool,
        limit: usize,
    ) -> Result<Entries, EngineError> {
        let (mut lower, mut upper) = (range.lower.to_vec(), range.upper.map(<[u8]>::to_vec));
        loop {
            let Some((first, last)) = key_bounds(&lower, upper.as_deref()) else {
                return Ok(Entries { entries: Vec::new(), exhausted: true });
            };
            let bounds = Bounds { first: &first, last: &last, reverse, limit };
            let (entries, runs) = tokio::try_join!(
                self.bounded_entries(range.collection, &bounds),
                self.bounded_runs(range.collection, generation, &bounds),
            )?;
            let (found, horizon) = merge(entries, runs, reverse);
            let exhausted = horizon.is_none() && found.len() <= limit;
            if !found.is_empty() || exhausted {
                let found = found.into_iter().take(limit);
                let read = |(key, id): Id| Some((key, DocumentId::parse(&id).ok()?));
                return Ok(Entries { entries: found.filter_map(read).collect(), exhausted });
            }
            // All of them were deleted: what comes after the horizon.
            match horizon {
                Some(horizon) if reverse => upper = Some(horizon),
                Some(horizon) => {
                    lower = horizon;
                    lower.push(0);
                }
                None => return Ok(Entries { entries: Vec::new(), exhausted: true }),
            }
        }
    }

    /// How many of a range there are where it has runs.
    pub(crate) async fn count_over_runs(
        &self,
        range: &Range<'_>,
        generation: Generation,
    ) -> Result<u64, EngineError> {
        let mut lower = range.lower.to_vec();
        let mut count = 0;
        loop {
            let rest = Range { lower: &lower, ..*range };
            let part = self.entries_over_runs(&rest, generation, false, ENTRIES_PAGE).await?;
            count += part.entries.len() as u64;
            match part.entries.last() {
                Some((last, _)) if !part.exhausted => {
                    lower.clone_from(last);
                    lower.push(0);
                }
                _ => return Ok(count),
            }
        }
    }

    async fn bounded_entries(
        &self,
        collection: &CollectionName,
        bounds: &Bounds<'_>,
    ) -> Result<Part, EngineError> {
        let pk = journal::keys(collection, 0);
        let mut part = Part::default();
        let mut start = None;
        loop {
            let page = PartitionPage {
                pk: &pk,
                first: bounds.first,
                last: bounds.last,
                reverse: bounds.reverse,
                limit: Some(bounds.limit.saturating_sub(part.places.len()).max(1)),
                start,
                ..PartitionPage::default()
            };
            let (items, next) = self.read_partition(&page).await?;
            for item in &items {
                part.places.extend(places(item)?);
            }
            part.more = next.is_some();
            start = next;
            if start.is_none() || part.places.len() >= bounds.limit {
                return Ok(part);
            }
        }
    }

    async fn bounded_runs(
        &self,
        collection: &CollectionName,
        generation: Generation,
        bounds: &Bounds<'_>,
    ) -> Result<Part, EngineError> {
        let pk = ids(collection, generation);
        // The run in which the first key would be began before it.
        let mut from = bounds.first.to_vec();
        if !bounds.reverse {
            let before = PartitionPage {
                pk: &pk,
                first: FIRST,
                last: bounds.first,
                reverse: true,
                limit: Some(1),
                only: Wanted::Keys,
                ..PartitionPage::default()
            };
            let (items, _) = self.read_partition(&before).await?;
            if let Some(run) = items.first().and_then(|run| as_bytes(run, SK)) {
                from = run.to_vec();
            }
        } else {
            from = FIRST.to_vec();
        }
        let mut part = Part::default();
        let mut start = None;
        loop {
            let page = PartitionPage {
                pk: &pk,
                first: &from,
                last: bounds.last,
                reverse: bounds.reverse,
                limit: Some(1 + bounds.limit / RUN_IDS_MAX),
                start,
                ..PartitionPage::default()
            };
            let (items, next) = self.read_partition(&page).await?;
            let mut is_before = false;
            for item in &items {
                let begins = as_bytes(item, SK).ok_or_else(|| corrupted("a run of ids"))?;
                is_before |= begins <= bounds.first;
                let mut run = places(item)?;
                if bounds.reverse {
                    run.reverse();
                }
                let is_in = |place: &Place| {
                    place.0.as_slice() >= bounds.first && place.0.as_slice() <= bounds.last
                };
                part.places.extend(run.into_iter().filter(is_in));
            }
            part.more = next.is_some() && !(bounds.reverse && is_before);
            start = next;
            if !part.more || part.places.len() >= bounds.limit {
                return Ok(part);
            }
        }
    }

    /// Ids of a run, page by page: for a deletion of the collection.
    pub(crate) async fn runs_page(
        &self,
        collection: &CollectionName,
        generation: Generation,
        start: Option<Item>,
    ) -> Result<(Vec<Id>, Option<Item>), EngineError> {
        let pk = ids(collection, generation);
        let page = PartitionPage {
            pk: &pk,
            first: FIRST,
            last: LAST,
            limit: Some(1),
            start,
            ..PartitionPage::default()
        };
        let (items, next) = self.read_partition(&page).await?;
        let mut found = Vec::new();
        for item in &items {
            found.extend(places(item)?.into_iter().filter_map(|(key, id)| Some((key, id?))));
        }
        Ok((found, next))
    }

    pub(crate) async fn delete_runs(
        &self,
        collection: &CollectionName,
        generation: Generation,
    ) -> Result<(), EngineError> {
        self.delete_partition(&ids(collection, generation), LAST).await
    }
}

struct Bounds<'a> {
    first: &'a [u8],
    last: &'a [u8],
    reverse: bool,
    /// About as many.
    limit: usize,
}

/// Places in order, and whether there are more after them.
#[derive(Debug, Default)]
struct Part {
    places: Vec<Place>,
    more: bool,
}

/// Ids in order as far as both parts reach, and where that is; `None` at the end of both.
fn merge(entries: Part, runs: Part, reverse: bool) -> (Vec<Id>, Option<Vec<u8>>) {
    let end = |part: &Part| part.more.then(|| part.places.last().map(|it| it.0.clone())).flatten();
    let ends = [end(&entries), end(&runs)].into_iter().flatten();
    let horizon = if reverse { ends.max() } else { ends.min() };
    let mut all: BTreeMap<Vec<u8>, Option<String>> = BTreeMap::new();
    // Entries are over the runs.
    for (key, id) in runs.places.into_iter().chain(entries.places) {
        let is_known = horizon
            .as_ref()
            .is_none_or(|horizon| if reverse { key >= *horizon } else { key <= *horizon });
        if is_known {
            all.insert(key, id);
        }
    }
    let found = all.into_iter().filter_map(|(key, id)| Some((key, id?)));
    let mut found: Vec<Id> = found.collect();
    if reverse {
        found.reverse();
    }
    (found, horizon)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(ids: &[&str], more: bool) -> Part {
        let place = |text: &&str| match text.strip_prefix('-') {
            Some(gone) => (gone.as_bytes().to_vec(), None),
            None => (text.as_bytes().to_vec(), Some((*text).to_owned())),
        };
        Part { places: ids.iter().map(place).collect(), more }
    }

    #[test]
    fn entries_are_over_runs_as_far_as_both_are_known() {
        let names = |ids: &[Id]| ids.iter().map(|(_, id)| id.clone()).collect::<Vec<_>>();
        let (found, horizon) =
            merge(part(&["-b", "c", "x"], false), part(&["a", "b", "d"], false), false);
        assert_eq!(
            (names(&found), horizon),
            (["a", "c", "d", "x"].map(String::from).to_vec(), None)
        );
        let (found, horizon) = merge(part(&["-b", "c"], true), part(&["a", "b", "d"], true), false);
        assert_eq!(names(&found), ["a", "c"]);
        assert_eq!(horizon.as_deref(), Some(&b"c"[..]));
        let (found, horizon) = merge(part(&["x", "-d"], true), part(&["d", "b"], true), true);
        assert_eq!(names(&found), ["x"]);
        assert_eq!(horizon.as_deref(), Some(&b"d"[..]));
    }
}
