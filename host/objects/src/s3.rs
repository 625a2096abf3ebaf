//! Buckets in S3, by the AWS SDK.
//!
//! Knows which requests an operation takes and what the settings of a third-party server are; what the
//! SDK's errors mean is `error`'s, large objects are `writer`'s. No other crate names a type of the SDK.

mod error;
mod leftovers;
mod settings;
mod text;
mod writer;

use std::sync::Arc;

use async_trait::async_trait;
use aws_config::ConfigLoader;
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_bucket::HeadBucketError;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::EncodingType;
use bytes::Bytes;
use jiff::Timestamp;

use self::error::Request;
use self::leftovers::Leftovers;
use self::writer::S3Writer;
use crate::{
    Buckets, ByteRange, LIST_KEYS_MAX, ListPage, ListRequest, Object, ObjectError, ObjectInfo,
    ObjectWriter, name,
};

/// Buckets in S3, or in a server that speaks its protocol.
///
/// Requests are retried as the SDK's standard mode does (three attempts, `AWS_MAX_ATTEMPTS` changes
/// that). A body that breaks off while it is being read is [`ObjectError::Unavailable`], not a shorter
/// object. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct S3Buckets {
    client: Client,
    leftovers: Arc<Leftovers>,
}

impl S3Buckets {
    /// Connects as the environment says: the standard chain of credentials (variables, profiles, SSO,
    /// web identity, container and instance roles), region, endpoint (`AWS_ENDPOINT_URL_S3`, or
    /// `AWS_ENDPOINT_URL`, or the profile's `endpoint_url`) and proxies.
    ///
    /// With an endpoint of one's own, buckets are part of the path, checksums are sent only where S3
    /// requires them (many servers know no others), and the region may be left out.
    ///
    /// Sends no request to S3. Fails if there is no region or no credentials, and tells what to set.
    pub async fn from_environment() -> Result<Self, ObjectError> {
        Self::load(aws_config::defaults(settings::behavior_version())).await
    }

    /// As [`from_environment`](Self::from_environment), with some settings made by the caller.
    pub async fn load(loader: ConfigLoader) -> Result<Self, ObjectError> {
        let config = settings::load(loader).await?;
        Ok(Self { client: Client::from_conf(config), leftovers: Arc::default() })
    }
}

#[async_trait]
impl Buckets for S3Buckets {
    async fn get(
        &self,
        bucket: &str,
        key: &str,
        range: Option<ByteRange>,
        max_bytes: u64,
    ) -> Result<Object, ObjectError> {
        check(bucket, key)?;
        if let Some(range) = range {
            range.check()?;
        }
        let request = Request { action: "read", bucket, key };
        let output = self
            .client
            .get_object()
            .bucket(bucket)
            .key(key)
            .set_range(range.map(header_of))
            .send()
            .await
            .map_err(|error| request.failed(error))?;
        let length = size_of(output.content_length);
        if length > max_bytes {
            return Err(ObjectError::TooLarge { size: length, max: max_bytes });
        }
        let info = ObjectInfo {
            key: key.to_owned(),
            size: output.content_range.as_deref().and_then(text::whole_size).unwrap_or(length),
            etag: etag_of(output.e_tag),
            last_modified: timestamp_of(output.last_modified),
        };
        let body = read(output.body, length, max_bytes, &request).await?;
        Ok(Object { info, body })
    }

