//! Reading an object that need not fit into memory.

use std::io::{self, BufRead, Read};

use super::{Bucket, Error, ErrorKind};
use crate::platform;

/// How much of an object is in memory at once. Far below what a function of 128 MB may get in one
/// answer, and enough that the calls cost little beside the bytes.
const PART_BYTES: u64 = 1 << 20;

/// An object read from its beginning to its end, a part at a time; see [`Bucket::open`].
///
/// It has its own buffer, so `lines()` and the like need no `BufReader`. All parts come from one version
/// of the object: if it is replaced meanwhile, reading fails with [`ErrorKind::Changed`].
#[derive(Debug)]
pub struct Reader {
    bucket: Bucket,
    key: String,
    part: Vec<u8>,
    consumed: usize,
    /// Where the next part begins.
    offset: u64,
    /// The version and size that are being read; unknown before the first part.
    version: Option<(String, u64)>,
}

impl Reader {
    pub(super) fn new(bucket: Bucket, key: String) -> Self {
        Self { bucket, key, part: Vec::new(), consumed: 0, offset: 0, version: None }
    }

    /// The bytes that come next, empty at the object's end; [`BufRead::consume`] goes past them.
    pub fn peek(&mut self) -> Result<&[u8], Error> {
        let done = self.version.as_ref().is_some_and(|(_, size)| self.offset >= *size);
        if self.consumed == self.part.len() && !done {
            self.next_part().map_err(|error| error.while_at("read", &self.bucket, &self.key))?;
        }
        Ok(&self.part[self.consumed..])
    }

    fn next_part(&mut self) -> Result<(), Error> {
        let range = (self.offset, Some(self.offset + PART_BYTES - 1));
        let part = match platform::get(self.bucket.name(), &self.key, Some(range)) {
            Ok(part) => part,
            // An empty object has no first byte.
            Err(error) if error.kind == ErrorKind::InvalidRange && self.offset == 0 => {
                self.version = Some((String::new(), 0));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let version = (part.info.etag, part.info.size);
        if self.version.as_ref().is_some_and(|before| *before != version) {
            return Err(Error::new(ErrorKind::Changed, "it was replaced meanwhile"));
        }
        if part.body.is_empty() && self.offset < version.1 {
            return Err(Error::new(ErrorKind::Storage, "it ended before its end"));
        }
        self.offset += part.body.len() as u64;
        self.version = Some(version);
        self.part = part.body;
        self.consumed = 0;
        Ok(())
    }
}

impl BufRead for Reader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.peek()?)
    }

    fn consume(&mut self, amount: usize) {
        self.consumed = self.part.len().min(self.consumed + amount);
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.peek()?;
        let amount = bytes.len().min(buffer.len());
        buffer[..amount].copy_from_slice(&bytes[..amount]);
        self.consume(amount);
        Ok(amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn an_object_larger_than_a_part_is_read_as_it_is() {
        let text: Vec<u8> = (0..400_000u32).flat_map(u32::to_le_bytes).collect();
        testing::put("orders", "large", &text);
        let mut read = Vec::new();
        Bucket::new("orders").open("large").read_to_end(&mut read).unwrap();
        assert_eq!(read, text);
    }

    #[test]
    fn an_empty_object_is_read_as_nothing() {
        testing::put("orders", "empty", b"");
        let mut reader = Bucket::new("orders").open("empty");
        assert_eq!(reader.read(&mut [0; 8]).unwrap(), 0);
        assert_eq!(reader.peek(), Ok(&b""[..]));
    }

    #[test]
    fn lines_need_no_further_buffer() {
        testing::put("orders", "lines", b"one\ntwo\nthree");
        let lines: Vec<String> =
            Bucket::new("orders").open("lines").lines().map(Result::unwrap).collect();
        assert_eq!(lines, ["one", "two", "three"]);
    }

    #[test]
    fn an_object_that_changes_while_it_is_read_is_an_error() {
        testing::put("orders", "key", &vec![b'a'; 3 << 20]);
        let mut reader = Bucket::new("orders").open("key");
        let part = reader.peek().unwrap().len();
        reader.consume(part);
        testing::put("orders", "key", &vec![b'b'; 3 << 20]);
        assert_eq!(reader.peek().unwrap_err().kind, ErrorKind::Changed);
    }

    #[test]
    fn a_missing_object_is_an_error_with_its_key() {
        testing::put("orders", "key", b"");
        let error = Bucket::new("orders").open("missing").peek().unwrap_err();
        assert_eq!(error.kind, ErrorKind::NoSuchKey);
        assert!(error.message.contains("`missing`"), "{error}");
    }
}
