//! Every setting there is.
//!
//! Defaults that belong to the server, the store or an engine are repeated here as text, to be
//! read beside their setting; a test holds them equal.

use isobase_licences::AtLimit;

use super::setting::{Kind, Setting};

const COUNT: Kind = Kind::Integer { min: 1, max: u64::MAX };
const SMALL_COUNT: Kind = Kind::Integer { min: 1, max: 1_000_000 };

/// Those that can be changed by the API. Not among them: what says where the service is, which database
/// it has and who may do everything, which is taken only at a start; secrets, which are not kept where
/// they could be read; and bounds that the engine was opened with.
pub(crate) const CHANGEABLE: [&str; 40] = [
    "accounts.password_characters_min",
    "accounts.registration",
    "accounts.session_lifetime",
    "allowed_hosts",
    "audit.keep",
    "backups.every",
    "backups.keep",
    "cors_origins",
    "deadlines.body",
    "deadlines.body_idle",
    "deadlines.header",
    "deadlines.keep_alive",
    "deadlines.request",
    "deadlines.stop",
    "deadlines.stream_idle",
    "deadlines.write_idle",
    "events.ping",
    "licences.at_limit",
    "licences.installations_max",
    "licences.key_prefix",
    "limits.body_bytes",
    "limits.connections_max",
    "limits.header_bytes",
    "limits.page_size_max",
    "limits.stream_body_bytes",
    "limits.upload_bytes",
    "limits.uri_bytes",
    "mail.from",
    "pages.single_page",
    "public_url",
    "reconcile.every",
    "requests.body_characters",
    "requests.own",
    "requests.own_per_second",
    "requests.retention",
    "requests.search_budget",
    "sql.rows_max",
    "sql.timeout",
    "trusted_proxies",
    "uploads.types",
];

pub(crate) static HOST: Setting = Setting::new(
    "host",
    Kind::Text,
    "Address to listen on. Any other than a loopback address needs keys, or `open`.",
)
.default("127.0.0.1")
.variables(&["HOST"])
.flag("--host");

pub(crate) static PORT: Setting = Setting::new(
    "port",
    Kind::Integer { min: 0, max: 65_535 },
    "Port to listen on. 0 takes a free one and prints it.",
)
.default("8002")
.variables(&["PORT", "MARKPACT_PORT"])
.flag("--port");

pub(crate) static OPEN: Setting = Setting::new(
    "open",
    Kind::Bool,
    "Let everybody who reaches the address read and write, also beyond this machine.",
)
.default("false")
.flag("--open");

pub(crate) static INTERNAL_API_KEY: Setting = Setting::new(
    "internal_api_key",
    Kind::Secret,
    "A key with all rights, for the application behind the service. Without it and without \
     named keys the service is open and listens on this machine only.",
)
.variables(&["INTERNAL_API_KEY"]);

pub(crate) static SECRET: Setting = Setting::new(
    "secret",
    Kind::Secret,
    "Seals secrets in the database that must be readable: at least 16 bytes, such as \
     `openssl rand -hex 32` prints. A copy of the database needs it on the other side. Unset: \
     the first line of the file `secret` in the data folder, which is made when it is first needed.",
);

pub(crate) static OWNER_NAME: Setting = Setting::new(
    "owner.name",
    Kind::Text,
    "Name of the first owner, an account that may do everything. It is made at the start while \
     there is no owner; needs `owner.password`.",
);

pub(crate) static OWNER_PASSWORD: Setting = Setting::new(
    "owner.password",
    Kind::Secret,
    "Password of the first owner, at least 12 characters. Once there is an owner it is not looked \
     at any more.",
);

pub(crate) static OWNER_EMAIL: Setting =
    Setting::new("owner.email", Kind::Text, "E-mail address of the first owner.");

pub(crate) static ACCOUNTS_REGISTRATION: Setting = Setting::new(
    "accounts.registration",
    Kind::Choice(&["open", "closed"]),
    "Who may register: everyone, or no one, and then administrators make accounts.",
)
.default("open");

pub(crate) static ACCOUNTS_PASSWORD_CHARACTERS_MIN: Setting = Setting::new(
    "accounts.password_characters_min",
    Kind::Integer { min: 1, max: 100 },
    "Fewest characters of a password. Those of owners and admins have at least 12.",
)
.default("1");

