//! Sessions.

use std::{sync::Arc, time::Duration};

use isobase_auth::{Account, Accounts, SESSIONS_PER_ACCOUNT_MAX, SessionKind};
use isobase_types::DocumentId;

use super::{ADDRESS, Database, register};

/// Nothing a test waits for takes this long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

async fn begin(accounts: &Accounts, account: &Account) -> String {
    accounts.sessions().begin(account, SessionKind::Bearer, Some("test")).await.unwrap().token
}

async fn is_valid(accounts: &Accounts, token: &str) -> bool {
    accounts.sessions().resolve(token).await.unwrap().is_some()
}

fn id_of(token: &str) -> &str {
    token.split('_').nth(1).unwrap()
}

#[tokio::test]
async fn a_token_names_its_account() {
    let database = Database::new();
    let accounts = database.accounts();
    let ann = register(&accounts, "ann").await;
    let created =
        accounts.sessions().begin(&ann, SessionKind::Cookie, Some("Firefox\n")).await.unwrap();
    let session = accounts.sessions().resolve(&created.token).await.unwrap().unwrap();
    assert_eq!(*session, created.session);
    assert_eq!((&session.account, &*session.name), (&ann.id, "ann"));
    assert_eq!(session.role, ann.role);
    let secret = created.token.rsplit('_').next().unwrap();
    let id = DocumentId::parse(&session.id).unwrap();
    assert!(!database.raw("isobase_sessions", &id).await.contains(secret));
    assert!(!format!("{created:?}").contains(secret));
    let listed = accounts.sessions().list(&ann).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].agent.as_deref(), Some("Firefox"));
    let other = format!("ises_{}_{}", session.id, "0".repeat(48));
    for wrong in ["", "x", "ises_", &other, &created.token[1..], secret] {
        assert!(!is_valid(&accounts, wrong).await, "{wrong}");
    }
}

#[tokio::test]
async fn a_session_ends_by_itself_unless_it_is_renewed() {
    let database = Database::new();
    let accounts = database.accounts();
    let ann = register(&accounts, "ann").await;
    let (left, renewed) = (begin(&accounts, &ann).await, begin(&accounts, &ann).await);
    database.pass(Duration::from_secs(20 * 86_400));
    let until = accounts.sessions().renew(id_of(&renewed)).await.unwrap().unwrap();
    database.pass(Duration::from_secs(10 * 86_400));
    assert!(!is_valid(&accounts, &left).await);
    assert_eq!(accounts.sessions().renew(id_of(&left)).await.unwrap(), None);
    let session = accounts.sessions().resolve(&renewed).await.unwrap().unwrap();
    assert_eq!(session.expires_at, until);
    assert_eq!(accounts.sessions().list(&ann).await.unwrap().len(), 1);
}

#[tokio::test]
async fn another_account_ends_no_session() {
    let accounts = Database::new().accounts();
    let (ann, eve) = (register(&accounts, "ann").await, register(&accounts, "eve").await);
    let token = begin(&accounts, &ann).await;
    let sessions = accounts.sessions();
    assert!(!sessions.end(&eve.id, id_of(&token)).await.unwrap());
    assert!(!sessions.end(&ann.id, "nothing").await.unwrap());
    assert!(is_valid(&accounts, &token).await);
    assert!(sessions.end(&ann.id, id_of(&token)).await.unwrap());
    assert!(!is_valid(&accounts, &token).await);
    assert!(!sessions.end(&ann.id, id_of(&token)).await.unwrap());
}

#[tokio::test]
async fn what_happens_to_an_account_ends_its_sessions() {
    let accounts = Database::new().accounts();
    let ann = register(&accounts, "ann").await;
    let (kept, other) = (begin(&accounts, &ann).await, begin(&accounts, &ann).await);
    let ann = accounts.set_password(&ann, "another", Some(id_of(&kept))).await.unwrap();
    assert!(is_valid(&accounts, &kept).await && !is_valid(&accounts, &other).await);
    assert!(accounts.sign_in("ann", "secret", ADDRESS).await.is_err());
    assert!(accounts.sign_in("ann", "another", ADDRESS).await.is_ok());
    let later = begin(&accounts, &ann).await;
    accounts.end_sessions(&ann, Some(id_of(&later))).await.unwrap();
    assert!(is_valid(&accounts, &later).await && !is_valid(&accounts, &kept).await);
    let ann = accounts.get(&ann.id).await.unwrap().unwrap();
    let ann = accounts.set_disabled(&ann, true).await.unwrap();
    assert!(!is_valid(&accounts, &later).await);
    let ann = accounts.set_disabled(&ann, false).await.unwrap();
    assert!(!is_valid(&accounts, &later).await);
    let last = begin(&accounts, &ann).await;
    accounts.delete(&ann).await.unwrap();
    assert!(!is_valid(&accounts, &last).await);
}

