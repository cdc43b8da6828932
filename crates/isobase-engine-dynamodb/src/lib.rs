//! Documents in DynamoDB.
