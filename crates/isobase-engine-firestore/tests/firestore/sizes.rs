//! What is refused before it is sent is what Firestore refuses.

use isobase_engine::ErrorKind;
use isobase_engine_firestore::{Environment, FirestoreDatabase, FirestoreOptions};
use isobase_journal::{DocumentDatabase, DocumentWrite, JournalOptions};

use crate::support::{Database, after, before, create, key, on_each};

async fn is_stored(database: &Database, body: &str) -> Result<(), ErrorKind> {
    let native = &database.native;
    let after = after(native, body, &[b"k"]);
    let write = DocumentWrite { key: key("sizes", "x"), before: None, after: Some(after) };
    native.load(vec![write]).await.map_err(|error| error.kind)
}

fn is_refused(database: &Database, body: &str) -> bool {
    let native = &database.native;
    native.refuses_size(&key("a", "x"), &after(native, body, &[b"k"])).is_some()
}

#[test]
fn documents_fit_up_to_a_mebibyte_and_not_beyond() {
    on_each(async |database| {
        let small: Vec<_> = (0..2_000).map(|n| format!(r#"{{"a":{n},"b":{{}}}}"#)).collect();
        let maps = format!("[{}]", small.join(","));
        for extra in ["1", "[true,null,1.5,\"x\"]", &maps] {
            let body = |bytes: usize| {
                let half = "x".repeat(bytes / 2);
                format!(r#"{{"a":"{half}","b":"{half}","c":{extra}}}"#)
            };
            let (mut fits, mut too_large) = (0, 1 << 21);
            while too_large - fits > 2 {
                let middle = (fits + too_large) / 4 * 2;
                if is_refused(&database, &body(middle)) {
                    too_large = middle;
                } else {
                    fits = middle;
                }
            }
            assert_eq!(is_stored(&database, &body(fits)).await, Ok(()));
            assert!(fits > 900_000, "{fits}");
            // The longest name of a collection is counted, this one is short.
            let refused = is_stored(&database, &body(too_large + 400)).await;
            let case = format!("{} {fits} {}", database.host.name, extra.len());
            assert_eq!(refused, Err(ErrorKind::LimitExceeded), "{case}");
        }
    });
}

#[test]
fn deep_and_odd_values_are_stored() {
    on_each(async |database| {
        let nested = |levels: usize| {
            format!("{}1{}", r#"{"a":["#.repeat(levels / 2), "]}".repeat(levels / 2))
        };
        let bodies = [
            nested(18),
            nested(20),
            nested(24),
            nested(100),
            r#"{"a":[[1,[2]],{"b":[[]]}]}"#.to_owned(),
            r#"{"":1,"__x__":{"":2,"__y__":[3]},"_id":"q","isobase_meta":{"a":1}}"#.to_owned(),
            format!(r#"{{"{}":1}}"#, "n".repeat(1_500)),
            format!(r#"{{"a":{{"{}":1}}}}"#, "n".repeat(1_501)),
            r#"{"a.b":1,"`":2,"\\":3,"ключ":4,"a b":5,"0":6}"#.to_owned(),
        ];
        for body in bodies {
            assert!(!is_refused(&database, &body), "{body}");
            assert_eq!(is_stored(&database, &body).await, Ok(()), "{body}");
            assert_eq!(database.body("sizes", "x").await.as_deref(), Some(&*body));
        }
    });
}

#[test]
fn what_a_commit_replaces_and_deletes_counts() {
    on_each(async |database| {
        let native = &database.native;
        let large = format!(r#"{{"v":"{}"}}"#, "x".repeat(900_000));
        let bodies = [("large", large.as_str()), ("small", r#"{"v":1}"#)];
        let writes = bodies.map(|(id, body)| create(native, "a", id, body)).to_vec();
        database.commit(writes).await;
        let mut deletions = Vec::new();
        for id in ["large", "small"] {
            let before = Some(before(native, "a", id).await);
            deletions.push(DocumentWrite { key: key("a", id), before, after: None });
        }
        let [large, small] = [0, 1].map(|at: usize| native.cost(&deletions[at]).bytes);
        let budget = native.budget().bytes;
        // Of 10 MiB that production takes.
        assert!(10 * large <= budget && 12 * large > budget, "{large} of {budget}");
        assert!(500 * small < budget, "{small} of {budget}");
        let mut update = deletions[0].clone();
        update.after = Some(after(native, "{}", &[b"k"]));
        assert!(native.cost(&update).bytes > large);
        // Its version is still one that Firestore knows.
        database.commit(vec![update]).await;
        deletions[0].before = Some(before(native, "a", "large").await);
        assert!(native.cost(&deletions[0]).bytes < 2 * small);
        database.commit(deletions).await;
        assert_eq!(database.body("a", "large").await, None);
    });
}

#[test]
fn a_document_of_any_size_may_be_deleted_alone() {
    on_each(async |database| {
        let native = &database.native;
        // The entry of a field in an index has the names of all that it stands in.
        let values: Vec<_> = (0..2_700).map(|n| format!(r#""{n}":{n}"#)).collect();
        let body = format!(r#"{{"{}":{{{}}}}}"#, "n".repeat(1_000), values.join(","));
        assert!(!is_refused(&database, &body));
        native.load(vec![create(native, "a", "x", &body)]).await.unwrap();
        let before = Some(before(native, "a", "x").await);
        let write = DocumentWrite { key: key("a", "x"), before, after: None };
        let (cost, budget) = (native.cost(&write).bytes, native.budget().bytes);
        assert!(cost < budget && 2 * cost > budget, "{cost} of {budget}");
    });
}

#[test]
fn what_the_automatic_indexes_cannot_hold_is_refused() {
    on_each(async |database| {
        let fields = |count: usize| {
            let fields: Vec<_> = (0..count).map(|n| format!(r#""{n}":1"#)).collect();
            format!("{{{}}}", fields.join(","))
        };
        let elements = |count: usize| format!(r#"{{"a":[{}]}}"#, vec!["1"; count].join(","));
        for body in [
            fields(19_900),
            format!(r#"{{"a":{}}}"#, fields(19_900)),
            elements(10_000),
            elements(39_000),
            format!(r#"{{"a":[{},{}]}}"#, fields(10_000), fields(10_000)),
        ] {
            assert!(!is_refused(&database, &body), "{}", &body[..40]);
        }
        // Names down to a field: 1,200 bytes each.
        let nested = |levels: usize| {
            let name = "n".repeat(1_200);
            (0..levels).fold("1".to_owned(), |inner, _| format!(r#"{{"{name}":{inner}}}"#))
        };
        // Many entries, each with the name of the document and of what its field stands in.
        let long = |count: usize| format!(r#"{{"{}":{}}}"#, "n".repeat(400), fields(count));
        for body in [nested(5), long(7_000)] {
            assert!(!is_refused(&database, &body), "{}", &body[..40]);
        }
        let too_large = [(nested(7), "7680"), (long(9_000), "8388608")];
        let too_many = [fields(20_001), format!(r#"{{"a":{}}}"#, fields(20_001)), elements(40_001)];
        let key = key("a", "x");
        let url = format!("firestore://{}?indexing=keys&emulator=127.0.0.1:1", database.project);
        let options = FirestoreOptions::new(&url).expect("a URL");
        let (environment, remote) = (Environment::default(), JournalOptions::default());
        let bare =
            FirestoreDatabase::connect(options, &environment, remote).await.expect("options");
        let too_many = too_many.map(|body| (body, "40000"));
        for (body, limit) in too_many.into_iter().chain(too_large) {
            let after = after(&database.native, &body, &[b"k"]);
            let reason = database.native.refuses_size(&key, &after).expect("a reason");
            assert!(reason.contains(limit) && reason.contains("index"), "{reason}");
            assert_eq!(bare.refuses_size(&key, &after), None);
        }
    });
}
