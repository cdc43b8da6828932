//! Running a program on two subjects.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use isobase_engine::{Terms, sweep};
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_types::CollectionName;

use super::generate::{EXPIRING, Generator, Step};
use crate::{Done, Listed, Refusal, RefusalKind, Shared, StoreSubject, TestClock};

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramOptions {
    /// Decides everything about the program.
    pub seed: u64,
    /// Steps of the program. Default 40.
    pub operations: usize,
}

impl ProgramOptions {
    /// The program of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, operations: 40 }
    }
}

/// The seeds of the programs to run: `ISOBASE_SEED` replays one, `ISOBASE_PROGRAMS` sets how many.
#[must_use]
pub fn seeds_from_environment(programs: u64) -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("ISOBASE_SEED") {
        return vec![seed];
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // Short enough to type; tests that start together take different ones.
    let first = (now.as_nanos() as u64 ^ u64::from(std::process::id()) << 20) % 1_000_000_000;
    (0..number("ISOBASE_PROGRAMS").unwrap_or(programs)).map(|n| first + n).collect()
}

/// Two answers that are not the same.
#[derive(Debug)]
pub struct Difference {
    /// The program.
    pub seed: u64,
    /// The step, from 0.
    pub step: usize,
    /// All steps up to it.
    pub program: Vec<String>,
    /// The answer of the memory engine.
    pub expected: String,
    /// The answer of the subject.
    pub found: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (number, step) in self.program.iter().enumerate() {
            writeln!(f, "{number:3} {step}")?;
        }
        let Self { seed, step, expected, found, .. } = self;
        writeln!(f, "step {step} of program {seed} differs from the memory engine")?;
        writeln!(f, "expected {expected}\nfound    {found}")?;
        write!(f, "run it again with ISOBASE_SEED={seed}")
    }
}

/// Runs a program on a fresh subject and on a fresh memory engine.
///
/// # Errors
/// [`Difference`] at the first answer that is not the same.
pub async fn compare(subject: &Shared, options: ProgramOptions) -> Result<(), Box<Difference>> {
    let oracle = oracle();
    let mut generator = Generator::new(options.seed);
    let mut program = Vec::new();
    let mut small_pieces = SmallPieces::of(subject);
    let expiring = Expiring::of(subject, &oracle, options.seed).await;
    for step in 0..options.operations {
        if let Some(expiring) = &expiring {
            expiring.time_passes(step).await;
        }
        let next = generator.step();
        if small_pieces.as_mut().is_some_and(|pieces| pieces.leaves_out(&next)) {
            continue;
        }
        program.push(format!("{next:?}"));
        let found = carry_out(subject, &next).await;
        if let (Step::Batch(_, batch), Answer::Refused(refusal)) = (&next, &found) {
            // Nothing was written, which the next steps show.
            if refusal.kind == RefusalKind::LimitExceeded
                && small_pieces.is_some()
                && is_large_piece(batch)
            {
                continue;
            }
        }
        let expected = carry_out(&oracle, &next).await;
        let same = match (&expected, &found) {
            (Answer::Page(a), Answer::Page(b)) => {
                same_page((&oracle, a), (subject, b), &next).await
            }
            _ => expected == found,
        };
        let named = !matches!(&expected, Answer::Refused(r) if r.kind == RefusalKind::Unexpected);
        if !same || !named {
            let (expected, found) = (format!("{expected:?}"), format!("{found:?}"));
            let seed = options.seed;
            return Err(Box::new(Difference { seed, step, program, expected, found }));
        }
        learn(&mut generator, &expected);
    }
    Ok(())
}

/// Two databases in which documents expire while a program runs.
struct Expiring<'s> {
    both: [&'s Shared; 2],
    seed: u64,
}

/// How long documents of such a program live.
const LIFE: Duration = Duration::from_secs(10);

impl<'s> Expiring<'s> {
    /// Every second program is one, where documents can expire and time can be set.
    async fn of(subject: &'s Shared, oracle: &'s Shared, seed: u64) -> Option<Self> {
        let both = [subject, oracle];
        let name = CollectionName::new(EXPIRING).ok()?;
        if seed.is_multiple_of(2) || both.iter().any(|s| s.clock().is_none()) {
            return None;
        }
        for s in both {
            let expires = Some(LIFE);
            let set = s.engine()?.set_terms(&name, Terms { expires, ..Terms::default() }).await;
            set.expect("the terms of a collection are set");
        }
        Some(Self { both, seed })
    }

    /// Up to a third of a life before a step, and now and then a sweep.
    async fn time_passes(&self, step: usize) {
        let dice = self.seed.wrapping_add(step as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let passes = Duration::from_millis((dice % 4) * 1_100);
        for s in self.both {
            if let Some(clock) = s.clock() {
                clock.advance_us(i64::try_from(passes.as_micros()).unwrap_or_default());
            }
            if dice.is_multiple_of(7)
                && let Some(engine) = s.engine()
            {
                sweep(&**engine).await.expect("expired documents are deleted");
            }
        }
    }
}

/// What a program leaves out on an engine that writes only a few operations in one piece, so that
/// every piece of fewer than [`PIECE_OPERATIONS`] operations must succeed.
struct SmallPieces {
    indexes: Vec<(&'static str, String)>,
}

/// A piece of this many operations may be too large for an engine with small pieces.
const PIECE_OPERATIONS: usize = 10;
/// Most indexes of one collection in programs for such engines: each costs room in a piece.
const PIECE_INDEXES: usize = 4;

impl SmallPieces {
    fn of(subject: &Shared) -> Option<Self> {
        (subject.abilities().atomic_operations < 10_000).then(|| Self { indexes: Vec::new() })
    }

