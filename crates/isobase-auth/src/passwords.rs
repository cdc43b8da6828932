//! Passwords: hashed with argon2id by a few threads of their own.
//!
//! A hash takes tens of milliseconds and as many mebibytes on purpose. On threads of the runtime it
//! would stop requests, and as many at once as there are callers would take all memory. So a fixed
//! number of threads hashes, with less priority than the rest of the process, and what waits for
//! them is bounded.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, OnceLock,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::{AccountError, secret};

/// Bytes of the random salt. Source: RFC 9106, section 3.1.
const SALT_BYTES: usize = 16;

/// Most memory that a stored hash may ask for, in KiB: a database that was filled by somebody else
/// must not take this machine's memory.
const STORED_MEMORY_KIB_MAX: u32 = 256 << 10;
/// Most passes that a stored hash may ask for.
const STORED_PASSES_MAX: u32 = 16;

/// The cost of hashing a password, and how many are hashed at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordOptions {
    /// Memory of one hash, in KiB. Default 19,456, the least that OWASP's Password Storage Cheat
    /// Sheet (2026) allows with two passes.
    pub memory_kib: u32,
    /// Passes over the memory. Default 2.
    pub passes: u32,
    /// Threads that hash. Default half of the cores, from 1 to 4.
    pub threads: usize,
    /// Most passwords that wait for a thread; more are refused. Default 128.
    pub waiting_max: usize,
}

impl Default for PasswordOptions {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = (cores / 2).clamp(1, 4);
        Self { memory_kib: 19_456, passes: 2, threads, waiting_max: 128 }
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// Hashes and compares passwords.
#[derive(Debug)]
pub(crate) struct Passwords {
    options: PasswordOptions,
    params: Params,
    /// The way to the threads, which begin with the first password.
    queue: OnceLock<SyncSender<Job>>,
}

impl Passwords {
    /// # Panics
    /// When the options ask for less memory than argon2 needs.
    pub(crate) fn new(options: PasswordOptions) -> Self {
        let params = Params::new(options.memory_kib, options.passes, 1, None)
            .expect("at least 8 KiB and one pass");
        Self { options, params, queue: OnceLock::new() }
    }

    /// The stored form of a password.
    ///
    /// # Errors
    /// [`AccountError::Busy`] when too many wait, or the system has no random bytes.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, AccountError> {
        let salt = secret::random::<SALT_BYTES>()?;
        let (hasher, password) = (self.hasher(), password.to_owned());
        let hashed = self.run(move || {
            let hash: Result<PasswordHash, _> =
                hasher.hash_password_with_salt(password.as_bytes(), &salt);
            hash.map(|hash| hash.to_string())
        });
        hashed.await?.map_err(|error| AccountError::Unreadable(format!("password: {error}")))
    }

    /// Whether a password is the one of which this was kept. Takes as long where nothing is kept,
    /// and then says no.
    ///
    /// # Errors
    /// [`AccountError::Busy`] when too many wait.
    pub(crate) async fn verify(
        &self,
        kept: Option<String>,
        password: &str,
    ) -> Result<bool, AccountError> {
        let (hasher, password) = (self.hasher(), password.to_owned());
        self.run(move || match kept.as_deref().and_then(readable) {
            Some(hash) => hasher.verify_password(password.as_bytes(), &hash).is_ok(),
            None => {
                let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
                let hashed =
                    hasher.hash_password_into(password.as_bytes(), &[0; SALT_BYTES], &mut out);
                // No one's password, whatever came out.
                hashed.is_ok() && out.is_empty()
            }
        })
        .await
    }

    fn hasher(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
    }

    /// Lets a thread do the work. Work that no one waits for any more is left out.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AccountError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move || {
            if !answer.is_closed() {
                // The caller may be gone since.
                let _ = answer.send(work());
            }
        });
        let queue = self.queue.get_or_init(|| start(self.options));
        queue.try_send(job).map_err(|_| AccountError::Busy)?;
        answered.await.map_err(|_| AccountError::Busy)
    }
}

/// A stored hash, unless it cannot be read or would cost too much.
fn readable(kept: &str) -> Option<PasswordHash> {
    let hash = PasswordHash::new(kept).ok()?;
    let params = Params::try_from(&hash).ok()?;
    let is_bounded = params.m_cost() <= STORED_MEMORY_KIB_MAX
        && params.t_cost() <= STORED_PASSES_MAX
        && params.p_cost() == 1;
    is_bounded.then_some(hash)
}

