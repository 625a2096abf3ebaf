//! Dollars, exactly.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error};

use crate::text::grouped;

/// Digits after the point of a dollar.
const DIGITS: usize = 12;

/// Picodollars in a dollar.
const DOLLAR: u128 = 1_000_000_000_000;

/// How many digits of a small amount are shown.
const DIGITS_SHOWN: usize = 4;

/// An amount in US dollars, as a whole number of picodollars (10^-12).
///
/// Every list price is a whole number of them, so sums are exact whatever their order. Amounts that are
/// divided are rounded half up. What is beyond the largest number stays there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(u128);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From picodollars.
    pub const fn from_picodollars(picodollars: u128) -> Self {
        Self(picodollars)
    }

    /// In picodollars.
    pub const fn picodollars(self) -> u128 {
        self.0
    }

    /// In dollars, as the nearest number: for JSON and pictures, not for sums.
    pub fn dollars(self) -> f64 {
        self.exact().parse().unwrap_or(f64::INFINITY)
    }

    /// So many times the amount, divided by so many.
    #[must_use]
    pub fn times(self, count: u128, divided_by: u128) -> Self {
        let product = self.0.saturating_mul(count);
        Self(product.saturating_add(divided_by / 2) / divided_by.max(1))
    }

    /// For a person: two digits after the point, and more only for amounts below a dollar.
    pub fn short(self) -> String {
        let text = format!("{:012}", self.0 % DOLLAR);
        let leading = text.len() - text.trim_start_matches('0').len();
        let digits = if self.0 >= DOLLAR || self.0 == 0 { 2 } else { leading + DIGITS_SHOWN };
        let digits = digits.min(DIGITS);
        let unit = 10_u128.pow(u32::try_from(DIGITS - digits).unwrap_or_default());
        let rounded = Self(self.0.saturating_add(unit / 2) / unit * unit);
        let text = rounded.exact();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let whole: u128 = whole.parse().unwrap_or_default();
        let fraction = fraction.trim_end_matches('0');
        format!("${}.{fraction:0<2}", grouped(whole))
    }

    /// As a decimal number with all its digits.
    fn exact(self) -> String {
        format!("{}.{:012}", self.0 / DOLLAR, self.0 % DOLLAR)
    }
}

/// All its digits, without zeros at the end: `$0.0000166667`.
impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.exact();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        write!(formatter, "${whole}.{:0<2}", fraction.trim_end_matches('0'))
    }
}

/// It is no decimal number of dollars, or has more than twelve digits after the point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no amount in dollars, with at most twelve digits after the point")]
pub struct NoMoney(String);

/// A decimal number: `0.0000166667`, `25`.
impl FromStr for Money {
    type Err = NoMoney;

    fn from_str(text: &str) -> Result<Self, NoMoney> {
        let wrong = || NoMoney(text.to_owned());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > DIGITS {
            return Err(wrong());
        }
        let fraction: u128 = format!("{fraction:0<12}").parse().map_err(|_| wrong())?;
        let whole: u128 = whole.parse().map_err(|_| wrong())?;
        let picodollars = whole.checked_mul(DOLLAR).and_then(|whole| whole.checked_add(fraction));
        picodollars.map(Self).ok_or_else(wrong)
    }
}

/// From a string, because a JSON number is not exact.
impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    #[test]
    fn a_decimal_number_is_read_and_written_exactly() {
        assert_eq!(money("0.0000166667").picodollars(), 16_666_700);
        assert_eq!(money("25").picodollars(), 25 * DOLLAR);
        for text in ["$0.0000166667", "$25.00", "$0.000000000001", "$1234567.50"] {
            assert_eq!(money(&text[1..]).to_string(), text);
        }
        assert!((money("0.000025").dollars() - 0.000_025).abs() < f64::EPSILON);
        for wrong in ["", ".", "1.", ".5", "-1", "1e-6", "0.0000000000001", "$1", "٣"] {
            assert!(wrong.parse::<Money>().is_err(), "{wrong}");
        }
        assert!(format!("{}0", u128::MAX).parse::<Money>().is_err());
    }

    #[test]
    fn people_see_as_many_digits_as_tell_something() {
        for (exact, shown) in [
            ("0", "$0.00"),
            ("0.000016666789", "$0.00001667"),
            ("0.2", "$0.20"),
            ("0.99996", "$1.00"),
            ("3.545", "$3.55"),
            ("1234567.891", "$1,234,567.89"),
        ] {
            assert_eq!(money(exact).short(), shown);
        }
    }

    #[test]
    fn division_rounds_half_up_and_nothing_overflows() {
        assert_eq!(Money(1).times(1, 2), Money(1));
        assert_eq!(Money(1).times(1, 3), Money(0));
        assert_eq!(Money(7).times(3, 2), Money(11));
        assert_eq!(Money(u128::MAX).times(2, 1) + Money(1), Money(u128::MAX));
        assert_eq!(Money(5).times(1, 0), Money(5));
    }
}
