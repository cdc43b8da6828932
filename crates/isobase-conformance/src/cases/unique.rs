//! Values of a unique index stand in one document only.

use futures_util::future::join_all;

use crate::{Batch, Operation, RefusalKind, Shared, check::*};

const NOT_UNIQUE: RefusalKind = RefusalKind::NotUnique;

async fn declare(s: &Shared, index: &str) {
    s.create_index("a", index).await.unwrap();
    assert_eq!(s.indexes("a").await.unwrap(), [index]);
}

pub(crate) async fn unique_values_are_refused(s: Shared) {
    declare(&s, "unique(email)").await;
    let ann = r#"{"email":"ann@example.com"}"#;
    let first = create(&s, "a", ann).await;
    put_new(&s, "a", "k", r#"{"email":"bob@example.com"}"#).await;
    for operation in [
        Operation::create(ann),
        Operation::create_as("new", ann),
        Operation::upsert("new", ann),
        Operation::put("k", ann),
        Operation::patch("k", ann),
    ] {
        let refusal = try_write(&s, "a", operation.clone()).await.unwrap_err();
        assert_eq!(refusal.kind, NOT_UNIQUE, "{operation:?}");
        assert!(refusal.detail.contains("email"), "{refusal:?}");
        assert!(!refusal.detail.contains("ann@"), "{refusal:?}");
    }
    assert_eq!(text(&s, "a", "new").await, None);
    // Its own value is no one else's, and neither is that of another collection.
    write(&s, "a", Operation::put(&first, ann)).await;
    write(&s, "a", Operation::patch(&first, r#"{"x":1}"#)).await;
    create(&s, "b", ann).await;
    create(&s, "b", ann).await;
    create(&s, "a", r#"{"email":"Ann@example.com"}"#).await;
}

pub(crate) async fn released_values_can_be_taken(s: Shared) {
    declare(&s, "unique(v)").await;
    let one = r#"{"v":1}"#;
    put_new(&s, "a", "k", one).await;
    write(&s, "a", Operation::delete("k")).await;
    put_new(&s, "a", "l", one).await;
    write(&s, "a", Operation::patch("l", r#"{"v":2}"#)).await;
    put_new(&s, "a", "m", one).await;
    write(&s, "a", Operation::put("m", "{}")).await;
    put_new(&s, "a", "n", one).await;
    s.delete_collection("a").await.unwrap();
    put_new(&s, "a", "o", one).await;
    assert_eq!(refused(&s, "a", Operation::create(one)).await, NOT_UNIQUE);
    // Within one batch each operation sees what those before it did.
    let operations = vec![
        Operation::create_as("p", one),
        Operation::patch("o", r#"{"v":3}"#),
        Operation::create_as("p", one),
        Operation::create_as("q", one),
        Operation::delete("p"),
        Operation::create_as("q", one),
    ];
    let report = batch(&s, "a", Batch::each(operations)).await;
    let no = Some(NOT_UNIQUE);
    assert_eq!(kinds(&report), [no, None, None, no, None, None]);
    let swap = vec![
        Operation::put("q", r#"{"v":0}"#),
        Operation::put("o", one),
        Operation::put("q", r#"{"v":3}"#),
    ];
    let report = batch(&s, "a", Batch::atomic(swap)).await;
    assert_eq!(kinds(&report), [None, None, None]);
    let late = vec![Operation::put("q", r#"{"v":7}"#), Operation::create(one)];
    let report = batch(&s, "a", Batch::atomic(late)).await;
    assert_eq!(kinds(&report), [Some(RefusalKind::BatchRejected), no]);
    // What was taken back is not released.
    assert_eq!(refused(&s, "a", Operation::create(r#"{"v":3}"#)).await, NOT_UNIQUE);
    create(&s, "a", r#"{"v":7}"#).await;
}

pub(crate) async fn missing_and_null_never_collide(s: Shared) {
    declare(&s, "unique(v,w)").await;
    for body in ["{}", r#"{"v":null}"#, r#"{"v":1}"#, r#"{"v":1,"w":null}"#, r#"{"w":1}"#] {
        create(&s, "a", body).await;
        create(&s, "a", body).await;
    }
    create(&s, "a", r#"{"v":1,"w":1}"#).await;
    assert_eq!(refused(&s, "a", Operation::patch("5", r#"{"w":1}"#)).await, NOT_UNIQUE);
}

pub(crate) async fn several_fields_are_unique_together(s: Shared) {
    declare(&s, "unique(tenant,-name.short)").await;
    let body = |tenant: &str, name: &str| {
        format!("{{\"tenant\":\"{tenant}\",\"name\":{{\"short\":\"{name}\"}}}}")
    };
    for (tenant, name) in [("a", "x"), ("a", "y"), ("b", "x"), ("ax", ""), ("", "ax")] {
        create(&s, "a", &body(tenant, name)).await;
    }
    let refusal = try_write(&s, "a", Operation::create(body("b", "x"))).await.unwrap_err();
    assert_eq!(refusal.kind, NOT_UNIQUE);
    assert!(refusal.detail.contains("tenant") && refusal.detail.contains("name"), "{refusal:?}");
}

pub(crate) async fn values_are_compared_whole(s: Shared) {
    declare(&s, "unique(v)").await;
    let long = "x".repeat(400);
    let (a, b) = (format!("\"{long}a\""), format!("\"{long}b\""));
    let values = [
        "1",
        "\"1\"",
        "true",
        "false",
        "\"\"",
        "[]",
        "{}",
        "[1]",
        "[1,2]",
        "[[1,2]]",
        r#"{"a":1}"#,
        r#"{"a":1,"b":null}"#,
        "9007199254740993",
        "9007199254740992",
        "18446744073709551616",
        "18446744073709551617",
        "0.1",
        "0.10000000000000001",
        &a,
        &b,
    ];
    for value in values {
        create(&s, "a", &format!("{{\"v\":{value}}}")).await;
    }
    let big = "18446744073709551617.0";
    let respelt = ["1.0", "1e0", "[1.0]", "9007199254740993.0", big, "1e-1", "\"\\u0031\""];
    for equal in respelt.into_iter().chain([r#"{"b":null,"a":1}"#, &a, &b]) {
        let operation = Operation::create(format!("{{\"v\":{equal}}}"));
        assert_eq!(refused(&s, "a", operation).await, NOT_UNIQUE, "{equal}");
    }
}

pub(crate) async fn late_declaration_names_the_duplicates(s: Shared) {
    for (id, v) in [("k", "1"), ("l", "2"), ("m", "1.0"), ("n", "null"), ("o", "null")] {
        put_new(&s, "a", id, &format!("{{\"v\":{v}}}")).await;
    }
    let refusal = s.create_index("a", "unique(v)").await.unwrap_err();
    assert_eq!(refusal.kind, NOT_UNIQUE);
    assert!(refusal.detail.contains("k, m;"), "{refusal:?}");
    assert_eq!(s.indexes("a").await.unwrap(), [""; 0]);
    put_new(&s, "a", "p", r#"{"v":2}"#).await;
    write(&s, "a", Operation::delete("p")).await;
    write(&s, "a", Operation::delete("m")).await;
    s.create_index("a", "unique(v)").await.unwrap();
    assert_eq!(refused(&s, "a", Operation::create(r#"{"v":1}"#)).await, NOT_UNIQUE);
    // Once more changes nothing, and the same fields can have an index beside it.
    s.create_index("a", "unique(v)").await.unwrap();
    s.create_index("a", "v").await.unwrap();
    assert_eq!(s.indexes("a").await.unwrap(), ["unique(v)", "v"]);
}

pub(crate) async fn refused_values_leave_nothing(s: Shared) {
    declare(&s, "unique(v)").await;
    let first: i64 = create(&s, "a", r#"{"v":1}"#).await.parse().unwrap();
    for _ in 0..2 {
        let refusal =
            s.write("a", &Operation::create(r#"{"v":1.0}"#), Some("key")).await.unwrap_err();
        assert_eq!(refusal.kind, NOT_UNIQUE);
    }
    let second = write(&s, "a", Operation::create(r#"{"v":2}"#)).await;
    assert_eq!(segment(&second.id).parse::<i64>().unwrap(), first + 1);
    assert_eq!(revision(&second), "2");
    assert_eq!(ids(&s, "a", &[("sort", "v")]).await.len(), 2);
}

pub(crate) async fn unique_indexes_serve_listings(s: Shared) {
    declare(&s, "unique(v)").await;
    let bodies: Vec<String> = (0..30).map(|n| format!("{{\"v\":{}}}", n * 7 % 30)).collect();
    create_all(&s, "a", &bodies).await;
    create_all(&s, "a", &["{}".to_owned(), "{}".to_owned()]).await;
    assert_eq!(ids(&s, "a", &[("v", "7")]).await, ["2"]);
    let page = list(&s, "a", &[("v[gte]", "10"), ("limit", "1"), ("count", "exact")]).await;
    assert_eq!(page.total, Some(20));
    assert_eq!(walk(&s, "a", &[("sort", "-v")], 7).await.len(), 32);
}

pub(crate) async fn dropped_index_refuses_no_more(s: Shared) {
    declare(&s, "unique(v)").await;
    create(&s, "a", r#"{"v":1}"#).await;
    assert!(!s.drop_index("a", "v").await.unwrap());
    assert!(s.drop_index("a", "unique(v)").await.unwrap());
    create(&s, "a", r#"{"v":1}"#).await;
    assert_eq!(s.create_index("a", "unique(v)").await.unwrap_err().kind, NOT_UNIQUE);
    write(&s, "a", Operation::delete("1")).await;
    s.create_index("a", "unique(v)").await.unwrap();
    assert_eq!(refused(&s, "a", Operation::create(r#"{"v":1}"#)).await, NOT_UNIQUE);
}

pub(crate) async fn one_of_twenty_creates_wins(s: Shared) {
    declare(&s, "unique(email)").await;
    let writes = (0..20).map(|n| {
        let s = s.clone();
        let body = format!("{{\"email\":\"a@example.com\",\"n\":{n}}}");
        let operation = match n % 2 {
            0 => Operation::create(body),
            _ => Operation::create_as(&format!("k{n}"), body),
        };
        tokio::spawn(async move { try_write(&s, "a", operation).await })
    });
    let outcomes: Vec<_> = join_all(writes).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for refusal in outcomes.into_iter().filter_map(Result::err) {
        assert_eq!(refusal.kind, NOT_UNIQUE, "{refusal:?}");
    }
    assert_eq!(ids(&s, "a", &[]).await.len(), 1);
}
