//! The documents of the journal and what they mean.
//!
//! | id | holds |
//! |---|---|
//! | `format` | the version of this layout |
//! | `log.SEQUENCE.COMMIT` | a commit: the head after it, its changes, and until they are applied its effects |
//! | `catalogue.NAME` | a collection and its indexes |
//! | `body.SEQUENCE` | a large body that a change keeps |
//! | `answer.KEY` | the first answer to an idempotency key |
//! | `unfinished` | the note of a load under way |
//!
//! `SEQUENCE` is the sequence *before* the commit and `COMMIT` its number, both with 20 digits: two
//! commits made for one head have one id. Sequences and counters are strings, because some
//! programs read large numbers as floats.

use std::collections::HashSet;

use isobase_engine::EngineError;
use isobase_journal::{
    After, CatalogueEntry, Commit, DocumentWrite, Head, KeptBody, StoredAnswer, Tree,
};
use isobase_types::{Change, CollectionName, Sequence, Timestamp, hex};
use sha2::{Digest, Sha256};

use crate::{
    codec::{Found, document_text, kept_text, tombstone_text},
    error::corrupted,
    fields::{
        answer_fields, body_fields, change_tree, entry_fields, list, number, read_answer,
        read_body, read_change, read_entry, read_number, read_time,
    },
    names::IDS,
};

pub(crate) const LOG: &str = "log.";

/// The effect of a commit on one document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Effect {
    pub(crate) collection: CollectionName,
    pub(crate) id: String,
    /// The number of the write, in the document afterwards and in its tombstone.
    pub(crate) stamp: u64,
    /// The version it replaces, that of a tombstone too; `None` when there was never a document.
    pub(crate) base: Option<String>,
    /// Stubs of the attachments that stay, as JSON text.
    pub(crate) attachments: Option<String>,
    /// The document or the tombstone, without `_id` and `_rev`, as JSON text.
    pub(crate) document: Vec<u8>,
    pub(crate) is_deletion: bool,
}

impl Effect {
    /// The effect of a write; `None` when there is nothing to do (created and deleted at once).
    pub(crate) fn of(write: &DocumentWrite, base: Option<String>, commit: &Commit) -> Option<Self> {
        if write.before.is_none() && write.after.is_none() {
            return None;
        }
        let told = commit.changes.iter().rev().find(|change| {
            change.collection == write.key.collection && change.id.as_ref() == Some(&write.key.id)
        });
        let (stamp, document) = match &write.after {
            Some(after) => (after.meta.revision.0, document_text(after)),
            None => {
                let stamp = told.map_or(commit.next.sequence.0, |change| change.sequence.0);
                (stamp, tombstone_text(stamp))
            }
        };
        let before = write.before.as_ref().filter(|_| write.after.is_some());
        let attachments = before.and_then(|before| crate::codec::tag_parts(&before.tag).1);
        Some(Self {
            collection: write.key.collection.clone(),
            id: IDS.of(&write.key.id),
            stamp,
            base,
            attachments: attachments.map(str::to_owned),
            document,
            is_deletion: write.after.is_none(),
        })
    }

    /// The same with the content as it is natively, the spelling of numbers included.
    pub(crate) fn keeping(self, content: &[(String, Tree)], after: &After) -> Self {
        Self { document: kept_text(content, after), ..self }
    }

    /// The version of a document that is new: a caller that applies the record gives it the same one,
    /// so that doing it again, however late, changes nothing.
    ///
    /// It is a second version, because of two versions without a common past CouchDB shows the one
    /// with the longer history: ours, should another program have made the document meanwhile.
    pub(crate) fn first_revision(&self, token: &str) -> String {
        let mut hasher = Sha256::new();
        for part in [token, self.collection.as_str(), &self.id] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        format!("2-{}", hex(&hasher.finalize()[..16]))
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut fields = vec![
            ("collection".to_owned(), Tree::from(self.collection.as_str())),
            ("id".to_owned(), Tree::from(self.id.as_str())),
            ("stamp".to_owned(), number(self.stamp)),
        ];
        if let Some(base) = &self.base {
            fields.push(("base".to_owned(), Tree::from(base.as_str())));
        }
        Tree::write_fields(&fields, out);
        out.pop();
        if let Some(attachments) = &self.attachments {
            out.extend_from_slice(b",\"attachments\":");
            out.extend_from_slice(attachments.as_bytes());
        }
        out.extend_from_slice(b",\"document\":");
        out.extend_from_slice(&self.document);
        out.push(b'}');
    }

