//! Numbers for people: digits in groups, durations, bytes. Knows nothing of what they count.

use std::time::Duration;

const NANOS_PER_MS: u128 = 1_000_000;

/// With a comma after each group of three digits: `1,234,567`.
pub(crate) fn grouped(number: impl Into<u128>) -> String {
    let digits = number.into().to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Milliseconds as seconds, without zeros at the end: `3 s`, `3.001 s`.
pub(crate) fn seconds(ms: u64) -> String {
    let text = format!("{}.{:03}", grouped(ms / 1_000), ms % 1_000);
    format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Bytes as MB with at most one decimal, rounded up: what is more than a whole number of MB looks so.
pub(crate) fn megabytes(bytes: u64) -> String {
    let tenths = (u128::from(bytes) * 10).div_ceil(1 << 20);
    match tenths % 10 {
        0 => format!("{} MB", grouped(tenths / 10)),
        rest => format!("{}.{rest} MB", grouped(tenths / 10)),
    }
}

/// Whole milliseconds, rounded up.
pub(crate) fn ms_rounded_up(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(NANOS_PER_MS)).unwrap_or(u64::MAX)
}

/// One number as a part of another; nothing is a part of nothing.
#[expect(clippy::cast_precision_loss, reason = "a fraction is read to three digits")]
pub(crate) fn fraction(part: u128, whole: u128) -> f64 {
    if whole == 0 {
        return if part == 0 { 0.0 } else { f64::INFINITY };
    }
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(grouped(0_u8), "0");
        assert_eq!(grouped(999_u32), "999");
        assert_eq!(grouped(1_234_567_u32), "1,234,567");
        assert_eq!(seconds(3_000), "3 s");
        assert_eq!(seconds(3_001), "3.001 s");
        assert_eq!(seconds(10), "0.01 s");
    }

    #[test]
    fn a_byte_too_many_shows() {
        assert_eq!(megabytes(128 << 20), "128 MB");
        assert_eq!(megabytes((128 << 20) + 1), "128.1 MB");
    }

    #[test]
    fn a_part_of_nothing_is_no_number_that_misleads() {
        assert!(fraction(0, 0).abs() < f64::EPSILON);
        assert!(fraction(1, 0).is_infinite());
        assert!((fraction(1, 4) - 0.25).abs() < f64::EPSILON);
    }
}
