//! A database of the owner's own that is changed: only by who means it, wholly or not at all, and told.

use std::time::Duration;

use http::Method;
use isobase_auth::Authorizer;
use isobase_server::{HttpConfig, OpenTo, ServerConfig, SqlOptions};
use isobase_sql::{Session, SqlReader, SqlWriter, Value};
use isobase_testkit::newest_postgres_url;
use serde_json::{Value as Json, json};

use super::{
    sql::{JSON, Looked},
    support::{Reply, Service, soon},
};

impl Looked {
    /// The name that is typed.
    async fn name(&self) -> String {
        self.get("").await["database"].as_str().unwrap().to_owned()
    }

    /// Sends a body with the name of the database.
    async fn confirmed(&self, what: &str, mut body: Json) -> Reply {
        body["database"] = json!(self.name().await);
        self.post(what, &body).await
    }

    async fn write(&self, statement: &str) -> Reply {
        self.confirmed("write", json!({ "statement": statement })).await
    }

    async fn names(&self) -> Vec<Value> {
        let rows = self.db.run("SELECT name FROM shops ORDER BY id", &[]).await.unwrap().rows;
        rows.iter().map(|row| row.get("name").unwrap().clone()).collect()
    }

    fn schema(&self) -> &'static str {
        if self.is_postgres { "public" } else { "main" }
    }

    async fn rows(&self, mut body: Json) -> Reply {
        body["schema"] = json!(self.schema());
        self.post("rows", &body).await
    }

    async fn change(&self, changes: Json) -> Reply {
        let body = json!({ "schema": self.schema(), "table": "shops", "changes": changes });
        self.confirmed("changes", body).await
    }

    async fn plan(&self, change: Json) -> Reply {
        let body = json!({ "schema": self.schema(), "table": "shops", "change": change });
        self.post("schema", &body).await
    }

    async fn apply(&self, change: Json, name: Option<&str>) -> Reply {
        let mut body = json!({ "schema": self.schema(), "table": "shops", "change": change });
        body["run"] = json!(true);
        body["name"] = json!(name);
        self.confirmed("schema", body).await
    }
}

fn given() -> Vec<Value> {
    vec!["=1+1".into(), Value::Null, "a,b".into()]
}

#[tokio::test]
async fn a_change_is_meant_counted_remembered_and_audited() {
    for looked in Looked::all().await {
        let all = "UPDATE shops SET name = 'x'";
        looked.post("write", &json!({ "statement": all })).await.is_problem(422, "invalid_body");
        let other = json!({ "statement": all, "database": "another" });
        looked.post("write", &other).await.is_problem(422, "sql_not_confirmed");
        let tried = looked.confirmed("write", json!({ "statement": all, "dry_run": true })).await;
        assert_eq!(tried.json()["affected"], 3, "{}", tried.text);
        assert_eq!(tried.json()["committed"], false);
        let fewer = json!({ "statement": all, "expected_rows": 2 });
        looked.confirmed("write", fewer).await.is_problem(409, "sql_affected_differs");
        assert_eq!(looked.names().await, given());

        let body = json!({ "statement": "UPDATE shops SET name = :name WHERE id > :id RETURNING id",
            "parameters": { "name": "y", "id": "0" }, "expected_rows": 3 });
        let done = looked.confirmed("write", body).await;
        assert_eq!(done.status, 200, "{}", done.text);
        let done = done.json();
        assert_eq!((&done["affected"], &done["committed"]), (&json!(3), &json!(true)));
        // What is more than is shown is done all the same.
        assert_eq!(done["rows"].as_array().unwrap().len(), 2);
        assert_eq!(done["ended_by"], "rows");
        assert_eq!(looked.names().await, vec![Value::from("y"); 3]);
        looked.write("DELETE FROM nowhere").await.is_problem(422, "sql_refused");

        let past = looked.get("/history").await;
        assert_eq!(past["entries"][0]["problem"], "sql_refused");
        assert_eq!(past["entries"][1]["rows"], 3);
        let audit = looked.service.get("/api/v1/audit?action=sql.changed").await.json();
        let entries = audit["entries"].as_array().unwrap();
        assert_eq!(entries.len(), 1, "{audit}");
        assert_eq!(entries[0]["after"]["affected"], 3);
        assert!(entries[0]["after"]["statement"].as_str().unwrap().starts_with("UPDATE shops"));
        // Who reads the audit sees which words were run, and none of their values.
        looked.write("INSERT INTO shops VALUES (77, 'ann@example.com') -- ann's").await;
        looked.write("DELETE FROM shops WHERE name = 'ann@example.com'").await;
        if looked.is_postgres {
            let own = "ALTER ROLE CURRENT_USER PASSWORD $x$ann's secret$x$";
            assert_eq!(looked.write(own).await.status, 200);
        }
        let audit = looked.service.get("/api/v1/audit?action=sql.changed").await.text;
        assert!(audit.contains("INSERT INTO shops VALUES (***, '***')"), "{audit}");
        assert!(!audit.contains("ann@") && !audit.contains("secret"), "{audit}");
    }
}

