//! A caller's view of a store under rules: the same on every engine.

use std::{collections::HashMap, sync::Arc};

use isobase_store::{
    Action, Atomicity, Caller, FeedRequest, IfMissing, IndexDefinition, Precondition, Rejection,
    Rule, RuleAction, RuleBook, Rules, Since, Store, StoreError, StoreOptions, Unruled, User, View,
    WriteBatch, WriteOperation,
};
use isobase_types::{CollectionName, DocumentId, Query, QueryLimits, Revision, json::Patch};

use crate::{Shared, check::*};

const SHARED: &str = "or(owner.eq.@user.id,public.eq.true)";
const OWN: &str = "owner=@user.id";

fn name(text: &str) -> CollectionName {
    CollectionName::new(text).unwrap()
}

fn id(text: &str) -> DocumentId {
    DocumentId::parse(text).unwrap()
}

fn user(number: i64) -> Caller {
    role(number, "user")
}

fn role(number: i64, role: &str) -> Caller {
    Caller::account(Arc::new(User::new(DocumentId::Integer(number), "somebody", role)))
}

fn rules(texts: &[(RuleAction, &str)]) -> Rules {
    texts.iter().fold(Rules::default(), |rules, (action, text)| {
        rules.with(*action, Rule::parse(*action, text).unwrap())
    })
}

/// Documents are their owner's, and some are read by all.
fn owned() -> Rules {
    rules(&[
        (RuleAction::List, SHARED),
        (RuleAction::Create, OWN),
        (RuleAction::Update, OWN),
        (RuleAction::Delete, "or(owner.eq.@user.id,@user.role.eq.editor)"),
    ])
}

fn book(collections: &[(&str, Rules)]) -> Arc<RuleBook> {
    let empty = RuleBook::new(Unruled::Closed);
    Arc::new(
        collections
            .iter()
            .fold(empty, |book, (collection, rules)| book.with(name(collection), rules.clone())),
    )
}

fn view(store: &Store, book: &Arc<RuleBook>, caller: Caller) -> View {
    View::new(store.clone(), Arc::clone(book), caller)
}

fn put(key: &str, body: impl Into<String>) -> Action {
    Action::Put { id: id(key), body: body.into(), if_missing: IfMissing::Create }
}

fn patch(key: DocumentId, text: impl Into<String>) -> Action {
    Action::Patch { id: key, patch: Patch::Merge(text.into()) }
}

async fn write(
    view: &View,
    collection: &str,
    action: Action,
    precondition: Precondition,
) -> Result<isobase_store::WriteOutcome, StoreError> {
    let operation = WriteOperation { collection: name(collection), action, precondition };
    let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
    Ok(view.write(batch, Atomicity::EachAlone).await?.outcomes.remove(0))
}

async fn plant(store: &Store, collection: &str, key: &str, body: &str) {
    let service = view(store, &Arc::default(), Caller::service());
    write(&service, collection, put(key, body), Precondition::None).await.unwrap().unwrap();
}

fn query(text: &str) -> Query {
    let pairs: Vec<_> = text
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Query::parse(&pairs, &QueryLimits::default()).unwrap()
}

/// How an attempt ended, in a word.
fn word<T>(outcome: Result<Result<T, Rejection>, StoreError>) -> &'static str {
    match outcome {
        Ok(Ok(_)) => "done",
        Ok(Err(Rejection::NotFound)) => "missing",
        Ok(Err(Rejection::Forbidden { .. })) => "forbidden",
        Err(StoreError::NotAllowed { .. }) => "closed",
        Ok(Err(other)) => panic!("{other}"),
        Err(other) => panic!("{other}"),
    }
}

