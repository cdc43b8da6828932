//! One connection, and the statements that run on it.

use std::{
    collections::HashMap,
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    runtime::Handle,
    sync::watch,
    task::AbortHandle,
    time::{Instant, timeout},
};
use tokio_postgres::{
    AsyncMessage, CancelToken, Client, NoTls, Row, SimpleQueryMessage, Statement,
    config::TargetSessionAttrs,
    tls::MakeTlsConnect,
    types::{ToSql, Type},
};

use crate::{
    Config, CopyIn, During, Error, ErrorKind, Keep, Pooling, Rows,
    guarded::{Guarded, name_of, places, way_to},
    texts::Texts,
    within,
};

/// Time to ask the server to stop a statement no one waits for.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

/// The text of a statement with the types of its parameters.
///
/// Make it once for each shape and keep it: connections remember the prepared form by it, and
/// forget none.
#[derive(Debug)]
pub struct Sql {
    number: u64,
    text: String,
    parameters: Vec<Type>,
}

impl Sql {
    /// A statement.
    #[must_use]
    pub fn new(text: impl Into<String>, parameters: &[Type]) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { number, text: text.into(), parameters: parameters.to_vec() }
    }
}

/// A connection. Questions asked at the same time are pipelined, and answered in their order.
///
/// Its drop closes it at once, whatever is under way.
pub struct Connection {
    client: Client,
    /// Moves the bytes; ends with the connection.
    driver: AbortHandle,
    pooling: Pooling,
    /// By the number of a [`Sql`]. Written by the caller that needs it first.
    prepared: Mutex<HashMap<u64, Statement>>,
    /// Statements whose text was not known beforehand. Written by the task that prepares one.
    texts: Mutex<Texts>,
    /// Set when the server forgot or changed what we prepared: it must not be used again.
    spoilt: AtomicBool,
    /// Written by the driver, which it goes with.
    notifications: watch::Receiver<String>,
    config: Config,
    guard: Option<Guard>,
}

/// Of a connection whose answers are bounded.
struct Guard {
    /// Which host of the configuration it leads to.
    place: usize,
    /// Written by the stream.
    exceeded: Arc<AtomicBool>,
}

/// What the server answers to a request to stop something: nothing.
const STOP_BYTES_MAX: usize = 64 * 1024;

/// A client, what moves its bytes, and the notifications that come.
type Driven = (Client, AbortHandle, watch::Receiver<String>);

impl Connection {
    /// Opens a connection within the connect timeout of the configuration and until a moment.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses; the message names where it was looked for.
    pub async fn open(config: &Config, deadline: Instant) -> Result<Self, Error> {
        let deadline = deadline.min(Instant::now() + config.connect_timeout);
        let opened = within(deadline, "connecting", Self::open_unbounded(config)).await;
        opened.map_err(|error| {
            let kind = match error.kind {
                // A caller that cannot connect in time has written nothing and may try again.
                ErrorKind::TimedOut => ErrorKind::Unavailable,
                kind => kind,
            };
            let address = config.address();
            let message = format!("PostgreSQL at {address} cannot be used: {}", error.message);
            Error { kind, message, ..error }
        })
    }

    async fn open_unbounded(config: &Config) -> Result<Self, Error> {
        let ((client, driver, notifications), guard) = match (config.answer_bytes_max, &config.tls)
        {
            (Some(bytes_max), _) => Self::connect_guarded(config, bytes_max).await?,
            (None, None) => (Self::connect(config, NoTls).await?, None),
            (None, Some(tls)) => (Self::connect(config, tls.clone()).await?, None),
        };
        let connection = Self {
            client,
            driver,
            pooling: config.pooling(),
            prepared: Mutex::default(),
            texts: Mutex::default(),
            spoilt: AtomicBool::new(false),
            notifications,
            config: config.clone(),
            guard,
        };
        if connection.pooling == Pooling::Session && !config.session_settings.is_empty() {
            connection.batch(&config.session_settings).await?;
        }
        Ok(connection)
    }

