//! Every statement, once for each schema.

use isobase_postgres::{Sql, Type};

/// Declares statements once: the field, the types of its parameters, its text with `{s}` for the
/// schema. Those that are made of parts name the function that makes them.
macro_rules! statements {
    (
        $(#[$doc:meta])* $name:ident
        $($field:ident ($($type:ident),*) $text:expr;)*
        @made { $($made:ident = $make:ident($($part:expr),*);)* }
    ) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name {
            $(pub(crate) $field: Sql,)*
            $(pub(crate) $made: Sql,)*
        }

        impl $name {
            /// The statements of a schema, whose name is quoted already.
            pub(crate) fn new(schema: &str) -> Self {
                Self {
                    $($field: Sql::new($text.replace("{s}", schema), &[$(Type::$type),*]),)*
                    $($made: $make(schema, $($part),*),)*
                }
            }
        }
    };
}

statements! {
    /// The statements of one schema. Made once: connections remember their prepared forms.
    Statements

    // Reads.
    get (INT4, BYTEA)
        format!("SELECT {COLUMNS} FROM {{s}}.records WHERE collection = $1 AND id = $2");
    count_collection (INT4)
        "SELECT documents FROM {s}.collections WHERE id = $1";
    // Those that have expired are the first in the index by age.
    count_living (INT4, INT4, BYTEA)
        "SELECT c.documents - (SELECT count(*) FROM {s}.index_entries AS e \
         WHERE e.\"index\" = $2 AND e.key < $3) FROM {s}.collections AS c WHERE c.id = $1";
    count_entries (INT4, BYTEA, BYTEA)
        "SELECT count(*) FROM {s}.index_entries \
         WHERE \"index\" = $1 AND key >= $2 AND key < $3";
    count_entries_to_end (INT4, BYTEA)
        "SELECT count(*) FROM {s}.index_entries WHERE \"index\" = $1 AND key >= $2";
    collections ()
        "SELECT name, documents FROM {s}.collections WHERE documents > 0 ORDER BY name";
    latest ()
        "SELECT sequence FROM {s}.clock";
    // Held for as long as the session listens.
    share_channel (INT8)
        "SELECT pg_advisory_lock_shared($1)";
    check ()
        "SELECT NOT pg_is_in_recovery() FROM {s}.clock";

    // The catalogue.
    collection_ids (TEXT_ARRAY)
        "SELECT id, name FROM {s}.collections WHERE name = ANY($1)";
    catalogue_version ()
        "SELECT catalogue_version FROM {s}.clock";
    indexes ()
        "SELECT k.catalogue_version, i.id, i.collection, i.definition, i.state, \
         EXISTS (SELECT FROM {s}.unfinished), k.database, k.epoch FROM {s}.clock AS k LEFT JOIN {s}.indexes AS i ON true ORDER BY i.id";

    indexed_collections ()
        "SELECT name FROM {s}.collections AS c WHERE EXISTS (SELECT FROM {s}.indexes AS i \
         WHERE i.collection = c.id AND i.state IN (0, 1) AND i.definition <> 'age()') ORDER BY name";

    // Writes.
    lock_clock ()
        "SELECT sequence, next_id, changes_floor, catalogue_version \
         FROM {s}.clock FOR UPDATE";
    set_clock (INT8, INT8, INT8, INT8)
        "UPDATE {s}.clock SET sequence = $1, next_id = $2, changes_floor = $3, \
         catalogue_version = $4";
    // A caller that gets the lock for itself alone would tell no one.
    notify (INT8, TEXT, TEXT)
        "SELECT pg_notify($2, $3) WHERE NOT pg_try_advisory_xact_lock($1)";
    current_rows (INT4_ARRAY, BYTEA_ARRAY, BOOL_ARRAY)
        "SELECT k.n, r.* FROM unnest($1, $2, $3) WITH ORDINALITY \
         AS k (collection, id, with_body, n) CROSS JOIN LATERAL (SELECT revision, \
         created_at, updated_at, CASE WHEN k.with_body OR left(body, 6) = '{\"id\":' THEN body ELSE '' END \
         FROM {s}.records AS r \
         WHERE r.collection = k.collection AND r.id = k.id OFFSET 0) AS r";
    answers (BYTEA_ARRAY, INT8)
        "SELECT key, fingerprint, outcomes FROM {s}.idempotency \
         WHERE key = ANY($1) AND at >= $2";
    expired_changes (INT8, INT8)
        "SELECT max(sequence) FROM (SELECT sequence, at FROM {s}.changes \
         ORDER BY sequence LIMIT $2) AS oldest WHERE at < $1";
    add_collections (TEXT_ARRAY)
        "INSERT INTO {s}.collections (name, documents) SELECT name, 0 \
         FROM unnest($1) AS n (name) RETURNING id, name";
    upsert_records (INT4_ARRAY, BYTEA_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, TEXT_ARRAY)
        "INSERT INTO {s}.records (collection, id, revision, created_at, updated_at, body) \
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (collection, id) DO UPDATE SET revision = excluded.revision, \
         created_at = excluded.created_at, updated_at = excluded.updated_at, \
         body = excluded.body";
    delete_records (INT4_ARRAY, BYTEA_ARRAY)
        "DELETE FROM {s}.records AS r USING unnest($1, $2) AS k (collection, id) \
         WHERE r.collection = k.collection AND r.id = k.id";
    add_changes (INT8_ARRAY, INT4_ARRAY, BYTEA_ARRAY, INT2_ARRAY, INT8_ARRAY, INT8, TEXT_ARRAY,
        TEXT_ARRAY)
        "INSERT INTO {s}.changes (sequence, collection, id, kind, revision, at, former, body) \
         SELECT sequence, collection, id, kind, revision, $6, former, body \
         FROM unnest($1, $2, $3, $4, $5, $7, $8) \
         AS h (sequence, collection, id, kind, revision, former, body)";
    delete_entries (INT4_ARRAY, BYTEA_ARRAY)
        "DELETE FROM {s}.index_entries AS e USING unnest($1, $2) AS k (\"index\", key) \
         WHERE e.\"index\" = k.\"index\" AND e.key = k.key";
    add_entries (INT4_ARRAY, BYTEA_ARRAY, INT4_ARRAY, BYTEA_ARRAY)
        "INSERT INTO {s}.index_entries (\"index\", key, collection, id) \
         SELECT * FROM unnest($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    count_documents (INT4_ARRAY, INT8_ARRAY)
        "UPDATE {s}.collections AS c SET documents = c.documents + k.added \
         FROM unnest($1, $2) AS k (id, added) WHERE c.id = k.id";
    add_answers (BYTEA_ARRAY, BYTEA_ARRAY, TEXT_ARRAY, INT8)
        "INSERT INTO {s}.idempotency (key, fingerprint, outcomes, at) \
         SELECT key, fingerprint, outcomes, $4 \
         FROM unnest($1, $2, $3) AS a (key, fingerprint, outcomes) \
         ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, \
         outcomes = excluded.outcomes, at = excluded.at";
    trim_changes (INT8)
        "DELETE FROM {s}.changes WHERE sequence <= $1";
    trim_answers (INT8, INT8)
        "DELETE FROM {s}.idempotency WHERE key IN (SELECT key FROM {s}.idempotency \
         WHERE at < $1 ORDER BY at LIMIT $2)";

    // Unique values. No more documents than one have one, but while a load is unfinished.
    // One that was changed last at a cutoff, or before it, has expired; at 0 the time is unknown.
    holders (INT4_ARRAY, BYTEA_ARRAY, BYTEA_ARRAY, INT8_ARRAY)
        "SELECT k.n, e.id FROM unnest($1, $2, $3, $4) WITH ORDINALITY \
         AS k (\"index\", lower, upper, cutoff, n) CROSS JOIN LATERAL (SELECT id \
         FROM {s}.index_entries AS e WHERE e.\"index\" = k.\"index\" AND e.key >= k.lower \
         AND e.key < k.upper AND (k.cutoff = -9223372036854775808 OR EXISTS (SELECT \
         FROM {s}.records AS r WHERE r.collection = e.collection AND r.id = e.id \
         AND (r.updated_at > k.cutoff OR r.updated_at = 0))) ORDER BY e.key LIMIT 2) AS e";
    referrers (INT4, BYTEA, BYTEA, INT8, INT8)
        "SELECT e.id FROM {s}.index_entries AS e WHERE e.\"index\" = $1 AND e.key >= $2 \
         AND e.key < $3 AND ($5 = -9223372036854775808 OR EXISTS (SELECT \
         FROM {s}.records AS r WHERE r.collection = e.collection AND r.id = e.id \
         AND (r.updated_at > $5 OR r.updated_at = 0))) ORDER BY e.key LIMIT $4";
    referrer_bodies (INT4, BYTEA, BYTEA, INT8, INT8)
        "SELECT e.key, e.id, r.body FROM {s}.index_entries AS e JOIN {s}.records AS r \
         ON r.collection = e.collection AND r.id = e.id \
         WHERE e.\"index\" = $1 AND e.key >= $2 AND e.key < $3 \
         AND (r.updated_at > $5 OR r.updated_at = 0) ORDER BY e.key LIMIT $4";
    duplicates (INT4, INT4, INT8)
        "SELECT key, id FROM (SELECT key, id, count(*) OVER (PARTITION BY \
         substring(key FROM 1 FOR $2)) AS holders FROM {s}.index_entries \
         WHERE \"index\" = $1) AS e WHERE holders > 1 ORDER BY key LIMIT $3";

    // Writes to a whole collection, and indexes.
    delete_all_records (INT4)
        "DELETE FROM {s}.records WHERE collection = $1";
    delete_all_entries (INT4)
        "DELETE FROM {s}.index_entries AS e USING (SELECT id FROM {s}.indexes \
         WHERE collection = $1 UNION ALL SELECT -id FROM {s}.indexes WHERE collection = $1) AS i \
         WHERE e.\"index\" = i.id";
    empty_collection (INT4)
        "UPDATE {s}.collections SET documents = 0 WHERE id = $1";
    add_index (INT4, TEXT)
        "INSERT INTO {s}.indexes (collection, definition, state) VALUES ($1, $2, 0) \
         RETURNING id";
    set_index_ready (INT4)
        "UPDATE {s}.indexes SET state = 1 WHERE id = $1";
    drop_index (INT4)
        "UPDATE {s}.indexes SET state = 2, dropped_at = now() WHERE id = $1";
    retire_indexes (FLOAT8)
        "UPDATE {s}.indexes SET state = 3 \
         WHERE state = 2 AND dropped_at < now() - $1 * interval '1 second'";
    delete_retired_entries (INT8)
        "DELETE FROM {s}.index_entries WHERE (\"index\", key) IN (SELECT e.\"index\", \
         e.key FROM (SELECT id FROM {s}.indexes WHERE state = 3 UNION ALL \
         SELECT -id FROM {s}.indexes WHERE state = 3) AS i \
         JOIN {s}.index_entries AS e ON e.\"index\" = i.id LIMIT $1)";
    delete_retired_indexes ()
        "DELETE FROM {s}.indexes WHERE state = 3";

    @made {
        ids_forward = ids("ASC");
        ids_backward = ids("DESC");
        entries_forward = entries("ASC", false);
        entries_backward = entries("DESC", false);
        entries_forward_to_end = entries("ASC", true);
        entries_backward_from_end = entries("DESC", true);
        changes = changes(false);
        changes_of = changes(true);
    }
}

