//! The CouchDB of the suite answers as CouchDB 3.5.0 did when it was measured.

use std::net::SocketAddr;

use isobase_testkit::http::{self, Response};
use isobase_testkit::{couchdb_url, unique_name};
use serde_json::{Value, json};

/// A database of its own on the shared server.
struct Database {
    address: SocketAddr,
    name: String,
}

impl Database {
    fn new() -> Option<Self> {
        let url = couchdb_url()?;
        let address = url.trim_start_matches("http://").parse().expect("the URL has a port");
        let database = Self { address, name: unique_name("testkit") };
        assert_eq!(database.request("PUT", "", &[], "").status, 201);
        Some(database)
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let path = format!("/{}{path}", self.name);
        let headers = [headers, &[("Content-Type", "application/json")]].concat();
        http::request(self.address, method, &path, &headers, body.as_bytes()).unwrap()
    }

    fn json(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.request(method, path, &[], &body.to_string());
        (answer.status, answer.json().unwrap())
    }

    /// Writes a document that is not there, and gives back its revision.
    fn create(&self, id: &str) -> String {
        let (status, answer) = self.json("PUT", &format!("/{id}"), &json!({}));
        assert_eq!(status, 201, "{answer}");
        answer["rev"].as_str().unwrap().to_owned()
    }
}

/// Runs a test where there is a server.
fn with_database(test: impl FnOnce(Database)) {
    let Some(database) = Database::new() else {
        #[expect(clippy::print_stderr, reason = "a test that does not run must say so")]
        return eprintln!("NOT RUN: there is no CouchDB (ISOBASE_TEST_COUCHDB_URL is not set)");
    };
    test(database);
}

#[test]
fn keeps_numbers_and_order_of_members() {
    with_database(|database| {
        let body =
            r#"{"b":1,"10":12345678901234567890123,"9":1.0,"a":1e2,"é":"\u00e9\ud83d\ude00"}"#;
        assert_eq!(database.request("PUT", "/x", &[], body).status, 201);
        let text = database.request("GET", "/x", &[], "").text();
        let kept = r#","b":1,"10":12345678901234567890123,"9":1.0,"a":100.0,"é":"é😀"}"#;
        assert!(text.trim_end().ends_with(kept), "{text}");
        for refused in [r#"{"a":1e400}"#, r#"{"a":"\ud800"}"#, r#"{"_a":1}"#, "[]", "{", ""] {
            assert_eq!(database.request("PUT", "/y", &[], refused).status, 400, "{refused}");
        }
    });
}

#[test]
fn orders_ids_by_their_bytes() {
    with_database(|database| {
        let ids = ["10", "9", "Z", "a", "b", "é", "Ａ", "😀"];
        let docs: Vec<_> = ids.iter().rev().map(|id| json!({"_id": id})).collect();
        assert_eq!(database.json("POST", "/_bulk_docs", &json!({"docs": docs})).0, 201);
        let listed = |query: &str| {
            let answer = database.request("GET", &format!("/_all_docs{query}"), &[], "");
            let rows = answer.json().unwrap()["rows"].take();
            let ids =
                rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned());
            ids.collect::<Vec<_>>()
        };
        assert_eq!(listed(""), ids);
        assert_eq!(listed("?startkey=%22b%22&limit=2"), ["b", "é"]);
        assert_eq!(listed("?descending=true&startkey=%22a%22&endkey=%229%22"), ["a", "Z", "9"]);
        assert_eq!(listed("?endkey=%229%22&inclusive_end=false"), ["10"]);
    });
}