#[tokio::test]
async fn nothing_leaves_its_transaction_or_its_session() {
    for looked in Looked::all().await {
        let everywhere = [
            "",
            "COMMIT",
            "/* x */ ROLLBACK",
            "BEGIN",
            "SAVEPOINT a",
            "END",
            "DELETE FROM shops; DELETE FROM sales",
            "COPY shops TO PROGRAM 'touch /tmp/isobase-writing'",
            "COPY shops FROM STDIN",
        ];
        let on_postgres = [
            "PREPARE TRANSACTION 'x'",
            "DO $$ BEGIN DELETE FROM shops; COMMIT; END $$",
            "DO $$ BEGIN EXECUTE 'COPY shops TO PROGRAM ''touch /tmp/isobase-writing'''; END $$",
            "DO $$ BEGIN EXECUTE 'GRANT pg_execute_server_program TO ' || current_user; END $$",
            "SELECT pg_read_file('/etc/passwd')",
            "SELECT lo_export(1, '/tmp/isobase-writing')",
            "CREATE DATABASE isobase_writing",
            "ALTER SYSTEM SET work_mem = '1MB'",
            "SET SESSION AUTHORIZATION postgres",
            "VACUUM shops",
        ];
        let on_sqlite = [
            "ATTACH '/tmp/isobase-writing.db' AS other",
            "VACUUM",
            "VACUUM INTO '/tmp/isobase-writing.db'",
            "PRAGMA writable_schema = on",
            "PRAGMA journal_mode = off",
            "PRAGMA foreign_keys = off",
            "UPDATE sqlite_schema SET sql = ''",
            "CREATE TEMP TABLE t (a)",
            "CREATE VIRTUAL TABLE v USING csv(filename='/etc/passwd')",
            "SELECT load_extension('x')",
        ];
        let of_engine: &[&str] = if looked.is_postgres { &on_postgres } else { &on_sqlite };
        for sql in everywhere.iter().chain(of_engine) {
            let refused = looked.write(sql).await;
            assert_eq!(refused.status, 422, "{sql}: {}", refused.text);
        }
        assert_eq!(looked.names().await, given());
        assert!(!std::path::Path::new("/tmp/isobase-writing").exists());
        assert!(!std::path::Path::new("/tmp/isobase-writing.db").exists());
        if looked.is_postgres {
            for sql in [
                "SET search_path = nowhere",
                "SELECT pg_advisory_lock(1)",
                "CREATE TEMP TABLE shops (id int)",
                "LISTEN a",
            ] {
                let done = looked.write(sql).await;
                assert_eq!(done.status, 200, "{sql}: {}", done.text);
            }
            // The server ends the session a little later.
            let free = "SELECT pg_try_advisory_lock_shared(1)";
            let is_free = async || looked.run(free).await.json()["rows"] == json!([["true"]]);
            soon("the lock", async { while !is_free().await {} }).await;
        }
        // The route that reads stays what it was.
        looked.run("DELETE FROM shops").await.is_problem(422, "sql_refused");
        let after = looked.write("DELETE FROM shops WHERE id = 3").await;
        assert_eq!(after.json()["affected"], 1, "{}", after.text);
    }
}

