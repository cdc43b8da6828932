//! Reading documents by their ids.

use std::{borrow::Cow, collections::HashMap};

use isobase_engine::EngineError;
use isobase_journal::{DocumentKey, NativeDocument, Tree};
use isobase_types::CollectionName;
use tokio::time::Instant;

use crate::{
    client::{Call, Intent, Reply, at_once, segment},
    codec::{Found, quoted_list},
    error::{in_doubt, strange},
    names::IDS,
    rows::{Row, document_path, rows_of},
    shared::{PARALLEL, Shared},
};

/// Documents of one question by ids.
const KEYS_MAX: usize = 500;

/// Above this, an answer is asked for again in smaller parts. More than one largest document.
const ANSWER_BYTES_HIGH: usize = 24 << 20;

/// About what an answer with documents should have.
const ANSWER_BYTES: usize = 4 << 20;

impl Shared {
    /// Documents by their ids, in the order of the keys.
    pub(crate) async fn read(
        &self,
        keys: &[DocumentKey],
        deadline: Instant,
    ) -> Result<Vec<Option<NativeDocument>>, EngineError> {
        if let [key] = keys
            && let Some(path) =
                document_path(&self.names.database(&key.collection), &IDS.of(&key.id))
        {
            return Ok(vec![self.read_one(path, deadline).await?]);
        }
        let mut places: HashMap<&CollectionName, Vec<usize>> = HashMap::new();
        for (place, key) in keys.iter().enumerate() {
            places.entry(&key.collection).or_default().push(place);
        }
        let rows = self.rows_for(ANSWER_BYTES, KEYS_MAX);
        let mut parts = Vec::new();
        for (collection, places) in &places {
            let database = self.names.database(collection);
            for part in places.chunks(rows) {
                parts.push(self.read_part(database.clone(), keys, part.to_vec(), deadline));
            }
        }
        let mut documents: Vec<Option<NativeDocument>> = keys.iter().map(|_| None).collect();
        for (place, document) in at_once(PARALLEL, parts).await?.into_iter().flatten() {
            documents[place] = document;
        }
        Ok(documents)
    }

    async fn read_one(
        &self,
        path: String,
        deadline: Instant,
    ) -> Result<Option<NativeDocument>, EngineError> {
        const WHAT: &str = "reading a document";
        let reply = self.client.send(&self.client.get(path, WHAT, deadline)).await?;
        match reply.status {
            404 => Ok(None),
            200 => {
                self.learn_size(1, reply.body.len());
                let found = Found::of(reply.tree(WHAT)?).ok_or_else(|| strange(WHAT))?;
                Ok(found.into_document())
            }
            _ => Err(self.client.refused(WHAT, &reply)),
        }
    }

    async fn read_part(
        &self,
        database: String,
        keys: &[DocumentKey],
        places: Vec<usize>,
        deadline: Instant,
    ) -> Result<Vec<(usize, Option<NativeDocument>)>, EngineError> {
        let mut documents = Vec::with_capacity(places.len());
        let mut waiting = vec![places];
        while let Some(places) = waiting.pop() {
            let ids: Vec<String> = places.iter().map(|place| IDS.of(&keys[*place].id)).collect();
            let bytes_max = if ids.len() > 1 { Some(ANSWER_BYTES_HIGH) } else { None };
            let Some(rows) = self.read_rows(&database, &ids, true, bytes_max, deadline).await?
            else {
                let (first, second) = places.split_at(places.len() / 2);
                waiting.extend([first.to_vec(), second.to_vec()]);
                continue;
            };
            let found = rows.into_iter().map(|row| match row {
                Row::Live { document: Some(found), .. } => found.into_document(),
                _ => None,
            });
            documents.extend(places.into_iter().zip(found));
        }
        Ok(documents)
    }

    /// The documents of a database under ids, in their order; `None` if the answer would be larger than
    /// allowed.
    pub(crate) async fn read_rows(
        &self,
        database: &str,
        ids: &[String],
        with_documents: bool,
        bytes_max: Option<usize>,
        deadline: Instant,
    ) -> Result<Option<Vec<Row>>, EngineError> {
        const WHAT: &str = "reading documents by their ids";
        let mut body = b"{\"keys\":".to_vec();
        body.extend(quoted_list(ids.iter().map(|id| Cow::Borrowed(id.as_str()))));
        body.push(b'}');
        let path = format!("/{}/_all_docs?include_docs={with_documents}", segment(database));
        let mut call = self.client.ask(path, body, WHAT, deadline);
        call.answer_bytes_max = bytes_max.unwrap_or(call.answer_bytes_max);
        let reply = match bytes_max {
            Some(_) => match self.client.send_bounded(&call).await? {
                Some(reply) => reply,
                None => return Ok(None),
            },
            None => self.client.send(&call).await?,
        };
        if reply.status == 404 {
            return Ok(Some(ids.iter().map(|_| Row::Missing).collect()));
        }
        let rows = rows_of(self.success(&call, reply)?, WHAT)?;
        if rows.len() != ids.len() {
            return Err(strange(WHAT));
        }
        rows.into_iter().map(|row| Row::of(row, WHAT)).collect::<Result<_, _>>().map(Some)
    }

    /// The JSON of an answer that must be a success.
    pub(crate) fn success(&self, call: &Call<'_>, reply: Reply) -> Result<Tree, EngineError> {
        if reply.is_success() {
            return reply.tree(call.what).map_err(|error| match call.intent {
                Intent::Read => error,
                Intent::Write => in_doubt(error),
            });
        }
        Err(self.client.refused(call.what, &reply))
    }
}
