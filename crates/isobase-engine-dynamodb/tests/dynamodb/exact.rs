//! Values come back as they were, and sizes are those that DynamoDB counts.

use isobase_journal::{DocumentDatabase, Tree};

use crate::fixture::{collection, creation, document_key, with_tables};

#[tokio::test]
async fn bodies_come_back_byte_for_byte() {
    let deep = |levels: usize| format!("{{\"d\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
    let bodies = [
        "{}".to_owned(),
        r#"{"z":1,"a":{"y":[],"x":{}},"":{"":null},"_id":1,"_rev":"2","isobase_meta":{"a":1}}"#.to_owned(),
        r#"{"n":[0,-0,-0.0,1.0,1.50,1e2,9007199254740993,-9223372036854775808,18446744073709551615]}"#.to_owned(),
        r#"{"n":[1e126,-1e400,5e-324,1e-131,123456789012345678901234567890123456789012,123456789012345678901234567890123456789,-123456789012345678901234567890123456785,0.1000000000000000055511151231257827]}"#.to_owned(),
        r#"{"s":["","\u0000","😀","a\"b\\c\n"],"t":true,"f":false,"__x__":[[1],[[2]]]}"#.to_owned(),
        deep(29),
        deep(30),
        deep(31),
        deep(32),
        deep(126),
    ];
    with_tables(async |tables| {
        let mut head = tables.native.open().await.unwrap();
        tables.native.prepare_collection(&collection("c")).await.unwrap();
        for (id, body) in bodies.iter().enumerate() {
            head = tables.commit(head, vec![creation("c", &id.to_string(), 1, body)]).await;
            let read = tables.read(&document_key("c", &id.to_string())).await.unwrap();
            assert_eq!(read.body, *body);
            assert!(!read.is_foreign(), "{body}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_document_that_is_not_refused_for_its_size_fits() {
    with_tables(async |tables| {
        let native = &tables.native;
        let mut head = native.open().await.unwrap();
        native.prepare_collection(&collection("c")).await.unwrap();
        let of_text = |bytes: usize| format!("{{\"t\":\"{}\"}}", "x".repeat(bytes));
        let of_numbers = |count: usize| format!("{{\"n\":[{}1]}}", "-12345,".repeat(count));
        let of_objects =
            |count: usize| format!("{{\"n\":[{}1]}}", r#"{"ab":[true]},"#.repeat(count));
        for (make, unit) in
            [(&of_text as &dyn Fn(usize) -> String, 1), (&of_numbers, 7), (&of_objects, 16)]
        {
            // The largest that is not refused.
            let fits = |count: usize| {
                let write = creation("c", "x", 1, &make(count));
                native.refuses_size(&write.key, write.after.as_ref().unwrap()).is_none()
            };
            let (mut low, mut high) = (1, 500_000 / unit);
            while high - low > 1 {
                let middle = usize::midpoint(low, high);
                if fits(middle) { low = middle } else { high = middle }
            }
            let id = unit.to_string();
            head = tables.commit(head, vec![creation("c", &id, 1, &make(low))]).await;
            assert!(tables.read(&document_key("c", &id)).await.is_some());
        }
        let write = creation("c", "x", 1, &of_text(420_000));
        let reason = native.refuses_size(&write.key, write.after.as_ref().unwrap()).unwrap();
        assert!(reason.contains("409600"), "{reason}");
    })
    .await;
}

#[tokio::test]
async fn documents_are_legible_to_other_programs() {
    with_tables(async |tables| {
        let head = tables.native.open().await.unwrap();
        tables.native.prepare_collection(&collection("users")).await.unwrap();
        let body = r#"{"name":"Ada","age":36,"tags":["a"],"address":{"city":null},"on":true}"#;
        tables.commit(head, vec![creation("users", "ada", 1, body)]).await;
        let table = tables.native.table_name(&collection("users"));
        let item =
            tables.sdk.scan().table_name(table).send().await.unwrap().items.unwrap().remove(0);
        assert_eq!(item["_id"].as_s().unwrap(), "ada");
        assert_eq!(item["name"].as_s().unwrap(), "Ada");
        assert_eq!(item["age"].as_n().unwrap(), "36");
        assert_eq!(item["tags"].as_l().unwrap()[0].as_s().unwrap(), "a");
        assert!(item["address"].as_m().unwrap()["city"].is_null());
        assert_eq!(item["on"].as_bool(), Ok(&true));
        assert_eq!(item["isobase_meta"].as_m().unwrap()["revision"].as_n().unwrap(), "1");
        assert_eq!(item.len(), 7);
        let _ = Tree::Null;
    })
    .await;
}