    async fn connect<T>(config: &Config, tls: T) -> Result<Driven, Error>
    where
        T: MakeTlsConnect<tokio_postgres::Socket>,
        T::Stream: Send + 'static,
    {
        let (client, connection) =
            config.native.connect(tls).await.map_err(|error| Error::of(error, During::Connect))?;
        Ok(Self::drive(client, connection))
    }

    /// As the driver connects, host after host, on ways that bound the answers.
    async fn connect_guarded(
        config: &Config,
        bytes_max: usize,
    ) -> Result<(Driven, Option<Guard>), Error> {
        let mut failed = Error::new(ErrorKind::Unavailable, "no host is named");
        for place in 0..places(config) {
            let exceeded = Arc::default();
            let driven = match Self::connect_to(config, place, (bytes_max, &exceeded)).await {
                Ok(driven) => driven,
                Err(error) => {
                    failed = error;
                    continue;
                }
            };
            if is_wanted(&driven.0, config.native.get_target_session_attrs()).await? {
                return Ok((driven, Some(Guard { place, exceeded })));
            }
            driven.1.abort();
            let message = "no server is of the kind that target_session_attrs wants";
            failed = Error::new(ErrorKind::Unavailable, message);
        }
        Err(failed)
    }

    async fn connect_to(
        config: &Config,
        place: usize,
        (bytes_max, exceeded): (usize, &Arc<AtomicBool>),
    ) -> Result<Driven, Error> {
        let way = way_to(config, place, bytes_max, exceeded).await?;
        let failed = |error| Error::of(error, During::Connect);
        let Some(tls) = &config.tls else {
            let (client, connection) =
                config.native.connect_raw(way, NoTls).await.map_err(failed)?;
            return Ok(Self::drive(client, connection));
        };
        let tls = tls_to::<Guarded, _>(tls.clone(), &name_of(config, place))?;
        let (client, connection) = config.native.connect_raw(way, tls).await.map_err(failed)?;
        Ok(Self::drive(client, connection))
    }

