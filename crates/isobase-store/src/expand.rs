//! Documents together with those they refer to.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use isobase_types::{
    CollectionName, Comparison, Count, Document, DocumentId, FieldPath, Filter, Literal, Operator,
    Order, PageRequest, Query, json,
};

use crate::{
    Caller, EXPAND_LEVELS_MAX, EXPAND_REFERENCES_MAX, Right, RuleAction, RuleBook, Store,
    StoreError, View,
    schema::{Reference, id_of},
    store::Face,
};

/// Documents that are asked for at a time.
const READ_DOCUMENTS: usize = 1_000;

/// Which references are replaced by the documents they lead to. Made by [`View::expansion`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expansion(Vec<Branch>);

/// A reference, and those of the documents it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Branch {
    field: FieldPath,
    collection: CollectionName,
    then: Vec<Branch>,
}

impl Expansion {
    /// Whether it leaves documents as they are.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The collections that it reads beside the documents.
    #[must_use]
    pub fn collections(&self) -> BTreeSet<&CollectionName> {
        let mut found = BTreeSet::new();
        let mut left: Vec<&Branch> = self.0.iter().collect();
        while let Some(branch) = left.pop() {
            found.insert(&branch.collection);
            left.extend(&branch.then);
        }
        found
    }
}

/// The findings on the way, by collection and id.
type Found = HashMap<(CollectionName, DocumentId), Document>;

impl View {
    /// Reads which references are to be expanded: `author`, `author.team`, as the schemas of the
    /// collections declare them.
    ///
    /// # Errors
    /// [`StoreError::UnknownExpansion`] names the place and what could stand there;
    /// [`StoreError::ExpansionTooDeep`] and [`StoreError::ExpansionTooWide`] the bounds.
    pub async fn expansion(
        &self,
        collection: &CollectionName,
        paths: &[FieldPath],
    ) -> Result<Expansion, StoreError> {
        let (mut expansion, mut count) = (Expansion::default(), 0);
        for path in paths {
            let mut branches = &mut expansion.0;
            let (mut at, mut rest) = (collection.clone(), path.steps());
            for level in 0.. {
                if rest.is_empty() {
                    break;
                }
                if level == EXPAND_LEVELS_MAX {
                    return Err(StoreError::ExpansionTooDeep { path: path.clone() });
                }
                let Reference { field, collection, .. } = self.reference(&at, rest, path).await?;
                rest = &rest[field.steps().len()..];
                let known = branches.iter().position(|branch| branch.field == field);
                let place = known.unwrap_or_else(|| {
                    count += 1;
                    let (collection, then) = (collection.clone(), Vec::new());
                    branches.push(Branch { field, collection, then });
                    branches.len() - 1
                });
                if count > EXPAND_REFERENCES_MAX {
                    return Err(StoreError::ExpansionTooWide);
                }
                branches = &mut branches[place].then;
                at = collection;
            }
        }
        Ok(expansion)
    }

    /// The reference of a collection with which the rest of a path begins.
    async fn reference(
        &self,
        collection: &CollectionName,
        rest: &[isobase_types::PathStep],
        path: &FieldPath,
    ) -> Result<Reference, StoreError> {
        let schema =
            self.store.schemas.current(&*self.store.engine, collection).await?.map(|it| it.schema);
        let references = schema.iter().flat_map(|schema| schema.references());
        let rules = schema.as_ref().and_then(|schema| schema.rules());
        let shown = |it: &&Reference| {
            !rules.is_some_and(|rules| rules.is_hidden(&it.field))
                && (self.store.refuse_reserved(&it.collection).is_ok()
                    || self.store.face(&it.collection).is_some())
        };
        let references: Vec<&Reference> = references.filter(shown).collect();
        let fits = references.iter().filter(|it| rest.starts_with(it.field.steps()));
        match fits.max_by_key(|it| it.field.steps().len()) {
            Some(reference) => Ok((*reference).clone()),
            None => Err(StoreError::UnknownExpansion {
                path: path.clone(),
                collection: collection.clone(),
                known: references.into_iter().map(|it| it.field.clone()).collect(),
            }),
        }
    }