    fn leaves_out(&mut self, step: &Step) -> bool {
        let Step::CreateIndex(collection, fields) = step else { return false };
        let index = (*collection, fields.clone());
        if self.indexes.contains(&index) {
            return false;
        }
        // A unique one has keys of two kinds.
        let cost = |fields: &str| if fields.starts_with("unique") { 2 } else { 1 };
        let declared = self.indexes.iter().filter(|(other, _)| other == collection);
        let declared: usize = declared.map(|(_, fields)| cost(fields)).sum();
        let is_too_much = declared + cost(fields) > PIECE_INDEXES;
        if !is_too_much {
            self.indexes.push(index);
        }
        is_too_much
    }
}

fn is_large_piece(batch: &crate::Batch) -> bool {
    (batch.atomic || batch.idempotency_key.is_some()) && batch.operations.len() >= PIECE_OPERATIONS
}

fn oracle() -> Shared {
    let clock = TestClock::default();
    let engine = MemoryEngine::new(clock.shared(), MemoryOptions::default());
    Arc::new(StoreSubject::new(Arc::new(engine), Some(clock)))
}

/// Everything a step can answer.
#[derive(Debug, PartialEq)]
enum Answer {
    Written(Vec<Result<Done, Refusal>>, bool),
    Document(Option<crate::Stored>),
    Page(Listed),
    Documents(Vec<String>),
    Totals(crate::Totals),
    Feed(crate::Feed),
    Names(Vec<String>),
    Count(u64),
    Truth(bool),
    Nothing,
    Refused(Refusal),
}

async fn carry_out(s: &Shared, step: &Step) -> Answer {
    let answer = match step {
        Step::Write(collection, operation, key) => {
            match s.write(collection, operation, key.as_deref()).await {
                Ok(report) => Ok(Answer::Written(vec![Ok(report.done)], report.replayed)),
                Err(refusal) => Err(refusal),
            }
        }
        Step::Batch(collection, batch) => s
            .write_batch(collection, batch)
            .await
            .map(|report| Answer::Written(report.outcomes, report.replayed)),
        Step::Get(collection, id) => s.get(collection, id).await.map(Answer::Document),
        Step::List(collection, parameters) => {
            s.list(collection, &borrowed(parameters)).await.map(Answer::Page)
        }
        Step::Walk(collection, parameters, limit) => walk(s, collection, parameters, *limit).await,
        Step::Totals => s.totals().await.map(Answer::Totals),
        Step::Changes(collection, since, limit) => {
            s.changes(*collection, *since, *limit).await.map(|mut feed| {
                if !feed.more {
                    // At the end any place is right from which the feed goes on.
                    feed.next = 0;
                }
                // They carry the identity of their database.
                feed.next_place.clear();
                feed.changes.iter_mut().for_each(|change| change.place.clear());
                Answer::Feed(feed)
            })
        }
        Step::CreateIndex(collection, fields) => {
            s.create_index(collection, fields).await.map(|()| Answer::Nothing)
        }
        Step::DropIndex(collection, fields) => {
            s.drop_index(collection, fields).await.map(Answer::Truth)
        }
        Step::Indexes(collection) => s.indexes(collection).await.map(Answer::Names),
        Step::DeleteCollection(collection) => {
            s.delete_collection(collection).await.map(Answer::Count)
        }
    };
    answer.unwrap_or_else(Answer::Refused)
}

fn borrowed(parameters: &[(String, String)]) -> Vec<(&str, &str)> {
    parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

async fn walk(
    s: &Shared,
    collection: &str,
    parameters: &[(String, String)],
    limit: u32,
) -> Result<Answer, Refusal> {
    let limit = limit.to_string();
    let (mut documents, mut cursor) = (Vec::new(), None::<String>);
    // Small collections: a walk that is longer goes round in circles.
    for _ in 0..5_000 {
        let mut with_page = borrowed(parameters);
        with_page.push(("limit", &limit));
        if let Some(cursor) = &cursor {
            with_page.push(("cursor", cursor));
        }
        let page = s.list(collection, &with_page).await?;
        documents.extend(page.documents);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(Answer::Documents(documents)),
        }
    }
    Err(Refusal::new(RefusalKind::Unexpected, "the walk does not end"))
}

/// Whether two pages say the same. Cursors are opaque, and an engine may learn only from the next
/// page that there is nothing more: then that page must be empty.
async fn same_page(a: (&Shared, &Listed), b: (&Shared, &Listed), step: &Step) -> bool {
    let told = |listed: &Listed| Listed { next: None, ..listed.clone() };
    if told(a.1) != told(b.1) {
        return false;
    }
    let (s, cursor) = match (&a.1.next, &b.1.next) {
        (Some(cursor), None) => (a.0, cursor),
        (None, Some(cursor)) => (b.0, cursor),
        _ => return true,
    };
    let Step::List(collection, parameters) = step else { return false };
    let mut parameters = parameters.clone();
    parameters.push(("cursor".to_owned(), cursor.clone()));
    let rest = s.list(collection, &borrowed(&parameters)).await;
    rest.is_ok_and(|rest| rest.documents.is_empty() && rest.next.is_none())
}

/// What the generator may build on.
fn learn(generator: &mut Generator, answer: &Answer) {
    let Answer::Written(outcomes, false) = answer else { return };
    for done in outcomes.iter().flatten() {
        generator.written += 1;
        if let Some(revision) = &done.revision {
            let id = crate::check::segment(&done.id);
            generator.revisions.push((id, revision.clone()));
        }
    }
}
