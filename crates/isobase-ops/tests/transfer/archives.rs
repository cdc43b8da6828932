//! Archives: what goes in comes out, and what is damaged is refused before it is used.

use std::{
    fs::File,
    io::{Read, Seek, Write},
    os::unix::fs::FileExt,
    sync::Arc,
};

use isobase_engine::{Action, Engine, IfMissing, Precondition, WriteBatch, WriteOperation};
use isobase_ops::{
    Control, CopyOptions, Event, Existing, OpsError, Stage, System,
    archive::{
        ArchiveError, ArchiveInput, DumpOptions, DumpReport, Passphrase, RestoreOptions, Since,
        dump, last_of, restore, verify,
    },
    copy,
};
use isobase_types::{CollectionName, DocumentId};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio_util::sync::CancellationToken;

use crate::{
    fixture::{Fixture, Kind, memory},
    pairs::contents,
    torture,
};

/// Dumps into a file.
async fn dump_to_file(engine: &Arc<dyn Engine>, options: &DumpOptions) -> (File, DumpReport) {
    let file = tempfile::tempfile().unwrap();
    let out = Box::new(file.try_clone().unwrap());
    let report = dump(engine, out, options, &Control::default()).await.unwrap();
    (file, report)
}

fn input(file: &File) -> ArchiveInput {
    ArchiveInput::from_file("test.isobase", file.try_clone().unwrap(), None)
}

/// What was written after an archive.
async fn since(file: &File) -> DumpOptions {
    let last = last_of(vec![input(file)], &Control::default()).await.unwrap();
    DumpOptions { since: Some(Since::after(last)), ..DumpOptions::default() }
}

async fn restored(inputs: Vec<ArchiveInput>) -> Arc<dyn Engine> {
    let target = memory();
    let options = RestoreOptions::default();
    restore(inputs, &target, &options, &Control::default()).await.unwrap();
    target
}

async fn put(engine: &Arc<dyn Engine>, collection: &str, id: &str, body: &str) {
    let operation = WriteOperation {
        collection: CollectionName::new(collection).unwrap(),
        action: Action::Put {
            id: DocumentId::parse(id).unwrap(),
            body: body.to_owned(),
            if_missing: IfMissing::Create,
        },
        precondition: Precondition::None,
    };
    let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
    assert!(engine.write(batch).await.unwrap().outcomes[0].is_ok());
}

async fn delete(engine: &Arc<dyn Engine>, collection: &str, id: &str) {
    let operation = WriteOperation {
        collection: CollectionName::new(collection).unwrap(),
        action: Action::Delete { id: DocumentId::parse(id).unwrap() },
        precondition: Precondition::Exists,
    };
    let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
    assert!(engine.write(batch).await.unwrap().outcomes[0].is_ok());
}

