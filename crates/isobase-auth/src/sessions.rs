//! The sessions of a database.

use std::{collections::HashMap, sync::Arc, time::Duration};

use isobase_store::{
    Action, FeedPlace, FeedRequest, IfMissing, Precondition, Rejection, Since, StoreError,
};
use isobase_types::{Document, DocumentId, Timestamp, json::Patch};
use isobase_writer::Pauses;
use parking_lot::{Mutex, MutexGuard};

use crate::{
    ACCOUNTS_COLLECTION, Account, AccountError, Clock, CreatedSession, Impersonator,
    SESSIONS_COLLECTION, Session, SessionInfo, SessionKind,
    account::StoredAccount,
    documents::{Documents, literal},
    secret,
    session::{self, StoredImpersonator, StoredSession, Token},
    session_cache::{Look, SessionCache},
    uses::{Use, Uses, minute_of, start_of},
};

/// Most sessions of one account; the oldest ends when another begins.
pub const SESSIONS_PER_ACCOUNT_MAX: usize = 100;

/// How long an owner may act as somebody else. Ours: time to look at what somebody sees.
pub const IMPERSONATION_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// Most uses that wait to be noted; more are left out until those are.
const USES_MAX: usize = 32_768;

/// Under which the sign-ins of accounts are noted.
const LOGINS: &str = "login";

/// Pauses of a follower that failed until it begins again: the first, and the longest.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(8);

/// How long a follower rests that was woken for nothing.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Changes that are read at a time.
const CHANGES_PAGE: u32 = 1_000;

/// How an account is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountUse {
    /// Its sessions that go on.
    pub sessions: usize,
    /// When it last signed in; `None` where that is not known.
    pub last_login_at: Option<Timestamp>,
}

/// The sessions of a database.
#[derive(Debug)]
pub struct Sessions {
    documents: Documents,
    /// Only read: sessions end with their accounts.
    accounts: Documents,
    cache: SessionCache,
    uses: Uses,
    /// Uses that are not noted yet, by session. Requests write them, a task takes and notes them.
    used: Mutex<HashMap<Arc<str>, Use>>,
    lifetime: Duration,
    clock: Clock,
}

impl Sessions {
    pub(crate) fn new(store: &isobase_store::Store, lifetime: Duration, clock: Clock) -> Self {
        Self {
            documents: Documents::new(store, SESSIONS_COLLECTION, &[], &["account"]),
            accounts: Documents::new(store, ACCOUNTS_COLLECTION, &[], &[]),
            cache: SessionCache::default(),
            uses: Uses::new(store),
            used: Mutex::default(),
            lifetime,
            clock,
        }
    }

    /// How long a session lasts from its beginning or its last renewal.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Begins a session of an account.
    ///
    /// # Errors
    /// The database or the system fails.
    pub async fn begin(
        &self,
        account: &Account,
        kind: SessionKind,
        agent: Option<&str>,
    ) -> Result<CreatedSession, AccountError> {
        let ends = self.end_from(self.clock.now());
        self.begin_until(account, (kind, agent), ends, None).await
    }

    /// Begins a session by which an owner acts as an account, for [`IMPERSONATION_LIFETIME`] and no
    /// longer than the owner's own session. `None` where that is not the session of an owner, is one
    /// of those itself, or the account is an owner's or shut out.
    ///
    /// # Errors
    /// The database or the system fails.
    pub async fn impersonate(
        &self,
        account: &Account,
        owner: &str,
        (kind, agent): (SessionKind, Option<&str>),
    ) -> Result<Option<CreatedSession>, AccountError> {
        let Some(owner) = self.get(owner).await? else { return Ok(None) };
        if owner.by.is_some()
            || !owner.role.is_owner()
            || account.role.is_owner()
            || account.disabled
        {
            return Ok(None);
        }
        let lifetime = i64::try_from(IMPERSONATION_LIFETIME.as_micros()).unwrap_or(i64::MAX);
        let ends = Timestamp { unix_us: self.clock.now().unix_us.saturating_add(lifetime) };
        let ends = ends.min(owner.expires_at);
        self.begin_until(account, (kind, agent), ends, Some(&owner)).await.map(Some)
    }

