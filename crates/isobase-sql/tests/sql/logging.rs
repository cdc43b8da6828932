//! Statements are noted.

use std::{sync::Arc, time::Duration};

use isobase_sql::{QueryLogger, Session};

use crate::fixture::Fixture;

#[tokio::test]
async fn statements_are_noted_with_their_tables() {
    for fixture in Fixture::all().await {
        fixture.with_users().await;
        let logger = Arc::new(QueryLogger::new(Duration::from_secs(60)));
        fixture.db.set_query_logger(Some(Arc::clone(&logger)));
        let sql =
            format!("SELECT * FROM {0}.users u JOIN {0}.users o ON o.id = u.id", fixture.schema);
        fixture.db.run(&sql, &[]).await.unwrap();
        let transaction = fixture.db.begin().await.unwrap();
        transaction.run("SELECT $1", &["x".into()]).await.unwrap();
        transaction.rollback().await.unwrap();
        fixture.db.set_query_logger(None);
        fixture.db.run("SELECT 2", &[]).await.unwrap();
        let statistics = logger.statistics();
        assert_eq!((statistics.count, statistics.slow_query_count), (2, 0));
        let users = format!("{}.users", fixture.schema);
        assert_eq!(statistics.table_access.get(&users), Some(&1));
        assert!(statistics.performance.max_time >= statistics.performance.p95_time);
    }
}