    /// Has the bytes of a connection moved.
    fn drive<S, T>(client: Client, mut connection: tokio_postgres::Connection<S, T>) -> Driven
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Every question on the connection fails when this ends; nothing more needs to be told.
        let (told, notifications) = watch::channel(String::new());
        let driver = tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await
            {
                if let AsyncMessage::Notification(notification) = message {
                    told.send_replace(notification.payload().to_owned());
                }
            }
        });
        (client, driver.abort_handle(), notifications)
    }

    /// Whether an answer had more bytes than [`Config::with_answer_bytes_max`] allows. The connection is
    /// closed then.
    #[must_use]
    pub fn exceeded(&self) -> bool {
        self.guard.as_ref().is_some_and(|guard| guard.exceeded.load(Ordering::Acquire))
    }

    /// Runs a statement and gives all its rows.
    ///
    /// # Errors
    /// As the server or the connection fails.
    pub async fn query(
        &self,
        sql: &Sql,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let rows = match self.pooling {
            Pooling::Session => {
                let statement = self.statement(sql).await?;
                self.client.query(&statement, parameters).await
            }
            Pooling::Transaction => {
                Box::pin(self.client.query_typed(&sql.text, &typed(sql, parameters))).await
            }
        };
        rows.map_err(|error| self.failed(error))
    }

    /// Runs a statement and gives its rows as they come.
    ///
    /// # Errors
    /// As the server or the connection fails, before the first row.
    pub async fn rows(&self, sql: &Sql, parameters: &[&(dyn ToSql + Sync)]) -> Result<Rows, Error> {
        let rows = match self.pooling {
            Pooling::Session => {
                let statement = self.statement(sql).await?;
                self.client.query_raw(&statement, parameters.iter().copied()).await
            }
            Pooling::Transaction => {
                Box::pin(self.client.query_typed_raw(&sql.text, typed(sql, parameters))).await
            }
        };
        rows.map(Rows::new).map_err(|error| self.failed(error))
    }

    /// Begins a `COPY … FROM STDIN`. Not for pooled sessions, where it could meet a statement
    /// that somebody else prepared.
    ///
    /// # Errors
    /// As the server or the connection fails.
    pub async fn copy_in(&self, sql: &Sql) -> Result<CopyIn, Error> {
        let statement = self.statement(sql).await?;
        let sink = self.client.copy_in(&statement).await;
        sink.map(CopyIn::new).map_err(|error| self.failed(error))
    }

    /// Runs a statement and gives the number of rows it changed.
    ///
    /// # Errors
    /// As the server or the connection fails.
    pub async fn execute(
        &self,
        sql: &Sql,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, Error> {
        let changed = match self.pooling {
            Pooling::Session => {
                let statement = self.statement(sql).await?;
                self.client.execute(&statement, parameters).await
            }
            Pooling::Transaction => {
                Box::pin(self.client.execute_typed(&sql.text, &typed(sql, parameters))).await
            }
        };
        changed.map_err(|error| self.failed(error))
    }

    /// Runs SQL without parameters and without rows; several statements are separated by `;`.
    ///
    /// # Errors
    /// As the server or the connection fails.
    pub async fn batch(&self, sql: &str) -> Result<(), Error> {
        self.client.batch_execute(sql).await.map_err(|error| self.failed(error))
    }

    /// Commits. Also "succeeds" when an earlier statement of the transaction failed, and then
    /// rolls back, as PostgreSQL does: the caller must have seen every statement succeed.
    ///
    /// # Errors
    /// [`ErrorKind::OutcomeUnknown`] when the answer does not arrive.
    pub async fn commit(&self) -> Result<(), Error> {
        self.client.batch_execute("COMMIT").await.map_err(|error| Error::of(error, During::Commit))
    }

    /// Prepares a statement before it is needed, so that questions asked together are sent in
    /// the order in which they are asked.
    ///
    /// # Errors
    /// As the server or the connection fails.
    pub async fn prepare(&self, sql: &Sql) -> Result<(), Error> {
        match self.pooling {
            Pooling::Session => self.statement(sql).await.map(drop),
            Pooling::Transaction => Ok(()),
        }
    }

    /// Prepares a statement whose text comes from outside, with the types that the server finds.
    ///
    /// # Errors
    /// As the driver fails: the caller shows its user what the server said.
    pub async fn prepare_text(
        &self,
        text: &str,
        keep: Keep,
    ) -> Result<Statement, tokio_postgres::Error> {
        let kept = match keep {
            Keep::Session => self.texts().get(text),
            Keep::Nothing => None,
        };
        if let Some(statement) = kept {
            return Ok(statement);
        }
        let statement = Box::pin(self.client.prepare(text)).await?;
        if keep == Keep::Session {
            self.texts().put(text, &statement);
        }
        Ok(statement)
    }

    /// Forgets a text that the server would not plan again; says whether it was kept.
    pub fn forget_text(&self, text: &str) -> bool {
        self.texts().forget(text)
    }

    /// The driver's own handle, for statements whose shape is not known beforehand. What runs on
    /// it is up to the caller: its deadline, and that the session is left as it was.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The payload of the last notification of the channels that it listens to. It ends with the
    /// connection.
    #[must_use]
    pub fn notifications(&self) -> watch::Receiver<String> {
        self.notifications.clone()
    }

    /// Whether it can no longer be used.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.client.is_closed() || self.spoilt.load(Ordering::Relaxed)
    }

    /// Closes it at once, whatever is under way.
    pub fn close(&self) {
        self.spoilt.store(true, Ordering::Relaxed);
        self.driver.abort();
    }

    /// Closes it, and asks the server to stop what it is doing on it.
    pub fn cancel(&self) {
        let (token, config) = (self.client.cancel_token(), self.config.clone());
        let place = self.guard.as_ref().map(|guard| guard.place);
        self.close();
        // A runtime that ends drops what it was doing, and takes no new tasks.
        let Ok(runtime) = Handle::try_current() else { return };
        // When it fails, the statement timeout of the server does the same, later.
        runtime.spawn(async move {
            drop(timeout(CANCEL_TIMEOUT, ask_to_stop(token, &config, place)).await);
        });
    }

    /// Asks the server to stop what it is doing on it, and leaves it open: what is asked next is
    /// answered once the server has stopped, or is hit itself by a request that comes late.
    pub async fn interrupt(&self) {
        let place = self.guard.as_ref().map(|guard| guard.place);
        let asked = ask_to_stop(self.client.cancel_token(), &self.config, place);
        // When it fails, the statement goes on to its end.
        drop(timeout(CANCEL_TIMEOUT, asked).await);
    }

    async fn statement(&self, sql: &Sql) -> Result<Statement, Error> {
        if let Some(statement) = self.prepared().get(&sql.number) {
            return Ok(statement.clone());
        }
        // Boxed, because it is large and seldom needed: every question would carry it along.
        let prepared = Box::pin(self.client.prepare_typed(&sql.text, &sql.parameters)).await;
        let statement = prepared.map_err(|error| self.failed(error))?;
        self.prepared().insert(sql.number, statement.clone());
        Ok(statement)
    }

    fn prepared(&self) -> parking_lot::MutexGuard<'_, HashMap<u64, Statement>> {
        self.prepared.lock()
    }

    fn texts(&self) -> parking_lot::MutexGuard<'_, Texts> {
        self.texts.lock()
    }

    fn failed(&self, error: tokio_postgres::Error) -> Error {
        let error = Error::of(error, During::Statement);
        // "Cached plan must not change result type" and "unknown prepared statement".
        if matches!(error.code.as_deref(), Some("0A000" | "26000")) {
            self.spoilt.store(true, Ordering::Relaxed);
        }
        error
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}

