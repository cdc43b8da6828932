//! Rows by the names of tables and columns.

use std::ops::Range;

use isobase_sql::{
    BulkRows, Dialect, ErrorKind, Select, Settings, TableName, UnknownKeys, Value, record,
};

use crate::fixture::{Fixture, text};

#[tokio::test]
async fn rows_are_written_and_read() {
    for fixture in Fixture::all().await {
        fixture.with_users().await;
        let (db, users) = (fixture.operator(), fixture.table("users"));
        let hostile = "x'); DROP TABLE users; -- \" \\ $1 ☃";
        let row = db
            .insert(users.clone(), record([("userName", hostile.into()), ("Emails", Value::Null)]))
            .await
            .unwrap();
        assert_eq!(text(&row, "user_name"), hostile);
        let id = row.get("id").unwrap().clone();
        let by_id = Select::from(users.clone()).when("ID", id.clone());
        assert_eq!(db.fetch_one(by_id.clone()).await.unwrap(), Some(row));

        let sorted = Select::from(users.clone()).order_by("-userName").limit(2).offset(1);
        let rows = db.fetch(sorted).await.unwrap();
        assert_eq!(
            rows.iter().map(|row| text(row, "user_name")).collect::<Vec<_>>(),
            ["bob", "ann"]
        );
        let offset = db.fetch(Select::from(users.clone()).offset(2)).await.unwrap();
        assert_eq!(offset.len(), 1);

        let nobody = record([("email", Value::Null)]);
        assert_eq!(db.count(users.clone(), nobody.clone()).await.unwrap(), 2);
        assert!(db.exists(users.clone(), nobody.clone()).await.unwrap());
        // Several conditions with and without NULL keep their values apart.
        let both = record([("email", Value::Null), ("userName", "bob".into()), ("id", 2.into())]);
        let changed =
            db.update(users.clone(), record([("email", "b@x.org".into())]), both).await.unwrap();
        assert_eq!(changed.len(), 1);
        assert_eq!(text(&changed[0], "email"), "b@x.org");

        assert_eq!(db.delete(users.clone(), record([("id", id)])).await.unwrap(), 1);
        let bob = record([("email", "b@x.org".into()), ("id", 2.into())]);
        let gone = db.delete_returning(users.clone(), bob).await.unwrap();
        assert_eq!(text(&gone[0], "user_name"), "bob");
        assert_eq!(db.count(users, vec![]).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn upserts_change_what_is_there() {
    for fixture in Fixture::all().await {
        fixture.with_users().await;
        let (db, users) = (fixture.operator(), fixture.table("users"));
        let ann = record([("userName", "ann".into()), ("email", "new@x.org".into())]);
        let row = db.upsert(users.clone(), ann, &["user_name"]).await.unwrap();
        assert_eq!((row.get("id"), text(&row, "email")), (Some(&Value::Int(1)), "new@x.org"));
        // Only unique columns: the row as it is.
        let bob = record([("userName", "bob".into())]);
        let row = db.upsert(users.clone(), bob.clone(), &["userName"]).await.unwrap();
        assert_eq!(row.get("id"), Some(&Value::Int(2)));
        let refused = db.upsert(users.clone(), bob, &[]).await.unwrap_err();
        assert_eq!(refused.message, "No valid unique columns for upsert");
    }
}

#[tokio::test]
async fn misspelt_conditions_are_errors() {
    for fixture in Fixture::all().await {
        fixture.with_users().await;
        let (db, users) = (fixture.operator(), fixture.table("users"));
        let wrong = record([("user_name", "ann".into()), ("emial", "x".into())]);
        let data = record([("email", "x".into())]);
        let errors = [
            db.update(users.clone(), data.clone(), wrong.clone()).await.unwrap_err(),
            db.delete(users.clone(), wrong.clone()).await.unwrap_err(),
            db.fetch(Select::from(users.clone()).when_all(wrong.clone())).await.unwrap_err(),
            db.fetch(Select::from(users.clone()).order_by("-emial")).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind, ErrorKind::ColumnMatch);
            assert_eq!(
                error.to_string(),
                format!(
                    "Column 'emial' not found in table '{}.users'. Available columns: id, \
                     user_name, email, created_at, is_active. Did you mean: email?",
                    fixture.schema
                )
            );
        }
        assert_eq!(db.count(users.clone(), vec![]).await.unwrap(), 2, "nothing was changed");
        let all = db.update(users.clone(), data, vec![]).await.unwrap_err();
        assert_eq!(all.message, "No valid conditions for update");
        let all = db.delete(users, vec![]).await.unwrap_err();
        assert_eq!(all.message, "No valid conditions for delete");
    }
}

#[tokio::test]
async fn unknown_keys_follow_the_setting() {
    let drops = Settings { unknown_keys: UnknownKeys::Drop, ..Settings::default() };
    for settings in [Settings::default(), drops] {
        let is_dropped = settings.unknown_keys == UnknownKeys::Drop;
        for fixture in Fixture::all_with(settings.clone()).await {
            fixture.with_users().await;
            let (db, users) = (fixture.operator(), fixture.table("users"));
            let row = record([("user_name", "eve".into()), ("colour", "red".into())]);
            let inserted = db.insert(users.clone(), row).await;
            assert_eq!(inserted.is_ok(), is_dropped);
            let alone = record([("colour", "red".into())]);
            let error = db.insert(users.clone(), alone).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::ColumnMatch);
            let twice = record([("userName", "x".into()), ("user_name", "y".into())]);
            let error = db.insert(users.clone(), twice).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Invalid);
            let error = db.insert(users, vec![]).await.unwrap_err();
            assert_eq!(error.message, "No valid columns to insert");
        }
    }
}

