//! Slices put together into a service.

use std::sync::Arc;

use isobase_auth::{Authorizer, Principal};
use isobase_http::{HttpConfig, InvalidRoute, Routes};
use isobase_store::{RuleBook, Store};

use crate::{
    LiveConfig, Service, admin, data_store, description, durability::Durability, gate::Gate, keys,
    live, records, service, views::Views,
};

/// Settings of the whole service.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Bounds and deadlines of requests and connections.
    pub http: HttpConfig,
    /// Largest `limit` of a listing. Default 1,000.
    pub page_size_max: u32,
    /// What an answered write has survived, shown by `/health`. Default [`Durability::Full`].
    pub durability: Durability,
    /// Who may see and change which documents. Default: no rules.
    pub rules: Arc<RuleBook>,
    /// Which collections make live events. Default none.
    pub live: LiveConfig,
}

impl Default for ServerConfig {
    fn default() -> Self {
        let (http, durability) = (HttpConfig::default(), Durability::Full);
        let (rules, live) = (Arc::default(), LiveConfig::default());
        Self { http, page_size_max: 1_000, durability, rules, live }
    }
}

/// The slices of a service that is to be. Each gets what it needs and nothing else.
#[derive(Default)]
pub struct Composition {
    routes: Routes<Principal>,
}

impl Composition {
    /// The routes about the service itself: health, metrics, documentation.
    #[must_use]
    pub fn with_service(mut self, store: Store, durability: Durability) -> Self {
        self.routes.add(service::State::new(store, durability), service::routes());
        self
    }

    /// Documents by collection and id.
    #[must_use]
    pub fn with_records(mut self, store: Store, rules: Arc<RuleBook>, page_size_max: u32) -> Self {
        let views = Views::new(store, rules);
        let routes = records::routes(views.permissions());
        self.routes.add(records::State { views, page_size_max }, routes);
        self
    }

    /// The key-value store over a collection.
    #[must_use]
    pub fn with_data_store(mut self, store: Store, rules: Arc<RuleBook>) -> Self {
        self.routes.add(data_store::State::new(Views::new(store, rules)), data_store::routes());
        self
    }

    /// The admin site.
    #[must_use]
    pub fn with_admin(mut self, store: &Store) -> Self {
        self.routes.add(admin::State::new(store), admin::routes());
        self
    }

    /// Named keys of the database.
    #[must_use]
    pub fn with_keys(mut self, store: &Store, authorizer: Arc<Authorizer>) -> Self {
        self.routes.add(keys::State::new(store, authorizer), keys::routes());
        self
    }

    /// Live events of some collections, whose changes keep bodies from now on.
    #[must_use]
    pub fn with_live(mut self, store: Store, rules: Arc<RuleBook>, config: LiveConfig) -> Self {
        self.routes.add(live::State::new(store, rules, config), live::routes());
        self
    }

    /// The service of these slices.
    ///
    /// # Errors
    /// When two slices have the same route.
    pub fn build(
        self,
        authorizer: Arc<Authorizer>,
        http: HttpConfig,
    ) -> Result<Arc<Service>, InvalidRoute> {
        Service::new(self.routes, Gate { authorizer }, description::api(), http)
    }
}

/// A service of every slice over one store.
#[must_use]
pub fn compose(store: Store, authorizer: Arc<Authorizer>, config: ServerConfig) -> Arc<Service> {
    Composition::default()
        .with_service(store.clone(), config.durability)
        .with_records(store.clone(), Arc::clone(&config.rules), config.page_size_max)
        .with_data_store(store.clone(), Arc::clone(&config.rules))
        .with_live(store.clone(), config.rules, config.live)
        .with_admin(&store)
        .with_keys(&store, authorizer.clone())
        .build(authorizer, config.http)
        .expect("the slices have different routes, as the tests show")
}
