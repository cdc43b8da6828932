//! Fields that hold names of uploaded files: which files a document may name, and which documents
//! name a file.
//!
//! A file that a write names is claimed before the write: from then on it goes when no document names
//! it any more. So a process that is killed in between leaves no file that would stay for ever.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashSet},
};

use isobase_engine::{
    Action, Current, Others, ProposedWrite, Rejection, Violation, WriteBatch, WriteCheck,
};
use isobase_types::{
    CollectionName, Comparison, Count, DocumentId, FieldPath, Filter, Literal, Operator, Order,
    PageRequest, Query,
    json::{self, Kind, Raw},
};

use crate::{
    FileField, Right, RuleAction, Schema, Store, StoreError, View,
    file_names::{Namers, Naming, namers, uploads},
};

/// The prefix of addresses of uploaded files.
const ADDRESS: &str = "/uploads/";
/// Longest end of a file's name, without its dot.
const SUFFIX_MAX: usize = 16;
/// Documents that name files that are looked at at a time.
const REFERRERS_PAGE: u32 = 1_000;

/// Whether a text may be the name of an uploaded file.
#[must_use]
pub fn is_upload_name(text: &str) -> bool {
    let (id, end) = text.split_at_checked(36).unwrap_or((text, ""));
    let is_id = id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let is_end = end.strip_prefix('.').is_some_and(|end| {
        (1..=SUFFIX_MAX).contains(&end.len()) && end.bytes().all(|it| it.is_ascii_alphanumeric())
    });
    is_id && (end.is_empty() || is_end)
}

/// The name in a value of a field.
pub(crate) fn name_in(value: &str) -> Option<&str> {
    let name = value.strip_prefix(ADDRESS).unwrap_or(value);
    is_upload_name(name).then_some(name)
}

/// Every text in a JSON text that may be the name of a file.
fn names_in(text: &str) -> impl Iterator<Item = &str> {
    let texts = text.split('"').filter_map(|text| text.rsplit('/').next());
    texts.filter(|text| is_upload_name(text))
}

/// Travels with a batch: a document newly names only files that were claimed for it, and are there
/// at the commit.
#[derive(Debug)]
pub(crate) struct FileCheck {
    fields: Vec<(CollectionName, FileField)>,
    claimed: HashSet<String>,
    uploads: CollectionName,
}

impl WriteCheck for FileCheck {
    fn needs_before(&self) -> bool {
        true
    }

    fn shows(&self, _: &CollectionName, _: &DocumentId, _: Current<'_>) -> bool {
        true
    }

    fn check(&self, write: &ProposedWrite<'_>, others: &mut dyn Others) -> Result<(), Rejection> {
        let Some(after) = write.after else { return Ok(()) };
        let mut violations = Vec::new();
        for (_, file) in self.fields.iter().filter(|(from, _)| from == write.collection) {
            let before: Vec<String> = match write.before {
                Some(before) => texts_of(before.body, file).collect(),
                None => Vec::new(),
            };
            for text in texts_of(after, file) {
                // What was there before may stay: its schema may be younger.
                if before.contains(&text) {
                    continue;
                }
                let name = name_in(&text).filter(|name| self.claimed.contains(*name));
                let exists =
                    name.map(|name| others.exists(&self.uploads, &DocumentId::Text(name.into())));
                if matches!(exists, None | Some(Some(false))) {
                    let steps = file.field.steps().iter();
                    let steps = steps.map(|it| it.replace('~', "~0").replace('/', "~1"));
                    let pointer = steps.map(|step| format!("/{step}")).collect();
                    let message = "there is no uploaded file of yours with this name".to_owned();
                    violations.push(Violation { pointer, message });
                    break;
                }
            }
        }
        match violations.is_empty() {
            true => Ok(()),
            false => Err(Rejection::SchemaViolation { violations }),
        }
    }
}

/// The texts in a field that holds names.
pub(crate) fn texts_of<'a>(
    body: &'a str,
    file: &FileField,
) -> impl Iterator<Item = String> + use<'a> {
    let value = json::find(body, &file.field);
    let (one, many): (Option<Raw<'a>>, Vec<Raw<'a>>) = match value {
        Some(value) if value.kind() == Kind::Array => (None, value.elements().collect()),
        other => (other, Vec::new()),
    };
    let all = one.into_iter().chain(many);
    all.filter_map(|value| value.as_str_decoded().map(Cow::into_owned))
}

