//! One at a time for each upload.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::{Mutex, MutexGuard};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout_at},
};

/// Which uploads somebody works on, in this process: their bytes lie on its disk.
#[derive(Debug, Default)]
pub(crate) struct Busy(Mutex<HashMap<Box<str>, Turn>>);

#[derive(Debug)]
struct Turn {
    /// Ends with the one who works.
    freed: watch::Receiver<()>,
    /// Told when another one waits.
    wanted: Arc<Notify>,
}

/// The right to work on an upload; its drop lets the next one in.
#[derive(Debug)]
pub(crate) struct Held {
    busy: Arc<Busy>,
    id: Box<str>,
    wanted: Arc<Notify>,
    /// Dropped after the entry of the map is gone: who is woken by it finds none.
    _freed: watch::Sender<()>,
}

impl Busy {
    /// Takes the upload, unless somebody has it.
    pub(crate) fn try_hold(self: &Arc<Self>, id: &str) -> Option<Held> {
        self.take(id).ok()
    }

    /// Takes the upload, and waits for it, and lets the one who has it know.
    pub(crate) async fn hold(self: &Arc<Self>, id: &str, patience: Duration) -> Option<Held> {
        let deadline = Instant::now() + patience;
        loop {
            let mut freed = match self.take(id) {
                Ok(held) => return Some(held),
                Err(freed) => freed,
            };
            // An error says that the other one is gone.
            if timeout_at(deadline, freed.changed()).await.is_err() {
                return None;
            }
        }
    }

    fn take(self: &Arc<Self>, id: &str) -> Result<Held, watch::Receiver<()>> {
        let mut turns = self.turns();
        if let Some(turn) = turns.get(id) {
            turn.wanted.notify_one();
            return Err(turn.freed.clone());
        }
        let (sender, freed) = watch::channel(());
        let wanted = Arc::new(Notify::new());
        turns.insert(id.into(), Turn { freed, wanted: Arc::clone(&wanted) });
        Ok(Held { busy: Arc::clone(self), id: id.into(), wanted, _freed: sender })
    }

    fn turns(&self) -> MutexGuard<'_, HashMap<Box<str>, Turn>> {
        // A panic while the lock is held leaves nothing that could be wrong.
        self.0.lock()
    }
}

impl Held {
    /// Waits until another one wants the upload.
    pub(crate) async fn wanted(&self) {
        self.wanted.notified().await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.busy.turns().remove(&self.id);
    }
}
