//! What callers see and may do under the rules.

use std::{collections::HashMap, sync::Arc};

use isobase_engine::SystemClock;
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_store::{
    Action, Atomicity, Caller, FeedRequest, IfMissing, Keep, Precondition, Rejection, Right, Rule,
    RuleAction, RuleBook, Rules, Schema, Since, Store, StoreError, StoreOptions, Unruled, User,
    View, WriteBatch, WriteOperation, WriteOutcome,
};
use isobase_types::{
    ChangeKind, CollectionName, DocumentId, FieldPath, Query, QueryLimits, json::Patch,
};

fn name(text: &str) -> CollectionName {
    CollectionName::new(text).unwrap()
}

fn id(text: &str) -> DocumentId {
    DocumentId::parse(text).unwrap()
}

fn rules(texts: &[(RuleAction, &str)]) -> Rules {
    texts.iter().fold(Rules::default(), |rules, (action, text)| {
        rules.with(*action, Rule::parse(*action, text).unwrap())
    })
}

/// Notes are their owner's; anybody reads those that are public.
fn notes() -> Rules {
    rules(&[
        (RuleAction::List, "or(owner.eq.@user.id,public.eq.true)"),
        (RuleAction::Create, "owner=@user.id"),
        (RuleAction::Update, "owner=@user.id"),
        (RuleAction::Delete, "or(owner.eq.@user.id,@user.role.eq.admin)"),
    ])
}

fn store() -> Store {
    let engine = MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default());
    Store::new(Arc::new(engine), StoreOptions::default())
}

fn user(number: i64, role: &str) -> Caller {
    Caller::account(Arc::new(User::new(DocumentId::Integer(number), "somebody", role)))
}

/// A store whose notes have rules, and the views of callers on it.
struct World {
    store: Store,
    book: Arc<RuleBook>,
}

impl World {
    fn of(rules: Rules) -> Self {
        Self::with(store(), RuleBook::new(Unruled::Closed).with(name("notes"), rules))
    }

    fn with(store: Store, book: RuleBook) -> Self {
        book.keep_in(&store);
        Self { store, book: Arc::new(book) }
    }

    fn view(&self, caller: Caller) -> View {
        View::new(self.store.clone(), Arc::clone(&self.book), caller)
    }

    async fn put(&self, key: &str, body: &str) {
        write(&self.view(Caller::service()), put(key, body)).await.unwrap().unwrap();
    }
}

fn put(key: &str, body: &str) -> Action {
    Action::Put { id: id(key), body: body.to_owned(), if_missing: IfMissing::Create }
}

fn patch(key: &str, text: &str) -> Action {
    Action::Patch { id: id(key), patch: Patch::Merge(text.to_owned()) }
}

fn delete(key: &str) -> Action {
    Action::Delete { id: id(key) }
}

fn create(body: &str) -> Action {
    Action::Create { body: body.to_owned() }
}

async fn write_if(
    view: &View,
    action: Action,
    precondition: Precondition,
) -> Result<WriteOutcome, StoreError> {
    let operation = WriteOperation { collection: name("notes"), action, precondition };
    let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
    Ok(view.write(batch, Atomicity::EachAlone).await?.outcomes.remove(0))
}

async fn write(view: &View, action: Action) -> Result<WriteOutcome, StoreError> {
    write_if(view, action, Precondition::None).await
}

fn query(text: &str) -> Query {
    let pairs: Vec<_> = text
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Query::parse(&pairs, &QueryLimits::default()).unwrap()
}

async fn ids(view: &View, text: &str) -> Vec<String> {
    let page = view.list(&name("notes"), &query(text)).await.unwrap();
    page.documents.iter().map(|document| document.id.to_string()).collect()
}

fn is_not_allowed<T>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::NotAllowed { .. }))
}

fn is_forbidden(outcome: Result<WriteOutcome, StoreError>) -> bool {
    matches!(outcome.unwrap(), Err(Rejection::Forbidden { .. }))
}

