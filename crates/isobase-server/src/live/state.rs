//! State of live events.

use std::sync::{Arc, Once};

use isobase_auth::{
    ACCOUNTS_COLLECTION, Audit, Clock, KEYS_COLLECTION, KeyStore, Principal, SESSIONS_COLLECTION,
};
use isobase_live::{Hub, LiveOptions, Sight, Topic};
use isobase_store::{Keep, RuleBook, Store, View};
use isobase_types::{CollectionName, DocumentId};
use tokio_util::sync::CancellationToken;

use crate::{connections::Connections, views::Views};

/// Which collections make events, and the bounds on those who listen.
#[derive(Clone, Debug, Default)]
pub struct LiveConfig {
    /// The collections, each once.
    pub topics: Vec<Topic>,
    /// Bounds and times.
    pub options: LiveOptions,
}

/// State of live events.
pub(crate) struct State {
    pub(super) hub: Hub,
    pub(super) topics: Vec<Arc<Topic>>,
    views: Views,
    rules: Arc<RuleBook>,
    /// The open streams of all slices.
    pub(super) connections: Arc<Connections>,
    pub(super) audit: Audit,
    /// The streams end when the service stops.
    watched: Once,
}

impl State {
    pub(crate) fn new(
        store: Store,
        rules: Arc<RuleBook>,
        config: LiveConfig,
        connections: Arc<Connections>,
    ) -> Self {
        for topic in &config.topics {
            let keep = Keep { bodies: true, ..rules.keep(&topic.collection) };
            store.keep(&topic.collection, keep);
        }
        Self {
            hub: Hub::new(&store, config.options),
            audit: Audit::new(&store, Clock::default()),
            connections,
            topics: config.topics.into_iter().map(Arc::new).collect(),
            views: Views::new(store, rules.clone()),
            rules,
            watched: Once::new(),
        }
    }

    /// The view of a caller.
    pub(super) fn view(&self, principal: &Principal) -> View {
        self.views.of(principal)
    }

    /// A caller's view of a topic, whenever it is asked.
    pub(super) fn sight(&self, view: &View, collection: &CollectionName) -> Sight {
        Sight::new(self.rules.clone(), view.caller().clone(), collection.clone())
    }

    /// Lets the streams end when the service stops.
    pub(super) fn end_with(&self, stopping: &CancellationToken) {
        self.watched.call_once(|| {
            let (hub, stopping) = (self.hub.clone(), stopping.clone());
            tokio::spawn(async move {
                stopping.cancelled().await;
                hub.close();
            });
        });
    }
}

/// The documents on which a caller's right to listen stands: of somebody who signed in the account
/// and the session, and those of the owner who acts by it; of a program its key.
pub(super) fn grounds(principal: &Principal) -> Vec<(CollectionName, DocumentId)> {
    let name = |text| CollectionName::new(text).expect("our names are valid");
    let (id, session) = match principal {
        Principal::Account { id, session, .. } => (id, session),
        Principal::Key { id, .. } => {
            return vec![(name(KEYS_COLLECTION), KeyStore::document_id(id))];
        }
        _ => return Vec::new(),
    };
    let mut grounds = Vec::new();
    let owner = principal.impersonator().map(|owner| (&owner.account, &owner.session));
    for (account, session) in std::iter::once((id, session)).chain(owner) {
        grounds.push((name(ACCOUNTS_COLLECTION), account.clone()));
        let session = DocumentId::parse(session).ok();
        grounds.extend(session.map(|session| (name(SESSIONS_COLLECTION), session)));
    }
    grounds
}
