//! Writing a group: one transaction, or nothing.

use std::collections::{BTreeMap, HashMap, HashSet};

use aws_sdk_dynamodb::{
    error::BuildError,
    types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update},
};
use isobase_engine::{EngineError, ErrorKind};
use isobase_journal::{
    CatalogueEntry, Commit, CommitError, DocumentKey, DocumentWrite, META_FIELD, Tag,
};
use isobase_types::{Change, ChangeKind, CollectionName};

use crate::{
    catalogue,
    codec::{self, ID, Item, REVISION, as_bytes, as_text, integer, text},
    cost::{id_key, is_unstamped, key_changes},
    database::DynamoDbDatabase,
    head,
    journal::{self, CATALOGUE, DOCUMENT, DOCUMENTS, PK, SK},
    log,
    range::Range,
    transact::{ACTION, Transacted, malformed},
};

impl DynamoDbDatabase {
    pub(crate) async fn commit_group(
        &self,
        commit: &Commit,
    ) -> Result<Result<(), CommitError>, EngineError> {
        let mut listed = self.listed(commit).await?;
        // Once for what was found to be listed, and never for the same again.
        for _ in 0..=commit.documents.len() {
            let transaction = self.transaction(commit, &listed).map_err(malformed)?;
            let documents = 1..=commit.documents.len();
            let conditions = match self.transact(transaction.items).await? {
                Transacted::Done => return Ok(Ok(())),
                // The attempt before may be what moved the head.
                Transacted::Failed { unsure: true, .. } => break,
                Transacted::Failed { conditions, .. } => conditions,
            };
            if conditions.contains(&0) {
                return Ok(Err(CommitError::HeadMoved));
            }
            if conditions.iter().any(|at| documents.contains(at)) {
                return Ok(Err(CommitError::DocumentChanged));
            }
            for at in conditions {
                let key = transaction.created.get(&at).ok_or_else(|| {
                    let message = format!("{ACTION}: item {at} has no condition, and it failed");
                    EngineError::new(ErrorKind::Unexpected, message)
                })?;
                listed.insert(key, self.is_counted(&key.collection).await?);
            }
        }
        let message = format!(
            "dynamodb:{ACTION} on {}: an attempt was not answered, and the next found other items",
            self.journal
        );
        Err(EngineError::new(ErrorKind::OutcomeUnknown, message))
    }

