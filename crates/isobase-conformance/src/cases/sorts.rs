//! Order.

use crate::{Operation, RefusalKind, Shared, check::*};

/// Values in their order; those in one row are equal and follow their ids.
const ROWS: &[&[&str]] = &[
    &["null", ""],
    &["false"],
    &["true"],
    &["-1e308"],
    &["-9223372036854775809"],
    &["-9223372036854775807"],
    &["-1.5"],
    &["-1", "-1.0"],
    &["0", "-0.0", "0e5"],
    &["5e-324"],
    &["0.1"],
    &["1", "1.0", "1e0"],
    &["9007199254740992"],
    &["9007199254740993"],
    &["9223372036854775806"],
    &["9223372036854775807"],
    &["1e300"],
    &["\"\""],
    &["\"\\u0000\""],
    &["\"\\u0000a\""],
    &["\" \""],
    &["\"10\""],
    &["\"9\""],
    &["\"A\""],
    &["\"a\""],
    &["\"a\\u0000\""],
    &["\"aa\""],
    &["\"b\""],
    &["\"é\""],
    &["\"\u{ffff}\""],
    &["\"😀\""],
    &["[]", "[1]", "[2]"],
    &["{}", "{\"a\":1}"],
];

fn body(value: &str, extra: &str) -> String {
    if value.is_empty() {
        format!("{{{extra}}}")
    } else {
        format!("{{\"v\":{value}{}{extra}}}", if extra.is_empty() { "" } else { "," })
    }
}

pub(crate) async fn types_and_values_have_one_order(s: Shared) {
    // Written backwards, so that the order of ids is not the answer by accident.
    let mut ids_of_rows: Vec<Vec<String>> = Vec::new();
    for row in ROWS.iter().rev() {
        let mut ids_of_row = Vec::new();
        for value in *row {
            ids_of_row.push(create(&s, "a", &body(value, "")).await);
        }
        ids_of_rows.insert(0, ids_of_row);
    }
    let ascending: Vec<String> = ids_of_rows.concat();
    let descending: Vec<String> = ascending.iter().rev().cloned().collect();
    let compare = async |with: &str| {
        assert_eq!(ids(&s, "a", &[("sort", "v")]).await, ascending, "{with}");
        assert_eq!(ids(&s, "a", &[("sort", "-v")]).await, descending, "{with}");
        for limit in [1, 4, 100] {
            let walked: Vec<String> =
                walk(&s, "a", &[("sort", "-v")], limit).await.iter().map(|t| id_of(t)).collect();
            assert_eq!(walked, descending, "pages of {limit} {with}");
        }
    };
    compare("without an index").await;
    for index in ["v", "-v", "v,id"] {
        s.create_index("a", index).await.unwrap();
        compare(index).await;
        s.drop_index("a", index).await.unwrap();
    }
}

