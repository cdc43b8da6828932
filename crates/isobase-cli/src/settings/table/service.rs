//! The service itself: where it listens, who may do what, where its data is.

use isobase_server::HttpConfig;

use super::super::{
    kinds::{Choice, List, LogFilter, Switch, Text, WebAddress, Whole},
    log_format::LogFormat,
    setting::{Optional, Setting},
};

super::settings! {
    static HOST: Setting<String> = Setting::new(
        "host",
        &Text::ANY,
        || "127.0.0.1".to_owned(),
        "Address to listen on. Any other than a loopback address needs keys, or `open`.",
    )
    .variables(&["HOST"])
    .flag();

    static PORT: Setting<u16> = Setting::new(
        "port",
        &Whole::between(0, 65_535),
        || 8002,
        "Port to listen on. 0 takes a free one and prints it.",
    )
    .variables(&["PORT", "MARKPACT_PORT"])
    .flag();

    static OPEN: Setting<bool> = Setting::new(
        "open",
        &Switch,
        || false,
        "Let everybody who reaches the address read and write, also beyond this machine.",
    )
    .flag();

    static INTERNAL_API_KEY: Optional<String> = Setting::optional(
        "internal_api_key",
        &Text::SECRET,
        "A key with all rights, for the application behind the service. Without it and without \
         named keys the service is open and listens on this machine only.",
    )
    .variables(&["INTERNAL_API_KEY"]);

    static SECRET: Optional<String> = Setting::optional(
        "secret",
        &Text::SECRET,
        "Seals secrets in the database that must be readable: at least 16 bytes, such as \
         `openssl rand -hex 32` prints. A copy of the database needs it on the other side. Unset: \
         the first line of the file `secret` in the data folder, which is made when it is first needed.",
    );

    static CORS_ORIGINS: Setting<Vec<String>> = Setting::new(
        "cors_origins",
        &List::ORIGINS,
        || HttpConfig::default().cors_origins,
        "Origins whose pages may use the service: `https://app.example.com`, or `*` for all. Empty: in \
         open mode pages of this machine, with `open` all pages; with keys none.",
    )
    .changeable();

    static ALLOWED_HOSTS: Setting<Vec<String>> = Setting::new(
        "allowed_hosts",
        &List::HOSTS,
        || HttpConfig::default().allowed_hosts,
        "Names by which the service answers requests without a key or a session, beside `localhost` \
         and addresses of this machine: `app.test`, `*.lvh.me`. Where such requests are let in because \
         only this machine reaches the service, other names are refused: a page of elsewhere can make \
         its own name lead to this machine. The host of `public_url` is one of them.",
    )
    .changeable();

    static PUBLIC_URL: Optional<String> = Setting::optional(
        "public_url",
        &WebAddress,
        "Scheme and authority clients use, for absolute links behind a proxy: \
         `https://db.example.com`. Unset: links are relative.",
    )
    .changeable();

    static TRUSTED_PROXIES: Setting<Vec<String>> = Setting::new(
        "trusted_proxies",
        &List::NETWORKS,
        Vec::new,
        "Proxies in front of the service: `127.0.0.1`, `10.0.0.0/8`. Their `X-Forwarded-For` says which \
         address asks, which bounds on guessing and the records of licences use. The proxy must set or \
         append that header. Empty: the address of the connection asks.",
    )
    .changeable();

    static ADMIN_ADDRESSES: Setting<Vec<String>> = Setting::new(
        "admin_addresses",
        &List::NETWORKS,
        Vec::new,
        "From where those who work on the service are let in, on the admin site and elsewhere: \
         `192.0.2.7`, `10.0.0.0/8`. It concerns accounts with a role other than `user`, `internal_api_key` \
         and named keys with the scope `admin`, which are refused from other addresses \
         (`address_not_allowed`). Empty: from anywhere. Behind a proxy set `trusted_proxies`, too. On the \
         screen of settings nobody can shut themselves out.",
    )
    .changeable();

    static DATA: Setting<String> = Setting::new(
        "data",
        &Text::FOLDER,
        || "data".to_owned(),
        "Folder for everything the service stores itself: unless another database is set, the records \
         in `isobase.db`. Relative to the app folder, in \
         `isobase.toml` to the file, in a variable or flag to the current folder.",
    )
    .variables(&["DB_PATH"])
    .flag();

    static RECORDS_URL: Optional<String> = Setting::optional(
        "records_url",
        &Text::DATABASE,
        "Database of the records. Unset: decided by `database_provider`, else by `database_url`, \
         else the file `isobase.db` in the data folder.",
    )
    .variables(&["RECORDS_URL"]);

    static DATABASE_PROVIDER: Optional<String> = Setting::optional(
        "database_provider",
        &Text::ANY,
        "Engine of the records when `records_url` is unset: `memory`, `sqlite`, `postgres` (which \
         needs `database_url`), `couchdb`, `firestore` or `dynamodb` (whose settings are below). \
         Capital letters do not matter.",
    )
    .variables(&["DATABASE_PROVIDER"]);

    static DATABASE_URL: Optional<String> = Setting::optional(
        "database_url",
        &Text::DATABASE,
        "SQL database: `sqlite://path` or `postgres://user:password@host/database`.",
    )
    .variables(&["DATABASE_URL"]);

    static LOG: Setting<String> = Setting::new(
        "log",
        &LogFilter,
        || "info".to_owned(),
        "Which levels are logged: a level, or levels by part: `warn,isobase_server=debug`.",
    )
    .variables(&["LOG_LEVEL"])
    .flag();

    static LOG_FORMAT: Setting<LogFormat> = Setting::new(
        "log_format",
        &Choice(&[
            ("auto", LogFormat::Auto),
            ("text", LogFormat::Text),
            ("json", LogFormat::Json),
        ]),
        || LogFormat::Auto,
        "How it is logged, to standard error. `auto`: text on a terminal, JSON lines elsewhere.",
    );

    static PAGES_SINGLE_PAGE: Setting<bool> = Setting::new(
        "pages.single_page",
        &Switch,
        || false,
        "Show `index.html` at every path that has neither a route nor a file, to callers who take a \
         page: for apps whose script knows the paths.",
    )
    .changeable();
}
