//! The engine.

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use isobase_engine::{
    Clock, CollectionInfo, CollectionTerms, Cutoff, Engine, EngineError, ErrorKind, Identity,
    Limits, ListRequest, Listing, SteadyTime, Terms, WriteBatch, WriteReport, settle_age_index,
};
use isobase_postgres::{Config, Connection, Lanes, Pool, within};
use isobase_types::{CollectionName, Document, DocumentId, Filter};
use tokio::time::Instant;

use crate::{
    PostgresOptions,
    catalogue::{Catalogue, load_indexes},
    channel::Channel,
    codec::column,
    collections::DeleteCollection,
    error::engine_error,
    limits::LIMITS,
    listen::Listener,
    loader::Loader,
    schema,
    sql::{Statements, TransferStatements},
    writer::{self, Writer},
};

/// Shared connections for short reads: one server process each, enough to keep a small server
/// busy because questions are pipelined.
const LANES: usize = 2;
/// Creating the tables included.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// A check that takes longer has failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// Documents in a schema of a PostgreSQL database.
///
/// Any number of processes may use the same schema at the same time.
#[derive(Debug)]
pub struct PostgresEngine {
    pub(crate) options: PostgresOptions,
    pub(crate) statements: Arc<Statements>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) writer: Writer,
    pub(crate) time: Arc<SteadyTime>,
    /// For what is answered at once.
    pub(crate) lanes: Lanes,
    /// For listings and counts.
    pub(crate) pool: Pool,
    /// For the commits of other processes.
    listener: Listener,
    /// Of reading and loading everything.
    pub(crate) transfer: Arc<TransferStatements>,
    pub(crate) loader: Loader,
    relaxed_durability: Option<String>,
}

impl PostgresEngine {
    /// Connects, and creates the tables when the schema has none.
    ///
    /// # Errors
    /// When the server cannot be reached (the message names host and port), is too old, has
    /// another encoding than UTF-8, or the tables are those of a newer program.
    pub fn connect(
        options: PostgresOptions,
        clock: Arc<dyn Clock>,
    ) -> BoxFuture<'static, Result<Self, EngineError>> {
        Box::pin(async move {
            let writing = options.config.clone().with_session_settings(&writer::session_settings());
            let reading =
                options.config.clone().with_session_settings(&read_settings(options.read_timeout));
            let schema = schema::quoted(options.config.schema());
            let statements = Arc::new(Statements::new(&schema));
            let (connection, server) = install(&options.config, options.read_only).await?;
            drop(connection);
            if let Some(reason) = &server.relaxed_durability {
                tracing::warn!(%reason, "acknowledged writes are not durable: {reason}");
            }
            let connection = writer::open(&writing, &statements).await.map_err(engine_error)?;
            let indexes = within(Instant::now() + options.read_timeout, "reading indexes", async {
                load_indexes(&connection, &statements).await
            })
            .await
            .map_err(engine_error)?;
            let catalogue = Arc::new(Catalogue::new(indexes, Channel::of(&schema)));
            let time = Arc::new(SteadyTime::new(clock));
            let writer = Writer::start(
                connection,
                writing,
                &options,
                Arc::clone(&statements),
                Arc::clone(&catalogue),
                Arc::clone(&time),
            );
            let reading = Arc::new(reading);
            let listener =
                Listener::start(reading.clone(), Arc::clone(&statements), Arc::clone(&catalogue));
            let lanes = Lanes::new(Arc::clone(&reading), LANES);
            let pool = Pool::new(reading);
            Ok(Self {
                statements,
                catalogue,
                writer,
                time,
                lanes,
                pool,
                listener,
                transfer: Arc::new(TransferStatements::new(&schema)),
                loader: Loader::new(&options.config),
                relaxed_durability: server.relaxed_durability,
                options,
            })
        })
    }

    /// Why an acknowledged write could be lost, as the server's settings say; `None` when it
    /// cannot.
    #[must_use]
    pub fn relaxed_durability(&self) -> Option<&str> {
        self.relaxed_durability.as_deref()
    }
}

/// Connects without our session settings: creating tables may take its time.
async fn install(
    config: &Config,
    read_only: bool,
) -> Result<(Connection, schema::Server), EngineError> {
    let deadline = Instant::now() + START_TIMEOUT;
    let connection = Connection::open(config, deadline).await.map_err(engine_error)?;
    let prepared = async {
        match read_only {
            true => schema::check(&connection, config).await,
            false => schema::prepare(&connection, config).await,
        }
    };
    match tokio::time::timeout_at(deadline, prepared).await {
        Ok(server) => Ok((connection, server?)),
        Err(_) => Err(EngineError::new(
            ErrorKind::Unavailable,
            format!("PostgreSQL at {} did not create the tables in time", config.address()),
        )),
    }
}

