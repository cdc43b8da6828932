//! Our bookkeeping in a document.

use isobase_engine::Indexed;
use isobase_types::{
    DocumentId, Revision, Sequence, Timestamp,
    json::{self, Raw},
};

use super::{
    META_FIELD, NativeRules, Tree, hash, rebuild, rules::RESERVED, shape, tree::into_text, wrap,
};
use crate::Tag;

/// A field that is part of a body only where another program has written it.
const OWN_ID: &str = "id";

/// Our bookkeeping of a document, in the document.
#[derive(Clone, Debug, PartialEq)]
pub struct Meta {
    /// The number of the write that gave the document its content: its revision.
    pub revision: Sequence,
    /// When it was first written.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Hash of the content as we wrote it: another content was written by another program.
    pub hash: String,
    /// The order of fields and the spelling of numbers, where the native form loses them.
    pub shape: Option<String>,
    /// Text of an object: top-level fields that cannot stand natively.
    pub held: Option<String>,
    /// The content is that of another program and stays as it is natively. Not stored.
    pub keeps_content: bool,
}

/// A document as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct NativeDocument {
    /// Its id.
    pub id: DocumentId,
    /// Its revision: that of the bookkeeping, or `foreign-…` when another program wrote it.
    pub revision: Revision,
    /// When it was first written, as far as anyone knows.
    pub created_at: Timestamp,
    /// When it was last changed, as far as anyone knows.
    pub updated_at: Timestamp,
    /// Its canonical text.
    pub body: String,
    /// The bookkeeping, also when it is out of date.
    pub meta: Option<Meta>,
    /// The database's name of this version.
    pub tag: Tag,
    /// The database keeps attachments with it, which are in no body.
    pub has_attachments: bool,
}

impl NativeDocument {
    /// Reads a native document: all its top-level fields, [`META_FIELD`] among them.
    ///
    /// `native_times` are the database's own times of creation and change, if it has them.
    #[must_use]
    pub fn from_fields(
        id: DocumentId,
        mut fields: Vec<(String, Tree)>,
        tag: Tag,
        native_times: Option<(Timestamp, Timestamp)>,
    ) -> Self {
        let meta = fields
            .iter()
            .find(|(name, _)| name == META_FIELD)
            .and_then(|(_, value)| Meta::from_tree(value));
        fields.retain(|(name, _)| !RESERVED.contains(&name.as_str()));
        let held = meta.as_ref().and_then(|meta| meta.held.as_deref());
        let fields = wrap::unwrap_fields(fields, held);
        let (body, is_ours) = match read_format_1(&id, &fields, meta.as_ref()) {
            Some(body) => (body, true),
            None => {
                let body = own_id_first(body_of(&fields, meta.as_ref()), &fields);
                let is_ours = meta.as_ref().is_some_and(|meta| {
                    meta.is_bound_to(&id) && meta.content_hash() == hash::of(&body)
                });
                (body, is_ours)
            }
        };
        let ours = meta.as_ref().filter(|_| is_ours);
        let revision = match ours {
            Some(meta) => Revision::from_number(meta.revision.0),
            None => foreign_revision(&hash::of(&body)),
        };
        let (created_at, updated_at) = match (ours, &meta, native_times) {
            (Some(ours), ..) => (ours.created_at, ours.updated_at),
            (None, Some(old), times) => {
                (old.created_at, times.map_or(old.updated_at, |(_, changed)| changed))
            }
            (None, None, times) => times.unwrap_or_default(),
        };
        let has_attachments = false;
        Self { id, revision, created_at, updated_at, body, meta, tag, has_attachments }
    }

    /// The values by which indexes sort it.
    #[must_use]
    pub fn indexed(&self) -> Indexed<'_> {
        let Self { created_at, updated_at, .. } = *self;
        Indexed { body: &self.body, id: &self.id, created_at, updated_at }
    }

    /// Whether another program gave the document its content.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.meta.as_ref().is_none_or(|meta| self.revision.number() != Some(meta.revision.0))
    }
}

impl Meta {
    /// A body as native fields, and the bookkeeping that goes with it.
    ///
    /// `body` is canonical text of an object; other text becomes an empty object.
    #[must_use]
    pub fn of_body(
        body: &str,
        rules: &NativeRules,
        revision: Sequence,
        created_at: Timestamp,
        updated_at: Timestamp,
    ) -> (Vec<(String, Tree)>, Self) {
        let fields = Tree::parse_fields(body).unwrap_or_default();
        let hash = hash::of(body);
        let shape = shape::of_fields(&fields);
        let (fields, held) = wrap::wrap_fields(fields, rules);
        let keeps_content = false;
        let meta = Self { revision, created_at, updated_at, hash, shape, held, keeps_content };
        (fields, meta)
    }