#[tokio::test]
async fn what_is_stopped_left_or_late_is_taken_back() {
    let endless = |looked: &Looked| match looked.is_postgres {
        true => "UPDATE shops SET name = pg_sleep(600)::text",
        false => {
            "UPDATE shops SET name = (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
             SELECT max(i) FROM n)"
        }
    };
    for looked in Looked::all_within(Duration::from_millis(300)).await {
        looked.write(endless(&looked)).await.is_problem(422, "sql_timed_out");
        // What was stopped lets go of its rows when the server has heard of it.
        let again = async || looked.write("UPDATE shops SET name = 'z' WHERE id = 1").await.status;
        soon("an answer", async { while again().await != 200 {} }).await;
    }
    for looked in Looked::all().await {
        let sql = endless(&looked);
        let body = json!({ "statement": sql, "statement_id": "one" });
        let stop = async {
            while looked.get("").await["running"] != 1 {
                tokio::task::yield_now().await;
            }
            let reply = looked.post("statements/one/cancel", &json!({})).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
        };
        let (stopped, ()) =
            soon("the end", async { tokio::join!(looked.confirmed("write", body), stop) }).await;
        stopped.is_problem(409, "sql_stopped");
        for _ in 0..3 {
            let running = looked.write(sql);
            assert!(tokio::time::timeout(Duration::from_millis(50), running).await.is_err());
        }
        // What was left lets go of its rows when the server has heard of it.
        let after = soon("an answer", async {
            loop {
                let after = looked.write("UPDATE shops SET name = name").await;
                if after.status != 503 {
                    return after;
                }
            }
        })
        .await;
        assert_eq!(after.json()["affected"], 3, "{}", after.text);
        assert_eq!(looked.names().await, given());
        let audit = looked.service.get("/api/v1/audit?action=sql.changed").await.json();
        assert_eq!(audit["entries"].as_array().unwrap().len(), 1, "{audit}");
    }
}