statements! {
    /// The statements of reading and loading everything.
    TransferStatements

    // Reads.
    clock ()
        "SELECT sequence, next_id FROM {s}.clock";
    collections ()
        "SELECT id, name, documents FROM {s}.collections WHERE documents > 0 ORDER BY name";
    part (INT4, BYTEA, INT8)
        format!("SELECT id, {COLUMNS} FROM {{s}}.records \
         WHERE collection = $1 AND id > $2 ORDER BY id LIMIT $3");
    note ()
        "SELECT note FROM {s}.unfinished";
    // Tables, views and the like, but those of extensions, and partitions. The schema is that of the
    // clock.
    relations ()
        "SELECT c.relname::text FROM pg_catalog.pg_class AS c \
         WHERE c.relnamespace = (SELECT n.relnamespace FROM {s}.clock AS k \
         JOIN pg_catalog.pg_class AS n ON n.oid = k.tableoid) \
         AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition \
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.objid = c.oid \
         AND d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'e') ORDER BY 1";
    declared_indexes ()
        "SELECT i.id, i.definition, c.name FROM {s}.indexes AS i \
         JOIN {s}.collections AS c ON c.id = i.collection WHERE i.state IN (0, 1) ORDER BY i.id";

    // Loads.
    share_clock ()
        "SELECT catalogue_version FROM {s}.clock FOR SHARE";
    move_catalogue ()
        "UPDATE {s}.clock SET catalogue_version = catalogue_version + 1";
    claim_collection (TEXT)
        "INSERT INTO {s}.collections (name, documents) VALUES ($1, 0) \
         ON CONFLICT (name) DO NOTHING";
    copy_records ()
        "COPY {s}.records (collection, id, revision, created_at, updated_at, body) \
         FROM STDIN (FORMAT binary)";
    copy_entries ()
        "COPY {s}.index_entries (\"index\", key, collection, id) \
         FROM STDIN (FORMAT binary)";
    set_note (TEXT)
        "INSERT INTO {s}.unfinished (note) VALUES ($1) \
         ON CONFLICT (\"only\") DO UPDATE SET note = excluded.note";
    begin_epoch (INT8)
        "UPDATE {s}.clock SET epoch = $1";
    delete_note ()
        "DELETE FROM {s}.unfinished";
    // The form of 2^53, the largest integer that is counted.
    largest_integers ()
        "SELECT r.id FROM {s}.collections AS c CROSS JOIN LATERAL (SELECT id \
         FROM {s}.records AS r WHERE r.collection = c.id AND r.id <= '\\x018020000000000000' \
         ORDER BY id DESC LIMIT 1) AS r ORDER BY r.id DESC LIMIT 1";
    delete_all_changes ()
        "TRUNCATE {s}.changes";

    @made {}
}

