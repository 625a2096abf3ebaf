//! Writing an object to S3 piece by piece: one request if it is small, a multipart upload if not.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use tokio::runtime::Handle;

use super::error::Request;
use super::leftovers::Leftovers;
use crate::{OBJECT_BYTES_MAX, ObjectError, ObjectInfo, ObjectWriter};

/// The size of the first part, and of the largest object that is written by one request. S3 wants 5 MiB
/// at least.
const PART_BYTES: usize = 8 << 20;

/// After so many parts the next ones are larger by [`PART_BYTES`], so that the 10,000 parts which S3
/// allows make 5 TiB: a part has 8 MiB up to 600 MiB, 24 MiB at 3 GiB, 1 GiB at the end.
const PARTS_OF_ONE_SIZE: usize = 75;

/// An object on its way to S3. Keeps one part in memory.
pub(super) struct S3Writer {
    client: Client,
    leftovers: Arc<Leftovers>,
    bucket: String,
    key: String,
    /// The bytes of the next part.
    buffer: Vec<u8>,
    size: u64,
    upload_id: Option<String>,
    parts: Vec<CompletedPart>,
    /// Set while a request is under way, so that it stays set if that fails or is dropped.
    is_broken: bool,
}

impl S3Writer {
    pub(super) fn new(client: Client, leftovers: Arc<Leftovers>, bucket: &str, key: &str) -> Self {
        Self {
            client,
            leftovers,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            buffer: Vec::new(),
            size: 0,
            upload_id: None,
            parts: Vec::new(),
            is_broken: false,
        }
    }

    fn request(&self) -> Request<'_> {
        Request { action: "write", bucket: &self.bucket, key: &self.key }
    }

    fn check(&self) -> Result<(), ObjectError> {
        if self.is_broken { Err(ObjectError::broken_writer()) } else { Ok(()) }
    }

    /// Sends what fills whole parts and keeps the rest. Full parts are sent at once, although the last
    /// one may turn out to be the object's end: S3 takes a last part of any size.
    async fn send_full_parts(&mut self, mut bytes: Bytes) -> Result<(), ObjectError> {
        loop {
            let part_bytes = part_bytes(self.parts.len());
            let missing = part_bytes - self.buffer.len();
            if bytes.len() < missing || (self.parts.is_empty() && bytes.len() == missing) {
                self.buffer.extend_from_slice(&bytes);
                return Ok(());
            }
            let head = bytes.split_to(missing);
            let part = if self.buffer.is_empty() {
                head
            } else {
                self.buffer.extend_from_slice(&head);
                Bytes::from(std::mem::take(&mut self.buffer))
            };
            self.send_part(part).await?;
        }
    }

    async fn send_part(&mut self, part: Bytes) -> Result<(), ObjectError> {
        let upload_id = match &self.upload_id {
            Some(upload_id) => upload_id.clone(),
            None => self.begin_upload().await?,
        };
        let number = i32::try_from(self.parts.len() + 1).expect("S3 takes 10,000 parts");
        let output = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(&self.key)
            .upload_id(upload_id)
            .part_number(number)
            .body(ByteStream::from(part))
            .send()
            .await
            .map_err(|error| self.request().failed(error))?;
        self.parts.push(
            CompletedPart::builder()
                .part_number(number)
                .set_e_tag(output.e_tag)
                .set_checksum_crc32(output.checksum_crc32)
                .set_checksum_crc64_nvme(output.checksum_crc64_nvme)
                .build(),
        );
        Ok(())
    }

    async fn begin_upload(&mut self) -> Result<String, ObjectError> {
        let request = self.client.create_multipart_upload().bucket(&self.bucket).key(&self.key);
        let output = request.send().await.map_err(|error| self.request().failed(error))?;
        let upload_id = output.upload_id.ok_or_else(|| ObjectError::Storage {
            message: format!("cannot {}: the upload got no id", self.request()),
            source: None,
        })?;
        self.upload_id = Some(upload_id.clone());
        Ok(upload_id)
    }

    async fn complete(&mut self, upload_id: String) -> Result<ObjectInfo, ObjectError> {
        if !self.buffer.is_empty() {
            let part = Bytes::from(std::mem::take(&mut self.buffer));
            self.send_part(part).await?;
        }
        let parts = std::mem::take(&mut self.parts);
        let upload = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let output = self
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(&self.key)
            .upload_id(upload_id)
            .multipart_upload(upload)
            .send()
            .await
            .map_err(|error| self.request().failed(error))?;
        self.upload_id = None;
        Ok(super::written(&self.key, self.size, output.e_tag))
    }

    /// The request that removes the parts sent so far, if there are any.
    fn abort_request(&mut self) -> Option<impl Future<Output = Result<(), ObjectError>> + use<>> {
        let upload_id = self.upload_id.take()?;
        let (client, bucket, key) = (self.client.clone(), self.bucket.clone(), self.key.clone());
        Some(async move {
            let request = client.abort_multipart_upload().bucket(&bucket).key(&key);
            match request.upload_id(upload_id).send().await {
                Ok(_aborted) => Ok(()),
                Err(error) => {
                    let request = Request { action: "abandon", bucket: &bucket, key: &key };
                    Err(request.failed(error))
                }
            }
        })
    }
}

#[async_trait]
impl ObjectWriter for S3Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), ObjectError> {
        self.check()?;
        self.is_broken = true;
        self.size = self.size.saturating_add(bytes.len() as u64);
        if self.size > OBJECT_BYTES_MAX {
            return Err(ObjectError::TooLarge { size: self.size, max: OBJECT_BYTES_MAX });
        }
        self.send_full_parts(bytes).await?;
        self.is_broken = false;
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<ObjectInfo, ObjectError> {
        self.check()?;
        if let Some(upload_id) = self.upload_id.clone() {
            return self.complete(upload_id).await;
        }
        let body = Bytes::from(std::mem::take(&mut self.buffer));
        super::put(&self.client, &self.bucket, &self.key, body).await
    }

    async fn abort(mut self: Box<Self>) -> Result<(), ObjectError> {
        match self.abort_request() {
            Some(request) => request.await,
            None => Ok(()),
        }
    }
}

impl Drop for S3Writer {
    /// Removes the parts in the background: see [`crate::Buckets::settle`]. Outside a runtime, or when the
    /// program ends first, they stay until the bucket's lifecycle rule for incomplete uploads removes
    /// them.
    fn drop(&mut self) {
        if let (Ok(runtime), Some(request)) = (Handle::try_current(), self.abort_request()) {
            // Whoever dropped the writer does not wait for an answer.
            let request = async move { _ = request.await };
            self.leftovers.spawn(&runtime, request);
        }
    }
}

fn part_bytes(number: usize) -> usize {
    PART_BYTES * (1 + number / PARTS_OF_ONE_SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_parts_hold_the_largest_object() {
        const PARTS_MAX: usize = 10_000;
        const PART_BYTES_MAX: usize = 5 << 30;
        let sum: u64 = (0..PARTS_MAX).map(|number| part_bytes(number) as u64).sum();
        assert!(sum >= OBJECT_BYTES_MAX, "{sum}");
        assert!(part_bytes(PARTS_MAX - 1) <= PART_BYTES_MAX);
    }
}
