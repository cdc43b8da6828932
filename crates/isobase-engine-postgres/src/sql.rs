//! Every statement, once for each schema.

use isobase_postgres::{Sql, Type};

/// The statements of one schema. Made once: connections remember their prepared forms.
#[derive(Debug)]
pub(crate) struct Statements {
    // Reads.
    pub(crate) get: Sql,
    pub(crate) ids_forward: Sql,
    pub(crate) ids_backward: Sql,
    pub(crate) entries_forward: Sql,
    pub(crate) entries_backward: Sql,
    pub(crate) entries_forward_to_end: Sql,
    pub(crate) entries_backward_from_end: Sql,
    pub(crate) count_collection: Sql,
    pub(crate) count_entries: Sql,
    pub(crate) count_entries_to_end: Sql,
    pub(crate) collections: Sql,
    pub(crate) changes: Sql,
    pub(crate) changes_of: Sql,
    pub(crate) latest: Sql,
    pub(crate) check: Sql,

    // The catalogue.
    pub(crate) collection_ids: Sql,
    pub(crate) catalogue_version: Sql,
    pub(crate) indexes: Sql,

    // Writes.
    pub(crate) lock_clock: Sql,
    pub(crate) set_clock: Sql,
    pub(crate) current_rows: Sql,
    pub(crate) answers: Sql,
    pub(crate) expired_changes: Sql,
    pub(crate) add_collections: Sql,
    pub(crate) upsert_records: Sql,
    pub(crate) delete_records: Sql,
    pub(crate) add_changes: Sql,
    pub(crate) delete_entries: Sql,
    pub(crate) add_entries: Sql,
    pub(crate) count_documents: Sql,
    pub(crate) add_answers: Sql,
    pub(crate) trim_changes: Sql,
    pub(crate) trim_answers: Sql,

    // Writes to a whole collection, and indexes.
    pub(crate) delete_all_records: Sql,
    pub(crate) delete_all_entries: Sql,
    pub(crate) empty_collection: Sql,
    pub(crate) add_index: Sql,
    pub(crate) set_index_ready: Sql,
    pub(crate) drop_index: Sql,
    pub(crate) retire_indexes: Sql,
    pub(crate) delete_retired_entries: Sql,
    pub(crate) delete_retired_indexes: Sql,
}

/// The statements of reading and loading everything.
#[derive(Debug)]
pub(crate) struct TransferStatements {
    // Reads.
    pub(crate) clock: Sql,
    pub(crate) collections: Sql,
    pub(crate) part: Sql,
    pub(crate) note: Sql,

    // Loads.
    pub(crate) share_clock: Sql,
    pub(crate) claim_collection: Sql,
    pub(crate) copy_records: Sql,
    pub(crate) copy_entries: Sql,
    pub(crate) set_note: Sql,
    pub(crate) delete_note: Sql,
    pub(crate) largest_integers: Sql,
    pub(crate) delete_all_changes: Sql,
    pub(crate) analyze: String,
}