/// Brings the statistics of a schema up to date.
pub(crate) fn analyze(schema: &str) -> String {
    "ANALYZE {s}.records, {s}.index_entries, {s}.collections, {s}.changes".replace("{s}", schema)
}

const COLUMNS: &str = "revision, created_at, updated_at, body";

/// The first rows of a select, until their bodies have as many bytes as the parameter says. The
/// lengths come from the row headers, so large bodies after the cut are not even read.
fn cut_by_bytes(columns: &str, rows: &str, order: &str, bytes_parameter: &str) -> String {
    format!(
        "SELECT {columns} FROM (SELECT *, sum(octet_length(body)) \
         OVER (ORDER BY {order} ROWS UNBOUNDED PRECEDING) - octet_length(body) AS bytes_before \
         FROM ({rows}) AS r) AS r WHERE bytes_before < {bytes_parameter} ORDER BY {order}"
    )
}

/// Documents of a collection by id: collection, lower, upper (excluded), limit, bytes.
fn ids(schema: &str, direction: &str) -> Sql {
    let rows = format!(
        "SELECT id, {COLUMNS} FROM {schema}.records \
         WHERE collection = $1 AND id >= $2 AND id < $3 ORDER BY id {direction} LIMIT $4"
    );
    let text = cut_by_bytes(&format!("id, {COLUMNS}"), &rows, &format!("id {direction}"), "$5");
    Sql::new(text, &[Type::INT4, Type::BYTEA, Type::BYTEA, Type::INT8, Type::INT8])
}

