//! Tables: made when first written to, and found when others made them.

use std::{collections::HashSet, time::Duration};

use aws_sdk_dynamodb::{
    operation::{
        create_table::builders::CreateTableFluentBuilder, describe_table::DescribeTableError,
    },
    types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, Select,
        TableDescription, TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
    },
};
use isobase_engine::{EngineError, ErrorKind, NotRead};
use isobase_journal::Pauses;
use isobase_types::CollectionName;
use tokio::time::Instant;

use crate::{
    codec::ID,
    database::DynamoDbDatabase,
    error::{Class, Failure},
    journal::{EXPIRES, PK, SK},
    names::Named,
};

/// Why the table of a name that is too long may be none of ours.
const NO_NAME: &str = "its name ends as those that are too long do, and no collection has it";

/// A new table is usable after 5 to 20 seconds.
const ACTIVE_DEADLINE: Duration = Duration::from_secs(90);
const POLL_FIRST: Duration = Duration::from_millis(20);
const POLL_MAX: Duration = Duration::from_secs(1);

/// The key of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keys {
    /// `_id`, as every collection's table.
    Collection,
    /// `pk` and `sk`.
    Journal,
}

impl Keys {
    fn attributes(self) -> &'static [(&'static str, KeyType, ScalarAttributeType)] {
        match self {
            Self::Collection => &[(ID, KeyType::Hash, ScalarAttributeType::S)],
            Self::Journal => &[
                (PK, KeyType::Hash, ScalarAttributeType::S),
                (SK, KeyType::Range, ScalarAttributeType::B),
            ],
        }
    }

    /// Whether a table has this key.
    fn are_of(self, table: &TableDescription) -> bool {
        let wanted = self.attributes();
        table.key_schema().len() == wanted.len()
            && wanted.iter().all(|(name, key_type, attribute_type)| {
                table
                    .key_schema()
                    .iter()
                    .any(|key| key.attribute_name() == *name && key.key_type() == key_type)
                    && table.attribute_definitions().iter().any(|known| {
                        known.attribute_name() == *name && known.attribute_type() == attribute_type
                    })
            })
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Collection => "the partition key `_id` (S) and no sort key",
            Self::Journal => "the partition key `pk` (S) and the sort key `sk` (B)",
        }
    }
}

impl DynamoDbDatabase {
    /// Makes the journal's table, if it is not there.
    pub(crate) async fn prepare_journal(&self) -> Result<(), EngineError> {
        self.prepare(&self.journal, Keys::Journal).await?;
        Ok(())
    }

    /// Makes a collection's table, if it is not there; says whether it had documents.
    pub(crate) async fn prepare_table(
        &self,
        collection: &CollectionName,
    ) -> Result<bool, EngineError> {
        let table = self.names.table(collection);
        if self.prepare(&table, Keys::Collection).await? == Prepared::Made {
            return Ok(false);
        }
        self.has_documents(&table).await
    }

