//! Writing a group: one transaction, or nothing.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::{
    error::BuildError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        AttributeValue, CancellationReason, ConditionCheck, Delete, Put, TransactWriteItem, Update,
    },
};
use futures_util::{StreamExt, stream};
use isobase_engine::{EngineError, ErrorKind};
use isobase_remote::{
    After, CatalogueEntry, Commit, CommitError, Cost, DocumentWrite, IndexKey, META_FIELD, Tag,
};
use isobase_types::{ChangeKind, CollectionName};

use crate::{
    backend::DynamoDbBackend,
    client::Status,
    codec::{self, ID, Item, REVISION, integer, text},
    error::{Class, Failure, class_of_code},
    journal::{self, CATALOGUE, DOCUMENTS},
};

const ACTION: &str = "TransactWriteItems";
/// Bytes of a change in the log beside its names.
const CHANGE_BYTES: usize = 100;
/// Bytes of an entry beside its names and keys.
const ENTRY_BYTES: usize = 32;
/// Transactions with checks that are under way at a time, and items of each.
const GUARDED_PARALLEL: usize = 4;
const GUARDED_ITEMS_MAX: usize = 100;

/// What a write costs: the document, and each entry that comes or goes.
pub(crate) fn cost(write: &DocumentWrite) -> Cost {
    let (gone, new) = key_changes(write);
    let names = write.key.collection.as_str().len() + write.key.id.to_string().len();
    let entries: usize =
        gone.iter().chain(&new).map(|key| ENTRY_BYTES + names + key.key.len()).sum();
    let document = write.after.as_ref().map_or(0, |after| codec::item_bytes(&write.key.id, after));
    let bytes = CHANGE_BYTES + names + entries + document;
    Cost { items: 1 + (gone.len() + new.len()) as u64, bytes: bytes as u64 }
}

/// Keys that go and keys that come; what stays is not written again.
pub(crate) fn key_changes(write: &DocumentWrite) -> (Vec<&IndexKey>, Vec<&IndexKey>) {
    let before = write.before.as_ref().map_or(&[][..], |before| &before.keys);
    let after = write.after.as_ref().map_or(&[][..], |after| &after.keys);
    let gone = before.iter().filter(|key| !after.contains(key)).collect();
    let new = after.iter().filter(|key| !before.contains(key)).collect();
    (gone, new)
}

impl DynamoDbBackend {
    pub(crate) async fn commit_group(
        &self,
        commit: &Commit,
    ) -> Result<Result<(), CommitError>, EngineError> {
        let items = self.transaction(commit).map_err(malformed)?;
        let documents = 1..=commit.documents.len();
        match self.transact(items).await? {
            Transacted::Done => Ok(Ok(())),
            Transacted::Failed(conditions) if conditions.contains(&0) => {
                Ok(Err(CommitError::HeadMoved))
            }
            Transacted::Failed(conditions)
                if conditions.iter().any(|at| documents.contains(at)) =>
            {
                Ok(Err(CommitError::DocumentChanged))
            }
            Transacted::Failed(conditions) => {
                let message = format!("{ACTION}: conditions of items without any: {conditions:?}");
                Err(EngineError::new(ErrorKind::Unexpected, message))
            }
        }
    }

    /// The head first, then the documents, then what needs no condition because the head has one.
    fn transaction(&self, commit: &Commit) -> Result<Vec<TransactWriteItem>, BuildError> {
        let mut items = Vec::with_capacity(100);
        let head = Put::builder()
            .table_name(&self.journal)
            .set_item(Some(journal::head_item(&commit.next)))
            .condition_expression("#commit = :commit")
            .expression_attribute_names("#commit", "commit")
            .expression_attribute_values(":commit", integer(commit.head.commit))
            .build()?;
        items.push(TransactWriteItem::builder().put(head).build());
        for write in &commit.documents {
            items.push(self.document_item(write)?);
        }
        for write in &commit.documents {
            self.push_entries(write, &mut items)?;
        }
        if !commit.changes.is_empty() {
            let log = journal::log_item(&commit.changes, commit.next.sequence, commit.at);
            items.push(put(&self.journal, log)?);
        }
        for answer in &commit.answers {
            items.push(put(&self.journal, self.answer_item(answer))?);
        }
        for (collection, moved) in catalogue_changes(commit) {
            items.push(self.catalogue_item(collection, &moved)?);
        }
        Ok(items)
    }

