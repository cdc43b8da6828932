//! Running a plan: asks for ranges and turns them into a page.

use std::{
    collections::{BinaryHeap, VecDeque},
    mem,
};

use isobase_types::{Document, Order};

use super::{
    FETCH_ROWS_FIRST, FETCH_ROWS_MAX, ListRequest, Listing, Place, SORT_BYTES_MAX,
    SORT_DOCUMENTS_MAX, Sieve, plan,
    planned::{Main, PlannedRange, ReadyIndex},
    range::Range,
};
use crate::{Cutoff, EngineError, ErrorKind};

/// Rows an ordered plan that nothing narrows down may read before its probe is tried instead.
const TRIAL_ROWS_MAX: u64 = 1_024;

/// Entries a probe may read before the run turns to its main plan.
const PROBE_ROWS_MAX: u64 = 8_192;

/// A part of a range that the run needs now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// Where to read.
    pub range: Range,
    /// From the end.
    pub reverse: bool,
    /// At most this many rows; fewer when they reach [`super::FETCH_BYTES_MAX`].
    pub limit: u32,
}

/// The answer to a [`Fetch`].
#[derive(Debug)]
pub struct Fetched {
    /// In the order of the range.
    pub rows: Vec<Row>,
    /// The range has nothing after these rows.
    pub exhausted: bool,
}

/// A document a range led to.
#[derive(Debug)]
pub struct Row {
    /// The key of the index entry; empty in a range of ids.
    pub key: Vec<u8>,
    /// The document.
    pub document: Document,
}

/// The next step of a run.
#[derive(Debug)]
pub enum Step {
    /// Read these, then [`ListRun::feed`] the answers in the same order.
    Fetch(Vec<Fetch>),
    /// The page.
    Done(Listing),
}

/// A listing under way.
///
/// ```text
/// loop { match run.step()? { Step::Fetch(parts) => run.feed(read(parts)), Step::Done(page) => return page } }
/// ```
#[derive(Debug)]
pub struct ListRun<'a> {
    request: &'a ListRequest,
    /// Documents that have expired are not there.
    cutoff: Option<Cutoff>,
    /// The bounds of the ranges say as much as the filter.
    covered: bool,
    /// A key is proof that its document meets the filter.
    proved: bool,
    streams: Vec<Stream>,
    mode: Mode,
    /// The plan to try when the main plan finds too little.
    probe: Option<Vec<PlannedRange>>,
    /// What to do when a probe finds too much.
    fallback: Option<Main>,
    examined: u64,
    fetch_rows: u32,
}

#[derive(Debug)]
enum Mode {
    Ordered { reverse: bool, page: Page },
    Sort { kept: BinaryHeap<Ranked>, bytes: usize },
}

#[derive(Debug, Default)]
struct Page {
    listing: Listing,
    bytes: usize,
    skipped: u64,
    /// The last document looked at, when it is not the last of the listing: a page that ends
    /// early goes on after it. Its place is made only then.
    passed: Option<Document>,
}

#[derive(Debug)]
struct Stream {
    range: Range,
    prefix_bytes: usize,
    rows: VecDeque<Row>,
    exhausted: bool,
}

/// A document with its place; the largest place is the first to go.
#[derive(Debug)]
struct Ranked {
    place: Place,
    document: Document,
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}
impl Eq for Ranked {}
impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.place.cmp(&other.place)
    }
}

impl<'a> ListRun<'a> {
    /// Plans a listing with the indexes of its collection.
    #[must_use]
    pub fn new(request: &'a ListRequest, indexes: &[ReadyIndex]) -> Self {
        let plan = plan::choose(&request.filter, &request.order, request.after.as_ref(), indexes);
        let wanted = u32::try_from(wanted(request)).unwrap_or(u32::MAX).min(FETCH_ROWS_MAX);
        let first = if plan.covers { wanted } else { wanted.max(FETCH_ROWS_FIRST) };
        let mut run = Self {
            request,
            cutoff: None,
            covered: plan.covers,
            proved: false,
            streams: Vec::new(),
            mode: Mode::Sort { kept: BinaryHeap::new(), bytes: 0 },
            probe: None,
            fallback: None,
            examined: 0,
            fetch_rows: first,
        };
        match (plan.probe, plan.main) {
            (Some(ranges), main @ Main::Ordered { .. }) => {
                // Where many documents meet the filter the order finds a page at once; where few
                // do, the probe does.
                run.start(main.clone());
                run.probe = Some(ranges);
                run.fallback = Some(main);
            }
            (Some(ranges), main) => {
                run.start(Main::Sort { ranges });
                run.fallback = Some(main);
            }
            (None, main) => run.start(main),
        }
        run
    }