pub(crate) async fn several_fields_sort_one_after_the_other(s: Shared) {
    let mut rows = Vec::new();
    for n in 0..60_u32 {
        let (a, b) = (n * 7 % 3, n * 5 % 4);
        let id = create(&s, "a", &format!("{{\"a\":{a},\"b\":{b},\"n\":{n}}}")).await;
        rows.push((a, b, id.parse::<u32>().unwrap()));
    }
    type Row = (u32, u32, u32);
    type Key = fn(&Row) -> (i64, i64, i64);
    let orders: [(&str, Key); 6] = [
        ("a,b", |r| (r.0.into(), r.1.into(), r.2.into())),
        ("-a,b", |r| (-i64::from(r.0), r.1.into(), r.2.into())),
        ("a,-b", |r| (r.0.into(), -i64::from(r.1), -i64::from(r.2))),
        ("-a,-b", |r| (-i64::from(r.0), -i64::from(r.1), -i64::from(r.2))),
        ("b", |r| (r.1.into(), r.2.into(), 0)),
        ("-b,id", |r| (-i64::from(r.1), r.2.into(), 0)),
    ];
    let compare = async |with: &str| {
        for (order, key) in orders {
            let mut sorted = rows.clone();
            sorted.sort_by_key(key);
            let expected: Vec<String> = sorted.iter().map(|row| row.2.to_string()).collect();
            assert_eq!(ids(&s, "a", &[("sort", order)]).await, expected, "{order} {with}");
            let walked: Vec<String> =
                walk(&s, "a", &[("sort", order)], 7).await.iter().map(|t| id_of(t)).collect();
            assert_eq!(walked, expected, "{order} by pages {with}");
            let narrowed: Vec<String> =
                sorted.iter().filter(|r| r.0 == 1).map(|row| row.2.to_string()).collect();
            let found = ids(&s, "a", &[("a", "1"), ("sort", order)]).await;
            assert_eq!(found, narrowed, "{order} where a=1 {with}");
            let walked: Vec<String> = walk(&s, "a", &[("a[in]", "1,7"), ("sort", order)], 3)
                .await
                .iter()
                .map(|t| id_of(t))
                .collect();
            assert_eq!(walked, narrowed, "{order} where a in 1,7 {with}");
        }
    };
    compare("without an index").await;
    for index in ["a", "a,b", "-a,b", "b,a", "a,-b", "-a,-b", "a,b,id", "b,id", "a,id,b"] {
        s.create_index("a", index).await.unwrap();
        compare(index).await;
        s.drop_index("a", index).await.unwrap();
    }
}

pub(crate) async fn equal_documents_follow_their_ids(s: Shared) {
    for id in ["b", "a", "10x"] {
        put_new(&s, "a", id, r#"{"v":1}"#).await;
    }
    for _ in 0..11 {
        create(&s, "a", r#"{"v":1}"#).await;
    }
    let expected = ids(&s, "a", &[]).await;
    let reversed: Vec<String> = expected.iter().rev().cloned().collect();
    assert_eq!(expected[9..12], ["10", "11", "\"10x\""]);
    let compare = async || {
        assert_eq!(ids(&s, "a", &[("sort", "v")]).await, expected);
        assert_eq!(ids(&s, "a", &[("sort", "-v")]).await, reversed);
        assert_eq!(ids(&s, "a", &[("sort", "v,-id")]).await, reversed);
        assert_eq!(ids(&s, "a", &[("sort", "missing")]).await, expected);
        assert_eq!(ids(&s, "a", &[("sort", "-missing")]).await, reversed);
    };
    compare().await;
    s.create_index("a", "v").await.unwrap();
    s.create_index("a", "-missing").await.unwrap();
    compare().await;
}

pub(crate) async fn order_follows_updates(s: Shared) {
    s.create_index("a", "v").await.unwrap();
    for v in [3, 1, 2] {
        create(&s, "a", &format!("{{\"v\":{v}}}")).await;
    }
    assert_eq!(ids(&s, "a", &[("sort", "v")]).await, ["2", "3", "1"]);
    write(&s, "a", Operation::put("2", r#"{"v":9}"#)).await;
    assert_eq!(ids(&s, "a", &[("sort", "v")]).await, ["3", "1", "2"]);
    write(&s, "a", Operation::put("1", r#"{"w":1}"#)).await;
    assert_eq!(ids(&s, "a", &[("sort", "v")]).await, ["1", "3", "2"]);
    write(&s, "a", Operation::delete("3")).await;
    assert_eq!(ids(&s, "a", &[("sort", "-v")]).await, ["2", "1"]);
}

pub(crate) async fn field_twice_in_an_order_is_refused(s: Shared) {
    for order in ["a,a", "a,-a", "a,b,a", "a,b,c,d,e,f,g,h,i"] {
        let kind = list_refused(&s, "a", &[("sort", order)]).await;
        assert_eq!(kind, RefusalKind::InvalidParameter, "{order}");
    }
}
