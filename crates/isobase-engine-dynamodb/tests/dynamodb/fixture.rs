//! Tables for one test.

use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
    types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType},
};
use futures_util::FutureExt;
use isobase_engine::listing;
use isobase_engine_dynamodb::{DynamoDbCredentials, DynamoDbDatabase, DynamoDbOptions};
use isobase_journal::{
    After, Before, Commit, DocumentDatabase, DocumentKey, DocumentWrite, Head, IndexKey,
    JournalOptions, KeyFetch, Meta, NativeDocument, NativeRules,
};
use isobase_testkit::{dynamodb_url, require_all, unique_name};
use isobase_types::{
    Change, ChangeKind, CollectionName, DocumentId, Kept, Revision, Sequence, Timestamp,
};

pub(crate) const AT: Timestamp = Timestamp { unix_us: 1_700_000_000_000_000 };

/// As [`DocumentDatabase::rules`] says.
const RULES: NativeRules = NativeRules {
    nested_arrays: true,
    empty_names: false,
    dunder_names: true,
    top_level_underscore: true,
    name_bytes_max: 65_535,
    levels_max: 31,
    index_key_bytes_max: 1024,
};

/// Tables under a prefix of their own.
pub(crate) struct Tables {
    pub(crate) options: DynamoDbOptions,
    pub(crate) native: DynamoDbDatabase,
    pub(crate) sdk: Client,
}

/// Runs a test with tables of its own, and deletes them whatever happens.
pub(crate) async fn with_tables(test: impl AsyncFnOnce(&Tables)) {
    let Some(endpoint) = dynamodb_url() else {
        assert!(!require_all(), "there is no DynamoDB");
        #[expect(clippy::print_stderr, reason = "a test that does not run must say so")]
        {
            eprintln!("NOT RUN: there is no DynamoDB, start with `cargo xtask test`");
        }
        return;
    };
    let prefix = format!("{}_", unique_name("dynamodb"));
    let options = options(&endpoint, &prefix);
    let native = DynamoDbDatabase::new(&options, &JournalOptions::default()).await.unwrap();
    assert_eq!(*native.rules(), RULES);
    let tables = Tables { sdk: sdk(&endpoint), options, native };
    let result = AssertUnwindSafe(test(&tables)).catch_unwind().await;
    for table in tables.list().await {
        tables.sdk.delete_table().table_name(table).send().await.unwrap();
    }
    if let Err(panic) = result {
        resume_unwind(panic);
    }
}

pub(crate) fn options(endpoint: &str, prefix: &str) -> DynamoDbOptions {
    let options = DynamoDbOptions::new("us-east-1", prefix).unwrap();
    let mut options = options.with_endpoint(endpoint).unwrap();
    options.credentials = DynamoDbCredentials::Static {
        access_key_id: "test".to_owned(),
        secret_access_key: "test".to_owned(),
        session_token: None,
    };
    options
}

fn sdk(endpoint: &str) -> Client {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .http_client(http)
        .build();
    Client::from_conf(config)
}

impl Tables {
    /// All tables of the prefix.
    pub(crate) async fn list(&self) -> Vec<String> {
        let mut tables = Vec::new();
        let mut pages = self.sdk.list_tables().into_paginator().send();
        while let Some(page) = pages.next().await {
            tables.extend(page.unwrap().table_names.unwrap_or_default());
        }
        tables.retain(|table| table.starts_with(&self.options.prefix));
        tables.sort();
        tables
    }

