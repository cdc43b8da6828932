//! Document databases as programs use them that know nothing of Isobase.

use std::{cell::RefCell, collections::BTreeSet, net::SocketAddr};

use anyhow::{Context, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use prost::Message;
use proto::{
    CommitRequest, Document, GetDocumentRequest, Value as Native, Write,
    firestore_client::FirestoreClient, value::ValueType, write,
};
use serde_json::{Map, Number, Value, json};
use tonic::{
    Code,
    transport::{Channel, Endpoint},
};

use crate::{
    FirestoreHost, couchdb_url,
    dynamodb::{call, try_call},
    dynamodb_url, firestore_hosts, http, unique_name,
};

/// A document database, and another program's way to it. What it made goes with it.
#[derive(Debug)]
pub struct ForeignDatabase {
    server: Server,
    prefix: String,
    collections: RefCell<BTreeSet<String>>,
}

#[derive(Debug)]
enum Server {
    Couchdb(SocketAddr),
    Dynamodb(SocketAddr),
    Firestore { host: FirestoreHost, project: String, runtime: tokio::runtime::Runtime },
}

impl ForeignDatabase {
    /// One on each server of the suite, with nothing in it, under a prefix of its own.
    ///
    /// # Panics
    /// As [`couchdb_url`].
    #[must_use]
    pub fn all(name: &str) -> Vec<Self> {
        Self::on_each(&format!("{}_", unique_name(name).replace('-', "_")), name)
    }

    /// The same without a prefix, as the variables of `DATABASE_PROVIDER` name them. CouchDB and
    /// DynamoDB have one such database in all: only one test may use it.
    ///
    /// # Panics
    /// As [`couchdb_url`].
    #[must_use]
    pub fn all_without_prefix(name: &str) -> Vec<Self> {
        Self::on_each("", name)
    }

    fn on_each(prefix: &str, name: &str) -> Vec<Self> {
        let address = |url: String| {
            let address = url.trim_start_matches("http://").trim_end_matches('/');
            address.parse().expect("the servers of the suite have addresses")
        };
        let couchdb = couchdb_url().map(|url| Server::Couchdb(address(url)));
        let dynamodb = dynamodb_url().map(|url| Server::Dynamodb(address(url)));
        let firestore = firestore_hosts().into_iter().map(|host| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime can be built");
            let project = unique_name(name).replace('_', "-");
            Server::Firestore { host, project, runtime }
        });
        let servers = couchdb.into_iter().chain(dynamodb).chain(firestore);
        let database =
            |server| Self { server, prefix: prefix.to_owned(), collections: RefCell::default() };
        servers.map(database).collect()
    }

    /// The engine, and which server it is where there are two.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.server {
            Server::Couchdb(_) => "CouchDB",
            Server::Dynamodb(_) => "DynamoDB",
            Server::Firestore { host, .. } if host.name == "google" => "Firestore (google)",
            Server::Firestore { .. } => "Firestore (mock)",
        }
    }

    /// Its URL for Isobase.
    #[must_use]
    pub fn url(&self) -> String {
        let prefix = &self.prefix;
        match &self.server {
            Server::Couchdb(address) => format!("couchdb://{address}/{prefix}"),
            Server::Dynamodb(address) => {
                format!("dynamodb://us-east-1/{prefix}?endpoint=http://{address}")
            }
            Server::Firestore { host, project, .. } => {
                format!("firestore://{project}?emulator={}&prefix={prefix}", host.host)
            }
        }
    }

    /// The variables with the credentials for [`Self::url`].
    #[must_use]
    pub fn credentials(&self) -> Vec<(&'static str, String)> {
        match &self.server {
            Server::Dynamodb(_) => vec![
                ("AWS_ACCESS_KEY_ID", "test".to_owned()),
                ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ],
            _ => Vec::new(),
        }
    }

    /// The variables that name the database without a URL; it has no prefix.
    #[must_use]
    pub fn provider(&self) -> Vec<(&'static str, String)> {
        let mut variables = self.credentials();
        match &self.server {
            Server::Couchdb(address) => variables.extend([
                ("DATABASE_PROVIDER", "couchdb".to_owned()),
                ("COUCHDB_URL", format!("http://{address}/")),
                ("COUCHDB_USER", "admin".to_owned()),
                ("COUCHDB_PASSWORD", "secret".to_owned()),
            ]),
            Server::Dynamodb(address) => variables.extend([
                ("DATABASE_PROVIDER", "dynamodb".to_owned()),
                ("DYNAMODB_REGION", "us-east-1".to_owned()),
                ("DYNAMODB_ENDPOINT_URL", format!("http://{address}")),
            ]),
            Server::Firestore { host, project, .. } => variables.extend([
                ("DATABASE_PROVIDER", "firestore".to_owned()),
                ("FIRESTORE_PROJECT_ID", project.clone()),
                ("FIRESTORE_EMULATOR_HOST", host.host.clone()),
            ]),
        }
        variables
    }

    /// Stores a document whole, as its `_id` says; makes the collection where it is missing.
    /// CouchDB takes `_rev` unless it is null; the others store whatever is there.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn save(&self, collection: &str, document: &Value) -> Result<()> {
        let is_new = self.collections.borrow_mut().insert(collection.to_owned());
        let id = document["_id"].as_str().context("a document has an _id")?;
        match &self.server {
            Server::Couchdb(address) => {
                let database = format!("/{}{collection}", self.prefix);
                if is_new {
                    couchdb(*address, "PUT", &database, None)?;
                }
                let mut document = document.clone();
                if document["_rev"].is_null() {
                    document.as_object_mut().context("an object")?.remove("_rev");
                }
                couchdb(*address, "PUT", &format!("{database}/{}", segment(id)), Some(&document))?;
            }
            Server::Dynamodb(address) => {
                let table = format!("{}{collection}", self.prefix);
                if is_new {
                    let made = json!({
                        "TableName": table,
                        "KeySchema": [{"AttributeName": "_id", "KeyType": "HASH"}],
                        "AttributeDefinitions": [{"AttributeName": "_id", "AttributeType": "S"}],
                        "BillingMode": "PAY_PER_REQUEST",
                    });
                    call(*address, "CreateTable", &made)?;
                }
                let item: Map<_, _> =
                    object(document)?.iter().map(|(n, v)| (n.clone(), to_attribute(v))).collect();
                call(*address, "PutItem", &json!({"TableName": table, "Item": item}))?;
            }
            Server::Firestore { .. } => {
                let fields =
                    object(document)?.iter().map(|(n, v)| (n.clone(), to_native(v))).collect();
                let name = self.path(collection, id);
                let document = Document { name, fields, ..Document::default() };
                let operation = Some(write::Operation::Update(document));
                self.commit(Write { operation, ..Write::default() })?;
            }
        }
        Ok(())
    }

    /// Stores something that no collection can have: in CouchDB a database of a name of its own, in
    /// DynamoDB a table with another key, in Firestore a document within a document. Gives the name
    /// by which a copy tells of it.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn save_beside(&self) -> Result<String> {
        let prefix = &self.prefix;
        match &self.server {
            Server::Couchdb(address) => {
                self.collections.borrow_mut().insert("a%2Fb".to_owned());
                couchdb(*address, "PUT", &format!("/{prefix}a%2Fb"), None)?;
                Ok(format!("{prefix}a/b"))
            }
            Server::Dynamodb(address) => {
                self.collections.borrow_mut().insert("sorted".to_owned());
                let table = format!("{prefix}sorted");
                let made = json!({
                    "TableName": table,
                    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                    "BillingMode": "PAY_PER_REQUEST",
                });
                call(*address, "CreateTable", &made)?;
                Ok(table)
            }
            Server::Firestore { .. } => {
                self.save("notes/n0/within", &json!({"_id": "w"}))?;
                Ok("collections within documents".to_owned())
            }
        }
    }

    /// Fills the database with a dump of another one of its kind, whole and as it was, the
    /// bookkeeping of Isobase included: an object with a member for each collection and for the
    /// journal. In CouchDB that is a list of documents with `_id` and `_rev`, in DynamoDB the
    /// keys of the table and its items (`{"table": CreateTable, "items": […]}`), in Firestore the
    /// documents as protocol messages in base64, under their paths within the database.
    ///
    /// # Errors
    /// When the server refuses, or the dump has another form.
    pub fn restore(&self, dump: &Value) -> Result<()> {
        for (name, content) in object(dump)? {
            self.collections.borrow_mut().insert(name.clone());
            self.restore_collection(name, content).with_context(|| name.clone())?;
        }
        Ok(())
    }

    fn restore_collection(&self, name: &str, content: &Value) -> Result<()> {
        let named = format!("{}{name}", self.prefix);
        match &self.server {
            Server::Couchdb(address) => {
                couchdb(*address, "PUT", &format!("/{named}"), None)?;
                let documents = json!({"new_edits": false, "docs": content});
                couchdb(*address, "POST", &format!("/{named}/_bulk_docs"), Some(&documents))?;
            }
            Server::Dynamodb(address) => {
                let mut table = content["table"].clone();
                table["TableName"] = json!(named);
                call(*address, "CreateTable", &table)?;
                for item in content["items"].as_array().context("items")? {
                    call(*address, "PutItem", &json!({"TableName": named, "Item": item}))?;
                }
            }
            Server::Firestore { .. } => {
                for (id, message) in object(content)? {
                    let bytes = BASE64.decode(message.as_str().context("base64")?)?;
                    let document =
                        Document { name: self.path(name, id), ..Document::decode(&*bytes)? };
                    let operation = Some(write::Operation::Update(document));
                    self.commit(Write { operation, ..Write::default() })?;
                }
            }
        }
        Ok(())
    }

    /// A document as it is stored, bookkeeping of others included.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn get(&self, collection: &str, id: &str) -> Result<Option<Value>> {
        match &self.server {
            Server::Couchdb(address) => {
                let path = format!("/{}{collection}/{}", self.prefix, segment(id));
                let answer = http::request(*address, "GET", &path, &[], b"")?;
                ensure!([200, 404].contains(&answer.status), "{path}: {}", answer.text());
                (answer.status == 200).then(|| answer.json()).transpose()
            }
            Server::Dynamodb(address) => {
                let key = json!({
                    "TableName": format!("{}{collection}", self.prefix),
                    "Key": {"_id": {"S": id}},
                });
                let found = call(*address, "GetItem", &key)?;
                Ok(found["Item"]
                    .as_object()
                    .map(|item| item.iter().map(|(n, v)| (n.clone(), of_attribute(v))).collect()))
            }
            Server::Firestore { host, runtime, .. } => {
                let name = self.path(collection, id);
                let request = GetDocumentRequest { name, ..GetDocumentRequest::default() };
                let found = runtime.block_on(async {
                    firestore(host).await?.get_document(owner(request)).await.map_or_else(
                        |status| match status.code() {
                            Code::NotFound => Ok(None),
                            _ => Err(status.into()),
                        },
                        |found| Ok::<_, anyhow::Error>(Some(found.into_inner())),
                    )
                })?;
                Ok(found.map(|document| {
                    document.fields.iter().map(|(n, v)| (n.clone(), of_native(v))).collect()
                }))
            }
        }
    }

    /// Changes one field of a document and leaves all others, whatever they are.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn set(&self, collection: &str, id: &str, field: &str, value: &Value) -> Result<()> {
        match &self.server {
            Server::Couchdb(address) => {
                let mut document = self.get(collection, id)?.context("the document is there")?;
                document[field] = value.clone();
                let path = format!("/{}{collection}/{}", self.prefix, segment(id));
                couchdb(*address, "PUT", &path, Some(&document))
            }
            Server::Dynamodb(address) => {
                let update = json!({
                    "TableName": format!("{}{collection}", self.prefix),
                    "Key": {"_id": {"S": id}},
                    "UpdateExpression": "SET #f = :v",
                    "ExpressionAttributeNames": {"#f": field},
                    "ExpressionAttributeValues": {":v": to_attribute(value)},
                });
                call(*address, "UpdateItem", &update).map(drop)
            }
            Server::Firestore { .. } => {
                let fields = [(field.to_owned(), to_native(value))].into();
                let name = self.path(collection, id);
                let document = Document { name, fields, ..Document::default() };
                let mask = proto::DocumentMask { field_paths: vec![field.to_owned()] };
                self.commit(Write {
                    operation: Some(write::Operation::Update(document)),
                    update_mask: Some(mask),
                    ..Write::default()
                })
            }
        }
    }

    /// Deletes a document that is there.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn delete(&self, collection: &str, id: &str) -> Result<()> {
        match &self.server {
            Server::Couchdb(address) => {
                let found = self.get(collection, id)?.context("the document is there")?;
                let rev = found["_rev"].as_str().context("a revision")?;
                let path = format!("/{}{collection}/{}?rev={rev}", self.prefix, segment(id));
                couchdb(*address, "DELETE", &path, None)
            }
            Server::Dynamodb(address) => {
                let table = format!("{}{collection}", self.prefix);
                let key = json!({"TableName": table, "Key": {"_id": {"S": id}}});
                call(*address, "DeleteItem", &key).map(drop)
            }
            Server::Firestore { .. } => {
                let operation = Some(write::Operation::Delete(self.path(collection, id)));
                self.commit(Write { operation, ..Write::default() })
            }
        }
    }

    fn path(&self, collection: &str, id: &str) -> String {
        let Server::Firestore { project, .. } = &self.server else { return String::new() };
        let prefix = &self.prefix;
        format!("projects/{project}/databases/(default)/documents/{prefix}{collection}/{id}")
    }

    fn commit(&self, write: Write) -> Result<()> {
        let Server::Firestore { host, project, runtime } = &self.server else { return Ok(()) };
        let database = format!("projects/{project}/databases/(default)");
        let request = CommitRequest { database, writes: vec![write], ..CommitRequest::default() };
        runtime.block_on(async {
            firestore(host).await?.commit(owner(request)).await?;
            Ok(())
        })
    }

    /// Deletes whatever a run left that was killed, and what this one makes.
    fn clear(&self) -> Result<()> {
        let mut names = self.collections.borrow().clone();
        names.insert("isobase_journal".to_owned());
        for name in names.iter().map(|name| format!("{}{name}", self.prefix)) {
            match &self.server {
                Server::Couchdb(address) => {
                    http::request(*address, "DELETE", &format!("/{name}"), &[], b"")?;
                }
                Server::Dynamodb(address) => {
                    try_call(*address, "DeleteTable", &json!({"TableName": name}))?;
                }
                // No one else has the project.
                Server::Firestore { .. } => {}
            }
        }
        Ok(())
    }

    /// Makes sure that collections are not there yet, and the journal neither.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn forget(&self, collections: &[&str]) -> Result<()> {
        let named = collections.iter().map(|name| (*name).to_owned());
        self.collections.borrow_mut().extend(named);
        self.clear()?;
        self.collections.borrow_mut().clear();
        Ok(())
    }
}