    async fn begin_until(
        &self,
        account: &Account,
        (kind, agent): (SessionKind, Option<&str>),
        ends: Timestamp,
        by: Option<&Session>,
    ) -> Result<CreatedSession, AccountError> {
        let token = Token::random()?;
        let now = self.clock.now();
        let stored = StoredSession {
            account: session::reference(&account.id),
            epoch: account.session_epoch,
            hash: secret::hash(&token.secret),
            kind,
            agent: agent.and_then(session::agent),
            created_us: now.unix_us,
            expires_us: ends.unix_us,
            by: by.map(StoredImpersonator::of),
        };
        let body = stored.body().map_err(|error| not_stored(&error))?;
        let action =
            Action::Put { id: document_id(&token.id)?, body, if_missing: IfMissing::Create };
        self.documents
            .write(action, Precondition::Missing)
            .await?
            .map_err(AccountError::refused)?;
        if by.is_none() {
            self.mark_login(&account.id, now);
        }
        self.tidy(&account.id, now).await?;
        let session = Session::of(&token.id, &stored, account);
        Ok(CreatedSession { session, token: token.text() })
    }

    /// The session that a token belongs to; `None` if it is over or there never was one.
    ///
    /// # Errors
    /// The database fails.
    pub async fn resolve(&self, token: &str) -> Result<Option<Arc<Session>>, AccountError> {
        match session::split(token) {
            Some((id, secret)) => self.look(id, Some(secret)).await,
            None => Ok(None),
        }
    }

    /// The session of an id, for a caller that showed its token before and goes on for long.
    ///
    /// # Errors
    /// The database fails.
    pub async fn get(&self, id: &str) -> Result<Option<Arc<Session>>, AccountError> {
        self.look(id, None).await
    }

    async fn look(
        &self,
        id: &str,
        secret: Option<&str>,
    ) -> Result<Option<Arc<Session>>, AccountError> {
        let now = self.clock.now();
        let generation = match self.cache.look(id, secret, now) {
            Look::Found(session, is_use) => {
                if is_use {
                    self.mark_used(&session, now);
                }
                return Ok(Some(session));
            }
            Look::Wrong => return Ok(None),
            Look::Unknown(generation) => generation,
        };
        // Rare, and large: every request has room for what it awaits.
        Box::pin(self.look_up(id, secret, now, generation)).await
    }

    /// A session that is not in the cache.
    async fn look_up(
        &self,
        id: &str,
        secret: Option<&str>,
        now: Timestamp,
        generation: u64,
    ) -> Result<Option<Arc<Session>>, AccountError> {
        let Some((stored, _)) = self.read(id).await? else { return Ok(None) };
        let is_right = secret.is_none_or(|secret| secret::is_hash_of(&stored.hash, secret));
        if !is_right || stored.is_over(now) {
            return Ok(None);
        }
        let Some(account_id) = stored.account() else { return Ok(None) };
        let Some(document) = self.accounts.get(&account_id).await? else { return Ok(None) };
        let account = StoredAccount::read(&document)?;
        let account = account.account(document.id, document.revision)?;
        if !account.lets(id, stored.epoch) {
            return Ok(None);
        }
        let session = Arc::new(Session::of(id, &stored, &account));
        // One by which an owner acts ends with what the owner does and is: it is looked at each time.
        if let Some(by) = &session.by {
            if !self.still_owns(by, &account).await? {
                return Ok(None);
            }
        } else {
            self.cache.put(generation, stored.hash, &session);
        }
        if secret.is_some() {
            self.mark_used(&session, now);
        }
        Ok(Some(session))
    }

