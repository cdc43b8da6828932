//! Namespaces: what is in them, and taking one away.

use std::{collections::BTreeMap, sync::Arc};

use http::Response;
use isobase_http::{Body, Problem};
use isobase_store::{Action, Atomicity, Precondition, Rejection, View, WriteBatch, WriteOperation};
use isobase_types::Document;

use super::{caller, fields::Fields, identity, record, records::Pages};
use crate::{
    Call,
    answer::json,
    codes,
    data_store::{
        State,
        state::collection,
        wire::{DeletedNamespace, Namespace, Namespaces},
    },
    failure::Failure,
    request::no_parameters,
};

/// Most namespaces of one user that are counted.
const NAMESPACES_MAX: usize = 10_000;

/// Most agents of one namespace that are named.
const AGENTS_MAX: usize = 1_000;

impl Namespace {
    fn empty(namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), ..Self::default() }
    }

    fn add(&mut self, fields: &Fields) {
        self.record_count += 1;
        self.size_bytes += fields.get("value").map_or(0, str::len) as u64;
        for name in ["createdByAgent", "lastAccessedByAgent"] {
            if let Some(agent) = fields.text(name)
                && self.agents.len() < AGENTS_MAX
            {
                self.agents.insert(agent);
            }
        }
        // Texts of one form: the later one is the greater one.
        self.updated_at = fields.text("updatedAt").max(self.updated_at.take());
    }
}

/// `GET /data-store/namespaces`
pub(crate) async fn list_namespaces(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let filter = identity::filter(&caller::user(&call)?, None);
    let mut pages = Pages::of(state.view(&call), filter);
    let mut namespaces: BTreeMap<String, Namespace> = BTreeMap::new();
    while let Some(documents) = pages.next().await? {
        for document in &documents {
            let fields = Fields::read(&document.body);
            let name = fields.text("namespace").unwrap_or_else(|| identity::DEFAULT.to_owned());
            let empty = Namespace::empty(&name);
            namespaces.entry(name).or_insert(empty).add(&fields);
        }
        if namespaces.len() > NAMESPACES_MAX {
            let detail = format!("the user has more than {NAMESPACES_MAX} namespaces");
            return Err(Problem::new(codes::LIMIT_EXCEEDED, detail).into());
        }
    }
    let namespaces: Vec<Namespace> = namespaces.into_values().collect();
    Ok(json(&Namespaces {
        total_record_count: namespaces.iter().map(|namespace| namespace.record_count).sum(),
        total_size_bytes: namespaces.iter().map(|namespace| namespace.size_bytes).sum(),
        namespaces,
    }))
}

/// `GET /data-store/namespaces/{namespace}`
pub(crate) async fn get_namespace(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let namespace = record::namespace(&call)?;
    let filter = identity::filter(&caller::user(&call)?, Some(&namespace));
    let mut pages = Pages::of(state.view(&call), filter);
    let mut summary = Namespace::empty(&namespace);
    while let Some(documents) = pages.next().await? {
        documents.iter().for_each(|document| summary.add(&Fields::read(&document.body)));
    }
    Ok(json(&summary))
}

/// `DELETE /data-store/namespaces/{namespace}`
pub(crate) async fn delete_namespace(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let namespace = record::namespace(&call)?;
    let filter = identity::filter(&caller::user(&call)?, Some(&namespace));
    let mut pages = Pages::of(state.view(&call), filter);
    let mut deleted_count = 0;
    while let Some(documents) = pages.next().await? {
        deleted_count += delete(&state.view(&call), &documents).await?;
    }
    Ok(json(&DeletedNamespace { namespace, deleted_count }))
}

/// Deletes a part; says how many records were still there.
async fn delete(view: &View, documents: &[Document]) -> Result<u64, Failure> {
    let store = view.store();
    let engine_max = usize::try_from(store.limits().batch_operations.max).unwrap_or(usize::MAX);
    let part = store.options().batch_operations_max.min(engine_max).max(1);
    let mut deleted = 0;
    for documents in documents.chunks(part) {
        let operation = |document: &Document| WriteOperation {
            collection: collection(),
            action: Action::Delete { id: document.id.clone() },
            precondition: Precondition::None,
        };
        let operations = documents.iter().map(operation).collect();
        let batch = WriteBatch { operations, ..WriteBatch::default() };
        for outcome in view.write(batch, Atomicity::EachAlone).await?.outcomes {
            match outcome {
                Ok(_) => deleted += 1,
                Err(Rejection::NotFound) => {}
                Err(rejection) => return Err(rejection.into()),
            }
        }
    }
    Ok(deleted)
}
