//! The SQL screens of the admin site.

use std::time::Duration;

use super::super::{
    kinds::{Span, Text, Whole},
    setting::{Optional, Setting},
};

super::settings! {
    static SQL_URL: Optional<String> = Setting::optional(
        "sql.url",
        &Text::DATABASE,
        "A database of your own that owners look at in the admin site, with statements that only read: \
         `postgres://reader:password@host/database` or `sqlite://path`. A role of PostgreSQL that could \
         touch the files of its server is refused. Unset: there are no SQL screens.",
    );

    static SQL_WRITE_URL: Optional<String> = Setting::optional(
        "sql.write_url",
        &Text::DATABASE,
        "The database of `sql.url` under a role that may change it: owners then change rows, tables and \
         whatever else that role may, after they have typed the name of the database. The same URL serves \
         where one role does both. A role of PostgreSQL that could touch the files of its server, or make \
         roles, is refused. Unset: nothing is changed.",
    );

    static SQL_TIMEOUT: Setting<Duration> = Setting::new(
        "sql.timeout",
        &Span,
        || Duration::from_secs(25),
        "How long a statement of the SQL screens may run; at most two seconds less than \
         `deadlines.request`.",
    )
    .changeable();

    static SQL_ROWS_MAX: Setting<usize> = Setting::new(
        "sql.rows_max",
        &Whole::between(1, 10_000),
        || 1_000,
        "Most rows that the SQL screens show of a statement.",
    )
    .changeable();
}
