//! Opening a database.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use isobase_engine::{Clock, EngineError, ErrorKind, ReadOnly};
use isobase_journal::{JournalEngine, JournalOptions, JournalReader};

use crate::{
    Environment, FirestoreDatabase, FirestoreOptions, client::Client, credentials::Credentials,
    names::Names, options::is_host, requests::Requests, tokens::Tokens,
};

/// Opens the engine over a Firestore database: finds project and credentials, checks that the
/// database can be reached, and makes the journal where there is none.
///
/// # Errors
/// When there is no project, credentials cannot be used, or the database cannot be reached.
pub fn open<'a>(
    options: FirestoreOptions,
    environment: &'a Environment,
    remote: JournalOptions,
    clock: Arc<dyn Clock>,
) -> BoxFuture<'a, Result<JournalEngine<FirestoreDatabase>, EngineError>> {
    Box::pin(async move {
        let database = FirestoreDatabase::connect(options, environment, remote).await?;
        JournalEngine::open(database, remote, clock).await
    })
}

/// Opens the database to read it whole and nothing else: nothing is written, and credentials that
/// may only read are enough.
///
/// # Errors
/// As [`open`].
pub fn open_to_read<'a>(
    options: FirestoreOptions,
    environment: &'a Environment,
    remote: JournalOptions,
    clock: Arc<dyn Clock>,
) -> BoxFuture<'a, Result<ReadOnly<JournalReader<FirestoreDatabase>>, EngineError>> {
    Box::pin(async move {
        let database = FirestoreDatabase::connect(options, environment, remote).await?;
        JournalReader::open(database, remote, clock).await
    })
}

impl FirestoreDatabase {
    /// Finds project and credentials. The connection is made with the first request.
    ///
    /// # Errors
    /// When there is no project, or credentials cannot be used.
    pub async fn connect(
        options: FirestoreOptions,
        environment: &Environment,
        remote: JournalOptions,
    ) -> Result<Self, EngineError> {
        let emulator = options.emulator.as_deref().or(environment.emulator.as_deref());
        if let Some(host) = emulator.filter(|host| !is_host(host)) {
            let message = format!(
                "'{host}' is not a host and a port, expected FIRESTORE_EMULATOR_HOST=127.0.0.1:8080"
            );
            return Err(EngineError::new(ErrorKind::InvalidArgument, message));
        }
        let credentials = match emulator {
            Some(_) => Credentials::Emulator,
            None => Credentials::find(environment)?,
        };
        let project = match options.project.clone().or_else(|| environment.project.clone()) {
            Some(project) => project,
            None => credentials.project().await?.ok_or_else(no_project)?,
        };
        let place = emulator.unwrap_or("Google");
        tracing::info!(%project, database = %options.database, place, identity = %credentials,
            "Firestore is used");
        let tokens = Tokens::new(credentials);
        let client = Client::new(&options, emulator, &project, tokens, remote.deadline)?;
        let names = Names::new(&project, &options.database, &options.prefix);
        Ok(Self::new(Requests { client, names }, options.indexing))
    }
}

fn no_project() -> EngineError {
    let message = "there is no Google Cloud project: name it in the URL \
                   (firestore://PROJECT/DATABASE) or set FIRESTORE_PROJECT_ID or \
                   GOOGLE_CLOUD_PROJECT";
    EngineError::new(ErrorKind::InvalidArgument, message)
}