/// A failure leaves the statement running.
async fn ask_to_stop(token: CancelToken, config: &Config, place: Option<usize>) {
    let Some(place) = place else {
        drop(match config.tls.clone() {
            None => token.cancel_query(NoTls).await,
            Some(tls) => token.cancel_query(tls).await,
        });
        return;
    };
    let Ok(way) = way_to(config, place, STOP_BYTES_MAX, &Arc::default()).await else { return };
    match config.tls.clone() {
        None => drop(token.cancel_query_raw(way, NoTls).await),
        Some(tls) => {
            let Ok(tls) = tls_to::<Guarded, _>(tls, &name_of(config, place)) else { return };
            drop(token.cancel_query_raw(way, tls).await);
        }
    }
}

fn tls_to<S, T: MakeTlsConnect<S>>(mut tls: T, name: &str) -> Result<T::TlsConnect, Error> {
    tls.make_tls_connect(name).map_err(|error| {
        let error: Box<dyn std::error::Error + Send + Sync> = error.into();
        Error::new(ErrorKind::Unavailable, error.to_string())
    })
}

/// Whether the server is of the kind that is wanted, as the driver finds it out.
async fn is_wanted(client: &Client, wanted: TargetSessionAttrs) -> Result<bool, Error> {
    let read_only = match wanted {
        TargetSessionAttrs::Any => return Ok(true),
        TargetSessionAttrs::ReadOnly => "on",
        _ => "off",
    };
    let told = client.simple_query("SHOW transaction_read_only").await;
    let told = told.map_err(|error| Error::of(error, During::Connect))?;
    Ok(told.iter().any(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0) == Some(read_only),
        _ => false,
    }))
}

fn typed<'a>(
    sql: &Sql,
    parameters: &[&'a (dyn ToSql + Sync)],
) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    parameters.iter().copied().zip(sql.parameters.iter().cloned()).collect()
}