pub(crate) static ACCOUNTS_SESSION_LIFETIME: Setting = Setting::new(
    "accounts.session_lifetime",
    Kind::Duration,
    "How long a session lasts after its beginning or its last renewal.",
)
.default("30d");

pub(crate) static MAIL_SMTP_URL: Setting = Setting::new(
    "mail.smtp_url",
    Kind::Secret,
    "Mail server for letters to people: `smtps://user:password@mail.example.com`, or \
     `smtp://…:587?tls=required`. Without one letters go to the log.",
);

pub(crate) static MAIL_FROM: Setting = Setting::new(
    "mail.from",
    Kind::Text,
    "Sender of letters: `My app <app@example.com>`. Needed with `mail.smtp_url`.",
);

pub(crate) static CORS_ORIGINS: Setting = Setting::new(
    "cors_origins",
    Kind::Origins,
    "Origins whose pages may use the service: `https://app.example.com`, or `*` for all. Empty: in \
     open mode pages of this machine, with `open` all pages; with keys none.",
)
.default("");

pub(crate) static ALLOWED_HOSTS: Setting = Setting::new(
    "allowed_hosts",
    Kind::Hosts,
    "Names by which the service answers in open mode beside `localhost` and addresses of this \
     machine: `app.test`, `*.lvh.me`. Other names are refused there, because a page of elsewhere \
     can make its own name lead to this machine. The host of `public_url` is one of them.",
)
.default("");

pub(crate) static TRUSTED_PROXIES: Setting = Setting::new(
    "trusted_proxies",
    Kind::Networks,
    "Proxies in front of the service: `127.0.0.1`, `10.0.0.0/8`. Their `X-Forwarded-For` says which \
     address asks, which bounds on guessing and the records of licences use. The proxy must set or \
     append that header. Empty: the address of the connection asks.",
)
.default("");

pub(crate) static PAGES_SINGLE_PAGE: Setting = Setting::new(
    "pages.single_page",
    Kind::Bool,
    "Show `index.html` at every path that has neither a route nor a file, to callers who take a \
     page: for apps whose script knows the paths.",
)
.default("false");

pub(crate) static PUBLIC_URL: Setting = Setting::new(
    "public_url",
    Kind::WebAddress,
    "Scheme and authority clients use, for absolute links behind a proxy: \
     `https://db.example.com`. Unset: links are relative.",
);

pub(crate) static DATA: Setting = Setting::new(
    "data",
    Kind::Folder,
    "Folder for everything the service stores itself: unless another database is set, the records \
     in `isobase.db`. Relative to the app folder, in \
     `isobase.toml` to the file, in a variable or flag to the current folder.",
)
.default("data")
.variables(&["DB_PATH"])
.flag("--data");

pub(crate) static RECORDS_URL: Setting = Setting::new(
    "records_url",
    Kind::Url,
    "Database of the records. Unset: decided by `database_provider`, else by `database_url`, \
     else the file `isobase.db` in the data folder.",
)
.variables(&["RECORDS_URL"]);

pub(crate) static DATABASE_PROVIDER: Setting = Setting::new(
    "database_provider",
    Kind::Text,
    "Engine of the records when `records_url` is unset: `memory`, `sqlite`, `postgres` (which \
     needs `database_url`), `couchdb`, `firestore` or `dynamodb` (whose settings are below). \
     Capital letters do not matter.",
)
.variables(&["DATABASE_PROVIDER"]);

pub(crate) static DATABASE_URL: Setting = Setting::new(
    "database_url",
    Kind::Url,
    "SQL database: `sqlite://path` or `postgres://user:password@host/database`.",
)
.variables(&["DATABASE_URL"]);

pub(crate) static COUCHDB_URL: Setting = Setting::new(
    "couchdb.url",
    Kind::Url,
    "Address of the CouchDB server, for the provider `couchdb`: `http://host:5984`, or \
     `https://host/path` behind a proxy; without a port those of HTTP. Needs `couchdb.user` and \
     `couchdb.password`.",
)
.variables(&["COUCHDB_URL"]);

pub(crate) static COUCHDB_USER: Setting =
    Setting::new("couchdb.user", Kind::Text, "User of the CouchDB server.")
        .variables(&["COUCHDB_USER"]);

