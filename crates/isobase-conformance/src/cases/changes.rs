//! The change feed.

use futures_util::future::join_all;
use isobase_engine::Counters;
use isobase_types::Sequence;

use crate::{Batch, CHANGES_KEPT, Operation, RefusalKind, Shared, check::*};

pub(crate) async fn each_write_is_told_once_and_in_order(s: Shared) {
    create(&s, "a", "{}").await;
    put_new(&s, "b", "k", "{}").await;
    write(&s, "a", Operation::put("1", r#"{"n":1}"#)).await;
    refused(&s, "a", Operation::delete("77")).await;
    write(&s, "b", Operation::patch("k", "{}")).await;
    write(&s, "a", Operation::delete("1")).await;
    s.delete_collection("b").await.unwrap();
    s.delete_collection("nothing").await.unwrap();
    let seen: Vec<String> = all_changes(&s, None, 0, 100)
        .await
        .into_iter()
        .map(|change| {
            let id = change.id.unwrap_or_default();
            let revision = change.revision.unwrap_or_default();
            format!("{} {} {id} {} {revision}", change.sequence, change.collection, change.kind)
        })
        .collect();
    let expected = [
        "1 a 1 created 1",
        "2 b \"k\" created 2",
        "3 a 1 updated 3",
        "4 b \"k\" updated 4",
        "5 a 1 deleted ",
        "6 b  collection_deleted ",
    ];
    assert_eq!(seen, expected);
}

pub(crate) async fn collection_sees_only_its_own(s: Shared) {
    for n in 0..10 {
        create(&s, if n % 3 == 0 { "a" } else { "b" }, "{}").await;
    }
    let sequences = async |collection, since, limit| {
        let changes = all_changes(&s, Some(collection), since, limit).await;
        changes.into_iter().map(|change| change.sequence).collect::<Vec<_>>()
    };
    assert_eq!(sequences("a", 0, 100).await, [1, 4, 7, 10]);
    assert_eq!(sequences("a", 0, 1).await, [1, 4, 7, 10]);
    assert_eq!(sequences("b", 4, 2).await, [5, 6, 8, 9]);
    assert_eq!(sequences("none", 0, 2).await, [0; 0]);
}

pub(crate) async fn pages_join_without_gap_or_repeat(s: Shared) {
    let operations = (0..250).map(|_| Operation::create("{}")).collect();
    batch(&s, "a", Batch::each(operations)).await;
    for limit in [1, 7, 100, 249, 250, 251] {
        let sequences: Vec<u64> =
            all_changes(&s, None, 0, limit).await.iter().map(|change| change.sequence).collect();
        assert_eq!(sequences, (1..=250).collect::<Vec<_>>(), "pages of {limit}");
    }
    let end = s.changes(None, 250, 10).await.unwrap();
    assert_eq!((end.changes.len(), end.next, end.more), (0, 250, false));
}

pub(crate) async fn next_of_a_filtered_page_passes_the_others(s: Shared) {
    create(&s, "a", "{}").await;
    for _ in 0..5 {
        create(&s, "b", "{}").await;
    }
    let page = s.changes(Some("a"), 0, 10).await.unwrap();
    assert_eq!((page.changes.len(), page.more), (1, false));
    assert!((1..=6).contains(&page.next), "{}", page.next);
    create(&s, "a", "{}").await;
    let page = s.changes(Some("a"), page.next, 10).await.unwrap();
    assert_eq!(page.changes.len(), 1);
    assert_eq!(page.changes[0].sequence, 7);
}

pub(crate) async fn place_of_the_future_is_refused(s: Shared) {
    create(&s, "a", "{}").await;
    let refusal = s.changes(None, 1_000_000, 10).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::ForeignCursor);
    let page = s.changes(None, 1, 10).await.unwrap();
    assert_eq!((page.changes.len(), page.more, page.next), (0, false, 1));
}

pub(crate) async fn places_lead_on_and_words_always_do(s: Shared) {
    for n in 0..4 {
        create(&s, if n % 2 == 0 { "a" } else { "b" }, "{}").await;
    }
    let first = s.changes_since(None, "0", 2).await.unwrap();
    assert_eq!((first.changes.len(), first.more), (2, true));
    // Behind a change of a page, and behind the page.
    let after_one = s.changes_since(None, &first.changes[0].place, 10).await.unwrap();
    assert_eq!(after_one.changes.len(), 3);
    let rest = s.changes_since(None, &first.next_place, 10).await.unwrap();
    assert_eq!(rest.changes, after_one.changes[1..]);
    let now = s.changes_since(Some("a"), "now", 10).await.unwrap();
    assert_eq!((now.changes.len(), now.more, &now.next_place), (0, false, &rest.next_place));
    create(&s, "a", "{}").await;
    assert_eq!(s.changes_since(Some("a"), &now.next_place, 10).await.unwrap().changes.len(), 1);
    for (place, expected) in [
        ("x", RefusalKind::InvalidParameter),
        ("-1", RefusalKind::InvalidParameter),
        // A place of another database, that of the end of the page of which this is one.
        ("AQEjRWeJq83vAAAAAAAAAAAAAAAAAAAADQ", RefusalKind::ForeignPlace),
    ] {
        let refusal = s.changes_since(None, place, 10).await.unwrap_err();
        assert_eq!(refusal.kind, expected, "{place}");
    }
}

pub(crate) async fn places_end_with_a_load(s: Shared) {
    let Some(engine) = s.engine().cloned() else { return };
    for _ in 0..3 {
        create(&s, "a", "{}").await;
    }
    let before = s.changes_since(None, "now", 10).await.unwrap().next_place;
    let cursor = list(&s, "a", &[("limit", "1")]).await.next.unwrap();
    for place in ["0", "2", "now", &before] {
        s.changes_since(None, place, 10).await.unwrap();
    }
    engine.mark("a test").await.unwrap();
    engine.finish(Counters { sequence: Sequence(7), last_id: 7 }).await.unwrap();
    for place in [&before, "2", "7", "9"] {
        let refusal = s.changes_since(None, place, 10).await.unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::ForeignPlace, "{place}");
    }
    let refusal = list_refused(&s, "a", &[("limit", "1"), ("cursor", &cursor)]).await;
    assert_eq!(refusal, RefusalKind::ForeignPlace);
    // The first changes are none of those that the feed has: a reader begins with a listing.
    let gone = s.changes_since(None, "0", 10).await.unwrap_err();
    assert!(matches!(gone.kind, RefusalKind::ChangesGone { .. }), "{gone:?}");
    let now = s.changes_since(None, "now", 10).await.unwrap();
    create(&s, "a", "{}").await;
    let told = s.changes_since(None, &now.next_place, 10).await.unwrap().changes;
    assert_eq!((told.len(), told[0].id.as_deref()), (1, Some("8")));
}