    async fn put(&self, bucket: &str, key: &str, body: Bytes) -> Result<ObjectInfo, ObjectError> {
        check(bucket, key)?;
        put(&self.client, bucket, key, body).await
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectInfo, ObjectError> {
        check(bucket, key)?;
        let request = Request { action: "describe", bucket, key };
        let output = match self.client.head_object().bucket(bucket).key(key).send().await {
            Ok(output) => output,
            Err(error) => return Err(self.missing(request.failed(error), bucket).await),
        };
        Ok(ObjectInfo {
            key: key.to_owned(),
            size: size_of(output.content_length),
            etag: etag_of(output.e_tag),
            last_modified: timestamp_of(output.last_modified),
        })
    }

    async fn list(&self, bucket: &str, request: &ListRequest) -> Result<ListPage, ObjectError> {
        name::check_bucket(bucket)?;
        let output = self
            .client
            .list_objects_v2()
            .bucket(bucket)
            .prefix(&request.prefix)
            .set_continuation_token(request.continuation_token.clone())
            .max_keys(i32::from(request.max_keys.min(LIST_KEYS_MAX)))
            // Without it, a key with a control character makes the answer unreadable as XML.
            .encoding_type(EncodingType::Url)
            .send()
            .await
            .map_err(|error| Request { action: "list", bucket, key: "" }.failed(error))?;
        let is_encoded = output.encoding_type == Some(EncodingType::Url);
        let describe = |object: aws_sdk_s3::types::Object| {
            let key = object.key.unwrap_or_default();
            ObjectInfo {
                key: if is_encoded { text::url_decoded(&key).unwrap_or(key) } else { key },
                size: size_of(object.size),
                etag: etag_of(object.e_tag),
                last_modified: timestamp_of(object.last_modified),
            }
        };
        let is_truncated = output.is_truncated == Some(true);
        Ok(ListPage {
            objects: output.contents.unwrap_or_default().into_iter().map(describe).collect(),
            next_continuation_token: output.next_continuation_token.filter(|_| is_truncated),
        })
    }

    async fn copy(
        &self,
        from_bucket: &str,
        from_key: &str,
        to_bucket: &str,
        to_key: &str,
    ) -> Result<ObjectInfo, ObjectError> {
        name::check_copy((from_bucket, from_key), (to_bucket, to_key))?;
        check(from_bucket, from_key)?;
        check(to_bucket, to_key)?;
        let output = self
            .client
            .copy_object()
            .copy_source(format!("{from_bucket}/{}", text::url_encoded(from_key)))
            .bucket(to_bucket)
            .key(to_key)
            .send()
            .await;
        let output = match output {
            Ok(output) => output.copy_object_result,
            Err(error) => {
                let request = Request { action: "copy", bucket: from_bucket, key: from_key };
                return Err(request.failed(error));
            }
        };
        let (etag, modified) =
            output.map_or((None, None), |copied| (copied.e_tag, copied.last_modified));
        // The answer does not tell the size.
        let info = self.head(to_bucket, to_key).await?;
        Ok(match etag {
            Some(_) => {
                ObjectInfo { etag: etag_of(etag), last_modified: timestamp_of(modified), ..info }
            }
            None => info,
        })
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), ObjectError> {
        check(bucket, key)?;
        let request = Request { action: "delete", bucket, key };
        match self.client.delete_object().bucket(bucket).key(key).send().await {
            Ok(_deleted) => Ok(()),
            Err(error) => match request.failed(error) {
                // Some servers say so.
                ObjectError::NoSuchKey { .. } => Ok(()),
                error => Err(error),
            },
        }
    }

    async fn create(&self, bucket: &str, key: &str) -> Result<Box<dyn ObjectWriter>, ObjectError> {
        check(bucket, key)?;
        Ok(Box::new(S3Writer::new(self.client.clone(), Arc::clone(&self.leftovers), bucket, key)))
    }

    async fn settle(&self) {
        self.leftovers.settle().await;
    }
}

impl S3Buckets {
    /// An answer to HEAD has no body to tell a missing key from a missing bucket.
    async fn missing(&self, error: ObjectError, bucket: &str) -> ObjectError {
        if !matches!(error, ObjectError::NoSuchKey { .. }) {
            return error;
        }
        match self.client.head_bucket().bucket(bucket).send().await {
            Err(failure)
                if failure.as_service_error().is_some_and(HeadBucketError::is_not_found) =>
            {
                ObjectError::no_such_bucket(bucket)
            }
            _ => error,
        }
    }
}

/// Checks names, and for the one kind of key that S3 takes but the SDK does not: it trims a key before it
/// looks whether there is one.
fn check(bucket: &str, key: &str) -> Result<(), ObjectError> {
    name::check(bucket, key)?;
    if key.trim().is_empty() {
        let reason = "the AWS SDK takes none that is only white space";
        return Err(ObjectError::InvalidKey { reason });
    }
    Ok(())
}

/// Writes an object by one request.
async fn put(
    client: &Client,
    bucket: &str,
    key: &str,
    body: Bytes,
) -> Result<ObjectInfo, ObjectError> {
    let size = body.len() as u64;
    let request = Request { action: "write", bucket, key };
    let output = client
        .put_object()
        .bucket(bucket)
        .key(key)
        .body(ByteStream::from(body))
        .send()
        .await
        .map_err(|error| request.failed(error))?;
    Ok(written(key, size, output.e_tag))
}

/// Describes an object that was just written: S3 does not tell when.
fn written(key: &str, size: u64, etag: Option<String>) -> ObjectInfo {
    let last_modified = Timestamp::now();
    ObjectInfo { key: key.to_owned(), size, etag: etag_of(etag), last_modified }
}

/// Reads a body of `length` bytes, trusting the server neither about that nor to finish.
async fn read(
    mut body: ByteStream,
    length: u64,
    max_bytes: u64,
    request: &Request<'_>,
) -> Result<Bytes, ObjectError> {
    let mut first: Option<Bytes> = None;
    let mut rest = Vec::new();
    let mut size = 0;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| request.broke_off(error))?;
        size += chunk.len() as u64;
        if size > max_bytes {
            return Err(ObjectError::TooLarge { size, max: max_bytes });
        }
        match &first {
            None => first = Some(chunk),
            Some(start) => {
                if rest.is_empty() {
                    rest.reserve_exact(usize::try_from(length).unwrap_or_default());
                    rest.extend_from_slice(start);
                }
                rest.extend_from_slice(&chunk);
            }
        }
    }
    if rest.is_empty() { Ok(first.unwrap_or_default()) } else { Ok(rest.into()) }
}

fn header_of(range: ByteRange) -> String {
    match range.last {
        Some(last) => format!("bytes={}-{last}", range.first),
        None => format!("bytes={}-", range.first),
    }
}

fn size_of(length: Option<i64>) -> u64 {
    length.and_then(|length| u64::try_from(length).ok()).unwrap_or_default()
}

fn etag_of(etag: Option<String>) -> String {
    let etag = etag.unwrap_or_default();
    etag.trim_matches('"').to_owned()
}

fn timestamp_of(time: Option<DateTime>) -> Timestamp {
    time.and_then(|time| Timestamp::from_nanosecond(time.as_nanos()).ok()).unwrap_or_default()
}
