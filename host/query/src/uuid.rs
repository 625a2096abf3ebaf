//! UUIDs and task tokens as texts.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What every task token begins with; the digit is the format's version.
pub const TOKEN_PREFIX: &str = "st1.";

/// A task token, made of 256 random bits: [`TOKEN_PREFIX`] and 43 characters of URL-safe base64.
pub fn format_token(bits: [u64; 4]) -> String {
    let bytes: Vec<u8> = bits.iter().flat_map(|bits| bits.to_be_bytes()).collect();
    format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// A UUID in its usual form: `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`, in lower case.
pub fn format_uuid(uuid: u128) -> String {
    let digits = format!("{uuid:032x}");
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    parts.join("-")
}

/// A random UUID (version 4), made of 128 bits of which it keeps 122.
pub fn random_uuid(bits: [u64; 2]) -> u128 {
    const VERSION: u128 = 0x4 << 76;
    const VERSION_MASK: u128 = 0xf << 76;
    const VARIANT: u128 = 0b10 << 62;
    const VARIANT_MASK: u128 = 0b11 << 62;
    let bits = u128::from(bits[0]) << 64 | u128::from(bits[1]);
    bits & !VERSION_MASK & !VARIANT_MASK | VERSION | VARIANT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_tells_its_version_and_variant() {
        assert_eq!(format_uuid(random_uuid([0, 0])), "00000000-0000-4000-8000-000000000000");
        assert_eq!(
            format_uuid(random_uuid([u64::MAX, u64::MAX])),
            "ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
        assert_eq!(
            format_uuid(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
            "01234567-89ab-cdef-0123-456789abcdef"
        );
    }
}
