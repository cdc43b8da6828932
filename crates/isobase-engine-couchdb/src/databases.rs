//! The databases of the collections, and their indexes.

use std::collections::HashSet;

use isobase_engine::{CollectionInfo, EngineError, ErrorKind, NotRead};
use isobase_journal::{IndexNumber, Tree};
use isobase_types::CollectionName;
use tokio::time::Instant;

use crate::{
    client::{at_once, segment},
    codec::{index_field, index_name, quoted},
    error::strange,
    names::Meaning,
    shared::{PARALLEL, Shared},
};

/// In a cluster several copies of the journal could take several records under one id. A single
/// node has one copy anyway.
///
/// Source: CouchDB 3.5 documentation, `PUT /{db}`; `parse_shards_opt` in its `chttpd_db.erl` takes
/// every positive `n` and `n_val` in `mem3_util.erl` at most the number of nodes.
const ONE_COPY: &str = "?n=1";

impl Shared {
    /// Makes the database of a collection, where it is not yet; says whether there were documents
    /// already.
    pub(crate) async fn prepare_collection(
        &self,
        collection: &CollectionName,
        deadline: Instant,
    ) -> Result<bool, EngineError> {
        let database = self.names.database(collection);
        self.prepare_database(&database, deadline).await?;
        Ok(self.documents(&database, deadline).await?.unwrap_or(0) > 0)
    }

    /// Makes a database, where it is not yet.
    pub(crate) async fn prepare_database(
        &self,
        database: &str,
        deadline: Instant,
    ) -> Result<(), EngineError> {
        if self.prepared.lock().contains(database) {
            return Ok(());
        }
        self.create_database(database, deadline).await?;
        self.prepared.lock().insert(database.to_owned());
        Ok(())
    }

    /// Takes note that a database is gone.
    pub(crate) fn forget_database(&self, database: &str) {
        self.prepared.lock().remove(database);
        self.ordered.lock().remove(database);
    }

    /// Makes a database, if it is not there. Asks first: only administrators may make one.
    pub(crate) async fn create_database(
        &self,
        database: &str,
        deadline: Instant,
    ) -> Result<(), EngineError> {
        self.try_create_database(database, deadline).await?
    }

    /// As [`Shared::create_database`]. The inner error is that of a user who may not.
    pub(crate) async fn try_create_database(
        &self,
        database: &str,
        deadline: Instant,
    ) -> Result<Result<(), EngineError>, EngineError> {
        if self.document_count(database, deadline).await?.is_some() {
            return Ok(Ok(()));
        }
        let what = format!("creating the database '{database}'");
        let path = creation_path(database, &self.journal);
        let mut call = self.client.put(path, Vec::new(), &what, deadline);
        call.body = None;
        call.has_another_way = true;
        let reply = self.client.send(&call).await?;
        match reply.status {
            // Another process was faster, or an earlier attempt of ours.
            412 => Ok(Ok(())),
            401 | 403 => {
                let (address, user) = (self.client.address(), self.client.user().unwrap_or("-"));
                let message = format!(
                    "CouchDB at {address} does not allow user '{user}' to create the database \
                     '{database}': create it as an administrator (`isobase index plan` prints the \
                     commands) or give the user that right"
                );
                Ok(Err(EngineError::new(ErrorKind::Unexpected, message)))
            }
            _ if reply.is_success() => Ok(Ok(())),
            _ => Err(self.client.refused(&what, &reply)),
        }
    }

    /// Makes the Mango index over a field of the bookkeeping, if it is not there.
    pub(crate) async fn prepare_index(
        &self,
        database: &str,
        index: IndexNumber,
        deadline: Instant,
    ) -> Result<(), EngineError> {
        let what = format!("looking for an index of the database '{database}'");
        let call = self.client.get(design_path(database, index), &what, deadline);
        if self.client.send(&call).await?.is_success() {
            return Ok(());
        }
        let what = format!("creating an index of the database '{database}'");
        let path = format!("/{}/_index", segment(database));
        let body = index_definition(index).into_bytes();
        let reply = self.client.send(&self.client.post(path, body, &what, deadline)).await?;
        if reply.is_success() { Ok(()) } else { Err(self.client.refused(&what, &reply)) }
    }