/// Every read walks an index, whatever the planner believes about sizes; and the server stops a
/// read that no one waits for any more.
fn read_settings(read_timeout: Duration) -> String {
    let statement_timeout = read_timeout.mul_f64(0.9).as_millis().max(1);
    format!(
        "SET statement_timeout = {statement_timeout}; SET jit = off; \
         SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
         SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
    )
}

#[async_trait]
impl Engine for PostgresEngine {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn limits(&self) -> &Limits {
        &LIMITS
    }

    async fn identity(&self) -> Result<Identity, EngineError> {
        let deadline = self.read_deadline();
        let lane = self.lanes.connection(deadline).await.map_err(engine_error)?;
        Ok(self.fresh_indexes(&lane, deadline).await?.identity)
    }

    async fn get(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<Option<Document>, EngineError> {
        self.get_document(collection, id).await
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport, EngineError> {
        self.writer.write(batch, false).await
    }

    async fn list(
        &self,
        collection: &CollectionName,
        request: &ListRequest,
    ) -> Result<Listing, EngineError> {
        self.list_documents(collection, request).await
    }

    async fn count(
        &self,
        collection: &CollectionName,
        filter: &Filter,
        scan_max: u64,
    ) -> Result<u64, EngineError> {
        self.count_documents(collection, filter, scan_max).await
    }

    async fn collections(&self) -> Result<Vec<CollectionInfo>, EngineError> {
        self.list_collections().await
    }

    async fn delete_collection(&self, collection: &CollectionName) -> Result<u64, EngineError> {
        self.writer.special(DeleteCollection(collection.clone())).await
    }

    async fn check(&self) -> Result<(), EngineError> {
        let deadline = Instant::now() + CHECK_TIMEOUT;
        let lane = self.lanes.connection(deadline).await.map_err(engine_error)?;
        let is_primary = async {
            let rows = lane.query(&self.statements.check, &[]).await?;
            rows.first().map_or(Ok(false), |row| column(row, 0))
        };
        if !self.on_lane(deadline, "the check", is_primary).await? {
            let message = "PostgreSQL is read-only: it is a standby";
            return Err(EngineError::new(ErrorKind::Unavailable, message));
        }
        if !self.writer.is_ready() {
            let message = "the writer is not connected to PostgreSQL";
            return Err(EngineError::new(ErrorKind::Unavailable, message));
        }
        Ok(())
    }

    async fn close(&self) -> Result<(), EngineError> {
        self.catalogue.channel.waiting.close();
        self.listener.close();
        let closed = self.writer.close().await;
        self.lanes.close();
        self.pool.close();
        self.loader.close();
        closed
    }

    async fn write_atomic(&self, batch: WriteBatch) -> Result<WriteReport, EngineError> {
        self.writer.write(batch, true).await
    }

    #[expect(clippy::cast_precision_loss, reason = "metrics are floats")]
    fn gauges(&self) -> Vec<(&'static str, f64)> {
        let (status, pool) = (self.writer.status(), self.pool.status());
        let count = |value: &std::sync::atomic::AtomicU64| value.load(Ordering::Relaxed) as f64;
        let is_connected = status.is_connected.load(Ordering::Relaxed);
        vec![
            ("writer_queue_slots", self.writer.queued() as f64),
            ("writer_batches_total", count(&status.batches)),
            ("writer_jobs_total", count(&status.jobs)),
            ("writer_failed_batches_total", count(&status.failed_batches)),
            ("writer_reconnects_total", count(&status.reconnects)),
            ("writer_connected", f64::from(u8::from(is_connected))),
            ("pool_connections_max", pool.size as f64),
            ("pool_connections_leased", pool.leased as f64),
            ("pool_connections_idle", pool.idle as f64),
            ("pool_questions_waiting", pool.waiting as f64),
            ("durability_relaxed", f64::from(u8::from(self.relaxed_durability.is_some()))),
        ]
    }
}

#[async_trait]
impl CollectionTerms for PostgresEngine {
    async fn set_terms(
        &self,
        collection: &CollectionName,
        terms: Terms,
    ) -> Result<(), EngineError> {
        // From here on the clock is looked at.
        self.time.now();
        settle_age_index(self, collection, terms).await?;
        self.catalogue.terms.set(collection, terms);
        Ok(())
    }

    fn expiring(&self) -> Vec<CollectionName> {
        self.catalogue.terms.expiring()
    }

    async fn expired(
        &self,
        collection: &CollectionName,
        limit: u32,
    ) -> Result<Vec<Document>, EngineError> {
        let terms = self.catalogue.terms.of(collection);
        let Some(span) = terms.expires else { return Ok(Vec::new()) };
        self.time.now();
        let cutoff = Cutoff(self.time.oldest(span));
        self.expired_documents(collection, cutoff, limit).await
    }
}
