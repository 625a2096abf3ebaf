//! Writing an object that need not fit into memory.

use std::{
    fmt,
    io::{self, Write},
};

use super::{Bucket, Error, ObjectInfo};
use crate::platform;

/// How much is collected before it goes to the host, so that small writes are cheap.
const BUFFER_BYTES: usize = 256 << 10;

/// An object that is written piece by piece; see [`Bucket::create`].
///
/// It becomes visible as a whole with [`Writer::finish`]. Dropped before that, it leaves nothing behind.
pub struct Writer {
    bucket: Bucket,
    key: String,
    upload: platform::Upload,
    buffer: Vec<u8>,
}

impl Writer {
    pub(super) fn new(bucket: Bucket, key: String) -> Result<Self, Error> {
        let upload = platform::create(bucket.name(), &key)
            .map_err(|error| error.while_at("write", &bucket, &key))?;
        Ok(Self { bucket, key, upload, buffer: Vec::new() })
    }

    /// Appends bytes.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.send()?;
        }
        if bytes.len() >= BUFFER_BYTES {
            return self.upload.write(bytes).map_err(|error| self.explain(error));
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Ends the object and makes it visible, replacing one of the same key.
    pub fn finish(mut self) -> Result<ObjectInfo, Error> {
        self.send()?;
        let Self { bucket, key, upload, buffer: _ } = self;
        upload.finish().map_err(|error| error.while_at("write", &bucket, &key))
    }

    fn send(&mut self) -> Result<(), Error> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.upload.write(&self.buffer).map_err(|error| self.explain(error))?;
        self.buffer.clear();
        Ok(())
    }

    fn explain(&self, error: Error) -> Error {
        error.while_at("write", &self.bucket, &self.key)
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.send()?)
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Writer")
            .field("bucket", &self.bucket)
            .field("key", &self.key)
            .field("buffered", &self.buffer.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn small_and_large_pieces_keep_their_order() {
        testing::bucket("orders");
        let mut writer = Bucket::new("orders").create("key").unwrap();
        let mut expected = Vec::new();
        for size in [1, 100, BUFFER_BYTES - 50, 7, BUFFER_BYTES, 3, 2 * BUFFER_BYTES, 0, 9] {
            let fill = u8::try_from(size % 251).unwrap();
            let piece = vec![fill; size];
            expected.extend_from_slice(&piece);
            writer.append(&piece).unwrap();
        }
        let info = writer.finish().unwrap();
        assert_eq!(info.size, expected.len() as u64);
        assert_eq!(testing::object("orders", "key").unwrap(), expected);
    }

    #[test]
    fn nothing_is_visible_before_the_end() {
        testing::put("orders", "key", b"before");
        let mut writer = Bucket::new("orders").create("key").unwrap();
        writer.write_all(b"after").unwrap();
        writer.flush().unwrap();
        assert_eq!(testing::object("orders", "key").unwrap(), b"before");
        drop(writer);
        assert_eq!(testing::object("orders", "key").unwrap(), b"before");
    }

    #[test]
    fn an_object_without_bytes_is_written_too() {
        testing::bucket("orders");
        let info = Bucket::new("orders").create("empty").unwrap().finish().unwrap();
        assert_eq!(info.size, 0);
        assert_eq!(testing::object("orders", "empty").unwrap(), b"");
    }
}