    fn document_item(&self, write: &DocumentWrite) -> Result<TransactWriteItem, BuildError> {
        let table = self.names.table(&write.key.collection);
        let condition = Condition::of(write);
        let item = TransactWriteItem::builder();
        Ok(match &write.after {
            Some(after) => {
                let put = Put::builder()
                    .table_name(table)
                    .set_item(Some(codec::item(&write.key.id, after)))
                    .condition_expression(condition.expression)
                    .set_expression_attribute_names(Some(condition.names))
                    .set_expression_attribute_values(condition.values);
                item.put(put.build()?).build()
            }
            None => {
                let delete = Delete::builder()
                    .table_name(table)
                    .key(ID, text(write.key.id.to_string()))
                    .condition_expression(condition.expression)
                    .set_expression_attribute_names(Some(condition.names))
                    .set_expression_attribute_values(condition.values);
                item.delete(delete.build()?).build()
            }
        })
    }

    fn push_entries(
        &self,
        write: &DocumentWrite,
        items: &mut Vec<TransactWriteItem>,
    ) -> Result<(), BuildError> {
        let collection = &write.key.collection;
        let (gone, new) = key_changes(write);
        for key in gone {
            let delete = Delete::builder().table_name(&self.journal).set_key(Some(journal::key(
                journal::keys(collection, key.index),
                key.key.as_slice(),
            )));
            items.push(TransactWriteItem::builder().delete(delete.build()?).build());
        }
        for key in new {
            let entry = journal::entry(collection, key.index, &key.key, &write.key.id);
            items.push(put(&self.journal, entry)?);
        }
        Ok(())
    }

