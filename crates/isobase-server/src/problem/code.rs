//! The closed list of problem codes.

use http::StatusCode;

/// When in a request's life a problem is found. Codes are grouped by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// While the bytes of the request are read.
    Transport,
    /// While the route is sought.
    Routing,
    /// While the caller is identified.
    Access,
    /// While the request is understood.
    Request,
    /// While the documents are read or written.
    Documents,
    /// While the service and its database do their work.
    Service,
}

impl Stage {
    /// Every stage, in the order of a request's life.
    pub(crate) const ALL: [Self; 6] = [
        Self::Transport,
        Self::Routing,
        Self::Access,
        Self::Request,
        Self::Documents,
        Self::Service,
    ];

    /// Its heading in the documentation.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Transport => "Reading the request",
            Self::Routing => "Finding the route",
            Self::Access => "Access",
            Self::Request => "Understanding the request",
            Self::Documents => "Documents",
            Self::Service => "The service and its database",
        }
    }
}

/// Declares the codes: variant, code on the wire, status, stage, title, what it means, what to do.
macro_rules! problem_codes {
    ($($variant:ident = $code:literal, $status:ident, $stage:ident, $title:literal,
        $meaning:literal, $remedy:literal;)+) => {
        /// What kind of problem. A code never changes its meaning and is never used again.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ProblemCode {
            $(#[doc = $title] $variant,)+
        }

        impl ProblemCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The code on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The status it is answered with.
            #[must_use]
            pub fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)+ }
            }

            /// When it is found.
            #[must_use]
            pub fn stage(self) -> Stage {
                match self { $(Self::$variant => Stage::$stage,)+ }
            }

            /// A few words, the same for every problem of this code.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }

            /// What it means.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }

            /// What a caller or operator can do about it.
            #[must_use]
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)+ }
            }
        }
    };
}

