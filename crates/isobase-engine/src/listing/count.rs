//! Counting documents that meet a filter.

use isobase_types::{Filter, Order};

use super::{
    FETCH_ROWS_MAX, Fetch, Fetched, ReadyIndex, plan,
    planned::{Main, PlannedRange},
    range::Range,
    run::scan_limit_exceeded,
};
use crate::{Cutoff, EngineError};

/// A count under way.
#[derive(Debug)]
pub struct CountRun<'a> {
    filter: &'a Filter,
    /// Documents that have expired do not count.
    cutoff: Option<Cutoff>,
    scan_max: u64,
    /// The ranges left to count, the last first.
    ranges: Vec<PlannedRange>,
    exact: bool,
    examined: u64,
    counted: u64,
}

/// The next step of a count.
#[derive(Debug)]
pub enum CountStep {
    /// The number of documents in the whole collection, then [`CountRun::feed_count`].
    CountCollection,
    /// The number of entries in these index ranges together, then [`CountRun::feed_count`].
    CountEntries(Vec<Range>),
    /// Read this, then [`CountRun::feed`].
    Fetch(Fetch),
    /// The number.
    Done(u64),
}

impl<'a> CountRun<'a> {
    /// Plans a count with the indexes of its collection.
    #[must_use]
    pub fn new(filter: &'a Filter, indexes: &[ReadyIndex], scan_max: u64) -> Self {
        let mut exact = true;
        let ranges = match filter {
            Filter::And(all) if all.is_empty() => Vec::new(),
            _ => plan::exact_ranges(filter, indexes).unwrap_or_else(|| {
                exact = false;
                let plan = plan::choose(filter, &Order::default(), None, indexes);
                match (plan.probe, plan.main) {
                    (Some(ranges), _)
                    | (None, Main::Ordered { ranges, .. } | Main::Sort { ranges }) => ranges,
                }
            }),
        };
        Self { filter, cutoff: None, scan_max, ranges, exact, examined: 0, counted: 0 }
    }

    /// The same without documents that have expired. Then [`CountStep::CountCollection`] asks for
    /// those that have not, and entries of an index are not counted: they do not tell.
    #[must_use]
    pub fn living(mut self, cutoff: Option<Cutoff>) -> Self {
        self.exact &= cutoff.is_none() || *self.filter == Filter::all();
        Self { cutoff, ..self }
    }

    /// Goes on until it needs something or has the number.
    ///
    /// # Errors
    /// [`crate::ErrorKind::LimitExceeded`] when too many documents would have to be examined.
    pub fn step(&mut self) -> Result<CountStep, EngineError> {
        if matches!(self.filter, Filter::And(all) if all.is_empty()) && self.exact {
            return Ok(CountStep::CountCollection);
        }
        // Without a range nothing can meet the filter, and the answer is zero.
        if self.exact && !self.ranges.is_empty() {
            let ranges = std::mem::take(&mut self.ranges);
            let ranges = ranges.into_iter().map(|planned| planned.range).collect();
            return Ok(CountStep::CountEntries(ranges));
        }
        match self.ranges.last() {
            None => Ok(CountStep::Done(self.counted)),
            Some(_) if self.examined >= self.scan_max => Err(scan_limit_exceeded(self.scan_max)),
            Some(planned) => Ok(CountStep::Fetch(Fetch {
                range: planned.range.clone(),
                reverse: false,
                limit: FETCH_ROWS_MAX,
            })),
        }
    }

    /// Takes the answer to a [`CountStep::Fetch`].
    pub fn feed(&mut self, fetched: &Fetched) {
        self.examined += fetched.rows.len() as u64;
        let matching = fetched
            .rows
            .iter()
            .filter(|row| self.cutoff.is_none_or(|it| !it.is_past(row.document.updated_at)))
            .filter(|row| self.filter.meets((&row.document).into()))
            .count();
        self.counted += matching as u64;
        match (fetched.rows.last(), fetched.exhausted) {
            (Some(last), false) => {
                if let Some(planned) = self.ranges.last_mut() {
                    planned.range.continue_after(last, false);
                }
            }
            _ => {
                self.ranges.pop();
            }
        }
    }

    /// Takes the answer to the counting steps.
    pub fn feed_count(&mut self, count: u64) {
        self.counted = count;
        self.exact = false;
        self.ranges.clear();
    }
}

#[cfg(test)]
mod tests {
    use isobase_types::{Comparison, FieldPath, Operator};

    use super::*;

    #[test]
    fn empty_list_of_values_counts_nothing() {
        let path = FieldPath::parse("a").unwrap();
        let filter = Filter::Compare(Comparison { path, operator: Operator::In(Vec::new()) });
        let index = ReadyIndex { id: 1, order: Order::parse("a").unwrap() };
        let mut run = CountRun::new(&filter, &[index], 10);
        assert!(matches!(run.step(), Ok(CountStep::Done(0))));
    }

    #[test]
    fn whole_collection_is_counted_at_once() {
        let mut run = CountRun::new(const { &Filter::And(Vec::new()) }, &[], 10);
        assert!(matches!(run.step(), Ok(CountStep::CountCollection)));
        run.feed_count(7);
        assert!(matches!(run.step(), Ok(CountStep::Done(7))));
    }
}
