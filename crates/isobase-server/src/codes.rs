//! The problem codes of the features, beside those that any service has.

pub(crate) use isobase_http::codes::*;

isobase_http::problem_codes! { pub(crate) ALL:
    INVALID_UPLOAD = "invalid_upload", UNPROCESSABLE_ENTITY, Request, "Invalid upload",
        "The body is no form with a file in the field `file`. Nothing was kept.",
        "Send `multipart/form-data` with one file in the field `file`, as a form or `FormData` does.";
    FILE_TOO_LARGE = "file_too_large", PAYLOAD_TOO_LARGE, Request, "File too large",
        "The file is larger than the service takes. Nothing was kept.",
        "Send a smaller file, or raise `limits.upload_bytes`.";
    FILE_TYPE_NOT_TAKEN = "file_type_not_taken", UNSUPPORTED_MEDIA_TYPE, Request, "File type not taken",
        "The first bytes of the file say that it is of a type that this service does not take. Nothing was kept.",
        "Send a file of another type, or add the type to `uploads.types`.";
    FILE_NOT_FOUND = "file_not_found", NOT_FOUND, Documents, "File not found",
        "There is no uploaded file of this name.",
        "Use the address that the upload was answered with.";
    INVALID_RESUMABLE_UPLOAD = "invalid_resumable_upload", BAD_REQUEST, Request, "Invalid resumable upload",
        "A header of the request is not what the protocol tus wants, or the parts of an upload cannot be joined. Nothing was kept.",
        "Correct the header that `errors` names.";
    UPLOAD_PROTOCOL = "upload_protocol", PRECONDITION_FAILED, Request, "Other version of the protocol",
        "The request does not say that it speaks tus 1.0.0.",
        "Send `Tus-Resumable: 1.0.0`.";
    UPLOAD_CONTENT_TYPE = "upload_content_type", UNSUPPORTED_MEDIA_TYPE, Request, "Not bytes of an upload",
        "The body is not sent as bytes of an upload. Nothing was kept.",
        "Send it as `application/offset+octet-stream`.";
    UPLOAD_NOT_FOUND = "upload_not_found", NOT_FOUND, Documents, "Upload not found",
        "There is no such upload, or its time is over.",
        "Begin a new one.";
    UPLOAD_OFFSET = "upload_offset", CONFLICT, Documents, "Upload is elsewhere",
        "The bytes do not begin where the upload ends. Nothing was kept.",
        "Go on at `Upload-Offset`, which `HEAD` tells too.";
    UPLOAD_BUSY = "upload_busy", LOCKED, Documents, "Upload is busy",
        "Another request works on the upload, or how far it is cannot be found out now.",
        "Come again after `Retry-After`, and go on with the same upload.";
    UPLOAD_ELSEWHERE = "upload_elsewhere", LOCKED, Documents, "Upload is elsewhere",
        "Several services share the database, and the bytes of this upload lie on the disk of another one.",
        "Send all requests of an upload to one service: let the balancer choose it by the address of the client or a cookie.";
    UPLOAD_TOO_LONG = "upload_too_long", PAYLOAD_TOO_LARGE, Documents, "More bytes than announced",
        "The request has more bytes than the upload was begun for. None of them were kept.",
        "Send as many as `Upload-Length` said.";
    UPLOAD_CHECKSUM = "upload_checksum", 460, Documents, "Checksum mismatch",
        "The bytes that came are not those that `Upload-Checksum` is of. None of them were kept.",
        "Send them again.";
    TOO_MANY_UPLOADS = "too_many_uploads", TOO_MANY_REQUESTS, Documents, "Too many uploads begun",
        "You have begun as many uploads as one may have begun and not ended.",
        "Finish or delete some; forgotten ones go by themselves.";
    PICTURE_TOO_LARGE = "picture_too_large", PAYLOAD_TOO_LARGE, Documents, "Picture too large",
        "The picture has more pixels or bytes than are made smaller.",
        "Ask for the file without `thumb`, or upload a smaller picture.";
    PICTURE_UNREADABLE = "picture_unreadable", UNPROCESSABLE_ENTITY, Documents, "Picture unreadable",
        "The file begins as a picture and cannot be read as one.",
        "Ask for the file without `thumb`.";
    INVALID_COLLECTION_NAME = "invalid_collection_name", UNPROCESSABLE_ENTITY, Request, "Invalid collection name",
        "The name in the path cannot be the name of a collection.",
        "Use 1 to 128 bytes of UTF-8 without control characters, and neither `.` nor `..`.";
    INVALID_ID = "invalid_id", UNPROCESSABLE_ENTITY, Request, "Invalid id",
        "The id in the path cannot be the id of a document.",
        "Use 1 to 1,500 bytes of UTF-8 without NUL.";
    INVALID_JSON = "invalid_json", UNPROCESSABLE_ENTITY, Request, "Invalid JSON",
        "The body is not JSON, or holds a value that cannot be kept exactly (duplicate keys, lone surrogates, NaN, nesting too deep). Nothing was stored.",
        "Correct the place that `errors` names.";
    NOT_AN_OBJECT = "not_an_object", UNPROCESSABLE_ENTITY, Request, "Not a JSON object",
        "The body is not a JSON object: another JSON value, or not sent as JSON. Nothing was stored.",
        "Send one JSON object with the type `application/json`.";
    INVALID_BATCH = "invalid_batch", UNPROCESSABLE_ENTITY, Request, "Invalid batch",
        "The body is not a batch, or `errors` names operations that cannot be understood. Nothing was stored.",
        "Correct the named operations and send the whole batch again.";
    INVALID_PATCH = "invalid_patch", UNPROCESSABLE_ENTITY, Request, "Invalid patch",
        "The body is no patch of its media type; `errors` names the place in it. Nothing was stored.",
        "Correct the named place.";
    INVALID_SCHEMA = "invalid_schema", UNPROCESSABLE_ENTITY, Request, "Invalid schema",
        "The body is not a JSON Schema that this service can use; `errors` names the place. Nothing was stored.",
        "Correct the named place. References lead only into the schema itself, and patterns have no look-around.";
    INVALID_DATA_RECORD = "invalid_data_record", UNPROCESSABLE_ENTITY, Request, "Invalid data record",
        "The body is not a value for the data store; `errors` names what is wrong. Nothing was stored.",
        "Send an object with `value` (any JSON) and, if you like, `metadata` (an object).";
    INVALID_KEY = "invalid_key", UNPROCESSABLE_ENTITY, Request, "Invalid key",
        "The body does not say a name and scopes that a key can have; `errors` names the place. Nothing was stored.",
        "Send `name` (1 to 100 bytes) and `scopes`, a list of `read`, `write`, `admin`, or scopes of a feature such as `licences:read`.";
    FIELDS_REQUIRED = "fields_required", BAD_REQUEST, Request, "Fields required",
        "A new document of an app's collection lacks fields, or they are empty; `errors` names them. Nothing was stored.",
        "Send the named fields.";
    FIELD_TOO_LONG = "field_too_long", BAD_REQUEST, Request, "Field too long",
        "A field of a document of an app's collection has more characters than its declaration allows; `errors` names it. Nothing was stored.",
        "Shorten the named field.";
    NO_FIELDS = "no_fields", BAD_REQUEST, Request, "No fields to update",
        "A change of a document of an app's collection names no field that a caller may change.",
        "Send at least one field that is declared and not read-only.";
    INVALID_BODY = "invalid_body", UNPROCESSABLE_ENTITY, Request, "Invalid body",
        "A member of the body is missing or of another kind than the operation takes; `errors` names each. Nothing was stored.",
        "Correct the named members.";
    ACCOUNT_INCOMPLETE = "account_incomplete", BAD_REQUEST, Request, "Name or password missing",
        "A name or a password is missing or empty. Nothing was stored.",
        "Send both.";
    INVALID_ACCOUNT = "invalid_account", UNPROCESSABLE_ENTITY, Request, "Invalid account",
        "A name, an address, a password or a role cannot be one; `errors` names the field. Nothing was stored.",
        "Correct the named field.";
    INVALID_CREDENTIALS = "invalid_credentials", UNAUTHORIZED, Access, "Invalid credentials",
        "There is no such account, its password is another, or it is shut out. Which of them is not told.",
        "Try again, or ask an administrator for a new password.";
    SIGN_IN_REQUIRED = "sign_in_required", UNAUTHORIZED, Access, "Sign in required",
        "The request is about the one who signed in, and nobody did, or the session is over.",
        "Sign in by `/api/login`, or by `/api/sessions` for a token.";
    REGISTRATION_CLOSED = "registration_closed", FORBIDDEN, Access, "Registration closed",
        "The service takes no registrations.",
        "Ask an administrator for an account; the setting `accounts.registration` opens it.";
    ADDRESS_NOT_ALLOWED = "address_not_allowed", FORBIDDEN, Access, "Address not allowed",
        "Accounts that work on the service, and keys that may do everything, are let in only from the addresses of `admin_addresses`.",
        "Ask from one of them, or add the address to the setting; behind a proxy set `trusted_proxies`, too.";
    OWNERS_ONLY = "owners_only", FORBIDDEN, Access, "Owners only",
        "Only an owner, or the operator of the service, makes, changes and deletes owners.",
        "Ask an owner, or use `isobase user` on the machine of the service.";
    IMPERSONATING = "impersonating", FORBIDDEN, Access, "Acting as somebody else",
        "An owner acts as this account, and may look at it, but not change how it signs in.",
        "End it: `POST /api/impersonation/end`.";
    NOT_IMPERSONATING = "not_impersonating", CONFLICT, Access, "Not acting as somebody else",
        "The session is not one by which an owner acts as somebody else.",
        "Begin one: `POST /api/v1/accounts/{account}/impersonate`.";
    PROVIDER_NOT_FOUND = "provider_not_found", NOT_FOUND, Documents, "Provider not found",
        "No provider of this name is configured.",
        "`GET /api/login/providers` lists them; `[providers.NAME]` in `isobase.toml` makes one.";
    PROVIDER_UNAVAILABLE = "provider_unavailable", SERVICE_UNAVAILABLE, Service, "Provider unavailable",
        "The provider does not answer in time, or not as a provider does. Nobody was signed in.",
        "Begin the sign-in again after `Retry-After`; a code is never exchanged twice.";
    SIGN_IN_REFUSED = "sign_in_refused", FORBIDDEN, Access, "Sign-in refused",
        "The provider says no, or what it says of itself or of the person is not to be believed; `detail` says which.",
        "Begin the sign-in again; if it stays so, compare what is configured here and at the provider.";
    SIGN_IN_NOT_BEGUN = "sign_in_not_begun", FORBIDDEN, Access, "Sign-in not begun here",
        "The browser comes back from a provider without the cookie of this sign-in, after more than ten minutes, or a second time. No code was exchanged.",
        "Begin the sign-in again, in this browser.";
    NO_PUBLIC_URL = "no_public_url", NOT_IMPLEMENTED, Service, "Own address not known",
        "Providers send people back to the address of the service, which is not configured.",
        "Set `public_url`.";
    IDENTITY_TAKEN = "identity_taken", CONFLICT, Documents, "Identity taken",
        "The identity signs in to another account, or this account has another identity of the provider. Nothing was linked.",
        "Unlink the other one first.";
    IDENTITY_NOT_FOUND = "identity_not_found", NOT_FOUND, Documents, "Identity not found",
        "The account has no identity of this provider.",
        "List the identities.";
    SIGN_IN_AGAIN = "sign_in_again", FORBIDDEN, Access, "Sign in again",
        "The account has no password that could be shown again, and its session is older than ten minutes. Nothing was changed.",
        "Sign out, sign in at the provider, and do it within ten minutes; or set a password by a letter.";
    LAST_IDENTITY = "last_identity", CONFLICT, Documents, "Last identity",
        "The account has no password, so nobody could sign in to it without the identity. Nothing was changed.",
        "Set a password first, by a letter for another password.";
    SECOND_FACTOR_REQUIRED = "second_factor_required", UNAUTHORIZED, Access, "Second factor required",
        "The name and the password are right, and the account has a second factor. Nobody is signed in yet.",
        "Send the `challenge` of this answer with a `code` of the authenticator app, or a recovery code, to the same route before `expires_at`.";
    WRONG_CODE = "wrong_code", UNAUTHORIZED, Access, "Wrong code",
        "The code is not the one that the app shows now, was used already, and is no recovery code that is left.",
        "Wait for the next code and send it; the clock of the device must be right to half a minute.";
    CHALLENGE_OVER = "challenge_over", UNAUTHORIZED, Access, "Sign-in over",
        "The first step of the sign-in is more than five minutes ago, had five wrong codes, was used, or another sign-in of the account began since.",
        "Begin again with the name and the password.";
    SECOND_FACTOR_ON = "second_factor_on", CONFLICT, Documents, "Second factor exists",
        "The account has a second factor already. Nothing was changed.",
        "Remove it first.";
    NO_SECOND_FACTOR = "no_second_factor", CONFLICT, Documents, "No second factor",
        "The account has no second factor, and none waits to be confirmed. Nothing was changed.",
        "Begin with `POST /api/me/second-factor`, and confirm within 15 minutes.";
    NO_SECRET = "no_secret", NOT_IMPLEMENTED, Service, "No secret to seal with",
        "The service has no secret to seal second factors with, or another one than they were sealed with. Nobody was signed in.",
        "The operator of the service sets `ISOBASE_SECRET` to the secret of the service that sealed them, or resets the second factor with `isobase user reset-second-factor`.";
    TOO_MANY_ATTEMPTS = "too_many_attempts", TOO_MANY_REQUESTS, Access, "Too many attempts",
        "Too many sign-ins with this name or from this address failed, or too many registrations came from it.",
        "Wait as long as `Retry-After` says.";
    TOO_MANY_SIGN_INS = "too_many_sign_ins", SERVICE_UNAVAILABLE, Service, "Too many sign-ins at once",
        "More passwords wait to be compared than the service lets wait. Nothing was done, and the attempt does not count.",
        "Send the same request again after `Retry-After`.";
    NAME_TAKEN = "name_taken", BAD_REQUEST, Documents, "Name taken",
        "Another account has the name. Nothing was stored.",
        "Choose another name.";
    EMAIL_TAKEN = "email_taken", BAD_REQUEST, Documents, "Address taken",
        "Another account has the e-mail address. Nothing was stored.",
        "Sign in with it, or use another one.";
    ACCOUNT_NOT_FOUND = "account_not_found", NOT_FOUND, Documents, "Account not found",
        "No account has this id, name or e-mail address.",
        "List the accounts.";
    SESSION_NOT_FOUND = "session_not_found", NOT_FOUND, Documents, "Session not found",
        "The account has no session with this id, or it is over.",
        "List the sessions.";
    LAST_OWNER = "last_owner", CONFLICT, Documents, "Last owner",
        "The account is the only owner, and somebody has to be. Nothing was done.",
        "Make another account owner first.";
    OWNER_EXISTS = "owner_exists", CONFLICT, Documents, "There is an owner",
        "The first owner was made already.",
        "Sign in as an owner, who can make others.";
    WRONG_LINK = "wrong_link", FORBIDDEN, Access, "Wrong link",
        "The link of a letter was used, is older than an hour, or is none. Nothing was done.",
        "Ask for another letter.";
    NO_MAIL = "no_mail", NOT_IMPLEMENTED, Service, "No mail",
        "The service sends no letters.",
        "Ask an administrator, who can set a password.";
    WRONG_SETUP_TOKEN = "wrong_setup_token", FORBIDDEN, Access, "Wrong setup link",
        "The link for the first owner was used, is older than 30 minutes, or is none. Nothing was stored.",
        "Start the service again for another link, or use `isobase user create NAME --owner`.";
    ACCOUNT_CHANGED = "account_changed", CONFLICT, Documents, "Account changed",
        "The account changed while the request was carried out. Nothing was done.",
        "Send it again.";
    CONFIRMATION_REQUIRED = "confirmation_required", UNPROCESSABLE_ENTITY, Request, "Confirmation required",
        "The request would delete many documents and does not say that this is meant. Nothing was deleted.",
        "Repeat it with the parameter that `detail` names.";
    WRITE_ONLY_FIELD = "write_only_field", BAD_REQUEST, Documents, "Write-only field",
        "The request filters, sorts, selects, compares or copies a field that the schema of the collection never shows (`writeOnly`); `detail` names it.",
        "Leave the field out of the request.";
    RECORD_NOT_FOUND = "record_not_found", NOT_FOUND, Documents, "Record not found",
        "The collection has no document with this id.",
        "Check the collection and the id.";
    ITEM_NOT_FOUND = "item_not_found", NOT_FOUND, Documents, "Item not found",
        "The app's collection has no document with this id that the caller may see.",
        "Check the id.";
    RANGE_NOT_SATISFIABLE = "range_not_satisfiable", RANGE_NOT_SATISFIABLE, Request, "Range not satisfiable",
        "The file has none of the bytes that `Range` asks for; `Content-Range` tells how many it has.",
        "Ask for bytes that are there, or for the whole.";
    INDEX_NOT_FOUND = "index_not_found", NOT_FOUND, Documents, "Index not found",
        "The collection has no index with these fields.",
        "List the collection's indexes; the fields and their directions must be the same.";
    SCHEMA_NOT_FOUND = "schema_not_found", NOT_FOUND, Documents, "Schema not found",
        "The collection has no schema: its documents may be any JSON object.",
        "Check the name of the collection, or set a schema.";
    KEY_NOT_FOUND = "key_not_found", NOT_FOUND, Documents, "Key not found",
        "No key that is valid has this id or name.",
        "List the keys.";
    KEY_NAME_TAKEN = "key_name_taken", CONFLICT, Documents, "Name taken",
        "A valid key has the name already. Nothing was stored.",
        "Choose another name, or revoke the key first.";
    REVISION_CONFLICT = "revision_conflict", PRECONDITION_FAILED, Documents, "Revision conflict",
        "The document's revision does not meet `If-Match` or `If-None-Match`: someone else changed it, or it is gone. Nothing was stored.",
        "Read the document again, apply the change to what it is now, and send that with its new `ETag`.";
    ALREADY_EXISTS = "already_exists", PRECONDITION_FAILED, Documents, "Already exists",
        "The request asks to create only (`If-None-Match: *`), and there is a document with this id. Nothing was stored.",
        "Read the document, or choose another id.";
    DOCUMENT_UNHOLDABLE = "document_unholdable", UNPROCESSABLE_ENTITY, Documents, "Document cannot be stored",
        "The database cannot hold the document; `errors` names the place and the limit. Nothing was stored.",
        "Change the document, or use an engine with a higher limit.";
    SCHEMA_VIOLATION = "schema_violation", UNPROCESSABLE_ENTITY, Documents, "Schema violation",
        "The document, or what a patch would make of it, does not meet the schema of its collection; `errors` names the places. Nothing was stored.",
        "Change the named places. `GET /collections/{collection}/schema` shows what is asked.";
    NOT_UNIQUE = "not_unique", CONFLICT, Documents, "Not unique",
        "Another document of the collection has the same values of the fields of a unique index; `errors` names the fields. Nothing was stored. Or an index cannot be unique: `detail` names documents that have equal values, and nothing was declared.",
        "Choose another value, or change the other document; find it by a filter on the named fields.";
    REFERENCE_NOT_FOUND = "reference_not_found", UNPROCESSABLE_ENTITY, Documents, "Reference not found",
        "A field of the document refers to a document that is not there; `errors` names the field. Nothing was stored.",
        "Create the other document first, or name one that is there.";
    REFERENCED = "referenced", CONFLICT, Documents, "Still referred to",
        "Other documents refer to the one that is to be deleted; `detail` names their collection and field. Nothing was deleted.",
        "Delete or change those documents first.";
    PATCH_CONFLICT = "patch_conflict", CONFLICT, Documents, "Patch does not fit",
        "The document is not as the patch needs it: a `test` failed, or a place is missing or of another type. `errors` names the place in the document. Nothing was stored.",
        "Read the document again and make the patch for what it is now.";
    SCHEMA_DECLARED = "schema_declared", CONFLICT, Documents, "Schema set by the configuration",
        "The schema of this collection comes from `isobase.toml` and cannot be changed through the service.",
        "Change the file and start the service again, or take the line out of the file first.";
    BATCH_REJECTED = "batch_rejected", CONFLICT, Documents, "Batch rejected",
        "An operation of an atomic batch was refused, so none was carried out; `errors` names it.",
        "Correct the named operation and send the whole batch again.";
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch", UNPROCESSABLE_ENTITY, Documents, "Idempotency key used for something else",
        "The `Idempotency-Key` came before with another request. Nothing was stored.",
        "Use a new key for a new request, and repeat a request unchanged.";
    LIMIT_EXCEEDED = "limit_exceeded", UNPROCESSABLE_ENTITY, Documents, "Limit exceeded",
        "The request would exceed a bound of the service, which `detail` names.",
        "Narrow the filter, declare an index, or ask for smaller parts.";
    INVALID_ARGUMENT = "invalid_argument", UNPROCESSABLE_ENTITY, Documents, "Request refused",
        "The request cannot be carried out as it stands; `detail` says why. A cursor belongs to one collection and order.",
        "Correct the request; with a refused cursor start again without it.";
    CHANGES_GONE = "changes_gone", GONE, Documents, "Changes no longer kept",
        "The changes after this place have been trimmed; `detail` names the oldest place.",
        "Read the collection as a whole, then follow the changes from now on.";
    FOREIGN_PLACE = "foreign_place", GONE, Documents, "Place of another database",
        "The place or cursor was given out by another database, or by this one before something was restored or copied into it. Changes may have happened that no place leads to.",
        "Read the collection as a whole again, then follow the changes from `since=now`; with a cursor start the listing again.";
    LICENSE_NOT_FOUND = "license_not_found", NOT_FOUND, Documents, "Licence not found",
        "There is no such licence, or it is not in force.",
        "Check the id, the key or the e-mail.";
    INSTALLATION_NOT_FOUND = "installation_not_found", NOT_FOUND, Documents, "Installation not found",
        "The e-mail has no installation with this id. Validations are answered so with 403.",
        "Activate the installation.";
    INSTALLATION_EXISTS = "installation_exists", CONFLICT, Documents, "Installation already exists",
        "The e-mail has an installation with this id already. Nothing was stored.",
        "Leave it, or repeat the request with `upsert=true`.";
    NOTHING_TO_REPLACE = "nothing_to_replace", NOT_FOUND, Documents, "No installation to replace",
        "The e-mail has no installations, or has the new one already.",
        "Add the installation instead.";
    LICENSE_REFUSED = "license_refused", BAD_REQUEST, Documents, "Licence refused",
        "What is asked for does not fit the licences that are there: another one has the key, or there is none. Nothing was stored.",
        "`detail` says what does not fit.";
    LICENSE_STATE = "license_state", CONFLICT, Documents, "Licence not in that state",
        "The licence stands so that this cannot be done with it: one that is suspended cannot be suspended. Nothing was stored.",
        "`detail` says how it stands.";
    NO_LICENSE_SECRET = "no_license_secret", NOT_IMPLEMENTED, Documents, "No secret to sign with",
        "Licence files are signed with a secret of the operator, and there is none.",
        "Set `secret`, or give the service a data folder that it may write into.";
    INVALID_LICENSE = "invalid_license", BAD_REQUEST, Documents, "Invalid licence",
        "No licence has the key, or the one that has it is not in force.",
        "Check the key.";
    MALFORMED_KEY = "malformed_key", BAD_REQUEST, Documents, "Mistyped licence key",
        "The checksum of the key says that a letter or digit is wrong.",
        "Type the key again, or copy it.";
    EMAIL_MISMATCH = "email_mismatch", BAD_REQUEST, Documents, "Licence of another e-mail",
        "The licence of the key is that of another e-mail.",
        "Use the e-mail that the licence was issued to.";
    LICENSE_EXPIRED = "license_expired", BAD_REQUEST, Documents, "Licence expired",
        "The time of the licence is over. Validations are answered so with 403.",
        "Extend it.";
    LICENSE_SUSPENDED = "license_suspended", BAD_REQUEST, Documents, "Licence suspended",
        "Somebody has suspended the licence. Validations are answered so with 403.",
        "Ask its issuer; it can be reinstated.";
    LICENSE_REVOKED = "license_revoked", BAD_REQUEST, Documents, "Licence revoked",
        "Somebody has revoked the licence for good. Validations are answered so with 403.",
        "Get another one.";
    INSTALLATION_LIMIT = "installation_limit", BAD_REQUEST, Documents, "Installation limit reached",
        "The licence has as many installations as it may have.",
        "Free one of them, or raise the limit of the licence.";
    INSTALLATION_FREED = "installation_freed", FORBIDDEN, Documents, "Installation lost its place",
        "The installation was active, and its place was given to another one or freed.",
        "Activate it again.";
    NO_ACTIVE_LICENSE = "no_active_license", FORBIDDEN, Documents, "No active licence",
        "The licence of the installation is gone, or is no more that of the e-mail.",
        "Activate the installation with another key.";
    CONNECTION_NOT_FOUND = "connection_not_found", NOT_FOUND, Documents, "Connection not found",
        "The process that answers has no open stream of this number; it may have ended by itself.",
        "List the streams: `GET /api/v1/connections`.";
    WEBHOOK_NOT_FOUND = "webhook_not_found", NOT_FOUND, Documents, "Webhook not found",
        "There is no such webhook.",
        "List the webhooks: `GET /api/v1/webhooks`.";
    DELIVERY_NOT_FOUND = "delivery_not_found", NOT_FOUND, Documents, "Delivery not found",
        "There is no such delivery, or it is so old that it was deleted.",
        "List the deliveries: `GET /api/v1/deliveries`.";
    JOB_NOT_FOUND = "job_not_found", NOT_FOUND, Documents, "Job not found",
        "There is no such job, or it is so old that it was forgotten.",
        "List the jobs: `GET /api/v1/jobs`.";
    JOB_STATE = "job_state", CONFLICT, Documents, "Job not in that state",
        "The job is over, or another process of the database does it, so it cannot be cancelled here.",
        "`detail` says how it stands.";
    TOO_MANY_JOBS = "too_many_jobs", TOO_MANY_REQUESTS, Service, "Too many jobs",
        "As many jobs wait in this process as it lets wait. Nothing was begun.",
        "Wait until one of them is over.";
    SQL_REFUSED = "sql_refused", UNPROCESSABLE_ENTITY, Request, "Statement refused",
        "The database of the SQL screens refused the statement: it writes, has a mistake, or fails. `sqlstate`, `position` and `hint` are what the database says.",
        "Correct the statement.";
    SQL_TIMED_OUT = "sql_timed_out", UNPROCESSABLE_ENTITY, Request, "Statement took too long",
        "The statement ran as long as `sql.timeout` lets one run, and was stopped.",
        "Narrow it down, or see its plan.";
    SQL_NOT_CONFIRMED = "sql_not_confirmed", UNPROCESSABLE_ENTITY, Request, "Not confirmed",
        "A change of the database of the SQL screens is made only for who types its name, and one that loses something for who types the name of that. Nothing was changed.",
        "Send the name that `errors` tells.";
    SQL_READ_ONLY = "sql_read_only", FORBIDDEN, Access, "Read only",
        "The database of the SQL screens is looked at and not changed, because no role that may change it is set.",
        "Set `sql.write_url`.";
    SQL_GUARDED = "sql_guarded", FORBIDDEN, Access, "Database of the records",
        "`sql.write_url` leads to the database of the records, by another name, path or role. Only the service changes it: nothing was run.",
        "Name another database.";
    SQL_AFFECTED_DIFFERS = "sql_affected_differs", CONFLICT, Documents, "Other rows than expected",
        "The statement would have changed another number of rows than `expected_rows`. Everything was taken back.",
        "Try it with `dry_run`, and send the number that it tells.";
    SQL_ROW_CHANGED = "sql_row_changed", CONFLICT, Documents, "Row changed meanwhile",
        "A row has no longer the values that it was read with, or is gone. None of the changes was made.",
        "Read the rows again.";
    SQL_TOO_LARGE = "sql_too_large", UNPROCESSABLE_ENTITY, Request, "Answer too large",
        "A file would not hold all of the answer, or the database answers with more at once than is taken. None of it was sent.",
        "Narrow it down with `WHERE` or `LIMIT`.";
    SQL_OWNERS_ONLY = "sql_owners_only", FORBIDDEN, Access, "Owners only",
        "Only owners look at the database of the SQL screens: accounts with the role `owner`, and the service's own key. Named keys do not, whatever their scopes are.",
        "Sign in as an owner.";
    SQL_ROLE = "sql_role", FORBIDDEN, Access, "Role too powerful",
        "The role of `sql.url` could write files or start programs on the database server, which a transaction that only reads does not forbid. Nothing was run.",
        "Name a role that may only read, as `hint` says.";
    SQL_STOPPED = "sql_stopped", CONFLICT, Documents, "Statement stopped",
        "Somebody asked for the statement to be stopped.",
        "Send it again if it is still wanted.";
    SQL_STATEMENT_RUNS = "sql_statement_runs", CONFLICT, Request, "Statement runs already",
        "A statement with this `statement_id` runs.",
        "Send another `statement_id`, or none.";
    SQL_STATEMENT_NOT_FOUND = "sql_statement_not_found", NOT_FOUND, Documents, "Statement not found",
        "No statement of this id runs; it may be over. On SQLite only those of the process that answers are found.",
        "There is nothing to do.";
    SQL_TABLE_NOT_FOUND = "sql_table_not_found", NOT_FOUND, Documents, "Table not found",
        "The database of the SQL screens has no such table.",
        "List them: `GET /api/v1/sql/tables`.";
    SQL_BUSY = "sql_busy", TOO_MANY_REQUESTS, Service, "Too many statements",
        "As many statements of yours run as may.",
        "Wait until one is over, or stop it.";
    SQL_UNAVAILABLE = "sql_unavailable", SERVICE_UNAVAILABLE, Service, "SQL database unavailable",
        "The database of the SQL screens cannot be reached, or is busy.",
        "Try again; the log holds the cause.";
    BACKUP_NOT_FOUND = "backup_not_found", NOT_FOUND, Documents, "Backup not found",
        "The folder of backups has no archive of this name.",
        "List the backups: `GET /api/v1/backups`.";
    IMPORT_NOT_FOUND = "import_not_found", NOT_FOUND, Documents, "File not found",
        "No file of yours with this id waits to be imported on this service. Files stay for 24 hours.",
        "Send the file again: `POST /api/v1/imports`.";
    IMPORT_UNREADABLE = "import_unreadable", UNPROCESSABLE_ENTITY, Documents, "File unreadable",
        "The file is neither CSV, NDJSON nor JSON, or has not the columns that were named; `detail` says where.",
        "Mend the file, or say how it is written: `format`, `delimiter`, `columns`.";
    SETTING_NOT_FOUND = "setting_not_found", NOT_FOUND, Documents, "Setting not found",
        "The service has no setting of this name.",
        "List the settings: `GET /admin/api/settings`.";
    SETTING_LOCKED = "setting_locked", CONFLICT, Documents, "Setting locked",
        "A variable or a flag says the value, or the setting is taken only at a start; `detail` says which.",
        "Change it where it comes from, and start the service again.";
    NO_ADDRESS = "no_address", CONFLICT, Documents, "No address",
        "The letter would go to the one who asks for it, who has no e-mail address here.",
        "Sign in with an account that has one.";
    REQUEST_NOT_FOUND = "request_not_found", NOT_FOUND, Documents, "Request not found",
        "The log has no entry with this number, or no longer.",
        "Check the number; entries are kept as long as `requests.retention` says.";
    WORK_NOT_FOUND = "work_not_found", NOT_FOUND, Documents, "Work not found",
        "There is no work with this hash of its input.",
        "Take it by `POST /api/v1/db/extract-action-items`.";
    WORK_EXISTS = "work_exists", CONFLICT, Documents, "Work exists already",
        "Other work has this correlation id. Nothing was stored.",
        "Use another correlation id, or note what became of that work.";
    RATE_LIMITED = "rate_limited", TOO_MANY_REQUESTS, Access, "Too often",
        "Too many wrong keys came from this address, or too many activations for one licence, in a minute.",
        "Wait as long as `Retry-After` says.";
    UNSUPPORTED = "unsupported", NOT_IMPLEMENTED, Documents, "Not supported by the engine",
        "The engine of this service does not have the ability.",
        "Do without it, or move to an engine that has it.";
}

/// Every code: those of any service, then those of the features.
pub(crate) fn every() -> Vec<isobase_http::ProblemCode> {
    isobase_http::codes::ALL.iter().chain(ALL).copied().collect()
}
