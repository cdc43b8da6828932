//! Objects that an administrator must create where the service may not.

use isobase_types::CollectionName;

use crate::{
    DynamoDbOptions,
    codec::ID,
    journal::{EXPIRES, PK, SK},
    names::Names,
};

/// Actions on every table.
const ACTIONS: [&str; 9] = [
    "BatchGetItem",
    "BatchWriteItem",
    "ConditionCheckItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "Scan",
    "UpdateItem",
];
/// Actions that are for making and finding tables.
const TABLE_ACTIONS: [&str; 4] =
    ["CreateTable", "DescribeTable", "DescribeTimeToLive", "UpdateTimeToLive"];

/// Commands of the AWS CLI that create the journal and the tables of collections. Declared
/// indexes need nothing: their entries are in the journal.
#[must_use]
pub fn plan(options: &DynamoDbOptions, collections: &[CollectionName]) -> String {
    let names = Names::new(&options.prefix);
    let journal = names.journal();
    let place = place(options);
    let mut text = String::from(
        "# Tables of the DynamoDB engine. Declared indexes need no table of their own: their\n\
         # entries are in the journal.\n",
    );
    text.push_str(&create(&journal, &[(PK, "HASH", "S"), (SK, "RANGE", "B")], &place));
    text.push_str(&format!("aws dynamodb wait table-exists --table-name {journal}{place}\n"));
    text.push_str(&format!(
        "aws dynamodb update-time-to-live --table-name {journal} \
         --time-to-live-specification Enabled=true,AttributeName={EXPIRES}{place}\n"
    ));
    for collection in collections {
        text.push_str(&create(&names.table(collection), &[(ID, "HASH", "S")], &place));
    }
    text
}

/// The policy that the service's credentials need, as IAM reads it.
#[must_use]
pub fn policy(options: &DynamoDbOptions) -> String {
    let region = options.region.as_deref().unwrap_or("*");
    let prefix = &options.prefix;
    let actions: Vec<String> = ACTIONS
        .iter()
        .chain(&TABLE_ACTIONS)
        .map(|action| format!("        \"dynamodb:{action}\""))
        .collect();
    let actions = actions.join(",\n");
    format!(
        "{{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {{\n      \"Effect\": \
         \"Allow\",\n      \"Action\": [\n{actions}\n      ],\n      \"Resource\": \
         \"arn:aws:dynamodb:{region}:*:table/{prefix}*\"\n    }},\n    {{\n      \"Effect\": \
         \"Allow\",\n      \"Action\": \"dynamodb:ListTables\",\n      \"Resource\": \"*\"\n    \
         }}\n  ]\n}}\n"
    )
}

fn create(table: &str, keys: &[(&str, &str, &str)], place: &str) -> String {
    let attributes = keys
        .iter()
        .map(|(name, _, kind)| format!(" AttributeName={name},AttributeType={kind}"))
        .collect::<String>();
    let schema = keys
        .iter()
        .map(|(name, key, _)| format!(" AttributeName={name},KeyType={key}"))
        .collect::<String>();
    format!(
        "aws dynamodb create-table --table-name {table} --billing-mode PAY_PER_REQUEST \
         --attribute-definitions{attributes} --key-schema{schema}{place}\n"
    )
}

/// Where the commands are to do it.
fn place(options: &DynamoDbOptions) -> String {
    let mut place = String::new();
    if let Some(region) = &options.region {
        place.push_str(&format!(" --region {region}"));
    }
    if let Some(endpoint) = &options.endpoint {
        place.push_str(&format!(" --endpoint-url {endpoint}"));
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_names_every_table_with_its_key() {
        let options = DynamoDbOptions::parse("dynamodb://eu-central-1/app_").unwrap();
        let users = CollectionName::new("users").unwrap();
        let spaced = CollectionName::new("a b").unwrap();
        let plan = plan(&options, &[users, spaced]);
        for line in [
            "aws dynamodb create-table --table-name app_isobase_journal --billing-mode \
             PAY_PER_REQUEST --attribute-definitions AttributeName=pk,AttributeType=S \
             AttributeName=sk,AttributeType=B --key-schema AttributeName=pk,KeyType=HASH \
             AttributeName=sk,KeyType=RANGE --region eu-central-1\n",
            "--table-name app_users --billing-mode",
            "--table-name app_a.20b --billing-mode",
            "AttributeName=expires --region eu-central-1\n",
        ] {
            assert!(plan.contains(line), "{line}\n{plan}");
        }
    }

    #[test]
    fn the_policy_names_the_tables_of_the_prefix() {
        let options = DynamoDbOptions::parse("dynamodb://eu-central-1/app_").unwrap();
        let policy = policy(&options);
        assert!(policy.contains("arn:aws:dynamodb:eu-central-1:*:table/app_*"), "{policy}");
        assert!(policy.contains("\"dynamodb:TransactWriteItems\"") || policy.contains("PutItem"));
    }
}