    /// Whether somebody who acts as an account is still an owner, and signed in by the same session.
    async fn still_owns(&self, by: &Impersonator, account: &Account) -> Result<bool, AccountError> {
        if account.role.is_owner() {
            return Ok(false);
        }
        let Some((stored, _)) = self.read(&by.session).await? else { return Ok(false) };
        let Some(document) = self.accounts.get(&by.account).await? else { return Ok(false) };
        let owner = StoredAccount::read(&document)?;
        let owner = owner.account(document.id, document.revision)?;
        let is_theirs = stored.account().as_ref() == Some(&owner.id);
        let goes_on = !stored.is_over(self.clock.now()) && owner.lets(&by.session, stored.epoch);
        Ok(is_theirs && goes_on && owner.role.is_owner())
    }

    /// Remembers that a session is used.
    fn mark_used(&self, session: &Session, now: Timestamp) {
        let mut used = self.used();
        if used.len() < USES_MAX || used.contains_key(&session.id) {
            let (id, of) = (session.id.to_string(), session.mark.to_string());
            let minute = minute_of(now);
            used.insert(Arc::clone(&session.id), Use { id, of, minute });
        }
    }

    /// Remembers that an account has signed in. It is noted with the uses, so that a sign-in costs no
    /// write more; a process that is killed loses those of its last minute.
    fn mark_login(&self, account: &DocumentId, now: Timestamp) {
        let mut used = self.used();
        if used.len() < USES_MAX {
            let (id, of, minute) = (login(account), LOGINS.to_owned(), minute_of(now));
            used.insert(id.as_str().into(), Use { id, of, minute });
        }
    }

    /// How these accounts are used, by their ids.
    ///
    /// # Errors
    /// The database fails.
    pub async fn usage(
        &self,
        accounts: &[Account],
    ) -> Result<HashMap<DocumentId, AccountUse>, AccountError> {
        let now = self.clock.now();
        let ids: Vec<String> = accounts.iter().map(|account| login(&account.id)).collect();
        let mut logins = self.uses.at(&ids).await?;
        for one in self.used().values().filter(|one| one.of == LOGINS) {
            logins.insert(one.id.clone(), start_of(one.minute));
        }
        let of = accounts.iter().map(|account| literal(&account.id)).collect();
        let mut uses: HashMap<DocumentId, AccountUse> = accounts
            .iter()
            .map(|account| {
                let last_login_at = logins.get(&login(&account.id)).copied();
                (account.id.clone(), AccountUse { sessions: 0, last_login_at })
            })
            .collect();
        let by_id: HashMap<&DocumentId, &Account> =
            accounts.iter().map(|account| (&account.id, account)).collect();
        for document in self.documents.list_in("account", of).await? {
            let stored = StoredSession::read(&document)?;
            let Some(id) = stored.account() else { continue };
            let goes_on = by_id.get(&id).is_some_and(|account| {
                !stored.is_over(now) && account.lets(&document.id.to_string(), stored.epoch)
            });
            if let Some(of) = uses.get_mut(&id).filter(|_| goes_on) {
                of.sessions += 1;
                // Of before sign-ins were noted.
                let began = Timestamp { unix_us: stored.created_us };
                let is_login = stored.by.is_none() && of.last_login_at.is_none_or(|at| at < began);
                if is_login {
                    of.last_login_at = Some(began);
                }
            }
        }
        Ok(uses)
    }

    /// Forgets when an account signed in that is no more.
    pub(crate) async fn forget_login(&self, account: &DocumentId) -> Result<(), AccountError> {
        let id = login(account);
        self.used().remove(id.as_str());
        Ok(self.uses.forget(vec![id]).await?)
    }

    /// Notes in the database which sessions were used, to the minute.
    ///
    /// # Errors
    /// The database fails; it is noted the next time.
    pub async fn note_used(&self) -> Result<(), AccountError> {
        let used = std::mem::take(&mut *self.used());
        let uses: Vec<Use> = used.values().cloned().collect();
        let noted = self.uses.note(&uses).await;
        if noted.is_err() {
            let mut later = self.used();
            for (id, not_noted) in used {
                later.entry(id).or_insert(not_noted);
            }
        }
        Ok(noted?)
    }

    /// When the sessions of an account were last used, also what is not noted yet.
    async fn uses_of(
        &self,
        account: &DocumentId,
    ) -> Result<HashMap<String, Timestamp>, AccountError> {
        let mark = session::mark(account);
        let mut uses = self.uses.of(&mark).await?;
        for one in self.used().values().filter(|one| one.of == mark) {
            uses.insert(one.id.clone(), start_of(one.minute));
        }
        Ok(uses)
    }

