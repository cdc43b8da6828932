//! Databases of one test each, and what is written to them.

use std::{collections::BTreeMap, future::Future};

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use isobase_engine_firestore::{Environment, FirestoreDatabase, FirestoreOptions};
use isobase_journal::{
    After, Before, Commit, DocumentDatabase, DocumentKey, DocumentWrite, Head, IndexKey,
    JournalOptions, Meta, StoredAnswer,
};
use isobase_testkit::{FirestoreHost, firestore_hosts, unique_name};
use isobase_types::{
    Change, ChangeKind, CollectionName, DocumentId, Kept, Revision, Sequence, Timestamp,
};
use proto::{
    CommitRequest, Document, Value, Write, firestore_client::FirestoreClient, value::ValueType,
    write,
};
use tonic::transport::{Channel, Endpoint};

/// One test's own database on one emulator.
pub(crate) struct Database {
    pub(crate) host: FirestoreHost,
    pub(crate) project: String,
    pub(crate) native: FirestoreDatabase,
}

/// Runs a test on each emulator.
pub(crate) fn on_each<F>(test: impl Fn(Database) -> F)
where
    F: Future<Output = ()>,
{
    let hosts = firestore_hosts();
    if hosts.is_empty() {
        not_run();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be built");
    for host in hosts {
        runtime.block_on(async { test(Database::new(host).await).await });
    }
}

#[expect(clippy::print_stderr, reason = "a test that does not run must say so")]
fn not_run() {
    eprintln!("NOT RUN: there is no Firestore emulator, start with `cargo xtask test`");
}

impl Database {
    async fn new(host: FirestoreHost) -> Self {
        let project = unique_name("p").replace('_', "-");
        let native = connect(&host.host, &project, "").await;
        native.open().await.expect("the journal is made");
        Self { host, project, native }
    }

    /// Another process on the same database.
    pub(crate) async fn other(&self) -> FirestoreDatabase {
        connect(&self.host.host, &self.project, "").await
    }

    pub(crate) fn documents(&self) -> String {
        format!("projects/{}/databases/(default)/documents", self.project)
    }

    /// Writes a document as another program would.
    pub(crate) async fn write_foreign(&self, path: &str, fields: BTreeMap<String, Value>) {
        let name = format!("{}/{path}", self.documents());
        let document = Document { name, fields, ..Document::default() };
        self.commit_foreign(write::Operation::Update(document)).await;
    }

    pub(crate) async fn delete_foreign(&self, path: &str) {
        let name = format!("{}/{path}", self.documents());
        self.commit_foreign(write::Operation::Delete(name)).await;
    }

    async fn commit_foreign(&self, operation: write::Operation) {
        let write = Write { operation: Some(operation), ..Write::default() };
        let database = format!("projects/{}/databases/(default)", self.project);
        let request = CommitRequest { database, writes: vec![write], ..CommitRequest::default() };
        client(&self.host.host).await.commit(owner(request)).await.expect("a foreign write");
    }

    /// A document as another program reads it.
    pub(crate) async fn read_foreign(&self, path: &str) -> BTreeMap<String, Value> {
        let name = format!("{}/{path}", self.documents());
        let request = proto::GetDocumentRequest { name, ..proto::GetDocumentRequest::default() };
        let found = client(&self.host.host).await.get_document(owner(request)).await;
        found.expect("a document").into_inner().fields
    }

    pub(crate) async fn body(&self, collection: &str, id: &str) -> Option<String> {
        let found = self.native.read(&[key(collection, id)]).await.expect("a read");
        found.into_iter().next().flatten().map(|document| document.body)
    }

    /// Commits documents, each with its change.
    pub(crate) async fn commit(&self, writes: Vec<DocumentWrite>) -> Head {
        let head = self.native.head().await.expect("a head");
        let commit = commit(head, writes);
        self.native.commit(&commit).await.expect("an answer").expect("a commit");
        commit.next
    }
}

/// A database without its engine.
pub(crate) async fn connect(host: &str, project: &str, prefix: &str) -> FirestoreDatabase {
    let url = format!("firestore://{project}?emulator={host}&prefix={prefix}");
    let options = FirestoreOptions::new(&url).expect("a URL");
    let remote = JournalOptions::default();
    let native = FirestoreDatabase::connect(options, &Environment::default(), remote).await;
    native.expect("options are enough for an emulator")
}

pub(crate) async fn client(host: &str) -> FirestoreClient<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{host}")).expect("an address");
    FirestoreClient::new(endpoint.connect().await.expect("the emulator is there"))
}