    fn catalogue_item(
        &self,
        collection: &CollectionName,
        moved: &Moved<'_>,
    ) -> Result<TransactWriteItem, BuildError> {
        let mut update = Update::builder()
            .table_name(&self.journal)
            .set_key(Some(journal::key(CATALOGUE, collection.as_str())));
        let mut sets = Vec::new();
        if let Some(entry) = moved.entry {
            for (name, value) in journal::entry_values(entry) {
                sets.push(format!("#{name} = :{name}"));
                update = update
                    .expression_attribute_names(format!("#{name}"), name)
                    .expression_attribute_values(format!(":{name}"), value);
            }
        }
        let (adds, count) = match moved.emptied {
            true => (false, moved.documents.max(0)),
            false => (true, moved.documents),
        };
        if !adds {
            sets.push(format!("#{DOCUMENTS} = :{DOCUMENTS}"));
        }
        let mut expression = String::new();
        if !sets.is_empty() {
            expression = format!("SET {}", sets.join(", "));
        }
        if adds {
            expression.push_str(&format!(" ADD #{DOCUMENTS} :{DOCUMENTS}"));
        }
        let update = update
            .update_expression(expression.trim())
            .expression_attribute_names(format!("#{DOCUMENTS}"), DOCUMENTS)
            .expression_attribute_values(format!(":{DOCUMENTS}"), integer(count))
            .build()?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Writes the keys of documents anew, each only if it is as it was.
    pub(crate) async fn rekey_documents(
        &self,
        writes: &[DocumentWrite],
    ) -> Result<Vec<bool>, EngineError> {
        let guarded = |write| -> Result<Guarded, BuildError> {
            let mut effects = Vec::new();
            self.push_entries(write, &mut effects)?;
            Ok(Guarded { check: self.check_item(write)?, effects })
        };
        let all: Result<Vec<Guarded>, BuildError> = writes.iter().map(guarded).collect();
        self.carry_out(all.map_err(malformed)?).await
    }

    /// Carries out effects, each if its check holds at the same moment; one answer each.
    pub(crate) async fn carry_out(&self, all: Vec<Guarded>) -> Result<Vec<bool>, EngineError> {
        let mut answers = vec![false; all.len()];
        let mut groups: Vec<Vec<(usize, Guarded)>> = Vec::new();
        let mut items = usize::MAX;
        for (at, guarded) in all.into_iter().enumerate() {
            let more = 1 + guarded.effects.len();
            if items.saturating_add(more) > GUARDED_ITEMS_MAX {
                groups.push(Vec::new());
                items = 0;
            }
            items += more;
            if let Some(group) = groups.last_mut() {
                group.push((at, guarded));
            }
        }
        let mut done = stream::iter(groups)
            .map(|group| self.carry_out_group(group))
            .buffer_unordered(GUARDED_PARALLEL);
        while let Some(carried_out) = done.next().await {
            for at in carried_out? {
                answers[at] = true;
            }
        }
        Ok(answers)
    }

    /// Those whose check does not hold are left out, and the others tried again.
    async fn carry_out_group(
        &self,
        mut group: Vec<(usize, Guarded)>,
    ) -> Result<Vec<usize>, EngineError> {
        while !group.is_empty() {
            let checks = group.iter().map(|(_, guarded)| guarded.check.clone());
            let effects = group.iter().flat_map(|(_, guarded)| guarded.effects.iter().cloned());
            match self.transact(checks.chain(effects).collect()).await? {
                Transacted::Done => break,
                Transacted::Failed(conditions) => {
                    let mut place = 0..;
                    group.retain(|_| place.next().is_some_and(|at| !conditions.contains(&at)));
                }
            }
        }
        Ok(group.into_iter().map(|(at, _)| at).collect())
    }

    fn check_item(&self, write: &DocumentWrite) -> Result<TransactWriteItem, BuildError> {
        let condition = Condition::of(write);
        let check = ConditionCheck::builder()
            .table_name(self.names.table(&write.key.collection))
            .key(ID, text(write.key.id.to_string()))
            .condition_expression(condition.expression)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(condition.values);
        Ok(TransactWriteItem::builder().condition_check(check.build()?).build())
    }

    /// Sends a transaction. A repetition of the same request carries the same token, so that
    /// Amazon carries it out once, whatever became of the answers.
    async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<Transacted, EngineError> {
        let mut retry = self.client.retry();
        loop {
            let request = self
                .client
                .sdk
                .transact_write_items()
                .client_request_token(token())
                .set_transact_items(Some(items.clone()));
            let answer =
                self.client.call_within(&mut retry, || Box::pin(request.clone().send())).await;
            let ended = match answer {
                Ok(_) => return Ok(Transacted::Done),
                Err(ended) => ended,
            };
            let reasons = match ended.error.as_ref().and_then(|error| error.as_service_error()) {
                Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                    canceled.cancellation_reasons().to_vec()
                }
                _ => {
                    let failure = ended.failure(ACTION, &self.journal, self.client.deadline);
                    return Err(failure.commit_error());
                }
            };
            match Canceled::of(&reasons, &items) {
                Canceled::Conditions(at) => return Ok(Transacted::Failed(at)),
                // Nothing was written: the next attempt is a new request.
                Canceled::Momentary(failure) => {
                    Status::count(&self.client.status.conflicts);
                    if !retry.pause().await {
                        return Err(failure.engine_error());
                    }
                }
                Canceled::Refused(failure) => return Err(failure.engine_error()),
            }
        }
    }
}

/// Writes that happen only while something holds.
pub(crate) struct Guarded {
    pub(crate) check: TransactWriteItem,
    pub(crate) effects: Vec<TransactWriteItem>,
}

enum Transacted {
    Done,
    /// Nothing was written: the conditions of these items do not hold.
    Failed(Vec<usize>),
}

/// Why a transaction was canceled.
enum Canceled {
    /// Conditions that do not hold.
    Conditions(Vec<usize>),
    /// Someone else is writing the same items, or there is too much to do.
    Momentary(Failure),
    Refused(Failure),
}

