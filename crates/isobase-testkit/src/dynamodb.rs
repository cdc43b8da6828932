//! Tables of tests in the shared DynamoDB emulator.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::http;

/// Deletes all tables whose names begin with a prefix, in an emulator that looks at no signature.
///
/// # Errors
/// When the emulator cannot be reached or refuses.
pub fn drop_dynamodb_tables(url: &str, prefix: &str) -> Result<()> {
    let address = url.strip_prefix("http://").context("the emulator's URL begins with http://")?;
    let address: SocketAddr = address.trim_end_matches('/').parse()?;
    let mut start = json!({});
    loop {
        let page = call(address, "ListTables", &start)?;
        for table in page["TableNames"].as_array().into_iter().flatten() {
            if table.as_str().is_some_and(|table| table.starts_with(prefix)) {
                call(address, "DeleteTable", &json!({ "TableName": table }))?;
            }
        }
        match &page["LastEvaluatedTableName"] {
            Value::Null => return Ok(()),
            last => start = json!({ "ExclusiveStartTableName": last }),
        }
    }
}

pub(crate) fn call(address: SocketAddr, operation: &str, body: &Value) -> Result<Value> {
    let answer = try_call(address, operation, body)?;
    ensure!(answer.status == 200, "{operation} {body}: {} {}", answer.status, answer.text());
    answer.json()
}

/// The same, whatever the answer is.
pub(crate) fn try_call(
    address: SocketAddr,
    operation: &str,
    body: &Value,
) -> Result<http::Response> {
    let target = format!("DynamoDB_20120810.{operation}");
    let credential = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, \
                      SignedHeaders=host, Signature=0";
    let headers = [
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", &target),
        ("x-amz-date", "20260101T000000Z"),
        ("authorization", credential),
    ];
    http::request(address, "POST", "/", &headers, body.to_string().as_bytes())
}
