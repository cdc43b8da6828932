//! The head: the state that every commit moves on.

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use isobase_engine::{EngineError, ErrorKind, Identity};
use isobase_journal::Head;
use isobase_types::Sequence;
use proto::precondition::ConditionType;
use tonic::Code;

use crate::{
    codec,
    database::FirestoreDatabase,
    fields::Fields,
    journal::{HEAD, corrupted},
    requests::path,
    writes::{self, SeenHead, WriteExt, put},
};

/// The layout described here. Heads of the first one do not say theirs.
const FORMAT: i64 = 2;

/// The head's fields. The token is the commit's own, so that it knows itself again when its
/// answer got lost.
pub(crate) fn head_fields(head: &Head, token: &str) -> Fields {
    let mut fields = Fields::from([
        ("format".to_owned(), codec::integer(FORMAT)),
        ("commit".to_owned(), codec::unsigned(head.commit)),
        ("sequence".to_owned(), codec::unsigned(head.sequence.0)),
        ("last_id".to_owned(), codec::integer(head.last_id)),
        ("floor".to_owned(), codec::unsigned(head.floor.0)),
        ("catalogue".to_owned(), codec::unsigned(head.catalogue)),
        ("token".to_owned(), codec::string(token)),
    ]);
    let identity = head.identity.map(|identity| codec::string(identity.to_string()));
    fields.extend(identity.map(|identity| ("identity".to_owned(), identity)));
    // As text: it is larger than Firestore's integers.
    let author = head.author.map(|author| codec::string(author.to_string()));
    fields.extend(author.map(|author| ("author".to_owned(), author)));
    fields
}

/// A head and the token of the commit that wrote it.
///
/// # Errors
/// [`ErrorKind::Corrupted`] when it is none, [`ErrorKind::Unsupported`] when a newer program wrote
/// it.
pub(crate) fn head_of(fields: &Fields) -> Result<(Head, String), EngineError> {
    let format = fields.get("format").and_then(codec::integer_of).unwrap_or(1);
    if format > FORMAT {
        let message = format!(
            "the journal has format {format}, this program knows {FORMAT}: use a newer one"
        );
        return Err(EngineError::new(ErrorKind::Unsupported, message));
    }
    let read = || {
        let number = |name| codec::integer_of(fields.get(name)?);
        let unsigned = |name| u64::try_from(number(name)?).ok();
        let head = Head {
            commit: unsigned("commit")?,
            sequence: Sequence(unsigned("sequence")?),
            last_id: number("last_id")?,
            floor: Sequence(unsigned("floor")?),
            catalogue: unsigned("catalogue")?,
            identity: match fields.get("identity") {
                Some(identity) => Some(codec::string_of(identity)?.parse().ok()?),
                None => None,
            },
            author: fields.get("author").and_then(codec::string_of).and_then(|it| it.parse().ok()),
        };
        Some((head, codec::string_of(fields.get("token")?)?.to_owned()))
    };
    read().ok_or_else(|| corrupted("isobase_journal/head"))
}

impl FirestoreDatabase {
    pub(crate) fn head_name(&self) -> String {
        let names = &self.requests.names;
        names.native_document(&names.journal(), HEAD)
    }

    /// Reads the head, if there is one.
    pub(crate) async fn find_head(&self) -> Result<Option<SeenHead>, EngineError> {
        let Some(document) = self.requests.document(self.head_name()).await? else {
            return Ok(None);
        };
        let (head, token) = head_of(&document.fields)?;
        let version = document.update_time.ok_or_else(|| corrupted("a version"))?;
        let seen = SeenHead { head, token, version };
        self.see(Some(seen.clone()));
        Ok(Some(seen))
    }

    pub(crate) async fn read_head(&self) -> Result<SeenHead, EngineError> {
        self.find_head().await?.ok_or_else(|| {
            let name = self.head_name();
            let name = path(&name);
            let message = format!("the head of the journal, '{name}', is gone");
            EngineError::new(ErrorKind::Corrupted, message)
        })
    }

    /// The head of a journal, which is made where there is none.
    pub(crate) async fn open_journal(&self) -> Result<Head, EngineError> {
        let head = Head { identity: Some(Identity::new()), ..Head::default() };
        loop {
            if let Some(seen) = self.find_head().await? {
                return Ok(seen.head);
            }
            let write = || {
                let fields = head_fields(&head, &writes::token());
                vec![put(self.head_name(), fields).under(ConditionType::Exists(false))]
            };
            match self.requests.commit(write).await {
                Ok(_) => {}
                // Someone else made it meanwhile, or an attempt of ours did.
                Err(failure) if failure.status.code() == Code::AlreadyExists => {}
                Err(failure)
                    if failure.status.code() == Code::FailedPrecondition
                        && self.find_head().await?.is_some() => {}
                Err(failure) => return Err(failure.into_error("making the journal")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_read_as_it_was_written() {
        let head = Head {
            commit: 3,
            sequence: Sequence(9),
            last_id: i64::MAX,
            floor: Sequence(1),
            catalogue: 2,
            identity: Some(Identity::new()),
            author: Some(u64::MAX),
        };
        assert_eq!(head_of(&head_fields(&head, "t")).unwrap(), (head, "t".to_owned()));
        let mut newer = head_fields(&head, "t");
        newer.insert("format".to_owned(), codec::integer(FORMAT + 1));
        assert_eq!(head_of(&newer).unwrap_err().kind, ErrorKind::Unsupported);
        assert_eq!(head_of(&Fields::new()).unwrap_err().kind, ErrorKind::Corrupted);
    }
}