    /// The head first, then the documents, then what needs no condition because the head has one.
    fn transaction<'a>(
        &self,
        commit: &'a Commit,
        listed: &Listed<'_>,
    ) -> Result<Transaction<'a>, BuildError> {
        let mut items = Vec::with_capacity(100);
        let mut created = HashMap::new();
        let head = Put::builder()
            .table_name(&self.journal)
            .set_item(Some(head::head_item(&commit.next)))
            .condition_expression("#commit = :commit")
            .expression_attribute_names("#commit", "commit")
            .expression_attribute_values(":commit", integer(commit.head.commit))
            .build()?;
        items.push(TransactWriteItem::builder().put(head).build());
        for write in &commit.documents {
            items.push(self.document_item(write)?);
        }
        for write in &commit.documents {
            let at = items.len();
            self.push_entries(write, &mut items)?;
            let is_created = write.before.is_none() && !listed.contains_key(&write.key);
            let id = write.after.as_ref().and_then(|after| after.keys.first());
            if let Some(id) = id.filter(|id| is_created && id.index == 0) {
                // Another program may have deleted a document of ours: then the count has it.
                let entry = journal::entry(&write.key.collection, 0, &id.key, &write.key.id);
                let put = Put::builder()
                    .table_name(&self.journal)
                    .set_item(Some(entry))
                    .condition_expression("attribute_not_exists(#document)")
                    .expression_attribute_names("#document", DOCUMENT)
                    .build()?;
                items[at] = TransactWriteItem::builder().put(put).build();
                created.insert(at, &write.key);
            }
        }
        if !commit.changes.is_empty() {
            let log = log::log_item(&commit.logged(), commit.next.sequence, commit.at);
            items.push(put(&self.journal, log)?);
        }
        for body in &commit.bodies {
            items.push(put(&self.journal, log::body_item(body))?);
        }
        for answer in &commit.answers {
            items.push(put(&self.journal, self.answer_item(answer))?);
        }
        for key in commit.documents.iter().filter(|write| write.after.is_none()).map(|it| &it.key) {
            if listed.get(key) == Some(&true) {
                items.push(self.unlisting(&key.collection, &id_key(&key.id))?);
            }
        }
        for (collection, moved) in catalogue_changes(commit, listed) {
            items.push(self.catalogue_item(collection, &moved)?);
        }
        Ok(Transaction { items, created })
    }

    fn document_item(&self, write: &DocumentWrite) -> Result<TransactWriteItem, BuildError> {
        let table = self.names.table(&write.key.collection);
        let condition = Condition::of(write);
        let item = TransactWriteItem::builder();
        Ok(match &write.after {
            // What JSON does not know (sets, bytes) stays as the other program wrote it.
            Some(after) if write.keeps_content() => {
                let mut names = condition.names;
                names.insert("#meta".to_owned(), META_FIELD.to_owned());
                let mut values = condition.values.unwrap_or_default();
                values.insert(":meta".to_owned(), codec::meta(after));
                let update = Update::builder()
                    .table_name(table)
                    .key(ID, text(write.key.id.to_string()))
                    .update_expression("SET #meta = :meta")
                    .condition_expression(condition.expression)
                    .set_expression_attribute_names(Some(names))
                    .set_expression_attribute_values(Some(values));
                item.update(update.build()?).build()
            }
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

    pub(crate) fn push_entries(
        &self,
        write: &DocumentWrite,
        items: &mut Vec<TransactWriteItem>,
    ) -> Result<(), BuildError> {
        let collection = &write.key.collection;
        let (gone, new) = key_changes(write);
        for key in gone {
            if key.index == 0 {
                items.push(self.unlisting(collection, &key.key)?);
                continue;
            }
            let key = journal::key(journal::keys(collection, key.index), key.key.as_slice());
            let delete = Delete::builder().table_name(&self.journal).set_key(Some(key)).build()?;
            items.push(TransactWriteItem::builder().delete(delete).build());
        }
        for key in new {
            let entry = journal::entry(collection, key.index, &key.key, &write.key.id);
            items.push(put(&self.journal, entry)?);
        }
        Ok(())
    }

    /// Takes a key out of the index of the ids.
    pub(crate) fn unlisting(
        &self,
        collection: &CollectionName,
        key: &[u8],
    ) -> Result<TransactWriteItem, BuildError> {
        if self.runs_of(collection) > 0 {
            // A run may hold it.
            return put(&self.journal, journal::taken_away(collection, key));
        }
        let key = journal::key(journal::keys(collection, 0), key);
        let delete = Delete::builder().table_name(&self.journal).set_key(Some(key)).build()?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Whether the documents that another program wrote are in the index of the ids, and so in
    /// the count: it may have replaced one of ours. The head keeps it so until the commit.
    async fn listed<'a>(&self, commit: &'a Commit) -> Result<Listed<'a>, EngineError> {
        let unstamped = || commit.documents.iter().filter(|write| is_unstamped(write));
        let mut counted: HashMap<&CollectionName, bool> = HashMap::new();
        for DocumentKey { collection, .. } in unstamped().map(|write| &write.key) {
            if !counted.contains_key(collection) {
                counted.insert(collection, self.is_counted(collection).await?);
            }
        }
        let has_runs = |write: &&DocumentWrite| self.runs_of(&write.key.collection) > 0;
        let alone = self.have_entries(unstamped().filter(|write| !has_runs(write))).await?;
        let mut listed = Listed::new();
        for write in unstamped() {
            let collection = &write.key.collection;
            let is_listed = match has_runs(&write) {
                true => self.has_entry(&write.key).await?,
                false => alone.contains(&write.key),
            };
            let is_counted = counted.get(collection).copied().unwrap_or_default();
            listed.insert(&write.key, is_listed && is_counted);
        }
        Ok(listed)
    }

    /// Which of some documents have an entry of their own in the index of the ids.
    async fn have_entries<'a>(
        &self,
        writes: impl Iterator<Item = &'a DocumentWrite>,
    ) -> Result<HashSet<&'a DocumentKey>, EngineError> {
        let mut keys: HashMap<(String, Vec<u8>), &DocumentKey> = HashMap::new();
        for key in writes.map(|write| &write.key) {
            keys.insert((journal::keys(&key.collection, 0), id_key(&key.id)), key);
        }
        if keys.is_empty() {
            return Ok(HashSet::new());
        }
        let wanted = keys.keys().map(|(pk, sk)| journal::key(pk, sk.as_slice())).collect();
        let found = self.read_items([(self.journal.clone(), wanted)].into(), None).await?;
        let of_item = |item: &Item| {
            let place = (as_text(item, PK)?.to_owned(), as_bytes(item, SK)?.to_vec());
            keys.get(&place).copied()
        };
        let found = found.iter().map(|(_, item)| item);
        Ok(found.filter(|item| !journal::is_taken_away(item)).filter_map(of_item).collect())
    }

    /// Whether the index of the ids has a document, in an entry or in a run.
    async fn has_entry(&self, key: &DocumentKey) -> Result<bool, EngineError> {
        let lower = id_key(&key.id);
        let mut upper = lower.clone();
        upper.push(0);
        let collection = &key.collection;
        let range = Range { collection, index: 0, lower: &lower, upper: Some(&upper) };
        Ok(!self.entries(&range, false, 1).await?.entries.is_empty())
    }

    /// Whether entries count: not while they are what is left of a deleted collection.
    async fn is_counted(&self, collection: &CollectionName) -> Result<bool, EngineError> {
        let known = self.catalogued_one(collection).await?;
        Ok(known.is_none_or(|known| known.entry.deleting.is_none()))
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
        let unknown = CatalogueEntry {
            collection: collection.clone(),
            indexes: Vec::new(),
            adopted: false,
            deleting: None,
        };
        for (name, value) in catalogue::entry_values(moved.entry.unwrap_or(&unknown)) {
            sets.push(match moved.entry {
                Some(_) => format!("#{name} = :{name}"),
                // A count never stands alone.
                None => format!("#{name} = if_not_exists(#{name}, :{name})"),
            });
            update = update
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), value);
        }
        let (count, adding) = match moved.emptied {
            true => {
                sets.push(format!("#{DOCUMENTS} = :{DOCUMENTS}"));
                (moved.documents.max(0), String::new())
            }
            false => (moved.documents, format!(" ADD #{DOCUMENTS} :{DOCUMENTS}")),
        };
        let update = update
            .update_expression(format!("SET {}{adding}", sets.join(", ")))
            .expression_attribute_names(format!("#{DOCUMENTS}"), DOCUMENTS)
            .expression_attribute_values(format!(":{DOCUMENTS}"), integer(count))
            .build()?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    pub(crate) fn check_item(
        &self,
        write: &DocumentWrite,
    ) -> Result<TransactWriteItem, BuildError> {
        let condition = Condition::of(write);
        let check = ConditionCheck::builder()
            .table_name(self.names.table(&write.key.collection))
            .key(ID, text(write.key.id.to_string()))
            .condition_expression(condition.expression)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(condition.values);
        Ok(TransactWriteItem::builder().condition_check(check.build()?).build())
    }
}