pub(crate) static COUCHDB_PASSWORD: Setting =
    Setting::new("couchdb.password", Kind::Secret, "Password of that user.")
        .variables(&["COUCHDB_PASSWORD"]);

pub(crate) static FIRESTORE_PROJECT_ID: Setting = Setting::new(
    "firestore.project_id",
    Kind::Text,
    "Google Cloud project, for the provider `firestore`. Unset: the project of the credentials, \
     which are found as Google's own programs find them (`GOOGLE_APPLICATION_CREDENTIALS`).",
)
.variables(&["FIRESTORE_PROJECT_ID"]);

pub(crate) static DYNAMODB_REGION: Setting = Setting::new(
    "dynamodb.region",
    Kind::Text,
    "AWS region, for the provider `dynamodb`. Credentials are found as AWS's own programs find \
     them (`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, profiles, roles).",
)
.default(isobase::environment::DYNAMODB_REGION_DEFAULT)
.variables(&["DYNAMODB_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"]);

pub(crate) static DYNAMODB_ENDPOINT_URL: Setting = Setting::new(
    "dynamodb.endpoint_url",
    Kind::Url,
    "Address of another DynamoDB than that of the region, such as one on this machine: \
     `http://127.0.0.1:8000`.",
)
.variables(&["DYNAMODB_ENDPOINT_URL"]);

pub(crate) static LICENCES_LIMIT: Setting = Setting::new(
    "licences.installations_max",
    Kind::Integer { min: 0, max: 200 },
    "Most installations of an e-mail over all its licences that have no limit of their own.",
)
.default("2");

pub(crate) static LICENCES_AT_LIMIT: Setting = Setting::new(
    "licences.at_limit",
    Kind::Choice(&AtLimit::NAMES),
    "The answer to one installation more: it takes the place of the one that was not seen for \
     longest, is refused, or is let in up to `allow_n` of its licence.",
)
.default("replace_oldest");

pub(crate) static LICENCES_KEY_PREFIX: Setting = Setting::new(
    "licences.key_prefix",
    Kind::Text,
    "The beginning of new licence keys: 1 to 16 letters and digits. Keys that were made with another \
     prefix go on working, but have to be typed exactly as they are written.",
)
.default("LIC");

pub(crate) static LICENCES_SECRET: Setting = Setting::new(
    "licences.secret",
    Kind::Secret,
    "At least 32 bytes that only the operator knows, for licences alone: signs licence files, opens \
     keys that former versions sealed with it, and seals keys where `secret` is unset. Unset: \
     `secret`, or the file `secret` in the data folder, does all of that. `openssl rand -hex 32` \
     makes one.",
)
.variables(&["LICENSE_SECRET"]);

pub(crate) static LICENCES_SOURCE: Setting = Setting::new(
    "licences.source",
    Kind::Url,
    "Where `isobase license import` reads when no source is given: the SQLite file or the URL of \
     another license service. Relative as `data`.",
)
.default("data/licenses.db")
.variables(&["LICENSE_SOURCE_DB", "LICENSE_DB_PATH"]);

pub(crate) static REQUESTS_RETENTION: Setting =
    Setting::new("requests.retention", Kind::Duration, "How long the request log keeps an entry.")
        .default("30d");

pub(crate) static REQUESTS_BODY_CHARACTERS: Setting = Setting::new(
    "requests.body_characters",
    Kind::Integer { min: 0, max: 100_000 },
    "Characters that the request log keeps of a body; what is longer is cut and says so.",
)
.default("2000");

pub(crate) static REQUESTS_SEARCH_BUDGET: Setting = Setting::new(
    "requests.search_budget",
    Kind::Duration,
    "How long a search by text in the request log goes on before it says how far it has come.",
)
.default("500ms");

pub(crate) static REQUESTS_OWN: Setting = Setting::new(
    "requests.own",
    Kind::Choice(&["off", "failed", "all"]),
    "Which of its own requests the service logs, under the name `isobase`: those that failed (400 and \
     above), or all. Never bodies, headers or query strings, and no requests of the log itself, of \
     health checks and of the documentation.",
)
.default("off");

pub(crate) static REQUESTS_OWN_RATE: Setting = Setting::new(
    "requests.own_per_second",
    Kind::Integer { min: 1, max: 100_000 },
    "Most own requests of a second that succeeded, and most that failed. `/metrics` counts what was \
     left out.",
)
.default("100");