    /// The same without documents that have expired.
    #[must_use]
    pub fn living(self, cutoff: Option<Cutoff>) -> Self {
        Self { cutoff, ..self }
    }

    /// The same where ranges and documents are read at one moment: a document whose key lies in the
    /// bounds of the filter meets it, and is not checked again.
    #[must_use]
    pub fn at_one_moment(self) -> Self {
        Self { proved: self.covered, ..self }
    }

    /// The documents that the reader may leave out of the answers to the last [`Step::Fetch`].
    #[must_use]
    pub fn sieve(&self) -> Sieve<'_> {
        let filter = (!self.proved).then_some(&self.request.filter);
        let sieve = Sieve::new(filter, self.cutoff);
        match &self.mode {
            Mode::Ordered { .. } => sieve,
            Mode::Sort { kept, .. } => {
                let is_full = kept.len() as u64 >= wanted(self.request);
                let last = kept.peek().filter(|_| is_full).map(|ranked| &ranked.place);
                sieve.sorted(&self.request.order, self.request.after.as_ref(), last)
            }
        }
    }

    /// Takes note of documents that a sieve left out of the answers that are fed next.
    pub fn leave_out(&mut self, documents: u64) {
        self.examined += documents;
    }

    fn shows(&self, document: &Document) -> bool {
        let has_expired = Cutoff::has_passed(self.cutoff, document.updated_at);
        let meets = || self.proved || self.request.filter.meets(document.into());
        !has_expired && meets()
    }

    fn start(&mut self, main: Main) {
        let (ranges, mode) = match main {
            Main::Ordered { ranges, reverse } => {
                (ranges, Mode::Ordered { reverse, page: Page::default() })
            }
            Main::Sort { ranges } => (ranges, Mode::Sort { kept: BinaryHeap::new(), bytes: 0 }),
        };
        self.mode = mode;
        self.streams = ranges.into_iter().map(Stream::new).collect();
        self.examined = 0;
    }

    /// Goes on until it needs documents or has the page.
    ///
    /// # Errors
    /// [`ErrorKind::LimitExceeded`] when the order has no index and too many documents meet the
    /// filter or would have to be examined.
    pub fn step(&mut self) -> Result<Step, EngineError> {
        match &mut self.mode {
            Mode::Ordered { .. } => self.step_ordered(),
            Mode::Sort { .. } => self.step_sort(),
        }
    }

    /// Takes the answers to the parts of the last [`Step::Fetch`], in their order.
    pub fn feed(&mut self, answers: Vec<Fetched>) {
        let hungry = self.streams.iter_mut().filter(|stream| stream.is_hungry());
        for (stream, fetched) in hungry.zip(answers) {
            stream.take(fetched, matches!(self.mode, Mode::Ordered { reverse: true, .. }));
        }
    }

    fn fetch(&mut self, reverse: bool) -> Option<Step> {
        // One at least: whether there is more is asked only where it matters.
        let left = self.request.scan_max.saturating_sub(self.examined).max(1);
        let limit = u32::try_from(left).unwrap_or(u32::MAX).min(self.fetch_rows);
        let parts: Vec<Fetch> = self
            .streams
            .iter()
            .filter(|stream| stream.is_hungry())
            .map(|stream| Fetch { range: stream.range.clone(), reverse, limit })
            .collect();
        if parts.is_empty() {
            return None;
        }
        self.fetch_rows = self.fetch_rows.saturating_mul(4).min(FETCH_ROWS_MAX);
        Some(Step::Fetch(parts))
    }

    fn step_ordered(&mut self) -> Result<Step, EngineError> {
        let Mode::Ordered { reverse, .. } = self.mode else {
            return Ok(Step::Done(Listing::default()));
        };
        loop {
            if let Some(step) = self.fetch(reverse) {
                // A full page needs to know only that there is more, not what.
                return Ok(if self.is_full() { self.finish(true) } else { step });
            }
            let Some(row) = pop_first(&mut self.streams, reverse) else {
                return Ok(self.finish(false));
            };
            if self.examined >= TRIAL_ROWS_MAX
                && let Some(ranges) = self.probe.take()
            {
                self.start(Main::Sort { ranges });
                return self.step();
            }
            self.examined += 1;
            let matches = self.shows(&row.document);
            if matches && self.is_full() {
                return Ok(self.finish(true));
            }
            let Mode::Ordered { page, .. } = &mut self.mode else { continue };
            page.look_at(row.document, matches, self.request);
            if self.examined >= self.request.scan_max {
                return Ok(self.finish(true));
            }
        }
    }

    fn is_full(&self) -> bool {
        match &self.mode {
            Mode::Ordered { page, .. } => page.is_full(self.request),
            Mode::Sort { .. } => false,
        }
    }

    fn finish(&mut self, more: bool) -> Step {
        let Mode::Ordered { page, .. } = &mut self.mode else {
            return Step::Done(Listing::default());
        };
        let page = mem::take(page);
        // What was passed after the end of a full page may match when the next one is read.
        let passed = page.passed.as_ref().filter(|_| !page.is_full(self.request));
        let mut listing = page.listing;
        if more {
            let last = passed.or(listing.documents.last());
            listing.next = last.map(|document| Place::of(document, &self.request.order));
        }
        Step::Done(listing)
    }

    fn step_sort(&mut self) -> Result<Step, EngineError> {
        while let Some(row) = self.streams.iter_mut().find_map(|stream| stream.rows.pop_front()) {
            self.examined += 1;
            self.keep(row.document)?;
        }
        if self.examined > PROBE_ROWS_MAX
            && let Some(main) = self.fallback.take()
        {
            self.start(main);
            return self.step();
        }
        if let Some(step) = self.fetch(false) {
            if self.examined >= self.request.scan_max {
                return Err(scan_limit_exceeded(self.request.scan_max));
            }
            return Ok(step);
        }
        let Mode::Sort { kept, .. } = &mut self.mode else {
            return Ok(Step::Done(Listing::default()));
        };
        Ok(Step::Done(first_page(mem::take(kept).into_sorted_vec(), self.request)))
    }

    fn keep(&mut self, document: Document) -> Result<(), EngineError> {
        let request = self.request;
        if !self.shows(&document) {
            return Ok(());
        }
        let place = Place::of(&document, &request.order);
        if request.after.as_ref().is_some_and(|after| place <= *after) {
            return Ok(());
        }
        let Mode::Sort { kept, bytes } = &mut self.mode else { return Ok(()) };
        *bytes += document.body.len();
        kept.push(Ranked { place, document });
        if kept.len() as u64 > wanted(request)
            && let Some(dropped) = kept.pop()
        {
            *bytes -= dropped.document.body.len();
        }
        if kept.len() as u64 > SORT_DOCUMENTS_MAX || *bytes > SORT_BYTES_MAX {
            // A probe gives way to the main plan instead of failing.
            if self.fallback.is_some() {
                self.examined = self.examined.max(PROBE_ROWS_MAX + 1);
                kept.clear();
                *bytes = 0;
                return Ok(());
            }
            return Err(sort_limit_exceeded(&request.order));
        }
        Ok(())
    }
}

