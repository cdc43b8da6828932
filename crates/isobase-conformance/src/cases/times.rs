//! Filters and orders by the times that the store keeps of documents.

use crate::{Operation, RefusalKind, Shared, check::*};

const CREATED: &str = "_meta.createdAt";
const UPDATED: &str = "_meta.updatedAt";
const INDEXES: [&str; 4] = [UPDATED, "-_meta.updatedAt,n", CREATED, "n,-_meta.updatedAt"];

/// A document and its times.
#[derive(Clone, Debug)]
struct Row {
    id: u64,
    n: u64,
    created: String,
    updated: String,
}

impl Row {
    fn time(&self, field: &str) -> &str {
        if field == CREATED { &self.created } else { &self.updated }
    }
}

/// Lets some time pass where the clock can be set: some documents then have equal times.
fn pass(s: &Shared) {
    if let Some(clock) = s.clock() {
        clock.advance_us(1_500_000);
    }
}

async fn rows(s: &Shared) -> Vec<Row> {
    let mut rows = Vec::new();
    for (at, id) in ids(s, "a", &[]).await.into_iter().enumerate() {
        let times = s.times("a", &id).await.unwrap().expect("the document is there");
        let (created, updated) = (times.created_at, times.updated_at);
        rows.push(Row { id: id.parse().unwrap(), n: at as u64 % 2, created, updated });
    }
    rows
}

fn ids_of(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| row.id.to_string()).collect()
}

/// Asks for every order and every comparison with every time there is.
async fn compare(s: &Shared, with: &str) {
    let rows = rows(s).await;
    for field in [CREATED, UPDATED] {
        let mut sorted = rows.clone();
        sorted.sort_by(|a, b| (a.time(field), a.id).cmp(&(b.time(field), b.id)));
        let descending = format!("-{field}");
        for (order, sorted) in [(field, sorted.clone()), (&descending, reversed(sorted))] {
            let expected = ids_of(&sorted);
            assert_eq!(ids(s, "a", &[("sort", order)]).await, expected, "{order} {with}");
            for limit in [1, 3] {
                let walked = walk(s, "a", &[("sort", order)], limit).await;
                let walked: Vec<String> = walked.iter().map(|text| id_of(text)).collect();
                assert_eq!(walked, expected, "{order} by pages of {limit} {with}");
            }
            let odd: Vec<Row> = sorted.into_iter().filter(|row| row.n == 1).collect();
            let found = ids(s, "a", &[("n", "1"), ("sort", order)]).await;
            assert_eq!(found, ids_of(&odd), "{order} where n=1 {with}");
        }
        for row in &rows {
            let time = row.time(field);
            let meets: [(&str, fn(&str, &str) -> bool); 8] = [
                ("eq", |own, time| own == time),
                ("ne", |own, time| own != time),
                ("gt", |own, time| own > time),
                ("gte", |own, time| own >= time),
                ("lt", |own, time| own < time),
                ("lte", |own, time| own <= time),
                ("in", |own, time| own == time),
                ("nin", |own, time| own != time),
            ];
            for (operator, meets) in meets {
                let found = ids(s, "a", &[(&format!("{field}[{operator}]"), time)]).await;
                let expected = rows.iter().filter(|row| meets(row.time(field), time)).cloned();
                let expected = ids_of(&expected.collect::<Vec<_>>());
                assert_eq!(found, expected, "{field}[{operator}]={time} {with}");
            }
        }
    }
    let all = ids(s, "a", &[("or", "(_meta.updatedAt.gt.2001-01-01T00:00:00+01:00,n.eq.9)")]).await;
    assert_eq!(all, ids_of(&rows), "{with}");
    let counted =
        [("_meta.createdAt[lt]", "2001-01-01T00:00:00Z"), ("count", "exact"), ("limit", "2")];
    assert_eq!(list(s, "a", &counted).await.total, Some(0), "{with}");
}

fn reversed(mut rows: Vec<Row>) -> Vec<Row> {
    rows.reverse();
    rows
}

/// Seven documents, some of one moment, of which three were changed since. Their own fields of that
/// name say nothing.
async fn fill(s: &Shared) {
    for part in [3, 1, 3] {
        let bodies: Vec<String> = (0..part)
            .map(|n| {
                format!("{{\"n\":{n},\"_meta\":{{\"updatedAt\":\"x{n}\",\"createdAt\":{n}}}}}")
            })
            .collect();
        create_all(s, "a", &bodies).await;
        pass(s);
    }
    for (at, id) in ids(s, "a", &[]).await.into_iter().enumerate() {
        let body = format!("{{\"n\":{}}}", at % 2);
        write(s, "a", Operation::put(&id, &body)).await;
        if at % 3 == 0 {
            pass(s);
        }
    }
}

pub(crate) async fn times_are_filtered_and_sorted_by(s: Shared) {
    fill(&s).await;
    compare(&s, "without an index").await;
    for index in INDEXES {
        s.create_index("a", index).await.unwrap();
        compare(&s, index).await;
        s.drop_index("a", index).await.unwrap();
    }
}

pub(crate) async fn order_of_times_follows_updates(s: Shared) {
    for index in INDEXES {
        s.create_index("a", index).await.unwrap();
    }
    fill(&s).await;
    compare(&s, "after a fill").await;
    let first = ids(&s, "a", &[]).await[0].clone();
    pass(&s);
    write(&s, "a", Operation::put(&first, r#"{"n":0}"#)).await;
    compare(&s, "after an update").await;
    assert_eq!(ids(&s, "a", &[("sort", "-_meta.updatedAt")]).await[0], first);
    write(&s, "a", Operation::delete(&first)).await;
    let left = ids(&s, "a", &[("sort", "_meta.updatedAt")]).await;
    assert_eq!(left.len(), 6);
    assert!(!left.contains(&first));
}

pub(crate) async fn values_that_are_no_time_are_refused(s: Shared) {
    create(&s, "a", r#"{"n":1}"#).await;
    let wrong: [(&str, &str); 14] = [
        (UPDATED, "yesterday"),
        (UPDATED, "5"),
        (UPDATED, "null"),
        (UPDATED, ""),
        ("_meta.updatedAt[gt]", "2026-11-20"),
        ("_meta.updatedAt[gt]", "2026-11-31T00:00:00Z"),
        ("_meta.updatedAt[gt]", "2026-11-20T00:00:00"),
        ("_meta.updatedAt[gte]", "2026-11-20T00:00:00.1234567Z"),
        ("_meta.createdAt[in]", "2026-11-20T00:00:00Z,now"),
        ("_meta.createdAt[like]", "2026%"),
        ("_meta.createdAt[ilike]", "2026%"),
        ("_meta.createdAt[null]", "true"),
        ("_meta.createdAt[contains]", "2026"),
        ("not", "(_meta.createdAt.lt.1e3)"),
    ];
    for parameter in wrong {
        let kind = list_refused(&s, "a", &[parameter]).await;
        assert_eq!(kind, RefusalKind::InvalidParameter, "{parameter:?}");
    }
    let refusal = s.create_index("a", "unique(_meta.updatedAt)").await.unwrap_err();
    let named = [RefusalKind::InvalidIndex, RefusalKind::InvalidParameter];
    assert!(named.contains(&refusal.kind), "{refusal:?}");
}
