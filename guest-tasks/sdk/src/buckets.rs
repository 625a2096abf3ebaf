//! Objects in buckets, with the meaning that S3 gives them.

mod error;
mod reader;
mod writer;

use std::{collections::VecDeque, ops::RangeInclusive, time::SystemTime};

pub use error::{Error, ErrorKind};
pub use reader::Reader;
pub use writer::Writer;

use crate::platform;

/// A bucket by its name. Making one costs nothing and asks nobody; the first call finds out whether the
/// bucket exists and is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    name: String,
}

/// What is known about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// The object's key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// Changes whenever the content changes; opaque, quotes included.
    pub etag: String,
    /// When it was last written.
    pub last_modified: SystemTime,
}

/// An object or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// About the whole object, whatever part was asked for.
    pub info: ObjectInfo,
    /// The bytes asked for.
    pub body: Vec<u8>,
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Objects in the order of their keys' UTF-8 bytes.
    pub objects: Vec<ObjectInfo>,
    /// What to pass for the next page; `None` on the last one.
    pub next: Option<String>,
}

impl Bucket {
    /// The bucket of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    /// The bucket's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads a whole object into memory. For objects that may be large, see [`Bucket::open`].
    pub fn get(&self, key: &str) -> Result<Object, Error> {
        platform::get(&self.name, key, None).map_err(|error| error.while_at("read", self, key))
    }

    /// Reads a part of an object; both ends are included, an end past the object's is clamped, and a
    /// start past it is [`ErrorKind::InvalidRange`].
    pub fn get_range(&self, key: &str, bytes: RangeInclusive<u64>) -> Result<Object, Error> {
        let range = Some((*bytes.start(), Some(*bytes.end())));
        platform::get(&self.name, key, range).map_err(|error| error.while_at("read", self, key))
    }

    /// Reads an object from its beginning to its end, whatever its size, a part at a time.
    pub fn open(&self, key: impl Into<String>) -> Reader {
        Reader::new(self.clone(), key.into())
    }

    /// Writes an object at once, replacing one of the same key; nobody sees half of it.
    pub fn put(&self, key: &str, body: &[u8]) -> Result<ObjectInfo, Error> {
        platform::put(&self.name, key, body).map_err(|error| error.while_at("write", self, key))
    }

    /// Begins an object that is written piece by piece, whatever its size.
    pub fn create(&self, key: impl Into<String>) -> Result<Writer, Error> {
        Writer::new(self.clone(), key.into())
    }

    /// What is known about an object, without reading it.
    pub fn head(&self, key: &str) -> Result<ObjectInfo, Error> {
        platform::head(&self.name, key).map_err(|error| error.while_at("look at", self, key))
    }

    /// All objects whose keys begin with `prefix`, in the order of their keys. Asks for a page of up to
    /// 1,000 when the one before is used up; ends after the first error.
    pub fn list(&self, prefix: impl Into<String>) -> Objects {
        Objects {
            bucket: self.clone(),
            prefix: prefix.into(),
            page: VecDeque::new(),
            next: Next::First,
        }
    }

    /// One page of the objects whose keys begin with `prefix`: at most `limit` (1 to 1,000), continued
    /// from the `next` of the page before.
    pub fn list_page(
        &self,
        prefix: &str,
        next: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Listing, Error> {
        platform::list(&self.name, prefix, next, limit)
            .map_err(|error| error.while_at("list", self, prefix))
    }

    /// Copies an object of this bucket to `key` of `bucket`; its bytes do not pass through the task.
    pub fn copy(&self, from_key: &str, bucket: &Self, key: &str) -> Result<ObjectInfo, Error> {
        platform::copy(&self.name, from_key, &bucket.name, key)
            .map_err(|error| error.while_at("copy", self, from_key))
    }

    /// Deletes an object. Deleting one that does not exist succeeds.
    pub fn delete(&self, key: &str) -> Result<(), Error> {
        platform::delete(&self.name, key).map_err(|error| error.while_at("delete", self, key))
    }
}

/// The objects under a prefix; see [`Bucket::list`].
#[derive(Debug)]
pub struct Objects {
    bucket: Bucket,
    prefix: String,
    page: VecDeque<ObjectInfo>,
    next: Next,
}

#[derive(Debug)]
enum Next {
    First,
    Page(String),
    Done,
}

impl Iterator for Objects {
    type Item = Result<ObjectInfo, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        // A page may be empty without being the last one.
        while self.page.is_empty() {
            let next = match std::mem::replace(&mut self.next, Next::Done) {
                Next::First => None,
                Next::Page(next) => Some(next),
                Next::Done => return None,
            };
            match self.bucket.list_page(&self.prefix, next.as_deref(), None) {
                Ok(listing) => {
                    self.page = listing.objects.into();
                    self.next = listing.next.map_or(Next::Done, Next::Page);
                }
                Err(error) => return Some(Err(error)),
            }
        }
        self.page.pop_front().map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_listing_goes_through_all_pages() {
        for number in 0..2_500 {
            testing::put("orders", &format!("cache/{number:04}"), b"");
        }
        testing::put("orders", "other", b"");
        let keys: Vec<String> =
            Bucket::new("orders").list("cache/").map(|object| object.unwrap().key).collect();
        assert_eq!(keys.len(), 2_500);
        assert!(keys.is_sorted());
    }

    #[test]
    fn a_listing_ends_after_its_first_error() {
        let mut objects = Bucket::new("missing").list("");
        assert_eq!(objects.next().unwrap().unwrap_err().kind, ErrorKind::NoSuchBucket);
        assert!(objects.next().is_none());
    }

    #[test]
    fn a_range_includes_both_ends() {
        testing::put("orders", "key", b"0123456789");
        let bucket = Bucket::new("orders");
        assert_eq!(bucket.get_range("key", 2..=4).unwrap().body, b"234");
        assert_eq!(bucket.get_range("key", 8..=99).unwrap().body, b"89");
        assert_eq!(bucket.get_range("key", 10..=10).unwrap_err().kind, ErrorKind::InvalidRange);
    }

    #[test]
    fn an_error_says_what_was_tried_and_where() {
        testing::put("orders", "key", b"");
        let error = Bucket::new("orders").get("missing").unwrap_err();
        assert_eq!(error.kind, ErrorKind::NoSuchKey);
        assert!(error.message.starts_with("cannot read `missing` in bucket `orders`: "));
    }

    #[test]
    fn copy_and_delete_need_no_bytes() {
        testing::put("orders", "from", b"text");
        let bucket = Bucket::new("orders");
        bucket.copy("from", &bucket, "to").unwrap();
        bucket.delete("from").unwrap();
        bucket.delete("from").unwrap();
        assert_eq!(testing::object("orders", "from"), None);
        assert_eq!(testing::object("orders", "to").as_deref(), Some(&b"text"[..]));
    }
}