#[tokio::test]
async fn callers_find_what_the_rule_says() {
    let world = World::of(notes());
    for (key, body) in [
        ("a", r#"{"owner":1}"#),
        ("b", r#"{"owner":2}"#),
        ("c", r#"{"owner":"1","public":true,"n":1}"#),
        ("d", "{}"),
    ] {
        world.put(key, body).await;
    }
    let (ann, bob) = (world.view(user(1, "user")), world.view(user(2, "user")));
    let (nobody, service) = (world.view(Caller::anonymous()), world.view(Caller::service()));
    assert_eq!(ids(&ann, "").await, ["a", "c"]);
    assert_eq!(ids(&bob, "").await, ["b", "c"]);
    assert_eq!(ids(&world.view(Caller::open()), "").await, ["c"]);
    assert_eq!(ids(&nobody, "").await, ["c"]);
    assert_eq!(ids(&service, "").await, ["a", "b", "c", "d"]);
    assert_eq!(ids(&ann, "n[null]=true").await, ["a"]);
    let page = ann.list(&name("notes"), &query("page=1&limit=1")).await.unwrap();
    assert_eq!(page.totals.unwrap().documents, 2);
    assert_eq!(ann.count(&name("notes"), &isobase_types::Filter::all()).await.unwrap(), 2);
    assert!(ann.get(&name("notes"), &id("a")).await.unwrap().is_some());
    assert!(ann.get(&name("notes"), &id("b")).await.unwrap().is_none());
    assert_eq!(bob.collections().await.unwrap()[0].documents, 2);
    let document = service.get(&name("notes"), &id("b")).await.unwrap().unwrap();
    assert!(bob.shows(&name("notes"), &document) && !ann.shows(&name("notes"), &document));
}

#[tokio::test]
async fn cursors_go_on_under_the_rule() {
    let world = World::of(notes());
    for n in 0..10 {
        world.put(&format!("k{n}"), &format!(r#"{{"owner":{},"n":{n}}}"#, n % 2)).await;
    }
    let view = world.view(user(1, "user"));
    let (mut found, mut text) = (Vec::new(), "sort=-n&limit=2".to_owned());
    loop {
        let page = view.list(&name("notes"), &query(&text)).await.unwrap();
        found.extend(page.documents.iter().map(|document| document.id.to_string()));
        let Some(next) = page.next else { break };
        text = format!("sort=-n&limit=2&cursor={}", next.cursor());
    }
    assert_eq!(found, ["k9", "k7", "k5", "k3", "k1"]);
}

#[tokio::test]
async fn writes_are_decided_with_before_and_after() {
    let world = World::of(notes());
    for (key, body) in [
        ("mine", r#"{"owner":1}"#),
        ("theirs", r#"{"owner":2}"#),
        ("public", r#"{"owner":2,"public":true}"#),
    ] {
        world.put(key, body).await;
    }
    let ann = world.view(user(1, "user"));
    let gone = |outcome: Result<WriteOutcome, StoreError>| {
        assert_eq!(outcome.unwrap(), Err(Rejection::NotFound));
    };
    write(&ann, create(r#"{"owner":1}"#)).await.unwrap().unwrap();
    assert!(is_forbidden(write(&ann, create(r#"{"owner":2}"#)).await));
    assert!(is_forbidden(write(&ann, create("{}")).await));
    write(&ann, patch("mine", r#"{"n":1}"#)).await.unwrap().unwrap();
    assert!(is_forbidden(write(&ann, patch("mine", r#"{"owner":2}"#)).await));
    assert!(is_forbidden(write(&ann, put("public", r#"{"owner":1}"#)).await));
    assert!(is_forbidden(write(&ann, delete("public")).await));
    for action in [patch("theirs", "{}"), put("theirs", r#"{"owner":1}"#), delete("theirs")] {
        gone(write(&ann, action).await);
    }
    gone(write(&ann, delete("missing")).await);
    write(&world.view(user(3, "admin")), delete("public")).await.unwrap().unwrap();
    write(&ann, delete("mine")).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_hidden_answers_as_missing() {
    let closed = rules(&[(RuleAction::List, "owner=@user.id"), (RuleAction::Update, "true")]);
    for rules in [notes(), closed] {
        let world = World::of(rules);
        world.put("theirs", r#"{"owner":2}"#).await;
        let ann = world.view(user(1, "user"));
        let revision = isobase_types::Revision::from_number(1);
        for precondition in [
            Precondition::None,
            Precondition::Exists,
            Precondition::RevisionIn(vec![revision.clone()]),
            Precondition::RevisionNotIn(vec![revision]),
        ] {
            for action in [patch as fn(&str, &str) -> Action, |key, _| delete(key)] {
                let hidden = write_if(&ann, action("theirs", "{}"), precondition.clone()).await;
                let missing = write_if(&ann, action("missing", "{}"), precondition.clone()).await;
                match (hidden, missing) {
                    (Ok(hidden), Ok(missing)) => assert_eq!(hidden, missing),
                    (hidden, missing) => {
                        assert!(is_not_allowed(hidden) && is_not_allowed(missing));
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn who_may_store_nothing_learns_no_ids() {
    let world =
        World::of(rules(&[(RuleAction::List, "owner=@user.id"), (RuleAction::Update, "true")]));
    world.put("theirs", r#"{"owner":2}"#).await;
    let ann = world.view(user(1, "user"));
    for key in ["theirs", "free"] {
        let outcome = write(&ann, put(key, r#"{"owner":1}"#)).await.unwrap();
        assert_eq!(outcome, Err(Rejection::NotFound), "{key}");
    }
}

#[tokio::test]
async fn rules_compare_old_and_new() {
    let world = World::of(rules(&[
        (RuleAction::List, "true"),
        (RuleAction::Create, "@new.status=draft & @new.author=@user.id"),
        (RuleAction::Update, "author=@user.id & author=@new.author & status[ne]=locked"),
    ]));
    let ann = world.view(user(1, "user"));
    assert!(is_forbidden(write(&ann, create(r#"{"author":1,"status":"sent"}"#)).await));
    let draft = create(r#"{"author":1,"status":"draft"}"#);
    let key = write(&ann, draft).await.unwrap().unwrap().id.to_string();
    write(&ann, patch(&key, r#"{"status":"sent"}"#)).await.unwrap().unwrap();
    assert!(is_forbidden(write(&ann, patch(&key, r#"{"author":2}"#)).await));
    write(&ann, patch(&key, r#"{"status":"locked"}"#)).await.unwrap().unwrap();
    assert!(is_forbidden(write(&ann, patch(&key, r#"{"status":"draft"}"#)).await));
    assert!(is_not_allowed(write(&ann, delete(&key)).await));
}

#[tokio::test]
async fn closed_and_open_hold_without_documents() {
    let book = RuleBook::new(Unruled::Open)
        .with(name("notes"), rules(&[(RuleAction::Delete, "@user.role=admin")]))
        .with(name("free"), Rules::default());
    let open = World::with(store(), book.clone());
    let nobody = open.view(Caller::anonymous());
    write(&nobody, create("{}")).await.unwrap().unwrap();
    assert!(is_not_allowed(write(&nobody, delete("1")).await));
    assert!(is_not_allowed(nobody.get(&name("undeclared"), &id("1")).await));
    let anybody = open.view(Caller::open());
    assert!(anybody.get(&name("undeclared"), &id("1")).await.unwrap().is_none());
    assert!(is_not_allowed(write(&anybody, delete("1")).await));
    let told = book.open_to_all();
    let told: Vec<_> = told.iter().map(|(name, open)| (name.as_str(), open.len())).collect();
    assert_eq!(told, [("free", 5), ("notes", 4)]);

    let closed = World::of(rules(&[(RuleAction::View, "@user")]));
    let (ann, nobody) = (closed.view(user(1, "user")), closed.view(Caller::anonymous()));
    assert_eq!(ids(&ann, "").await, [""; 0]);
    assert!(is_not_allowed(nobody.list(&name("notes"), &query("")).await));
    assert!(is_not_allowed(write(&ann, create("{}")).await));
    let refused = nobody.get(&name("notes"), &id("1")).await.unwrap_err();
    let text = "the view rule of the collection \"notes\" does not allow this without signing in";
    assert_eq!(refused.to_string(), text);
    assert!(closed.book.open_to_all().is_empty());
    assert_eq!(ann.right(&name("notes"), RuleAction::List), Right::All);
}

#[tokio::test]
async fn batches_are_decided_one_by_one() {
    let world = World::of(notes());
    world.put("theirs", r#"{"owner":2}"#).await;
    let ann = world.view(user(1, "user"));
    let operation = |action| WriteOperation {
        collection: name("notes"),
        action,
        precondition: Precondition::None,
    };
    let actions =
        [put("new", r#"{"owner":1}"#), patch("theirs", "{}"), create("{}"), delete("new")];
    let operations: Vec<_> = actions.into_iter().map(operation).collect();
    let batch = WriteBatch { operations, ..WriteBatch::default() };
    let outcomes = ann.write(batch.clone(), Atomicity::EachAlone).await.unwrap().outcomes;
    assert!(outcomes[0].is_ok() && outcomes[3].is_ok(), "{outcomes:?}");
    assert_eq!(outcomes[1], Err(Rejection::NotFound));
    assert!(matches!(outcomes[2], Err(Rejection::Forbidden { .. })));
    let outcomes = ann.write(batch, Atomicity::AllOrNothing).await.unwrap().outcomes;
    assert!(outcomes.iter().all(Result::is_err), "{outcomes:?}");
    assert!(ann.get(&name("notes"), &id("new")).await.unwrap().is_none());
}

#[tokio::test]
async fn collections_are_deleted_as_far_as_rules_reach() {
    let world = World::of(notes());
    for n in 0..7 {
        let body = format!(r#"{{"owner":{},"public":true}}"#, n % 2);
        world.put(&format!("k{n}"), &body).await;
    }
    let ann = world.view(user(1, "user"));
    assert_eq!(ann.delete_collection(&name("notes")).await.unwrap(), 3);
    assert_eq!(ids(&ann, "").await, ["k0", "k2", "k4", "k6"]);
    let admin = world.view(user(9, "admin"));
    assert_eq!(admin.delete_collection(&name("notes")).await.unwrap(), 4);
    let nobody = world.view(Caller::anonymous());
    assert!(is_not_allowed(nobody.delete_collection(&name("notes")).await));
}

/// Kind, id and body of the changes that somebody sees.
async fn changes(view: &View) -> Vec<String> {
    let mut request = FeedRequest { since: Since::Start, collection: None, limit: 2, bodies: true };
    let mut seen = Vec::new();
    loop {
        let page = view.changes(request.clone()).await.unwrap();
        assert!(page.changes.len() <= 2);
        seen.extend(page.changes.iter().map(|change| {
            let id = change.id.as_ref().map_or_else(String::new, ToString::to_string);
            let body = change.kept.body.text().unwrap_or_default();
            format!("{} {id} {body}", change.kind.as_str()).trim_end().to_owned()
        }));
        if !page.more {
            return seen;
        }
        request.since = Since::Place(page.next);
    }
}

#[tokio::test]
async fn changes_are_shown_to_those_who_could_see_them() {
    let world = World::of(notes());
    let service = world.view(Caller::service());
    for action in [
        put("a", r#"{"owner":1}"#),
        put("b", r#"{"owner":2}"#),
        put("b", r#"{"owner":2,"public":true}"#),
        put("a", r#"{"owner":1,"n":1}"#),
        put("b", r#"{"owner":2}"#),
        put("a", r#"{"owner":2}"#),
        delete("a"),
        delete("b"),
    ] {
        write(&service, action).await.unwrap().unwrap();
    }
    let ann = [
        r#"created a {"owner":1}"#,
        r#"created b {"owner":2,"public":true}"#,
        r#"updated a {"owner":1,"n":1}"#,
        "deleted b",
        "deleted a",
    ];
    assert_eq!(changes(&world.view(user(1, "user"))).await, ann);
    let nobody = [r#"created b {"owner":2,"public":true}"#, "deleted b"];
    assert_eq!(changes(&world.view(Caller::anonymous())).await, nobody);
    assert_eq!(changes(&service).await.len(), 8);
    let bob = changes(&world.view(user(2, "user"))).await;
    assert_eq!(bob.len(), 6);
    assert_eq!(bob[4..], ["deleted a", "deleted b"]);
}

#[tokio::test]
async fn older_changes_are_shown_by_the_document_of_today() {
    let world = World::of(notes());
    world.store.keep(&name("notes"), Keep::default());
    for (key, body) in [("a", r#"{"owner":1}"#), ("b", r#"{"owner":2}"#), ("c", r#"{"owner":1}"#)] {
        world.put(key, body).await;
    }
    write(&world.view(Caller::service()), delete("c")).await.unwrap().unwrap();
    assert_eq!(changes(&world.view(user(1, "user"))).await, ["created a"]);
    let request = FeedRequest { since: Since::Start, collection: None, limit: 9, bodies: false };
    let all = world.view(Caller::service()).changes(request).await.unwrap();
    assert_eq!(all.changes[3].kind, ChangeKind::Deleted);
}

#[tokio::test]
async fn hidden_fields_are_neither_shown_nor_asked_for() {
    let schema = r#"{"properties":{"pin":{"type":"string","writeOnly":true},
        "in":{"properties":{"a b":{"writeOnly":true}}}}}"#;
    let schemas = HashMap::from([(name("notes"), Schema::parse(schema.as_bytes()).unwrap())]);
    let book = RuleBook::new(Unruled::Open)
        .with(name("notes"), rules(&[(RuleAction::List, "pin[null]=false")]));
    let world = World::with(store().with_schemas(schemas), book);
    let ann = world.view(user(1, "user"));
    let body = r#"{"pin":"1234","in":{"a b":1,"c":2}}"#;
    let key = write(&ann, create(body)).await.unwrap().unwrap().id;
    let shown = r#"{"in":{"c":2}}"#;
    assert_eq!(ann.get(&name("notes"), &key).await.unwrap().unwrap().body, shown);
    assert_eq!(ann.list(&name("notes"), &query("")).await.unwrap().documents[0].body, shown);
    let patched = write(&ann, patch(&key.to_string(), r#"{"n":1}"#)).await.unwrap().unwrap();
    assert_eq!(patched.body.unwrap(), r#"{"in":{"c":2},"n":1}"#);
    assert_eq!(
        changes(&ann).await,
        [format!("created {key} {shown}"), format!(r#"updated {key} {{"in":{{"c":2}},"n":1}}"#)]
    );
    for text in ["pin=1234", "sort=pin", "or=(n.eq.1,pin.like.1%)", "in[null]=false", "in.a b.c=1"]
    {
        let refused = ann.list(&name("notes"), &query(text)).await.unwrap_err();
        assert!(matches!(refused, StoreError::WriteOnlyField { .. }), "{text}: {refused}");
    }
    let service = world.view(Caller::service());
    let to_all = service.get(&name("notes"), &key).await.unwrap().unwrap();
    assert_eq!(to_all.body, r#"{"in":{"c":2},"n":1}"#);
    let stored = service.store().engine().get(&name("notes"), &key).await.unwrap().unwrap();
    assert_eq!(stored.body, r#"{"pin":"1234","in":{"a b":1,"c":2},"n":1}"#);
}

#[test]
fn rules_that_look_at_the_future_are_refused_where_there_is_none() {
    for action in [RuleAction::List, RuleAction::View, RuleAction::Delete] {
        let refused = Rule::parse(action, "@new.owner=@user.id").unwrap_err().to_string();
        assert!(refused.contains("only the rules create and update"), "{refused}");
        assert!(refused.contains(action.as_str()), "{refused}");
    }
    assert!(
        Rule::parse(RuleAction::Create, "owner=@user.idd")
            .unwrap_err()
            .to_string()
            .contains("character 7")
    );
}

#[test]
fn the_feed_keeps_what_rules_look_at() {
    let book = RuleBook::default().with(name("notes"), notes()).with(
        name("open"),
        rules(&[(RuleAction::List, "@user.role=admin"), (RuleAction::Update, "a=1")]),
    );
    let fields = ["owner", "public"].map(|path| FieldPath::parse(path).unwrap());
    assert_eq!(book.keep(&name("notes")), Keep { bodies: true, former: fields.to_vec() });
    assert_eq!(book.keep(&name("open")), Keep::default());
}