#[tokio::test]
async fn rows_are_found_and_changed_by_their_key() {
    for looked in Looked::all().await {
        let found =
            looked.rows(json!({ "table": "shops", "order": "id", "descending": true })).await;
        assert_eq!(found.status, 200, "{}", found.text);
        let found = found.json();
        assert_eq!(found["rows"], json!([["3", "a,b"], ["2", null]]));
        assert_eq!(
            (&found["ended_by"], &found["table"]["primary_key"]),
            (&json!("rows"), &json!(["id"]))
        );
        let cases = [
            (json!([["name", "contains", "A"]]), json!([["3", "a,b"]])),
            (json!([["id", ">=", "2"], ["name", "is not null", null]]), json!([["3", "a,b"]])),
            (json!([["name", "is null", null]]), json!([["2", null]])),
            (json!([["name", "=", "=1+1"]]), json!([["1", "=1+1"]])),
        ];
        for (conditions, rows) in cases {
            let conditions: Vec<_> = conditions
                .as_array()
                .unwrap()
                .iter()
                .map(|it| json!({ "column": it[0], "comparison": it[1], "value": it[2] }))
                .collect();
            let reply = looked.rows(json!({ "table": "shops", "where": conditions })).await;
            assert_eq!(reply.json()["rows"], rows, "{}", reply.text);
        }
        let wrong = json!({ "table": "shops", "order": "x\"; DROP TABLE shops" });
        looked.rows(wrong).await.is_problem(422, "sql_refused");
        looked.rows(json!({ "table": "no\"ne" })).await.is_problem(404, "sql_table_not_found");
        let wrong = json!({ "table": "shops", "where": [{ "column": "id", "comparison": "~" }] });
        looked.rows(wrong).await.is_problem(422, "invalid_body");

        // Behind the last row that was shown, also where it has a NULL; never one twice or left out.
        for (order, descending) in
            [(None, false), (Some("id"), true), (Some("name"), false), (Some("name"), true)]
        {
            let (mut seen, mut after) = (Vec::new(), Json::Null);
            loop {
                let body = json!({ "table": "shops", "order": order, "descending": descending,
                    "limit": 1, "after": after });
                let found = looked.rows(body).await.json();
                let rows = found["rows"].as_array().unwrap();
                seen.extend(rows.iter().map(|row| row[0].as_str().unwrap().to_owned()));
                after = found["next"].clone();
                if after.is_null() {
                    break;
                }
            }
            let (by, down) = (order.unwrap_or("id"), if descending { "DESC" } else { "" });
            let sql = format!("SELECT id FROM shops ORDER BY {by} {down}, id");
            let all = looked.db.run(&sql, &[]).await.unwrap().rows;
            let all: Vec<_> = all.iter().map(|row| row.values()[0].to_string()).collect();
            assert_eq!(seen, all, "{order:?} {descending}");
        }
        let wrong = json!({ "table": "shops", "after": ["1", "2"] });
        looked.rows(wrong).await.is_problem(422, "invalid_body");
        let keyless = looked.rows(json!({ "table": "sales", "after": ["1"] })).await;
        keyless.is_problem(422, "invalid_body");

        let update = |before: Option<&str>, after: &str| {
            json!({ "kind": "update", "key": { "id": "2" }, "values": { "name": after },
                "before": { "name": before } })
        };
        let changes = json!([
            update(None, "second"),
            { "kind": "insert", "values": { "id": "4", "name": "'; DROP TABLE shops; --" } },
            { "kind": "delete", "key": { "id": "1" }, "before": { "name": "=1+1" } },
        ]);
        let done = looked.change(changes).await;
        assert_eq!(done.status, 200, "{}", done.text);
        assert!(done.json()["statements"][0]["statement"].as_str().unwrap().starts_with("UPDATE "));
        let now: Vec<Value> = vec!["second".into(), "a,b".into(), "'; DROP TABLE shops; --".into()];
        assert_eq!(looked.names().await, now);
        // One that is no longer so takes the others back.
        let changes = json!([{ "kind": "delete", "key": { "id": "3" } }, update(None, "again")]);
        let conflict = looked.change(changes).await;
        conflict.is_problem(409, "sql_row_changed");
        assert_eq!(conflict.json()["errors"][0]["pointer"], "/changes/1");
        let refused = [
            json!([{ "kind": "delete", "key": {} }]),
            json!([{ "kind": "delete", "key": { "name": "a,b" } }]),
            json!([{ "kind": "update", "key": { "id": "2" }, "values": {} }]),
            json!([{ "kind": "insert", "values": { "id": "2" } }]),
            json!([{ "kind": "insert", "values": { "none": "2" } }]),
            json!([{ "kind": "drop" }]),
            json!([]),
        ];
        for changes in refused {
            let reply = looked.change(changes.clone()).await;
            assert_eq!(reply.status, 422, "{changes}: {}", reply.text);
        }
        assert_eq!(looked.names().await, now);
        let audit = looked.service.get("/api/v1/audit?action=sql.changed").await.json();
        let told = &audit["entries"][0]["after"]["changes"][0];
        assert_eq!((&told["kind"], &told["key"]["id"]), (&json!("update"), &json!("2")), "{audit}");
        assert!(!audit.to_string().contains("second"), "values are not told");
    }
}

