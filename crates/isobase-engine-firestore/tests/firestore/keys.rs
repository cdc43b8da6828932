//! Documents by the order of their keys.

use isobase_journal::{DocumentDatabase, DocumentWrite, KeyFetch, KeyFetched};

use crate::support::{Database, after, collection, fields, key, on_each, text};

/// Keys in their order: every byte there is, prefixes before longer ones, and the longest.
fn keys() -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
    keys.extend([vec![0, 0], vec![0, 0xff], vec![0x7f, 0x80], vec![0xff, 0xff, 0]]);
    keys.push([vec![0x61; 1_499], vec![1]].concat());
    keys.push([vec![0x61; 1_499], vec![2]].concat());
    keys.sort();
    keys
}

async fn fill(database: &Database) -> Vec<Vec<u8>> {
    let keys = keys();
    let native = &database.native;
    let writes = keys.iter().enumerate().map(|(place, bytes)| DocumentWrite {
        key: key("a", &format!("d{place}")),
        before: None,
        after: Some(after(native, &format!(r#"{{"place":{place}}}"#), &[b"id", bytes])),
    });
    native.load(writes.collect()).await.expect("a load");
    keys
}

fn all() -> KeyFetch {
    KeyFetch {
        index: 1,
        lower: Vec::new(),
        upper: None,
        reverse: false,
        limit: 1_000,
        bytes_max: usize::MAX,
    }
}

fn keys_of(found: &KeyFetched) -> Vec<Vec<u8>> {
    found.documents.iter().map(|document| document.key.clone()).collect()
}

#[test]
fn keys_are_in_the_order_of_their_bytes() {
    on_each(async |database| {
        let expected = fill(&database).await;
        let found = database.native.fetch(&collection("a"), &all()).await.unwrap();
        assert_eq!(keys_of(&found), expected, "{}", database.host.name);
        assert!(found.exhausted);
        let reverse = KeyFetch { reverse: true, ..all() };
        let found = database.native.fetch(&collection("a"), &reverse).await.unwrap();
        assert!(keys_of(&found).iter().eq(expected.iter().rev()), "{}", database.host.name);
        assert_eq!(
            found.documents[0].document.body,
            format!(r#"{{"place":{}}}"#, expected.len() - 1)
        );
    });
}

#[test]
fn a_range_begins_with_its_lower_end_and_stops_before_its_upper() {
    on_each(async |database| {
        let expected = fill(&database).await;
        let collection = collection("a");
        for (from, to) in [(0, 3), (5, 5), (100, 258), (258, expected.len())] {
            let (lower, upper) = (expected[from].clone(), expected.get(to).cloned());
            let counted = database.native.count_keys(&collection, 1, &lower, upper.as_deref());
            assert_eq!(counted.await.unwrap(), (to - from) as u64);
            let fetch = KeyFetch { lower, upper, ..all() };
            let found = database.native.fetch(&collection, &fetch).await.unwrap();
            assert_eq!(keys_of(&found), expected[from..to]);
        }
    });
}

#[test]
fn a_part_ends_at_its_limits_and_says_so() {
    on_each(async |database| {
        let expected = fill(&database).await;
        let collection = collection("a");
        let fetch = KeyFetch { limit: 10, ..all() };
        let found = database.native.fetch(&collection, &fetch).await.unwrap();
        assert_eq!((found.documents.len(), found.exhausted), (10, false));
        let fetch = KeyFetch { bytes_max: 1, ..all() };
        let found = database.native.fetch(&collection, &fetch).await.unwrap();
        assert_eq!((found.documents.len(), found.exhausted), (1, false));
        let upper = Some(expected[10].clone());
        let fetch = KeyFetch { limit: 11, upper, ..all() };
        let found = database.native.fetch(&collection, &fetch).await.unwrap();
        assert_eq!((found.documents.len(), found.exhausted), (10, true));
    });
}

#[test]
fn documents_without_the_key_are_left_out() {
    on_each(async |database| {
        fill(&database).await;
        database.write_foreign("a/foreign", fields([("by", text("another"))])).await;
        let by = |index| KeyFetch { index, ..all() };
        let collection = collection("a");
        let count = keys().len();
        let found = database.native.fetch(&collection, &by(1)).await.unwrap();
        assert_eq!(found.documents.len(), count);
        let found = database.native.fetch(&collection, &by(2)).await.unwrap();
        assert_eq!((found.documents.len(), found.exhausted), (0, true));
        assert_eq!(database.native.count(&collection).await.unwrap(), count as u64 + 1);
    });
}
