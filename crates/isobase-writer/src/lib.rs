//! The protocol between those who ask for writes and the one who writes.
//!
//! A database has one writer in a process: a task, or a thread. Those who ask put a [`Job`] into a
//! [`Queue`] that is bounded by what it holds, and wait as long as their [`Patience`] lasts. The
//! writer takes [`Jobs`] in groups, as many as fit one transaction, and answers each with the
//! reply of its type.
//!
//! Invariants:
//! - A job is taken once or given up once, never both: who gave up is told that nothing was
//!   written, who waited too long after it was taken is told that the outcome is unknown.
//! - Every job is answered: with its reply, an error, or [`NotDone`].
//! - Nothing waits in a queue that is closed.

mod block_on;
mod gathering;
mod job;
mod jobs;
mod not_done;
mod patience;
mod pauses;
mod place;
mod queue;
mod receipt;
mod stage;

pub use block_on::block_on;
pub use job::{Asked, Job, Reply};
pub use jobs::{GroupBounds, Jobs, Taken};
pub use not_done::NotDone;
pub use patience::Patience;
pub use pauses::Pauses;
pub use place::{Bounds, Place, Size};
pub use queue::Queue;
pub use receipt::Receipt;
