//! A whole life of an engine, for tests that look at what goes over the wire.

use isobase_engine::{
    Action, ChangesRequest, Engine, EngineError, IfMissing, IndexDefinition, ListRequest,
    Precondition, WriteBatch, WriteOperation,
};
use isobase_types::{
    CollectionName, Comparison, Document, DocumentId, FieldPath, Filter, Literal, Operator, Order,
    Sequence,
};

/// Texts in the order of their bytes: not that of UTF-16, nor that of any language.
const TEXTS: [&str; 8] = ["10", "9", "B", "Z", "aa", "b", "Ａ", "😀"];

/// Integers that are the same as floats, or no longer are.
const INTEGERS: [&str; 5] = [
    "9007199254740992",
    "9007199254740993",
    "9007199254740994",
    "9223372036854775807",
    "9223372036854775808",
];

/// Asks for everything that an engine is asked: writes, pages, filters and orders with and without
/// an index, counts, changes, collections, what other programs wrote, a snapshot and a load.
/// `collection` is empty before and after.
///
/// # Errors
/// Those of the engine.
///
/// # Panics
/// When an answer is wrong: places in an order where servers of tests differ from the databases
/// they stand for.
pub async fn live(engine: &dyn Engine, collection: &CollectionName) -> Result<(), EngineError> {
    let by = |order: &str| Order::parse(order).expect("an order");
    let definition = IndexDefinition::new(by("text")).expect("an index");
    let long = |end: &str| format!("{}{end}", "x".repeat(1_600));
    let texts = TEXTS.iter().map(|text| (*text).to_owned()).chain([long("a"), long("b")]);
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    let write = |text: &String, place: usize| {
        let integer = INTEGERS[place % INTEGERS.len()];
        let body = format!(r#"{{"text":"{text}","integer":{integer},"vector":[{place},1.5]}}"#);
        let action = match place {
            // Ids of both kinds.
            0 => Action::Create { body },
            _ => Action::Put {
                id: id(&format!("{text:.4}-{place}")),
                body,
                if_missing: IfMissing::Create,
            },
        };
        WriteOperation { collection: collection.clone(), action, precondition: Precondition::None }
    };
    // Not in the order of the texts.
    let mut operations: Vec<_> =
        texts.iter().zip(0..).map(|(text, place)| write(text, place)).collect();
    operations.rotate_left(5);
    written(engine, operations).await?;
    for is_indexed in [false, true] {
        let found = listed(engine, collection, by("text"), Filter::all()).await?;
        assert_eq!(fields(&found, "text"), texts);
        let found = listed(engine, collection, by("-text"), Filter::all()).await?;
        assert!(fields(&found, "text").iter().eq(texts.iter().rev()));
        let above = compare("text", Operator::Greater(Literal::Text(long("a"))));
        let found = listed(engine, collection, by("text"), above).await?;
        assert_eq!(fields(&found, "text"), [long("b"), "Ａ".to_owned(), "😀".to_owned()]);
        let above = compare("text", Operator::Greater(Literal::Text("b".to_owned())));
        assert_eq!(engine.count(collection, &above, 1_000).await?, 4);
        if !is_indexed {
            engine.create_index(collection, &definition).await?;
        }
    }
    assert_eq!(engine.indexes(collection).await?.len(), 1);
    let found = listed(engine, collection, by("integer"), Filter::all()).await?;
    let doubled: Vec<_> = INTEGERS.iter().flat_map(|integer| [*integer; 2]).collect();
    assert_eq!(fields(&found, "integer"), doubled);
    let one = Literal::Integer(INTEGERS[1].parse().expect("64 bits"));
    let equal = compare("integer", Operator::In(vec![one]));
    assert_eq!(engine.count(collection, &equal, 1_000).await?, 2);
    assert_eq!(listed(engine, collection, Order::default(), equal).await?.len(), 2);
    // Numbers are not given again.
    let named = found.iter().find(|document| matches!(document.id, DocumentId::Text(_)));
    by_itself(engine, collection, named.expect("ids of both kinds")).await?;
    assert!(engine.drop_index(collection, &definition).await?);
    moved(engine, collection).await?;
    assert_eq!(engine.delete_collection(collection).await?, texts.len() as u64);
    assert!(engine.collections().await?.is_empty());
    engine.check().await
}

/// One document read, changed, deleted and made again, and what the feed says of it.
async fn by_itself(
    engine: &dyn Engine,
    collection: &CollectionName,
    document: &Document,
) -> Result<(), EngineError> {
    let since = engine.latest().await?;
    let (id, body) = (document.id.clone(), document.body.clone());
    assert_eq!(engine.get(collection, &id).await?.as_ref(), Some(document));
    let operation = |action| WriteOperation {
        collection: collection.clone(),
        action,
        precondition: Precondition::None,
    };
    let put = |body: &str| Action::Put {
        id: id.clone(),
        body: body.to_owned(),
        if_missing: IfMissing::Create,
    };
    for action in [put("{}"), Action::Delete { id: id.clone() }, put(&body)] {
        written(engine, vec![operation(action)]).await?;
    }
    let request =
        ChangesRequest { since, collection: Some(collection.clone()), limit: 10, bodies: false };
    let told = engine.read_changes(&request).await?.changes;
    let kinds: Vec<_> = told.iter().map(|change| change.kind.as_str()).collect();
    assert_eq!(kinds, ["updated", "deleted", "created"]);
    let request =
        ChangesRequest { since: Sequence(0), collection: None, limit: 1_000, bodies: false };
    assert!(engine.read_changes(&request).await?.changes.len() > told.len());
    Ok(())
}

/// Everything read and loaded again, and what other programs may have done looked for.
async fn moved(engine: &dyn Engine, collection: &CollectionName) -> Result<(), EngineError> {
    let Some(reconcile) = engine.reconcile() else { panic!("an engine that looks for nothing") };
    assert!(reconcile.reconcilable().await?.contains(collection));
    let found = reconcile.reconcile(collection).await?;
    assert_eq!((found.created, found.updated), (0, 0));
    let mut snapshot = engine.snapshot().await?;
    assert_eq!(snapshot.collections().await?.len(), 1);
    let documents = snapshot.read(collection, None, 1 << 20).await?;
    let counters = snapshot.counters();
    drop(snapshot);
    engine.mark("a whole life").await?;
    assert_eq!(engine.unfinished().await?.as_deref(), Some("a whole life"));
    engine.unload(collection, &[documents[0].id.clone()]).await?;
    engine.load(collection, documents.clone()).await?;
    engine.finish(counters).await?;
    let found = listed(engine, collection, Order::default(), Filter::all()).await?;
    assert_eq!(found, documents);
    Ok(())
}

async fn written(engine: &dyn Engine, operations: Vec<WriteOperation>) -> Result<(), EngineError> {
    let batch = WriteBatch { operations, ..WriteBatch::default() };
    let report = engine.write(batch).await?;
    assert!(report.outcomes.iter().all(Result::is_ok), "{report:?}");
    Ok(())
}

/// A whole listing, in pages of three.
async fn listed(
    engine: &dyn Engine,
    collection: &CollectionName,
    order: Order,
    filter: Filter,
) -> Result<Vec<Document>, EngineError> {
    let mut request = ListRequest {
        filter,
        order,
        after: None,
        skip: 0,
        limit: 3,
        bytes_max: 1 << 20,
        scan_max: 10_000,
    };
    let mut documents = Vec::new();
    loop {
        let page = engine.list(collection, &request).await?;
        documents.extend(page.documents);
        request.after = page.next;
        if request.after.is_none() {
            return Ok(documents);
        }
    }
}

/// A field of each document, texts without their quotes.
fn fields(documents: &[Document], name: &str) -> Vec<String> {
    let field = |document: &Document| {
        let (_, rest) = document.body.split_once(&format!("\"{name}\":")).expect("the field");
        let end = rest.find([',', '}']).expect("the end of the field");
        rest[..end].trim_matches('"').to_owned()
    };
    documents.iter().map(field).collect()
}

fn compare(field: &str, operator: Operator) -> Filter {
    let path = FieldPath::parse(field).expect("a field");
    Filter::Compare(Comparison { path, operator })
}

fn id(text: &str) -> DocumentId {
    DocumentId::parse(text).expect("an id")
}
