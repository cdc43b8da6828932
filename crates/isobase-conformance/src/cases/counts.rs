//! Counts.

use crate::{Operation, Shared, check::*};

pub(crate) async fn total_counts_what_meets_the_filter(s: Shared) {
    let bodies: Vec<String> =
        (0..25).map(|n| format!("{{\"n\":{n},\"odd\":{}}}", n % 2 == 1)).collect();
    create_all(&s, "a", &bodies).await;
    create(&s, "b", r#"{"odd":true}"#).await;
    let cases: [(&[(&str, &str)], u64); 6] = [
        (&[], 25),
        (&[("odd", "true")], 12),
        (&[("n[gte]", "20")], 5),
        (&[("n[gte]", "20"), ("odd", "true")], 2),
        (&[("n", "99")], 0),
        (&[("or", "(n.eq.1,n.eq.2,n.eq.1)")], 2),
    ];
    for (filter, total) in cases {
        let mut parameters = filter.to_vec();
        parameters.extend([("limit", "3"), ("count", "exact")]);
        let page = list(&s, "a", &parameters).await;
        assert_eq!(page.total, Some(total), "{filter:?}");
        assert_eq!(page.documents.len() as u64, total.min(3), "{filter:?}");
    }
}

pub(crate) async fn total_is_told_only_when_asked(s: Shared) {
    create(&s, "a", "{}").await;
    assert_eq!(list(&s, "a", &[("limit", "1")]).await.total, None);
    assert_eq!(list(&s, "a", &[("limit", "1"), ("count", "none")]).await.total, None);
    assert_eq!(list(&s, "a", &[("limit", "1"), ("count", "exact")]).await.total, Some(1));
}

pub(crate) async fn totals_follow_every_write(s: Shared) {
    let total =
        async |s: &Shared| list(s, "a", &[("limit", "1"), ("count", "exact")]).await.total.unwrap();
    assert_eq!(total(&s).await, 0);
    put_new(&s, "a", "x", "{}").await;
    write(&s, "a", Operation::upsert("x", "{}")).await;
    write(&s, "a", Operation::upsert("y", "{}")).await;
    assert_eq!(total(&s).await, 2);
    write(&s, "a", Operation::delete("x")).await;
    assert_eq!(total(&s).await, 1);
    assert_eq!(s.totals().await.unwrap().documents, 1);
    s.delete_collection("a").await.unwrap();
    assert_eq!(total(&s).await, 0);
    assert_eq!(s.totals().await.unwrap().documents, 0);
}

pub(crate) async fn index_does_not_change_a_count(s: Shared) {
    let values = ["1", "1.0", "\"1\"", "null", "true", "false", "[1]", "{}", "2", "-1", "\"\""];
    let bodies: Vec<String> = values
        .iter()
        .flat_map(|v| [format!("{{\"v\":{v},\"w\":1}}"), format!("{{\"v\":{v}}}")])
        .chain([String::from("{}")])
        .collect();
    create_all(&s, "a", &bodies).await;
    let filters: [(&str, &str); 14] = [
        ("v", "1"),
        ("v", "\"1\""),
        ("v", "null"),
        ("v[null]", "true"),
        ("v[null]", "false"),
        ("v[ne]", "1"),
        ("v[in]", "1,2,null"),
        ("v[nin]", "1,true"),
        ("v[gt]", "0"),
        ("v[lte]", "1"),
        ("v[lt]", "true"),
        ("v[gte]", "\"\""),
        ("v[contains]", "1"),
        ("or", "(v.eq.1,w.eq.1)"),
    ];
    let count = async |s: &Shared| {
        let mut totals = Vec::new();
        let all = filters.iter().flat_map(|filter| {
            let both = |more| vec![*filter, more];
            let alone = vec![*filter];
            [alone, both(("w", "1")), both(("w[null]", "true")), both(("w[lt]", "5"))]
        });
        for mut parameters in sampled(s, all) {
            parameters.extend([("limit", "1000"), ("count", "exact")]);
            let page = list(s, "a", &parameters).await;
            assert_eq!(page.total, Some(page.documents.len() as u64), "{parameters:?}");
            totals.push(page.total);
        }
        totals
    };
    let before = count(&s).await;
    for index in ["v", "-v", "v,w", "w,-v"] {
        s.create_index("a", index).await.unwrap();
        assert_eq!(count(&s).await, before, "with an index on {index}");
        s.drop_index("a", index).await.unwrap();
    }
}