    fn of_tree(tree: &Tree) -> Option<Self> {
        let document = tree.get("document")?;
        Some(Self {
            collection: CollectionName::new(tree.get("collection")?.as_str()?).ok()?,
            id: tree.get("id")?.as_str()?.to_owned(),
            stamp: read_number(tree.get("stamp")?)?,
            base: tree.get("base").and_then(Tree::as_str).map(str::to_owned),
            attachments: tree.get("attachments").map(Tree::to_text),
            document: document.to_text().into_bytes(),
            is_deletion: document.get("_deleted").is_some(),
        })
    }
}

/// A commit in the journal.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) id: String,
    /// Empty until it is stored.
    pub(crate) revision: String,
    /// Tells our record from that of another process under the same id.
    pub(crate) token: String,
    /// The head after the commit.
    pub(crate) head: Head,
    pub(crate) at: Timestamp,
    pub(crate) changes: Vec<Change>,
    /// Effects that are done, and no longer here.
    pub(crate) is_applied: bool,
    pub(crate) effects: Vec<Effect>,
    pub(crate) answers: Vec<StoredAnswer>,
    pub(crate) catalogue: Vec<CatalogueEntry>,
    pub(crate) bodies: Vec<KeptBody>,
}

impl Record {
    /// A record that only tells the head.
    pub(crate) fn of_head(before: Sequence, head: Head, at: Timestamp) -> Self {
        Self {
            id: record_id(before, head.commit),
            revision: String::new(),
            token: new_token(),
            head,
            at,
            changes: Vec::new(),
            is_applied: true,
            effects: Vec::new(),
            answers: Vec::new(),
            catalogue: Vec::new(),
            bodies: Vec::new(),
        }
    }

    pub(crate) fn of_commit(commit: &Commit, effects: Vec<Effect>) -> Self {
        Self {
            changes: commit.logged(),
            is_applied: false,
            effects,
            answers: commit.answers.clone(),
            catalogue: commit.catalogue.clone(),
            bodies: commit.bodies.clone(),
            ..Self::of_head(commit.head.sequence, commit.next, commit.at)
        }
    }

    /// Whether it says something of a document that a commit writes too.
    pub(crate) fn concerns(&self, commit: &Commit) -> bool {
        let ours: HashSet<_> = commit
            .documents
            .iter()
            .map(|write| (&write.key.collection, IDS.of(&write.key.id)))
            .collect();
        self.effects.iter().any(|effect| ours.contains(&(&effect.collection, effect.id.clone())))
    }

    /// The record without its effects.
    pub(crate) fn stripped(&self) -> Self {
        Self {
            id: self.id.clone(),
            revision: self.revision.clone(),
            token: self.token.clone(),
            head: self.head,
            at: self.at,
            changes: self.changes.clone(),
            is_applied: true,
            effects: Vec::new(),
            answers: Vec::new(),
            catalogue: Vec::new(),
            bodies: Vec::new(),
        }
    }

