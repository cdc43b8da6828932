//! A bound on all request bodies together.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Bytes of request bodies that may wait in memory at the same time.
///
/// Ours: 32 of the largest documents. Without it as many clients as there may be connections could
/// each hold a body that is nearly complete.
const BODIES_BYTES_MAX: u64 = 256 << 20;

/// How many bytes of bodies are in memory. Written by the bodies, as they grow and go.
#[derive(Clone, Debug, Default)]
pub(crate) struct BodyBudget(Arc<AtomicU64>);

/// The part of the budget that one body has; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    budget: BodyBudget,
    bytes: u64,
}

impl BodyBudget {
    pub(crate) fn hold_nothing(&self) -> Held {
        Held { budget: self.clone(), bytes: 0 }
    }
}

impl Held {
    /// Takes more of the budget; says whether there was enough.
    pub(crate) fn grow(&mut self, bytes: u64) -> bool {
        let before = self.budget.0.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        before.saturating_add(bytes) <= BODIES_BYTES_MAX
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_one_budget() {
        let budget = BodyBudget::default();
        let (mut one, mut other) = (budget.hold_nothing(), budget.hold_nothing());
        assert!(one.grow(BODIES_BYTES_MAX - 10));
        assert!(other.grow(10));
        assert!(!other.grow(1));
        drop(one);
        assert!(other.grow(1));
    }
}
