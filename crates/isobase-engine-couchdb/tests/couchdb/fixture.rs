//! Databases of one test.

use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use isobase_engine::listing::id_key;
use isobase_engine_couchdb::{CouchDbDatabase, CouchDbOptions};
use isobase_journal::{
    After, Before, Commit, DocumentDatabase, DocumentKey, DocumentWrite, Head, IndexKey, Meta,
    NativeDocument, StoredAnswer, Tree,
};
use isobase_testkit::{couchdb_url, unique_name};
use isobase_types::{
    Change, ChangeKind, CollectionName, DocumentId, Kept, Revision, Sequence, Timestamp,
};
use reqwest::Method;

use crate::proxy::{Proxy, send};

/// Longest time of a call of a database whose server is well.
const DEADLINE: Duration = Duration::from_secs(20);
/// Of one whose server is not.
pub(crate) const SHORT: Duration = Duration::from_millis(1_500);

/// A prefix of the shared server.
pub(crate) struct Prefix {
    pub(crate) server: String,
    pub(crate) prefix: String,
}

impl Prefix {
    pub(crate) fn options(&self, address: &str) -> CouchDbOptions {
        CouchDbOptions::parse(&format!("couchdb://{address}/{}", self.prefix)).unwrap()
    }

    /// A database that is open, and its head.
    pub(crate) async fn open(&self) -> (CouchDbDatabase, Head) {
        let address = self.server.trim_start_matches("http://").to_owned();
        let native = CouchDbDatabase::new(&self.options(&address), DEADLINE).unwrap();
        let head = native.open().await.unwrap();
        (native, head)
    }

    /// A database behind a proxy, open, and its head.
    pub(crate) async fn open_behind(&self, deadline: Duration) -> (CouchDbDatabase, Head, Proxy) {
        let proxy = Proxy::start(Some(self.server.clone())).await;
        let native = CouchDbDatabase::new(&self.options(&proxy.address), deadline).unwrap();
        let head = native.open().await.unwrap();
        (native, head, proxy)
    }

    /// What another program does.
    pub(crate) async fn foreign(&self, method: Method, path: &str, body: &str) -> (u16, Tree) {
        let path = format!("/{}{path}", self.prefix);
        let (status, body) = send(&self.server, method, &path, body.as_bytes().to_vec()).await;
        (status, Tree::parse(std::str::from_utf8(&body).unwrap()).unwrap())
    }

    /// The databases of this prefix.
    pub(crate) async fn databases(&self) -> Vec<String> {
        let (_, body) = send(&self.server, Method::GET, "/_all_dbs", Vec::new()).await;
        let tree = Tree::parse(std::str::from_utf8(&body).unwrap()).unwrap();
        let names = tree.as_array().unwrap().iter().filter_map(Tree::as_str);
        let ours = names.filter_map(|name| name.strip_prefix(&self.prefix));
        ours.map(str::to_owned).collect()
    }
}

/// Runs a test below a prefix of the shared server, and deletes its databases whatever happens.
pub(crate) fn with_prefix<F: Future<Output = ()>>(test: impl FnOnce(Arc<Prefix>) -> F) {
    let Some(server) = couchdb_url() else {
        return not_run();
    };
    runtime().block_on(async {
        let server = server.trim_end_matches('/').to_owned();
        let prefix = Arc::new(Prefix { server, prefix: format!("{}_", unique_name("couch")) });
        let result = AssertUnwindSafe(test(Arc::clone(&prefix))).catch_unwind().await;
        for database in prefix.databases().await {
            let path = format!("/{}", database.replace('$', "%24"));
            prefix.foreign(Method::DELETE, &path, "").await;
        }
        if let Err(panic) = result {
            resume_unwind(panic);
        }
    });
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[expect(clippy::print_stderr, reason = "a test that does not run must say so")]
fn not_run() {
    eprintln!("NOT RUN: there is no CouchDB (ISOBASE_TEST_COUCHDB_URL is not set)");
}

pub(crate) fn name(text: &str) -> CollectionName {
    CollectionName::new(text).unwrap()
}

pub(crate) fn document_key(collection: &str, id: &str) -> DocumentKey {
    DocumentKey { collection: name(collection), id: DocumentId::parse(id).unwrap() }
}

pub(crate) fn now() -> Timestamp {
    Timestamp { unix_us: 1_795_183_740_123_456 }
}

/// A document as a writer makes it, with its key in the index of ids.
pub(crate) fn after(native: &CouchDbDatabase, id: &DocumentId, body: &str, revision: u64) -> After {
    let (fields, meta) = Meta::of_body(body, native.rules(), Sequence(revision), now(), now());
    After { fields, meta, keys: vec![IndexKey { index: 0, key: id_key(id) }] }
}

pub(crate) async fn read(
    native: &CouchDbDatabase,
    collection: &str,
    id: &str,
) -> Option<NativeDocument> {
    native.read(&[document_key(collection, id)]).await.unwrap().remove(0)
}

pub(crate) async fn body(native: &CouchDbDatabase, collection: &str, id: &str) -> Option<String> {
    read(native, collection, id).await.map(|document| document.body)
}

/// A commit that writes bodies (and deletes where there is none), for documents as they are now.
pub(crate) async fn made(
    native: &CouchDbDatabase,
    head: Head,
    writes: &[(&str, &str, Option<&str>)],
) -> Commit {
    let mut commit = Commit {
        head,
        next: Head { commit: head.commit + 1, ..head },
        documents: Vec::new(),
        changes: Vec::new(),
        untold: Vec::new(),
        answers: Vec::new(),
        bodies: Vec::new(),
        catalogue: Vec::new(),
        at: now(),
    };
    for (collection, id, body) in writes {
        native.prepare_collection(&name(collection)).await.unwrap();
        let document = read(native, collection, id).await;
        let key = document_key(collection, id);
        commit.next.sequence = Sequence(commit.next.sequence.0 + 1);
        let sequence = commit.next.sequence;
        let kind = match (&document, body) {
            (_, None) => ChangeKind::Deleted,
            (None, Some(_)) => ChangeKind::Created,
            (Some(_), Some(_)) => ChangeKind::Updated,
        };
        commit.changes.push(Change {
            sequence,
            collection: key.collection.clone(),
            id: Some(key.id.clone()),
            kind,
            revision: body.map(|_| Revision::from_number(sequence.0)),
            at: now(),
            kept: Kept::default(),
        });
        let before = document.map(|document| Before {
            stamp: document.meta.as_ref().map(|meta| meta.revision),
            tag: document.tag,
            keys: Vec::new(),
        });
        let after = body.map(|body| after(native, &key.id, body, sequence.0));
        commit.documents.push(DocumentWrite { key, before, after });
    }
    commit
}

/// Makes a commit and carries it out; the head after it.
pub(crate) async fn write(
    native: &CouchDbDatabase,
    head: Head,
    writes: &[(&str, &str, Option<&str>)],
) -> Head {
    let commit = made(native, head, writes).await;
    assert_eq!(native.commit(&commit).await.unwrap(), Ok(()));
    commit.next
}

pub(crate) fn answer(key: u8, at_us: i64) -> StoredAnswer {
    StoredAnswer {
        key: [key; 32],
        fingerprint: [1; 32],
        outcomes: format!("[{key}]"),
        at: Timestamp { unix_us: at_us },
    }
}
