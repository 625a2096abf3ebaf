//! Compares numbers that are written in decimal, exactly, whatever their size.

use std::cmp::Ordering;

/// A text that is no decimal number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotDecimal {
    /// The first character that cannot be there; none when the text ends too early.
    pub(super) at: Option<char>,
}

/// Compares two texts by the numbers they write: `1.0` equals `1`, and `1e3` equals `1000`.
pub(super) fn compare(left: &str, right: &str) -> Result<Ordering, NotDecimal> {
    // `i64` also reads `+1`, as the longer way does.
    if let (Ok(left), Ok(right)) = (left.parse::<i64>(), right.parse::<i64>()) {
        return Ok(left.cmp(&right));
    }
    let (left, right) = (Decimal::read(left)?, Decimal::read(right)?);
    Ok(match (left.sign(), right.sign()) {
        (-1, -1) => right.compare_magnitude(&left),
        (1, 1) => left.compare_magnitude(&right),
        (left, right) => left.cmp(&right),
    })
}

/// `0.DIGITS` times ten to the power of `exponent`. The digits neither start nor end with zero, so zero
/// has none.
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn read(text: &str) -> Result<Self, NotDecimal> {
        let (negative, unsigned) = split_sign(text);
        let (mantissa, power) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, Some(power)),
            None => (unsigned, None),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        if let Some(at) = all.chars().find(|character| !character.is_ascii_digit()) {
            return Err(NotDecimal { at: Some(at) });
        }
        if all.is_empty() {
            return Err(NotDecimal { at: unsigned.chars().next() });
        }
        let power = power.map_or(Ok(0), read_power)?;
        let digits = all.trim_start_matches('0');
        let zeros = i64::try_from(all.len() - digits.len()).unwrap_or(i64::MAX);
        let point = i64::try_from(whole.len()).unwrap_or(i64::MAX);
        let digits = digits.trim_end_matches('0').to_owned();
        Ok(Self { negative, digits, exponent: point - zeros + power })
    }

    fn sign(&self) -> i32 {
        match (self.digits.is_empty(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    fn compare_magnitude(&self, other: &Self) -> Ordering {
        self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits))
    }
}

fn read_power(text: &str) -> Result<i64, NotDecimal> {
    let (negative, digits) = split_sign(text);
    if let Some(at) = digits.chars().find(|character| !character.is_ascii_digit()) {
        return Err(NotDecimal { at: Some(at) });
    }
    // Java's limit as well.
    let power: i32 = digits.parse().map_err(|_| NotDecimal { at: digits.chars().next() })?;
    Ok(i64::from(if negative { -power } else { power }))
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_by_value() {
        for (left, right, expected) in [
            ("1", "1.0", Ordering::Equal),
            ("+1", "01", Ordering::Equal),
            ("1e3", "1000", Ordering::Equal),
            (".5", "5E-1", Ordering::Equal),
            ("-0", "0.000", Ordering::Equal),
            ("9", "10", Ordering::Less),
            ("-9", "-10", Ordering::Greater),
            ("-1", "0.1", Ordering::Less),
            ("0.1", "0.10000000000000000000001", Ordering::Less),
            ("9007199254740993", "9007199254740992.0", Ordering::Greater),
            ("1e300", "2", Ordering::Greater),
            ("123456789012345678901234567890", "123456789012345678901234567889", Ordering::Greater),
        ] {
            assert_eq!(compare(left, right), Ok(expected), "{left} and {right}");
            assert_eq!(compare(right, left), Ok(expected.reverse()), "{right} and {left}");
        }
    }

    #[test]
    fn what_is_no_number_names_its_character() {
        for (text, at) in [
            ("", None),
            ("s", Some('s')),
            ("1x", Some('x')),
            (" 1", Some(' ')),
            (".", Some('.')),
            ("1e", None),
            ("1e5.0", Some('.')),
            ("NaN", Some('N')),
            ("1e99999999999", Some('9')),
            ("true", Some('t')),
        ] {
            assert_eq!(compare(text, "1"), Err(NotDecimal { at }), "{text}");
        }
    }
}
