//! Bounds, and large things within them.

use crate::{Batch, Operation, RefusalKind, Shared, check::*};

pub(crate) async fn large_document_comes_back(s: Shared) {
    for length in [1_000, 100_000, large(&s, 4 << 20)] {
        let value = "ä".repeat(length / 2);
        let body = format!("{{\"v\":\"{value}\"}}");
        let id = create(&s, "a", &body).await;
        let expected = format!("{{\"v\":\"{value}\",\"id\":{id}}}");
        assert!(text(&s, "a", &id).await.unwrap() == expected, "{length} bytes");
    }
}

pub(crate) async fn document_with_many_keys_comes_back(s: Shared) {
    let members: Vec<String> = (0..5_000).map(|n| format!("\"key{n}\":{n}")).collect();
    let body = format!("{{{}}}", members.join(","));
    let id = create(&s, "a", &body).await;
    let expected = format!("{},\"id\":{id}}}", &body[..body.len() - 1]);
    assert!(text(&s, "a", &id).await.unwrap() == expected);
    assert_eq!(ids(&s, "a", &[("key4999", "4999")]).await, ["1"]);
}

pub(crate) async fn page_of_large_documents_is_cut_and_goes_on(s: Shared) {
    // 20 MiB in all: more than one page may hold.
    let pad = "x".repeat(large(&s, 1 << 20));
    let count = (20 << 20) / pad.len();
    for n in 0..count {
        create(&s, "a", &format!("{{\"n\":{},\"pad\":\"{pad}\"}}", count - n)).await;
    }
    assert_eq!(walk(&s, "a", &[("sort", "n")], 1000).await.len(), count);
    for sort in ["id", "n"] {
        let page = list(&s, "a", &[("sort", sort), ("limit", "1000")]).await;
        assert!(page.documents.len() < count && page.next.is_some(), "the page holds 20 MiB");
    }
}

pub(crate) async fn batch_with_too_many_operations_is_refused(s: Shared) {
    let operations = (0..10_001).map(|_| Operation::create("{}")).collect();
    let refusal = s.write_batch("a", &Batch::each(operations)).await.unwrap_err();
    let named = [RefusalKind::LimitExceeded, RefusalKind::TooLarge];
    assert!(named.contains(&refusal.kind), "{refusal:?}");
    assert_eq!(s.totals().await.unwrap().documents, 0);
}

pub(crate) async fn largest_page_is_answered(s: Shared) {
    let bodies: Vec<String> = (0..1_001).map(|n| format!("{{\"n\":{n}}}")).collect();
    create_all(&s, "a", &bodies).await;
    let page = list(&s, "a", &[("limit", "1000")]).await;
    assert_eq!(page.documents.len(), 1_000);
    let cursor = page.next.unwrap();
    let rest = list(&s, "a", &[("limit", "1000"), ("cursor", &cursor)]).await;
    assert_eq!((rest.documents.len(), rest.next), (1, None));
    let kind = list_refused(&s, "a", &[("limit", "1001")]).await;
    assert_eq!(kind, RefusalKind::InvalidParameter);
}

/// A length that a string can have in a document of the engine, bookkeeping and all.
fn large(s: &Shared, wanted: usize) -> usize {
    let most = s.abilities().document_bytes / 10 * 9;
    wanted.min(usize::try_from(most).unwrap_or(usize::MAX))
}
