//! A database of the owner's own: what it answers, what it refuses, and that it stays as it was.

use std::time::Duration;

use http::Method;
use isobase_auth::Authorizer;
use isobase_server::{HttpConfig, OpenTo, ServerConfig, SqlOptions};
use isobase_sql::{DbConnector, Session, Settings, SqlReader, SqlWriter, Value};
use isobase_testkit::{newest_postgres_url, unique_name};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::support::{Reply, Service, soon};

pub const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
const TABLES: &str = "CREATE TABLE shops (id INTEGER PRIMARY KEY, name TEXT); \
    INSERT INTO shops VALUES (1, '=1+1'), (2, NULL), (3, 'a,b'); \
    CREATE TABLE sales (shop INTEGER REFERENCES shops (id), amount INTEGER)";

pub struct Looked {
    pub service: Service,
    /// Which may do everything.
    pub db: DbConnector,
    pub is_postgres: bool,
    url: String,
    #[expect(dead_code, reason = "its drop removes the file")]
    folder: TempDir,
}

impl Looked {
    pub async fn all() -> Vec<Self> {
        Self::all_within(Duration::from_secs(20)).await
    }

    pub async fn all_within(timeout: Duration) -> Vec<Self> {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("shop.db").display());
        let db = DbConnector::new(&url, Settings::default()).unwrap();
        db.run_script(TABLES).await.unwrap();
        let mut all = vec![Self::new(&url, db, folder, timeout)];
        if let Some(server) = newest_postgres_url() {
            let (name, role) = (unique_name("looked"), unique_name("looker"));
            let whole = DbConnector::new(&server, Settings::default()).unwrap();
            whole.run(&format!("CREATE DATABASE {name}"), &[]).await.unwrap();
            whole.close();
            let url = format!("{server}?dbname={name}");
            let db = DbConnector::new(&url, Settings::default()).unwrap();
            // It owns the tables: only the transaction keeps it from writing.
            let script = format!(
                "{TABLES}; CREATE ROLE {role} LOGIN PASSWORD 'p'; \
                 ALTER TABLE shops OWNER TO {role}; ALTER TABLE sales OWNER TO {role}; \
                 GRANT ALL ON SCHEMA public TO {role}"
            );
            db.run_script(&script).await.unwrap();
            let reading = format!("{url}&user={role}&password=p");
            all.push(Self::new(&reading, db, tempfile::tempdir().unwrap(), timeout));
        }
        all
    }

    fn new(url: &str, db: DbConnector, folder: TempDir, timeout: Duration) -> Self {
        let service = Self::service(url, timeout);
        Self { service, db, is_postgres: url.starts_with("postgres"), url: url.to_owned(), folder }
    }

    fn service(url: &str, timeout: Duration) -> Service {
        let reader = SqlReader::new(url).unwrap();
        let writer = Some(SqlWriter::new(url).unwrap());
        let sql = Some(SqlOptions { reader, writer, rows_max: 2, timeout });
        let http = HttpConfig { open_to: OpenTo::Everyone, ..HttpConfig::default() };
        let config = ServerConfig { http, sql, ..ServerConfig::default() };
        Service::composed(config, Authorizer::open())
    }

    pub async fn post(&self, what: &str, body: &Json) -> Reply {
        let target = format!("/api/v1/sql/{what}");
        self.service.ask_with(Method::POST, &target, &JSON, &body.to_string()).await
    }

    pub async fn run(&self, statement: &str) -> Reply {
        self.post("run", &json!({ "statement": statement })).await
    }

    pub async fn get(&self, what: &str) -> Json {
        let reply = self.service.get(&format!("/api/v1/sql{what}")).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()
    }

    /// A statement that never ends by itself.
    fn endless(&self) -> &'static str {
        match self.is_postgres {
            true => "SELECT pg_sleep(600)",
            false => {
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
            }
        }
    }
}