    /// Puts the documents in the places of the ids that lead to them: one read for each level and
    /// collection, however many documents there are. An id that leads nowhere, or to a document that
    /// the caller may not see, stays.
    ///
    /// # Errors
    /// [`StoreError::ExpansionTooLarge`], or when the engine fails.
    pub async fn expand(
        &self,
        expansion: &Expansion,
        documents: &mut [Document],
    ) -> Result<(), StoreError> {
        if expansion.is_empty() || documents.is_empty() {
            return Ok(());
        }
        // Rare, and large: every read has room for what it awaits.
        let found = Box::pin(self.referred(expansion, documents)).await?;
        let mut rendering = Rendering { found: &found, done: HashMap::new() };
        let (mut bytes, max) = (0, self.store.options.page_bytes_max);
        for document in documents {
            document.body = rendering.expand(&document.body, &expansion.0);
            bytes += document.body.len();
            if bytes > max {
                return Err(StoreError::ExpansionTooLarge { max });
            }
        }
        Ok(())
    }

    /// Every document that an expansion needs.
    async fn referred(
        &self,
        expansion: &Expansion,
        documents: &[Document],
    ) -> Result<Found, StoreError> {
        let mut found = Found::new();
        let of_first = |branch| (branch, ids_in(documents.iter(), branch));
        let mut level: Vec<(&Branch, BTreeSet<DocumentId>)> =
            expansion.0.iter().map(of_first).collect();
        while !level.is_empty() {
            let mut wanted: BTreeMap<&CollectionName, BTreeSet<&DocumentId>> = BTreeMap::new();
            for (branch, ids) in &level {
                let known = |id: &&DocumentId| {
                    found.contains_key(&(branch.collection.clone(), (*id).clone()))
                };
                let ids = ids.iter().filter(|id| !known(id));
                wanted.entry(&branch.collection).or_default().extend(ids);
            }
            let mut bytes: usize = found.values().map(|it| it.body.len()).sum();
            let mut read = Vec::new();
            for (collection, ids) in wanted {
                for part in Vec::from_iter(ids).chunks(READ_DOCUMENTS) {
                    self.read_many(collection, part, &mut bytes, &mut read).await?;
                }
            }
            found.extend(read);
            let mut next = Vec::new();
            for (branch, ids) in level {
                let parents =
                    ids.into_iter().filter_map(|id| found.get(&(branch.collection.clone(), id)));
                let parents: Vec<&Document> = parents.collect();
                let of_next = |then| (then, ids_in(parents.iter().copied(), then));
                next.extend(branch.then.iter().map(of_next));
            }
            level = next;
        }
        Ok(found)
    }

    /// Reads documents by their ids.
    async fn read_many(
        &self,
        collection: &CollectionName,
        ids: &[&DocumentId],
        bytes: &mut usize,
        read: &mut Vec<((CollectionName, DocumentId), Document)>,
    ) -> Result<(), StoreError> {
        let literal = |id: &&DocumentId| match id {
            DocumentId::Integer(integer) => Literal::Integer(*integer),
            DocumentId::Text(text) => Literal::Text(text.as_ref().to_owned()),
        };
        let Ok(path) = FieldPath::parse("id") else { return Ok(()) };
        let operator = Operator::In(ids.iter().map(literal).collect());
        let limit = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        let with_ids = Filter::Compare(Comparison { path, operator });
        let face = self.store.face(collection);
        let filter =
            match face.map_or_else(|| self.right(collection, RuleAction::View), |_| Right::All) {
                Right::Nothing => return Ok(()),
                Right::All => with_ids,
                Right::Where(rule) => Filter::And(vec![with_ids, rule]),
            };
        let query = Query {
            filter,
            order: Order::default(),
            page: PageRequest::Cursor { limit, after: None },
            fields: Vec::new(),
            count: Count::None,
        };
        let page = match face {
            Some(face) => {
                let mut page = self.whole().system().list(collection, &query).await?;
                page.documents.iter_mut().for_each(|document| show(face, document));
                page
            }
            None => {
                let mut page = self.whole().list(collection, &query).await?;
                self.hide(collection, &mut page.documents).await?;
                page
            }
        };
        let max = self.store.options.page_bytes_max;
        *bytes += page.documents.iter().map(|it| it.body.len()).sum::<usize>();
        // A page that ends early has more documents than it has room for.
        if page.next.is_some() && page.documents.len() < ids.len() || *bytes > max {
            return Err(StoreError::ExpansionTooLarge { max });
        }
        let key = |document: &Document| (collection.clone(), document.id.clone());
        read.extend(page.documents.into_iter().map(|document| (key(&document), document)));
        Ok(())
    }
}