impl TransferStatements {
    /// The statements of a schema, whose name is quoted already.
    pub(crate) fn new(schema: &str) -> Self {
        let sql = |text: &str, types: &[Type]| Sql::new(text.replace("{s}", schema), types);
        Self {
            clock: sql("SELECT sequence, next_id FROM {s}.clock", &[]),
            collections: sql(
                "SELECT id, name, documents FROM {s}.collections WHERE documents > 0 ORDER BY name",
                &[],
            ),
            part: sql(
                &format!(
                    "SELECT id, {COLUMNS} FROM {{s}}.records \
                     WHERE collection = $1 AND id > $2 ORDER BY id LIMIT $3"
                ),
                &[Type::INT4, Type::BYTEA, Type::INT8],
            ),
            note: sql("SELECT note FROM {s}.unfinished", &[]),
            share_clock: sql("SELECT catalogue_version FROM {s}.clock FOR SHARE", &[]),
            claim_collection: sql(
                "INSERT INTO {s}.collections (name, documents) VALUES ($1, 0) \
                 ON CONFLICT (name) DO NOTHING",
                &[Type::TEXT],
            ),
            copy_records: sql(
                "COPY {s}.records (collection, id, revision, created_at, updated_at, body) \
                 FROM STDIN (FORMAT binary)",
                &[],
            ),
            copy_entries: sql(
                "COPY {s}.index_entries (\"index\", key, collection, id) \
                 FROM STDIN (FORMAT binary)",
                &[],
            ),
            set_note: sql(
                "INSERT INTO {s}.unfinished (note) VALUES ($1) \
                 ON CONFLICT (\"only\") DO UPDATE SET note = excluded.note",
                &[Type::TEXT],
            ),
            delete_note: sql("DELETE FROM {s}.unfinished", &[]),
            // The form of an id that is a string begins with 2, that of an integer with 1.
            largest_integers: sql(
                "SELECT r.id FROM {s}.collections AS c CROSS JOIN LATERAL (SELECT id \
                 FROM {s}.records AS r WHERE r.collection = c.id AND r.id < '\\x02' \
                 ORDER BY id DESC LIMIT 1) AS r ORDER BY r.id DESC LIMIT 1",
                &[],
            ),
            delete_all_changes: sql("TRUNCATE {s}.changes", &[]),
            analyze: "ANALYZE {s}.records, {s}.index_entries, {s}.collections, {s}.changes"
                .replace("{s}", schema),
        }
    }
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

/// Changes after a place, with the state of the feed: since, end of the window, limit, and the
/// collection if `of_one`. There is always a row. One statement, so that everything in it is of
/// one moment.
fn changes(schema: &str, of_one: bool) -> Sql {
    let (filter, types) = if of_one {
        let types = vec![Type::INT8, Type::INT8, Type::INT8, Type::TEXT];
        (format!("AND h.collection = (SELECT id FROM {schema}.collections WHERE name = $4)"), types)
    } else {
        (String::new(), vec![Type::INT8, Type::INT8, Type::INT8])
    };
    let text = format!(
        "SELECT k.sequence, k.changes_floor, h.sequence, c.name, h.id, h.kind, h.revision, h.at \
         FROM {schema}.clock AS k LEFT JOIN (SELECT * FROM {schema}.changes AS h \
         WHERE h.sequence > $1 AND h.sequence <= $2 {filter} ORDER BY h.sequence LIMIT $3) AS h \
         ON true LEFT JOIN {schema}.collections AS c ON c.id = h.collection ORDER BY h.sequence"
    );
    Sql::new(text, &types)
}

impl Statements {
    /// The statements of a schema, whose name is quoted already.
    #[expect(clippy::too_many_lines, reason = "a list")]
    pub(crate) fn new(schema: &str) -> Self {
        let sql = |text: &str, types: &[Type]| Sql::new(text.replace("{s}", schema), types);
        Self {
            get: sql(
                &format!("SELECT {COLUMNS} FROM {{s}}.records WHERE collection = $1 AND id = $2"),
                &[Type::INT4, Type::BYTEA],
            ),
            ids_forward: ids(schema, "ASC"),
            ids_backward: ids(schema, "DESC"),
            entries_forward: entries(schema, "ASC", false),
            entries_backward: entries(schema, "DESC", false),
            entries_forward_to_end: entries(schema, "ASC", true),
            entries_backward_from_end: entries(schema, "DESC", true),
            count_collection: sql(
                "SELECT documents FROM {s}.collections WHERE id = $1",
                &[Type::INT4],
            ),
            count_entries: sql(
                "SELECT count(*) FROM {s}.index_entries \
                 WHERE \"index\" = $1 AND key >= $2 AND key < $3",
                &[Type::INT4, Type::BYTEA, Type::BYTEA],
            ),
            count_entries_to_end: sql(
                "SELECT count(*) FROM {s}.index_entries WHERE \"index\" = $1 AND key >= $2",
                &[Type::INT4, Type::BYTEA],
            ),
            collections: sql(
                "SELECT name, documents FROM {s}.collections WHERE documents > 0 ORDER BY name",
                &[],
            ),
            changes: changes(schema, false),
            changes_of: changes(schema, true),
            latest: sql("SELECT sequence FROM {s}.clock", &[]),
            check: sql("SELECT NOT pg_is_in_recovery() FROM {s}.clock", &[]),
            collection_ids: sql(
                "SELECT id, name FROM {s}.collections WHERE name = ANY($1)",
                &[Type::TEXT_ARRAY],
            ),
            catalogue_version: sql("SELECT catalogue_version FROM {s}.clock", &[]),
            indexes: sql(
                "SELECT k.catalogue_version, i.id, i.collection, i.definition, i.state \
                 FROM {s}.clock AS k LEFT JOIN {s}.indexes AS i ON true ORDER BY i.id",
                &[],
            ),
            lock_clock: sql(
                "SELECT sequence, next_id, changes_floor, catalogue_version \
                 FROM {s}.clock FOR UPDATE",
                &[],
            ),
            set_clock: sql(
                "UPDATE {s}.clock SET sequence = $1, next_id = $2, changes_floor = $3, \
                 catalogue_version = $4",
                &[Type::INT8, Type::INT8, Type::INT8, Type::INT8],
            ),
            current_rows: sql(
                "SELECT k.n, r.* FROM unnest($1, $2, $3) WITH ORDINALITY \
                 AS k (collection, id, with_body, n) CROSS JOIN LATERAL (SELECT revision, \
                 created_at, updated_at, CASE WHEN k.with_body THEN body ELSE '' END \
                 FROM {s}.records AS r \
                 WHERE r.collection = k.collection AND r.id = k.id OFFSET 0) AS r",
                &[Type::INT4_ARRAY, Type::BYTEA_ARRAY, Type::BOOL_ARRAY],
            ),
            answers: sql(
                "SELECT key, fingerprint, outcomes FROM {s}.idempotency \
                 WHERE key = ANY($1) AND at >= $2",
                &[Type::BYTEA_ARRAY, Type::INT8],
            ),
            expired_changes: sql(
                "SELECT max(sequence) FROM (SELECT sequence, at FROM {s}.changes \
                 ORDER BY sequence LIMIT $2) AS oldest WHERE at < $1",
                &[Type::INT8, Type::INT8],
            ),
            add_collections: sql(
                "INSERT INTO {s}.collections (name, documents) SELECT name, 0 \
                 FROM unnest($1) AS n (name) RETURNING id, name",
                &[Type::TEXT_ARRAY],
            ),
            upsert_records: sql(
                "INSERT INTO {s}.records (collection, id, revision, created_at, updated_at, body) \
                 SELECT * FROM unnest($1, $2, $3, $4, $5, $6) \
                 ON CONFLICT (collection, id) DO UPDATE SET revision = excluded.revision, \
                 created_at = excluded.created_at, updated_at = excluded.updated_at, \
                 body = excluded.body",
                &[
                    Type::INT4_ARRAY,
                    Type::BYTEA_ARRAY,
                    Type::INT8_ARRAY,
                    Type::INT8_ARRAY,
                    Type::INT8_ARRAY,
                    Type::TEXT_ARRAY,
                ],
            ),
            delete_records: sql(
                "DELETE FROM {s}.records AS r USING unnest($1, $2) AS k (collection, id) \
                 WHERE r.collection = k.collection AND r.id = k.id",
                &[Type::INT4_ARRAY, Type::BYTEA_ARRAY],
            ),
            add_changes: sql(
                "INSERT INTO {s}.changes (sequence, collection, id, kind, revision, at) \
                 SELECT sequence, collection, id, kind, revision, $6 \
                 FROM unnest($1, $2, $3, $4, $5) AS h (sequence, collection, id, kind, revision)",
                &[
                    Type::INT8_ARRAY,
                    Type::INT4_ARRAY,
                    Type::BYTEA_ARRAY,
                    Type::INT2_ARRAY,
                    Type::INT8_ARRAY,
                    Type::INT8,
                ],
            ),
            delete_entries: sql(
                "DELETE FROM {s}.index_entries AS e USING unnest($1, $2) AS k (\"index\", key) \
                 WHERE e.\"index\" = k.\"index\" AND e.key = k.key",
                &[Type::INT4_ARRAY, Type::BYTEA_ARRAY],
            ),
            add_entries: sql(
                "INSERT INTO {s}.index_entries (\"index\", key, collection, id) \
                 SELECT * FROM unnest($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                &[Type::INT4_ARRAY, Type::BYTEA_ARRAY, Type::INT4_ARRAY, Type::BYTEA_ARRAY],
            ),
            count_documents: sql(
                "UPDATE {s}.collections AS c SET documents = c.documents + k.added \
                 FROM unnest($1, $2) AS k (id, added) WHERE c.id = k.id",
                &[Type::INT4_ARRAY, Type::INT8_ARRAY],
            ),
            add_answers: sql(
                "INSERT INTO {s}.idempotency (key, fingerprint, outcomes, at) \
                 SELECT key, fingerprint, outcomes, $4 \
                 FROM unnest($1, $2, $3) AS a (key, fingerprint, outcomes) \
                 ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, \
                 outcomes = excluded.outcomes, at = excluded.at",
                &[Type::BYTEA_ARRAY, Type::BYTEA_ARRAY, Type::TEXT_ARRAY, Type::INT8],
            ),
            trim_changes: sql("DELETE FROM {s}.changes WHERE sequence <= $1", &[Type::INT8]),
            trim_answers: sql(
                "DELETE FROM {s}.idempotency WHERE key IN (SELECT key FROM {s}.idempotency \
                 WHERE at < $1 ORDER BY at LIMIT $2)",
                &[Type::INT8, Type::INT8],
            ),
            delete_all_records: sql("DELETE FROM {s}.records WHERE collection = $1", &[Type::INT4]),
            delete_all_entries: sql(
                "DELETE FROM {s}.index_entries AS e USING {s}.indexes AS i \
                 WHERE i.collection = $1 AND e.\"index\" = i.id",
                &[Type::INT4],
            ),
            empty_collection: sql(
                "UPDATE {s}.collections SET documents = 0 WHERE id = $1",
                &[Type::INT4],
            ),
            add_index: sql(
                "INSERT INTO {s}.indexes (collection, definition, state) VALUES ($1, $2, 0) \
                 RETURNING id",
                &[Type::INT4, Type::TEXT],
            ),
            set_index_ready: sql("UPDATE {s}.indexes SET state = 1 WHERE id = $1", &[Type::INT4]),
            drop_index: sql(
                "UPDATE {s}.indexes SET state = 2, dropped_at = now() WHERE id = $1",
                &[Type::INT4],
            ),
            retire_indexes: sql(
                "UPDATE {s}.indexes SET state = 3 \
                 WHERE state = 2 AND dropped_at < now() - $1 * interval '1 second'",
                &[Type::FLOAT8],
            ),
            delete_retired_entries: sql(
                "DELETE FROM {s}.index_entries WHERE (\"index\", key) IN (SELECT e.\"index\", \
                 e.key FROM {s}.indexes AS i JOIN {s}.index_entries AS e ON e.\"index\" = i.id \
                 WHERE i.state = 3 LIMIT $1)",
                &[Type::INT8],
            ),
            delete_retired_indexes: sql("DELETE FROM {s}.indexes WHERE state = 3", &[]),
        }
    }

    /// The statements of a batch of writes, which are sent without waiting for each other and
    /// must therefore be prepared before.
    pub(crate) fn of_batches(&self) -> [&Sql; 17] {
        [
            &self.lock_clock,
            &self.set_clock,
            &self.collection_ids,
            &self.indexes,
            &self.current_rows,
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