#[tokio::test]
async fn hostile_names_are_names() {
    for fixture in Fixture::all().await {
        let name = "sel\"ect; DROP TABLE x; --";
        let quoted = name.replace('"', "\"\"");
        fixture
            .script(&format!(
                "CREATE TABLE {{s}}.\"{quoted}\" (\"order\" text, \"it's; \"\"\" int, \"Id\" int);"
            ))
            .await;
        let (db, table) = (fixture.operator(), fixture.table(name));
        let row = record([("order", "a".into()), ("it's; \"", 5.into())]);
        db.insert(table.clone(), row.clone()).await.unwrap();
        assert_eq!(db.count(table.clone(), row).await.unwrap(), 1);
        assert!(db.table_exists(table).await.unwrap());
        for odd in ["", "a\0b", "\"", "users; --", &"x".repeat(64)] {
            let error = db.fetch(Select::from(fixture.table(odd))).await.unwrap_err();
            assert!(matches!(error.kind, ErrorKind::Schema | ErrorKind::Invalid), "{error}");
            assert!(!db.table_exists(fixture.table(odd)).await.unwrap());
        }
        let missing = db.fetch(Select::from(TableName::new("nowhere", "t"))).await.unwrap_err();
        assert_eq!(missing.kind, ErrorKind::Schema);
        assert_eq!(missing.to_string(), "Table nowhere.t does not exist");
    }
}

#[tokio::test]
async fn statements_are_the_other_form() {
    for fixture in Fixture::all().await {
        fixture.with_users().await;
        let db = fixture.operator();
        let sql = format!(
            "SELECT user_name, $2 AS twice FROM {}.users WHERE user_name = $1 OR user_name = $2",
            fixture.schema
        );
        let select = Select::sql(sql, ["ann".into(), "bob".into()]);
        let rows = db.fetch(select.clone()).await.unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(text(&rows[0], "twice"), "bob");
        assert!(db.fetch_one(select).await.unwrap().is_some());
        let value = db.fetch_value(Select::sql("SELECT 41 + 1", [])).await.unwrap();
        assert_eq!(value, Some(Value::Int(42)));
    }
}