impl Store {
    /// Reads which references are to be expanded; see [`View::expansion`].
    ///
    /// # Errors
    /// As there.
    pub async fn expansion(
        &self,
        collection: &CollectionName,
        paths: &[FieldPath],
    ) -> Result<Expansion, StoreError> {
        self.unruled().expansion(collection, paths).await
    }

    /// Puts the documents in the places of the ids that lead to them; see [`View::expand`].
    ///
    /// # Errors
    /// As there.
    pub async fn expand(
        &self,
        expansion: &Expansion,
        documents: &mut [Document],
    ) -> Result<(), StoreError> {
        self.unruled().expand(expansion, documents).await
    }

    fn unruled(&self) -> View {
        View::new(self.clone(), Arc::new(RuleBook::default()), Caller::service())
    }
}

/// Leaves of a document what everybody may see.
fn show(face: &Face, document: &mut Document) {
    let mut shown = String::from("{");
    for (path, name) in face {
        let value = json::find(&document.body, path);
        if shown.len() > 1 {
            shown.push(',');
        }
        let value = value.map_or("null", |value| value.as_text());
        shown.push_str(&format!("\"{name}\":{value}"));
    }
    shown.push('}');
    document.body = shown;
}

/// The ids to which documents refer in a field.
fn ids_in<'a>(
    documents: impl Iterator<Item = &'a Document>,
    branch: &Branch,
) -> BTreeSet<DocumentId> {
    documents.filter_map(|it| json::find(&it.body, &branch.field).and_then(id_of)).collect()
}

/// Documents on their way into others, each rendered once.
struct Rendering<'a> {
    found: &'a Found,
    /// By the branch that leads to it, which has one place in memory, and its id.
    done: HashMap<(*const Branch, DocumentId), Arc<str>>,
}

impl Rendering<'_> {
    /// Recurses at most [`EXPAND_LEVELS_MAX`] times.
    fn expand(&mut self, body: &str, branches: &[Branch]) -> String {
        let mut body = body.to_owned();
        for branch in branches {
            let Some(id) = json::find(&body, &branch.field).and_then(id_of) else { continue };
            if let Some(text) = self.render(branch, &id) {
                body = json::with_field(&body, &branch.field, &text);
            }
        }
        body
    }

    fn render(&mut self, branch: &Branch, id: &DocumentId) -> Option<Arc<str>> {
        let done = (std::ptr::from_ref(branch), id.clone());
        if let Some(text) = self.done.get(&done) {
            return Some(Arc::clone(text));
        }
        let mut parent = self.found.get(&(branch.collection.clone(), id.clone()))?.clone();
        parent.body = self.expand(&json::without_own_id(&parent.body), &branch.then);
        let mut text = Vec::with_capacity(parent.body.len() + 32);
        parent.write_json(&mut text);
        let text: Arc<str> = String::from_utf8(text).ok()?.into();
        self.done.insert(done, Arc::clone(&text));
        Some(text)
    }
}
