//! Files in a bucket of an S3 service.

use std::{fmt, io, ops::Range, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use isobase_store::is_upload_name;
use object_store::{
    ClientOptions, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig,
    WriteMultipart,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey},
    path::Path as Key,
};
use tokio::io::AsyncReadExt;

use crate::{
    FilesError,
    lying::{Lying, Stray, TOGETHER},
};

/// Bytes of one part. S3 takes 10,000 parts of at least 5 MiB (except the last one), so this reaches
/// 78 GiB.
const PART_BYTES: usize = 8 << 20;
/// Parts that are under way at a time: what an upload holds in memory.
const PARTS_AT_A_TIME: usize = 2;
/// Bytes read from the disk at a time.
const PIECE_BYTES: usize = 256 << 10;
/// How often a request to the service is sent again.
const RETRIES_MAX: usize = 3;
/// For how long it is.
const RETRY_FOR: Duration = Duration::from_secs(10);
/// Longest time of one request, and to connect.
const REQUEST_MAX: Duration = Duration::from_secs(60);
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// A bucket of an S3 service, and the prefix of its names. Cheap to clone.
#[derive(Clone)]
pub struct Bucket {
    store: Arc<AmazonS3>,
    prefix: Key,
    url: String,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bucket").field(&self.url).finish()
    }
}

/// A bucket cannot be used as it is said.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidBucket(String);

impl Bucket {
    /// A bucket by its URL, `s3://bucket/prefix`, with settings as the variables of AWS name them:
    /// `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, … Asks
    /// no one yet.
    ///
    /// # Errors
    /// When the URL is none, or a setting cannot be.
    pub fn new<'a>(
        url: &str,
        settings: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, InvalidBucket> {
        let expected = || InvalidBucket("expected s3://bucket or s3://bucket/prefix".to_owned());
        let rest = url.strip_prefix("s3://").ok_or_else(expected)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() || url.contains(['?', '#', '@']) {
            return Err(expected());
        }
        // An error says that the process has chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let retry = RetryConfig {
            max_retries: RETRIES_MAX,
            retry_timeout: RETRY_FOR,
            ..RetryConfig::default()
        };
        let client = ClientOptions::new()
            .with_timeout(REQUEST_MAX)
            .with_connect_timeout(CONNECT_MAX)
            .with_allow_http(true);
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_retry(retry)
            .with_client_options(client);
        for (name, value) in settings {
            // Others are not about this service.
            if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
                builder = builder.with_config(key, value);
            }
        }
        let invalid = |error: String| InvalidBucket(error);
        let store = builder.build().map_err(|error| invalid(error.to_string()))?;
        let prefix = Key::parse(prefix.trim_matches('/'));
        let prefix = prefix.map_err(|error| invalid(error.to_string()))?;
        Ok(Self { store: Arc::new(store), prefix, url: url.to_owned() })
    }

    fn key(&self, name: &str) -> Key {
        self.prefix.clone().join(name)
    }

    /// Puts a file of our disk there, in parts: whole or not at all.
    pub(crate) async fn put(&self, path: &Path, name: &str) -> Result<(), FilesError> {
        let mut file = tokio::fs::File::open(path).await?;
        let (key, size) = (self.key(name), file.metadata().await?.len());
        if size <= PART_BYTES as u64 {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).await?;
            return self.store.put(&key, PutPayload::from(bytes)).await.map(|_| ()).map_err(failed);
        }
        let upload = self.store.put_multipart(&key).await.map_err(failed)?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        match send(&mut upload, &mut file).await {
            Ok(()) => upload.finish().await.map(|_| ()).map_err(failed),
            Err(error) => {
                // Best effort: buckets have rules that remove unfinished uploads.
                let _ = upload.abort().await;
                Err(error)
            }
        }
    }

    /// Some bytes of a file; `None` if it is not there.
    pub(crate) async fn get(
        &self,
        name: &str,
        range: Range<u64>,
    ) -> Result<Option<BoxStream<'static, Result<Bytes, FilesError>>>, FilesError> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        match self.store.get_opts(&self.key(name), options).await {
            Ok(found) => Ok(Some(found.into_stream().map(|piece| piece.map_err(failed)).boxed())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// All bytes of a file; `None` if it is not there.
    pub(crate) async fn get_all(
        &self,
        name: &str,
    ) -> Result<Option<BoxStream<'static, Result<Bytes, FilesError>>>, FilesError> {
        match self.store.get(&self.key(name)).await {
            Ok(found) => Ok(Some(found.into_stream().map(|piece| piece.map_err(failed)).boxed())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// Puts bytes there, in parts: whole, or not at all when they end with an error.
    pub(crate) async fn put_stream(
        &self,
        name: &str,
        mut bytes: BoxStream<'static, io::Result<Bytes>>,
    ) -> Result<(), FilesError> {
        let (key, mut first) = (self.key(name), Vec::new());
        loop {
            match bytes.try_next().await? {
                // S3 takes no upload in parts that has none.
                None => {
                    let put = self.store.put(&key, PutPayload::from(first)).await;
                    return put.map(|_| ()).map_err(failed);
                }
                Some(piece) => first.extend_from_slice(&piece),
            }
            if first.len() >= PART_BYTES {
                break;
            }
        }
        let upload = self.store.put_multipart(&key).await.map_err(failed)?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        upload.write(&first);
        drop(first);
        match send_stream(&mut upload, bytes).await {
            Ok(()) => upload.finish().await.map(|_| ()).map_err(failed),
            Err(error) => {
                // Best effort: buckets have rules that remove unfinished uploads.
                let _ = upload.abort().await;
                Err(error)
            }
        }
    }

    /// Everything with the name of an upload, some at a time.
    pub(crate) fn lying(&self) -> Lying {
        let prefix = self.prefix.clone();
        let found = self.store.list(Some(&self.prefix)).map_err(failed);
        let strays = found.try_filter_map(move |object| {
            // What lies deeper is somebody else's.
            let mut parts = object.location.prefix_match(&prefix).into_iter().flatten();
            let name = parts.next().filter(|_| parts.next().is_none());
            let name = name.map(|part| part.as_ref().to_owned());
            let name = name.filter(|name| is_upload_name(name));
            let (size, modified) = (object.size, object.last_modified.into());
            std::future::ready(Ok(name.map(|name| Stray { name, size, modified })))
        });
        strays.try_chunks(TOGETHER).map_err(|error| error.1).boxed()
    }

    /// Its name: one name for one place.
    pub(crate) fn name(&self) -> String {
        self.url.trim_end_matches('/').to_owned()
    }

    /// Removes a file; it may be gone already.
    pub(crate) async fn remove(&self, name: &str) -> Result<(), FilesError> {
        match self.store.delete(&self.key(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }
}

async fn send_stream(
    upload: &mut WriteMultipart,
    mut bytes: BoxStream<'static, io::Result<Bytes>>,
) -> Result<(), FilesError> {
    while let Some(piece) = bytes.try_next().await? {
        upload.wait_for_capacity(PARTS_AT_A_TIME).await.map_err(failed)?;
        upload.write(&piece);
    }
    Ok(())
}

async fn send(upload: &mut WriteMultipart, file: &mut tokio::fs::File) -> Result<(), FilesError> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = file.read(&mut piece).await?;
        if read == 0 {
            return Ok(());
        }
        upload.wait_for_capacity(PARTS_AT_A_TIME).await.map_err(failed)?;
        upload.write(&piece[..read]);
    }
}

/// What is said of a failure is for the log.
fn failed(error: object_store::Error) -> FilesError {
    FilesError::Bucket(io::Error::other(error))
}