#[test]
fn a_revision_in_if_match_decides() {
    with_database(|database| {
        let first = database.create("x");
        let quoted = format!("\"{first}\"");
        let answer = database.request("PUT", "/x", &[("If-Match", &quoted)], r#"{"a":2}"#);
        assert_eq!(answer.status, 201);
        let stale = database.request("PUT", "/x", &[("If-Match", &quoted)], r#"{"a":3}"#);
        assert_eq!(stale.status, 409);
        let read = database.request("GET", "/x", &[], "");
        let etag = read.header("etag").unwrap();
        assert_eq!(Some(etag), answer.header("etag"));
        assert_eq!(database.request("GET", "/x", &[("If-None-Match", etag)], "").status, 304);
        let two = database.request("PUT", &format!("/x?rev={first}"), &[("If-Match", etag)], "{}");
        assert_eq!(two.status, 400);
    });
}

#[test]
fn a_deletion_needs_the_revision_and_stays_visible() {
    with_database(|database| {
        let first = database.create("x");
        assert_eq!(database.request("DELETE", "/x", &[], "").status, 409);
        assert_eq!(database.request("DELETE", "/x?rev=nonsense", &[], "").status, 400);
        assert_eq!(database.request("DELETE", "/none?rev=1-a", &[], "").status, 404);
        let answer = database.request("DELETE", &format!("/x?rev={first}"), &[], "");
        assert_eq!(answer.status, 200);
        let gone = answer.json().unwrap()["rev"].as_str().unwrap().to_owned();
        let missing = database.request("GET", "/x", &[], "");
        assert_eq!(
            (missing.status, missing.json().unwrap()["reason"].take()),
            (404, json!("deleted"))
        );
        let tombstone = database.request("GET", &format!("/x?rev={gone}"), &[], "");
        assert_eq!(
            (tombstone.status, tombstone.json().unwrap()["_deleted"].take()),
            (200, json!(true))
        );
        let row = database
            .json("POST", "/_all_docs?include_docs=true", &json!({"keys": ["x", "none"]}))
            .1;
        let value = json!({"rev": gone, "deleted": true});
        assert_eq!(row["rows"][0], json!({"id": "x", "key": "x", "value": value, "doc": null}));
        assert_eq!(row["rows"][1], json!({"key": "none", "error": "not_found"}));
        assert!(database.create("x").starts_with("3-"), "the history goes on");
    });
}

#[test]
fn takes_an_invented_revision_unless_it_is_empty() {
    with_database(|database| {
        assert_eq!(database.json("PUT", "/never?rev=1-abc", &json!({})).0, 409);
        database.create("x");
        let (status, answer) = database.json("PUT", "/never?rev=1-abc", &json!({}));
        assert_eq!(status, 201);
        assert!(answer["rev"].as_str().unwrap().starts_with("2-"));
    });
}

#[test]
fn refuses_what_couchdb_refuses() {
    with_database(|database| {
        let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(8_000_001));
        let answer = database.request("PUT", "/large", &[], &large);
        assert_eq!(answer.status, 413);
        assert_eq!(answer.json().unwrap()["error"], "document_too_large");
        assert_eq!(database.json("PUT", "/_x", &json!({})).0, 400);
        assert_eq!(database.json("POST", "/_bulk_docs", &json!({"docs": [{"_id": "_x"}]})).0, 400);
        assert_eq!(database.request("PUT", "", &[], "").status, 412);
        for (name, status) in [("Upper", 400), ("1", 400), (&*"a".repeat(239), 400), ("none", 404)]
        {
            let method = if status == 404 { "DELETE" } else { "PUT" };
            let answer = http::request(database.address, method, &format!("/{name}"), &[], b"");
            assert_eq!(answer.unwrap().status, status, "{name}");
        }
    });
}

#[test]
fn the_same_write_twice_is_a_conflict() {
    with_database(|database| {
        let first = database.create("x");
        let draft = json!({"_id": "x", "_rev": first, "v": 1});
        let both = database.json("POST", "/_bulk_docs", &json!({"docs": [draft, draft]})).1;
        assert_eq!((&both[0]["ok"], &both[1]["error"]), (&json!(true), &json!("conflict")));
        let again = database.json("POST", "/_bulk_docs", &json!({"docs": [draft]})).1;
        assert_eq!(again[0]["error"], "conflict");
    });
}

#[test]
fn of_racing_writers_one_wins() {
    with_database(|database| {
        let first = database.create("x");
        let statuses = std::thread::scope(|scope| {
            let write = |number: usize| {
                let (path, body) = (format!("/x?rev={first}"), format!(r#"{{"n":{number}}}"#));
                database.request("PUT", &path, &[], &body).status
            };
            let threads = [0, 1, 2, 3, 4, 5, 6, 7].map(|number| scope.spawn(move || write(number)));
            threads.map(|thread| thread.join().unwrap())
        });
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 7, "{statuses:?}");
    });
}