#[tokio::test]
async fn the_sessions_of_an_account_are_bounded() {
    let database = Database::new();
    let accounts = database.accounts();
    let ann = register(&accounts, "ann").await;
    let mut tokens = Vec::new();
    for _ in 0..SESSIONS_PER_ACCOUNT_MAX + 3 {
        database.pass(Duration::from_secs(1));
        tokens.push(begin(&accounts, &ann).await);
    }
    assert_eq!(accounts.sessions().list(&ann).await.unwrap().len(), SESSIONS_PER_ACCOUNT_MAX);
    assert!(!is_valid(&accounts, &tokens[2]).await);
    assert!(is_valid(&accounts, &tokens[3]).await);
}

/// Two services on one database, both of which keep sessions in memory.
#[tokio::test]
async fn a_revocation_reaches_other_services() {
    let database = Database::new();
    let services = [database.accounts(), database.accounts()].map(Arc::new);
    let followers: Vec<_> = services
        .iter()
        .map(|service| {
            let service = Arc::clone(service);
            tokio::spawn(async move { service.sessions().follow().await })
        })
        .collect();
    let [here, there] = &services;
    let id = register(here, "ann").await.id;
    for round in 0..20 {
        let ann = here.get(&id).await.unwrap().unwrap();
        let (revoked, kept) = (begin(here, &ann).await, begin(here, &ann).await);
        for token in [&revoked, &kept] {
            assert!(is_valid(here, token).await && is_valid(there, token).await);
        }
        match round % 2 {
            0 => assert!(here.sessions().end(&ann.id, id_of(&revoked)).await.unwrap()),
            _ => here.end_sessions(&ann, Some(id_of(&kept))).await.unwrap(),
        }
        assert!(!is_valid(here, &revoked).await, "at once where it was ended");
        let ended = async {
            while is_valid(there, &revoked).await {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, ended).await.expect("it ends there too");
        assert!(is_valid(here, &kept).await && is_valid(there, &kept).await);
    }
    followers.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn use_of_a_session_is_noted_to_the_minute() {
    let database = Database::new();
    let (here, there) = (database.accounts(), database.accounts());
    let ann = register(&here, "ann").await;
    let (token, unused) = (begin(&here, &ann).await, begin(&here, &ann).await);
    assert!(is_valid(&here, &token).await);
    let used = async |accounts: &Accounts| {
        let listed = accounts.sessions().list(&ann).await.unwrap();
        let of = |token: &str| listed.iter().find(|it| it.id == id_of(token)).unwrap();
        (of(&token).last_used_at.map(|at| at.unix_us), of(&unused).last_used_at)
    };
    let minute = 1_800_000_000_000_000;
    assert_eq!(used(&here).await, (Some(minute), None));
    assert_eq!(used(&there).await, (None, None), "it is not noted yet");
    here.sessions().note_used().await.unwrap();
    assert_eq!(used(&there).await, (Some(minute), None));
    database.pass(Duration::from_secs(90));
    assert!(is_valid(&there, &token).await);
    there.sessions().note_used().await.unwrap();
    assert_eq!(used(&here).await, (Some(minute + 60_000_000), None));
    // Nothing is kept of sessions that are no more.
    here.sessions().end(&ann.id, id_of(&token)).await.unwrap();
    begin(&here, &ann).await;
    let id = DocumentId::parse(&format!("use:{}", id_of(&token))).unwrap();
    let collection = isobase_types::CollectionName::new("isobase_uses").unwrap();
    assert_eq!(database.store.system().get(&collection, &id).await.unwrap(), None);
}
