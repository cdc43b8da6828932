//! Namespaces: what is in them, and taking one away.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use http::{Response, StatusCode};
use isobase_http::{Body, Problem};
use isobase_store::{
    Action, Atomicity, Precondition, Rejection, Store, WriteBatch, WriteOperation,
};
use isobase_types::{Document, json};

use super::{caller, fields::Fields, identity, record, records::Pages};
use crate::{
    Call, codes,
    data_store::{State, state::collection},
    failure::Failure,
    request::no_parameters,
};

/// Most namespaces of one user that are counted.
const NAMESPACES_MAX: usize = 10_000;

/// Most agents of one namespace that are named.
const AGENTS_MAX: usize = 1_000;

/// What is in a namespace.
#[derive(Debug, Default)]
struct Summary {
    records: u64,
    /// Of the values as JSON text.
    bytes: u64,
    /// Those that created or last used a record.
    agents: BTreeSet<String>,
    updated_at: Option<String>,
}

impl Summary {
    fn add(&mut self, fields: &Fields) {
        self.records += 1;
        self.bytes += fields.get("value").map_or(0, str::len) as u64;
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

    fn render(&self, namespace: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"namespace\":");
        json::write_string(namespace, out);
        let Self { records, bytes, .. } = self;
        out.extend_from_slice(
            format!(",\"recordCount\":{records},\"sizeBytes\":{bytes},\"agents\":[").as_bytes(),
        );
        for (index, agent) in self.agents.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            json::write_string(agent, out);
        }
        out.extend_from_slice(b"],\"updatedAt\":");
        match &self.updated_at {
            Some(at) => json::write_string(at, out),
            None => out.extend_from_slice(b"null"),
        }
        out.push(b'}');
    }
}

/// `GET /data-store/namespaces`
pub(crate) async fn list_namespaces(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let filter = identity::filter(&caller::user(&call)?, None);
    let mut pages = Pages::of(state.store.clone(), filter);
    let mut namespaces: BTreeMap<String, Summary> = BTreeMap::new();
    while let Some(documents) = pages.next().await? {
        for document in &documents {
            let fields = Fields::read(&document.body);
            let namespace =
                fields.text("namespace").unwrap_or_else(|| identity::DEFAULT.to_owned());
            namespaces.entry(namespace).or_default().add(&fields);
        }
        if namespaces.len() > NAMESPACES_MAX {
            let detail = format!("the user has more than {NAMESPACES_MAX} namespaces");
            return Err(Problem::new(codes::LIMIT_EXCEEDED, detail).into());
        }
    }
    let mut out = b"{\"namespaces\":[".to_vec();
    for (index, (namespace, summary)) in namespaces.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        summary.render(namespace, &mut out);
    }
    let records: u64 = namespaces.values().map(|summary| summary.records).sum();
    let bytes: u64 = namespaces.values().map(|summary| summary.bytes).sum();
    out.extend_from_slice(
        format!("],\"totalRecordCount\":{records},\"totalSizeBytes\":{bytes}}}").as_bytes(),
    );
    Ok(Body::json(StatusCode::OK, out))
}

/// `GET /data-store/namespaces/{namespace}`
pub(crate) async fn get_namespace(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let namespace = record::namespace(&call)?;
    let filter = identity::filter(&caller::user(&call)?, Some(&namespace));
    let mut pages = Pages::of(state.store.clone(), filter);
    let mut summary = Summary::default();
    while let Some(documents) = pages.next().await? {
        documents.iter().for_each(|document| summary.add(&Fields::read(&document.body)));
    }
    let mut out = Vec::new();
    summary.render(&namespace, &mut out);
    Ok(Body::json(StatusCode::OK, out))
}

/// `DELETE /data-store/namespaces/{namespace}`
pub(crate) async fn delete_namespace(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let namespace = record::namespace(&call)?;
    let filter = identity::filter(&caller::user(&call)?, Some(&namespace));
    let mut pages = Pages::of(state.store.clone(), filter);
    let mut deleted = 0;
    while let Some(documents) = pages.next().await? {
        deleted += delete(&state.store, &documents).await?;
    }
    let mut out = b"{\"namespace\":".to_vec();
    json::write_string(&namespace, &mut out);
    out.extend_from_slice(format!(",\"deletedCount\":{deleted}}}").as_bytes());
    Ok(Body::json(StatusCode::OK, out))
}

/// Deletes a part; says how many records were still there.
async fn delete(store: &Store, documents: &[Document]) -> Result<u64, Failure> {
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
        for outcome in store.write(batch, Atomicity::EachAlone).await?.outcomes {
            match outcome {
                Ok(_) => deleted += 1,
                Err(Rejection::NotFound) => {}
                Err(rejection) => return Err(rejection.into()),
            }
        }
    }
    Ok(deleted)
}
