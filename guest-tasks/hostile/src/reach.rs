//! Deeds that reach out of the sandbox: each works where it is granted and fails by name where not.

use std::net::TcpStream;

use serde_json::{Value, json};
use stepwell_task::{
    Bucket, Failure,
    buckets::{Error, Writer},
    http,
};

/// What is written at a time.
const PIECE_BYTES: usize = 1 << 20;

pub(crate) fn environment() -> Value {
    let variables: Vec<(String, String)> = std::env::vars().collect();
    let arguments: Vec<String> = std::env::args().collect();
    json!({ "variables": variables, "arguments": arguments })
}

pub(crate) fn connect(address: &str) -> Result<Value, Failure> {
    let stream = TcpStream::connect(address)?;
    Ok(json!({ "connected": stream.peer_addr()?.to_string() }))
}

pub(crate) fn http(url: &str) -> Result<Value, Failure> {
    let response = http::get(url)?;
    let text = String::from_utf8_lossy(&response.body);
    Ok(json!({ "status": response.status, "bytes": response.body.len(), "text": text }))
}

pub(crate) fn bucket_get(bucket: String, key: &str) -> Result<Value, Failure> {
    let object = Bucket::new(bucket).get(key)?;
    let text = String::from_utf8_lossy(&object.body);
    Ok(json!({ "bytes": object.body.len(), "text": text }))
}

pub(crate) fn bucket_put(bucket: String, key: &str, body: &str) -> Result<Value, Failure> {
    let object = Bucket::new(bucket).put(key, body.as_bytes())?;
    Ok(json!({ "size": object.size, "etag": object.etag }))
}

pub(crate) fn bucket_head(bucket: String, key: &str) -> Result<Value, Failure> {
    let object = Bucket::new(bucket).head(key)?;
    Ok(json!({ "size": object.size, "etag": object.etag }))
}

pub(crate) fn bucket_list(bucket: String, prefix: &str) -> Result<Value, Failure> {
    let keys: Result<Vec<String>, Error> =
        Bucket::new(bucket).list(prefix).map(|object| object.map(|object| object.key)).collect();
    Ok(json!({ "keys": keys? }))
}

pub(crate) fn bucket_copy(bucket: String, key: &str, to: &str) -> Result<Value, Failure> {
    let bucket = Bucket::new(bucket);
    let object = bucket.copy(key, &bucket, to)?;
    Ok(json!({ "size": object.size }))
}

pub(crate) fn bucket_delete(bucket: String, key: &str) -> Result<Value, Failure> {
    Bucket::new(bucket).delete(key)?;
    Ok(json!({ "deleted": key }))
}

/// An object that has got so many bytes and is not finished.
pub(crate) fn write_pieces(bucket: String, key: &str, bytes: usize) -> Result<Writer, Failure> {
    let mut writer = Bucket::new(bucket).create(key)?;
    let piece = vec![b'w'; PIECE_BYTES.min(bytes)];
    let mut written = 0;
    while written < bytes {
        let next = piece.len().min(bytes - written);
        writer.append(&piece[..next])?;
        written += next;
    }
    Ok(writer)
}