    /// Deletes the design document of an index; its keys stay in the documents until they are
    /// written again, and no one looks at them: numbers of indexes are not used twice.
    pub(crate) async fn drop_index(
        &self,
        database: &str,
        index: IndexNumber,
        deadline: Instant,
    ) -> Result<(), EngineError> {
        const WHAT: &str = "dropping an index";
        let path = design_path(database, index);
        let reply = self.client.send(&self.client.get(path.clone(), WHAT, deadline)).await?;
        if reply.status == 404 {
            return Ok(());
        }
        let tree = reply.tree(WHAT)?;
        let revision = tree.get("_rev").and_then(Tree::as_str).ok_or_else(|| strange(WHAT))?;
        let path = format!("{path}?rev={}", segment(revision));
        let reply = self.client.send(&self.client.delete(path, WHAT, deadline)).await?;
        match reply.status {
            404 | 409 => Ok(()),
            _ if reply.is_success() => Ok(()),
            _ => Err(self.client.refused(WHAT, &reply)),
        }
    }

    /// How many documents a database has, design documents among them; none without a database.
    pub(crate) async fn document_count(
        &self,
        database: &str,
        deadline: Instant,
    ) -> Result<Option<u64>, EngineError> {
        const WHAT: &str = "asking for the size of a database";
        let path = format!("/{}", segment(database));
        let reply = self.client.send(&self.client.get(path, WHAT, deadline)).await?;
        match reply.status {
            404 => Ok(None),
            200 => {
                let count = reply.tree(WHAT)?.get("doc_count").and_then(Tree::as_u64);
                count.map(Some).ok_or_else(|| strange(WHAT))
            }
            _ => Err(self.client.refused(WHAT, &reply)),
        }
    }

    /// How many documents a collection's database has; none without a database.
    pub(crate) async fn documents(
        &self,
        database: &str,
        deadline: Instant,
    ) -> Result<Option<u64>, EngineError> {
        const WHAT: &str = "counting design documents";
        let designs = async {
            let range =
                format!("startkey={}&endkey={}", segment("\"_design/\""), segment("\"_design0\""));
            let path = format!("/{}/_all_docs?{range}", segment(database));
            let reply = self.client.send(&self.client.get(path, WHAT, deadline)).await?;
            match reply.status {
                404 => Ok(0),
                200 => {
                    let tree = reply.tree(WHAT)?;
                    let rows = tree.get("rows").and_then(Tree::as_array);
                    rows.map(|rows| rows.len() as u64).ok_or_else(|| strange(WHAT))
                }
                _ => Err(self.client.refused(WHAT, &reply)),
            }
        };
        let count = self.document_count(database, deadline);
        let (count, designs) = tokio::try_join!(count, designs)?;
        Ok(count.map(|count| count.saturating_sub(designs)))
    }

    /// All collections that have a document.
    pub(crate) async fn collections(
        &self,
        deadline: Instant,
    ) -> Result<Vec<CollectionInfo>, EngineError> {
        let names = self.collection_names(deadline).await?;
        let counts = names.iter().map(|name| {
            let database = self.names.database(name);
            async move { self.documents(&database, deadline).await }
        });
        let counts = at_once(2 * PARALLEL, counts.collect()).await?;
        let mut infos: Vec<CollectionInfo> = names
            .into_iter()
            .zip(counts)
            .filter_map(|(name, documents)| {
                let documents = documents.filter(|documents| *documents > 0)?;
                Some(CollectionInfo { name, documents })
            })
            .collect();
        infos.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(infos)
    }

