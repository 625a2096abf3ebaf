//! The world that a task sees in its own tests: buckets in memory and an HTTP source that is a closure.
//! It belongs to the thread, so each test has its own. Not there in a component.
//!
//! ```
//! use stepwell_task::{Bucket, testing};
//!
//! testing::put("orders", "in.txt", b"text");
//! let text = Bucket::new("orders").get("in.txt").unwrap().body;
//! Bucket::new("orders").put("out.txt", &text).unwrap();
//! assert_eq!(testing::object("orders", "out.txt").unwrap(), b"text");
//! ```

use std::rc::Rc;

use crate::{
    http,
    log::Level,
    platform::{self, with_world},
};

/// Status, headers and body of an answer, or why there is none.
pub type Answer = Result<(u16, Vec<(String, Vec<u8>)>, Vec<u8>), http::Error>;

pub(crate) type Source = Rc<dyn Fn(&str) -> Answer>;

/// A line that the task logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// Where it came from.
    pub context: String,
    /// What it says.
    pub message: String,
}

/// Makes a bucket, if there is none of this name.
pub fn bucket(name: &str) {
    with_world(|world| {
        world.buckets.entry(name.to_owned()).or_default();
    });
}

/// Writes an object, and makes its bucket.
pub fn put(bucket: &str, key: &str, body: &[u8]) {
    self::bucket(bucket);
    platform::put(bucket, key, body).expect("the bucket was made");
}

/// An object's bytes.
pub fn object(bucket: &str, key: &str) -> Option<Vec<u8>> {
    with_world(|world| world.buckets.get(bucket)?.get(key).cloned())
}

/// All keys of a bucket, in order.
pub fn keys(bucket: &str) -> Vec<String> {
    with_world(|world| {
        world
            .buckets
            .get(bucket)
            .map(|objects| objects.keys().cloned().collect())
            .unwrap_or_default()
    })
}

/// Answers all HTTP requests of this thread from now on; the closure is given the URL.
pub fn source(answer: impl Fn(&str) -> Answer + 'static) {
    with_world(|world| world.source = Some(Rc::new(answer)));
}

/// Takes what [`report_error`](crate::report_error) was last given.
pub fn reported_error() -> Option<String> {
    with_world(|world| world.reported_error.take())
}

/// Takes what has been logged since the last call.
pub fn log() -> Vec<LogLine> {
    with_world(|world| std::mem::take(&mut world.log))
}
