//! `BatchWrite` by tonic.

use anyhow::{Context, Result, ensure};
use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    BatchWriteRequest, Document, ListDocumentsRequest, Write, firestore_client::FirestoreClient,
    write::Operation,
};
use serde_json::Value;
use tonic::{Request, transport::Endpoint};

use super::{Bulk, place};

/// Writes of one request.
const PART: usize = 500;
/// Documents of one page that is read.
const PAGE: i32 = 300;

/// `from` and `to` are `PROJECT/COLLECTION`.
pub(super) async fn bulk(bulk: &Bulk<'_>) -> Result<Value> {
    let channel = Endpoint::from_shared(bulk.url.to_owned())?.connect().await?;
    let client = FirestoreClient::new(channel).max_decoding_message_size(64 << 20);
    let (project, to) = bulk.to.split_once('/').context("PROJECT/COLLECTION")?;
    let database = format!("projects/{project}/databases/(default)");
    let mut documents = list(client.clone(), bulk).await?;
    let id = |document: &Document| document.name.rsplit('/').next().map(str::to_owned);
    documents.sort_by_cached_key(|document| place(&id(document).unwrap_or_default()));
    for document in &mut documents {
        let id = document.name.rsplit('/').next().unwrap_or_default();
        document.name = format!("{database}/documents/{to}/{id}");
        document.create_time = None;
        document.update_time = None;
        document.fields.retain(|field, _| bulk.keeps(field));
    }
    bulk.write(documents, PART, |part| {
        let mut client = client.clone();
        let database = database.clone();
        async move {
            let write = |document| Write {
                operation: Some(Operation::Update(document)),
                ..Write::default()
            };
            let writes = part.into_iter().map(write).collect();
            let request = BatchWriteRequest { database, writes, ..BatchWriteRequest::default() };
            let answer = client.batch_write(owner(request)).await?.into_inner();
            ensure!(answer.status.iter().all(|status| status.code == 0), "a write was refused");
            Ok(())
        }
    })
    .await
}

async fn list(
    mut client: FirestoreClient<tonic::transport::Channel>,
    bulk: &Bulk<'_>,
) -> Result<Vec<Document>> {
    let (project, from) = bulk.from.split_once('/').context("PROJECT/COLLECTION")?;
    let mut documents = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListDocumentsRequest {
            parent: format!("projects/{project}/databases/(default)/documents"),
            collection_id: from.to_owned(),
            page_size: PAGE,
            page_token,
            ..ListDocumentsRequest::default()
        };
        let page = client.list_documents(owner(request)).await?.into_inner();
        documents.extend(page.documents);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(documents);
        }
    }
}

/// Emulators ask for this token.
fn owner<M>(message: M) -> Request<M> {
    let mut request = Request::new(message);
    request
        .metadata_mut()
        .insert("authorization", tonic::metadata::MetadataValue::from_static("Bearer owner"));
    request
}
