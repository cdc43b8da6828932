//! Archives: what goes in comes out, and what is damaged is refused before it is used.

use std::{
    fs::File,
    io::{Read, Seek, Write},
    os::unix::fs::FileExt,
    sync::Arc,
};

use isobase_engine::{Action, Engine, IfMissing, Precondition, WriteBatch, WriteOperation};
use isobase_ops::{
    Control, Event, Existing, OpsError, Stage,
    archive::{
        ArchiveError, ArchiveInput, DumpOptions, DumpReport, Passphrase, RestoreOptions, Since,
        dump, last_of, restore, verify,
    },
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
    ArchiveInput::from_file("test.iso", file.try_clone().unwrap(), None)
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
        let input = ArchiveInput::from_stream("damaged.iso", &*damaged, None).unwrap();
        let options = RestoreOptions { existing: Existing::Overwrite, ..RestoreOptions::default() };
        let refused = restore(vec![input], &target, &options, &Control::default()).await;
        assert!(
            matches!(refused, Err(OpsError::Archive { .. })),
            "seed {seed}, round {round}, byte {at}: {refused:?}"
        );
        assert_eq!(contents(&target).await, before);
        assert_eq!(target.bulk_load().unwrap().unfinished().await.unwrap(), None);
    }
    let longer = [&*whole, b"x"].concat();
    let input = ArchiveInput::from_stream("longer.iso", &*longer, None).unwrap();
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
    // Nobody takes what was written for the database.
    assert!(target.bulk_load().unwrap().unfinished().await.unwrap().is_some());
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
        ArchiveInput::from_file("test.iso", file.try_clone().unwrap(), passphrase)
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
    let cut = ArchiveInput::from_stream("cut.iso", cut, passphrase).unwrap();
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
        (b"\x89ISO\r\n\x1a\x02 and what comes then", "version 2"),
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
