//! The cases.

use std::sync::Arc;

use futures_util::FutureExt;
use isobase_engine::{
    Action, ChangesRequest, Counters, Engine, ErrorKind, Identity, KEPT_BYTES_MAX, Keep,
    NOTE_BYTES_MAX, SystemClock,
};
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_store::{FeedRequest, ForeignPlace, Since, Store, StoreError, StoreOptions};
use isobase_types::{
    Document, DocumentId, FieldPath, Kept, KeptText, Query, QueryLimits, Revision, Sequence,
    json::Patch,
};

use super::{
    Database,
    check::{
        changes, create, create_once, document, finish, id, index, latest, listed, load,
        load_whole, name, numbered, put, read_rest, size, snapshot, texts, try_write, write,
    },
};
pub(crate) use super::{indexes::*, snapshots::*};
use crate::values::ACCEPTED;

// --- loads -------------------------------------------------------------------------------------

pub(crate) async fn loaded_documents_are_kept_as_they_are(database: Arc<Database>) {
    let engine = database.engine();
    let documents = [
        document("3", 17, r#"{"b":1,"a":[1.50,"é"]}"#),
        document("7", 5, "{}"),
        document("a b", 40, r#"{"x":null}"#),
        document("é", 41, r#"{"id2":"1"}"#),
    ];
    load_whole(&engine, "notes", &documents, 60, 7).await;
    for loaded in &documents {
        let found = engine.get(&name("notes"), &loaded.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(loaded));
    }
    assert_eq!(listed(&engine, "notes", "").await, documents);
    assert_eq!(size(&engine, "notes").await, 4);
}

pub(crate) async fn loaded_values_come_back_exactly(database: Arc<Database>) {
    let engine = database.engine();
    let documents: Vec<Document> = ACCEPTED
        .iter()
        .zip(1..)
        .map(|((_, kept), number)| {
            let body = format!(r#"{{"v":{kept},"in":[{{"v":{kept}}}]}}"#);
            document(&format!("v{number:03}"), number, &body)
        })
        .collect();
    load_whole(&engine, "values", &documents, 1000, 0).await;
    assert_eq!(texts(&listed(&engine, "values", "").await), texts(&documents));
    let mut all = snapshot(&engine).await;
    assert_eq!(read_rest(&mut *all, "values", None, 1 << 20).await, documents);
}

pub(crate) async fn loading_the_same_again_is_harmless(database: Arc<Database>) {
    let engine = database.engine();
    let documents = numbered(1..500);
    engine.mark("first").await.unwrap();
    load(&engine, "notes", &documents).await;
    load(&engine, "notes", &documents).await;
    load(&engine, "notes", &documents[250..]).await;
    load(&engine, "notes", &numbered(400..600)).await;
    finish(&engine, 600, 600).await;
    assert_eq!(size(&engine, "notes").await, 599);
    assert_eq!(listed(&engine, "notes", "").await, numbered(1..600));
}

pub(crate) async fn loaded_document_replaces_one_of_its_id(database: Arc<Database>) {
    let engine = database.engine();
    let first = create(&engine, "notes", r#"{"by":"a write"}"#).await;
    put(&engine, "notes", "x", r#"{"by":"a write"}"#).await;
    assert_eq!(first.id, id("1"));
    // Neither sorted nor each once: the last one counts.
    let loaded = [
        document("x", 30, r#"{"by":"a load"}"#),
        document("2", 31, r#"{"by":"an earlier one"}"#),
        document("1", 32, r#"{"by":"a load"}"#),
        document("2", 33, r#"{"by":"a load"}"#),
    ];
    load_whole(&engine, "notes", &loaded, 40, 2).await;
    let expected = [&loaded[2], &loaded[3], &loaded[0]].map(Document::clone);
    assert_eq!(listed(&engine, "notes", "").await, expected);
    assert_eq!(size(&engine, "notes").await, 3);
}

pub(crate) async fn integer_ids_of_any_size_are_held(database: Arc<Database>) {
    let engine = database.engine();
    let ids = [
        "0",
        "1",
        "4294967296",
        "1099511627775",
        "1099511627776",
        "1700000000000",
        "9007199254740993",
        "9223372036854775806",
        "!",
        "1700000000000a",
        "x",
    ];
    let documents: Vec<Document> =
        ids.iter().zip(1..).map(|(id, n)| document(id, n, &format!(r#"{{"n":{n}}}"#))).collect();
    engine.create_index(&name("ids"), &index("-n")).await.unwrap();
    load_whole(&engine, "ids", &documents, 50, 0).await;
    assert_eq!(listed(&engine, "ids", "").await, documents);
    let mut reversed = documents.clone();
    reversed.reverse();
    assert_eq!(listed(&engine, "ids", "-n").await, reversed);
    let mut all = snapshot(&engine).await;
    assert_eq!(read_rest(&mut *all, "ids", None, 1).await, documents);
    drop(all);
    // They are written like others.
    let large = id("1700000000000");
    let body = r#"{"n":99}"#.to_owned();
    let put =
        Action::Put { id: large.clone(), body, if_missing: isobase_engine::IfMissing::Refuse };
    write(&engine, "ids", vec![put]).await;
    assert_eq!(engine.get(&name("ids"), &large).await.unwrap().unwrap().body, r#"{"n":99}"#);
    assert_eq!(listed(&engine, "ids", "-n").await[0].id, large);
    write(&engine, "ids", vec![Action::Delete { id: large.clone() }]).await;
    assert_eq!(engine.get(&name("ids"), &large).await.unwrap(), None);
    assert_eq!(size(&engine, "ids").await, ids.len() as u64 - 1);
}

pub(crate) async fn own_ids_are_kept_by_every_write(database: Arc<Database>) {
    let engine = database.engine();
    let documents = [
        document("7", 1, r#"{"id":7,"n":1.0}"#),
        document("_x", 2, r#"{"id":{"z":1,"a":[]}}"#),
        document("a/b", 3, r#"{"id":"ext-77","name":"x","b":1}"#),
    ];
    load_whole(&engine, "notes", &documents, 10, 7).await;
    assert_eq!(listed(&engine, "notes", "").await, documents);
    put(&engine, "notes", "_x", "{}").await;
    put(&engine, "notes", "a/b", r#"{"name":"y"}"#).await;
    let patch = |id_text: &str, patch: Patch| Action::Patch { id: id(id_text), patch };
    let merge = Patch::merge(br#"{"id":8,"n":null}"#).unwrap();
    let update = Patch::update(br#"{"increment":{"n":1}}"#).unwrap();
    let json = Patch::json(br#"[{"op":"replace","path":"","value":{"id":1,"c":2}}]"#).unwrap();
    let patches = vec![
        patch("7", update),
        patch("7", merge),
        patch("a/b", json),
        patch("_x", Patch::merge(b"{}").unwrap()),
    ];
    write(&engine, "notes", patches).await;
    let bodies = [r#"{"id":7}"#, r#"{"id":{"z":1,"a":[]}}"#, r#"{"id":"ext-77","c":2}"#];
    let after = listed(&engine, "notes", "").await;
    assert_eq!(after.iter().map(|found| found.body.as_str()).collect::<Vec<_>>(), bodies);
    // Deleted, it is gone for good.
    write(&engine, "notes", vec![Action::Delete { id: id("a/b") }]).await;
    put(&engine, "notes", "a/b", "{}").await;
    assert_eq!(engine.get(&name("notes"), &id("a/b")).await.unwrap().unwrap().body, "{}");
}

pub(crate) async fn revisions_of_other_programs_stay_apart(database: Arc<Database>) {
    let engine = database.engine();
    let foreign = |id: &str, revision: &str| Document {
        revision: Revision::parse(revision).unwrap(),
        ..document(id, 1, "{}")
    };
    let documents = [foreign("a", "foreign-1"), foreign("b", "foreign-2"), document("c", 3, "{}")];
    load_whole(&engine, "notes", &documents, 10, 0).await;
    let before = listed(&engine, "notes", "").await;
    let [a, b, c] = [&before[0], &before[1], &before[2]].map(|found| found.revision.clone());
    assert!(a != b && a != c && b != c, "{a} {b} {c}");
    assert_eq!(c, Revision::from_number(3));
    load_whole(&engine, "notes", &documents, 10, 0).await;
    assert_eq!(listed(&engine, "notes", "").await, before);
    let written = put(&engine, "notes", "a", r#"{"n":1}"#).await;
    assert_eq!(written.revision, Revision::from_number(11));
}

pub(crate) async fn integers_continue_after_the_last(database: Arc<Database>) {
    let engine = database.engine();
    load_whole(&engine, "notes", &numbered(1..11), 100, 20).await;
    assert_eq!(create(&engine, "notes", "{}").await.id, DocumentId::Integer(21));
    assert_eq!(create(&engine, "others", "{}").await.id, DocumentId::Integer(22));
    // Anyone who counts less than there is must not make two documents one.
    load_whole(&engine, "notes", &numbered(40..51), 200, 30).await;
    assert_eq!(create(&engine, "notes", "{}").await.id, DocumentId::Integer(51));
}

pub(crate) async fn next_write_has_the_next_sequence(database: Arc<Database>) {
    let engine = database.engine();
    load_whole(&engine, "notes", &numbered(1..11), 100, 20).await;
    assert_eq!(latest(&engine).await, 100);
    let written = create(&engine, "notes", "{}").await;
    assert_eq!(written.revision, Revision::from_number(101));
    assert_eq!(latest(&engine).await, 101);
}

pub(crate) async fn counters_never_go_back(database: Arc<Database>) {
    let engine = database.engine();
    for _ in 0..5 {
        create(&engine, "notes", "{}").await;
    }
    load_whole(&engine, "others", &numbered(1..3), 2, 2).await;
    let written = create(&engine, "notes", "{}").await;
    assert_eq!((written.id, written.revision), (id("6"), Revision::from_number(6)));
}

pub(crate) async fn feed_begins_anew(database: Arc<Database>) {
    let engine = database.engine();
    for _ in 0..3 {
        create(&engine, "notes", "{}").await;
    }
    let places = Places::of(&engine).await;
    assert!(places.identity.is_first_epoch());
    assert_eq!(places.ask(&engine).await, [None; 3]);
    load_whole(&engine, "others", &numbered(1..11), 50, 20).await;
    for since in [0, 2, 3, 49] {
        let gone = changes(&engine, since).await.unwrap_err();
        assert_eq!(gone.kind, ErrorKind::ChangesGone { oldest: Sequence(50) }, "since {since}");
    }
    let page = changes(&engine, 50).await.unwrap();
    assert_eq!((page.changes.len(), page.next, page.more), (0, Sequence(50), false));
    let written = create(&engine, "notes", "{}").await;
    let page = changes(&engine, 50).await.unwrap();
    assert_eq!(page.changes.len(), 1);
    assert_eq!(page.changes[0].sequence, Sequence(51));
    assert_eq!(page.changes[0].id.as_ref(), Some(&written.id));

    // Anyone who was at a place of before is told so, also by a number that the feed has now.
    let cursor = Some(ForeignPlace::Cursor);
    let is_number =
        |found: Option<ForeignPlace>| matches!(found, Some(ForeignPlace::Number { .. }));
    let [place, number, listing] = places.ask(&engine).await;
    assert_eq!((place, listing), (Some(ForeignPlace::EarlierEpoch), cursor));
    assert!(is_number(number), "{number:?}");
    let renewed = Places::of(&engine).await;
    assert!(renewed.identity != places.identity && !renewed.identity.is_first_epoch());
    drop(engine);
    database.reopen().await;
    let engine = database.engine();
    let [place, number, listing] = renewed.ask(&engine).await;
    assert_eq!((place, listing), (None, None));
    assert!(is_number(number), "{number:?}");
    let other: Arc<dyn Engine> =
        Arc::new(MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default()));
    for _ in 0..52 {
        create(&other, "notes", "{}").await;
    }
    let elsewhere = [Some(ForeignPlace::OtherDatabase), None, cursor];
    assert_eq!(renewed.ask(&other).await, elsewhere);
}

/// Places of a database as callers have them.
struct Places {
    identity: Identity,
    /// After the last write.
    feed: String,
    number: String,
    /// Behind the first note.
    cursor: String,
}

impl Places {
    /// The places at the end of a database with several notes.
    async fn of(engine: &Arc<dyn Engine>) -> Self {
        let store = Store::new(engine.clone(), StoreOptions::default());
        let page = store.changes(feed_since("now")).await.unwrap();
        let listing = store.list(&name("notes"), &first_note(None)).await.unwrap();
        Self {
            identity: page.next.identity,
            feed: page.next.to_string(),
            number: page.next.sequence.to_string(),
            cursor: listing.next.unwrap().cursor().to_owned(),
        }
    }

    /// Why each is refused in a database.
    async fn ask(&self, engine: &Arc<dyn Engine>) -> [Option<ForeignPlace>; 3] {
        let store = Store::new(engine.clone(), StoreOptions::default());
        let why = |error: StoreError| match error {
            StoreError::ForeignPlace(foreign) => foreign,
            error => panic!("{error:?}"),
        };
        let place = store.changes(feed_since(&self.feed)).await.err().map(why);
        let number = store.changes(feed_since(&self.number)).await.err().map(why);
        let query = first_note(Some(&self.cursor));
        [place, number, store.list(&name("notes"), &query).await.err().map(why)]
    }
}

fn feed_since(place: &str) -> FeedRequest {
    FeedRequest { since: Since::parse(place).unwrap(), collection: None, limit: 10, bodies: false }
}

/// One note behind a cursor.
fn first_note(after: Option<&str>) -> Query {
    let limit = [("limit".to_owned(), "1".to_owned())];
    let after = after.map(|cursor| ("cursor".to_owned(), cursor.to_owned()));
    let parameters: Vec<_> = limit.into_iter().chain(after).collect();
    Query::parse(&parameters, &QueryLimits::default()).unwrap()
}

pub(crate) async fn waits_end_with_a_commit(database: Arc<Database>) {
    async fn wait(engine: &Arc<dyn Engine>, since: u64, collection: Option<&str>) {
        engine.wait(Sequence(since), collection.map(name).as_ref()).await.unwrap();
    }
    let engine = database.engine();
    create(&engine, "notes", "{}").await;
    create(&engine, "notes", "{}").await;
    let since = latest(&engine).await;
    // Something was committed already.
    wait(&engine, since - 1, Some("notes")).await;
    let waiting = |since, collection: Option<&'static str>| {
        let engine = engine.clone();
        tokio::spawn(async move { wait(&engine, since, collection).await })
    };
    let (any, notes) = (waiting(since, None), waiting(since, Some("notes")));
    let gone = waiting(since, Some("others"));
    tokio::task::yield_now().await;
    gone.abort();
    create(&engine, "notes", "{}").await;
    any.await.unwrap();
    notes.await.unwrap();
    let whole = waiting(since + 1, Some("notes"));
    engine.delete_collection(&name("notes")).await.unwrap();
    whole.await.unwrap();
    let last = waiting(since + 2, None);
    tokio::task::yield_now().await;
    engine.close().await.unwrap();
    last.await.unwrap();
}

pub(crate) async fn changes_keep_what_they_are_told_to(database: Arc<Database>) {
    let engine = database.engine();
    let owner = FieldPath::parse("owner").unwrap();
    engine.keep(&name("notes"), Keep { bodies: true, former: vec![owner] });
    let short = r#"{"owner":1,"n":1.50}"#;
    let limit = format!("{{\"a\":\"{}\"}}", "x".repeat(KEPT_BYTES_MAX - 8));
    let long = format!("{{\"owner\":2,\"a\":\"{}\"}}", "x".repeat(KEPT_BYTES_MAX));
    put(&engine, "notes", "k", short).await;
    put(&engine, "notes", "k", &limit).await;
    put(&engine, "notes", "k", &long).await;
    write(&engine, "notes", vec![Action::Delete { id: id("k") }]).await;
    put(&engine, "others", "k", short).await;

    let read = async |bodies| {
        let request = ChangesRequest { since: Sequence(0), collection: None, limit: 10, bodies };
        let page = engine.read_changes(&request).await.unwrap();
        page.changes.into_iter().map(|change| change.kept).collect::<Vec<_>>()
    };
    let text = |text: &str| KeptText::Text(text.into());
    let kept = read(true).await;
    assert_eq!(kept[0], Kept { former: KeptText::None, body: text(short) });
    assert_eq!(kept[1], Kept { former: text(r#"{"owner":1}"#), body: text(&limit) });
    // A long one is there, or the change says that it is not.
    assert_eq!(kept[2].former, text("{}"));
    assert!(kept[2].body == text(&long) || kept[2].body == KeptText::Omitted);
    assert_eq!(kept[3], Kept { former: text(r#"{"owner":2}"#), body: KeptText::None });
    assert_eq!(kept[4], Kept::default());

    // Anyone who does not ask for bodies gets none, and everything else.
    let without: Vec<_> = kept.into_iter().map(Kept::without_body).collect();
    assert_eq!(read(false).await, without);
    engine.keep(&name("notes"), Keep::default());
    put(&engine, "notes", "k", short).await;
    assert_eq!(read(true).await[5], Kept::default());
}

pub(crate) async fn answers_outlive_a_load(database: Arc<Database>) {
    let engine = database.engine();
    let first = create_once(&engine, "notes").await;
    let (again, next) = (first.id.clone(), id("21"));
    load_whole(&engine, "others", &numbered(1..11), 50, 20).await;
    assert_eq!(create_once(&engine, "notes").await.id, again);
    assert_eq!(size(&engine, "notes").await, 1);
    assert_eq!(create(&engine, "notes", "{}").await.id, next);
}

pub(crate) async fn note_outlives_the_engine(database: Arc<Database>) {
    let note = |engine: Arc<dyn Engine>| async move { engine.unfinished().await.unwrap() };
    let engine = database.engine();
    assert_eq!(note(engine.clone()).await, None);
    let long = "n".repeat(NOTE_BYTES_MAX);
    engine.mark(&long).await.unwrap();
    assert_eq!(note(engine.clone()).await.as_ref(), Some(&long));
    let refused = engine.mark(&format!("{long}!")).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::LimitExceeded);
    load(&engine, "notes", &numbered(1..100)).await;
    engine.mark("99 are done").await.unwrap();
    drop(engine);
    database.reopen().await;
    let engine = database.engine();
    assert_eq!(note(engine.clone()).await.as_deref(), Some("99 are done"));
    // An unfinished database is read by a snapshot, and by nothing else.
    let read = read_rest(&mut *snapshot(&engine).await, "notes", None, 1 << 20).await;
    assert_eq!(read, numbered(1..100));
    load(&engine, "notes", &numbered(90..200)).await;
    finish(&engine, 300, 250).await;
    assert_eq!(note(engine.clone()).await, None);
    drop(engine);
    database.reopen().await;
    let engine = database.engine();
    assert_eq!(note(engine.clone()).await, None);
    assert_eq!(size(&engine, "notes").await, 199);
    let written = create(&engine, "notes", "{}").await;
    assert_eq!((written.id, written.revision), (id("251"), Revision::from_number(301)));
    assert!(changes(&engine, 299).await.is_err());
}

pub(crate) async fn load_that_was_left_keeps_everybody_out(database: Arc<Database>) {
    async fn is_refused(engine: &Arc<dyn Engine>) {
        let action = Action::Create { body: "{}".to_owned() };
        let refused = [
            try_write(engine, "notes", vec![action]).await.map(drop),
            engine.delete_collection(&name("notes")).await.map(drop),
            engine.create_index(&name("notes"), &index("n")).await.map(drop),
        ];
        for refused in refused {
            let refused = refused.unwrap_err();
            assert_eq!(refused.kind, ErrorKind::Unavailable, "{refused}");
            assert!(refused.message.contains("being loaded"), "{refused}");
        }
    }
    let engine = database.engine();
    // Nothing was begun.
    engine.leave("the first");
    create(&engine, "notes", "{}").await;
    engine.mark("the first").await.unwrap();
    // Anyone who loads may write, as a copy does that follows its source.
    create(&engine, "notes", "{}").await;
    engine.leave("the first");
    is_refused(&engine).await;
    assert_eq!(size(&engine, "notes").await, 2);
    // Another one is begun here; the first one's end is not its own.
    engine.mark("the second").await.unwrap();
    engine.leave("the first");
    create(&engine, "notes", "{}").await;
    engine.leave("the second");
    is_refused(&engine).await;
    drop(engine);
    database.reopen().await;
    let engine = database.engine();
    if engine.unfinished().await.unwrap().is_some() {
        is_refused(&engine).await;
    }
    finish(&engine, 100, 100).await;
    create(&engine, "notes", "{}").await;
    assert_eq!(size(&engine, "notes").await, 4);
}

pub(crate) async fn load_goes_on_no_matter_who_waits_for_it(database: Arc<Database>) {
    let engine = database.engine();
    // Dropped as soon as it has begun: whatever becomes of it, no one writes into half a load.
    let marked = engine.mark("dropped").now_or_never();
    let began = marked.is_none() && engine.unfinished().await.unwrap().is_some();
    let wrote = try_write(&engine, "notes", vec![Action::Create { body: "{}".to_owned() }]).await;
    if began {
        wrote.unwrap_err();
    }
    engine.mark("gone on with").await.unwrap();
    load(&engine, "notes", &numbered(10..20)).await;
    let finished = engine.finish(Counters { sequence: Sequence(50), last_id: 50 });
    drop(finished.now_or_never());
    engine.leave("gone on with");
    finish(&engine, 100, 100).await;
    create(&engine, "notes", "{}").await;
    assert!(size(&engine, "notes").await > 10);
}

pub(crate) async fn unloaded_documents_are_gone(database: Arc<Database>) {
    let engine = database.engine();
    engine.create_index(&name("notes"), &index("-n")).await.unwrap();
    engine.mark("under way").await.unwrap();
    let mut documents = numbered(1..51);
    documents.push(document("x", 60, r#"{"n":60}"#));
    load(&engine, "notes", &documents).await;
    load(&engine, "others", &numbered(1..3)).await;
    let gone: Vec<DocumentId> = ["1", "25", "x", "999", "25"].map(id).into();
    engine.unload(&name("notes"), &gone).await.unwrap();
    engine.unload(&name("notes"), &gone).await.unwrap();
    engine.unload(&name("others"), &[id("1"), id("2")]).await.unwrap();
    engine.unload(&name("unknown"), &gone).await.unwrap();
    finish(&engine, 100, 100).await;
    documents.retain(|document| !gone.contains(&document.id));
    assert_eq!(listed(&engine, "notes", "").await, documents);
    documents.reverse();
    assert_eq!(listed(&engine, "notes", "-n").await, documents);
    assert_eq!(size(&engine, "notes").await, 48);
    let names: Vec<_> = engine.collections().await.unwrap().into_iter().map(|c| c.name).collect();
    assert_eq!(names, [name("notes")]);
}

pub(crate) async fn parallel_loads_lose_nothing(database: Arc<Database>) {
    let engine = database.engine();
    engine.create_index(&name("notes"), &index("-n")).await.unwrap();
    engine.mark("under way").await.unwrap();
    let loads = (0..12_u64).map(|part| {
        let engine = engine.clone();
        tokio::spawn(async move {
            let collection = if part % 3 == 0 { "others" } else { "notes" };
            for begin in [0, 200, 400] {
                let begin = 1 + part * 600 + begin;
                load(&engine, collection, &numbered(begin..begin + 200)).await;
            }
        })
    });
    for load in loads.collect::<Vec<_>>() {
        load.await.unwrap();
    }
    finish(&engine, 10_000, 10_000).await;
    assert_eq!(size(&engine, "notes").await, 8 * 600);
    assert_eq!(size(&engine, "others").await, 4 * 600);
    let mut by_id = listed(&engine, "notes", "").await;
    assert_eq!(by_id.len(), 8 * 600);
    assert!(by_id.is_sorted_by(|a, b| a.id < b.id));
    by_id.reverse();
    assert_eq!(listed(&engine, "notes", "-n").await, by_id);
}

pub(crate) async fn large_documents_come_through(database: Arc<Database>) {
    let engine = database.engine();
    let bytes = engine.limits().document_bytes.max.min(8 << 20);
    // Room for what an engine stores beside the text.
    let text = "\u{e9}".repeat(usize::try_from(bytes).unwrap() * 9 / 20);
    let body = |n| format!(r#"{{"n":{n},"text":"{text}"}}"#);
    let documents: Vec<Document> = (1..=3).map(|n| document(&n.to_string(), n, &body(n))).collect();
    engine.mark("under way").await.unwrap();
    for document in &documents {
        load(&engine, "large", std::slice::from_ref(document)).await;
    }
    load(&engine, "large", &numbered(4..10)).await;
    finish(&engine, 10, 10).await;
    let mut all = snapshot(&engine).await;
    let first = all.read(&name("large"), None, 1 << 10).await.unwrap();
    assert_eq!(first.len(), 1, "a part ends when it is large enough");
    let mut expected = documents.clone();
    expected.extend(numbered(4..10));
    let found = read_rest(&mut *all, "large", None, 1 << 20).await;
    assert!(found == expected, "the large documents are not what was loaded");
}
