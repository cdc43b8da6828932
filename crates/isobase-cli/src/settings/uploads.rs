//! Where uploads are kept.

use std::path::Path;

use isobase_server::{FilesOptions, MediaTypes, Shelf};

use super::{load::Loaded, table};
use crate::failure::Failure;

/// Settings of buckets, also for buckets beside that of the settings. Their names are those of the
/// variables of AWS.
#[derive(Clone, Default)]
#[cfg_attr(not(feature = "s3"), expect(dead_code, reason = "it is about buckets"))]
pub(crate) struct BucketSettings(Vec<(String, String)>);

impl std::fmt::Debug for BucketSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // There are secrets in it.
        f.write_str("BucketSettings")
    }
}

impl BucketSettings {
    /// Settings come before the variables of AWS.
    pub(super) fn new(loaded: &Loaded) -> Self {
        let of_settings = [
            ("AWS_ENDPOINT_URL", &table::UPLOADS_ENDPOINT_URL),
            ("AWS_REGION", &table::UPLOADS_REGION),
        ];
        let of_settings = of_settings
            .map(|(name, setting)| Some((name.to_owned(), loaded.find(setting)?.clone())));
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with("AWS_"));
        Self(variables.chain(of_settings.into_iter().flatten()).collect())
    }

    #[cfg(feature = "s3")]
    fn bucket(&self, url: &str) -> Result<isobase_server::Bucket, String> {
        let settings = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        isobase_server::Bucket::new(url, settings).map_err(|error| error.to_string())
    }

    /// A place of uploads by its name: a folder, or `s3://bucket/prefix`.
    pub(crate) fn shelf(&self, text: &str) -> Result<Shelf, String> {
        if text.is_empty() || (text.contains("://") && !text.starts_with("s3://")) {
            return Err("expected a folder or s3://bucket/prefix".to_owned());
        }
        if !text.starts_with("s3://") {
            return Ok(Shelf::folder(text));
        }
        self.bucket_shelf(text)
    }

    #[cfg(feature = "s3")]
    fn bucket_shelf(&self, url: &str) -> Result<Shelf, String> {
        Ok(Shelf::bucket(self.bucket(url)?))
    }

    #[cfg(not(feature = "s3"))]
    #[expect(clippy::unused_self, reason = "with buckets it is needed")]
    fn bucket_shelf(&self, _: &str) -> Result<Shelf, String> {
        Err("this executable was built without buckets (the feature s3)".to_owned())
    }
}

/// Where uploads are kept, and for how long.
///
/// # Errors
/// If the bucket cannot be used.
pub(super) fn files_options(
    loaded: &Loaded,
    data: &Path,
    #[cfg_attr(not(feature = "s3"), expect(unused_variables, reason = "it is about buckets"))]
    buckets: &BucketSettings,
) -> Result<FilesOptions, Failure> {
    #[cfg(not(feature = "s3"))]
    if loaded.find(&table::UPLOADS_STORE).is_some() {
        let message = "setting uploads.store: this executable was built without buckets";
        return Err(Failure::usage(message).hint("build it with the feature s3"));
    }
    #[cfg(feature = "s3")]
    let bucket = match loaded.find(&table::UPLOADS_STORE) {
        None => None,
        Some(url) => {
            let bucket = buckets.bucket(url);
            Some(bucket.map_err(|error| loaded.wrong(&table::UPLOADS_STORE, error))?)
        }
    };
    let options = FilesOptions::new(data.join("uploads"), loaded.get(&table::UPLOAD_BYTES));
    Ok(FilesOptions {
        // They were checked when they were read.
        types: MediaTypes::new(loaded.get(&table::UPLOADS_TYPES)).unwrap_or_default(),
        unfinished_for: loaded.get(&table::UPLOADS_UNFINISHED_FOR),
        unused_for: loaded.get(&table::UPLOADS_UNUSED_FOR),
        unfinished_max: loaded.get(&table::UPLOADS_UNFINISHED_MAX),
        #[cfg(feature = "s3")]
        bucket,
        ..options
    })
}