    /// The record without `_id` and `_rev`, as JSON text.
    pub(crate) fn text(&self) -> Vec<u8> {
        let Head { commit, sequence, last_id, floor, catalogue, identity, author } = self.head;
        let mut head = vec![
            ("commit".to_owned(), number(commit)),
            ("sequence".to_owned(), number(sequence.0)),
            ("last_id".to_owned(), Tree::String(last_id.to_string())),
            ("floor".to_owned(), number(floor.0)),
            ("catalogue".to_owned(), number(catalogue)),
        ];
        if let Some(identity) = identity {
            head.push(("identity".to_owned(), Tree::String(identity.to_string())));
        }
        if let Some(author) = author {
            head.push(("author".to_owned(), number(author)));
        }
        let fields = [
            ("head".to_owned(), Tree::Object(head)),
            ("at".to_owned(), Tree::String(self.at.to_string())),
            ("token".to_owned(), Tree::from(self.token.as_str())),
            ("changes".to_owned(), Tree::Array(self.changes.iter().map(change_tree).collect())),
        ];
        let mut out = Vec::new();
        Tree::write_fields(&fields, &mut out);
        out.pop();
        if self.is_applied {
            out.extend_from_slice(b",\"applied\":true}");
            return out;
        }
        out.extend_from_slice(b",\"effects\":[");
        for (place, effect) in self.effects.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            effect.write(&mut out);
        }
        out.push(b']');
        if !self.answers.is_empty() {
            let answers = self.answers.iter().map(|answer| Tree::Object(answer_fields(answer)));
            out.extend_from_slice(b",\"answers\":");
            Tree::Array(answers.collect()).write(&mut out);
        }
        if !self.catalogue.is_empty() {
            let entries = self.catalogue.iter().map(|entry| Tree::Object(entry_fields(entry)));
            out.extend_from_slice(b",\"catalogue\":");
            Tree::Array(entries.collect()).write(&mut out);
        }
        if !self.bodies.is_empty() {
            let bodies = self.bodies.iter().map(|body| Tree::Object(body_fields(body)));
            out.extend_from_slice(b",\"bodies\":");
            Tree::Array(bodies.collect()).write(&mut out);
        }
        out.push(b'}');
        out
    }

    /// # Errors
    /// When it is no record of ours.
    pub(crate) fn of_document(found: Found) -> Result<Self, EngineError> {
        let id = found.id.clone();
        Self::read(found).ok_or_else(|| corrupted(format!("the record '{id}' of the journal")))
    }

    fn read(found: Found) -> Option<Self> {
        let tree = Tree::Object(found.fields);
        let head = tree.get("head")?;
        Some(Self {
            id: found.id,
            revision: found.revision,
            token: tree.get("token")?.as_str()?.to_owned(),
            head: Head {
                commit: read_number(head.get("commit")?)?,
                sequence: Sequence(read_number(head.get("sequence")?)?),
                last_id: head.get("last_id")?.as_str()?.parse().ok()?,
                floor: Sequence(read_number(head.get("floor")?)?),
                catalogue: read_number(head.get("catalogue")?)?,
                identity: match head.get("identity") {
                    Some(identity) => Some(identity.as_str()?.parse().ok()?),
                    None => None,
                },
                author: head.get("author").and_then(read_number),
            },
            at: read_time(&tree)?,
            changes: list(&tree, "changes", read_change)?,
            is_applied: tree.get("applied").is_some(),
            effects: list(&tree, "effects", Effect::of_tree)?,
            answers: list(&tree, "answers", read_answer)?,
            catalogue: list(&tree, "catalogue", read_entry)?,
            bodies: list(&tree, "bodies", read_body)?,
        })
    }
}

pub(crate) fn record_id(before: Sequence, commit: u64) -> String {
    format!("{LOG}{:020}.{commit:020}", before.0)
}

/// The id of the first record that can begin after a sequence.
pub(crate) fn record_bound(before: Sequence) -> String {
    format!("{LOG}{:020}.", before.0)
}

/// The sequence before a record.
pub(crate) fn sequence_of(record_id: &str) -> Option<Sequence> {
    let numbers = record_id.strip_prefix(LOG)?;
    numbers.split_once('.')?.0.parse().ok().map(Sequence)
}

fn new_token() -> String {
    hex(&rand::random::<[u8; 16]>())
}

#[cfg(test)]
mod tests {
    use isobase_engine::{Identity, IndexDefinition, IndexState};
    use isobase_journal::{After, Before, DocumentKey, IndexEntry, IndexKey, Meta, Tag};
    use isobase_types::{ChangeKind, DocumentId, Kept, KeptText, Revision};

    use super::*;
    use crate::{codec::write_row, limits::RULES};

