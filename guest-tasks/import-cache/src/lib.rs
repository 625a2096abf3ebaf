//! The cache of an import: where rows wait between the source and their final location.
//!
//! ```text
//! <prefix>page-000000000000.jsonl             rows 0 to 24, one JSON text a line, as the source gave them
//! <prefix>page-000000000025.jsonl             rows 25 to 49; the order of keys is the order of rows
//! <prefix>rejected/page-000000000025.jsonl    what `validate` took out of that page, and why
//! ```
//!
//! Each page is an object of its own, so that the cost of an import grows linearly with its rows, and
//! fetching a page again replaces what the first attempt wrote. The cache belongs to one execution at a
//! time: two that share a prefix disturb each other, and `persist` notices by the number of rows.

use serde_json::value::RawValue;
use stepwell_task::{
    Bucket, Failure,
    buckets::{Error, ObjectInfo, Objects},
};

/// The cache of an import.
#[derive(Debug)]
pub struct Cache {
    bucket: Bucket,
    prefix: String,
}

impl Cache {
    /// The cache under `prefix` of `bucket`. The prefix ends with `/`; an empty one would make the whole
    /// bucket the cache, which is emptied before each import, so it is refused.
    pub fn new(bucket: &str, prefix: &str) -> Result<Self, Failure> {
        if prefix.is_empty() || !prefix.ends_with('/') {
            return Err(Failure::invalid_input(format!(
                "`cache` is the prefix `{prefix}`: it must end with `/`, such as `cache/orders/`, \
                 because everything under it is deleted before an import"
            )));
        }
        Ok(Self { bucket: Bucket::new(bucket), prefix: prefix.to_owned() })
    }

    /// The bucket that holds the cache.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// Refuses a destination inside the cache: the next import would delete it.
    pub fn check_destination(&self, key: &str) -> Result<(), Failure> {
        if key.starts_with(&self.prefix) {
            return Err(Failure::invalid_input(format!(
                "`destination` is `{key}`, which is inside the cache `{}`: the next import would delete it",
                self.prefix
            )));
        }
        Ok(())
    }

    /// Deletes everything under the prefix, and returns how many objects that was.
    pub fn clear(&self) -> Result<u64, Error> {
        let mut deleted = 0;
        for object in self.bucket.list(&self.prefix) {
            self.bucket.delete(&object?.key)?;
            deleted += 1;
        }
        Ok(deleted)
    }

    /// Writes the page of rows that begins with row `offset`, replacing what is there.
    pub fn write_page(&self, offset: u64, rows: &[&RawValue]) -> Result<ObjectInfo, Error> {
        let bytes = rows.iter().map(|row| row.get().len() + 1).sum();
        let mut page = Vec::with_capacity(bytes);
        for row in rows {
            // Between the tokens of a JSON text a line break means nothing; inside of a string there is none.
            for part in row.get().as_bytes().split(|byte| matches!(byte, b'\n' | b'\r')) {
                page.extend_from_slice(part);
            }
            page.push(b'\n');
        }
        self.bucket.put(&self.page_key(offset), &page)
    }

    /// Removes the page that begins with row `offset`, if there is one.
    pub fn remove_page(&self, offset: u64) -> Result<(), Error> {
        self.bucket.delete(&self.page_key(offset))
    }

    /// The pages, in the order of their rows.
    pub fn pages(&self) -> Objects {
        self.bucket.list(format!("{}page-", self.prefix))
    }

    /// The objects that hold rejected rows, in the order of their pages.
    pub fn rejected(&self) -> Objects {
        self.bucket.list(format!("{}rejected/", self.prefix))
    }

    /// Where the rejected rows of a page go.
    pub fn rejected_key(&self, page_key: &str) -> String {
        let name = page_key.strip_prefix(&self.prefix).unwrap_or(page_key);
        format!("{}rejected/{name}", self.prefix)
    }

    fn page_key(&self, offset: u64) -> String {
        format!("{}page-{offset:012}.jsonl", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use stepwell_task::testing;

    use super::*;

    fn cache() -> Cache {
        Cache::new("orders", "cache/orders/").unwrap()
    }

    #[test]
    fn a_prefix_that_would_empty_more_than_a_cache_is_refused() {
        for prefix in ["", "cache/orders", "c"] {
            assert_eq!(Cache::new("orders", prefix).unwrap_err().error, "InvalidInput");
        }
    }

    #[test]
    fn clearing_deletes_what_is_under_the_prefix_and_nothing_else() {
        for number in 0..1_234 {
            testing::put("orders", &format!("cache/orders/page-{number}"), b"stale");
        }
        testing::put("orders", "cache/orders/rejected/page-1", b"stale");
        testing::put("orders", "cache/orders-2/page-1", b"other");
        testing::put("orders", "orders.jsonl", b"other");
        assert_eq!(cache().clear().unwrap(), 1_235);
        assert_eq!(testing::keys("orders"), ["cache/orders-2/page-1", "orders.jsonl"]);
    }

    #[test]
    fn rows_are_kept_as_they_are_one_a_line() {
        testing::bucket("orders");
        let source =
            "[{\"amount\": 1.10,\n  \"id\": 9007199254740993},\r\n{\"text\": \"a\\nb\"}, 1e400]";
        let rows: Vec<&RawValue> = serde_json::from_str(source).unwrap();
        cache().write_page(25, &rows).unwrap();
        let page = testing::object("orders", "cache/orders/page-000000000025.jsonl").unwrap();
        let expected =
            "{\"amount\": 1.10,  \"id\": 9007199254740993}\n{\"text\": \"a\\nb\"}\n1e400\n";
        assert_eq!(String::from_utf8(page).unwrap(), expected);
    }

    #[test]
    fn pages_come_in_the_order_of_rows_without_what_was_rejected() {
        testing::bucket("orders");
        for offset in [1_000, 25, 0, 999_975] {
            cache().write_page(offset, &[]).unwrap();
        }
        let key = "cache/orders/page-000000000025.jsonl";
        let rejected = cache().rejected_key(key);
        assert_eq!(rejected, "cache/orders/rejected/page-000000000025.jsonl");
        testing::put("orders", &rejected, b"");
        let offsets: Vec<String> = cache().pages().map(|page| page.unwrap().key).collect();
        assert_eq!(
            offsets,
            [0, 25, 1_000, 999_975].map(|offset| format!("cache/orders/page-{offset:012}.jsonl"))
        );
        assert_eq!(cache().rejected().count(), 1);
    }
}
