//! Entries that come into the chain.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use isobase_store::{Action, FeedPlace, FeedRequest, Since, Store, StoreError};
use isobase_types::{Document, DocumentId, json::Patch};
use isobase_writer::Pauses;
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::{
    link::{ChainHead, Seal},
    places::{AuditChain, Before, Entered, Head},
};
use crate::{Clock, LEASE_LASTS, LEASE_RENEWED, Lease, secret::random_text};

/// The name of the lease.
const LEASE: &str = "audit";
/// Entries that come into the chain in one write of its head.
const SEALED_TOGETHER: u32 = 100;
/// At least this long between two looks for new entries, so that many are taken at once.
const PAUSE: Duration = Duration::from_secs(1);
/// How often entries are looked for that are older than they may be.
const TRIMMED_EVERY: Duration = Duration::from_secs(3_600);
/// Random bytes of a process's name.
const NAME_BYTES: usize = 8;

impl AuditChain {
    /// Puts the oldest entries that are not in the chain into it, at most a hundred; says how many.
    ///
    /// # Errors
    /// When the database fails. What was begun is ended by the next call, in any process.
    pub async fn seal(&self) -> Result<usize, StoreError> {
        let head = self.head().await?;
        if let Some((head, _)) = &head
            && self.finished.load(Ordering::Relaxed) < head.number
        {
            self.write_seals(head, true).await?;
        }
        let entries = self.unsealed(SEALED_TOGETHER).await?;
        if entries.is_empty() {
            return Ok(0);
        }
        let (before, read) = match head {
            Some((head, read)) => (head.end(), Some(read)),
            None => (ChainHead::none(), None),
        };
        let head = self.head_with(&before, &entries);
        if !self.put_head(&head, read).await? {
            // Another process was faster.
            return Ok(0);
        }
        self.write_seals(&head, false).await?;
        Ok(entries.len())
    }

    fn head_with(&self, before: &ChainHead, entries: &[Document]) -> Head {
        let mut end = before.clone();
        let mut entered = Vec::new();
        for entry in entries {
            let seal = end.seal(&entry.id, &entry.body);
            entered.push(Entered { id: entry.id.to_string(), hash: seal.hash.clone() });
            end = ChainHead { number: seal.number, hash: seal.hash };
        }
        Head {
            number: end.number,
            hash: end.hash,
            at: self.clock.now().to_string(),
            before: Before { number: before.number, hash: before.hash.clone() },
            entries: entered,
        }
    }

    /// Writes the seals of the entries that a head names. When another process may have begun, those
    /// that have theirs are left as they are.
    async fn write_seals(&self, head: &Head, begun: bool) -> Result<(), StoreError> {
        let mut actions = Vec::new();
        for (id, seal) in head.seals() {
            if begun {
                let there = self.entries.get(&id).await?;
                if there.as_ref().and_then(Seal::of).as_ref() == Some(&seal) {
                    continue;
                }
            }
            // One that was deleted stays deleted, and is found missing.
            let patch = Patch::Merge(json!({ "seal": seal }).to_string());
            actions.push(Action::Patch { id, patch });
        }
        self.entries.write_each(actions.into_iter()).await?;
        self.finished.fetch_max(head.number, Ordering::Relaxed);
        Ok(())
    }
}

impl Head {
    /// The seals of the entries that it names.
    pub(super) fn seals(&self) -> Vec<(DocumentId, Seal)> {
        let (mut number, mut previous) = (self.before.number, self.before.hash.clone());
        let seal = |entered: &Entered| {
            number += 1;
            let before = std::mem::replace(&mut previous, entered.hash.clone());
            let id = DocumentId::Text(entered.id.as_str().into());
            (id, Seal { number, previous: before, hash: entered.hash.clone() })
        };
        self.entries.iter().map(seal).collect()
    }
}

/// Keeps the chain of the audit of a database: one process of it at a time.
#[derive(Debug)]
pub struct AuditKeeper {
    chain: AuditChain,
    lease: Lease,
    keep: Option<Duration>,
    /// Whether there is any entry: before that no index is made.
    began: bool,
    renewed: Option<Instant>,
    trimmed: Option<Instant>,
}

impl AuditKeeper {
    /// Keeps the chain of a store's database as the process `node`: the same name after a restart, and
    /// none other's. Entries that are older than `keep` are deleted; none are without it.
    #[must_use]
    pub fn new(store: &Store, node: &str, keep: Option<Duration>, clock: Clock) -> Self {
        // A process without a name waits until its own lease has ended.
        let random = || random_text::<NAME_BYTES>().unwrap_or_default();
        let holder = if node.is_empty() { random() } else { node.to_owned() };
        let lease = Lease::new(store, LEASE, holder, clock.clone());
        let chain = AuditChain::new(store, clock);
        Self { chain, lease, keep, began: false, renewed: None, trimmed: None }
    }

    /// Puts entries into the chain as they come, until it is dropped. Whatever was begun then the next
    /// process ends.
    pub async fn run(mut self) {
        let mut pauses = Pauses::new(PAUSE, LEASE_RENEWED);
        loop {
            if let Err(error) = self.round().await {
                tracing::warn!(%error, "the chain of the audit waits: {error}");
                self.renewed = None;
                pauses.wait().await;
            } else {
                pauses.restart();
            }
            sleep(PAUSE).await;
        }
    }

    async fn round(&mut self) -> Result<(), StoreError> {
        // Taken before the look: what is written after it ends the wait.
        let place = self.end_of_feed().await?;
        self.began = self.began || !self.chain.is_empty().await?;
        let waits = self.began && !self.chain.unsealed(1).await?.is_empty();
        if !waits && !self.is_trimming_due() {
            self.wait(place).await;
            return Ok(());
        }
        if !self.has_lease().await? {
            sleep(LEASE_RENEWED).await;
            return Ok(());
        }
        while self.chain.seal().await? > 0 {
            if !self.has_lease().await? {
                return Ok(());
            }
        }
        if let Some(keep) = self.keep.filter(|_| self.is_trimming_due()) {
            self.chain.trim(keep).await?;
            self.trimmed = Some(Instant::now());
        }
        // What is left is younger than what may be sealed.
        if !self.chain.unsealed(1).await?.is_empty() {
            sleep(LEASE_RENEWED).await;
        }
        Ok(())
    }

    fn is_trimming_due(&self) -> bool {
        self.keep.is_some() && self.trimmed.is_none_or(|at| at.elapsed() >= TRIMMED_EVERY)
    }

    async fn has_lease(&mut self) -> Result<bool, StoreError> {
        if self.renewed.is_some_and(|renewed| renewed.elapsed() < LEASE_RENEWED) {
            return Ok(true);
        }
        let has = self.lease.take().await?;
        self.renewed = has.then(Instant::now);
        Ok(has)
    }

    /// Waits until an entry may have been written after a place, and not for ever: entries grow old.
    async fn wait(&self, place: FeedPlace) {
        let entries = &self.chain.entries;
        let changed = entries.store().wait_for_change(place, Some(entries.collection()));
        if let Ok(Err(error)) = timeout(LEASE_LASTS, changed).await {
            tracing::debug!(%error, "the feed cannot be waited for: {error}");
            sleep(LEASE_RENEWED).await;
        }
    }

    async fn end_of_feed(&self) -> Result<FeedPlace, StoreError> {
        let request = FeedRequest { since: Since::Now, collection: None, limit: 1, bodies: false };
        Ok(self.chain.entries.store().changes(request).await?.next)
    }
}
