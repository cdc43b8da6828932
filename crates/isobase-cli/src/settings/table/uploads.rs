//! Uploaded files.

use std::time::Duration;

use isobase_server::FilesOptions;

use super::{
    super::{
        kinds::{List, Span, Text, Whole},
        setting::{Optional, Setting},
    },
    limits::UPLOAD_BYTES,
};

super::settings! {
    static UPLOADS_STORE: Optional<String> = Setting::optional(
        "uploads.store",
        &Text::ANY,
        "Bucket of an S3 service that keeps uploads: `s3://bucket` or `s3://bucket/prefix`. Unset: the \
         folder `uploads` in the data folder, in which uploads on their way lie in any case. Credentials \
         are those of the usual variables (`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`) or of the \
         machine.",
    );

    static UPLOADS_ENDPOINT_URL: Optional<String> = Setting::optional(
        "uploads.endpoint_url",
        &Text::ANY,
        "Address of another S3 service than that of AWS: `https://s3.example.com`. Unset: the variable \
         `AWS_ENDPOINT_URL`, else that of the region.",
    );

    static UPLOADS_REGION: Optional<String> = Setting::optional(
        "uploads.region",
        &Text::ANY,
        "Region of the bucket. Unset: the variable `AWS_REGION`, else `us-east-1`.",
    );

    static UPLOADS_UNUSED_FOR: Setting<Duration> = Setting::new(
        "uploads.unused_for",
        &Span,
        || usual().unused_for,
        "How long a file stays that documents have named in a field of the type `file` and none does any \
         more.",
    );

    static UPLOADS_TYPES: Setting<Vec<String>> = Setting::new(
        "uploads.types",
        &List::MEDIA_TYPES,
        Vec::new,
        "Types of files that are taken, as `image/*` and `application/pdf`: what the first bytes of a \
         file say, whatever its name is. Empty: all.",
    )
    .changeable();

    static UPLOADS_UNFINISHED_FOR: Setting<Duration> = Setting::new(
        "uploads.unfinished_for",
        &Span,
        || usual().unfinished_for,
        "How long an upload in several requests may rest before it is forgotten.",
    );

    static UPLOADS_UNFINISHED_MAX: Setting<u32> = Setting::new(
        "uploads.unfinished_max",
        &Whole::between(1, 100_000),
        || usual().unfinished_max,
        "Most uploads in several requests that an account or key may have begun and not ended.",
    );
}

/// Their defaults are those of every folder.
fn usual() -> FilesOptions {
    FilesOptions::new("uploads", UPLOAD_BYTES.default_value())
}