#[tokio::test]
async fn columns_added_later_are_found() {
    for fixture in Fixture::all().await {
        fixture.with_users().await;
        let (db, users) = (fixture.operator(), fixture.table("users"));
        assert_eq!(db.fetch(Select::from(users.clone())).await.unwrap()[0].columns().len(), 5);
        // By another program: the operator is not told.
        let other = Fixture::of_same_database(&fixture);
        other.script("ALTER TABLE {s}.users ADD COLUMN nick text;").await;
        let nick = Select::from(users.clone()).when("nicks", Value::Null);
        assert_eq!(db.fetch(nick).await.unwrap().len(), 2);
        let rows = db.fetch(Select::from(users)).await.unwrap();
        assert_eq!(rows[0].columns().len(), 6, "the prepared statement was planned again");
    }
}

#[tokio::test]
async fn many_rows_are_loaded_or_none() {
    for fixture in Fixture::all().await {
        fixture.with_users().await;
        let (db, users) = (fixture.operator(), fixture.table("users"));
        let rows = |count: i32| -> Vec<Vec<Value>> {
            (0..count).map(|n| vec![format!("n{n}\t\\.\n☃\\").into(), Value::Null]).collect()
        };
        let columns = ["userName", "email"];
        assert_eq!(db.bulk_insert(users.clone(), &columns, rows(500)).await.unwrap(), 500);
        let name = record([("user_name", "n7\t\\.\n☃\\".into())]);
        assert_eq!(db.count(users.clone(), name).await.unwrap(), 1);
        let again = db.bulk_insert(users.clone(), &columns, rows(501)).await.unwrap_err();
        assert_eq!(again.code(), Some("23505"));
        assert_eq!(db.count(users.clone(), vec![]).await.unwrap(), 502);
        let short = db.bulk_insert(users.clone(), &columns, vec![vec![1.into()]]).await;
        assert_eq!(short.unwrap_err().kind, ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn rows_that_are_sent_while_they_are_made_are_loaded_or_none() {
    for fixture in Fixture::all().await {
        fixture.with_users().await;
        let (db, users) = (fixture.operator(), fixture.table("users"));
        let row = |n: i32| vec![format!("sent {n}").into(), Value::Null];
        let part = |numbers: Range<i32>| numbers.map(row).collect::<Vec<_>>();
        let columns = ["user_name", "email"];
        let (sender, rows) = BulkRows::channel();
        let send = async {
            assert!(sender.send(part(0..300)) && sender.send(Vec::new()));
            tokio::task::yield_now().await;
            assert!(sender.send(part(300..500)));
            sender.finish();
        };
        let (loaded, ()) = tokio::join!(db.bulk_insert(users.clone(), &columns, rows), send);
        assert_eq!(loaded.unwrap(), 500);

        let (sender, rows) = BulkRows::channel();
        assert!(sender.send(part(500..600)));
        drop(sender);
        let cut = db.bulk_insert(users.clone(), &columns, rows).await.unwrap_err();
        assert_eq!(cut.to_string(), "the rows ended before the last one");

        let (sender, rows) = BulkRows::channel();
        assert!(sender.send(part(500..600)) && sender.send(vec![vec![1.into()]]));
        let short = db.bulk_insert(users.clone(), &columns, rows).await.unwrap_err();
        assert_eq!(short.to_string(), "row 101 has 1 values for 2 columns");
        assert!(!sender.send(part(600..601)), "nothing takes them any more");
        assert_eq!(db.count(users, vec![]).await.unwrap(), 502);
    }
}

#[tokio::test]
async fn rows_are_loaded_in_the_form_that_their_values_have() {
    for fixture in Fixture::all().await {
        if fixture.db.dialect() != Dialect::Postgres {
            continue;
        }
        fixture
            .script(
                "CREATE DOMAIN {s}.small AS int2 CHECK (VALUE < 100);
                 CREATE TABLE {s}.forms (n int, big int8, little {s}.small, f float8, yes bool,
                     t text, v varchar(3), j json, b jsonb, bytes bytea, u uuid, day date,
                     at timestamp, atz timestamptz, price numeric);",
            )
            .await;
        let (db, forms) = (fixture.operator(), fixture.table("forms"));
        let columns = [
            "n", "big", "little", "f", "yes", "t", "v", "j", "b", "bytes", "u", "day", "at", "atz",
            "price",
        ];
        let row = |n: Value, little: Value, price: Value| -> Vec<Value> {
            vec![
                n,
                Value::Int(i64::MIN),
                little,
                Value::Float(0.1),
                true.into(),
                "\\.\n☃".into(),
                "abc".into(),
                Value::Json("{\"a\": 1.10}".into()),
                Value::Json("[1.10]".into()),
                Value::Bytes(vec![0, 255]),
                Value::Uuid([7; 16]),
                Value::Date(-1),
                Value::Timestamp(i64::MAX),
                Value::TimestampTz(1),
                price,
            ]
        };
        // Binary, then as text because of one value, then binary again; a decimal goes as text.
        let nothing = || Value::Null;
        let mut rows = vec![row(1.into(), 5.into(), nothing()); 1_024];
        rows.extend(vec![row("2".into(), 5.into(), nothing()); 1_024]);
        rows.push(row(3.into(), nothing(), nothing()));
        let count = db.bulk_insert(forms.clone(), &columns, rows).await.unwrap();
        assert_eq!(count, 2_049);
        let decimal = Value::Decimal("1.50".into());
        let rows = vec![row(4.into(), 5.into(), decimal)];
        assert_eq!(db.bulk_insert(forms.clone(), &columns, rows).await.unwrap(), 1);
        let distinct = Select::sql(
            format!(
                "SELECT DISTINCT big, f, yes, t, v, j::text, b, bytes, u, day, at, atz FROM {}.forms",
                fixture.schema
            ),
            [],
        );
        assert_eq!(db.fetch(distinct).await.unwrap().len(), 1, "both forms mean the same");
        for (n, little, code) in [
            (Value::Int(1 << 40), Value::Null, "22003"),
            ("x".into(), Value::Null, "22P02"),
            (1.into(), 100.into(), "23514"),
            (1.into(), "100".into(), "23514"),
        ] {
            let rows = vec![row(n, little, Value::Null)];
            let error = db.bulk_insert(forms.clone(), &columns, rows).await.unwrap_err();
            assert_eq!(error.code(), Some(code));
        }
        assert_eq!(db.count(forms, vec![]).await.unwrap(), 2_050);
    }
}

#[tokio::test]
async fn one_row_is_found_by_name_and_id() {
    for fixture in Fixture::all().await {
        fixture
            .script(
                "CREATE TABLE {s}.things (id text PRIMARY KEY, name text, metadata text);
                 INSERT INTO {s}.things VALUES ('a1', 'first', '{\"n\": 1.10}'), ('a2', 'x', 'no');",
            )
            .await;
        let (db, things) = (fixture.operator(), fixture.table("things"));
        let row = db.get_by_uuid(things.clone(), "a1", None).await.unwrap().unwrap();
        assert_eq!(row.get("metadata"), Some(&Value::Json("{\"n\": 1.10}".into())));
        let row = db.get_by_uuid(things.clone(), "a2", Some("Ids")).await.unwrap().unwrap();
        assert_eq!(row.get("metadata"), Some(&Value::from("no")));
        assert_eq!(db.get_by_uuid(things.clone(), "a3", None).await.unwrap(), None);
        let wrong = db.get_by_uuid(things.clone(), "a1", Some("uid")).await.unwrap_err();
        assert!(wrong.to_string().contains(".things'"), "{wrong}");
        assert!(db.get_by_name(things.clone(), "first", None).await.unwrap().is_some());
        assert!(db.get_by_column(things, "names", "x").await.unwrap().is_some());
        assert!(db.schema_exists(&fixture.schema).await.unwrap());
        assert!(!db.schema_exists("no_such").await.unwrap());
    }
}
