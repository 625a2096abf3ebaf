//! The small texts in S3's requests and answers.

use std::fmt::Write;

/// Encodes a key for the header that names the source of a copy; `/` stays.
pub(super) fn url_encoded(key: &str) -> String {
    let mut encoded = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a `String` takes everything");
        }
    }
    encoded
}

/// Decodes a key of a listing, where S3 writes a space as `+`. `None` if it is not encoded.
pub(super) fn url_decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hexadecimal(bytes.next()?)? << 4 | hexadecimal(bytes.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

/// The size of the whole object, from `bytes 0-4/10`.
pub(super) fn whole_size(content_range: &str) -> Option<u64> {
    content_range.rsplit_once('/')?.1.parse().ok()
}

fn hexadecimal(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_encoding() {
        let key = "a b/ü+%/..//\n~🦀";
        assert_eq!(url_encoded(key), "a%20b/%C3%BC%2B%25/..//%0A~%F0%9F%A6%80");
        assert_eq!(url_decoded(&url_encoded(key)).as_deref(), Some(key));
    }

    #[test]
    fn a_plus_in_a_listing_is_a_space() {
        assert_eq!(url_decoded("a+b%2Bc").as_deref(), Some("a b+c"));
        for broken in ["%", "%2", "%zz", "%FF"] {
            assert_eq!(url_decoded(broken), None, "{broken}");
        }
    }

    #[test]
    fn the_range_tells_the_whole_size() {
        assert_eq!(whole_size("bytes 0-4/10"), Some(10));
        assert_eq!(whole_size("bytes 0-4/*"), None);
    }
}