/// The documents that a page needs to know of: one more than it has, to tell whether there is more.
fn wanted(request: &ListRequest) -> u64 {
    request.skip.saturating_add(u64::from(request.limit)).saturating_add(1)
}

impl Page {
    fn is_full(&self, request: &ListRequest) -> bool {
        self.listing.documents.len() as u64 >= u64::from(request.limit)
            || (self.bytes >= request.bytes_max && !self.listing.documents.is_empty())
    }

    fn look_at(&mut self, document: Document, matches: bool, request: &ListRequest) {
        if !matches {
            self.passed = Some(document);
            return;
        }
        if self.skipped < request.skip {
            self.skipped += 1;
            self.passed = Some(document);
            return;
        }
        self.passed = None;
        self.bytes += document.body.len();
        if self.listing.documents.is_empty() {
            self.listing.documents.reserve_exact(request.limit.min(FETCH_ROWS_FIRST) as usize);
        }
        self.listing.documents.push(document);
    }
}

impl Stream {
    fn new(planned: PlannedRange) -> Self {
        let PlannedRange { range, prefix_bytes } = planned;
        Self { exhausted: range.is_empty(), range, prefix_bytes, rows: VecDeque::new() }
    }

    fn is_hungry(&self) -> bool {
        self.rows.is_empty() && !self.exhausted
    }