pub(crate) static BACKUPS_EVERY: Setting = Setting::new(
    "backups.every",
    Kind::Duration,
    "How long after the last good backup the service makes the next one, in the folder `backups` of \
     the data folder. 0: it makes none by itself.",
)
.default("0");

pub(crate) static BACKUPS_KEEP: Setting = Setting::new(
    "backups.keep",
    Kind::Integer { min: 1, max: 10_000 },
    "How many of the backups stay that the service makes by itself.",
)
.default("7");

pub(crate) static BACKUPS_FILES: Setting = Setting::new(
    "backups.files",
    Kind::Bool,
    "Whether the bytes of uploaded files are in backups, too. Each backup has all of them.",
)
.default("true");

pub(crate) static BACKUPS_PASSPHRASE: Setting = Setting::new(
    "backups.passphrase",
    Kind::Secret,
    "Encrypts the backups that are made from now on, in the format of age. Without it nobody reads \
     them again, so keep it elsewhere. Backups that are not encrypted are read as before.",
);

pub(crate) static AUDIT_KEEP: Setting = Setting::new(
    "audit.keep",
    Kind::Duration,
    "How long entries of the audit stay. Older ones are deleted from the beginning of its chain, which \
     notes where it begins then. 0: they stay for ever.",
)
.default("0");

pub(crate) static WEBHOOKS_PRIVATE: Setting = Setting::new(
    "webhooks.private",
    Kind::Bool,
    "Whether webhooks may lead to addresses of this machine, of private networks and of links, and be \
     reached by http. Anyone who makes a webhook can send requests there.",
)
.default("false");

pub(crate) static SQL_URL: Setting = Setting::new(
    "sql.url",
    Kind::Url,
    "A database of your own that owners look at in the admin site, with statements that only read: \
     `postgres://reader:password@host/database` or `sqlite://path`. A role of PostgreSQL that could \
     touch the files of its server is refused. Unset: there are no SQL screens.",
);

pub(crate) static SQL_WRITE_URL: Setting = Setting::new(
    "sql.write_url",
    Kind::Url,
    "The database of `sql.url` under a role that may change it: owners then change rows, tables and \
     whatever else that role may, after they have typed the name of the database. The same URL serves \
     where one role does both. A role of PostgreSQL that could touch the files of its server, or make \
     roles, is refused. Unset: nothing is changed.",
);

pub(crate) static SQL_TIMEOUT: Setting = Setting::new(
    "sql.timeout",
    Kind::Duration,
    "How long a statement of the SQL screens may run; at most two seconds less than \
     `deadlines.request`.",
)
.default("25s");

pub(crate) static SQL_ROWS_MAX: Setting = Setting::new(
    "sql.rows_max",
    Kind::Integer { min: 1, max: 10_000 },
    "Most rows that the SQL screens show of a statement.",
)
.default("1000");

/// The settings that name the database of the records, under the names of their variables.
pub(crate) static DATABASE_SETTINGS: &[&Setting] = &[
    &RECORDS_URL,
    &DATABASE_PROVIDER,
    &DATABASE_URL,
    &COUCHDB_URL,
    &COUCHDB_USER,
    &COUCHDB_PASSWORD,
    &FIRESTORE_PROJECT_ID,
    &DYNAMODB_REGION,
    &DYNAMODB_ENDPOINT_URL,
];

pub(crate) static LOG: Setting = Setting::new(
    "log",
    Kind::LogFilter,
    "Which levels are logged: a level, or levels by part: `warn,isobase_server=debug`.",
)
.default("info")
.variables(&["LOG_LEVEL"])
.flag("--log");

pub(crate) static LOG_FORMAT: Setting = Setting::new(
    "log_format",
    Kind::Choice(&["auto", "text", "json"]),
    "How it is logged, to standard error. `auto`: text on a terminal, JSON lines elsewhere.",
)
.default("auto");

pub(crate) static BODY_BYTES: Setting =
    Setting::new("limits.body_bytes", Kind::Size, "Largest request body.").default("8MiB");

pub(crate) static STREAM_BODY_BYTES: Setting = Setting::new(
    "limits.stream_body_bytes",
    Kind::Size,
    "Largest request body that is read line by line (newline-delimited JSON).",
)
.default("1GiB");