/// A request of somebody whom an emulator lets do everything.
pub(crate) fn owner<M>(message: M) -> tonic::Request<M> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert("authorization", "Bearer owner".parse().expect("a header"));
    request
}

pub(crate) fn value(value: ValueType) -> Value {
    Value { value_type: Some(value) }
}

pub(crate) fn text(text: &str) -> Value {
    value(ValueType::StringValue(text.to_owned()))
}

pub(crate) fn fields<const N: usize>(fields: [(&str, Value); N]) -> BTreeMap<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

pub(crate) fn collection(name: &str) -> CollectionName {
    CollectionName::new(name).expect("a name")
}

pub(crate) fn key(name: &str, id: &str) -> DocumentKey {
    DocumentKey { collection: collection(name), id: DocumentId::parse(id).expect("an id") }
}

/// A document after a write, with these keys in the indexes 0, 1, …
pub(crate) fn after(native: &FirestoreDatabase, body: &str, keys: &[&[u8]]) -> After {
    after_at(native, body, keys, 1)
}

pub(crate) fn after_at(
    native: &FirestoreDatabase,
    body: &str,
    keys: &[&[u8]],
    revision: u64,
) -> After {
    let at = Timestamp { unix_us: 1_795_183_740_123_456 };
    let (fields, meta) = Meta::of_body(body, native.rules(), Sequence(revision), at, at);
    let keys =
        keys.iter().zip(0..).map(|(key, index)| IndexKey { index, key: key.to_vec() }).collect();
    After { fields, meta, keys }
}

/// A new document whose key in the index of the ids is its id.
pub(crate) fn create(
    native: &FirestoreDatabase,
    collection: &str,
    id: &str,
    body: &str,
) -> DocumentWrite {
    let after = after(native, body, &[id.as_bytes()]);
    DocumentWrite { key: key(collection, id), before: None, after: Some(after) }
}

/// The version of a document that is there.
pub(crate) async fn before(native: &FirestoreDatabase, collection: &str, id: &str) -> Before {
    let found = native.read(&[key(collection, id)]).await.expect("a read");
    let document = found.into_iter().next().flatten().expect("a document");
    let stamp = document.meta.map(|meta| meta.revision);
    Before { tag: document.tag, stamp, keys: Vec::new() }
}

/// A commit of documents for a head.
pub(crate) fn commit(head: Head, documents: Vec<DocumentWrite>) -> Commit {
    let at = Timestamp { unix_us: 1_795_183_740_000_000 };
    let changes: Vec<_> = documents
        .iter()
        .zip(head.sequence.0 + 1..)
        .map(|(write, sequence)| Change {
            sequence: Sequence(sequence),
            collection: write.key.collection.clone(),
            id: Some(write.key.id.clone()),
            kind: ChangeKind::Updated,
            revision: Some(Revision::from_number(sequence)),
            at,
            kept: Kept::default(),
        })
        .collect();
    let sequence = Sequence(head.sequence.0 + changes.len() as u64);
    let next = Head { commit: head.commit + 1, sequence, ..head };
    Commit {
        head,
        next,
        documents,
        changes,
        untold: Vec::new(),
        answers: Vec::new(),
        catalogue: Vec::new(),
        bodies: Vec::new(),
        at,
    }
}

pub(crate) fn answer(byte: u8, at_us: i64) -> StoredAnswer {
    StoredAnswer {
        key: [byte; 32],
        fingerprint: [!byte; 32],
        outcomes: format!("[{byte}]"),
        at: Timestamp { unix_us: at_us },
    }
}