    async fn prepare(&self, table: &str, keys: Keys) -> Result<Prepared, EngineError> {
        let deadline = Instant::now() + ACTIVE_DEADLINE;
        let mut prepared = Prepared::Found;
        let mut pauses = Pauses::new(POLL_FIRST, POLL_MAX);
        loop {
            match self.describe(table).await? {
                None => {
                    self.create(table, keys).await?;
                    prepared = Prepared::Made;
                }
                Some(found) if !keys.are_of(&found) => {
                    let message = format!(
                        "the table {table} has another key than ours ({}): use another prefix or \
                         collection name",
                        keys.expected()
                    );
                    return Err(EngineError::new(ErrorKind::Unsupported, message));
                }
                Some(found) => match found.table_status() {
                    Some(TableStatus::Active | TableStatus::Updating) | None => {
                        return Ok(prepared);
                    }
                    // Created by another process, or being deleted before it can be made anew.
                    Some(TableStatus::Creating | TableStatus::Deleting) => {}
                    Some(other) => {
                        let message = format!("the table {table} is {other}");
                        return Err(EngineError::new(ErrorKind::Unavailable, message));
                    }
                },
            }
            let pause = pauses.next_pause();
            if Instant::now() + pause > deadline {
                let seconds = ACTIVE_DEADLINE.as_secs();
                let message = format!("the table {table} was not ACTIVE within {seconds} s");
                return Err(EngineError::new(ErrorKind::Unavailable, message));
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// `None` when there is no such table.
    async fn describe(&self, table: &str) -> Result<Option<TableDescription>, EngineError> {
        let request = self.client.sdk.describe_table().table_name(table);
        let answer = self
            .client
            .call::<_, DescribeTableError>("DescribeTable", table, || {
                Box::pin(request.clone().send())
            })
            .await;
        match answer {
            Ok(answer) => Ok(answer.table),
            Err(failure) if failure.is_no_table() => Ok(None),
            Err(failure) => Err(failure.engine_error()),
        }
    }

    async fn create(&self, table: &str, keys: Keys) -> Result<(), EngineError> {
        let mut request = self.client.sdk.create_table().table_name(table);
        for (name, key_type, attribute_type) in keys.attributes() {
            request = with_key(request, name, key_type, attribute_type).map_err(|error| {
                EngineError::with_source(ErrorKind::Unexpected, "a key cannot be described", error)
            })?;
        }
        let request = request.billing_mode(BillingMode::PayPerRequest);
        let answer =
            self.client.call("CreateTable", table, || Box::pin(request.clone().send())).await;
        match answer {
            Ok(_) => Ok(()),
            // Another process was faster, or an attempt whose answer was lost.
            Err(failure) if failure.code.as_deref() == Some("ResourceInUseException") => Ok(()),
            Err(failure) if failure.class == Class::Denied => Err(self.denied(table, failure)),
            Err(failure) => Err(failure.engine_error()),
        }
    }

    /// The service may not create tables: someone else has to.
    fn denied(&self, table: &str, failure: Failure) -> EngineError {
        let mut error = failure.engine_error();
        error.message.push_str(&format!(
            ", or create the table {table} beforehand: `isobase index plan` prints the command"
        ));
        error
    }

    async fn has_documents(&self, table: &str) -> Result<bool, EngineError> {
        let request = self
            .client
            .sdk
            .scan()
            .table_name(table)
            .consistent_read(true)
            .select(Select::Count)
            .limit(1);
        let answer = self.client.call("Scan", table, || Box::pin(request.clone().send())).await;
        Ok(answer.map_err(Failure::engine_error)?.count() > 0)
    }

    /// Counts by reading the whole table: for what other programs wrote. `None` when there is no
    /// such table.
    pub(crate) async fn count_table(&self, table: &str) -> Result<Option<u64>, EngineError> {
        let mut start = None;
        let mut documents = 0;
        loop {
            let request = self
                .client
                .sdk
                .scan()
                .table_name(table)
                .consistent_read(true)
                .select(Select::Count)
                .set_exclusive_start_key(start);
            let answer = self.client.call("Scan", table, || Box::pin(request.clone().send())).await;
            let page = match answer {
                Ok(page) => page,
                Err(failure) if failure.is_no_table() => return Ok(None),
                Err(failure) => return Err(failure.engine_error()),
            };
            documents += u64::try_from(page.count()).unwrap_or_default();
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(Some(documents));
            }
        }
    }

    /// All tables under the prefix, with the collections that they can be by their names.
    pub(crate) async fn tables(&self) -> Result<Vec<(String, Named)>, EngineError> {
        let mut start: Option<String> = None;
        let mut tables = Vec::new();
        loop {
            let request =
                self.client.sdk.list_tables().set_exclusive_start_table_name(start.clone());
            let page = self
                .client
                .call("ListTables", "all tables", || Box::pin(request.clone().send()))
                .await
                .map_err(Failure::engine_error)?;
            for table in page.table_names.unwrap_or_default() {
                let named = self.names.named(&table);
                tables.push((table, named));
            }
            start = page.last_evaluated_table_name;
            if start.is_none() {
                return Ok(tables);
            }
        }
    }

    /// What a table that is not in the catalogue is.
    pub(crate) async fn kind_of(&self, table: &str) -> Result<TableKind, EngineError> {
        let request = self.client.sdk.describe_table().table_name(table);
        let answer =
            self.client.call("DescribeTable", table, || Box::pin(request.clone().send())).await;
        let found = match answer {
            Ok(answer) => answer.table,
            Err(failure) if failure.is_no_table() => None,
            Err(failure) if failure.class == Class::Denied => return Ok(TableKind::Closed),
            Err(failure) => return Err(failure.engine_error()),
        };
        let Some(found) = found else { return Ok(TableKind::Gone) };
        Ok(match found.table_status() {
            Some(TableStatus::Creating | TableStatus::Deleting) => TableKind::Gone,
            _ if Keys::Collection.are_of(&found) => TableKind::Collection,
            _ if Keys::Journal.are_of(&found) => TableKind::Journal,
            _ => TableKind::OtherKey,
        })
    }

    /// Tables under the prefix that are no collections, and why.
    pub(crate) async fn tables_not_read(&self) -> Result<Vec<NotRead>, EngineError> {
        let known = self.catalogued().await?;
        let known: HashSet<_> =
            known.iter().map(|known| self.names.table(&known.entry.collection)).collect();
        let mut not_read = Vec::new();
        for (table, named) in self.tables().await? {
            if known.contains(&table) || named == Named::Other {
                continue;
            }
            let reason = match self.kind_of(&table).await? {
                TableKind::Collection if named == Named::Hashed => NO_NAME.to_owned(),
                TableKind::Collection | TableKind::Journal | TableKind::Gone => continue,
                TableKind::Closed => "it may not be looked at: DescribeTable is denied".to_owned(),
                TableKind::OtherKey => format!("its key is not {}", Keys::Collection.expected()),
            };
            not_read.push(NotRead::new(table, reason));
        }
        Ok(not_read)
    }

    /// Has DynamoDB delete old answers by itself; says whether it does.
    pub(crate) async fn enable_expiry(&self) -> Result<bool, EngineError> {
        let table = self.journal.as_str();
        let request = self.client.sdk.describe_time_to_live().table_name(table);
        let described = self
            .client
            .call("DescribeTimeToLive", table, || Box::pin(request.clone().send()))
            .await;
        let status = match described {
            Ok(answer) => answer.time_to_live_description.and_then(|it| it.time_to_live_status),
            Err(failure) if failure.class.is_momentary() => return Err(failure.engine_error()),
            Err(failure) => {
                tracing::debug!("whether old answers expire is not known: {failure}");
                return Ok(false);
            }
        };
        if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
            return Ok(true);
        }
        let expiry = TimeToLiveSpecification::builder().enabled(true).attribute_name(EXPIRES);
        let expiry = expiry.build().map_err(|error| {
            EngineError::with_source(ErrorKind::Unexpected, "the expiry cannot be described", error)
        })?;
        let request = self
            .client
            .sdk
            .update_time_to_live()
            .table_name(table)
            .time_to_live_specification(expiry);
        let updated =
            self.client.call("UpdateTimeToLive", table, || Box::pin(request.clone().send())).await;
        match updated {
            Ok(_) => Ok(true),
            Err(failure) if failure.class.is_momentary() => Err(failure.engine_error()),
            Err(failure) => {
                tracing::warn!("old answers to idempotency keys are deleted one by one: {failure}");
                Ok(false)
            }
        }
    }
}

/// What a table is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableKind {
    Collection,
    /// Of another prefix.
    Journal,
    OtherKey,
    /// It may not be looked at.
    Closed,
    /// There is none, or not yet, or not for long.
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prepared {
    Found,
    Made,
}

fn with_key(
    request: CreateTableFluentBuilder,
    name: &str,
    key_type: &KeyType,
    attribute_type: &ScalarAttributeType,
) -> Result<CreateTableFluentBuilder, aws_sdk_dynamodb::error::BuildError> {
    let attribute = AttributeDefinition::builder()
        .attribute_name(name)
        .attribute_type(attribute_type.clone())
        .build()?;
    let key =
        KeySchemaElement::builder().attribute_name(name).key_type(key_type.clone()).build()?;
    Ok(request.attribute_definitions(attribute).key_schema(key))
}