    /// A table as another program makes it.
    pub(crate) async fn create_table(&self, collection: &str, key: &str) {
        let attribute = AttributeDefinition::builder()
            .attribute_name(key)
            .attribute_type(ScalarAttributeType::S);
        let schema = KeySchemaElement::builder().attribute_name(key).key_type(KeyType::Hash);
        self.sdk
            .create_table()
            .table_name(format!("{}{collection}", self.options.prefix))
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(attribute.build().unwrap())
            .key_schema(schema.build().unwrap())
            .send()
            .await
            .unwrap();
        let describe = || async {
            let table = format!("{}{collection}", self.options.prefix);
            let table = self.sdk.describe_table().table_name(table).send().await.unwrap();
            table.table.unwrap().table_status.unwrap().as_str().to_owned()
        };
        while describe().await != "ACTIVE" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Commits what is given and gives the new head.
    pub(crate) async fn commit(&self, head: Head, documents: Vec<DocumentWrite>) -> Head {
        let commit = commit(head, documents);
        self.native.commit(&commit).await.unwrap().unwrap();
        commit.next
    }

    pub(crate) async fn read(&self, key: &DocumentKey) -> Option<NativeDocument> {
        self.native.read(std::slice::from_ref(key)).await.unwrap().remove(0)
    }

    /// Ids in the order of an index.
    pub(crate) async fn ids(&self, name: &str, fetch: &KeyFetch) -> Vec<String> {
        let fetched = self.native.fetch(&collection(name), fetch).await.unwrap();
        fetched.documents.iter().map(|it| it.document.id.to_string()).collect()
    }
}

pub(crate) fn collection(name: &str) -> CollectionName {
    CollectionName::new(name).unwrap()
}

pub(crate) fn document_key(name: &str, id: &str) -> DocumentKey {
    DocumentKey { collection: collection(name), id: DocumentId::parse(id).unwrap() }
}

pub(crate) fn id_key(id: &str) -> IndexKey {
    let key = listing::id_key(&DocumentId::parse(id).unwrap());
    IndexKey { index: 0, key }
}

/// A document that comes to be, with the key of its id.
pub(crate) fn creation(name: &str, id: &str, revision: u64, body: &str) -> DocumentWrite {
    let key = document_key(name, id);
    let (fields, meta) = Meta::of_body(body, &RULES, Sequence(revision), AT, AT);
    let after = After { fields, meta, keys: vec![id_key(id)] };
    DocumentWrite { key, before: None, after: Some(after) }
}

/// The same over a document that is there.
pub(crate) fn update(was: &NativeDocument, name: &str, revision: u64, body: &str) -> DocumentWrite {
    let id = was.id.to_string();
    let mut write = creation(name, &id, revision, body);
    write.before = Some(before(was, vec![id_key(&id)]));
    write
}

pub(crate) fn deletion(was: &NativeDocument, name: &str) -> DocumentWrite {
    let id = was.id.to_string();
    let before = before(was, vec![id_key(&id)]);
    DocumentWrite { key: document_key(name, &id), before: Some(before), after: None }
}

pub(crate) fn before(was: &NativeDocument, keys: Vec<IndexKey>) -> Before {
    let stamp = was.meta.as_ref().map(|meta| meta.revision);
    Before { tag: was.tag.clone(), stamp, keys }
}

/// A commit of documents, with the changes that tell them.
pub(crate) fn commit(head: Head, documents: Vec<DocumentWrite>) -> Commit {
    let mut sequence = head.sequence.0;
    let changes: Vec<Change> = documents
        .iter()
        .map(|write| {
            sequence += 1;
            Change {
                sequence: Sequence(sequence),
                collection: write.key.collection.clone(),
                id: Some(write.key.id.clone()),
                kind: match (&write.before, &write.after) {
                    (None, _) => ChangeKind::Created,
                    (Some(_), Some(_)) => ChangeKind::Updated,
                    (Some(_), None) => ChangeKind::Deleted,
                },
                revision: Some(Revision::from_number(sequence)),
                at: AT,
                kept: Kept::default(),
            }
        })
        .collect();
    let next = Head { commit: head.commit + 1, sequence: Sequence(sequence), ..head };
    Commit {
        head,
        next,
        documents,
        changes,
        untold: vec![],
        answers: vec![],
        catalogue: vec![],
        bodies: vec![],
        at: AT,
    }
}

/// All of an index.
pub(crate) fn everything(limit: u32) -> KeyFetch {
    KeyFetch { index: 0, lower: Vec::new(), upper: None, reverse: false, limit, bytes_max: 1 << 20 }
}