problem_codes! {
    MalformedRequest = "malformed_request", BAD_REQUEST, Transport, "Malformed request",
        "The head of the request is not valid HTTP/1.1: no Host or several, a path that is not valid percent-encoded UTF-8, or an unclear body length.",
        "Correct the client or the proxy in front of the service. The connection is closed.";
    UriTooLong = "uri_too_long", URI_TOO_LONG, Transport, "Request target too long",
        "The path and the query string together are longer than allowed.",
        "Shorten the filter or ask for fewer things at once.";
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, Transport, "Request body too large",
        "The body is, or is announced to be, larger than allowed. Nothing was stored.",
        "Send smaller documents, split the batch, or raise the limit in the configuration.";
    BodyTimeout = "body_timeout", REQUEST_TIMEOUT, Transport, "Request body too slow",
        "The body did not arrive in time. Nothing was stored.",
        "Send the request again on a better connection, or send less at once.";
    BodyMalformed = "body_malformed", BAD_REQUEST, Transport, "Request body broken off",
        "The body ended early or its chunks are not valid. Nothing was stored.",
        "Send the request again.";
    RouteNotFound = "route_not_found", NOT_FOUND, Routing, "Not found",
        "There is no route with this path.",
        "Look the path up in `/docs`.";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, Routing, "Method not allowed",
        "The path exists and does not have this method.",
        "Use one of the methods in the `Allow` header.";
    Unauthenticated = "unauthenticated", UNAUTHORIZED, Access, "Key required",
        "The request has no key, or the key is unknown or revoked.",
        "Send a key as `Authorization: Bearer <key>` or `X-API-Key: <key>`. Keys in the query string are not accepted.";
    Forbidden = "forbidden", FORBIDDEN, Access, "Not allowed",
        "The key is valid, and its scope does not allow this.",
        "Use a key with a wider scope.";
    OriginNotAllowed = "origin_not_allowed", FORBIDDEN, Access, "Origin not allowed",
        "A page of another origin tried to write, and the setting `cors_origins` does not name it. Nothing was stored.",
        "Add the origin to `cors_origins`, exactly as the browser sends it, without a slash at the end.";
    TooManyFailures = "too_many_failures", TOO_MANY_REQUESTS, Access, "Too many failed attempts",
        "Too many requests with wrong keys came from this address.",
        "Correct the key and wait as long as `Retry-After` says.";
    InvalidCollectionName = "invalid_collection_name", UNPROCESSABLE_ENTITY, Request, "Invalid collection name",
        "The name in the path cannot be the name of a collection.",
        "Use 1 to 128 bytes of UTF-8 without control characters, and neither `.` nor `..`.";
    InvalidId = "invalid_id", UNPROCESSABLE_ENTITY, Request, "Invalid id",
        "The id in the path cannot be the id of a document.",
        "Use 1 to 512 bytes of UTF-8 without NUL, not beginning with `_`, and neither `.` nor `..`.";
    ReservedId = "reserved_id", UNPROCESSABLE_ENTITY, Request, "Reserved id",
        "The id is the name of a route below every collection and cannot be written.",
        "Choose another id.";
    InvalidParameter = "invalid_parameter", UNPROCESSABLE_ENTITY, Request, "Invalid parameter",
        "One or more query parameters are refused; `errors` names each of them.",
        "Correct the named parameters.";
    InvalidHeader = "invalid_header", UNPROCESSABLE_ENTITY, Request, "Invalid header",
        "A request header has a value that cannot be understood; `errors` names it.",
        "Correct the named header.";
    InvalidJson = "invalid_json", UNPROCESSABLE_ENTITY, Request, "Invalid JSON",
        "The body is not JSON, or holds a value that cannot be kept exactly (duplicate keys, lone surrogates, NaN, nesting too deep). Nothing was stored.",
        "Correct the place that `errors` names.";
    NotAnObject = "not_an_object", UNPROCESSABLE_ENTITY, Request, "Not a JSON object",
        "The body is not a JSON object: another JSON value, or not sent as JSON. Nothing was stored.",
        "Send one JSON object with the type `application/json`.";
    InvalidBatch = "invalid_batch", UNPROCESSABLE_ENTITY, Request, "Invalid batch",
        "The body is not a batch, or `errors` names operations that cannot be understood. Nothing was stored.",
        "Correct the named operations and send the whole batch again.";
    InvalidSchema = "invalid_schema", UNPROCESSABLE_ENTITY, Request, "Invalid schema",
        "The body is not a JSON Schema that this service can use; `errors` names the place. Nothing was stored.",
        "Correct the named place. References lead only into the schema itself, and patterns have no look-around.";
    InvalidDataRecord = "invalid_data_record", UNPROCESSABLE_ENTITY, Request, "Invalid data record",
        "The body is not a value for the data store; `errors` names what is wrong. Nothing was stored.",
        "Send an object with `value` (any JSON) and, if you like, `metadata` (an object).";
    ConfirmationRequired = "confirmation_required", UNPROCESSABLE_ENTITY, Request, "Confirmation required",
        "The request would delete many documents and does not say that this is meant. Nothing was deleted.",
        "Repeat it with the parameter that `detail` names.";
    RecordNotFound = "record_not_found", NOT_FOUND, Documents, "Record not found",
        "The collection has no document with this id.",
        "Check the collection and the id.";
    IndexNotFound = "index_not_found", NOT_FOUND, Documents, "Index not found",
        "The collection has no index with these fields.",
        "List the collection's indexes; the fields and their directions must be the same.";
    SchemaNotFound = "schema_not_found", NOT_FOUND, Documents, "Schema not found",
        "The collection has no schema: its documents may be any JSON object.",
        "Check the name of the collection, or set a schema.";
    RevisionConflict = "revision_conflict", PRECONDITION_FAILED, Documents, "Revision conflict",
        "The document's revision does not meet `If-Match` or `If-None-Match`: someone else changed it, or it is gone. Nothing was stored.",
        "Read the document again, apply the change to what it is now, and send that with its new `ETag`.";
    AlreadyExists = "already_exists", PRECONDITION_FAILED, Documents, "Already exists",
        "The request asks to create only (`If-None-Match: *`), and there is a document with this id. Nothing was stored.",
        "Read the document, or choose another id.";
    DocumentUnholdable = "document_unholdable", UNPROCESSABLE_ENTITY, Documents, "Document cannot be stored",
        "The database cannot hold the document; `errors` names the place and the limit. Nothing was stored.",
        "Change the document, or use an engine with a higher limit.";
    SchemaViolation = "schema_violation", UNPROCESSABLE_ENTITY, Documents, "Schema violation",
        "The document, or what a patch would make of it, does not meet the schema of its collection; `errors` names the places. Nothing was stored.",
        "Change the named places. `GET /collections/{collection}/schema` shows what is asked.";
    SchemaDeclared = "schema_declared", CONFLICT, Documents, "Schema set by the configuration",
        "The schema of this collection comes from `isobase.toml` and cannot be changed through the service.",
        "Change the file and start the service again, or take the line out of the file first.";
    BatchRejected = "batch_rejected", CONFLICT, Documents, "Batch rejected",
        "An operation of an atomic batch was refused, so none was carried out; `errors` names it.",
        "Correct the named operation and send the whole batch again.";
    IdempotencyMismatch = "idempotency_mismatch", UNPROCESSABLE_ENTITY, Documents, "Idempotency key used for something else",
        "The `Idempotency-Key` came before with another request. Nothing was stored.",
        "Use a new key for a new request, and repeat a request unchanged.";
    LimitExceeded = "limit_exceeded", UNPROCESSABLE_ENTITY, Documents, "Limit exceeded",
        "The request would exceed a bound of the service, which `detail` names.",
        "Narrow the filter, declare an index, or ask for smaller parts.";
    InvalidArgument = "invalid_argument", UNPROCESSABLE_ENTITY, Documents, "Request refused",
        "The request cannot be carried out as it stands; `detail` says why. A cursor belongs to one collection and order, and a place in the change feed to one database.",
        "Correct the request; with a refused cursor start again without it.";
    ChangesGone = "changes_gone", GONE, Documents, "Changes no longer kept",
        "The changes after this place have been trimmed; `detail` names the oldest place.",
        "Read the collection as a whole, then follow the changes from now on.";
    Unsupported = "unsupported", NOT_IMPLEMENTED, Documents, "Not supported by the engine",
        "The engine of this service does not have the ability.",
        "Do without it, or move to an engine that has it.";
    DeadlineExceeded = "deadline_exceeded", SERVICE_UNAVAILABLE, Service, "Too slow",
        "The request took longer than allowed and was given up. Nothing was written.",
        "Try again after `Retry-After`; ask for less, or declare an index.";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, Service, "Database unavailable",
        "The database cannot be reached, is restarting, or has too much to do. Nothing was written.",
        "Send the same request again after `Retry-After`.";
    OutcomeUnknown = "outcome_unknown", SERVICE_UNAVAILABLE, Service, "Outcome unknown",
        "The write was under way when the connection to the database broke or the deadline passed: it may have happened.",
        "Read the document, or repeat a request that had an `Idempotency-Key`: it is carried out once.";
    NotReady = "not_ready", SERVICE_UNAVAILABLE, Service, "Not ready",
        "The service cannot read and write now.",
        "Wait; the log says why.";
    OutOfSpace = "out_of_space", INSUFFICIENT_STORAGE, Service, "No space left",
        "There is no room left where the documents are stored. Nothing was written; reading goes on.",
        "Make room, then send the request again.";
    Internal = "internal", INTERNAL_SERVER_ERROR, Service, "Internal error",
        "A mistake of the service, or a failure nobody foresaw.",
        "Give the operator the `request_id`: the log holds the cause.";
}
