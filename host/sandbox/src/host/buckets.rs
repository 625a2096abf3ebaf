//! `stepwell:task/buckets`: objects under granted keys. Names come from the guest and are not trusted;
//! bytes that go to the guest are bounded by its memory before the host reads them.

use std::sync::Arc;

use bytes::Bytes;
use stepwell_objects::{self as objects, ListRequest, ObjectError, ObjectWriter};
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::component::Resource;

use super::bindings::stepwell::task::buckets::{
    self, ByteRange, Error, Listing, Object, ObjectInfo,
};
use super::{Host, log_line, shown};
use crate::limits::OBJECT_WRITERS_MAX;
use crate::report::LogSource;

/// An object that a guest writes piece by piece. Dropped unfinished, it leaves nothing.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct BucketWriter(Box<dyn ObjectWriter>, OwnedSemaphorePermit);

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl buckets::Host for Host {
    async fn get(
        &mut self,
        bucket: String,
        key: String,
        range: Option<ByteRange>,
    ) -> Answer<Object> {
        self.charge_names([&bucket, &key]);
        if !self.grants.allows_read(&bucket, &key) {
            return Ok(Err(self.denied("read", &bucket, &key)));
        }
        let range = range.map(|range| objects::ByteRange { first: range.first, last: range.last });
        // The bytes are in the host's memory before they are in the guest's.
        let most = u64::from(self.current.memory_mb) << 18;
        let answer = self.objects.get(&bucket, &key, range, most).await;
        if let Ok(object) = &answer {
            self.meter.charge(object.body.len() as u64);
        }
        Ok(answer
            .map(|object| Object { info: info(object.info), body: object.body.into() })
            .map_err(error))
    }

    async fn put(&mut self, bucket: String, key: String, body: Vec<u8>) -> Answer<ObjectInfo> {
        self.charge_names([&bucket, &key]);
        if !self.grants.allows_write(&bucket, &key) {
            return Ok(Err(self.denied("write", &bucket, &key)));
        }
        self.meter.charge(body.len() as u64);
        let answer = self.objects.put(&bucket, &key, Bytes::from(body)).await;
        Ok(answer.map(info).map_err(error))
    }

    async fn head(&mut self, bucket: String, key: String) -> Answer<ObjectInfo> {
        self.charge_names([&bucket, &key]);
        if !self.grants.allows_read(&bucket, &key) {
            return Ok(Err(self.denied("read", &bucket, &key)));
        }
        Ok(self.objects.head(&bucket, &key).await.map(info).map_err(error))
    }

    async fn list(
        &mut self,
        bucket: String,
        prefix: String,
        next: Option<String>,
        limit: Option<u32>,
    ) -> Answer<Listing> {
        self.charge_names([&bucket, &prefix, next.as_deref().unwrap_or_default()]);
        if !self.grants.allows_list(&bucket, &prefix) {
            return Ok(Err(self.denied("list", &bucket, &format!("{}*", shown(&prefix)))));
        }
        let most = u32::from(objects::LIST_KEYS_MAX);
        let limit = limit.unwrap_or(most).clamp(1, most);
        let request = ListRequest {
            prefix,
            continuation_token: next,
            max_keys: u16::try_from(limit).unwrap_or(objects::LIST_KEYS_MAX),
        };
        let answer = self.objects.list(&bucket, &request).await;
        Ok(answer
            .map(|page| Listing {
                objects: page.objects.into_iter().map(info).collect(),
                next: page.next_continuation_token,
            })
            .map_err(error))
    }

    async fn copy(
        &mut self,
        from_bucket: String,
        from_key: String,
        to_bucket: String,
        to_key: String,
    ) -> Answer<ObjectInfo> {
        self.charge_names([&from_bucket, &from_key, &to_bucket, &to_key]);
        if !self.grants.allows_read(&from_bucket, &from_key) {
            return Ok(Err(self.denied("read", &from_bucket, &from_key)));
        }
        if !self.grants.allows_write(&to_bucket, &to_key) {
            return Ok(Err(self.denied("write", &to_bucket, &to_key)));
        }
        let answer = self.objects.copy(&from_bucket, &from_key, &to_bucket, &to_key).await;
        Ok(answer.map(info).map_err(error))
    }

    async fn delete(&mut self, bucket: String, key: String) -> Answer<()> {
        self.charge_names([&bucket, &key]);
        if !self.grants.allows_write(&bucket, &key) {
            return Ok(Err(self.denied("delete", &bucket, &key)));
        }
        Ok(self.objects.delete(&bucket, &key).await.map_err(error))
    }

    async fn create(&mut self, bucket: String, key: String) -> Answer<Resource<BucketWriter>> {
        self.charge_names([&bucket, &key]);
        if !self.grants.allows_write(&bucket, &key) {
            return Ok(Err(self.denied("write", &bucket, &key)));
        }
        let Ok(permit) = Arc::clone(&self.writers).try_acquire_owned() else {
            let text = format!("{OBJECT_WRITERS_MAX} objects are being written already");
            return Ok(Err(Error::Storage(text)));
        };
        match self.objects.create(&bucket, &key).await {
            Ok(writer) => Ok(Ok(self.table.push(BucketWriter(writer, permit))?)),
            Err(failure) => Ok(Err(error(failure))),
        }
    }
}