/// One attempt of each kind on a document of its own.
async fn attempt(
    store: &Store,
    view: &View,
    collection: &str,
    action: RuleAction,
    body: &str,
) -> &'static str {
    let key = format!("{action}-{}", body.len());
    let any = Precondition::None;
    match action {
        RuleAction::Create => {
            let create = Action::Create { body: body.to_owned() };
            word(write(view, collection, create, any).await)
        }
        RuleAction::List => {
            plant(store, collection, &key, body).await;
            match view.list(&name(collection), &query("")).await {
                Ok(page) if page.documents.iter().any(|it| it.id == id(&key)) => "done",
                Ok(_) => "missing",
                Err(error) => word(Err::<Result<(), _>, _>(error)),
            }
        }
        RuleAction::View => {
            plant(store, collection, &key, body).await;
            let found = view.get(&name(collection), &id(&key)).await;
            word(found.map(|found| found.ok_or(Rejection::NotFound)))
        }
        RuleAction::Update => {
            plant(store, collection, &key, body).await;
            word(write(view, collection, patch(id(&key), r#"{"n":1}"#), any).await)
        }
        RuleAction::Delete => {
            plant(store, collection, &key, body).await;
            word(write(view, collection, Action::Delete { id: id(&key) }, any).await)
        }
    }
}

/// Collection × action × caller, with a document of user 1, one of user 2 and a public one of
/// user 2: what comes of it.
pub(crate) async fn every_action_of_every_caller_is_decided(s: Shared) {
    let Some(store) = s.store() else { return };
    let closed = RuleAction::ALL.map(|action| (action, "false"));
    let open = RuleAction::ALL.map(|action| (action, "true"));
    let editors = RuleAction::ALL.map(|action| (action, "@user.role=editor"));
    let book = book(&[
        ("owned", owned()),
        ("open", rules(&open)),
        ("closed", rules(&closed)),
        ("editors", rules(&editors)),
        ("members", rules(&[(RuleAction::View, "@user")])),
        ("unruled", Rules::default()),
    ]);
    let callers = [
        ("anonymous", Caller::anonymous()),
        ("open", Caller::open()),
        ("user", user(1)),
        ("editor", role(3, "editor")),
        ("service", Caller::service()),
    ];
    // For each caller what comes of the three documents.
    let table: [(&str, RuleAction, [&str; 5]); 14] = [
        ("owned", RuleAction::List, ["m m d", "m m d", "d m d", "m m d", "d d d"]),
        ("owned", RuleAction::View, ["m m d", "m m d", "d m d", "m m d", "d d d"]),
        ("owned", RuleAction::Create, ["c c c", "c c c", "d f f", "f f f", "d d d"]),
        ("owned", RuleAction::Update, ["c c c", "c c c", "d m f", "m m f", "d d d"]),
        ("owned", RuleAction::Delete, ["c c c", "c c c", "d m f", "m m d", "d d d"]),
        ("open", RuleAction::List, ["d d d"; 5]),
        ("open", RuleAction::Update, ["d d d"; 5]),
        ("closed", RuleAction::List, ["c c c", "c c c", "c c c", "c c c", "d d d"]),
        ("closed", RuleAction::Create, ["c c c", "c c c", "c c c", "c c c", "d d d"]),
        ("editors", RuleAction::View, ["c c c", "c c c", "c c c", "d d d", "d d d"]),
        ("editors", RuleAction::Delete, ["c c c", "c c c", "c c c", "d d d", "d d d"]),
        ("members", RuleAction::List, ["c c c", "c c c", "d d d", "d d d", "d d d"]),
        ("members", RuleAction::Update, ["c c c", "c c c", "c c c", "c c c", "d d d"]),
        ("undeclared", RuleAction::View, ["c c c", "d d d", "c c c", "c c c", "d d d"]),
    ];
    let bodies = [r#"{"owner":1}"#, r#"{"owner":2,"a":0}"#, r#"{"owner":2,"public":true}"#];
    for (number, (collection, action, expected)) in table.into_iter().enumerate() {
        for ((who, caller), expected) in callers.iter().zip(expected) {
            // Where each request is dear, one in some is tried, another one for each line.
            if (number + who.len()) % s.abilities().one_in.clamp(1, 3) != 0 {
                continue;
            }
            let view = view(store, &book, caller.clone());
            let mut found = Vec::new();
            for body in bodies {
                found.push(&attempt(store, &view, collection, action, body).await[..1]);
            }
            assert_eq!(found.join(" "), expected, "{collection} {action} {who}");
        }
    }
}

pub(crate) async fn changes_are_shown_to_those_who_could_see_them(s: Shared) {
    let Some(store) = s.store() else { return };
    let book = book(&[("owned", owned())]);
    book.keep_in(store);
    for (key, body) in [
        ("a", r#"{"owner":1}"#),
        ("b", r#"{"owner":2}"#),
        ("b", r#"{"owner":2,"public":true}"#),
        ("b", r#"{"owner":2}"#),
        ("a", r#"{"owner":2}"#),
    ] {
        plant(store, "owned", key, body).await;
    }
    let service = view(store, &book, Caller::service());
    for key in ["a", "b"] {
        let delete = Action::Delete { id: id(key) };
        write(&service, "owned", delete, Precondition::None).await.unwrap().unwrap();
    }
    let seen = |caller| {
        let view = view(store, &book, caller);
        async move { feed(&view, "owned").await }
    };
    assert_eq!(seen(user(1)).await, ["created a", "created b", "deleted b", "deleted a"]);
    assert_eq!(seen(Caller::anonymous()).await, ["created b", "deleted b"]);
    assert_eq!(
        seen(user(2)).await,
        ["created b", "updated b", "updated b", "created a", "deleted a", "deleted b"]
    );
}

async fn feed(view: &View, collection: &str) -> Vec<String> {
    let collection = Some(name(collection));
    let mut request = FeedRequest { since: Since::Start, collection, limit: 3, bodies: false };
    let mut seen = Vec::new();
    loop {
        let page = view.changes(request.clone()).await.unwrap();
        seen.extend(
            page.changes
                .iter()
                .map(|change| format!("{} {}", change.kind.as_str(), change.id.as_ref().unwrap())),
        );
        if !page.more {
            return seen;
        }
        request.since = Since::Place(page.next);
    }
}

pub(crate) async fn a_rule_uses_the_index(s: Shared) {
    let Some(store) = s.store() else { return };
    let book = book(&[("owned", rules(&[(RuleAction::List, OWN)]))]);
    let operations = (0..300).map(|n| {
        let owner = if n % 30 == 0 { 1 } else { 2 };
        let action = put(&format!("k{n:03}"), format!(r#"{{"owner":{owner},"n":{n}}}"#));
        WriteOperation { collection: name("owned"), action, precondition: Precondition::None }
    });
    let operations: Vec<_> = operations.collect();
    for part in operations.chunks(25) {
        let batch = WriteBatch { operations: part.to_vec(), ..WriteBatch::default() };
        store.write(batch, Atomicity::EachAlone).await.unwrap();
    }
    // Far fewer than there are documents: an engine that reads them all is refused (the memory
    // engine, which reads everything always, is not).
    let options = StoreOptions { scan_max: 60, ..StoreOptions::default() };
    let bounded = Store::new(Arc::clone(store.engine()), options);
    let view = view(&bounded, &book, user(1));
    let sorted = query("sort=-n&limit=5");
    let definition = IndexDefinition::parse("owner,-n").unwrap();
    store.create_index(&name("owned"), &definition).await.unwrap();
    let page = view.list(&name("owned"), &sorted).await.unwrap();
    let found: Vec<_> = page.documents.iter().map(|document| document.id.to_string()).collect();
    assert_eq!(found, ["k270", "k240", "k210", "k180", "k150"]);
    let all = isobase_types::Filter::all();
    assert_eq!(view.count(&name("owned"), &all).await.unwrap(), 10);
}

pub(crate) async fn documents_that_leave_a_rule_are_never_shown(s: Shared) {
    let Some(store) = s.store() else { return };
    let book = book(&[("owned", rules(&[(RuleAction::List, OWN)]))]);
    plant(store, "owned", "k", r#"{"owner":2}"#).await;
    let rounds = 20;
    let writer = {
        let store = store.clone();
        tokio::spawn(async move {
            for round in 0..rounds {
                let (mine, theirs) = (
                    format!(r#"{{"owner":1,"n":{round}}}"#),
                    format!(r#"{{"owner":2,"secret":{round}}}"#),
                );
                plant(&store, "owned", "k", &mine).await;
                plant(&store, "owned", "k", &theirs).await;
            }
        })
    };
    let ann = view(store, &book, user(1));
    while !writer.is_finished() {
        let mut seen = ann.list(&name("owned"), &query("")).await.unwrap().documents;
        seen.extend(ann.get(&name("owned"), &id("k")).await.unwrap());
        for document in seen {
            assert!(document.body.starts_with(r#"{"owner":1,"#), "{}", document.body);
        }
        // A write finds the document as it is at the commit: theirs is missing.
        let patch = patch(id("k"), r#"{"touched":true}"#);
        match write(&ann, "owned", patch, Precondition::None).await {
            Ok(Err(Rejection::NotFound)) | Err(StoreError::NotAllowed { .. }) => {}
            other => panic!("{other:?}"),
        }
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
    assert_eq!(
        text(&s, "owned", "k").await.unwrap(),
        format!(r#"{{"owner":2,"secret":{},"id":"k"}}"#, rounds - 1)
    );
}

/// A source of numbers that is the same everywhere: splitmix64.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// One step of a program, the same whatever else is in the collection.
#[derive(Debug)]
enum Step {
    Create(String),
    Put(String, String),
    Patch(Target, String, bool),
    Delete(Target),
    Get(Target),
    List(&'static str),
    Count(&'static str),
    Feed,
    Collections,
    Clear,
}

/// A document that a step names.
#[derive(Clone, Debug)]
enum Target {
    /// The so-and-so-many-th that the program has created.
    Own(u64),
    /// By a text that only the program writes.
    Key(String),
    /// One of somebody else's, if there are any.
    Other(String),
}

fn steps(seed: u64, length: u64) -> Vec<Step> {
    let mut numbers = Numbers(seed);
    let listings = [
        "",
        "sort=-n&limit=3",
        "n[gte]=2",
        "sort=public,-n&limit=2",
        "secret[null]=false",
        "owner=2",
    ];
    (0..length)
        .map(|_| {
            let body = |numbers: &mut Numbers| {
                let (n, public) = (numbers.below(5), numbers.below(2) == 0);
                // Some are refused: they would be another's.
                let owner = if numbers.below(6) == 0 { 2 } else { 1 };
                format!(r#"{{"owner":{owner},"n":{n},"public":{public}}}"#)
            };
            let target = |numbers: &mut Numbers| match numbers.below(3) {
                0 => Target::Own(numbers.below(8)),
                1 => Target::Key(format!("own{}", numbers.below(4))),
                _ => Target::Other(format!("other{}", numbers.below(6))),
            };
            let listing = |numbers: &mut Numbers| listings[numbers.below(6) as usize];
            match numbers.below(20) {
                0..=3 => Step::Create(body(&mut numbers)),
                4..=5 => Step::Put(format!("own{}", numbers.below(4)), body(&mut numbers)),
                6..=8 => {
                    let conditional = numbers.below(3) == 0;
                    Step::Patch(
                        target(&mut numbers),
                        format!(r#"{{"n":{}}}"#, numbers.below(5)),
                        conditional,
                    )
                }
                9..=10 => Step::Delete(target(&mut numbers)),
                11..=12 => Step::Get(target(&mut numbers)),
                13..=15 => Step::List(listing(&mut numbers)),
                16 => Step::Count(listing(&mut numbers)),
                17 => Step::Feed,
                18 => Step::Collections,
                _ => Step::Clear,
            }
        })
        .collect()
}

/// A program under way in one collection, and the names that its answers give to ids and
/// revisions: which numbers they are depends on everybody's writes.
struct Run<'a> {
    view: &'a View,
    collection: &'static str,
    created: Vec<DocumentId>,
    revisions: HashMap<Revision, usize>,
}

impl Run<'_> {
    fn id_of(&self, target: &Target) -> DocumentId {
        match target {
            // One that no one has given out stands for one that was not created.
            Target::Own(n) => self.created.get(*n as usize).cloned().unwrap_or_else(|| id("none")),
            Target::Key(key) | Target::Other(key) => id(key),
        }
    }

    fn shown(&self, id: &DocumentId) -> String {
        match self.created.iter().position(|created| created == id) {
            Some(number) => format!("#{number}"),
            None => id.to_string(),
        }
    }

    fn revision(&mut self, revision: &Revision) -> usize {
        let next = self.revisions.len();
        *self.revisions.entry(revision.clone()).or_insert(next)
    }

    fn outcome(&mut self, outcome: Result<isobase_store::WriteOutcome, StoreError>) -> String {
        match outcome {
            Ok(Ok(written)) => {
                if let (DocumentId::Integer(_), false) =
                    (&written.id, self.created.contains(&written.id))
                {
                    self.created.push(written.id.clone());
                }
                let (id, revision) = (self.shown(&written.id), self.revision(&written.revision));
                format!(
                    "{} {id} r{revision} {}",
                    written.kind.as_str(),
                    written.body.unwrap_or_default()
                )
            }
            Ok(Err(Rejection::RevisionConflict { current })) => {
                let current = current.map(|revision| self.revision(&revision));
                format!("conflict {current:?}")
            }
            Ok(Err(rejection)) => rejection.to_string().replace(self.collection, "_"),
            Err(error) => error.to_string().replace(self.collection, "_"),
        }
    }

    fn document(&mut self, document: &isobase_types::Document) -> String {
        let (id, revision) = (self.shown(&document.id), self.revision(&document.revision));
        format!("{id} r{revision} {}", document.body)
    }

    /// All of a listing: where its pages end is the engine's matter.
    async fn list(&mut self, text: &str) -> String {
        let (collection, query) = (name(self.collection), query(text));
        let mut page = self.view.list(&collection, &query).await.unwrap();
        let mut shown = Vec::new();
        loop {
            shown.extend(page.documents.iter().map(|document| self.document(document)));
            let Some(position) = page.next else { return shown.join(", ") };
            page = self.view.list_next(&collection, &query, &position).await.unwrap();
        }
    }

    async fn feed(&mut self) -> String {
        let collection = Some(name(self.collection));
        let mut request = FeedRequest { since: Since::Start, collection, limit: 100, bodies: true };
        let mut shown = Vec::new();
        loop {
            let page = self.view.changes(request.clone()).await.unwrap();
            for change in &page.changes {
                let id = change.id.as_ref().map(|id| self.shown(id)).unwrap_or_default();
                let revision = change.revision.as_ref().map(|revision| self.revision(revision));
                let body = change.kept.body.text().unwrap_or_default();
                shown.push(format!("{} {id} {revision:?} {body}", change.kind.as_str()));
            }
            if !page.more {
                return shown.join(", ");
            }
            request.since = Since::Place(page.next);
        }
    }

    async fn take(&mut self, step: &Step) -> String {
        let collection = self.collection;
        match step {
            Step::Create(body) => {
                let action = Action::Create { body: body.clone() };
                let outcome = write(self.view, collection, action, Precondition::None).await;
                self.outcome(outcome)
            }
            Step::Put(key, body) => {
                let outcome =
                    write(self.view, collection, put(key, body.as_str()), Precondition::None).await;
                self.outcome(outcome)
            }
            Step::Patch(target, text, conditional) => {
                let precondition =
                    if *conditional { Precondition::Exists } else { Precondition::None };
                let action = patch(self.id_of(target), text.as_str());
                let outcome = write(self.view, collection, action, precondition).await;
                self.outcome(outcome)
            }
            Step::Delete(target) => {
                let action = Action::Delete { id: self.id_of(target) };
                let outcome = write(self.view, collection, action, Precondition::None).await;
                self.outcome(outcome)
            }
            Step::Get(target) => {
                let found = self.view.get(&name(collection), &self.id_of(target)).await.unwrap();
                found.map_or_else(|| "none".to_owned(), |document| self.document(&document))
            }
            Step::List(text) => self.list(text).await,
            Step::Count(text) => {
                let count = self.view.count(&name(collection), &query(text).filter).await.unwrap();
                count.to_string()
            }
            Step::Feed => self.feed().await,
            Step::Collections => {
                let all = self.view.collections().await.unwrap();
                let own = all.into_iter().find(|info| info.name == name(collection));
                own.map_or(0, |info| info.documents).to_string()
            }
            Step::Clear => {
                self.view.delete_collection(&name(collection)).await.unwrap().to_string()
            }
        }
    }
}

/// Two runs of one program, side by side: in one collection it is alone, in the other somebody
/// else writes documents that it may not see.
pub(crate) async fn what_others_have_changes_no_answer(s: Shared) {
    let Some(store) = s.store() else { return };
    let (programs, length) = if s.abilities().one_in > 1 { (1, 40) } else { (8, 80) };
    for seed in 0..programs {
        let (alone, shared): (&'static str, &'static str) =
            (format!("alone{seed}").leak(), format!("shared{seed}").leak());
        // Others' public documents would be seen.
        let private = rules(&[
            (RuleAction::List, OWN),
            (RuleAction::Create, OWN),
            (RuleAction::Update, OWN),
            (RuleAction::Delete, "or(owner.eq.@user.id,@user.role.eq.editor)"),
        ]);
        let book = book(&[(alone, private.clone()), (shared, private)]);
        book.keep_in(store);
        let (ann, service) = (view(store, &book, user(1)), view(store, &book, Caller::service()));
        let run = |collection| Run {
            view: &ann,
            collection,
            created: Vec::new(),
            revisions: HashMap::new(),
        };
        let (mut first, mut second) = (run(alone), run(shared));
        let mut others = Numbers(seed + 1_000);
        for (number, step) in steps(seed, length).iter().enumerate() {
            let key = format!("other{}", others.below(6));
            let action = match others.below(4) {
                0 => Action::Delete { id: id(&key) },
                1 => Action::Create { body: r#"{"owner":2,"n":9,"secret":1}"#.to_owned() },
                n => put(&key, format!(r#"{{"owner":2,"n":{n},"public":true,"secret":1}}"#)),
            };
            write(&service, shared, action, Precondition::None).await.unwrap().ok();
            let (one, two) = (first.take(step).await, second.take(step).await);
            assert_eq!(one, two, "seed {seed}, step {number}: {step:?}");
        }
        let left = service.count(&name(shared), &isobase_types::Filter::all()).await.unwrap();
        assert!(left > ann.count(&name(shared), &isobase_types::Filter::all()).await.unwrap());
    }
}