/// Starts the threads. They end when the queue is dropped.
fn start(options: PasswordOptions) -> SyncSender<Job> {
    let (sender, receiver) = sync_channel(options.waiting_max.max(1));
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..options.threads.max(1) {
        let receiver = Arc::clone(&receiver);
        let thread = thread::Builder::new().name("passwords".to_owned());
        // Without a thread every password is refused as too many at once.
        drop(thread.spawn(move || work(&receiver)));
    }
    sender
}

fn work(receiver: &Mutex<Receiver<Job>>) {
    yield_to_requests();
    loop {
        let next = receiver.lock().recv();
        let Ok(job) = next else { return };
        // Its sender is told by the drop of the answer; the thread goes on with the next.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

/// Lets the threads of the runtime go first. Only Linux has a priority for each thread
/// (setpriority(2), "C library/kernel differences").
fn yield_to_requests() {
    #[cfg(target_os = "linux")]
    {
        /// Of 19: hashes go on, slowly, when the machine is busy.
        const NICENESS: i32 = 10;
        // A system that does not allow it hashes with the priority of everything else.
        let _ = rustix::process::setpriority_process(None, NICENESS);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        task::{Context, Waker},
    };

    use super::*;

    const CHEAP: PasswordOptions =
        PasswordOptions { memory_kib: 8, passes: 1, threads: 2, waiting_max: 4 };

    #[tokio::test]
    async fn a_password_is_known_by_its_hash() {
        let passwords = Passwords::new(CHEAP);
        let kept = passwords.hash("right").await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{kept}");
        assert_ne!(kept, passwords.hash("right").await.unwrap());
        assert!(passwords.verify(Some(kept.clone()), "right").await.unwrap());
        assert!(!passwords.verify(Some(kept.clone()), "Right").await.unwrap());
        assert!(!passwords.verify(None, "right").await.unwrap());
        let costlier = Passwords::new(PasswordOptions { passes: 2, ..CHEAP });
        assert!(costlier.verify(Some(kept), "right").await.unwrap());
    }

    #[tokio::test]
    async fn hashes_that_cost_too_much_are_nobodys() {
        let passwords = Passwords::new(CHEAP);
        let kept = passwords.hash("x").await.unwrap();
        for cost in ["m=4194304,t=1,p=1", "m=8,t=1000,p=1", "m=64,t=1,p=8"] {
            let dear = kept.replace("m=8,t=1,p=1", cost);
            assert!(readable(&dear).is_none(), "{dear}");
            assert!(!passwords.verify(Some(dear), "x").await.unwrap());
        }
        for unreadable in ["", "x", "$2b$12$abcdefghijklmnopqrstuu"] {
            assert!(!passwords.verify(Some(unreadable.to_owned()), "x").await.unwrap());
        }
    }

    #[tokio::test]
    async fn a_flood_is_bounded_and_the_rest_is_told_to_wait() {
        let passwords = Arc::new(Passwords::new(CHEAP));
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let work = || {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            let gate = Arc::clone(&gate);
            move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // Held until the flood is over: the sender goes then.
                let _ = gate.lock().recv();
                running.fetch_sub(1, Ordering::SeqCst);
            }
        };
        let flood: Vec<_> = (0..200)
            .map(|_| {
                let (passwords, work) = (Arc::clone(&passwords), work());
                tokio::spawn(async move { passwords.run(work).await })
            })
            .collect();
        let mut answers = Vec::new();
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        drop(open);
        for task in flood {
            answers.push(task.await.unwrap());
        }
        let busy = answers.iter().filter(|it| matches!(it, Err(AccountError::Busy))).count();
        // Two are worked on and four wait.
        assert!(busy >= 200 - 6, "{busy}");
        assert!(answers.iter().any(Result::is_ok));
        assert!(most.load(Ordering::SeqCst) <= CHEAP.threads);
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_is_left_out() {
        let passwords = Passwords::new(PasswordOptions { threads: 1, ..CHEAP });
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let done = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&done);
        let first = passwords.run(move || gate.recv().is_err());
        let abandoned = passwords.run(move || counted.fetch_add(1, Ordering::SeqCst));
        let mut first = Box::pin(first);
        let mut abandoned = Box::pin(abandoned);
        let mut context = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert!(abandoned.as_mut().poll(&mut context).is_pending());
        drop(abandoned);
        drop(open);
        first.await.unwrap();
        passwords.run(|| ()).await.unwrap();
        assert_eq!(done.load(Ordering::SeqCst), 0);
    }
}
