//! What other programs wrote is read, replaced and found in place.

use googleapis_tonic_google_firestore_v1::google::{firestore::v1 as proto, r#type::LatLng};
use isobase_journal::{DocumentDatabase, DocumentWrite};
use isobase_types::{DocumentId, Sequence};
use proto::value::ValueType;

use crate::support::{after, before, collection, fields, key, on_each, text, value};

#[test]
fn every_type_of_firestore_is_read() {
    on_each(async |database| {
        let name = format!("{}/other/1", database.documents());
        let array = proto::ArrayValue { values: vec![text("x"), value(ValueType::NullValue(0))] };
        let inner = proto::MapValue { fields: fields([("deep", text("y"))]) };
        let time = prost_types::Timestamp { seconds: 1_700_000_000, nanos: 123_456_000 };
        let point = LatLng { latitude: 1.5, longitude: -2.0 };
        let given = fields([
            ("array", value(ValueType::ArrayValue(array))),
            ("bool", value(ValueType::BooleanValue(true))),
            ("bytes", value(ValueType::BytesValue(vec![1, 2, 255]))),
            ("double", value(ValueType::DoubleValue(1.0))),
            ("integer", value(ValueType::IntegerValue(i64::MIN))),
            ("map", value(ValueType::MapValue(inner))),
            ("nan", value(ValueType::DoubleValue(f64::NAN))),
            ("null", value(ValueType::NullValue(0))),
            ("point", value(ValueType::GeoPointValue(point))),
            ("reference", value(ValueType::ReferenceValue(name))),
            ("text", text("é")),
            ("time", value(ValueType::TimestampValue(time))),
        ]);
        database.write_foreign("a/1", given).await;
        let body = r#"{"array":["x",null],"bool":true,"bytes":"AQL/","double":1,"integer":-9223372036854775808,"map":{"deep":"y"},"nan":"NaN","null":null,"point":{"latitude":1.5,"longitude":-2},"reference":"other/1","text":"é","time":"2023-11-14T22:13:20.123456Z"}"#;
        assert_eq!(database.body("a", "1").await.as_deref(), Some(body), "{}", database.host.name);
    });
}

#[test]
fn an_id_inside_is_not_shown() {
    on_each(async |database| {
        let given = fields([("_id", text("x")), ("_rev", text("firestore-rev")), ("a", text("b"))]);
        database.write_foreign("a/x", given).await;
        assert_eq!(database.body("a", "x").await.as_deref(), Some(r#"{"a":"b"}"#));
    });
}

#[test]
fn a_foreign_document_is_replaced_in_place() {
    on_each(async |database| {
        let native = &database.native;
        database.write_foreign("a/x", fields([("a", text("b"))])).await;
        let found = native.read(&[key("a", "x")]).await.unwrap();
        let found = found[0].as_ref().unwrap();
        assert!(found.is_foreign());
        assert!(found.created_at.unix_us > 0);
        let write = DocumentWrite {
            key: key("a", "x"),
            before: Some(before(native, "a", "x").await),
            after: Some(after(native, r#"{"a":"c"}"#, &[b"k"])),
        };
        database.commit(vec![write]).await;
        let stored = database.read_foreign("a/x").await;
        assert_eq!(stored.keys().collect::<Vec<_>>(), ["a", "isobase_meta"]);
        assert_eq!(stored["a"], text("c"));
    });
}

#[test]
fn taking_a_foreign_document_in_leaves_its_types() {
    on_each(async |database| {
        let native = &database.native;
        let time = prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 };
        let time = value(ValueType::TimestampValue(time));
        database.write_foreign("a/x", fields([("time", time.clone())])).await;
        let mut stamped = after(native, r#"{"time":"2023-11-14T22:13:20Z"}"#, &[b"x"]);
        stamped.meta.keeps_content = true;
        let write = DocumentWrite {
            key: key("a", "x"),
            before: Some(before(native, "a", "x").await),
            after: Some(stamped),
        };
        database.commit(vec![write]).await;
        let stored = database.read_foreign("a/x").await;
        assert_eq!(stored["time"], time);
        let found = native.read(&[key("a", "x")]).await.unwrap();
        let found = found[0].as_ref().unwrap();
        assert!(!found.is_foreign());
        assert_eq!(found.body, r#"{"time":"2023-11-14T22:13:20Z"}"#);
        assert_eq!(native.count_keys(&collection("a"), 0, b"", None).await.unwrap(), 1);
    });
}

#[test]
fn a_scan_finds_every_document_it_can_name() {
    on_each(async |database| {
        let native = &database.native;
        let ids = ["1", "10", "9", "007", "a b", "é", "😀", "Z", "a%2Fb", "\u{1}", "__x", "_y"];
        for id in ids {
            database.write_foreign(&format!("a/{id}"), fields([("id", text(id))])).await;
        }
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = native.scan(&collection("a"), after.as_deref(), 3).await.unwrap();
            found.extend(page.documents.into_iter().map(|document| document.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        found.sort();
        let mut expected: Vec<_> = ids.iter().filter_map(|id| DocumentId::parse(id).ok()).collect();
        expected.sort();
        assert_eq!(expected.len(), ids.len());
        assert_eq!(found, expected, "{}", database.host.name);
    });
}

#[test]
fn a_deleted_collection_loses_what_was_in_it_and_nothing_newer() {
    on_each(async |database| {
        let native = &database.native;
        for id in ["f1", "f2"] {
            database.write_foreign(&format!("a/{id}"), fields([("id", text(id))])).await;
        }
        let of = |id: &str, revision| DocumentWrite {
            key: key("a", id),
            before: None,
            after: Some(crate::support::after_at(native, "{}", &[id.as_bytes()], revision)),
        };
        let loaded = vec![of("5", 5), of("6", 6), of("7", 7), of("beyond", (1 << 62) + 1)];
        native.load(loaded).await.unwrap();
        native.purge(&collection("a"), Sequence(6)).await.unwrap();
        let left = native.scan(&collection("a"), None, 100).await.unwrap().documents;
        assert_eq!(left.iter().map(|found| found.id.to_string()).collect::<Vec<_>>(), ["7"]);
        native.purge(&collection("none"), Sequence(6)).await.unwrap();
    });
}
