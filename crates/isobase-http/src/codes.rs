//! The problem codes that any service has.

crate::problem_codes! { pub ALL:
    MALFORMED_REQUEST = "malformed_request", BAD_REQUEST, Transport, "Malformed request",
        "The head of the request is not valid HTTP/1.1: no Host or several, a path that is not valid percent-encoded UTF-8 or has a segment `.` or `..`, or an unclear body length.",
        "Correct the client or the proxy in front of the service. The connection is closed.";
    URI_TOO_LONG = "uri_too_long", URI_TOO_LONG, Transport, "Request target too long",
        "The path and the query string together are longer than allowed.",
        "Shorten the filter or ask for fewer things at once.";
    BODY_TOO_LARGE = "body_too_large", PAYLOAD_TOO_LARGE, Transport, "Request body too large",
        "The body is, or is announced to be, larger than allowed. Nothing was stored.",
        "Send smaller documents, split the batch, or raise the limit in the configuration.";
    UNSUPPORTED_ENCODING = "unsupported_encoding", UNSUPPORTED_MEDIA_TYPE, Transport, "Encoding not supported",
        "The body is encoded (`Content-Encoding`) in a way that the service does not decode. Nothing was stored.",
        "Send it plain, or encoded with gzip or zstd.";
    BODY_TIMEOUT = "body_timeout", REQUEST_TIMEOUT, Transport, "Request body too slow",
        "The body did not arrive in time. Nothing was stored.",
        "Send the request again on a better connection, or send less at once.";
    BODY_MALFORMED = "body_malformed", BAD_REQUEST, Transport, "Request body broken off",
        "The body ended early or its chunks are not valid. Nothing was stored.",
        "Send the request again.";
    ROUTE_NOT_FOUND = "route_not_found", NOT_FOUND, Routing, "Not found",
        "There is no route with this path.",
        "Look the path up in `/docs`.";
    METHOD_NOT_ALLOWED = "method_not_allowed", METHOD_NOT_ALLOWED, Routing, "Method not allowed",
        "The path exists and does not have this method.",
        "Use one of the methods in the `Allow` header.";
    UNAUTHENTICATED = "unauthenticated", UNAUTHORIZED, Access, "Key required",
        "The request has no key, or the key is unknown or revoked.",
        "Send a key as `Authorization: Bearer <key>` or `X-API-Key: <key>`. Keys in the query string are not accepted.";
    FORBIDDEN = "forbidden", FORBIDDEN, Access, "Not allowed",
        "The key is valid, and its scope does not allow this.",
        "Use a key with a wider scope.";
    ORIGIN_NOT_ALLOWED = "origin_not_allowed", FORBIDDEN, Access, "Origin not allowed",
        "A page of another origin tried to write, and the setting `cors_origins` does not name it. Nothing was stored.",
        "Add the origin to `cors_origins`, exactly as the browser sends it, without a slash at the end.";
    HOST_NOT_ALLOWED = "host_not_allowed", FORBIDDEN, Access, "Host not allowed",
        "The request shows no key and no session, the service lets such requests in because only this machine reaches it, and it was asked by a name that is not one of this machine. Nothing was stored.",
        "Ask by `localhost`, add the name to `allowed_hosts`, or set `public_url`.";
    TOO_MANY_FAILURES = "too_many_failures", TOO_MANY_REQUESTS, Access, "Too many failed attempts",
        "Too many requests with wrong keys came from this address.",
        "Correct the key and wait as long as `Retry-After` says.";
    RESERVED_ID = "reserved_id", UNPROCESSABLE_ENTITY, Request, "Reserved id",
        "The id is the name of a route below every collection and cannot be written.",
        "Choose another id.";
    INVALID_PARAMETER = "invalid_parameter", UNPROCESSABLE_ENTITY, Request, "Invalid parameter",
        "One or more query parameters are refused; `errors` names each of them.",
        "Correct the named parameters.";
    INVALID_HEADER = "invalid_header", UNPROCESSABLE_ENTITY, Request, "Invalid header",
        "A request header has a value that cannot be understood; `errors` names it.",
        "Correct the named header.";
    DEADLINE_EXCEEDED = "deadline_exceeded", SERVICE_UNAVAILABLE, Service, "Too slow",
        "The request took longer than allowed and was given up. Nothing was written.",
        "Try again after `Retry-After`; ask for less, or declare an index.";
    UNAVAILABLE = "unavailable", SERVICE_UNAVAILABLE, Service, "Database unavailable",
        "The database cannot be reached, is restarting, or has too much to do. Nothing was written.",
        "Send the same request again after `Retry-After`.";
    OUTCOME_UNKNOWN = "outcome_unknown", SERVICE_UNAVAILABLE, Service, "Outcome unknown",
        "The write was under way when the connection to the database broke or the deadline passed: it may have happened.",
        "Read the document, or repeat a request that had an `Idempotency-Key`: it is carried out once.";
    NOT_READY = "not_ready", SERVICE_UNAVAILABLE, Service, "Not ready",
        "The service cannot read and write now.",
        "Wait; the log says why.";
    OUT_OF_SPACE = "out_of_space", INSUFFICIENT_STORAGE, Service, "No space left",
        "There is no room left where the documents are stored. Nothing was written; reading goes on.",
        "Make room, then send the request again.";
    INTERNAL = "internal", INTERNAL_SERVER_ERROR, Service, "Internal error",
        "A mistake of the service, or a failure nobody foresaw.",
        "Give the operator the `request_id`: the log holds the cause.";
}