    /// The same for this document only: who copies it with its bookkeeping to another id has made
    /// a document of another program.
    #[must_use]
    pub fn bound_to(mut self, id: &DocumentId) -> Self {
        self.hash = format!("{}-{}", self.content_hash(), hash::of_id(id));
        self
    }

    /// Whether it may be of this document.
    pub(crate) fn is_bound_to(&self, id: &DocumentId) -> bool {
        self.hash
            .split_once('-')
            .is_none_or(|(_, of_id)| of_id == hash::of_id(id) || of_id == hash::of_id_1(id))
    }

    fn content_hash(&self) -> &str {
        self.hash.split('-').next().unwrap_or_default()
    }

    /// The bookkeeping as the value of [`META_FIELD`]: an object with `revision` (number),
    /// `created_at`, `updated_at` (RFC 3339 text), `hash` and, if needed, `shape` and `fields`. A
    /// database may add other fields of its own; reading ignores them.
    #[must_use]
    pub fn to_fields(&self) -> Vec<(String, Tree)> {
        let text = |text: String| Tree::String(text);
        let mut fields = vec![
            ("revision".to_owned(), Tree::integer(self.revision.0)),
            ("created_at".to_owned(), text(self.created_at.to_string())),
            ("updated_at".to_owned(), text(self.updated_at.to_string())),
            ("hash".to_owned(), text(self.hash.clone())),
        ];
        if let Some(shape) = &self.shape {
            fields.push(("shape".to_owned(), text(shape.clone())));
        }
        if let Some(held) = &self.held {
            fields.push(("fields".to_owned(), text(held.clone())));
        }
        fields
    }

    /// Reads the value of [`META_FIELD`]; `None` when another program wrote something else there.
    #[must_use]
    pub fn from_tree(tree: &Tree) -> Option<Self> {
        let time_at = |name| Timestamp::parse(tree.get(name)?.as_str()?);
        Some(Self {
            revision: Sequence(tree.get("revision")?.as_u64()?),
            created_at: time_at("created_at")?,
            updated_at: time_at("updated_at")?,
            hash: tree.get("hash")?.as_str()?.to_owned(),
            shape: tree.get("shape").and_then(Tree::as_str).map(str::to_owned),
            held: tree.get("fields").and_then(Tree::as_str).map(str::to_owned),
            keeps_content: false,
        })
    }
}

fn body_of(fields: &[(String, Tree)], meta: Option<&Meta>) -> String {
    let shape = meta.and_then(|meta| shape::parse(meta.shape.as_deref()?));
    let mut out = Vec::new();
    rebuild::write_fields(fields, shape.as_ref(), &mut out);
    into_text(out)
}

/// The body of a document with a field `id` of its own whose bookkeeping was written when that was
/// none of its content; none of any other document, or when the rest has changed since.
fn read_format_1(
    id: &DocumentId,
    fields: &[(String, Tree)],
    meta: Option<&Meta>,
) -> Option<String> {
    let own = fields.iter().find(|(name, _)| name == OWN_ID)?;
    let meta = meta?;
    let is_of_format_1 =
        meta.hash.split_once('-').is_none_or(|(_, of_id)| of_id == hash::of_id_1(id));
    let others: Vec<_> = fields.iter().filter(|(name, _)| name != OWN_ID).cloned().collect();
    let rest = body_of(&others, Some(meta));
    if !is_of_format_1 || meta.content_hash() != hash::of(&rest) {
        return None;
    }
    let own = body_of(std::slice::from_ref(own), None);
    json::own_id(&own).map(|own| json::with_own_id(&rest, own))
}

/// The text with the document's own field `id` where readers of a body look for it.
fn own_id_first(body: String, fields: &[(String, Tree)]) -> String {
    if !fields.iter().any(|(name, _)| name == OWN_ID) {
        return body;
    }
    let members = || Raw::new(&body).members();
    let is_own = |key: Raw<'_>| key.as_str_decoded().is_some_and(|name| name == OWN_ID);
    let Some((_, own)) = members().find(|(key, _)| is_own(*key)) else { return body };
    let mut rest = String::from("{");
    for (key, value) in members().filter(|(key, _)| !is_own(*key)) {
        if rest.len() > 1 {
            rest.push(',');
        }
        rest.push_str(key.as_text());
        rest.push(':');
        rest.push_str(value.as_text());
    }
    rest.push('}');
    json::with_own_id(&rest, own)
}

fn foreign_revision(hash: &str) -> Revision {
    let text = format!("foreign-{hash}");
    // Letters, digits and a hyphen make a revision.
    Revision::parse(&text).unwrap_or_else(|_| Revision::from_number(0))
}
