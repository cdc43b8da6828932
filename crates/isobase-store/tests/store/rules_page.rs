//! Every example of `docs/rules.md` holds.

use std::sync::Arc;

use isobase_engine::SystemClock;
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_store::{
    Action, Atomicity, Caller, IfMissing, Precondition, Rejection, Rule, RuleAction, RuleBook,
    Rules, Store, StoreOptions, Unruled, User, View, WriteBatch, WriteOperation,
};
use isobase_types::{CollectionName, DocumentId};

const PAGE: &str = include_str!("../../../../docs/rules.md");

/// The rows of the tables with so many columns whose last one says yes or no, without marks.
fn rows(columns: usize) -> Vec<Vec<String>> {
    let cells = |line: &str| -> Vec<String> {
        let line = line.trim_matches('|').split(" | ");
        line.map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    };
    let rows = PAGE.lines().filter(|line| line.starts_with("| ")).map(cells);
    let of_examples = |row: &Vec<String>| {
        row.len() == columns && row.last().is_some_and(|last| last == "yes" || last == "no")
    };
    rows.filter(of_examples).collect()
}

fn caller(name: &str) -> Caller {
    let account =
        |id, role| Caller::account(Arc::new(User::new(DocumentId::Integer(id), name, role)));
    match name {
        "ann" => account(7, "user"),
        "eve" => account(9, "moderator"),
        "-" => Caller::anonymous(),
        other => panic!("{other}"),
    }
}

fn notes() -> CollectionName {
    CollectionName::new("notes").unwrap()
}

/// A store with one document, and the view of a caller under one rule.
async fn world(action: RuleAction, rule: &str, who: &str, body: &str) -> (View, DocumentId) {
    let engine = MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default());
    let store = Store::new(Arc::new(engine), StoreOptions::default());
    let rules = Rules::default().with(action, Rule::parse(action, rule).unwrap());
    let book = RuleBook::new(Unruled::Open).with(notes(), rules);
    let service = View::new(store.clone(), Arc::default(), Caller::service());
    let written = write(&service, Action::Create { body: body.to_owned() }).await.unwrap();
    (View::new(store, Arc::new(book), caller(who)), written)
}

async fn write(view: &View, action: Action) -> Result<DocumentId, Option<Rejection>> {
    let operation =
        WriteOperation { collection: notes(), action, precondition: Precondition::None };
    let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
    let report = view.write(batch, Atomicity::EachAlone).await;
    let outcome = report.map_err(|_| None)?.outcomes.remove(0);
    outcome.map(|written| written.id).map_err(Some)
}

#[tokio::test]
async fn examples_of_documents_hold() {
    let rows = rows(4);
    assert!(rows.len() > 10, "{rows:?}");
    for row in rows {
        let [rule, who, body, holds] = &*row else { panic!("{row:?}") };
        let (view, id) = world(RuleAction::View, rule, who, body).await;
        let found = view.get(&notes(), &id).await.ok().flatten().is_some();
        assert_eq!(found, holds == "yes", "{row:?}");
    }
}

#[tokio::test]
async fn examples_of_writes_hold() {
    let rows = rows(5);
    assert!(rows.len() > 5, "{rows:?}");
    for row in rows {
        let [rule, who, before, after, holds] = &*row else { panic!("{row:?}") };
        let (view, id) = world(RuleAction::Update, rule, who, before).await;
        let put = Action::Put { id, body: after.clone(), if_missing: IfMissing::Refuse };
        let written = write(&view, put).await;
        assert_eq!(written.is_ok(), holds == "yes", "{row:?} {written:?}");
    }
}

#[test]
fn rules_of_the_page_can_be_read() {
    let declared = PAGE.lines().filter_map(|line| {
        let (name, text) = line.split_once('=')?;
        let action: RuleAction = name.trim().parse().ok()?;
        let text = text.trim().strip_prefix('"')?.strip_suffix('"')?;
        Some(Rule::parse(action, text).unwrap())
    });
    assert_eq!(declared.count(), 4);
    let message = Rule::parse(RuleAction::Update, "owner=@user.idd").unwrap_err().to_string();
    assert!(PAGE.contains(&message), "{message}");
}