    fn commit() -> Commit {
        let at = Timestamp { unix_us: 1_795_183_740_123_456 };
        let collection = CollectionName::new("notes").unwrap();
        let key =
            |id| DocumentKey { collection: collection.clone(), id: DocumentId::parse(id).unwrap() };
        let (fields, meta) =
            Meta::of_body("{\"n\":1e400,\"a\":[1.50]}", &RULES, Sequence(8), at, at);
        let keys = vec![IndexKey { index: 0, key: vec![1, 2] }];
        let before = |tag: &str| Before { tag: Tag(tag.to_owned()), stamp: None, keys: Vec::new() };
        let change = |sequence, id, kind, revision| Change {
            sequence: Sequence(sequence),
            collection: collection.clone(),
            id: Some(DocumentId::parse(id).unwrap()),
            kind,
            revision,
            at,
            kept: Kept {
                former: KeptText::Omitted,
                body: KeptText::Text("{\"a\":\"\\n\"}".into()),
            },
        };
        Commit {
            head: Head { commit: 3, sequence: Sequence(7), ..Head::default() },
            next: Head {
                commit: 4,
                sequence: Sequence(9),
                last_id: i64::MAX,
                floor: Sequence(2),
                catalogue: 1,
                identity: Some(Identity::new()),
                author: Some(u64::MAX),
            },
            documents: vec![
                DocumentWrite {
                    key: key("5"),
                    before: Some(before("3-c {\"f\":{\"stub\":true}}")),
                    after: Some(After { fields, meta, keys }),
                },
                DocumentWrite { key: key("ä"), before: Some(before("1-a")), after: None },
            ],
            changes: vec![
                change(8, "5", ChangeKind::Updated, Some(Revision::from_number(8))),
                change(9, "ä", ChangeKind::Deleted, None),
            ],
            untold: Vec::new(),
            answers: vec![StoredAnswer {
                key: [7; 32],
                fingerprint: [9; 32],
                outcomes: "[\"a\"]".to_owned(),
                at,
            }],
            bodies: vec![KeptBody { sequence: Sequence(8), text: "{\"a\":1}".to_owned() }],
            catalogue: vec![CatalogueEntry {
                collection: collection.clone(),
                indexes: vec![IndexEntry {
                    number: 3,
                    definition: IndexDefinition::parse("unique(status,-a.b)").unwrap(),
                    state: IndexState::Ready,
                }],
                adopted: true,
                deleting: Some(Sequence(6)),
            }],
            at,
        }
    }

    fn stored(record: &Record) -> Record {
        let mut text = Vec::new();
        write_row(&record.id, Some("1-x"), None, &record.text(), &mut text);
        let tree = Tree::parse(std::str::from_utf8(&text).unwrap()).unwrap();
        Record::of_document(Found::of(tree).unwrap()).unwrap()
    }

    #[test]
    fn records_come_back() {
        let commit = commit();
        let bases = [Some("3-c".to_owned()), Some("1-a".to_owned())];
        let effects: Vec<Effect> = commit
            .documents
            .iter()
            .zip(bases)
            .filter_map(|(write, base)| Effect::of(write, base, &commit))
            .collect();
        assert_eq!(effects[0].attachments.as_deref(), Some("{\"f\":{\"stub\":true}}"));
        assert_eq!((effects[0].stamp, effects[1].stamp), (8, 9));
        let record = Record::of_commit(&commit, effects);
        assert_eq!(record.id, "log.00000000000000000007.00000000000000000004");
        assert_eq!(sequence_of(&record.id), Some(Sequence(7)));

        let read = stored(&record);
        assert_eq!((read.head, read.at, &read.changes), (record.head, record.at, &record.changes));
        assert_eq!(read.effects, record.effects);
        assert_eq!((read.answers, read.catalogue), (commit.answers, commit.catalogue));
        assert_eq!(read.bodies, commit.bodies);
        assert!(!read.is_applied);

        let stripped = stored(&record.stripped());
        assert_eq!(stripped.changes, record.changes);
        assert!(stripped.is_applied && stripped.effects.is_empty() && stripped.answers.is_empty());
    }

    #[test]
    fn first_revisions_depend_on_commit_and_document() {
        let commit = commit();
        let effect = Effect::of(&commit.documents[0], None, &commit).unwrap();
        let other = Effect { id: "6".to_owned(), ..effect.clone() };
        let revision = effect.first_revision("t");
        assert!(revision.starts_with("2-") && revision.len() == 34, "{revision}");
        assert_eq!(revision, effect.first_revision("t"));
        assert_ne!(revision, effect.first_revision("u"));
        assert_ne!(revision, other.first_revision("t"));
    }

    #[test]
    fn what_was_made_and_deleted_at_once_leaves_nothing() {
        let commit = commit();
        let write = DocumentWrite { before: None, after: None, ..commit.documents[0].clone() };
        assert_eq!(Effect::of(&write, None, &commit), None);
    }
}
