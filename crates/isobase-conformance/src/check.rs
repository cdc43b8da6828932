//! The common parts of cases.

use crate::{Batch, BatchReport, Change, Done, Listed, Operation, Refusal, RefusalKind, Shared};

/// One write that must succeed.
pub(crate) async fn write(s: &Shared, collection: &str, operation: Operation) -> Done {
    try_write(s, collection, operation.clone())
        .await
        .unwrap_or_else(|refusal| panic!("{operation:?} refused: {refusal:?}"))
}

/// One write.
pub(crate) async fn try_write(
    s: &Shared,
    collection: &str,
    operation: Operation,
) -> Result<Done, Refusal> {
    s.write(collection, &operation, None).await.map(|report| report.done)
}

/// One write that must be refused.
pub(crate) async fn refused(s: &Shared, collection: &str, operation: Operation) -> RefusalKind {
    match try_write(s, collection, operation.clone()).await {
        Ok(done) => panic!("{operation:?} was carried out: {done:?}"),
        Err(refusal) => refusal.kind,
    }
}

/// A new document; its id in the form of a path segment.
pub(crate) async fn create(s: &Shared, collection: &str, body: &str) -> String {
    segment(&write(s, collection, Operation::create(body)).await.id)
}

/// A document under a string id.
pub(crate) async fn put_new(s: &Shared, collection: &str, id: &str, body: &str) -> String {
    revision(&write(s, collection, Operation::create_as(id, body)).await)
}

/// Many documents in one batch.
pub(crate) async fn create_all(s: &Shared, collection: &str, bodies: &[String]) {
    for part in bodies.chunks(500) {
        let operations = part.iter().map(Operation::create).collect();
        let report = batch(s, collection, Batch::each(operations)).await;
        assert!(report.outcomes.iter().all(Result::is_ok), "{report:?}");
    }
}

/// A batch that must be answered.
pub(crate) async fn batch(s: &Shared, collection: &str, batch: Batch) -> BatchReport {
    s.write_batch(collection, &batch).await.unwrap_or_else(|r| panic!("{batch:?} refused: {r:?}"))
}

/// The kinds of refusal of a batch; `None` if an operation was carried out.
pub(crate) fn kinds(report: &BatchReport) -> Vec<Option<RefusalKind>> {
    report.outcomes.iter().map(|outcome| outcome.as_ref().err().map(|r| r.kind)).collect()
}

pub(crate) fn revision(done: &Done) -> String {
    done.revision.clone().unwrap_or_else(|| panic!("no revision in {done:?}"))
}

/// The text of a document.
pub(crate) async fn text(s: &Shared, collection: &str, id: &str) -> Option<String> {
    s.get(collection, id).await.unwrap().map(|stored| stored.text)
}

/// The revision of a document that is there.
pub(crate) async fn revision_of(s: &Shared, collection: &str, id: &str) -> String {
    s.get(collection, id).await.unwrap().expect("the document is there").revision
}

/// A listing that must be answered.
pub(crate) async fn list(s: &Shared, collection: &str, parameters: &[(&str, &str)]) -> Listed {
    s.list(collection, parameters)
        .await
        .unwrap_or_else(|refusal| panic!("{parameters:?} refused: {refusal:?}"))
}

/// A listing that must be refused.
pub(crate) async fn list_refused(
    s: &Shared,
    collection: &str,
    parameters: &[(&str, &str)],
) -> RefusalKind {
    match s.list(collection, parameters).await {
        Ok(listed) => panic!("{parameters:?} was answered: {listed:?}"),
        Err(refusal) => refusal.kind,
    }
}

/// The ids of a listing, as JSON.
pub(crate) async fn ids(s: &Shared, collection: &str, parameters: &[(&str, &str)]) -> Vec<String> {
    let listed = list(s, collection, parameters).await;
    listed.documents.iter().map(|text| id_of(text)).collect()
}

/// The documents of all pages by cursor.
pub(crate) async fn walk(
    s: &Shared,
    collection: &str,
    parameters: &[(&str, &str)],
    limit: u32,
) -> Vec<String> {
    let limit = limit.to_string();
    let mut documents = Vec::new();
    let mut cursor: Option<String> = None;
    // Far more pages than any case has: a listing that goes round in circles must fail.
    for _ in 0..20_000 {
        let mut with_page = parameters.to_vec();
        with_page.push(("limit", &limit));
        if let Some(cursor) = &cursor {
            with_page.push(("cursor", cursor));
        }
        let page = list(s, collection, &with_page).await;
        documents.extend(page.documents);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return documents,
        }
    }
    panic!("the listing {parameters:?} does not end");
}

/// The id at the end of a document's text, as JSON.
pub(crate) fn id_of(text: &str) -> String {
    let value: serde_json::Value =
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    value["id"].to_string()
}

/// The form of a path segment of an id in JSON.
pub(crate) fn segment(id: &str) -> String {
    match serde_json::from_str(id).unwrap() {
        serde_json::Value::String(text) => text,
        number => number.to_string(),
    }
}

/// The whole feed after a place.
pub(crate) async fn all_changes(
    s: &Shared,
    collection: Option<&str>,
    mut since: u64,
    limit: u32,
) -> Vec<Change> {
    let mut changes = Vec::new();
    loop {
        let page = s.changes(collection, since, limit).await.unwrap();
        assert!(page.next >= since, "the feed goes back from {since} to {}", page.next);
        assert!(page.changes.len() <= limit as usize, "more than {limit} changes in a page");
        changes.extend(page.changes);
        if !page.more {
            return changes;
        }
        assert!(page.next > since, "the feed stands still at {since}");
        since = page.next;
    }
}

/// The place of the last committed write.
pub(crate) async fn latest(s: &Shared) -> u64 {
    let mut since = 0;
    loop {
        let page = s.changes(None, since, 1000).await.unwrap();
        since = page.next;
        if !page.more {
            return since;
        }
    }
}

/// Of all combinations of a case, those that are tried on this subject.
pub(crate) fn sampled<T>(s: &Shared, all: impl IntoIterator<Item = T>) -> Vec<T> {
    all.into_iter().step_by(s.abilities().one_in).collect()
}

/// A text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}
