//! Whether the chain is whole, and where it is not.

use std::time::Duration;

use isobase_store::StoreError;
use isobase_types::{Document, DocumentId};
use isobase_writer::Pauses;
use serde::{Deserialize, Serialize};

use super::{
    link::{ChainHead, Seal, hash},
    places::{AuditChain, Head},
};

/// Entries that are read at a time.
const READ_TOGETHER: u32 = 500;
/// Faults that are told one by one.
const FAULTS_MAX: usize = 100;
/// How often the chain is read when something is wrong that may be work of others under way, and the
/// pauses before it is read again: the first, and the longest.
const TRIES: u32 = 3;
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// A fault of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// It is not what it was when it came into the chain.
    Changed,
    /// It is not there.
    Missing,
    /// It does not go on from the entry before.
    Broken,
    /// There is another one with its number.
    Twice,
    /// The chain does not end as it should.
    End,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Where in the chain.
    pub number: u64,
    /// The id of the entry, where there is one.
    pub id: Option<String>,
    /// Its kind.
    pub kind: FaultKind,
    /// The same for people.
    pub message: String,
}

/// Entries that were deleted by their age.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trimmed {
    /// The last of them.
    pub last: u64,
    /// When.
    pub at: String,
}

/// The findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// Whether nothing is wrong.
    pub whole: bool,
    /// Entries that were compared.
    pub entries: u64,
    /// The end of the chain, `NUMBER:HASH`: noted elsewhere, it shows later that nothing before it was
    /// changed, and that the chain was not cut.
    pub head: String,
    /// Entries that are not in the chain yet; `None` where that takes too long to count.
    pub unsealed: Option<u64>,
    /// Those that were deleted by their age, if any were.
    pub trimmed: Option<Trimmed>,
    /// The faults, the first hundred.
    pub faults: Vec<Fault>,
    /// How much is wrong.
    pub faults_total: u64,
}

/// Why the chain was not compared to its end.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was told to stop.
    #[error("it was stopped")]
    Stopped,
}

impl AuditChain {
    /// Compares every entry of the chain with its hash, and each with the one before. `expected` is an
    /// end that was noted before, which the chain must have passed. `told` is called now and then with
    /// how many entries were compared and how many there are; false stops.
    ///
    /// # Errors
    /// When the database fails, or it was told to stop.
    pub async fn verify(
        &self,
        expected: Option<&ChainHead>,
        mut told: impl FnMut(u64, u64) -> bool + Send,
    ) -> Result<AuditReport, VerifyError> {
        let mut pauses = Pauses::new(PAUSE_FIRST, PAUSE_MAX);
        for _ in 1..TRIES {
            let report = self.compare(expected, &mut told).await?;
            if report.whole || !self.may_be_under_way(&report).await? {
                return Ok(report);
            }
            pauses.wait().await;
        }
        self.compare(expected, &mut told).await
    }

    /// Whether what is wrong may be work of others that was under way: entries that grew too old, or the
    /// last ones, whose seals are written one by one.
    async fn may_be_under_way(&self, report: &AuditReport) -> Result<bool, StoreError> {
        let trimmed = self.anchor().await?.map(|(anchor, _)| anchor.number);
        let last = self.head().await?.map(|(head, _)| head.before.number);
        let is_new = |fault: &Fault| {
            fault.kind == FaultKind::Missing && last.is_some_and(|last| fault.number > last)
        };
        Ok(trimmed != report.trimmed.as_ref().map(|trimmed| trimmed.last)
            || report.faults.iter().any(is_new))
    }

    async fn compare(
        &self,
        expected: Option<&ChainHead>,
        told: &mut (impl FnMut(u64, u64) -> bool + Send),
    ) -> Result<AuditReport, VerifyError> {
        let anchor = self.anchor().await?.map(|(anchor, _)| anchor);
        let head = self.head().await?.map(|(head, _)| head);
        let begin = match &anchor {
            Some(anchor) => ChainHead { number: anchor.number, hash: anchor.hash.clone() },
            None => ChainHead::none(),
        };
        let end = head.as_ref().map_or_else(ChainHead::none, Head::end);
        let mut walk = Walk::new(begin.clone(), expected);
        let mut page = self.sealed_after(begin.number, READ_TOGETHER, None).await?;
        'all: loop {
            for entry in &page.documents {
                // Those that came after the head was read are not looked at.
                match Seal::of(entry) {
                    Some(seal) if seal.number <= end.number => walk.take(entry, &seal),
                    Some(_) => break 'all,
                    None => walk.unreadable(entry),
                }
            }
            if !told(walk.entries, end.number.saturating_sub(begin.number)) {
                return Err(VerifyError::Stopped);
            }
            let Some(position) = &page.next else { break };
            page = self.sealed_after(begin.number, READ_TOGETHER, Some(position)).await?;
        }
        if let Some(head) = &head {
            self.take_entered(head, &mut walk).await?;
        }
        walk.end(&end);
        let unsealed = self.count_unsealed().await;
        let trimmed = anchor.map(|anchor| Trimmed { last: anchor.number, at: anchor.at });
        Ok(walk.report(&end, unsealed, trimmed))
    }

    /// Entries that are in the chain by its head, and have no seal yet.
    async fn take_entered(&self, head: &Head, walk: &mut Walk<'_>) -> Result<(), StoreError> {
        for (id, seal) in head.seals() {
            if seal.number == walk.at.number + 1
                && let Some(entry) = self.entries.get(&id).await?
            {
                walk.take(&entry, &seal);
            }
        }
        Ok(())
    }
}

