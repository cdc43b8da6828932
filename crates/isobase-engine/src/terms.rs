//! On which terms a collection keeps its documents.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use isobase_types::{CollectionName, Direction, Document, Literal, Timestamp, key};
use parking_lot::RwLock;

use crate::EngineError;

/// On which terms a collection keeps its documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long after its last change a document is there; `None` for ever.
    pub expires: Option<Duration>,
    /// Whether the change feed tells of its writes.
    pub changes: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self { expires: None, changes: true }
    }
}

/// Collections whose documents expire, and collections that stay out of the change feed.
///
/// # Contract
/// - Terms hold in this process, from the moment they are set, for as long as it has the engine
///   open: each process that opens it says them. Every process that writes should say the same ones.
/// - An **expired** document, one whose last change is as long ago as its collection allows, is
///   not there for any caller: `get`, listings, counts, filters, preconditions, checks, unique values. It
///   is stored until a write names its id or a [sweep](crate::sweep) finds it; then it is deleted like any
///   other document, by a write of its own with its own change, before anything else happens to
///   its id. It keeps no document to which it refers from being deleted. Snapshots show what is
///   stored.
/// - Time is that of the engine, as documents have it. A clock that jumped hides and shows
///   documents; it does not let a sweep delete any.
/// - Writes of a collection **without changes** are as durable, atomic and conditional as others,
///   have revisions, and move on the place of the feed; the feed has no entries of them.
#[async_trait]
pub trait CollectionTerms: Send + Sync {
    /// Sets the terms of a collection. Answers when they hold, which over many documents takes its
    /// time: they are put in the order of their age once.
    async fn set_terms(&self, collection: &CollectionName, terms: Terms)
    -> Result<(), EngineError>;

    /// The collections whose documents expire.
    fn expiring(&self) -> Vec<CollectionName>;

    /// Expired documents of a collection that are stored still, the oldest first. None while the
    /// clock cannot be trusted ([`crate::SteadyTime::oldest`]).
    async fn expired(
        &self,
        collection: &CollectionName,
        limit: u32,
    ) -> Result<Vec<Document>, EngineError>;
}

/// The terms of all collections, for an engine. Written by its caller; read by its writer and by
/// every read.
#[derive(Debug, Default)]
pub struct AllTerms {
    by_name: RwLock<HashMap<CollectionName, Terms>>,
    /// There are some: where there are none, nothing is locked.
    are_set: AtomicBool,
}

impl AllTerms {
    /// From now on a collection has these terms.
    pub fn set(&self, collection: &CollectionName, terms: Terms) {
        let mut by_name = self.by_name.write();
        if terms == Terms::default() {
            by_name.remove(collection);
        } else {
            by_name.insert(collection.clone(), terms);
        }
        self.are_set.store(!by_name.is_empty(), Ordering::Release);
    }

    /// The terms of a collection.
    #[must_use]
    pub fn of(&self, collection: &CollectionName) -> Terms {
        if !self.are_set.load(Ordering::Acquire) {
            return Terms::default();
        }
        let by_name = self.by_name.read();
        by_name.get(collection).copied().unwrap_or_default()
    }

    /// Which documents of a collection have expired at a moment; `None` if they never do. The
    /// moment is asked for only where it matters.
    #[must_use]
    pub fn cutoff(
        &self,
        collection: &CollectionName,
        now: impl FnOnce() -> Timestamp,
    ) -> Option<Cutoff> {
        self.of(collection).expires.map(|span| {
            let span_us = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
            Cutoff(Timestamp { unix_us: now().unix_us.saturating_sub(span_us) })
        })
    }

    /// The collections whose documents expire, by the bytes of their names.
    #[must_use]
    pub fn expiring(&self) -> Vec<CollectionName> {
        let by_name = self.by_name.read();
        let expiring = by_name.iter().filter(|(_, terms)| terms.expires.is_some());
        let mut expiring: Vec<_> = expiring.map(|(name, _)| name.clone()).collect();
        expiring.sort();
        expiring
    }
}

/// Documents that were changed last at this moment, or before it, have expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cutoff(pub Timestamp);

impl Cutoff {
    /// Whether a document with this last change has expired; never without a cutoff.
    #[must_use]
    pub fn has_passed(cutoff: Option<Self>, updated_at: Timestamp) -> bool {
        cutoff.is_some_and(|cutoff| cutoff.is_past(updated_at))
    }

    /// Whether a document with this last change has expired.
    #[must_use]
    pub fn is_past(self, updated_at: Timestamp) -> bool {
        age_us(updated_at) <= self.0.unix_us
    }

    /// The first key after all expired documents in an index [by age](crate::IndexDefinition::age).
    #[must_use]
    pub fn upper_key(self) -> Vec<u8> {
        age_key(Timestamp { unix_us: self.0.unix_us.saturating_add(1) })
    }
}

/// What the key of a document begins with in an index by age.
pub(crate) fn age_key(updated_at: Timestamp) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(32);
    let us = Literal::Integer(age_us(updated_at));
    key::encode_literal(&us, Direction::Ascending, &mut bytes);
    bytes
}

/// A document of another program may not say when it was changed: its age is unknown, and it
/// stays until it is changed.
fn age_us(updated_at: Timestamp) -> i64 {
    if updated_at == Timestamp::default() { i64::MAX } else { updated_at.unix_us }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(unix_us: i64) -> Timestamp {
        Timestamp { unix_us }
    }

    #[test]
    fn documents_expire_when_their_time_has_passed() {
        let terms = AllTerms::default();
        let (logs, notes) = ["logs", "notes"].map(|it| CollectionName::new(it).unwrap()).into();
        assert_eq!(terms.cutoff(&logs, || unreachable!()), None);
        let expires = Some(Duration::from_secs(1));
        terms.set(&logs, Terms { expires, changes: false });
        assert_eq!(terms.cutoff(&notes, || at(0)), None);
        let cutoff = terms.cutoff(&logs, || at(3_000_000)).unwrap();
        assert!(cutoff.is_past(at(2_000_000)) && !cutoff.is_past(at(2_000_001)));
        assert!(age_key(at(2_000_000)) < cutoff.upper_key());
        assert!(age_key(at(2_000_001)) >= cutoff.upper_key());
        // One whose time no one knows stays.
        assert!(!cutoff.is_past(at(0)) && age_key(at(0)) >= cutoff.upper_key());
        assert_eq!(terms.expiring(), [logs.clone()]);
        terms.set(&logs, Terms::default());
        assert_eq!(terms.of(&logs), Terms::default());
        assert!(terms.expiring().is_empty());
    }
}