    /// Databases under the prefix that are no collections, and why.
    pub(crate) async fn not_read(&self, deadline: Instant) -> Result<Vec<NotRead>, EngineError> {
        let found = self.found(deadline).await?;
        let reason = match found.is_whole {
            true => "no collection has a database of this name",
            false => CLOSED_LIST,
        };
        Ok(found.others.into_iter().map(|name| NotRead::new(name, reason)).collect())
    }

    /// The collections whose databases are there, as far as we may see them.
    async fn collection_names(
        &self,
        deadline: Instant,
    ) -> Result<Vec<CollectionName>, EngineError> {
        Ok(self.found(deadline).await?.names)
    }

    async fn found(&self, deadline: Instant) -> Result<Found, EngineError> {
        const WHAT: &str = "listing databases";
        let prefix = self.names.prefix();
        let range = match prefix.is_empty() {
            true => String::new(),
            false => format!(
                "?startkey={}&endkey={}",
                segment(&quoted(prefix)),
                segment(&quoted(&format!("{prefix}\u{fff0}")))
            ),
        };
        let mut call = self.client.get(format!("/_all_dbs{range}"), WHAT, deadline);
        call.has_another_way = true;
        let reply = self.client.send(&call).await?;
        match reply.status {
            // Only administrators see all names (`admin_only_all_dbs`): then those we made.
            401 | 403 => {
                let entries = self.read_catalogue(deadline).await?;
                let names = entries.into_iter().map(|entry| entry.collection).collect();
                Ok(Found { names, others: vec![format!("{prefix}…")], is_whole: false })
            }
            200 => {
                let tree = reply.tree(WHAT)?;
                let databases = tree.as_array().ok_or_else(|| strange(WHAT))?;
                self.sorted(databases.iter().filter_map(Tree::as_str), deadline).await
            }
            _ => Err(self.client.refused(WHAT, &reply)),
        }
    }

    /// What these databases are to us.
    async fn sorted(
        &self,
        databases: impl Iterator<Item = &str>,
        deadline: Instant,
    ) -> Result<Found, EngineError> {
        let mut found = Found { names: Vec::new(), others: Vec::new(), is_whole: true };
        let mut hashed = HashSet::new();
        for database in databases {
            match self.names.meaning(database) {
                Meaning::Collection(name) => found.names.push(name),
                Meaning::Hashed => drop(hashed.insert(database.to_owned())),
                Meaning::Other => found.others.push(database.to_owned()),
                Meaning::Own => {}
            }
        }
        if !hashed.is_empty() {
            for entry in self.read_catalogue(deadline).await? {
                if hashed.remove(&self.names.database(&entry.collection)) {
                    found.names.push(entry.collection);
                }
            }
        }
        found.others.extend(hashed);
        Ok(found)
    }
}

/// The databases under the prefix.
struct Found {
    names: Vec<CollectionName>,
    /// Those that are no collections.
    others: Vec<String>,
    /// Whether we may see all of them.
    is_whole: bool,
}

/// Why there may be databases that we do not know of.
const CLOSED_LIST: &str = "this user may not list databases, so only those are read that were used \
                           through Isobase; an administrator's login reads all";

/// The path at which `PUT` makes a database.
pub(crate) fn creation_path(database: &str, journal: &str) -> String {
    let copies = if database == journal { ONE_COPY } else { "" };
    format!("/{}{copies}", segment(database))
}

/// The body of `POST /{database}/_index`.
pub(crate) fn index_definition(index: IndexNumber) -> String {
    let (name, field) = (index_name(index), index_field(index));
    format!(
        "{{\"index\":{{\"fields\":[\"{field}\"]}},\"ddoc\":\"isobase_{name}\",\
         \"name\":\"{name}\",\"type\":\"json\"}}"
    )
}

pub(crate) fn design_path(database: &str, index: IndexNumber) -> String {
    format!("/{}/_design/isobase_{}", segment(database), index_name(index))
}