#[tokio::test]
async fn tables_are_changed_by_statements_that_are_shown_before() {
    for looked in Looked::all().await {
        let column = json!({ "name": "we\"ird; --", "type": "varchar(20)", "default": "it's" });
        let add = json!({ "kind": "add_column", "column": column });
        looked.plan(add).await.is_problem(422, "invalid_body");
        let column = json!({ "name": "we\"ird; --", "type": "varchar(20)", "default": "'it''s'" });
        let add = json!({ "kind": "add_column", "column": column });
        let plan = looked.plan(add.clone()).await;
        assert_eq!(plan.status, 200, "{}", plan.text);
        let plan = plan.json();
        let sql = format!(
            "ALTER TABLE \"{}\".\"shops\" ADD COLUMN \"we\"\"ird; --\" varchar(20) DEFAULT 'it''s' NOT NULL",
            looked.schema()
        );
        assert_eq!((&plan["statement"], &plan["committed"]), (&json!(sql), &json!(false)));
        assert!(plan["other"]["statement"].as_str().unwrap().starts_with("ALTER TABLE"));
        for wrong in
            ["int, DROP COLUMN name", "int; DROP TABLE shops", "int) --", "int DEFAULT 1", ""]
        {
            let column = json!({ "name": "a", "type": wrong });
            let reply = looked.plan(json!({ "kind": "add_column", "column": column })).await;
            reply.is_problem(422, "invalid_body");
        }
        let done = looked.apply(add, None).await;
        assert_eq!(done.json()["committed"], true, "{}", done.text);
        let rename = json!({ "kind": "rename_column", "column": "we\"ird; --", "to": "kind" });
        assert_eq!(looked.apply(rename, None).await.status, 200);
        let index =
            json!({ "kind": "create_index", "index": "by_kind", "columns": ["kind", "name"] });
        assert_eq!(looked.apply(index, None).await.status, 200);
        let table = looked.get(&format!("/table?schema={}&name=shops", looked.schema())).await;
        assert_eq!(table["columns"][2]["name"], "kind");
        assert_eq!(table["indexes"][0]["name"], "by_kind");

        let constraint = |name: &str, definition: Json| json!({ "kind": "add_constraint", "constraint": name, "definition": definition });
        let unique = json!({ "kind": "unique", "columns": ["id", "kind"] });
        assert_eq!(looked.apply(constraint("one_kind", unique), None).await.status, 200);
        let check = json!({ "kind": "check", "condition": "length(name) < 10" });
        let refer = json!({ "kind": "foreign_key", "columns": ["id"], "table": "shops",
            "on_delete": "cascade" });
        for (definition, sql) in [
            (&check, "ADD CONSTRAINT \"c\"\"1\" CHECK (length(name) < 10)"),
            (&refer, "ADD CONSTRAINT \"c\"\"1\" FOREIGN KEY (\"id\") REFERENCES"),
        ] {
            let plan = looked.plan(constraint("c\"1", definition.clone())).await.json();
            let of_postgres = if looked.is_postgres { &plan } else { &plan["other"] };
            assert!(of_postgres["statement"].as_str().unwrap().contains(sql), "{plan}");
        }
        for wrong in ["a); DROP TABLE shops; --", "a > 0 --", "", "(a"] {
            let check = json!({ "kind": "check", "condition": wrong });
            looked.plan(constraint("c", check)).await.is_problem(422, "invalid_body");
        }
        if looked.is_postgres {
            assert_eq!(looked.apply(constraint("c\"1", check), None).await.status, 200);
            let table = looked.get("/table?schema=public&name=shops").await;
            let names: Vec<_> = table["constraints"].as_array().unwrap().iter().collect();
            assert!(names.iter().any(|it| it["name"] == "c\"1"), "{table}");
            let drop = json!({ "kind": "drop_constraint", "constraint": "c\"1" });
            looked.apply(drop.clone(), None).await.is_problem(422, "sql_not_confirmed");
            assert_eq!(looked.apply(drop, Some("c\"1")).await.status, 200);
        }
        let trigger = match looked.is_postgres {
            true => {
                "CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; \
                     CREATE TRIGGER tell AFTER DELETE ON shops EXECUTE FUNCTION told()"
            }
            false => "CREATE TRIGGER tell AFTER DELETE ON shops BEGIN DELETE FROM sales; END",
        };
        looked.db.run_script(trigger).await.unwrap();
        let table = looked.get(&format!("/table?schema={}&name=shops", looked.schema())).await;
        let trigger = &table["triggers"][0];
        assert_eq!(
            (&trigger["name"], &trigger["enabled"]),
            (&json!("tell"), &json!(true)),
            "{table}"
        );
        assert_eq!(trigger["function"].is_string(), looked.is_postgres);

        let drop_index = json!({ "kind": "drop_index", "index": "by_kind" });
        let unsure = looked.apply(drop_index.clone(), None).await;
        unsure.is_problem(422, "sql_not_confirmed");
        assert_eq!(looked.apply(drop_index, Some("by_kind")).await.status, 200);
        if !looked.is_postgres {
            let unique = json!({ "kind": "drop_index", "index": "one_kind" });
            assert_eq!(looked.apply(unique, Some("one_kind")).await.status, 200);
        }
        let drop = json!({ "kind": "drop_column", "column": "kind" });
        looked.apply(drop.clone(), Some("name")).await.is_problem(422, "sql_not_confirmed");
        assert_eq!(looked.apply(drop, Some("kind")).await.status, 200);
        let widen = json!({ "kind": "change_type", "column": "name", "data_type": "varchar(9)" });
        let widened = looked.apply(widen, Some("name")).await;
        match looked.is_postgres {
            true => assert_eq!(widened.status, 200, "{}", widened.text),
            false => {
                widened.is_problem(422, "sql_refused");
            }
        }
        assert_eq!(looked.names().await, given());
        let audit = looked.service.get("/api/v1/audit?action=sql.changed").await.json();
        assert!(audit.to_string().contains("DROP COLUMN"), "{audit}");
        assert!(!audit.to_string().contains("it''s"), "{audit}");
    }
}