impl buckets::HostWriter for Host {
    async fn write(&mut self, writer: Resource<BucketWriter>, bytes: Vec<u8>) -> Answer<()> {
        self.meter.charge(bytes.len() as u64);
        let BucketWriter(writer, _) = self.table.get_mut(&writer)?;
        Ok(writer.write(Bytes::from(bytes)).await.map_err(error))
    }

    async fn finish(&mut self, writer: Resource<BucketWriter>) -> Answer<ObjectInfo> {
        let BucketWriter(writer, _permit) = self.table.delete(writer)?;
        Ok(writer.finish().await.map(info).map_err(error))
    }

    async fn drop(&mut self, writer: Resource<BucketWriter>) -> wasmtime::Result<()> {
        let BucketWriter(writer, _permit) = self.table.delete(writer)?;
        // What goes wrong while nothing is left behind is nobody's business.
        _ = writer.abort().await;
        Ok(())
    }
}

impl Host {
    /// Names cost what they weigh, before anybody looks at them: a guest can make them as long as its memory.
    fn charge_names<const COUNT: usize>(&self, names: [&str; COUNT]) {
        self.meter.charge(names.iter().map(|name| name.len() as u64).sum());
    }

    fn denied(&self, what: &str, bucket: &str, key: &str) -> Error {
        let (bucket, key) = (shown(bucket), shown(key));
        let text = format!("no grant to {what} `{bucket}/{key}`");
        let help = format!("{text} (`grants: {{ objects: [\"{bucket}/{key}\"] }}`)");
        log_line(&self.log, LogSource::Sandbox, &help);
        Error::AccessDenied(text)
    }
}

fn info(info: objects::ObjectInfo) -> ObjectInfo {
    ObjectInfo {
        key: info.key,
        size: info.size,
        etag: info.etag,
        last_modified_ms: u64::try_from(info.last_modified.as_millisecond()).unwrap_or(0),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn error(error: ObjectError) -> Error {
    let text = error.to_string();
    match error {
        ObjectError::NoSuchBucket { .. } => Error::NoSuchBucket(text),
        ObjectError::NoSuchKey { .. } => Error::NoSuchKey(text),
        ObjectError::InvalidRange => Error::InvalidRange(text),
        ObjectError::InvalidBucketName { .. }
        | ObjectError::KeyTooLong { .. }
        | ObjectError::InvalidKey { .. } => Error::InvalidName(text),
        ObjectError::TooLarge { .. } => Error::TooLarge(text),
        ObjectError::AccessDenied { .. } => Error::AccessDenied(text),
        _ => Error::Storage(text),
    }
}