pub(crate) async fn taken_back_batch_is_never_told(s: Shared) {
    for n in 0..5 {
        let operations = vec![
            Operation::create("{}"),
            Operation::upsert("k", "{}"),
            Operation::delete("missing"),
        ];
        batch(&s, "a", Batch::atomic(operations)).await;
        create(&s, "b", "{}").await;
        assert_eq!(latest(&s).await, n + 1);
    }
    assert!(all_changes(&s, None, 0, 100).await.iter().all(|change| change.collection == "b"));
}

pub(crate) async fn feed_read_during_writes_misses_nothing(s: Shared) {
    const WRITERS: u64 = 8;
    const EACH: u64 = 40;
    let writers = (0..WRITERS).map(|_| {
        let s = s.clone();
        tokio::spawn(async move {
            for _ in 0..EACH {
                create(&s, "a", "{}").await;
            }
        })
    });
    let reader = {
        let s = s.clone();
        tokio::spawn(async move {
            let (mut since, mut seen) = (0, Vec::new());
            while (seen.len() as u64) < WRITERS * EACH {
                let page = s.changes(None, since, 50).await.unwrap();
                seen.extend(page.changes.iter().map(|change| change.sequence));
                since = page.next;
                tokio::task::yield_now().await;
            }
            seen
        })
    };
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    assert_eq!(reader.await.unwrap(), (1..=WRITERS * EACH).collect::<Vec<_>>());
}

pub(crate) async fn replayed_feed_rebuilds_the_collection(s: Shared) {
    for round in 0..4 {
        for n in 0..6 {
            write(&s, "a", Operation::upsert(&format!("k{n}"), format!("{{\"n\":{round}}}"))).await;
        }
        write(&s, "a", Operation::delete(&format!("k{round}"))).await;
    }
    let mut known = std::collections::BTreeMap::new();
    for change in all_changes(&s, Some("a"), 0, 5).await {
        match (change.id, change.revision) {
            (Some(id), Some(revision)) => drop(known.insert(id, revision)),
            (Some(id), None) => drop(known.remove(&id)),
            (None, _) => known.clear(),
        }
    }
    let listed = ids(&s, "a", &[]).await;
    assert_eq!(known.keys().cloned().collect::<Vec<_>>(), listed);
    for (id, revision) in known {
        assert_eq!(revision_of(&s, "a", &segment(&id)).await, revision);
    }
}

pub(crate) async fn gone_past_is_an_explicit_answer(s: Shared) {
    let operations: Vec<Operation> =
        (0..1_000).map(|n| Operation::upsert(&format!("k{}", n % 50), "{}")).collect();
    let mut written = 0;
    let oldest = loop {
        batch(&s, "a", Batch::each(operations.clone())).await;
        written += 1_000;
        match s.changes(None, 0, 1).await {
            // An engine may trim in a while, but not never.
            Ok(_) => assert!(written < 3 * CHANGES_KEPT, "{written} changes are kept"),
            Err(refusal) => match refusal.kind {
                RefusalKind::ChangesGone { oldest } => break oldest,
                _ => panic!("{refusal:?}"),
            },
        }
    };
    assert!(oldest > 0 && written > CHANGES_KEPT, "{oldest} of {written}");
    let one_earlier = s.changes(Some("a"), oldest - 1, 1).await.unwrap_err();
    assert_eq!(one_earlier.kind, RefusalKind::ChangesGone { oldest });
    let sequences: Vec<u64> =
        all_changes(&s, None, oldest, 1_000).await.iter().map(|change| change.sequence).collect();
    assert_eq!(sequences, (oldest + 1..=written).collect::<Vec<_>>());
    // The documents themselves are all there.
    assert_eq!(s.totals().await.unwrap().documents, 50);
}