pub(crate) static PAGE_SIZE_MAX: Setting = Setting::new(
    "limits.page_size_max",
    Kind::Integer { min: 1, max: 100_000 },
    "Largest `limit` of a listing.",
)
.default("1000");

pub(crate) static PAGE_BYTES: Setting = Setting::new(
    "limits.page_bytes",
    Kind::Size,
    "Most bytes of documents in one page; a page with more ends early and has a next one.",
)
.default("16MiB");

pub(crate) static SCAN_MAX: Setting = Setting::new(
    "limits.scan_max",
    COUNT,
    "Most documents a listing or count may examine. A count or a sorted listing that needs more \
     is refused and told which index would help; a page in the order of ids or of an index ends \
     early, perhaps without a document, and has a next one. Memory has no such bound.",
)
.default("1000000");

pub(crate) static BATCH_OPERATIONS_MAX: Setting =
    Setting::new("limits.batch_operations_max", SMALL_COUNT, "Most operations in one batch.")
        .default("10000");

pub(crate) static CHANGES_PAGE_MAX: Setting =
    Setting::new("limits.changes_page_max", SMALL_COUNT, "Most changes in one page of the feed.")
        .default("1000");

pub(crate) static CONNECTIONS_MAX: Setting =
    Setting::new("limits.connections_max", SMALL_COUNT, "Most connections at a time.")
        .default("1024");

pub(crate) static HEADER_BYTES: Setting =
    Setting::new("limits.header_bytes", Kind::Size, "Largest head of a request.").default("32KiB");

pub(crate) static URI_BYTES: Setting =
    Setting::new("limits.uri_bytes", Kind::Size, "Longest target of a request.").default("8KiB");

pub(crate) static HEADER_DEADLINE: Setting = Setting::new(
    "deadlines.header",
    Kind::Duration,
    "Longest time from the first byte of a request to the last of its head.",
)
.default("10s");

pub(crate) static BODY_IDLE_DEADLINE: Setting = Setting::new(
    "deadlines.body_idle",
    Kind::Duration,
    "Longest silence while a request body is awaited.",
)
.default("10s");

pub(crate) static BODY_DEADLINE: Setting =
    Setting::new("deadlines.body", Kind::Duration, "Longest time for a whole request body.")
        .default("20s");

pub(crate) static STREAM_IDLE_DEADLINE: Setting = Setting::new(
    "deadlines.stream_idle",
    Kind::Duration,
    "Longest time between two parts of a streamed answer.",
)
.default("1m");

pub(crate) static KEEP_ALIVE_DEADLINE: Setting = Setting::new(
    "deadlines.keep_alive",
    Kind::Duration,
    "Longest time a connection stays open between two requests.",
)
.default("1m");

pub(crate) static WRITE_IDLE_DEADLINE: Setting = Setting::new(
    "deadlines.write_idle",
    Kind::Duration,
    "Longest time a client may take no byte of its answer.",
)
.default("15s");

pub(crate) static REQUEST_DEADLINE: Setting =
    Setting::new("deadlines.request", Kind::Duration, "Longest time until an answer begins.")
        .default("30s");

pub(crate) static DATABASE_DEADLINE: Setting = Setting::new(
    "deadlines.database",
    Kind::Duration,
    "Longest time one call to CouchDB, DynamoDB or Firestore takes, all its repetitions together.",
)
.default("10s");

pub(crate) static STOP_DEADLINE: Setting = Setting::new(
    "deadlines.stop",
    Kind::Duration,
    "How long requests may go on after the service was told to stop. Supervisors often kill \
     after 10 s; the rest is for closing the database.",
)
.default("8s");

pub(crate) static CHANGES_KEEP_FOR: Setting = Setting::new(
    "changes.keep_for",
    Kind::Duration,
    "How long changes stay in the change feed. The memory engine has no such limit.",
)
.default("7d");

pub(crate) static CHANGES_KEEP_COUNT: Setting = Setting::new(
    "changes.keep_count",
    COUNT,
    "Most changes kept; older ones leave the feed early. The memory engine keeps at most \
     1,000,000.",
)
.default("5000000");

pub(crate) static CHANGES_BODIES_OF: Setting = Setting::new(
    "changes.bodies_of",
    Kind::Collections,
    "Collections whose changes keep the document as each write left it, for \
     `GET /changes?include=body`. Such a write stores the document twice. A body that the database \
     cannot hold beside its document (390 kB on DynamoDB, 1 MB on CouchDB and Firestore) is left \
     out, and its change says so.",
)
.default("");