/// How far the chain was compared.
struct Walk<'a> {
    at: ChainHead,
    expected: Option<&'a ChainHead>,
    entries: u64,
    faults: Vec<Fault>,
    faults_total: u64,
}

impl<'a> Walk<'a> {
    fn new(begin: ChainHead, expected: Option<&'a ChainHead>) -> Self {
        let mut walk =
            Self { at: begin, expected, entries: 0, faults: Vec::new(), faults_total: 0 };
        walk.pass();
        walk
    }

    /// Compares the next entry.
    fn take(&mut self, entry: &Document, seal: &Seal) {
        let number = seal.number;
        self.entries += 1;
        if number <= self.at.number {
            let message = format!("two entries have the number {number}");
            return self.fault(number, Some(&entry.id), FaultKind::Twice, message);
        }
        let expected = self.at.number + 1;
        if number > expected {
            self.missing(expected, number - 1);
        } else if seal.previous != self.at.hash {
            let message = format!("entry {number} does not go on from entry {}", self.at.number);
            self.fault(number, Some(&entry.id), FaultKind::Broken, message);
        }
        if hash(&seal.previous, number, &entry.id, &entry.body) != seal.hash {
            let message = format!("entry {number} was changed after it was written");
            self.fault(number, Some(&entry.id), FaultKind::Changed, message);
        }
        self.at = ChainHead { number, hash: seal.hash.clone() };
        self.pass();
    }

    /// Compares an end that was noted before, when the chain is there.
    fn pass(&mut self) {
        let Some(expected) = self.expected.filter(|it| it.number == self.at.number) else { return };
        if expected.hash != self.at.hash {
            let number = expected.number;
            let message =
                format!("the chain up to entry {number} is another one than the one expected");
            self.fault(number, None, FaultKind::End, message);
        }
    }

    fn unreadable(&mut self, entry: &Document) {
        let message = format!("the seal of an entry after {} cannot be read", self.at.number);
        self.fault(self.at.number + 1, Some(&entry.id), FaultKind::Changed, message);
    }

    fn missing(&mut self, first: u64, last: u64) {
        let message = match first == last {
            true => format!("entry {first} is missing"),
            false => format!("entries {first} to {last} are missing"),
        };
        self.fault(first, None, FaultKind::Missing, message);
    }

    /// Compares the end of the chain.
    fn end(&mut self, end: &ChainHead) {
        if self.at.number < end.number {
            self.missing(self.at.number + 1, end.number);
        } else if self.at.hash != end.hash {
            let message = format!("entry {} is not the end of the chain", self.at.number);
            self.fault(self.at.number, None, FaultKind::End, message);
        }
        if let Some(expected) = self.expected.filter(|it| it.number > end.number) {
            let message = format!(
                "the chain ends with entry {}, and entry {} was expected",
                end.number, expected.number
            );
            self.fault(expected.number, None, FaultKind::End, message);
        }
    }

    fn fault(&mut self, number: u64, id: Option<&DocumentId>, kind: FaultKind, message: String) {
        self.faults_total += 1;
        if self.faults.len() < FAULTS_MAX {
            let id = id.map(DocumentId::to_string);
            self.faults.push(Fault { number, id, kind, message });
        }
    }

    fn report(
        self,
        end: &ChainHead,
        unsealed: Option<u64>,
        trimmed: Option<Trimmed>,
    ) -> AuditReport {
        AuditReport {
            whole: self.faults_total == 0,
            entries: self.entries,
            head: end.to_string(),
            unsealed,
            trimmed,
            faults: self.faults,
            faults_total: self.faults_total,
        }
    }
}