/// That a document is as it was read.
struct Condition {
    expression: &'static str,
    names: HashMap<String, String>,
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

/// The effect of a commit on a collection's place in the catalogue.
#[derive(Default)]
struct Moved<'a> {
    entry: Option<&'a CatalogueEntry>,
    /// The whole collection was deleted; the count begins anew.
    emptied: bool,
    /// How many documents came, less how many went.
    documents: i64,
}

/// The outcome of a commit.
struct Transaction<'a> {
    items: Vec<TransactWriteItem>,
    /// Entries that are put on the condition that there is none, by their places.
    created: HashMap<usize, &'a DocumentKey>,
}

/// Of documents that may be there without us: whether they are in the index of the ids and in the
/// count.
type Listed<'a> = HashMap<&'a DocumentKey, bool>;

fn catalogue_changes<'a>(
    commit: &'a Commit,
    listed: &Listed<'_>,
) -> BTreeMap<&'a CollectionName, Moved<'a>> {
    let mut all: BTreeMap<&CollectionName, Moved<'_>> = BTreeMap::new();
    for entry in &commit.catalogue {
        all.entry(&entry.collection).or_default().entry = Some(entry);
    }
    let is_listed = |change: &Change| {
        let id = change.id.clone()?;
        let key = DocumentKey { collection: change.collection.clone(), id };
        listed.get(&key).copied()
    };
    for change in &commit.changes {
        let moved = all.entry(&change.collection).or_default();
        match change.kind {
            ChangeKind::CollectionDeleted => (moved.emptied, moved.documents) = (true, 0),
            // What these change depends on what was there; see below.
            _ if is_listed(change).is_some() => {}
            ChangeKind::Created => moved.documents += 1,
            ChangeKind::Deleted => moved.documents -= 1,
            ChangeKind::Updated => {}
        }
    }
    for write in &commit.documents {
        if let Some(was) = listed.get(&write.key) {
            let moved = all.entry(&write.key.collection).or_default();
            let was = *was && !moved.emptied;
            moved.documents += i64::from(write.after.is_some()) - i64::from(was);
        }
    }
    all.retain(|_, moved| moved.entry.is_some() || moved.emptied || moved.documents != 0);
    all
}

pub(crate) fn put(table: &str, item: Item) -> Result<TransactWriteItem, BuildError> {
    let put = Put::builder().table_name(table).set_item(Some(item)).build()?;
    Ok(TransactWriteItem::builder().put(put).build())
}