impl Store {
    /// Claims the files that a batch names in collections with such fields; the check that goes with
    /// the batch, if it writes to any.
    pub(crate) async fn claim_files(
        &self,
        batch: &WriteBatch,
        schemas: &[(CollectionName, Schema)],
    ) -> Result<Option<(FileCheck, Naming)>, StoreError> {
        let of_one = |(from, schema): &(CollectionName, Schema)| {
            let files = schema.fields().iter().filter_map(|field| field.file.clone());
            files.map(|file| (from.clone(), file)).collect::<Vec<_>>()
        };
        let fields: Vec<_> = schemas.iter().flat_map(of_one).collect();
        if fields.is_empty() {
            return Ok(None);
        }
        let mut named: BTreeSet<(String, bool)> = BTreeSet::new();
        let mut naming = Naming::default();
        for (number, operation) in batch.operations.iter().enumerate() {
            let of_it = fields.iter().filter(|(from, _)| *from == operation.collection);
            let of_it = of_it.map(|(_, file)| (file.private, file.many));
            // None where the collection has no such field.
            let Some((private, many)) = of_it.reduce(|a, b| (a.0 || b.0, a.1 || b.1)) else {
                continue;
            };
            let texts: Vec<&str> = match &operation.action {
                Action::Create { body } | Action::Put { body, .. } => vec![body],
                Action::Patch { patch, .. } => patch.texts(),
                Action::Delete { .. } => Vec::new(),
            };
            for name in texts.into_iter().flat_map(names_in) {
                named.insert((name.to_owned(), private));
                if many {
                    naming.add(name, number);
                }
            }
        }
        let (uploads, mut claimed) = (uploads(), HashSet::new());
        if !named.is_empty() {
            self.index_file_fields(&fields).await?;
        }
        for (name, private) in named {
            match self.claim(&name, private, &mut naming, batch).await? {
                true => {
                    claimed.insert(name);
                }
                false => naming.remove(&name),
            }
        }
        Ok(Some((FileCheck { fields, claimed, uploads }, naming)))
    }