impl Canceled {
    fn of(reasons: &[CancellationReason], items: &[TransactWriteItem]) -> Self {
        let code = |reason: &CancellationReason| reason.code().unwrap_or("None").to_owned();
        let failed = |(at, reason): (usize, &CancellationReason)| {
            (code(reason) == "ConditionalCheckFailed").then_some(at)
        };
        let conditions: Vec<usize> = reasons.iter().enumerate().filter_map(failed).collect();
        if !conditions.is_empty() {
            return Self::Conditions(conditions);
        }
        let mut momentary = None;
        for (at, reason) in reasons.iter().enumerate().filter(|(_, it)| code(it) != "None") {
            let table = items.get(at).map_or("an unknown table", table_of);
            let code = code(reason);
            let class = class_of_code(&code).unwrap_or(Class::Refused);
            let message = reason.message().unwrap_or("the transaction was canceled");
            let failure =
                Failure { code: Some(code), ..Failure::new(ACTION, table, class, message) };
            if !class.is_momentary() {
                return Self::Refused(failure);
            }
            momentary = Some(failure);
        }
        match momentary {
            Some(failure) => Self::Momentary(failure),
            None => {
                let message = "the transaction was canceled without a reason";
                Self::Refused(Failure::new(ACTION, "several tables", Class::Refused, message))
            }
        }
    }
}

fn table_of(item: &TransactWriteItem) -> &str {
    let put = item.put().map(Put::table_name);
    let delete = item.delete().map(Delete::table_name);
    let update = item.update().map(Update::table_name);
    let check = item.condition_check().map(ConditionCheck::table_name);
    put.or(delete).or(update).or(check).unwrap_or("an unknown table")
}

/// That a document is as it was read.
struct Condition {
    expression: &'static str,
    names: std::collections::HashMap<String, String>,
    values: Option<Item>,
}

impl Condition {
    fn of(write: &DocumentWrite) -> Self {
        let names = |all: &[(&str, &str)]| {
            all.iter().map(|(name, is)| ((*name).to_owned(), (*is).to_owned())).collect()
        };
        match write.before.as_ref().map(|before| &before.tag) {
            None => Self {
                expression: "attribute_not_exists(#id)",
                names: names(&[("#id", ID)]),
                values: None,
            },
            // Other programs do not say when they change something.
            Some(Tag(stamp)) if stamp.is_empty() => Self {
                expression: "attribute_exists(#id) AND attribute_not_exists(#meta.#revision)",
                names: names(&[("#id", ID), ("#meta", META_FIELD), ("#revision", REVISION)]),
                values: None,
            },
            Some(Tag(stamp)) => Self {
                expression: "#meta.#revision = :revision",
                names: names(&[("#meta", META_FIELD), ("#revision", REVISION)]),
                values: Some(Item::from([(
                    ":revision".to_owned(),
                    AttributeValue::N(stamp.clone()),
                )])),
            },
        }
    }
}

/// What a commit does to a collection's place in the catalogue.
#[derive(Default)]
struct Moved<'a> {
    entry: Option<&'a CatalogueEntry>,
    /// The whole collection was deleted; the count begins anew.
    emptied: bool,
    /// How many documents came, less how many went.
    documents: i64,
}

fn catalogue_changes(commit: &Commit) -> BTreeMap<&CollectionName, Moved<'_>> {
    let mut all: BTreeMap<&CollectionName, Moved<'_>> = BTreeMap::new();
    for entry in &commit.catalogue {
        all.entry(&entry.collection).or_default().entry = Some(entry);
    }
    for change in &commit.changes {
        let moved = all.entry(&change.collection).or_default();
        match change.kind {
            ChangeKind::Created => moved.documents += 1,
            ChangeKind::Deleted => moved.documents -= 1,
            ChangeKind::CollectionDeleted => (moved.emptied, moved.documents) = (true, 0),
            ChangeKind::Updated => {}
        }
    }
    all.retain(|_, moved| moved.entry.is_some() || moved.emptied || moved.documents != 0);
    all
}

fn put(table: &str, item: Item) -> Result<TransactWriteItem, BuildError> {
    let put = Put::builder().table_name(table).set_item(Some(item)).build()?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// At most 36 characters.
fn token() -> String {
    format!("{:032x}", rand::random::<u128>())
}

pub(crate) fn malformed(error: BuildError) -> EngineError {
    EngineError::with_source(ErrorKind::Unexpected, "a transaction cannot be built", error)
}

/// The size of an item that DynamoDB would refuse, in words.
pub(crate) fn refuses_size(id: &isobase_types::DocumentId, after: &After) -> Option<String> {
    let bytes = codec::item_bytes(id, after);
    let max = crate::limits::ITEM_BYTES_MAX;
    (bytes > max).then(|| {
        format!(
            "as an item it has about {bytes} bytes with names and bookkeeping, DynamoDB allows \
             {max}"
        )
    })
}