pub(crate) static UPLOAD_BYTES: Setting = Setting::new(
    "limits.upload_bytes",
    Kind::Size,
    "Largest file that can be uploaded. `limits.stream_body_bytes` bounds the whole request.",
)
.default("1GiB");

pub(crate) static UPLOADS_STORE: Setting = Setting::new(
    "uploads.store",
    Kind::Text,
    "Bucket of an S3 service that keeps uploads: `s3://bucket` or `s3://bucket/prefix`. Unset: the \
     folder `uploads` in the data folder, in which uploads on their way lie in any case. Credentials \
     are those of the usual variables (`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`) or of the \
     machine.",
);

pub(crate) static UPLOADS_ENDPOINT_URL: Setting = Setting::new(
    "uploads.endpoint_url",
    Kind::Text,
    "Address of another S3 service than that of AWS: `https://s3.example.com`. Unset: the variable \
     `AWS_ENDPOINT_URL`, else that of the region.",
);

pub(crate) static UPLOADS_REGION: Setting = Setting::new(
    "uploads.region",
    Kind::Text,
    "Region of the bucket. Unset: the variable `AWS_REGION`, else `us-east-1`.",
);

pub(crate) static UPLOADS_TYPES: Setting = Setting::new(
    "uploads.types",
    Kind::MediaTypes,
    "Types of files that are taken, as `image/*` and `application/pdf`: what the first bytes of a \
     file say, whatever its name is. Empty: all.",
)
.default("");

pub(crate) static UPLOADS_UNFINISHED_FOR: Setting = Setting::new(
    "uploads.unfinished_for",
    Kind::Duration,
    "How long an upload in several requests may rest before it is forgotten.",
)
.default("1d");

pub(crate) static UPLOADS_UNUSED_FOR: Setting = Setting::new(
    "uploads.unused_for",
    Kind::Duration,
    "How long a file stays that documents have named in a field of the type `file` and none does any \
     more.",
)
.default("1d");

pub(crate) static UPLOADS_UNFINISHED_MAX: Setting = Setting::new(
    "uploads.unfinished_max",
    Kind::Integer { min: 1, max: 100_000 },
    "Most uploads in several requests that an account or key may have begun and not ended.",
)
.default("200");

pub(crate) static EVENTS_PING: Setting = Setting::new(
    "events.ping",
    Kind::Duration,
    "A listener of `GET /api/events` that was told nothing for so long gets a `ping`. Clients and \
     proxies that end silent connections earlier need a shorter time: Python's httpx 5 s.",
)
.default("30s");

pub(crate) static IDEMPOTENCY_KEEP_FOR: Setting = Setting::new(
    "idempotency.keep_for",
    Kind::Duration,
    "How long an `Idempotency-Key` is remembered. An import that was cut off can be finished \
     without duplicates within this time.",
)
.default("1d");

pub(crate) static RECONCILE_EVERY: Setting = Setting::new(
    "reconcile.every",
    Kind::Duration,
    "How often the service looks by itself for what other programs wrote into CouchDB, DynamoDB or \
     Firestore, as `isobase reconcile` does. On CouchDB it reads what was written since the last time, \
     on DynamoDB and Firestore every document of every collection. `0` never.",
)
.default("0");

pub(crate) static SQLITE_SYNCHRONOUS: Setting = Setting::new(
    "sqlite.synchronous",
    Kind::Choice(&["full", "normal"]),
    "`full`: an answered write survives a power cut. `normal`: a power cut may lose the last \
     ones; the file stays sound.",
)
.default("full");

pub(crate) static SQLITE_CACHE: Setting =
    Setting::new("sqlite.cache", Kind::Size, "Page cache of each connection.").default("16MiB");

pub(crate) static POSTGRES_POOL_SIZE: Setting = Setting::new(
    "postgres.pool_size",
    Kind::Integer { min: 1, max: 1_000 },
    "Most read connections to PostgreSQL. Unset: `pool_size` of the URL, else 8.",
);

pub(crate) static POSTGRES_PGBOUNCER: Setting = Setting::new(
    "postgres.pgbouncer",
    Kind::Bool,
    "PostgreSQL is reached through PgBouncer in transaction mode, as `pgbouncer=transaction` in \
     the URL says too.",
)
.default("false");