    /// Forgets when sessions of an account were used that are no more.
    async fn forget_uses(&self, account: &DocumentId, live: &[&str]) -> Result<(), AccountError> {
        let mut gone: Vec<String> =
            self.uses.of(&session::mark(account)).await?.into_keys().collect();
        gone.retain(|id| !live.contains(&id.as_str()));
        Ok(self.uses.forget(gone).await?)
    }

    /// A panic while the lock was held leaves uses that are each whole.
    fn used(&self) -> MutexGuard<'_, HashMap<Arc<str>, Use>> {
        self.used.lock()
    }

    /// Lets a session last as long as one that begins now; says until when. `None` if it is over.
    ///
    /// # Errors
    /// The database fails.
    pub async fn renew(&self, id: &str) -> Result<Option<Timestamp>, AccountError> {
        let now = self.clock.now();
        if self.get(id).await?.is_none() {
            return Ok(None);
        }
        let expires_at = self.end_from(now);
        let patch = format!("{{\"expires_us\":{}}}", expires_at.unix_us);
        let patch = Patch::merge(patch.as_bytes()).map_err(|error| not_stored(&error))?;
        let action = Action::Patch { id: document_id(id)?, patch };
        let outcome = self.documents.write(action, Precondition::Exists).await?;
        self.cache.forget(id);
        match outcome {
            Ok(_) => Ok(Some(expires_at)),
            Err(Rejection::NotFound | Rejection::RevisionConflict { .. }) => Ok(None),
            Err(rejection) => Err(AccountError::refused(rejection)),
        }
    }

    /// The sessions of an account that go on, the latest first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn list(&self, account: &Account) -> Result<Vec<SessionInfo>, AccountError> {
        let now = self.clock.now();
        let uses = self.uses_of(&account.id).await?;
        let mut sessions = Vec::new();
        for (id, stored) in self.of_account(&account.id).await? {
            if !stored.is_over(now) && account.lets(&id, stored.epoch) {
                let last_used_at = uses.get(&id).copied();
                sessions.push(stored.info(id, last_used_at));
            }
        }
        sessions.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        Ok(sessions)
    }

    /// Ends one session of an account; says whether there was one. From then on its token is
    /// refused, by other services on the database within five seconds.
    ///
    /// # Errors
    /// The database fails.
    pub async fn end(&self, account: &DocumentId, id: &str) -> Result<bool, AccountError> {
        match self.read(id).await? {
            Some((stored, document)) if stored.account().as_ref() == Some(account) => {
                self.delete(&document.id).await
            }
            _ => Ok(false),
        }
    }

    /// Deletes what is kept of the sessions of an account but one. They are over already, by their
    /// epoch or because the account is gone.
    pub(crate) async fn clear(
        &self,
        account: &DocumentId,
        keep: Option<&str>,
    ) -> Result<(), AccountError> {
        self.cache.forget_account(account);
        for (id, _) in self.of_account(account).await? {
            if keep != Some(id.as_str()) {
                self.delete(&document_id(&id)?).await?;
            }
        }
        self.forget_uses(account, keep.as_slice()).await
    }

    /// Forgets the cached state of an account, which has changed.
    pub(crate) fn forget_account(&self, account: &DocumentId) {
        self.cache.forget_account(account);
    }

    /// Follows the changes of the database for as long as it is polled, so that sessions need not
    /// be read for every request and still end when another service ends them.
    pub async fn follow(&self) {
        let mut pauses = Pauses::new(PAUSE_FIRST, PAUSE_MAX);
        loop {
            if let Err(error) = self.follow_until_failure(&mut pauses).await {
                tracing::warn!(%error, "sessions are read for each request for a while: {error}");
            }
            self.cache.restart(false);
            pauses.wait().await;
        }
    }

    async fn follow_until_failure(&self, pauses: &mut Pauses) -> Result<(), StoreError> {
        let store = self.documents.store();
        let (since, collection) = (Since::Now, None);
        let request = FeedRequest { since, collection, limit: 1, bodies: false };
        let from = store.changes(request).await?.next;
        self.cache.restart(true);
        pauses.restart();
        let sessions = self.follow_documents(&self.documents, from, |id| {
            self.cache.forget(&id.to_string());
        });
        let accounts = self.follow_documents(&self.accounts, from, |id| {
            self.cache.forget_account(id);
        });
        tokio::try_join!(sessions, accounts).map(drop)
    }

    /// Tells of each document that changes; ends only when the feed cannot be read.
    async fn follow_documents(
        &self,
        documents: &Documents,
        mut place: FeedPlace,
        changed: impl Fn(&DocumentId),
    ) -> Result<(), StoreError> {
        let (store, collection) = (documents.store(), documents.collection());
        loop {
            store.wait_for_change(place, Some(collection)).await?;
            let (since, limit) = (Since::Place(place), CHANGES_PAGE);
            let collection = Some(collection.clone());
            let page =
                store.changes(FeedRequest { since, collection, limit, bodies: false }).await?;
            for change in &page.changes {
                match &change.id {
                    Some(id) => changed(id),
                    // All documents of the collection are gone.
                    None => self.cache.restart(true),
                }
            }
            if page.next == place {
                // A wait may come back early, and does at once when the engine is closed.
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            place = page.next;
        }
    }

    /// Deletes sessions of an account that are over, and the oldest where there are too many.
    async fn tidy(&self, account: &DocumentId, now: Timestamp) -> Result<(), AccountError> {
        let mut sessions = self.of_account(account).await?;
        sessions.sort_by_key(|(_, stored)| (stored.is_over(now), -stored.created_us));
        let is_old = |number: usize, stored: &StoredSession| {
            number >= SESSIONS_PER_ACCOUNT_MAX || stored.is_over(now)
        };
        let mut live = Vec::with_capacity(sessions.len());
        for (number, (id, stored)) in sessions.iter().enumerate() {
            match is_old(number, stored) {
                true => drop(self.delete(&document_id(id)?).await?),
                false => live.push(id.as_str()),
            }
        }
        self.forget_uses(account, &live).await
    }

    async fn of_account(
        &self,
        account: &DocumentId,
    ) -> Result<Vec<(String, StoredSession)>, AccountError> {
        let documents = self.documents.list(Some(("account", literal(account)))).await?;
        documents
            .into_iter()
            .map(|document| Ok((document.id.to_string(), StoredSession::read(&document)?)))
            .collect()
    }

    async fn read(&self, id: &str) -> Result<Option<(StoredSession, Document)>, AccountError> {
        let Ok(id) = DocumentId::parse(id) else { return Ok(None) };
        let Some(document) = self.documents.get(&id).await? else { return Ok(None) };
        Ok(Some((StoredSession::read(&document)?, document)))
    }

    async fn delete(&self, id: &DocumentId) -> Result<bool, AccountError> {
        let action = Action::Delete { id: id.clone() };
        let outcome = self.documents.write(action, Precondition::None).await?;
        self.cache.forget(&id.to_string());
        match outcome {
            Ok(_) => Ok(true),
            Err(Rejection::NotFound) => Ok(false),
            Err(rejection) => Err(AccountError::refused(rejection)),
        }
    }

    fn end_from(&self, now: Timestamp) -> Timestamp {
        let lifetime = i64::try_from(self.lifetime.as_micros()).unwrap_or(i64::MAX);
        Timestamp { unix_us: now.unix_us.saturating_add(lifetime) }
    }
}

/// Under which the sign-in of an account is noted.
fn login(account: &DocumentId) -> String {
    format!("{LOGINS}:{}", session::mark(account))
}

fn document_id(id: &str) -> Result<DocumentId, AccountError> {
    DocumentId::parse(id).map_err(|error| AccountError::Unreadable(format!("session: {error}")))
}

fn not_stored(error: &dyn std::fmt::Display) -> AccountError {
    AccountError::Unreadable(format!("session: {error}"))
}