impl Drop for ForeignDatabase {
    fn drop(&mut self) {
        // What is left is in no one's way but that of a test without a prefix, which begins with
        // `forget`.
        let _ = self.clear();
    }
}

fn couchdb(address: SocketAddr, method: &str, path: &str, body: Option<&Value>) -> Result<()> {
    let headers = [("content-type", "application/json")];
    let body = body.map(Value::to_string).unwrap_or_default();
    let answer = http::request(address, method, path, &headers, body.as_bytes())?;
    ensure!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.text());
    Ok(())
}

/// An id as one segment of a path.
fn segment(id: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let escape = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    id.bytes().map(escape).collect()
}

fn object(document: &Value) -> Result<&Map<String, Value>> {
    document.as_object().context("a document is an object")
}

/// As boto3 and its like write: every number as its shortest decimal text.
fn to_attribute(value: &Value) -> Value {
    match value {
        Value::Null => json!({"NULL": true}),
        Value::Bool(bool) => json!({"BOOL": bool}),
        Value::Number(number) => json!({"N": number.to_string()}),
        Value::String(text) => json!({"S": text}),
        Value::Array(values) => json!({"L": values.iter().map(to_attribute).collect::<Vec<_>>()}),
        Value::Object(fields) => {
            let fields: Map<_, _> =
                fields.iter().map(|(n, v)| (n.clone(), to_attribute(v))).collect();
            json!({"M": fields})
        }
    }
}

