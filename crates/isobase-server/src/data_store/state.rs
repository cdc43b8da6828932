//! State of the data store.

use std::hash::{DefaultHasher, Hash, Hasher};

use isobase_store::View;
use isobase_types::{CollectionName, DocumentId};
use tokio::sync::{Mutex, MutexGuard};

use crate::{Call, views::Views};

/// Where the records are.
const COLLECTION: &str = "agent_data_store";

/// State of the data store.
pub(crate) struct State {
    views: Views,
    pub(super) turns: Turns,
}

impl State {
    pub(crate) fn new(views: Views) -> Self {
        Self { views, turns: Turns::default() }
    }

    /// The documents as the caller sees them.
    pub(super) fn view(&self, call: &Call) -> View {
        self.views.of(&call.principal)
    }
}

/// The collection of the records.
pub(super) fn collection() -> CollectionName {
    CollectionName::new(COLLECTION).expect("it is a valid name, as the tests show")
}

/// Changes of one record take turns within this process: the revision keeps them apart anyway,
/// and no one has to try again.
pub(super) struct Turns([Mutex<()>; 64]);

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())))
    }
}

impl Turns {
    /// Waits for the turn of a record. Records may share one.
    pub(super) async fn of(&self, id: &DocumentId) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        self.0[hasher.finish() as usize % self.0.len()].lock().await
    }
}