#[tokio::test]
async fn rows_are_shown_exactly_and_remembered() {
    for looked in Looked::all().await {
        let sql = "SELECT id, name, 9007199254740993 AS big FROM shops ORDER BY id";
        let reply = looked.run(sql).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let answer = reply.json();
        assert_eq!(answer["columns"][1]["name"], "name");
        let big = "9007199254740993";
        assert_eq!(answer["rows"], json!([["1", "=1+1", big], ["2", null, big]]));
        assert_eq!(answer["ended_by"], "rows");
        let by_key =
            json!({ "statement": "SELECT name FROM shops WHERE id = $1", "parameters": ["3"] });
        assert_eq!(looked.post("run", &by_key).await.json()["rows"], json!([["a,b"]]));

        let by_name = json!({ "statement": "SELECT name FROM shops WHERE id = :id", "parameters": { "id": "3" } });
        assert_eq!(looked.post("run", &by_name).await.json()["rows"], json!([["a,b"]]));
        for wrong in [json!({ "no": "1" }), json!([1]), json!("1")] {
            let body = json!({ "statement": "SELECT 1", "parameters": wrong });
            looked.post("run", &body).await.is_problem(422, "invalid_body");
        }

        let file = looked.post("csv", &json!({ "statement": sql })).await;
        let rows = format!("id,name,big\r\n1,\"'=1+1\",{big}\r\n2,,{big}\r\n3,\"a,b\",{big}\r\n");
        assert_eq!(file.text, rows);
        assert!(file.header("content-disposition").contains("rows.csv"));

        looked.run("SELECT nothing").await;
        let past = looked.get("/history").await;
        let entries = past["entries"].as_array().unwrap();
        assert_eq!(entries.len(), 4, "{past}");
        assert_eq!(entries[0]["problem"], "sql_refused");
        assert_eq!(entries[3]["statement"], sql);
        assert_eq!(entries[3]["rows"], 2);
        // Found by its words, and page by page.
        let found = looked.get("/history?q=NOTHING").await;
        assert_eq!(found["entries"].as_array().unwrap().len(), 1, "{found}");
        let page = looked.get("/history?limit=3").await;
        let next = page["next"].as_str().unwrap();
        let rest = looked.get(&format!("/history?limit=3&cursor={next}")).await;
        assert_eq!((&rest["entries"][0], &rest["next"]), (&entries[3], &Json::Null));
        let target = "/api/v1/sql/history";
        assert_eq!(looked.service.ask(Method::DELETE, target, &[]).await.status, 200);
        assert_eq!(looked.get("/history").await["entries"], json!([]));
    }
}

#[tokio::test]
async fn refusals_are_those_of_the_engine() {
    for looked in Looked::all().await {
        let writes = looked.run("DELETE FROM shops").await;
        writes.is_problem(422, "sql_refused");
        assert_eq!(writes.json()["sqlstate"], "25006", "{}", writes.text);
        let wrong = looked.run("SELECT 1 +* 2").await;
        wrong.is_problem(422, "sql_refused");
        assert_eq!(wrong.json()["position"], if looked.is_postgres { "10" } else { "11" });
        looked.run("SELECT 1; DELETE FROM shops").await.is_problem(422, "invalid_body");
        looked.run("").await.is_problem(422, "invalid_body");
        looked
            .post("run", &json!({ "statement": "SELECT 1", "limit": 3 }))
            .await
            .is_problem(422, "invalid_body");
        looked.post("run", &json!({})).await.is_problem(422, "invalid_body");
        let all = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100001) \
                   SELECT i FROM n";
        let large = looked.post("csv", &json!({ "statement": all })).await;
        large.is_problem(422, "sql_too_large");
        let left = looked.db.run("SELECT count(*) FROM shops", &[]).await.unwrap();
        assert_eq!(left.into_value(), Some(Value::Int(3)));
    }
}

#[tokio::test]
async fn statements_end_in_time_by_wish_and_with_their_client() {
    for looked in Looked::all_within(Duration::from_millis(300)).await {
        looked.run(looked.endless()).await.is_problem(422, "sql_timed_out");
    }
    for looked in Looked::all().await {
        let begun = |id: &str| json!({ "statement": looked.endless(), "statement_id": id });
        let (one, two) = (begun("one"), begun("two"));
        let (first, second) = (looked.post("run", &one), looked.post("run", &two));
        let others = async {
            while looked.get("").await["running"] != 2 {
                tokio::task::yield_now().await;
            }
            looked.run("SELECT 1").await.is_problem(429, "sql_busy");
            looked.post("run", &one).await.is_problem(409, "sql_statement_runs");
            assert_eq!(looked.get("/tables").await["tables"].as_array().unwrap().len(), 2);
            for id in ["one", "two"] {
                let reply = looked.post(&format!("statements/{id}/cancel"), &json!({})).await;
                assert_eq!(reply.status, 200, "{}", reply.text);
            }
        };
        let (first, second, ()) =
            soon("the end", async { tokio::join!(first, second, others) }).await;
        first.is_problem(409, "sql_stopped");
        second.is_problem(409, "sql_stopped");
        // The server's list of sessions has it for a moment more.
        let again = async || looked.post("statements/one/cancel", &json!({})).await;
        let gone = soon("its end", async {
            loop {
                let gone = again().await;
                if gone.status != 200 {
                    return gone;
                }
            }
        });
        gone.await.is_problem(404, "sql_statement_not_found");

        // Anyone who leaves takes the statement along, more often than there are connections.
        for _ in 0..6 {
            let running = looked.run(looked.endless());
            assert!(tokio::time::timeout(Duration::from_millis(50), running).await.is_err());
        }
        assert_eq!(looked.get("").await["running"], 0);
        let after = soon("an answer", looked.run("SELECT 1 AS one")).await;
        assert_eq!(after.json()["rows"], json!([["1"]]), "{}", after.text);
    }
}