/// In the order of the documentation.
pub(crate) static SETTINGS: &[&Setting] = &[
    &HOST,
    &PORT,
    &OPEN,
    &INTERNAL_API_KEY,
    &SECRET,
    &CORS_ORIGINS,
    &ALLOWED_HOSTS,
    &PUBLIC_URL,
    &TRUSTED_PROXIES,
    &PAGES_SINGLE_PAGE,
    &DATA,
    &RECORDS_URL,
    &DATABASE_PROVIDER,
    &DATABASE_URL,
    &LOG,
    &LOG_FORMAT,
    &OWNER_NAME,
    &OWNER_PASSWORD,
    &OWNER_EMAIL,
    &ACCOUNTS_REGISTRATION,
    &ACCOUNTS_PASSWORD_CHARACTERS_MIN,
    &ACCOUNTS_SESSION_LIFETIME,
    &MAIL_SMTP_URL,
    &MAIL_FROM,
    &BODY_BYTES,
    &STREAM_BODY_BYTES,
    &PAGE_SIZE_MAX,
    &PAGE_BYTES,
    &SCAN_MAX,
    &BATCH_OPERATIONS_MAX,
    &CHANGES_PAGE_MAX,
    &CONNECTIONS_MAX,
    &HEADER_BYTES,
    &URI_BYTES,
    &HEADER_DEADLINE,
    &BODY_IDLE_DEADLINE,
    &BODY_DEADLINE,
    &KEEP_ALIVE_DEADLINE,
    &WRITE_IDLE_DEADLINE,
    &REQUEST_DEADLINE,
    &STREAM_IDLE_DEADLINE,
    &DATABASE_DEADLINE,
    &STOP_DEADLINE,
    &CHANGES_KEEP_FOR,
    &CHANGES_KEEP_COUNT,
    &CHANGES_BODIES_OF,
    &UPLOAD_BYTES,
    &UPLOADS_STORE,
    &UPLOADS_ENDPOINT_URL,
    &UPLOADS_REGION,
    &UPLOADS_UNUSED_FOR,
    &UPLOADS_TYPES,
    &UPLOADS_UNFINISHED_FOR,
    &UPLOADS_UNFINISHED_MAX,
    &EVENTS_PING,
    &IDEMPOTENCY_KEEP_FOR,
    &RECONCILE_EVERY,
    &SQLITE_SYNCHRONOUS,
    &SQLITE_CACHE,
    &POSTGRES_POOL_SIZE,
    &POSTGRES_PGBOUNCER,
    &COUCHDB_URL,
    &COUCHDB_USER,
    &COUCHDB_PASSWORD,
    &FIRESTORE_PROJECT_ID,
    &DYNAMODB_REGION,
    &DYNAMODB_ENDPOINT_URL,
    &LICENCES_LIMIT,
    &LICENCES_AT_LIMIT,
    &LICENCES_KEY_PREFIX,
    &LICENCES_SECRET,
    &LICENCES_SOURCE,
    &REQUESTS_RETENTION,
    &REQUESTS_BODY_CHARACTERS,
    &REQUESTS_SEARCH_BUDGET,
    &REQUESTS_OWN,
    &REQUESTS_OWN_RATE,
    &BACKUPS_EVERY,
    &BACKUPS_KEEP,
    &BACKUPS_FILES,
    &BACKUPS_PASSPHRASE,
    &AUDIT_KEEP,
    &WEBHOOKS_PRIVATE,
    &SQL_URL,
    &SQL_WRITE_URL,
    &SQL_TIMEOUT,
    &SQL_ROWS_MAX,
];

/// The setting at a place in the file.
pub(crate) fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().copied().find(|setting| setting.key == key)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_default_is_a_value() {
        for setting in SETTINGS {
            if let Some(text) = setting.default {
                let value = setting.parse(text).unwrap_or_else(|_| panic!("{}", setting.key));
                assert_eq!(setting.show(&value), text, "{}", setting.key);
            }
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names = HashSet::new();
        for setting in SETTINGS {
            assert!(names.insert(setting.key.to_owned()), "{}", setting.key);
            for variable in setting.all_variables() {
                assert!(names.insert(variable.clone()), "{variable}");
            }
        }
    }
}
