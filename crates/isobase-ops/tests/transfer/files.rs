//! The bytes of uploaded files travel with the documents that tell of them.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture, stream};
use isobase_engine::{Action, Engine, IfMissing, Precondition, WriteBatch, WriteOperation};
use isobase_ops::{
    Control, CopyOptions, Existing, FileBytes, FilePlace, FilesCopy, OpsError, System,
    archive::{
        ArchiveInput, DumpOptions, DumpReport, RestoreOptions, Since, dump, last_of, restore,
        verify,
    },
    copy, look_at_files,
};
use isobase_types::{CollectionName, DocumentId};
use sha2::{Digest as _, Sha256};

use crate::fixture::{Fixture, Kind, memory};

/// A place in memory, which fails when it is told to.
#[derive(Debug)]
struct Shelf {
    name: &'static str,
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Files that it still takes.
    takes: AtomicUsize,
}

impl Shelf {
    fn new(name: &'static str) -> Arc<Self> {
        let (files, takes) = (Mutex::default(), AtomicUsize::new(usize::MAX));
        Arc::new(Self { name, files, takes })
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.files.lock().unwrap().clone()
    }

    fn set(&self, name: &str, bytes: Option<&[u8]>) {
        let mut files = self.files.lock().unwrap();
        match bytes {
            Some(bytes) => files.insert(name.to_owned(), bytes.to_vec()),
            None => files.remove(name),
        };
    }
}

impl FilePlace for Shelf {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn open<'a>(&'a self, file: &'a str) -> BoxFuture<'a, io::Result<Option<FileBytes>>> {
        let found = self.files.lock().unwrap().get(file).cloned();
        let pieces = |bytes: Vec<u8>| {
            let pieces: Vec<_> = bytes.chunks(70_000).map(|it| Ok(it.to_vec().into())).collect();
            stream::iter(pieces).boxed()
        };
        async move { Ok(found.map(pieces)) }.boxed()
    }

    fn put<'a>(&'a self, file: &'a str, bytes: FileBytes) -> BoxFuture<'a, io::Result<()>> {
        async move {
            if self.takes.fetch_sub(1, Ordering::Relaxed) == 0 {
                return Err(io::Error::other("the disk is gone"));
            }
            let pieces: Vec<bytes::Bytes> = bytes.try_collect().await?;
            self.set(file, Some(&pieces.concat()));
            Ok(())
        }
        .boxed()
    }
}

fn name(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}.bin")
}

/// Bytes of some length, which no compression makes small.
fn bytes(number: usize) -> Vec<u8> {
    let length = [0, 1, 1_500_000, 70_000][number % 4] + number;
    let mut state = number as u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(next).collect()
}

async fn put(engine: &Arc<dyn Engine>, collection: &str, id: &str, body: String) {
    let operation = WriteOperation {
        collection: CollectionName::new(collection).unwrap(),
        action: Action::Put {
            id: DocumentId::parse(id).unwrap(),
            body,
            if_missing: IfMissing::Create,
        },
        precondition: Precondition::None,
    };
    let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
    engine.write(batch).await.unwrap().outcomes[0].as_ref().unwrap();
}

