//! The tables, and several engines on them.

use std::{sync::Arc, time::Duration};

use isobase_engine::{
    BulkLoad, ChangeFeed, ChangesRequest, Counters, Engine, ErrorKind, Idempotency, NotRead,
    Rejection, Snapshots, SystemClock,
};
use isobase_engine_postgres::{NoTables, PostgresEngine, PostgresOptions};
use isobase_types::{DocumentId, Sequence};

use crate::fixture::{
    Ask, HandClock, create, delete, id, name, outcome, put, with_schema, written,
};

#[test]
fn two_engines_share_one_schema() {
    with_schema(async |schema| {
        let (one, two) = tokio::join!(schema.engine(), schema.engine());
        let first = written(&one, create("notes", r#"{"a":1}"#)).await;
        let second = written(&two, create("notes", r#"{"a":2}"#)).await;
        assert_eq!((first.id, second.id), (1.into(), 2.into()));
        assert_eq!(second.revision.number(), Some(2));
        let notes = name("notes");
        let read = two.get(&notes, &1.into()).await.unwrap().unwrap();
        assert_eq!(read.body, r#"{"a":1}"#);
        assert_eq!(one.delete_collection(&notes).await.unwrap(), 2);
        assert_eq!(two.get(&notes, &1.into()).await.unwrap(), None);
        assert_eq!(two.collections().await.unwrap(), []);
    });
}

#[test]
fn engines_that_write_at_once_share_one_sequence() {
    with_schema(async |schema| {
        let engines = [schema.engine().await, schema.engine().await].map(Arc::new);
        let writes = (0..200).map(|number| {
            let engine = Arc::clone(&engines[number % 2]);
            tokio::spawn(async move { written(&engine, create("notes", "{}")).await })
        });
        let mut numbers = Vec::new();
        for write in futures_util::future::join_all(writes).await {
            let written = write.unwrap();
            let DocumentId::Integer(id) = written.id else { panic!("a string id") };
            numbers.push((written.revision.number().unwrap(), id.unsigned_abs()));
        }
        numbers.sort_unstable();
        let expected: Vec<_> = (1..=200).map(|number| (number, number)).collect();
        assert_eq!(numbers, expected);
        assert_eq!(schema.number("SELECT documents FROM {s}.collections").await, 200);
        assert_eq!(schema.number("SELECT count(*) FROM {s}.changes").await, 200);
    });
}

#[test]
fn nobody_else_writes_while_it_is_loaded() {
    with_schema(async |schema| {
        let (service, loading) = tokio::join!(schema.engine(), schema.engine());
        written(&service, create("notes", "{}")).await;
        loading.mark("a copy").await.unwrap();
        for _ in 0..2 {
            let refused = service.write(create("notes", "{}")).await.unwrap_err();
            assert_eq!(refused.kind, ErrorKind::Unavailable, "{refused}");
            assert!(refused.message.contains("being loaded"), "{refused}");
            let refused = service.delete_collection(&name("notes")).await.unwrap_err();
            assert_eq!(refused.kind, ErrorKind::Unavailable, "{refused}");
        }
        let mut document = service.get(&name("notes"), &1.into()).await.unwrap().unwrap();
        document.id = 2.into();
        loading.load(&name("notes"), vec![document]).await.unwrap();
        loading.mark("a copy, farther on").await.unwrap();
        loading.finish(Counters { sequence: Sequence(5), last_id: 2 }).await.unwrap();
        let after = written(&service, create("notes", "{}")).await;
        assert_eq!((after.id, after.revision.number()), (3.into(), Some(6)));
    });
}

#[test]
fn view_shows_documents_to_people() {
    with_schema(async |schema| {
        let engine = schema.engine().await;
        written(&engine, create("notes", r#"{"a":1.50}"#)).await;
        written(&engine, put("notes", "größe", r#"{"nul":"\u0000"}"#)).await;
        let rows = schema
            .sql(
                "SELECT collection || '|' || id || '|' || revision || '|' || document \
                 || '|' || (created_at > '2020-01-01')::text FROM {s}.documents ORDER BY revision",
            )
            .await;
        let rows: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let expected = [r#"notes|1|1|{"a":1.50}|true"#, r#"notes|größe|2|{"nul":"\u0000"}|true"#];
        assert_eq!(rows, expected);
    });
}

#[test]
fn everything_is_there_after_reopening() {
    with_schema(async |schema| {
        let engine = schema.engine().await;
        written(&engine, create("notes", r#"{"a":1}"#)).await;
        engine.close().await.unwrap();
        let refused = engine.write(create("notes", "{}")).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Unavailable);
        let refused = engine.get(&name("notes"), &1.into()).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Unavailable);

        let engine = schema.engine().await;
        let read = engine.get(&name("notes"), &1.into()).await.unwrap().unwrap();
        assert_eq!(read.body, r#"{"a":1}"#);
        assert_eq!(engine.latest_sequence().await, Sequence(1));
    });
}

#[test]
fn schema_name_is_quoted() {
    with_schema(async |schema| {
        let odd = format!("{} \"odd\";--{{s}}", schema.name);
        let url = format!("{}?schema={}", schema.server_url, encoded(&odd));
        let options = PostgresOptions::new(&url).unwrap();
        let engine = PostgresEngine::connect(options, Arc::new(SystemClock)).await.unwrap();
        written(&engine, create("notes", "{}")).await;
        let quoted = odd.replace('"', "\"\"");
        schema.raw_sql(&format!("DROP SCHEMA \"{quoted}\" CASCADE")).await;
    });
}

#[test]
fn tables_of_the_first_version_are_brought_up_to_date() {
    with_schema(async |schema| {
        let engine = schema.engine().await;
        written(&engine, create("notes", "{}")).await;
        engine.close().await.unwrap();
        schema.sql("DROP TABLE {s}.unfinished").await;
        schema.sql("ALTER TABLE {s}.clock DROP COLUMN database, DROP COLUMN epoch").await;
        schema.sql("ALTER TABLE {s}.changes DROP COLUMN former, DROP COLUMN body").await;
        schema.sql("UPDATE {s}.meta SET version = 1").await;
        // Several programs may start at once.
        let engines = [schema.engine(), schema.engine(), schema.engine()];
        let engines = futures_util::future::join_all(engines).await;
        let identity = engines[0].identity().await.unwrap();
        assert!(identity.is_first_epoch());
        for engine in &engines {
            assert_eq!(engine.unfinished().await.unwrap(), None);
            assert_eq!(engine.identity().await.unwrap(), identity);
        }
        engines[0].mark("begun").await.unwrap();
        let note = engines[1].unfinished().await.unwrap();
        assert_eq!(note.as_deref(), Some("begun"));
        assert_eq!(engines[2].list_all().await.unwrap().documents.len(), 1);
    });
}

#[test]
fn a_wait_hears_of_the_commits_of_other_processes() {
    with_schema(async |schema| {
        let (here, there) = (schema.engine().await, schema.engine().await);
        for round in 0..5 {
            let since = here.latest_sequence().await;
            let notes = name("notes");
            let wait = here.wait(since, Some(&notes));
            let write = async {
                for collection in ["others", "notes"] {
                    written(&there, create(collection, &format!("{{\"n\":{round}}}"))).await;
                }
            };
            let (waited, ()) = tokio::join!(wait, write);
            waited.unwrap();
        }
    });
}

#[test]
fn newer_tables_are_refused() {
    with_schema(async |schema| {
        schema.engine().await;
        schema.sql("UPDATE {s}.meta SET version = version + 1").await;
        let clock = Arc::new(SystemClock);
        let refused = PostgresEngine::connect(schema.options(), clock).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Unsupported);
        assert!(refused.message.contains("newer program"), "{refused}");
    });
}

#[test]
fn changes_beyond_the_count_are_forgotten() {
    with_schema(async |schema| {
        let mut options = schema.options();
        options.changes_max = 3;
        let clock = Arc::new(SystemClock);
        let engine = PostgresEngine::connect(options, clock).await.unwrap();
        for _ in 0..5 {
            written(&engine, create("notes", "{}")).await;
        }
        let gone = engine.changes_after(1).await.unwrap_err();
        assert_eq!(gone.kind, ErrorKind::ChangesGone { oldest: Sequence(2) });
        assert_eq!(engine.changes_after(2).await.unwrap(), [3, 4, 5]);
        assert_eq!(schema.number("SELECT count(*) FROM {s}.changes").await, 3);
    });
}

#[test]
fn old_changes_and_keys_are_forgotten() {
    with_schema(async |schema| {
        let clock = HandClock::default();
        let mut options = schema.options();
        options.changes_retention = Duration::from_secs(100);
        options.idempotency_retention = Duration::from_secs(100);
        let engine = PostgresEngine::connect(options, Arc::new(clock.clone())).await.unwrap();
        let mut marked = create("notes", "{}");
        marked.idempotency = Some(Idempotency { key: [1; 32], fingerprint: [2; 32] });
        engine.write(marked.clone()).await.unwrap();
        assert!(engine.write(marked.clone()).await.unwrap().replayed);
        clock.advance(Duration::from_secs(101));
        assert!(!engine.write(marked).await.unwrap().replayed);
        let gone = engine.changes_after(0).await.unwrap_err();
        assert_eq!(gone.kind, ErrorKind::ChangesGone { oldest: Sequence(1) });
        clock.advance(Duration::from_secs(101));
        written(&engine, create("notes", "{}")).await;
        assert_eq!(schema.number("SELECT count(*) FROM {s}.idempotency").await, 0);
        assert_eq!(schema.number("SELECT count(*) FROM {s}.changes").await, 1);
    });
}

#[test]
fn changes_of_one_collection_go_on_after_a_long_gap() {
    with_schema(async |schema| {
        let engine = schema.engine().await;
        written(&engine, create("rare", "{}")).await;
        let mut many = create("usual", "{}");
        many.operations = vec![many.operations[0].clone(); 30_000];
        engine.write(many).await.unwrap();
        written(&engine, create("rare", "{}")).await;
        let mut request = ChangesRequest {
            since: Sequence(0),
            collection: Some(name("rare")),
            limit: 10,
            bodies: false,
        };
        let mut found = Vec::new();
        loop {
            let page = engine.read_page(&request).await;
            found.extend(page.changes.iter().map(|change| change.sequence.0));
            request.since = page.next;
            if !page.more {
                break;
            }
        }
        assert_eq!(found, [1, 30_002]);
        assert_eq!(request.since, Sequence(30_002));
    });
}

#[test]
fn one_bad_job_does_not_harm_the_others() {
    with_schema(async |schema| {
        let engine = Arc::new(schema.engine().await);
        written(&engine, create("notes", "{}")).await;
        // A table changed underneath: bodies with this word are refused by the server.
        schema.sql("ALTER TABLE {s}.records ADD CHECK (body NOT LIKE '%forbidden%')").await;
        let writes = (0..40).map(|number| {
            let engine = Arc::clone(&engine);
            let body = if number == 20 { r#"{"a":"forbidden"}"# } else { "{}" };
            tokio::spawn(async move { engine.write(create("notes", body)).await })
        });
        let results = futures_util::future::join_all(writes).await;
        let failed: Vec<usize> = results
            .iter()
            .enumerate()
            .filter(|(_, result)| result.as_ref().unwrap().is_err())
            .map(|(at, _)| at)
            .collect();
        assert_eq!(failed, [20]);
        let error = results.into_iter().nth(20).unwrap().unwrap().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unexpected);
        assert!(!error.message.contains("forbidden"), "{error}");
        assert_eq!(schema.number("SELECT documents FROM {s}.collections").await, 40);
    });
}

#[test]
fn pooler_mode_works_without_session_state() {
    with_schema(async |schema| {
        let url = format!("{}&pgbouncer=transaction", schema.url);
        let options = PostgresOptions::new(&url).unwrap();
        let clock = Arc::new(SystemClock);
        let engine = PostgresEngine::connect(options, clock).await.unwrap();
        written(&engine, create("notes", r#"{"a":1}"#)).await;
        written(&engine, put("notes", "x", "{}")).await;
        written(&engine, delete("notes", "1")).await;
        assert_eq!(outcome(&engine, delete("notes", "1")).await, Err(Rejection::NotFound));
        assert_eq!(engine.get(&name("notes"), &1.into()).await.unwrap(), None);
        assert!(engine.get(&name("notes"), &id("x")).await.unwrap().is_some());
        assert_eq!(engine.changes_after(0).await.unwrap(), [1, 2, 3]);
        engine.check().await.unwrap();
    });
}

/// Percent-encodes everything but letters and digits.
fn encoded(text: &str) -> String {
    let byte = |b: u8| {
        if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }
    };
    text.bytes().map(byte).collect()
}

#[test]
fn tables_of_another_program_are_left_alone() {
    for (theirs, unchanged) in [
        ("CREATE TABLE {s}.meta AS SELECT 1 AS version", "SELECT version::int8 FROM {s}.meta"),
        ("CREATE VIEW {s}.documents AS SELECT 1 AS n", "SELECT n::int8 FROM {s}.documents"),
    ] {
        with_schema(async |schema| {
            schema.sql("CREATE SCHEMA {s}").await;
            schema.sql(theirs).await;
            let connected = PostgresEngine::connect(schema.options(), Arc::new(SystemClock)).await;
            let error = connected.err().unwrap();
            assert_eq!(error.kind, ErrorKind::InvalidArgument);
            assert!(error.to_string().contains("belongs to another program"), "{error}");
            assert_eq!(schema.number(unchanged).await, 1);
            let relations =
                "SELECT count(*) FROM pg_class WHERE relnamespace = '{s}'::regnamespace";
            assert_eq!(schema.number(relations).await, 1);
        });
    }
}

#[test]
fn a_user_who_may_only_read_reads_everything() {
    with_schema(async |schema| {
        let engine = schema.engine().await;
        written(&engine, create("notes", r#"{"n":1}"#)).await;
        schema.sql("CREATE TABLE {s}.customers (n int PRIMARY KEY)").await;
        let role = format!("\"{}_reader\"", schema.name);
        schema.sql(&format!("CREATE ROLE {role} LOGIN")).await;
        schema.sql(&format!("GRANT USAGE ON SCHEMA {{s}} TO {role}")).await;
        schema.sql(&format!("GRANT SELECT ON ALL TABLES IN SCHEMA {{s}} TO {role}")).await;
        let (_, place) = schema.url.split_once('@').unwrap();
        let url = format!("postgres://{}_reader@{place}", schema.name);
        let mut options = PostgresOptions::new(&url).unwrap();
        options.read_only = true;
        let reader = PostgresEngine::connect(options, Arc::new(SystemClock)).await.unwrap();
        let mut snapshot = reader.snapshot().await.unwrap();
        assert_eq!(snapshot.collections().await.unwrap()[0].documents, 1);
        let not_read = snapshot.not_read().await.unwrap();
        assert_eq!(not_read, [NotRead::new("customers", "another program's table")]);
        let part = snapshot.read(&name("notes"), None, 1 << 20).await.unwrap();
        assert_eq!(part[0].body, r#"{"n":1}"#);
        assert_eq!(reader.changes_after(0).await.unwrap(), [1]);
        let refused = reader.write(create("notes", "{}")).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Unsupported);
        drop(snapshot);
        reader.close().await.unwrap();
        assert_eq!(engine.latest_sequence().await, Sequence(1));
        schema.sql(&format!("DROP OWNED BY {role}")).await;
        schema.sql(&format!("DROP ROLE {role}")).await;
    });
}

#[test]
fn a_schema_that_is_only_read_is_not_made() {
    with_schema(async |schema| {
        let mut options = schema.options();
        options.read_only = true;
        let refused = PostgresEngine::connect(options, Arc::new(SystemClock)).await.unwrap_err();
        assert!(refused.source.unwrap().is::<NoTables>());
        let text = "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname =";
        assert_eq!(schema.number(&format!("{text} '{}'", schema.name)).await, 0);
    });
}

#[test]
fn tables_of_the_second_version_are_brought_up_to_date() {
    with_schema(async |schema| {
        let engine = schema.engine().await;
        written(&engine, put("notes", "k", r#"{"n":1}"#)).await;
        engine.close().await.unwrap();
        schema.sql("ALTER TABLE {s}.clock DROP COLUMN database, DROP COLUMN epoch").await;
        schema.sql("ALTER TABLE {s}.changes DROP COLUMN former, DROP COLUMN body").await;
        schema.sql("UPDATE {s}.meta SET version = 2").await;
        // A caller that only reads changes nothing, and says so.
        let mut options = schema.options();
        options.read_only = true;
        let refused = PostgresEngine::connect(options, Arc::new(SystemClock)).await.unwrap_err();
        assert!(refused.message.contains("isobase serve"), "{refused}");
        let engine = schema.engine().await;
        assert_eq!(engine.list_all().await.unwrap().documents[0].id, id("k"));
        assert_eq!(engine.changes_after(0).await.unwrap(), [1]);
        assert_eq!(written(&engine, create("notes", "{}")).await.revision.number(), Some(2));
    });
}