fn of_attribute(value: &Value) -> Value {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else {
        return Value::Null;
    };
    match (kind.as_str(), value) {
        ("N", Value::String(number)) => {
            number.parse::<Number>().map_or_else(|_| value.clone(), Value::Number)
        }
        ("L", Value::Array(values)) => values.iter().map(of_attribute).collect(),
        ("M", Value::Object(fields)) => {
            fields.iter().map(|(n, v)| (n.clone(), of_attribute(v))).collect()
        }
        ("NULL", _) => Value::Null,
        _ => value.clone(),
    }
}

fn to_native(value: &Value) -> Native {
    let native = match value {
        Value::Null => ValueType::NullValue(0),
        Value::Bool(bool) => ValueType::BooleanValue(*bool),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => ValueType::IntegerValue(integer),
            None => ValueType::DoubleValue(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => ValueType::StringValue(text.clone()),
        Value::Array(values) => ValueType::ArrayValue(proto::ArrayValue {
            values: values.iter().map(to_native).collect(),
        }),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(n, v)| (n.clone(), to_native(v))).collect();
            ValueType::MapValue(proto::MapValue { fields })
        }
    };
    Native { value_type: Some(native) }
}

fn of_native(value: &Native) -> Value {
    match &value.value_type {
        Some(ValueType::BooleanValue(bool)) => json!(bool),
        Some(ValueType::IntegerValue(integer)) => json!(integer),
        Some(ValueType::DoubleValue(double)) => json!(double),
        Some(ValueType::StringValue(text)) => json!(text),
        Some(ValueType::BytesValue(bytes)) => json!(bytes),
        Some(ValueType::TimestampValue(time)) => json!([time.seconds, time.nanos]),
        Some(ValueType::ArrayValue(array)) => array.values.iter().map(of_native).collect(),
        Some(ValueType::MapValue(map)) => {
            map.fields.iter().map(|(n, v)| (n.clone(), of_native(v))).collect()
        }
        _ => Value::Null,
    }
}

async fn firestore(host: &FirestoreHost) -> Result<FirestoreClient<Channel>> {
    let endpoint = Endpoint::from_shared(format!("http://{}", host.host))?;
    Ok(FirestoreClient::new(endpoint.connect().await?))
}

/// A request of somebody whom an emulator lets do everything.
fn owner<M>(message: M) -> tonic::Request<M> {
    let mut request = tonic::Request::new(message);
    let bearer = "Bearer owner".parse().expect("a header");
    request.metadata_mut().insert("authorization", bearer);
    request
}