/// Notes an upload and keeps it.
async fn upload(engine: &Arc<dyn Engine>, shelf: &Shelf, number: usize) {
    let bytes = bytes(number);
    let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let body = format!(r#"{{"original":"x","size":{},"sha256":"{sha256}"}}"#, bytes.len());
    shelf.set(&name(number), Some(&bytes));
    put(engine, "isobase_uploads", &name(number), body).await;
}

/// A database with files.
async fn source(count: usize) -> (Arc<dyn Engine>, Arc<Shelf>) {
    let (engine, shelf) = (memory(), Shelf::new("source"));
    put(&engine, "things", "1", "{}".to_owned()).await;
    for number in 0..count {
        upload(&engine, &shelf, number).await;
    }
    (engine, shelf)
}

fn copies(from: &Arc<Shelf>, to: &Arc<Shelf>) -> CopyOptions {
    let files = FilesCopy { from: from.clone(), to: to.clone() };
    CopyOptions { files: Some(files), ..CopyOptions::new("source") }
}

fn dumps(shelf: &Arc<Shelf>) -> DumpOptions {
    DumpOptions { files: Some(shelf.clone()), ..DumpOptions::default() }
}

async fn dump_to_file(engine: &Arc<dyn Engine>, options: &DumpOptions) -> (File, DumpReport) {
    let file = tempfile::tempfile().unwrap();
    let out = Box::new(file.try_clone().unwrap());
    let report = dump(engine, out, options, &Control::default()).await.unwrap();
    (file, report)
}

fn input(file: &File) -> ArchiveInput {
    ArchiveInput::from_file("test.isobase", file.try_clone().unwrap(), None)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_takes_the_files_along() {
    let (engine, shelf) = source(5).await;
    // One was lost, and one was damaged on its disk.
    shelf.set(&name(1), None);
    shelf.set(&name(3), Some(b"other"));
    let control = Control::default();
    let place: Arc<dyn FilePlace> = shelf.clone();
    let looked = look_at_files(&engine, &place, &control).await.unwrap();
    assert_eq!((looked.files, looked.missing_names), (4, vec![name(1)]));
    let (target, other) = (memory(), Shelf::new("target"));
    let report = copy(&engine, &target, &copies(&shelf, &other), &control).await.unwrap();
    let files = report.files.unwrap();
    assert_eq!((files.files, files.written), (3, 3));
    assert_eq!((files.missing, files.missing_names), (1, vec![name(1)]));
    assert_eq!((files.damaged, files.damaged_names), (1, vec![name(3)]));
    let expected = [0, 2, 4].map(|number| (name(number), bytes(number)));
    assert_eq!(other.files(), BTreeMap::from(expected));

    let without = CopyOptions { system: System::LeftOut, ..copies(&shelf, &Shelf::new("none")) };
    let report = copy(&engine, &memory(), &without, &control).await.unwrap();
    assert_eq!(report.files, None);
}

/// On every engine: the target is not whole before its files are there.
async fn goes_on(kind: Kind) {
    let Some(fixture) = Fixture::new(kind) else { return };
    let (engine, shelf) = source(8).await;
    let (other, control) = (Shelf::new("target"), Control::default());
    other.takes.store(3, Ordering::Relaxed);
    let target = fixture.open_for_load().await;
    let options = copies(&shelf, &other);
    let failed = copy(&engine, &target, &options, &control).await.unwrap_err();
    assert!(matches!(failed, OpsError::Files { .. }), "{failed}");
    assert!(target.unfinished().await.unwrap().is_some());
    fixture.close(target).await;

    other.takes.store(usize::MAX, Ordering::Relaxed);
    let target = fixture.open_for_load().await;
    let report = copy(&engine, &target, &options, &control).await.unwrap();
    let files = report.files.unwrap();
    assert!(report.resumed && files.files == 8 && files.written < 8, "{files:?}");
    assert_eq!(other.files(), shelf.files());
    fixture.close(target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_failed_at_a_file_goes_on_in_memory() {
    goes_on(Kind::Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_failed_at_a_file_goes_on_in_sqlite() {
    goes_on(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_failed_at_a_file_goes_on_in_postgres() {
    goes_on(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_failed_at_a_file_goes_on_in_couchdb() {
    goes_on(Kind::Couchdb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_failed_at_a_file_goes_on_in_dynamodb() {
    goes_on(Kind::Dynamodb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_failed_at_a_file_goes_on_in_firestore() {
    goes_on(Kind::Firestore).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_hold_files() {
    let (engine, shelf) = source(6).await;
    shelf.set(&name(1), None);
    shelf.set(&name(3), Some(b"other"));
    let (base, report) = dump_to_file(&engine, &dumps(&shelf)).await;
    let files = report.files.unwrap();
    assert_eq!((files.files, files.missing, files.damaged), (4, 1, 1));
    let last = last_of(vec![input(&base)], &Control::default()).await.unwrap();
    upload(&engine, &shelf, 6).await;
    let changes = DumpOptions { since: Some(Since::after(last)), ..dumps(&shelf) };
    let (changes, report) = dump_to_file(&engine, &changes).await;
    assert_eq!(report.files.unwrap().files, 1, "only the new one");
    let chain = || vec![input(&base), input(&changes)];
    let verified = verify(chain(), &Control::default()).await.unwrap();
    assert_eq!(verified.files, 6);

    let (target, other) = (memory(), Shelf::new("target"));
    let options = RestoreOptions { files: Some(other.clone()), ..RestoreOptions::default() };
    let report = restore(chain(), &target, &options, &Control::default()).await.unwrap();
    let files = report.files.unwrap();
    assert_eq!((files.files, files.written), (5, 5));
    assert_eq!((files.missing_names, files.damaged_names), (vec![name(1)], vec![name(3)]));
    let expected = [0, 2, 4, 5, 6].map(|number| (name(number), bytes(number)));
    assert_eq!(other.files(), BTreeMap::from(expected));

    // Nowhere to put them: that is told.
    let report = restore(chain(), &memory(), &RestoreOptions::default(), &Control::default()).await;
    let report = report.unwrap();
    assert_eq!((report.files, report.files_left_out), (None, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_failed_at_a_file_goes_on() {
    let (engine, shelf) = source(8).await;
    let (file, _) = dump_to_file(&engine, &dumps(&shelf)).await;
    let (target, other) = (memory(), Shelf::new("target"));
    let options = RestoreOptions {
        files: Some(other.clone()),
        existing: Existing::Refuse,
        ..RestoreOptions::default()
    };
    other.takes.store(3, Ordering::Relaxed);
    let failed = restore(vec![input(&file)], &target, &options, &Control::default()).await;
    assert!(matches!(failed, Err(OpsError::Files { .. })), "{failed:?}");
    assert!(target.unfinished().await.unwrap().is_some());
    other.takes.store(usize::MAX, Ordering::Relaxed);
    let report = restore(vec![input(&file)], &target, &options, &Control::default()).await.unwrap();
    assert!(report.resumed && report.files.unwrap().written < 8);
    assert_eq!(other.files(), shelf.files());
}

/// Anyone who writes an archive chooses its names.
#[tokio::test(flavor = "multi_thread")]
async fn files_of_other_names_are_not_written() {
    let (engine, shelf) = (memory(), Shelf::new("source"));
    upload(&engine, &shelf, 1).await;
    for id in ["../evil", ".partial", "a/b"] {
        shelf.set(id, Some(b"x"));
        put(&engine, "isobase_uploads", id, r#"{"size":1,"sha256":""}"#.to_owned()).await;
    }
    let (file, report) = dump_to_file(&engine, &dumps(&shelf)).await;
    assert_eq!(report.files.unwrap().files, 1);
    let (target, other) = (memory(), Shelf::new("target"));
    let options = RestoreOptions { files: Some(other.clone()), ..RestoreOptions::default() };
    restore(vec![input(&file)], &target, &options, &Control::default()).await.unwrap();
    assert_eq!(other.files().len(), 1);
}