#[tokio::test]
async fn another_service_stops_a_statement_where_the_database_can() {
    for looked in Looked::all().await.into_iter().filter(|looked| looked.is_postgres) {
        let other = Looked::service(&looked.url, Duration::from_secs(20));
        let name = looked.get("").await["database"].clone();
        let write = json!({ "statement": "UPDATE shops SET name = pg_sleep(600)::text",
            "statement_id": "w", "database": name });
        let read = json!({ "statement": looked.endless(), "statement_id": "r" });
        // Again and again: one that comes before the statement finds nothing to stop.
        let stop = async {
            for _ in 0..1_000_000 {
                for id in ["r", "w"] {
                    let target = format!("/api/v1/sql/statements/{id}/cancel");
                    other.ask(Method::POST, &target, &[]).await;
                }
            }
        };
        let both = async { tokio::join!(looked.post("run", &read), looked.post("write", &write)) };
        let (read, write) = soon("the end", async {
            tokio::select! {
                both = both => both,
                () = stop => panic!("nothing was stopped"),
            }
        })
        .await;
        read.is_problem(409, "sql_stopped");
        write.is_problem(409, "sql_stopped");
    }
}

#[tokio::test]
async fn plans_and_the_catalogue_are_told() {
    for looked in Looked::all().await {
        let join = "SELECT * FROM sales JOIN shops ON shops.id = sales.shop";
        let plan = looked.post("explain", &json!({ "statement": join })).await.json();
        assert!(plan["steps"][0]["title"].is_string(), "{plan}");
        assert_eq!(plan["execution_ms"], Json::Null);
        let run = looked.post("explain", &json!({ "statement": join, "run": true })).await.json();
        assert_eq!(run["execution_ms"].is_number(), looked.is_postgres);

        let database = looked.get("").await;
        assert_eq!(database["rows_max"], 2);
        assert!(!database.to_string().contains("password"), "{database}");
        let tables = looked.get("/tables").await;
        let schema = if looked.is_postgres { "public" } else { "main" };
        assert_eq!(tables["tables"][0]["name"], "sales");
        assert_eq!(tables["tables"][0]["schema"], schema);
        let table = looked.get(&format!("/table?schema={schema}&name=sales")).await;
        assert_eq!(table["columns"][0]["name"], "shop");
        assert_eq!(table["foreign_keys"][0]["table"], "shops");
        let references = looked.get("/references").await;
        assert_eq!(references["references"][0]["other_table"], "shops");
        for wrong in ["/table?schema=x&name=y", "/table?schema=&name=", "/table?schema=a%00&name=b"]
        {
            let target = format!("/api/v1/sql{wrong}");
            looked.service.get(&target).await.is_problem(404, "sql_table_not_found");
        }
    }
}

#[tokio::test]
async fn only_owners_and_only_where_there_is_a_database() {
    let service = Service::new();
    assert_eq!(service.get("/admin/api/overview").await.json()["sql"], true);
    let reply = service.get("/api/v1/sql/tables").await;
    reply.is_problem(503, "sql_unavailable");
    assert!(!reply.text.contains("nonexistent"), "{}", reply.text);
    if let Some(superuser) = newest_postgres_url() {
        let reader = SqlReader::new(&superuser).unwrap();
        let sql = Some(SqlOptions {
            reader,
            writer: None,
            rows_max: 2,
            timeout: Duration::from_secs(20),
        });
        let http = HttpConfig { open_to: OpenTo::Everyone, ..HttpConfig::default() };
        let config = ServerConfig { http, sql, ..ServerConfig::default() };
        let service = Service::composed(config, Authorizer::open());
        let body = json!({ "statement": "SELECT pg_read_file('/etc/passwd')" }).to_string();
        let reply = service.ask_with(Method::POST, "/api/v1/sql/run", &JSON, &body).await;
        reply.is_problem(403, "sql_role");
        assert!(reply.json()["hint"].as_str().unwrap().contains("pg_read_all_data"));
    }
}