    fn take(&mut self, fetched: Fetched, reverse: bool) {
        self.exhausted = fetched.exhausted;
        if let Some(last) = fetched.rows.last() {
            self.range.continue_after(last, reverse);
        }
        self.rows = fetched.rows.into();
    }
}

impl Range {
    fn is_empty(&self) -> bool {
        match self {
            Self::Ids(_) => false,
            Self::Index { keys, .. } => keys.upper.as_ref().is_some_and(|end| *end <= keys.lower),
        }
    }

    /// Leaves out everything up to and including the row.
    pub(crate) fn continue_after(&mut self, row: &Row, reverse: bool) {
        use std::ops::Bound;
        match self {
            Self::Ids(range) if reverse => range.upper = Bound::Excluded(row.document.id.clone()),
            Self::Ids(range) => range.lower = Bound::Excluded(row.document.id.clone()),
            Self::Index { keys, .. } if reverse => keys.upper = Some(row.key.clone()),
            Self::Index { keys, .. } => {
                keys.lower.clone_from(&row.key);
                keys.lower.push(0);
            }
        }
    }
}

/// Takes the row that comes first in the order out of its stream.
fn pop_first(streams: &mut [Stream], reverse: bool) -> Option<Row> {
    if let [only] = streams {
        return only.rows.pop_front();
    }
    let heads = streams.iter().enumerate().filter_map(|(at, stream)| {
        let row = stream.rows.front()?;
        Some((at, (&row.key[stream.prefix_bytes.min(row.key.len())..], &row.document.id)))
    });
    let first = if reverse {
        heads.max_by(|(_, a), (_, b)| a.cmp(b))
    } else {
        heads.min_by(|(_, a), (_, b)| a.cmp(b))
    };
    let at = first?.0;
    streams[at].rows.pop_front()
}

fn first_page(ranked: Vec<Ranked>, request: &ListRequest) -> Listing {
    let skip = usize::try_from(request.skip).unwrap_or(usize::MAX);
    let total = ranked.len();
    let mut listing = Listing::default();
    let mut bytes = 0;
    let mut taken = skip.min(total);
    for Ranked { place, document } in ranked.into_iter().skip(skip) {
        if listing.documents.len() as u64 >= u64::from(request.limit)
            || (bytes >= request.bytes_max && !listing.documents.is_empty())
        {
            break;
        }
        bytes += document.body.len();
        taken += 1;
        listing.documents.push(document);
        listing.next = Some(place);
    }
    if taken >= total {
        listing.next = None;
    }
    listing
}

pub(crate) fn scan_limit_exceeded(scan_max: u64) -> EngineError {
    EngineError::new(
        ErrorKind::LimitExceeded,
        format!(
            "the answer needs more than {scan_max} documents to be examined; \
             declare an index on the fields of the filter or the sort"
        ),
    )
}

fn sort_limit_exceeded(order: &Order) -> EngineError {
    EngineError::new(
        ErrorKind::LimitExceeded,
        format!(
            "too many documents to sort by '{order}' without an index; declare an index that \
             ends with these fields, or ask for a page with 'limit'"
        ),
    )
}
