//! Entries that grow too old.

use std::time::Duration;

use isobase_store::{Action, StoreError};
use isobase_types::Timestamp;
use serde_json::{Value, json};

use super::{
    link::{ChainHead, Seal},
    places::{Anchor, AuditChain, at_of},
};
use crate::{Actor, AuditEntry};

/// Entries that are read and deleted at a time.
const TRIMMED_TOGETHER: u32 = 100;

impl AuditChain {
    /// Deletes the entries at the beginning of the chain that are older than `keep`, and notes where it
    /// begins from then on; says how many. The note is written first, and an entry of the audit tells of
    /// it: what is missing before it was deleted here.
    ///
    /// # Errors
    /// When the database fails. What was begun is ended by the next call.
    pub async fn trim(&self, keep: Duration) -> Result<u64, StoreError> {
        let keep = i64::try_from(keep.as_micros()).unwrap_or(i64::MAX);
        let oldest = self.clock.now().unix_us.saturating_sub(keep).max(0);
        let oldest = Timestamp { unix_us: oldest }.to_string();
        let anchor = self.anchor().await?;
        let (begin, read) = match anchor {
            Some((anchor, read)) => {
                let Anchor { number, hash, .. } = anchor;
                (ChainHead { number, hash }, Some(read))
            }
            None => (ChainHead::none(), None),
        };
        let end = self.last_before(&begin, &oldest).await?;
        if end.number > begin.number {
            let at = self.clock.now().to_string();
            let moved = Anchor { number: end.number, hash: end.hash.clone(), at };
            if !self.put_anchor(&moved, read).await? {
                return Ok(0);
            }
            self.tell(&begin, &end).await;
        }
        self.delete_until(end.number).await
    }

    /// The last entry of those in a row at the beginning that are older than a moment.
    async fn last_before(&self, begin: &ChainHead, oldest: &str) -> Result<ChainHead, StoreError> {
        let mut end = begin.clone();
        let mut page = self.sealed_after(begin.number, TRIMMED_TOGETHER, None).await?;
        loop {
            for entry in &page.documents {
                let Some(seal) = Seal::of(entry) else { return Ok(end) };
                let is_next = seal.number == end.number + 1 && seal.previous == end.hash;
                // Where the chain is broken nothing is deleted: somebody should look.
                if !is_next || at_of(entry).is_none_or(|at| *at >= *oldest) {
                    return Ok(end);
                }
                end = ChainHead { number: seal.number, hash: seal.hash };
            }
            let Some(position) = &page.next else { return Ok(end) };
            page = self.sealed_after(begin.number, TRIMMED_TOGETHER, Some(position)).await?;
        }
    }

    async fn delete_until(&self, number: u64) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let page = self.sealed_after(0, TRIMMED_TOGETHER, None).await?;
            let is_old = |seal: Seal| seal.number <= number;
            let old = page.documents.iter().filter(|it| Seal::of(it).is_some_and(is_old));
            let actions: Vec<_> = old.map(|it| Action::Delete { id: it.id.clone() }).collect();
            let count = actions.len();
            self.entries.write_each(actions.into_iter()).await?;
            deleted += count as u64;
            if count < TRIMMED_TOGETHER as usize {
                return Ok(deleted);
            }
        }
    }

    async fn tell(&self, begin: &ChainHead, end: &ChainHead) {
        let entry = AuditEntry {
            by: &Actor::part("audit"),
            action: "audit.trimmed",
            object_type: "audit",
            object_id: "chain",
            before: Value::Null,
            after: json!({
                "first": begin.number + 1, "last": end.number, "hash": end.hash,
            }),
        };
        if let Err(error) = self.audit.write(&entry).await {
            tracing::warn!(%error, "an entry of the audit is missing: {error}");
        }
    }
}
