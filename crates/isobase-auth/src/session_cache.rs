//! Sessions that were looked up lately.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use isobase_types::{DocumentId, Timestamp};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::{Session, secret, uses::minute_of};

/// Most sessions kept; beyond it half of them are forgotten and read again when they are used.
/// About 400 bytes each.
const SESSIONS_MAX: usize = 32_768;

/// Sessions by their ids. Used only while the process follows the changes of the database: else a
/// session could go on that another process has ended.
#[derive(Debug, Default)]
pub(crate) struct SessionCache {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether changes of the database are followed. Written by the task that follows them.
    followed: bool,
    /// Grows whenever something is forgotten: what was read before is not put in after.
    generation: u64,
    sessions: HashMap<Arc<str>, Entry>,
}

#[derive(Debug)]
struct Entry {
    hash: String,
    session: Arc<Session>,
    /// The minute since 1970 in which its token was last shown. Written by the task that looks.
    used: AtomicI64,
}

/// The result of a look into the cache.
pub(crate) enum Look {
    /// The session, and whether its token was shown for the first time in this minute.
    Found(Arc<Session>, bool),
    /// There is such a session, and the secret is not its own.
    Wrong,
    /// It must be read; the number says what may be put in afterwards.
    Unknown(u64),
}

impl SessionCache {
    /// Looks for a session.
    pub(crate) fn look(&self, id: &str, secret: Option<&str>, now: Timestamp) -> Look {
        let state = self.read();
        match state.sessions.get(id) {
            Some(entry) if entry.session.expires_at > now => match secret {
                Some(secret) if !secret::is_hash_of(&entry.hash, secret) => Look::Wrong,
                secret => {
                    let minute = minute_of(now);
                    let is_use =
                        secret.is_some() && entry.used.swap(minute, Ordering::Relaxed) != minute;
                    Look::Found(Arc::clone(&entry.session), is_use)
                }
            },
            _ => Look::Unknown(state.generation),
        }
    }

    /// Keeps a session that was read, unless anything was forgotten since it was looked for.
    pub(crate) fn put(&self, generation: u64, hash: String, session: &Arc<Session>) {
        let mut state = self.write();
        if !state.followed || state.generation != generation {
            return;
        }
        if state.sessions.len() >= SESSIONS_MAX {
            let mut keep = false;
            state.sessions.retain(|_, _| {
                keep = !keep;
                keep
            });
        }
        let entry = Entry { hash, session: Arc::clone(session), used: AtomicI64::new(i64::MIN) };
        state.sessions.insert(Arc::clone(&session.id), entry);
    }

    /// Forgets a session.
    pub(crate) fn forget(&self, id: &str) {
        let mut state = self.write();
        state.generation += 1;
        state.sessions.remove(id);
    }

    /// Forgets the sessions of an account.
    pub(crate) fn forget_account(&self, account: &DocumentId) {
        let mut state = self.write();
        state.generation += 1;
        state.sessions.retain(|_, entry| entry.session.account != *account);
    }

    /// Forgets everything, and from now on keeps sessions or does not.
    pub(crate) fn restart(&self, followed: bool) {
        let mut state = self.write();
        state.generation += 1;
        state.followed = followed;
        state.sessions.clear();
    }

    /// A panic while the lock was held leaves entries that are each whole.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read()
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Role, SessionKind};

    fn session(id: &str, account: i64) -> Arc<Session> {
        Arc::new(Session {
            id: id.into(),
            account: DocumentId::Integer(account),
            name: "ann".into(),
            role: Role::user(),
            kind: SessionKind::Cookie,
            expires_at: Timestamp { unix_us: 10 },
            by: None,
            mark: "account".into(),
        })
    }

    fn generation(cache: &SessionCache) -> u64 {
        match cache.look("none", None, Timestamp::default()) {
            Look::Unknown(generation) => generation,
            _ => panic!("there is no such session"),
        }
    }

    fn is_found(cache: &SessionCache, id: &str, secret: &str, now: i64) -> bool {
        matches!(cache.look(id, Some(secret), Timestamp { unix_us: now }), Look::Found(..))
    }

    #[test]
    fn sessions_are_kept_only_while_changes_are_followed() {
        let cache = SessionCache::default();
        cache.put(generation(&cache), secret::hash("x"), &session("s1", 1));
        assert!(!is_found(&cache, "s1", "x", 1));
        cache.restart(true);
        cache.put(generation(&cache), secret::hash("x"), &session("s1", 1));
        assert!(is_found(&cache, "s1", "x", 1));
        assert!(!is_found(&cache, "s1", "y", 1));
        assert!(!is_found(&cache, "s1", "x", 10));
        cache.restart(false);
        assert!(!is_found(&cache, "s1", "x", 1));
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept() {
        let cache = SessionCache::default();
        cache.restart(true);
        let before = generation(&cache);
        cache.forget("another");
        cache.put(before, secret::hash("x"), &session("s1", 1));
        assert!(!is_found(&cache, "s1", "x", 1));
        for (id, account) in [("s1", 1), ("s2", 2)] {
            cache.put(generation(&cache), secret::hash("x"), &session(id, account));
        }
        cache.forget_account(&DocumentId::Integer(1));
        assert!(!is_found(&cache, "s1", "x", 1));
        assert!(is_found(&cache, "s2", "x", 1));
        cache.forget("s2");
        assert!(!is_found(&cache, "s2", "x", 1));
    }

    #[test]
    fn the_number_of_sessions_is_bounded() {
        let cache = SessionCache::default();
        cache.restart(true);
        let now = generation(&cache);
        for number in 0..=SESSIONS_MAX {
            cache.put(now, String::new(), &session(&number.to_string(), 1));
        }
        let kept = cache.read().sessions.len();
        assert_eq!(kept, SESSIONS_MAX / 2 + 1);
    }
}
