//! Checks that travel with a batch see documents as they are at the commit. They have no interface
//! of their own: a subject that is reached over one only has those of the service.

use std::sync::{Arc, Mutex};

use isobase_store::{
    Action, Atomicity, Current, Idempotency, IfMissing, Others, Precondition, ProposedWrite,
    Referred, Rejection, Store, WriteBatch, WriteCheck, WriteOperation, WriteOutcome,
};
use isobase_types::{CollectionName, DocumentId, FieldPath};

use crate::{RefusalKind, Shared, check::*};

/// Documents are their owner's, and `n` only grows by one.
#[derive(Debug, Default)]
struct Rules {
    seen: Mutex<Vec<String>>,
}

impl WriteCheck for Rules {
    fn needs_before(&self) -> bool {
        true
    }

    fn shows(&self, _collection: &CollectionName, _id: &DocumentId, document: Current<'_>) -> bool {
        !document.body.contains("\"owner\":\"other\"")
    }

    fn check(&self, write: &ProposedWrite<'_>, _: &mut dyn Others) -> Result<(), Rejection> {
        let before = write.before.map_or("-", |before| before.body);
        let seen = format!("{} {before} {}", write.kind().as_str(), write.after.unwrap_or("-"));
        let mut all = self.seen.lock().unwrap();
        // An engine may decide an operation more than once.
        if all.last() != Some(&seen) {
            all.push(seen);
        }
        let (before, after) =
            (write.before.and_then(|b| number(b.body)), write.after.and_then(number));
        match (before, after) {
            (Some(before), Some(after)) if after != before + 1 => Err(Rejection::Forbidden {
                code: "n_grows".to_owned(),
                message: "n grows by one".to_owned(),
            }),
            _ => Ok(()),
        }
    }
}

fn number(body: &str) -> Option<i64> {
    serde_json::from_str::<serde_json::Value>(body).unwrap()["n"].as_i64()
}

fn id(text: &str) -> DocumentId {
    DocumentId::parse(text).unwrap()
}

fn put(key: &str, body: &str) -> Action {
    Action::Put { id: id(key), body: body.to_owned(), if_missing: IfMissing::Create }
}

fn patch(key: &str, patch: &str) -> Action {
    Action::Patch { id: id(key), patch: isobase_types::json::Patch::Merge(patch.to_owned()) }
}

async fn write_checked(
    store: &Store,
    rules: &Arc<Rules>,
    action: Action,
    precondition: Precondition,
) -> WriteOutcome {
    let operation = WriteOperation { collection: name("a"), action, precondition };
    let check: Arc<dyn WriteCheck> = rules.clone();
    let batch = WriteBatch { operations: vec![operation], idempotency: None, checks: vec![check] };
    store.write(batch, Atomicity::EachAlone).await.unwrap().outcomes.remove(0)
}

fn name(text: &str) -> CollectionName {
    CollectionName::new(text).unwrap()
}

fn is_forbidden(outcome: &WriteOutcome) -> bool {
    matches!(outcome, Err(Rejection::Forbidden { code, .. }) if code == "n_grows")
}

