//! What a service has stored, read back over HTTP.

use std::collections::{BTreeMap, HashMap};

use isobase::engine::FeedPlace;
use isobase_testkit::TestServer;
use serde_json::Value;

/// A field of all documents of a collection, with `id` and `_meta`.
pub(super) fn documents(server: &TestServer, collection: &str, field: &str) -> Vec<Value> {
    let path = format!("/records/{collection}?meta=true&fields={field}");
    let answer = server.request("GET", &path, &[], b"").unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    match answer.json().unwrap() {
        Value::Array(documents) => documents,
        other => panic!("{path} is {other}"),
    }
}

/// The ids of a collection's documents by their field `key`; no two may have the same.
pub(super) fn ids_by_key(server: &TestServer, collection: &str) -> HashMap<String, u64> {
    let mut ids = HashMap::new();
    for document in documents(server, collection, "key") {
        let key = document["key"].as_str().unwrap().to_owned();
        let twice = ids.insert(key, document["id"].as_u64().unwrap());
        assert_eq!(twice, None, "there are two of {document}");
    }
    ids
}

/// The change feed of all collections as somebody sees it who follows it.
#[derive(Default)]
pub(super) struct Feed {
    /// Counts all changes, as their numbers have no gaps.
    seen: u64,
    /// Where the feed goes on.
    place: Option<String>,
    /// The last revision of every document there is, by collection and id.
    documents: BTreeMap<(String, String), String>,
}

impl Feed {
    /// The number of the last change that was seen.
    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    /// Reads what is new. Every number comes once, in order, and each change fits what was
    /// before.
    pub(super) fn catch_up(&mut self, server: &TestServer) {
        loop {
            let since = self.place.as_deref().unwrap_or("0");
            let path = format!("/changes?limit=1000&since={since}");
            let page = server.request("GET", &path, &[], b"").unwrap().json().unwrap();
            for change in page["changes"].as_array().unwrap_or_else(|| panic!("{page}")) {
                self.take(change);
            }
            self.place = page["next"].as_str().map(str::to_owned);
            if page["more"] == false {
                return;
            }
        }
    }

    fn take(&mut self, change: &Value) {
        let place: FeedPlace = change["place"].as_str().unwrap().parse().unwrap();
        assert_eq!(place.sequence.0, self.seen + 1, "{change}");
        self.seen += 1;
        let document = (change["collection"].as_str().unwrap().into(), change["id"].to_string());
        let revision = || change["revision"].as_str().unwrap().to_owned();
        let before = match change["kind"].as_str().unwrap() {
            "created" => self.documents.insert(document, revision()).is_none(),
            "updated" => self.documents.insert(document, revision()).is_some(),
            "deleted" => self.documents.remove(&document).is_some(),
            other => panic!("{other} in {change}"),
        };
        assert!(before, "{change} does not fit the changes before it");
    }

    /// Asserts that what the feed told is what there is: no document is missing in it, and none
    /// is in it that was never stored.
    pub(super) fn assert_complete(&mut self, server: &TestServer) {
        self.catch_up(server);
        let names = server.request("GET", "/collections", &[], b"").unwrap().json().unwrap();
        let mut stored = BTreeMap::new();
        for name in names["collections"].as_array().unwrap() {
            let name = name.as_str().unwrap();
            for document in documents(server, name, "id") {
                let revision = document["_meta"]["revision"].as_str().unwrap().to_owned();
                stored.insert((name.to_owned(), document["id"].to_string()), revision);
            }
        }
        assert_eq!(self.documents.len(), stored.len());
        assert!(self.documents == stored, "the feed tells other revisions than the documents");
    }
}