async fn through_an_archive(kind: Kind) {
    let Some(fixture) = Fixture::new(kind) else { return };
    let seed = memory();
    torture::write(&seed, torture::small()).await;
    let options = DumpOptions { source: "memory:".to_owned(), ..DumpOptions::default() };
    let (file, report) = dump_to_file(&seed, &options).await;
    assert!(report.footer.one_moment);
    let target = fixture.open_for_load().await;
    let options = RestoreOptions::default();
    let control = Control::default();
    let restored = restore(vec![input(&file)], &target, &options, &control).await.unwrap();
    assert_eq!(restored.indexes, ["small: name", "small: even,-n", "empty: unique(n)"]);
    assert_eq!(contents(&seed).await, contents(&target).await);
    let again = dump_to_file(&target, &DumpOptions::default()).await.1;
    assert_eq!(again.footer.collections, report.footer.collections);
    let refused = restore(vec![input(&file)], &target, &options, &control).await.unwrap_err();
    assert!(matches!(refused, OpsError::NotEmpty { .. }), "{refused:?}");
    fixture.close(target).await;
    let opened = fixture.open().await.unwrap();
    assert_eq!(contents(&seed).await, contents(&opened).await);
    fixture.close(opened).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_through_an_archive() {
    through_an_archive(Kind::Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_through_an_archive() {
    through_an_archive(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_through_an_archive() {
    through_an_archive(Kind::Postgres).await;
}

/// A source without snapshots of one moment is written while it is dumped: one archive has what was
/// there and what changed.
async fn written_meanwhile(kind: Kind) {
    let Some(fixture) = Fixture::new(kind) else { return };
    let source = fixture.open().await.unwrap();
    for id in ["a", "b", "c"] {
        put(&source, "notes", id, "{\"n\":1}").await;
    }
    let writer = source.clone();
    let observer = move |event: &Event| {
        if matches!(event, Event::Began(Stage::Load)) {
            let write = async {
                put(&writer, "notes", "b", "{\"n\":2}").await;
                delete(&writer, "notes", "c").await;
                put(&writer, "others", "d", "{}").await;
            };
            let runtime = tokio::runtime::Handle::current();
            tokio::task::block_in_place(|| runtime.block_on(write));
        }
    };
    let file = tempfile::tempfile().unwrap();
    let out = Box::new(file.try_clone().unwrap());
    let control = Control::new(observer, CancellationToken::new());
    let report = dump(&source, out, &DumpOptions::default(), &control).await.unwrap();
    assert!(report.footer.one_moment && report.footer.deletions > 0, "{:?}", report.footer);
    let target = restored(vec![input(&file)]).await;
    assert_eq!(contents(&source).await, contents(&target).await);
    fixture.close(source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn couchdb_is_written_while_it_is_dumped() {
    written_meanwhile(Kind::Couchdb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn firestore_is_written_while_it_is_dumped() {
    written_meanwhile(Kind::Firestore).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_follow_an_archive() {
    let source = memory();
    for n in 0..100 {
        put(&source, "a", &format!("x{n}"), "{\"v\":1}").await;
        put(&source, "b", &format!("x{n}"), "{\"v\":1}").await;
    }
    let (base, _) = dump_to_file(&source, &DumpOptions::default()).await;
    put(&source, "a", "x1", "{\"v\":2}").await;
    delete(&source, "a", "x2").await;
    source.delete_collection(&CollectionName::new("b").unwrap()).await.unwrap();
    put(&source, "b", "x1", "{\"v\":3}").await;
    put(&source, "c", "x1", "{}").await;
    let (changes, second) = dump_to_file(&source, &since(&base).await).await;
    assert_eq!((second.footer.documents, second.footer.deletions), (3, 1));
    delete(&source, "c", "x1").await;
    put(&source, "a", "x2", "{\"v\":4}").await;
    let (more, _) = dump_to_file(&source, &since(&changes).await).await;
    let (none, fourth) = dump_to_file(&source, &since(&more).await).await;
    assert_eq!(fourth.footer.documents, 0);

    let all = || vec![input(&base), input(&changes), input(&more), input(&none)];
    let target = restored(all()).await;
    assert_eq!(contents(&source).await, contents(&target).await);
    let report = verify(all(), &Control::default()).await.unwrap();
    assert_eq!(report.documents, 101);
    assert_eq!(report.archives.len(), 4);

    for chain in [
        vec![input(&changes)],
        vec![input(&base), input(&more)],
        vec![input(&base), input(&more), input(&changes)],
        vec![input(&base), input(&changes), input(&changes)],
    ] {
        let target = memory();
        let refused =
            restore(chain, &target, &RestoreOptions::default(), &Control::default()).await;
        let Err(OpsError::Archive { source: ArchiveError::Gap { .. }, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert!(contents(&target).await.1.is_empty());
    }
    let other = memory();
    let (options, control) = (since(&base).await, Control::default());
    let refused = dump(&other, Box::new(std::io::sink()), &options, &control).await;
    assert!(matches!(refused, Err(OpsError::OtherSource { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_do_not_continue_an_archive_are_refused() {
    let name = |name: &str| CollectionName::new(name).unwrap();
    let source = memory();
    for collection in ["a", "b", "c"] {
        put(&source, collection, "x", "{}").await;
    }
    let of = |collections: &[&str], source: &str| DumpOptions {
        collections: collections.iter().map(|it| name(it)).collect(),
        source: source.to_owned(),
        ..DumpOptions::default()
    };
    let (some, _) = dump_to_file(&source, &of(&["b", "a"], "test:one")).await;
    put(&source, "a", "y", "{}").await;
    let (out, control) = (|| Box::new(std::io::sink()), Control::default());
    for other in [of(&[], "test:one"), of(&["a"], "test:one"), of(&["a", "c"], "test:one")] {
        let options = DumpOptions { since: since(&some).await.since, ..other };
        let refused = dump(&source, out(), &options, &control).await.unwrap_err();
        let OpsError::OtherCollections { archive, .. } = &refused else { panic!("{refused:?}") };
        assert_eq!(archive, "a, b");
    }
    let other = DumpOptions { since: since(&some).await.since, ..of(&["a", "b"], "test:two") };
    let refused = dump(&source, out(), &other, &control).await.unwrap_err();
    assert!(matches!(refused, OpsError::OtherDatabase { .. }), "{refused:?}");
    let elsewhere = memory();
    for n in 0..9 {
        put(&elsewhere, "a", &format!("k{n}"), "{}").await;
    }
    let named = DumpOptions { since: since(&some).await.since, ..of(&["a", "b"], "test:one") };
    let refused = dump(&elsewhere, out(), &named, &control).await.unwrap_err();
    assert!(matches!(refused, OpsError::OtherHistory { .. }), "{refused:?}");

    let same = DumpOptions { since: since(&some).await.since, ..of(&["a", "b", "a"], "test:one") };
    let (changes, _) = dump_to_file(&source, &same).await;
    let target = restored(vec![input(&some), input(&changes)]).await;
    assert_eq!(contents(&target).await.1[&name("a")].documents, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_damaged_archives_are_refused() {
    let source = memory();
    for n in 0..2000 {
        put(&source, "a", &format!("x{n}"), &format!("{{\"n\":{n}}}")).await;
    }
    let (mut file, _) = dump_to_file(&source, &DumpOptions::default()).await;
    let mut whole = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut whole).unwrap();
    let target = memory();
    put(&target, "theirs", "x", "{}").await;
    let before = contents(&target).await;
    let seed = 20_261_120;
    let mut random = StdRng::seed_from_u64(seed);
    for round in 0..100 {
        let mut damaged = whole.clone();
        let at = random.random_range(0..whole.len());
        if round < 50 {
            damaged.truncate(at);
        } else {
            damaged[at] ^= 1 << random.random_range(0..8);
        }
        let input = ArchiveInput::from_stream("damaged.isobase", &*damaged, None).unwrap();
        let options = RestoreOptions { existing: Existing::Overwrite, ..RestoreOptions::default() };
        let refused = restore(vec![input], &target, &options, &Control::default()).await;
        assert!(
            matches!(refused, Err(OpsError::Archive { .. })),
            "seed {seed}, round {round}, byte {at}: {refused:?}"
        );
        assert_eq!(contents(&target).await, before);
        assert_eq!(target.unfinished().await.unwrap(), None);
    }
    let longer = [&*whole, b"x"].concat();
    let input = ArchiveInput::from_stream("longer.isobase", &*longer, None).unwrap();
    assert!(verify(vec![input], &Control::default()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_changes_after_the_check_is_refused() {
    let (first, second) = (memory(), memory());
    put(&first, "a", "x", "{\"n\":1}").await;
    put(&second, "a", "x", "{\"n\":2}").await;
    let (file, _) = dump_to_file(&first, &DumpOptions::default()).await;
    let (mut other, _) = dump_to_file(&second, &DumpOptions::default()).await;
    let mut whole = Vec::new();
    other.rewind().unwrap();
    other.read_to_end(&mut whole).unwrap();
    let overwritten = file.try_clone().unwrap();
    let swap = move |event: &Event| {
        if matches!(event, Event::Began(Stage::Load)) {
            overwritten.set_len(0).unwrap();
            overwritten.write_all_at(&whole, 0).unwrap();
        }
    };
    let control = Control::new(swap, CancellationToken::new());
    let target = memory();
    let refused = restore(vec![input(&file)], &target, &RestoreOptions::default(), &control).await;
    let Err(OpsError::Archive { source, .. }) = refused else { panic!("{refused:?}") };
    assert!(source.to_string().contains("changed while it was read"), "{source}");
    // No one takes what was written for the database.
    assert!(target.unfinished().await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_archive_wants_its_passphrase() {
    let source = memory();
    for n in 0..1000 {
        put(&source, "secrets", &format!("x{n}"), &format!("{{\"secret\":{n}}}")).await;
    }
    let passphrase = Passphrase::new("correct horse battery staple");
    let options = DumpOptions { passphrase: passphrase.clone(), ..DumpOptions::default() };
    let (mut file, report) = dump_to_file(&source, &options).await;
    assert!(report.encrypted);
    let opened = |file: &File, passphrase| {
        ArchiveInput::from_file("test.isobase", file.try_clone().unwrap(), passphrase)
    };
    let target = restored(vec![opened(&file, passphrase.clone())]).await;
    assert_eq!(contents(&source).await, contents(&target).await);
    for (given, expected) in
        [(None, "no passphrase was given"), (Passphrase::new("wrong"), "another passphrase")]
    {
        let refused = verify(vec![opened(&file, given)], &Control::default()).await.unwrap_err();
        let OpsError::Archive { source, .. } = refused else { panic!("{refused:?}") };
        assert!(source.to_string().contains(expected), "{source}");
    }
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("secrets"));
    let cut = &bytes[..bytes.len() / 2];
    let cut = ArchiveInput::from_stream("cut.isobase", cut, passphrase).unwrap();
    assert!(verify(vec![cut], &Control::default()).await.is_err());
    if let Some(path) = std::env::var_os("ISOBASE_TEST_KEEP_ARCHIVE") {
        File::create(path).unwrap().write_all(&bytes).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_files_are_named() {
    for (content, expected) in [
        (&b""[..], "cut off"),
        (b"PK\x03\x04 some other file", "not an archive"),
        (b"\x89ISO\r\n\x1a\x04 and what comes then", "version 4"),
        (b"\x89ISO\r\n\x1a\x00 and what comes then", "version 0"),
        (b"age-encryption.org/v1\n-> X25519 abc\nabc\n--- abc\n", "for a key"),
    ] {
        let passphrase = Passphrase::new("x");
        let input = ArchiveInput::from_stream("other", content, passphrase).unwrap();
        let refused = verify(vec![input], &Control::default()).await.unwrap_err();
        let OpsError::Archive { name, source } = refused else { panic!("{refused:?}") };
        assert_eq!(name, "other");
        assert!(source.to_string().contains(expected), "{source}");
    }
}

/// Long documents have frames to themselves, so that what is dumped can always be restored.
#[tokio::test(flavor = "multi_thread")]
async fn long_and_short_documents_come_back() {
    let source = memory();
    for (n, bytes) in
        [10, 3 << 20, 10, 1_000_000, 1_500_000, 1_500_000, 5 << 20, 10].into_iter().enumerate()
    {
        let body = format!("{{\"text\":\"{}\"}}", "x".repeat(bytes));
        put(&source, "a", &format!("x{n}"), &body).await;
    }
    let (file, _) = dump_to_file(&source, &DumpOptions::default()).await;
    let target = restored(vec![input(&file)]).await;
    assert_eq!(contents(&source).await, contents(&target).await);
}

/// Files of version 1 as releases before version 2 wrote them: without an identity in the header.
#[tokio::test]
async fn archives_of_version_1_are_read() {
    let file = |name: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let file = File::open(folder.join(name)).unwrap();
        ArchiveInput::from_file(name, file, None)
    };
    let chain = || vec![file("v1-full.iso"), file("v1-changes.iso")];
    let report = verify(chain(), &Control::default()).await.unwrap();
    assert_eq!((report.documents, report.archives.len()), (6, 2));
    assert!(report.archives.iter().all(|archive| archive.header.identity.is_none()));
    let target = restored(chain()).await;
    let things = CollectionName::new("things").unwrap();
    let texts = CollectionName::new("texts").unwrap();
    let changed = target.get(&texts, &DocumentId::parse("a/b").unwrap()).await.unwrap().unwrap();
    assert_eq!(changed.body, r#"{"x":"changed"}"#);
    let exact = target.get(&things, &DocumentId::from(3)).await.unwrap().unwrap();
    assert_eq!(exact.body, r#"{"n":12345678901234567890,"email":"c@x"}"#);
    let indexes = target.indexes(&things).await.unwrap();
    assert_eq!(indexes[0].definition.to_string(), "n,-email");
    // The next archive of changes may come after one of version 1.
    put(&target, "things", "17", "{}").await;
    let after = Since::after(last_of(chain(), &Control::default()).await.unwrap());
    assert_eq!(after.identity, None);
    let (new, _) = dump_to_file(&target, &DumpOptions::default()).await;
    let mut magic = [0; 8];
    new.read_exact_at(&mut magic, 0).unwrap();
    assert_eq!(magic, [0x89, b'I', b'S', b'O', 0x0d, 0x0a, 0x1a, 2]);
}

/// A service with a key, an account, somebody who is signed in, and documents with a schema.
async fn service() -> Arc<dyn Engine> {
    let engine = memory();
    for (collection, id) in [
        ("things", "1"),
        ("isobase_accounts", "ann"),
        ("isobase_keys", "key:a"),
        ("isobase_schemas", "collection:things"),
        ("isobase_sessions", "s"),
    ] {
        put(&engine, collection, id, "{\"a\":1}").await;
    }
    engine
}

async fn names(engine: &Arc<dyn Engine>) -> Vec<String> {
    let found = engine.collections().await.unwrap();
    found.into_iter().map(|info| info.name.to_string()).collect()
}

const TRAVELLERS: [&str; 4] = ["isobase_accounts", "isobase_keys", "isobase_schemas", "things"];
const WITHOUT_SYSTEM: [&str; 2] = ["isobase_schemas", "things"];

#[tokio::test]
async fn keys_and_accounts_travel_and_sessions_do_not() {
    let source = service().await;
    let (file, report) = dump_to_file(&source, &DumpOptions::default()).await;
    assert_eq!(report.system, TRAVELLERS[..2]);
    assert_eq!(report.system_left_out, ["isobase_sessions"]);
    assert_eq!(names(&restored(vec![input(&file)]).await).await, TRAVELLERS);

    let without = DumpOptions { system: System::LeftOut, ..DumpOptions::default() };
    let (small, report) = dump_to_file(&source, &without).await;
    assert_eq!(report.system, [""; 0]);
    assert_eq!(report.system_left_out, ["isobase_accounts", "isobase_keys", "isobase_sessions"]);
    assert_eq!(names(&restored(vec![input(&small)]).await).await, WITHOUT_SYSTEM);
    // They are of different collections: one does not continue the other.
    let other = DumpOptions { system: System::LeftOut, ..since(&file).await };
    let out = Box::new(std::io::sink());
    let refused = dump(&source, out, &other, &Control::default()).await.unwrap_err();
    assert!(matches!(refused, OpsError::OtherCollections { .. }), "{refused}");

    let target = memory();
    let options = RestoreOptions { system: System::LeftOut, ..RestoreOptions::default() };
    let report = restore(vec![input(&file)], &target, &options, &Control::default()).await.unwrap();
    assert_eq!(report.system_left_out, TRAVELLERS[..2]);
    assert_eq!(names(&target).await, WITHOUT_SYSTEM);
}

#[tokio::test]
async fn a_chain_of_archives_leaves_sessions_out_too() {
    let source = service().await;
    let (base, _) = dump_to_file(&source, &DumpOptions::default()).await;
    put(&source, "isobase_sessions", "t", "{}").await;
    put(&source, "isobase_keys", "key:b", "{}").await;
    let (changes, report) = dump_to_file(&source, &since(&base).await).await;
    assert_eq!((report.footer.documents, report.system), (1, vec!["isobase_keys".to_owned()]));
    assert_eq!(names(&restored(vec![input(&base), input(&changes)]).await).await, TRAVELLERS);
}

#[tokio::test]
async fn a_copy_takes_what_is_of_the_service_or_leaves_it() {
    let (source, control) = (service().await, Control::default());
    let target = memory();
    let report = copy(&source, &target, &CopyOptions::new("a"), &control).await.unwrap();
    assert_eq!(report.system, TRAVELLERS[..2]);
    assert_eq!(report.system_left_out, ["isobase_sessions"]);
    assert_eq!(names(&target).await, TRAVELLERS);

    let target = memory();
    let without = CopyOptions { system: System::LeftOut, ..CopyOptions::new("a") };
    let report = copy(&source, &target, &without, &control).await.unwrap();
    assert_eq!(report.system_left_out, ["isobase_accounts", "isobase_keys", "isobase_sessions"]);
    assert_eq!(names(&target).await, WITHOUT_SYSTEM);
}

/// Without its keys a service would be open.
#[tokio::test]
async fn a_mirror_of_a_source_without_keys_leaves_those_of_the_target() {
    let (source, control) = (memory(), Control::default());
    put(&source, "things", "2", "{}").await;
    for system in [System::Taken, System::LeftOut] {
        let target = service().await;
        let existing = Existing::Mirror;
        let options = CopyOptions { system, existing, ..CopyOptions::new("a") };
        let report = copy(&source, &target, &options, &control).await.unwrap();
        assert!(report.deleted > 0, "the document that only the target has");
        let left = names(&target).await;
        for kept in ["isobase_accounts", "isobase_keys", "isobase_sessions", "things"] {
            assert!(left.iter().any(|name| name == kept), "{kept} of {left:?}");
        }
    }
}
