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

/// In milliseconds with one decimal, as tables have it: `1,234.5`.
pub(crate) fn milliseconds(duration: Duration) -> String {
    let tenths = (duration.as_nanos() + NANOS_PER_MS / 20) / (NANOS_PER_MS / 10);
    format!("{}.{}", grouped(tenths / 10), tenths % 10)
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

/// A large number in thousands, millions, billions and so on with one decimal: `217.1 M`, rounded down.
pub(crate) fn short(number: u128) -> String {
    let units = ["", " k", " M", " G", " T", " P"];
    let mut rest = number;
    let mut unit = 0;
    while rest >= 1_000_000 && unit + 1 < units.len() {
        rest /= 1_000;
        unit += 1;
    }
    if rest < 10_000 || unit + 1 == units.len() {
        return format!("{}{}", grouped(rest), units[unit]);
    }
    format!("{}.{}{}", rest / 1_000, rest % 1_000 / 100, units[unit + 1])
}

/// Bytes in decimal units: `420 B`, `1,400 kB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let text = short(bytes.into());
    if text.contains(' ') { text + "B" } else { text + " B" }
}

/// One noun or many: `1 sample`, `3 samples`.
pub(crate) fn counted(count: impl Into<u128>, one: &str) -> String {
    let count = count.into();
    format!("{} {one}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A duration in milliseconds, for JSON and for pictures.
pub(crate) fn ms(duration: Duration) -> f64 {
    fraction(duration.as_nanos(), NANOS_PER_MS)
}

/// Whole milliseconds, rounded up.
pub(crate) fn ms_rounded_up(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(NANOS_PER_MS)).unwrap_or(u64::MAX)
}

/// One number as a part of another; nothing is a part of nothing.
#[expect(
    clippy::cast_precision_loss,
    reason = "what has more than 53 bits is not read to the last one"
)]
pub(crate) fn fraction(part: u128, whole: u128) -> f64 {
    if whole == 0 {
        return if part == 0 { 0.0 } else { f64::INFINITY };
    }
    part as f64 / whole as f64
}

/// With three digits after the point: more would only say how a computer divides.
pub(crate) fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(grouped(0_u8), "0");
        assert_eq!(grouped(999_u32), "999");
        assert_eq!(grouped(1_234_567_u32), "1,234,567");
        assert_eq!(milliseconds(Duration::from_micros(1_234_560)), "1,234.6");
        assert_eq!(milliseconds(Duration::from_nanos(49_999)), "0.0");
        assert_eq!(seconds(3_000), "3 s");
        assert_eq!(seconds(3_001), "3.001 s");
        assert_eq!(seconds(10), "0.01 s");
        assert_eq!(short(9_999), "9,999");
        assert_eq!(short(10_000), "10.0 k");
        assert_eq!(short(217_149_999), "217.1 M");
        assert_eq!(short(1_000_000_000), "1,000 M");
        assert_eq!(short(12_345_678_901), "12.3 G");
        assert_eq!(bytes(420), "420 B");
        assert_eq!(bytes(1_400_000), "1,400 kB");
        assert_eq!(counted(1_u32, "sample"), "1 sample");
        assert_eq!(counted(0_u32, "sample"), "0 samples");
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
