//! Values of the journal as fields of its documents, and back.

use isobase_engine::{IndexDefinition, IndexState};
use isobase_journal::{CatalogueEntry, IndexEntry, KeptBody, StoredAnswer, Tree};
use isobase_types::{
    Change, ChangeKind, CollectionName, DocumentId, Kept, KeptText, Revision, Sequence, Timestamp,
    hex,
};

use crate::names::unhex;

pub(crate) fn body_fields(body: &KeptBody) -> Vec<(String, Tree)> {
    vec![
        ("sequence".to_owned(), number(body.sequence.0)),
        ("text".to_owned(), Tree::from(body.text.as_str())),
    ]
}

pub(crate) fn read_body(tree: &Tree) -> Option<KeptBody> {
    Some(KeptBody {
        sequence: Sequence(read_number(tree.get("sequence")?)?),
        text: tree.get("text")?.as_str()?.to_owned(),
    })
}

pub(crate) fn answer_fields(answer: &StoredAnswer) -> Vec<(String, Tree)> {
    vec![
        ("key".to_owned(), Tree::String(hex(&answer.key))),
        ("fingerprint".to_owned(), Tree::String(hex(&answer.fingerprint))),
        ("outcomes".to_owned(), Tree::from(answer.outcomes.as_str())),
        ("at".to_owned(), Tree::String(answer.at.to_string())),
    ]
}

pub(crate) fn read_answer(tree: &Tree) -> Option<StoredAnswer> {
    let bytes = |name| unhex(tree.get(name)?.as_str()?)?.try_into().ok();
    Some(StoredAnswer {
        key: bytes("key")?,
        fingerprint: bytes("fingerprint")?,
        outcomes: tree.get("outcomes")?.as_str()?.to_owned(),
        at: read_time(tree)?,
    })
}

pub(crate) fn entry_fields(entry: &CatalogueEntry) -> Vec<(String, Tree)> {
    let index = |index: &IndexEntry| {
        let state = match index.state {
            IndexState::Building => "building",
            IndexState::Ready => "ready",
        };
        Tree::Object(vec![
            ("number".to_owned(), Tree::integer(index.number.into())),
            ("fields".to_owned(), Tree::String(index.definition.to_string())),
            ("state".to_owned(), Tree::from(state)),
        ])
    };
    let mut fields = vec![
        ("collection".to_owned(), Tree::from(entry.collection.as_str())),
        ("indexes".to_owned(), Tree::Array(entry.indexes.iter().map(index).collect())),
        ("adopted".to_owned(), Tree::Bool(entry.adopted)),
    ];
    if let Some(until) = entry.deleting {
        fields.push(("deleting".to_owned(), number(until.0)));
    }
    fields
}

pub(crate) fn read_entry(tree: &Tree) -> Option<CatalogueEntry> {
    let index = |tree: &Tree| {
        Some(IndexEntry {
            number: tree.get("number")?.as_u64()?.try_into().ok()?,
            definition: IndexDefinition::parse(tree.get("fields")?.as_str()?).ok()?,
            state: match tree.get("state")?.as_str()? {
                "ready" => IndexState::Ready,
                _ => IndexState::Building,
            },
        })
    };
    let deleting = tree.get("deleting").map(|until| read_number(until).map(Sequence));
    Some(CatalogueEntry {
        collection: CollectionName::new(tree.get("collection")?.as_str()?).ok()?,
        indexes: list(tree, "indexes", index)?,
        adopted: tree.get("adopted") == Some(&Tree::Bool(true)),
        deleting: match deleting {
            Some(until) => Some(until?),
            None => None,
        },
    })
}

pub(crate) fn change_tree(change: &Change) -> Tree {
    let mut fields = vec![
        ("sequence".to_owned(), number(change.sequence.0)),
        ("collection".to_owned(), Tree::from(change.collection.as_str())),
        ("kind".to_owned(), Tree::from(change.kind.as_str())),
    ];
    if let Some(id) = &change.id {
        fields.push(("id".to_owned(), Tree::String(id.to_string())));
    }
    if let Some(revision) = &change.revision {
        fields.push(("revision".to_owned(), Tree::String(revision.to_string())));
    }
    fields.push(("at".to_owned(), Tree::String(change.at.to_string())));
    for (name, kept) in [("former", &change.kept.former), ("body", &change.kept.body)] {
        fields.extend(kept.stored().map(|text| (name.to_owned(), Tree::from(text))));
    }
    Tree::Object(fields)
}

pub(crate) fn read_change(tree: &Tree) -> Option<Change> {
    const KINDS: [ChangeKind; 4] = [
        ChangeKind::Created,
        ChangeKind::Updated,
        ChangeKind::Deleted,
        ChangeKind::CollectionDeleted,
    ];
    let kind = tree.get("kind")?.as_str()?;
    let text = |name| tree.get(name).and_then(Tree::as_str);
    Some(Change {
        sequence: Sequence(read_number(tree.get("sequence")?)?),
        collection: CollectionName::new(text("collection")?).ok()?,
        id: match text("id") {
            Some(id) => Some(DocumentId::parse(id).ok()?),
            None => None,
        },
        kind: KINDS.into_iter().find(|known| known.as_str() == kind)?,
        revision: match text("revision") {
            Some(revision) => Some(Revision::parse(revision).ok()?),
            None => None,
        },
        at: read_time(tree)?,
        kept: Kept {
            former: KeptText::of_stored(text("former")),
            body: KeptText::of_stored(text("body")),
        },
    })
}

/// A number as text.
pub(crate) fn number(value: u64) -> Tree {
    Tree::String(value.to_string())
}

pub(crate) fn read_number(tree: &Tree) -> Option<u64> {
    tree.as_str()?.parse().ok()
}

pub(crate) fn read_time(tree: &Tree) -> Option<Timestamp> {
    Timestamp::parse(tree.get("at")?.as_str()?)
}

/// The elements of a field; none of them when the field is missing.
pub(crate) fn list<T>(
    tree: &Tree,
    name: &str,
    read: impl Fn(&Tree) -> Option<T>,
) -> Option<Vec<T>> {
    match tree.get(name) {
        None => Some(Vec::new()),
        Some(field) => field.as_array()?.iter().map(read).collect(),
    }
}
