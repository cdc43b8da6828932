//! Hearing of the commits of other processes, while somebody waits for them.

use std::{sync::Arc, time::Duration};

use isobase_postgres::{Config, Connection, Error, ErrorKind as NativeKind, Pooling, within};
use isobase_types::Sequence;
use isobase_writer::Pauses;
use tokio::{
    task::AbortHandle,
    time::{Instant, sleep_until, timeout},
};

use crate::{catalogue::Catalogue, codec::column, error::corrupted, sql::Statements};

/// How often the clock is looked at where others tell of their commits: programs of an older
/// version, which may run beside this one for a while, do not.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The same behind a pooler of transactions, through which no one can listen. It is the latency
/// there, and one small read of each process in that time.
const LOOK_EVERY_POOLED: Duration = Duration::from_millis(500);
/// How long the connection stays when no one waits any more.
const KEPT: Duration = Duration::from_secs(60);
/// Time to connect, to listen, to look.
const DEADLINE: Duration = Duration::from_secs(5);
/// The pauses after failures: the first, and the longest.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The task that listens. Its drop ends it.
#[derive(Debug)]
pub(crate) struct Listener(AbortHandle);

impl Listener {
    /// Begins; nothing is sent before somebody waits.
    pub(crate) fn start(
        config: Arc<Config>,
        statements: Arc<Statements>,
        catalogue: Arc<Catalogue>,
    ) -> Self {
        let listening = Listening { config, statements, catalogue };
        Self(tokio::spawn(listening.run()).abort_handle())
    }

    /// Ends it.
    pub(crate) fn close(&self) {
        self.0.abort();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}

struct Listening {
    config: Arc<Config>,
    statements: Arc<Statements>,
    catalogue: Arc<Catalogue>,
}

impl Listening {
    async fn run(self) {
        let mut pauses = Pauses::new(PAUSE_MIN, PAUSE_MAX);
        while self.catalogue.channel.waiting.until_waited().await {
            match self.listen().await {
                Ok(()) => pauses.restart(),
                Err(error) => {
                    tracing::debug!(%error, "listening for changes failed: {error}");
                    pauses.wait().await;
                }
            }
        }
    }

    /// Listens until no one has waited for a while.
    async fn listen(&self) -> Result<(), Error> {
        let channel = &self.catalogue.channel;
        let connection = Connection::open(&self.config, Instant::now() + DEADLINE).await?;
        let is_told = self.config.pooling() == Pooling::Session;
        let every = if is_told { LOOK_EVERY } else { LOOK_EVERY_POOLED };
        let mut notifications = connection.notifications();
        if is_told {
            within(Instant::now() + DEADLINE, "listening for changes", async {
                connection.batch(&format!("LISTEN {}", channel.name)).await?;
                connection.query(&self.statements.share_channel, &[&channel.lock]).await
            })
            .await?;
        }
        loop {
            // Also what was committed before others could know that we listen.
            self.look(&connection).await?;
            let next = Instant::now() + every;
            loop {
                tokio::select! {
                    told = notifications.changed(), if is_told => {
                        told.map_err(|_| self.broken())?;
                        let place = notifications.borrow_and_update().parse();
                        place.into_iter().for_each(|it| channel.waiting.seen(Sequence(it)));
                    }
                    () = sleep_until(next) => break,
                }
            }
            let waited = timeout(KEPT, channel.waiting.until_waited()).await;
            if waited != Ok(true) {
                return Ok(());
            }
        }
    }

    async fn look(&self, connection: &Connection) -> Result<(), Error> {
        let latest = async {
            let rows = connection.query(&self.statements.latest, &[]).await?;
            let row = rows.first().ok_or_else(|| corrupted("the clock"))?;
            column::<i64>(row, 0)
        };
        let latest = within(Instant::now() + DEADLINE, "reading the clock", latest).await?;
        self.catalogue.channel.waiting.seen(Sequence(latest.cast_unsigned()));
        Ok(())
    }

    fn broken(&self) -> Error {
        let message = format!("the connection to PostgreSQL at {} broke", self.config.address());
        Error::new(NativeKind::Unavailable, message)
    }
}
