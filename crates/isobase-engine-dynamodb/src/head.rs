//! The head: the counters that every commit moves on.

use aws_sdk_dynamodb::{operation::put_item::PutItemError, types::AttributeValue};
use isobase_engine::{EngineError, ErrorKind, Identity};
use isobase_journal::Head;
use isobase_types::Sequence;

use crate::{
    codec::{Item, as_integer, integer, text},
    database::DynamoDbDatabase,
    journal::{HEAD, PK, alone, corrupted},
};

/// The layout described here.
const FORMAT: u32 = 2;

/// The attributes of the head beside its key.
pub(crate) fn head_values(head: &Head) -> [(&'static str, AttributeValue); 6] {
    [
        ("commit", integer(head.commit)),
        ("sequence", integer(head.sequence.0)),
        ("last_id", integer(head.last_id)),
        ("floor", integer(head.floor.0)),
        ("catalogue", integer(head.catalogue)),
        ("format", integer(FORMAT)),
    ]
}

pub(crate) fn head_item(head: &Head) -> Item {
    let mut item = alone(HEAD);
    item.extend(head_values(head).map(|(name, value)| (name.to_owned(), value)));
    item.extend(head.identity.map(|it| ("identity".to_owned(), text(it.to_string()))));
    item.extend(head.author.map(|it| ("author".to_owned(), integer(it))));
    item
}

/// # Errors
/// [`ErrorKind::Corrupted`] when it is none, [`ErrorKind::Unsupported`] when a newer program
/// wrote it.
pub(crate) fn read_head(item: &Item, table: &str) -> Result<Head, EngineError> {
    let format: u32 = as_integer(item, "format").ok_or_else(|| corrupted("the head"))?;
    if format > FORMAT {
        let message = format!(
            "the table {table} has format {format}, this program knows {FORMAT}: use a newer one"
        );
        return Err(EngineError::new(ErrorKind::Unsupported, message));
    }
    let head = || {
        Some(Head {
            commit: as_integer(item, "commit")?,
            sequence: Sequence(as_integer(item, "sequence")?),
            last_id: as_integer(item, "last_id")?,
            floor: Sequence(as_integer(item, "floor")?),
            catalogue: as_integer(item, "catalogue")?,
            identity: match item.get("identity") {
                Some(identity) => Some(identity.as_s().ok()?.parse().ok()?),
                None => None,
            },
            author: as_integer(item, "author"),
        })
    };
    head().ok_or_else(|| corrupted("the head"))
}

impl DynamoDbDatabase {
    /// The head of a journal, which is made where there is none.
    pub(crate) async fn open_journal(&self) -> Result<Head, EngineError> {
        match self.peek_head().await? {
            Some(head) => Ok(head),
            None => self.create_journal().await,
        }
    }

    /// The head, if there is a journal.
    pub(crate) async fn peek_head(&self) -> Result<Option<Head>, EngineError> {
        let item = self.read_item(&self.journal, alone(HEAD)).await?;
        item.map(|item| read_head(&item, &self.journal)).transpose()
    }

    async fn create_journal(&self) -> Result<Head, EngineError> {
        self.prepare_journal().await?;
        let head = Head { identity: Some(Identity::new()), ..Head::default() };
        let request = self
            .client
            .sdk
            .put_item()
            .table_name(&self.journal)
            .set_item(Some(head_item(&head)))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", PK);
        let answer = self
            .client
            .call::<_, PutItemError>("PutItem", &self.journal, || Box::pin(request.clone().send()))
            .await;
        match answer {
            Ok(_) => Ok(head),
            // Another process was faster, or an attempt whose answer was lost.
            Err(failure) if failure.is_condition() => self.read_head().await,
            Err(failure) => Err(failure.engine_error()),
        }
    }

    pub(crate) async fn read_head(&self) -> Result<Head, EngineError> {
        match self.peek_head().await? {
            Some(head) => Ok(head),
            None => {
                let message =
                    format!("the table {} has no head: it was deleted while in use", self.journal);
                Err(EngineError::new(ErrorKind::Corrupted, message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_read_back_as_written() {
        let head = Head {
            commit: 7,
            sequence: Sequence(u64::MAX),
            last_id: i64::MAX,
            floor: Sequence(1),
            catalogue: 3,
            identity: Some(Identity::new()),
            author: Some(u64::MAX),
        };
        assert_eq!(read_head(&head_item(&head), "t").unwrap(), head);
    }

    #[test]
    fn other_items_are_corrupted_and_newer_formats_refused() {
        assert_eq!(read_head(&alone(HEAD), "t").unwrap_err().kind, ErrorKind::Corrupted);
        let mut head = head_item(&Head::default());
        head.insert("format".to_owned(), integer(FORMAT + 1));
        let error = read_head(&head, "p_isobase_journal").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported);
        assert!(error.message.contains("p_isobase_journal"), "{error}");
    }
}