#[tokio::test]
async fn rows_are_saved_as_json_with_all_digits() {
    for looked in Looked::all().await {
        let sql =
            "SELECT id, name, 9007199254740993 AS big, 1 AS id FROM shops WHERE id < 3 ORDER BY 1";
        let file = looked.post("json", &json!({ "statement": sql })).await;
        assert_eq!(file.status, 200, "{}", file.text);
        let rows = "[\n{\"id\":1,\"name\":\"=1+1\",\"big\":9007199254740993,\"id_2\":1},\n\
                    {\"id\":2,\"name\":null,\"big\":9007199254740993,\"id_2\":1}\n]\n";
        assert_eq!(file.text, rows);
        assert!(file.header("content-disposition").contains("rows.json"));
        if looked.is_postgres {
            let sql = "SELECT 'NaN'::float8 AS a, '{\"b\": 1.10}'::json AS b, true AS c, '{}'::int[] AS d";
            let file = looked.post("json", &json!({ "statement": sql })).await;
            assert_eq!(
                file.text,
                "[\n{\"a\":\"NaN\",\"b\":{\"b\": 1.10},\"c\":true,\"d\":\"{}\"}\n]\n"
            );
        }
    }
}

#[tokio::test]
async fn nothing_is_changed_unless_a_setting_says_so() {
    let service = Service::new();
    let body = json!({ "statement": "DELETE FROM shops", "database": "isobase.db" }).to_string();
    let post = |target: &'static str, body: String| {
        let service = &service;
        async move { service.ask_with(Method::POST, target, &JSON, &body).await }
    };
    post("/api/v1/sql/write", body).await.is_problem(403, "sql_read_only");
    let drop = json!({ "schema": "main", "table": "t", "change": { "kind": "drop_table" } });
    let plan = post("/api/v1/sql/schema", drop.to_string()).await;
    assert_eq!(plan.json()["loses"], "t", "{}", plan.text);
    if let Some(superuser) = newest_postgres_url() {
        let reader = SqlReader::new(&superuser).unwrap();
        let writer = SqlWriter::new(&superuser).unwrap();
        let database = writer.database().to_owned();
        let timeout = Duration::from_secs(20);
        let sql = Some(SqlOptions { reader, writer: Some(writer), rows_max: 2, timeout });
        let http = HttpConfig { open_to: OpenTo::Everyone, ..HttpConfig::default() };
        let config = ServerConfig { http, sql, ..ServerConfig::default() };
        let service = Service::composed(config, Authorizer::open());
        let body = json!({ "statement": "SELECT 1", "database": database }).to_string();
        let reply = service.ask_with(Method::POST, "/api/v1/sql/write", &JSON, &body).await;
        reply.is_problem(403, "sql_role");
    }
}