/// Documents by index entries: index, lower, limit, bytes, and upper (excluded) unless `to_end`.
///
/// The lateral select with its offset keeps the planner from any plan but the one that walks
/// the index and looks each document up, whatever it believes about sizes.
fn entries(schema: &str, direction: &str, to_end: bool) -> Sql {
    let upper = if to_end { "" } else { "AND key < $5" };
    let rows = format!(
        "SELECT e.key, d.* FROM (SELECT key, collection, id FROM {schema}.index_entries \
         WHERE \"index\" = $1 AND key >= $2 {upper} ORDER BY key {direction} LIMIT $3) AS e \
         CROSS JOIN LATERAL (SELECT r.id, {COLUMNS} FROM {schema}.records AS r \
         WHERE r.collection = e.collection AND r.id = e.id OFFSET 0) AS d"
    );
    let columns = format!("key, id, {COLUMNS}");
    let text = cut_by_bytes(&columns, &rows, &format!("key {direction}"), "$4");
    let mut types = vec![Type::INT4, Type::BYTEA, Type::INT8, Type::INT8];
    types.extend((!to_end).then_some(Type::BYTEA));
    Sql::new(text, &types)
}

/// Changes after a place, with the state of the feed: since, end of the window, limit, whether with
/// bodies, and the collection if `of_one`. There is always a row. One statement, so that everything in it is of
/// one moment.
fn changes(schema: &str, of_one: bool) -> Sql {
    let (filter, types) = if of_one {
        let types = vec![Type::INT8, Type::INT8, Type::INT8, Type::BOOL, Type::TEXT];
        (format!("AND h.collection = (SELECT id FROM {schema}.collections WHERE name = $5)"), types)
    } else {
        (String::new(), vec![Type::INT8, Type::INT8, Type::INT8, Type::BOOL])
    };
    let text = format!(
        "SELECT k.sequence, k.changes_floor, h.sequence, c.name, h.id, h.kind, h.revision, h.at, \
         k.database, k.epoch, h.former, h.body IS NOT NULL, \
         CASE WHEN $4 THEN h.body END \
         FROM {schema}.clock AS k LEFT JOIN (SELECT * FROM {schema}.changes AS h \
         WHERE h.sequence > $1 AND h.sequence <= $2 {filter} ORDER BY h.sequence LIMIT $3) AS h \
         ON true LEFT JOIN {schema}.collections AS c ON c.id = h.collection ORDER BY h.sequence"
    );
    Sql::new(text, &types)
}

impl Statements {
    /// The statements of a batch of writes, which are sent without waiting for each other and
    /// must therefore be prepared before.
    pub(crate) fn of_batches(&self) -> [&Sql; 19] {
        [
            &self.lock_clock,
            &self.set_clock,
            &self.notify,
            &self.collection_ids,
            &self.indexes,
            &self.current_rows,
            &self.holders,
            &self.answers,
            &self.expired_changes,
            &self.add_collections,
            &self.upsert_records,
            &self.delete_records,
            &self.add_changes,
            &self.delete_entries,
            &self.add_entries,
            &self.count_documents,
            &self.add_answers,
            &self.trim_changes,
            &self.trim_answers,
        ]
    }
}