    /// Claims one file; says whether the one who asks may name it.
    async fn claim(
        &self,
        name: &str,
        private: bool,
        naming: &mut Naming,
        batch: &WriteBatch,
    ) -> Result<bool, StoreError> {
        let id = DocumentId::Text(name.into());
        let Some(document) = self.engine.get(&uploads(), &id).await? else { return Ok(false) };
        let is = |field: &str| {
            let path = FieldPath::parse(field).ok();
            path.and_then(|path| json::find(&document.body, &path))
        };
        let owner = is("owner").and_then(|owner| owner.as_str_decoded());
        if self.files_of.as_deref().is_some_and(|asks| owner.as_deref() != Some(asks)) {
            return Ok(false);
        }
        let holds = |field: &str| is(field).is_some_and(|value| value.as_text() == "true");
        let is_unused = is("unused_us").is_some_and(|value| value.kind() != Kind::Null);
        let is_new = !holds("claimed");
        // A file that documents named before it could tell of them never does.
        let begun = r#"{"told":true}"#;
        let known = if is_new { begun } else { &document.body };
        let tells = naming.needs_to_tell(name, known, batch);
        if !is_new && (holds("private") || !private) && !is_unused && !tells {
            return Ok(true);
        }
        let mut update = String::from(r#"{"merge":{"claimed":true,"unused_us":null"#);
        if private {
            update.push_str(r#","private":true"#);
        }
        if is_new {
            update.push_str(r#","told":true"#);
        }
        update.push('}');
        if tells {
            update.push_str(r#","increment":{"telling":1}"#);
        }
        update.push('}');
        // It may be gone meanwhile.
        self.patch_file(name, &update).await
    }

    /// The fields of all collections that hold names of uploaded files.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn file_fields(&self) -> Result<Vec<(CollectionName, FileField)>, StoreError> {
        Ok(self.schemas.files(&*self.engine).await?)
    }

    /// Which of some files documents name. Where fields hold lists, it reads their collections.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn named_files(
        &self,
        names: &HashSet<String>,
    ) -> Result<HashSet<String>, StoreError> {
        let mut found = HashSet::new();
        let fields = self.file_fields().await?;
        self.index_file_fields(&fields).await?;
        for (collection, file) in fields {
            // No index tells of elements of a list.
            let filter = if file.many { Filter::all() } else { names_any(&file.field, names) };
            let mut query = query(filter, REFERRERS_PAGE);
            loop {
                let page = self.whole().list(&collection, &query).await?;
                for document in &page.documents {
                    let texts = texts_of(&document.body, &file);
                    let named = texts.filter_map(|text| name_in(&text).map(str::to_owned));
                    found.extend(named.filter(|name| names.contains(name)));
                }
                let Some(next) = page.next else { break };
                let after = Some(next.cursor().to_owned());
                query.page = PageRequest::Cursor { limit: REFERRERS_PAGE, after };
            }
        }
        Ok(found)
    }

    /// Makes the indexes by which documents that name files are found.
    pub(crate) async fn index_file_fields(
        &self,
        fields: &[(CollectionName, FileField)],
    ) -> Result<(), StoreError> {
        for (from, file) in fields.iter().filter(|(_, file)| !file.many) {
            self.index_field(from, &file.field).await?;
        }
        Ok(())
    }
}

impl View {
    /// Whether a document names an uploaded file that the caller may see, or names it in a field
    /// that is not private.
    ///
    /// # Errors
    /// When the engine fails, or too many documents would have to be looked at.
    pub async fn shows_file(&self, name: &str) -> Result<bool, StoreError> {
        let names = HashSet::from([name.to_owned()]);
        let document = self.store.engine.get(&uploads(), &DocumentId::Text(name.into())).await?;
        let told = document.map_or(Namers::Unknown, |document| namers(&document.body));
        for (collection, file) in self.store.file_fields().await? {
            if file.many
                && let Namers::Told(told) = &told
            {
                if self.shows_told(name, &collection, &file, told).await? {
                    return Ok(true);
                }
                continue;
            }
            let names_it = match file.many {
                false => names_any(&file.field, &names),
                true => Filter::Or(literals(&names).map(|it| contains(&file.field, it)).collect()),
            };
            let filter = match self.right(&collection, RuleAction::View) {
                _ if !file.private => names_it,
                Right::All => names_it,
                Right::Nothing => continue,
                Right::Where(rule) => Filter::And(vec![names_it, rule]),
            };
            let found = self.whole().list(&collection, &query(filter, 1)).await?;
            if !found.documents.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl View {
    /// Whether one of the documents that name a file in a list shows it.
    async fn shows_told(
        &self,
        name: &str,
        collection: &CollectionName,
        file: &FileField,
        told: &[(CollectionName, DocumentId)],
    ) -> Result<bool, StoreError> {
        for (_, id) in told.iter().filter(|(of, _)| of == collection) {
            // What it named once it may name no more.
            let Some(document) = self.store.stored(collection, id).await? else { continue };
            let names_it = texts_of(&document.body, file).any(|text| name_in(&text) == Some(name));
            if names_it && (!file.private || self.shows(collection, &document)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

pub(crate) fn query(filter: Filter, limit: u32) -> Query {
    Query {
        filter,
        order: Order::default(),
        page: PageRequest::Cursor { limit, after: None },
        fields: Vec::new(),
        count: Count::None,
    }
}

/// Names, and the addresses with them.
pub(crate) fn literals(names: &HashSet<String>) -> impl Iterator<Item = Literal> {
    names.iter().flat_map(|name| [name.clone(), format!("{ADDRESS}{name}")]).map(Literal::Text)
}

pub(crate) fn names_any(field: &FieldPath, names: &HashSet<String>) -> Filter {
    let operator = Operator::In(literals(names).collect());
    Filter::Compare(Comparison { path: field.clone(), operator })
}

pub(crate) fn contains(field: &FieldPath, literal: Literal) -> Filter {
    let operator = Operator::Contains(literal);
    Filter::Compare(Comparison { path: field.clone(), operator })
}
