//! S3's rules for the names of buckets and objects, checked before anything is touched.

use std::net::Ipv4Addr;

use crate::ObjectError;

/// S3's limit on a key, counted in bytes of UTF-8.
pub(crate) const KEY_BYTES_MAX: usize = 1_024;

/// Checks the name of an object: a bucket and a key.
pub(crate) fn check(bucket: &str, key: &str) -> Result<(), ObjectError> {
    check_bucket(bucket)?;
    if key.is_empty() {
        return Err(ObjectError::InvalidKey { reason: "it is empty" });
    }
    if key.len() > KEY_BYTES_MAX {
        return Err(ObjectError::KeyTooLong { bytes: key.len() });
    }
    Ok(())
}

/// Checks a bucket's name by S3's rules for general purpose buckets. (Reserved prefixes and suffixes
/// are left out: only the creation of a bucket is refused for them.)
pub(crate) fn check_bucket(bucket: &str) -> Result<(), ObjectError> {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = bucket.as_bytes();
    let reason = if !(3..=63).contains(&bytes.len()) {
        "it must have 3 to 63 characters"
    } else if !bytes.iter().all(|&byte| alphanumeric(byte) || byte == b'-' || byte == b'.') {
        "it may hold lower-case letters, digits, hyphens and periods only"
    } else if !bytes.first().is_some_and(|&byte| alphanumeric(byte))
        || !bytes.last().is_some_and(|&byte| alphanumeric(byte))
    {
        "it must begin and end with a letter or a digit"
    } else if bucket.contains("..") {
        "it must not hold two periods in a row"
    } else if bucket.parse::<Ipv4Addr>().is_ok() {
        "it must not look like an IP address"
    } else {
        return Ok(());
    };
    Err(ObjectError::InvalidBucketName { bucket: bucket.chars().take(80).collect(), reason })
}

/// Checks the two names of a copy.
pub(crate) fn check_copy(from: (&str, &str), to: (&str, &str)) -> Result<(), ObjectError> {
    check(from.0, from.1)?;
    check(to.0, to.1)?;
    if from == to {
        let message = "an object cannot be copied onto itself".to_owned();
        return Err(ObjectError::InvalidRequest { message });
    }
    Ok(())
}