pub(crate) async fn checks_see_before_and_after(s: Shared) {
    let Some(store) = s.store() else { return };
    let rules = Arc::new(Rules::default());
    let any = Precondition::None;
    let created = Action::Create { body: r#"{"n":1}"#.to_owned() };
    let created = write_checked(store, &rules, created, any.clone()).await.unwrap().id;
    let delete = Action::Delete { id: created };
    for action in [put("k", r#"{"n":1}"#), put("k", r#"{"n":2}"#), patch("k", r#"{"n":3,"m":0}"#)] {
        write_checked(store, &rules, action, any.clone()).await.unwrap();
    }
    assert!(is_forbidden(
        &write_checked(store, &rules, patch("k", r#"{"n":5}"#), any.clone()).await
    ));
    write_checked(store, &rules, delete, any).await.unwrap();
    let expected = [
        r#"created - {"n":1}"#,
        r#"updated {"n":1} {"n":2}"#,
        r#"updated {"n":2} {"n":3,"m":0}"#,
        r#"updated {"n":3,"m":0} {"n":5,"m":0}"#,
        r#"deleted {"n":1} -"#,
    ];
    assert_eq!(*rules.seen.lock().unwrap(), expected);
    assert_eq!(text(&s, "a", "k").await.unwrap(), r#"{"n":3,"m":0,"id":"k"}"#);
}

pub(crate) async fn hidden_documents_are_not_found(s: Shared) {
    let Some(store) = s.store() else { return };
    let rules = Arc::new(Rules::default());
    put_new(&s, "a", "theirs", r#"{"owner":"other"}"#).await;
    let delete = || Action::Delete { id: id("theirs") };
    for action in [put("theirs", "{}"), patch("theirs", "{}"), delete()] {
        for precondition in [
            Precondition::None,
            Precondition::Missing,
            Precondition::Exists,
            Precondition::RevisionIn(vec![isobase_types::Revision::from_number(9)]),
        ] {
            let refused = match precondition {
                Precondition::None | Precondition::Missing => Rejection::NotFound,
                _ => Rejection::RevisionConflict { current: None },
            };
            let outcome = write_checked(store, &rules, action.clone(), precondition).await;
            assert_eq!(outcome, Err(refused), "{action:?}");
        }
    }
    assert_eq!(*rules.seen.lock().unwrap(), [""; 0]);
}

pub(crate) async fn check_and_schema_both_hold(s: Shared) {
    s.set_schema("a", Some(r#"{"properties":{"n":{"type":"integer"}}}"#)).await.unwrap();
    let Some(store) = s.store() else {
        let kind = refused(&s, "a", crate::Operation::create(r#"{"n":"x"}"#)).await;
        return assert_eq!(kind, RefusalKind::SchemaViolation);
    };
    let rules = Arc::new(Rules::default());
    let any = Precondition::None;
    let outcome = write_checked(store, &rules, put("k", r#"{"n":"x"}"#), any.clone()).await;
    assert!(matches!(outcome, Err(Rejection::SchemaViolation { .. })), "{outcome:?}");
    write_checked(store, &rules, put("k", r#"{"n":1}"#), any.clone()).await.unwrap();
    assert!(is_forbidden(&write_checked(store, &rules, put("k", r#"{"n":7}"#), any).await));
}

pub(crate) async fn checks_hold_under_races(s: Shared) {
    let Some(store) = s.store() else { return };
    put_new(&s, "a", "k", r#"{"n":0}"#).await;
    let writes = (0..20).map(|_| {
        let (store, rules) = (store.clone(), Arc::new(Rules::default()));
        tokio::spawn(async move {
            write_checked(&store, &rules, put("k", r#"{"n":1}"#), Precondition::None).await
        })
    });
    let mut won = 0;
    for outcome in futures_util::future::join_all(writes).await {
        match outcome.unwrap() {
            Ok(_) => won += 1,
            refused => assert!(is_forbidden(&refused), "{refused:?}"),
        }
    }
    assert_eq!(won, 1);
}

pub(crate) async fn forbidden_writes_are_replayed(s: Shared) {
    let Some(store) = s.store() else { return };
    put_new(&s, "a", "k", r#"{"n":0}"#).await;
    for _ in 0..2 {
        let operations = vec![
            WriteOperation {
                collection: name("a"),
                action: put("k", r#"{"n":2}"#),
                precondition: Precondition::None,
            },
            WriteOperation {
                collection: name("a"),
                action: put("k", r#"{"n":1}"#),
                precondition: Precondition::None,
            },
        ];
        let check: Arc<dyn WriteCheck> = Arc::new(Rules::default());
        let idempotency = Some(Idempotency { key: [7; 32], fingerprint: [8; 32] });
        let batch = WriteBatch { operations, idempotency, checks: vec![check] };
        let report = store.write(batch, Atomicity::EachAlone).await.unwrap();
        assert!(is_forbidden(&report.outcomes[0]) && report.outcomes[1].is_ok(), "{report:?}");
    }
    assert_eq!(text(&s, "a", "k").await.unwrap(), r#"{"n":1,"id":"k"}"#);
}

/// `a.team` refers to `teams`, and a team that is referred to stays.
#[derive(Debug)]
struct References;

impl WriteCheck for References {
    fn needs_before(&self) -> bool {
        false
    }

    fn shows(&self, _collection: &CollectionName, _id: &DocumentId, _: Current<'_>) -> bool {
        true
    }

    fn check(&self, write: &ProposedWrite<'_>, others: &mut dyn Others) -> Result<(), Rejection> {
        let (teams, team) = (name("teams"), FieldPath::parse("team").unwrap());
        match (write.collection == &teams, write.after, write.id) {
            (true, None, Some(id)) => {
                match others.is_referred_to(&name("a"), &team, id, &|_| false) {
                    Referred::Yes | Referred::NoIndex => {
                        Err(Rejection::Referenced { collection: name("a"), field: team })
                    }
                    Referred::No | Referred::Unknown => Ok(()),
                }
            }
            (false, Some(body), _) => {
                let value: serde_json::Value = serde_json::from_str(body).unwrap();
                let Some(text) = value["team"].as_str() else { return Ok(()) };
                match others.exists(&teams, &id(text)) {
                    Some(false) => {
                        Err(Rejection::ReferenceNotFound { field: team, collection: teams })
                    }
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

async fn write_referring(
    store: &Store,
    atomicity: Atomicity,
    operations: Vec<(&str, Action)>,
) -> Vec<WriteOutcome> {
    let operations = operations.into_iter().map(|(collection, action)| WriteOperation {
        collection: name(collection),
        action,
        precondition: Precondition::None,
    });
    let checks: Vec<Arc<dyn WriteCheck>> = vec![Arc::new(References)];
    let batch = WriteBatch { operations: operations.collect(), idempotency: None, checks };
    store.write(batch, atomicity).await.unwrap().outcomes
}

fn remove(key: &str) -> Action {
    Action::Delete { id: id(key) }
}

const MEMBER: &str = r#"{"team":"t"}"#;

pub(crate) async fn checks_ask_for_other_documents(s: Shared) {
    let Some(store) = s.store() else { return };
    let each = Atomicity::EachAlone;
    let refused =
        |outcome: &WriteOutcome| matches!(outcome, Err(Rejection::ReferenceNotFound { .. }));
    let outcomes = write_referring(store, each, vec![("a", put("k", MEMBER))]).await;
    assert!(refused(&outcomes[0]), "{outcomes:?}");
    // Earlier operations of a batch count, also deletions.
    let operations = vec![
        ("a", put("k", MEMBER)),
        ("teams", put("t", "{}")),
        ("a", put("k", MEMBER)),
        ("teams", put("u", "{}")),
        ("teams", remove("u")),
        ("a", put("l", r#"{"team":"u"}"#)),
    ];
    s.create_index("a", "team").await.unwrap();
    let outcomes = write_referring(store, each, operations).await;
    assert!(refused(&outcomes[0]) && refused(&outcomes[5]), "{outcomes:?}");
    assert!(outcomes[1..5].iter().all(Result::is_ok), "{outcomes:?}");
    let patched = write_referring(store, each, vec![("a", patch("k", r#"{"team":"v"}"#))]).await;
    assert!(refused(&patched[0]), "{patched:?}");
}

pub(crate) async fn checks_ask_who_refers(s: Shared) {
    let Some(store) = s.store() else { return };
    let each = Atomicity::EachAlone;
    let held = |outcome: &WriteOutcome| matches!(outcome, Err(Rejection::Referenced { .. }));
    put_new(&s, "teams", "t", "{}").await;
    put_new(&s, "teams", "tt", "{}").await;
    // Without an index no one can tell.
    assert!(held(&write_referring(store, each, vec![("teams", remove("t"))]).await[0]));
    s.create_index("a", "team").await.unwrap();
    for key in ["k", "l"] {
        put_new(&s, "a", key, MEMBER).await;
    }
    let operations = vec![
        ("teams", remove("t")),
        ("teams", remove("tt")),
        ("a", remove("k")),
        ("teams", remove("t")),
    ];
    let outcomes = write_referring(store, each, operations).await;
    assert!(held(&outcomes[0]) && held(&outcomes[3]), "{outcomes:?}");
    assert!(outcomes[1].is_ok() && outcomes[2].is_ok(), "{outcomes:?}");
    let operations = vec![
        ("a", put("m", MEMBER)),
        ("a", patch("l", r#"{"team":null}"#)),
        ("teams", remove("t")),
        ("a", remove("m")),
        ("teams", remove("t")),
    ];
    let outcomes = write_referring(store, each, operations).await;
    assert!(held(&outcomes[2]) && outcomes[4].is_ok(), "{outcomes:?}");
    assert_eq!(text(&s, "teams", "t").await, None);
}

pub(crate) async fn references_hold_under_races(s: Shared) {
    let Some(store) = s.store() else { return };
    s.create_index("a", "team").await.unwrap();
    put_new(&s, "teams", "t", "{}").await;
    let writes = (0..20).map(|n| {
        let store = store.clone();
        let operation = match n % 4 {
            3 => ("teams", remove("t")),
            _ => ("a", Action::Create { body: MEMBER.to_owned() }),
        };
        tokio::spawn(async move {
            write_referring(&store, Atomicity::EachAlone, vec![operation]).await.remove(0)
        })
    });
    let outcomes = futures_util::future::join_all(writes).await;
    let members = ids(&s, "a", &[]).await.len();
    let done = outcomes.into_iter().map(Result::unwrap).filter(Result::is_ok).count();
    match text(&s, "teams", "t").await {
        Some(_) => assert_eq!((members, done), (15, 15)),
        None => assert_eq!((members, done), (0, 1)),
    }
}
