//! `BatchWriteItem` by the SDK.

use std::collections::HashMap;

use anyhow::{Result, ensure};
use aws_sdk_dynamodb::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
    types::{
        AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, PutRequest,
        ScalarAttributeType, WriteRequest,
    },
};
use aws_smithy_http_client::Builder;
use serde_json::Value;

use super::{Bulk, place};

/// Items of one request.
const PART: usize = 25;
const KEY: &str = "_id";

type Item = HashMap<String, AttributeValue>;

pub(super) async fn bulk(bulk: &Bulk<'_>) -> Result<Value> {
    let client = client(bulk.url);
    let mut items = scan(&client, bulk).await?;
    let id = |item: &Item| item.get(KEY).and_then(|id| id.as_s().ok()).cloned();
    items.sort_by_cached_key(|item| place(&id(item).unwrap_or_default()));
    create(&client, bulk.to).await?;
    bulk.write(items, PART, |part| {
        let client = client.clone();
        async move {
            let mut left = HashMap::from([(bulk.to.to_owned(), requests(part)?)]);
            while !left.is_empty() {
                let request = client.batch_write_item().set_request_items(Some(left));
                left = request.send().await?.unprocessed_items.unwrap_or_default();
            }
            Ok(())
        }
    })
    .await
}

fn client(url: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(Builder::new().build_http())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "bench"))
        .endpoint_url(url);
    Client::from_conf(config.build())
}

async fn scan(client: &Client, bulk: &Bulk<'_>) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    let mut start = None;
    loop {
        let scan = client.scan().table_name(bulk.from).set_exclusive_start_key(start);
        let page = scan.send().await?;
        for mut item in page.items.unwrap_or_default() {
            item.retain(|field, _| bulk.keeps(field));
            items.push(item);
        }
        start = page.last_evaluated_key;
        if start.is_none() {
            return Ok(items);
        }
    }
}

async fn create(client: &Client, table: &str) -> Result<()> {
    let attribute = AttributeDefinition::builder()
        .attribute_name(KEY)
        .attribute_type(ScalarAttributeType::S)
        .build()?;
    let key = KeySchemaElement::builder().attribute_name(KEY).key_type(KeyType::Hash).build()?;
    let created = client
        .create_table()
        .table_name(table)
        .attribute_definitions(attribute)
        .key_schema(key)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await?;
    ensure!(created.table_description.is_some(), "{table} was not created");
    Ok(())
}

fn requests(items: Vec<Item>) -> Result<Vec<WriteRequest>> {
    let request = |item| {
        let put = PutRequest::builder().set_item(Some(item)).build()?;
        Ok(WriteRequest::builder().put_request(put).build())
    };
    items.into_iter().map(request).collect()
}
