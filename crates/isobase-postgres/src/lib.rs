//! The connection layer of PostgreSQL: pool, deadlines, TLS.
