//! Percentiles of any number of values in bounded space.
//!
//! Up to [`EXACT_VALUES_MAX`] values are kept as they are. Beyond, they are counted in buckets, 64 to each
//! power of two, of which the middle is told: no more than 1/128 (0.8 %) beside the value that was there.
//! Count, total, smallest and largest stay exact. All of it is whole numbers, so every machine tells the
//! same.

use std::collections::BTreeMap;
use std::time::Duration;

/// How many values are kept as they are: 64 KiB of them.
pub const EXACT_VALUES_MAX: usize = 8_192;

/// Buckets to each power of two, as a power of two.
const BUCKET_BITS: u32 = 6;

/// The middle, the end but for one in twenty, and the largest of some values.
///
/// Percentiles are by nearest rank: the smallest value that so many percent of all are not larger than.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spread<T> {
    /// Half of the values are not larger.
    pub p50: T,
    /// 95 percent of the values are not larger.
    pub p95: T,
    /// The largest value.
    pub max: T,
}

/// Values, as far as their percentiles need them.
#[derive(Debug, Clone)]
pub(crate) struct Distribution {
    values: Values,
    count: u64,
    total: u128,
    min: u64,
    max: u64,
}

#[derive(Debug, Clone)]
enum Values {
    Exact(Vec<u64>),
    Counted(BTreeMap<u32, u64>),
}

impl Default for Distribution {
    fn default() -> Self {
        let values = Values::Exact(Vec::new());
        Self { values, count: 0, total: 0, min: u64::MAX, max: 0 }
    }
}

impl Distribution {
    pub(crate) fn add(&mut self, value: u64) {
        self.count += 1;
        self.total += u128::from(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        match &mut self.values {
            Values::Exact(values) if values.len() < EXACT_VALUES_MAX => values.push(value),
            Values::Exact(values) => {
                let mut counts = BTreeMap::new();
                for value in values.iter().chain([&value]) {
                    *counts.entry(bucket(*value)).or_default() += 1;
                }
                self.values = Values::Counted(counts);
            }
            Values::Counted(counts) => *counts.entry(bucket(value)).or_default() += 1,
        }
    }

    /// In nanoseconds; 584 years are the most.
    pub(crate) fn add_duration(&mut self, duration: Duration) {
        self.add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn total(&self) -> u128 {
        self.total
    }

    /// `None` if there is no value.
    pub(crate) fn spread(&self) -> Option<Spread<u64>> {
        if self.count == 0 {
            return None;
        }
        let [p50, p95] = self.percentiles([50, 95]);
        Some(Spread { p50, p95, max: self.max })
    }

    /// Of values that are nanoseconds.
    pub(crate) fn durations(&self) -> Option<Spread<Duration>> {
        let Spread { p50, p95, max } = self.spread()?;
        let [p50, p95, max] = [p50, p95, max].map(Duration::from_nanos);
        Some(Spread { p50, p95, max })
    }

    fn percentiles<const N: usize>(&self, percents: [u64; N]) -> [u64; N] {
        match &self.values {
            Values::Exact(values) => {
                let mut sorted = values.clone();
                sorted.sort_unstable();
                percents.map(|percent| {
                    let rank = usize::try_from(self.rank(percent)).unwrap_or(usize::MAX);
                    sorted.get(rank - 1).copied().unwrap_or(self.max)
                })
            }
            Values::Counted(counts) => percents.map(|percent| {
                let rank = self.rank(percent);
                let mut seen = 0;
                let found = counts.iter().find(|(_, count)| {
                    seen += *count;
                    seen >= rank
                });
                found.map_or(self.max, |(bucket, _)| middle(*bucket).clamp(self.min, self.max))
            }),
        }
    }

    /// The place of a percentile, from 1.
    fn rank(&self, percent: u64) -> u64 {
        let rank = (u128::from(self.count) * u128::from(percent)).div_ceil(100);
        u64::try_from(rank).unwrap_or(u64::MAX).max(1)
    }
}

/// Values below 64 have a bucket each.
fn bucket(value: u64) -> u32 {
    let Some(power) = value.checked_ilog2().filter(|power| *power >= BUCKET_BITS) else {
        return u32::try_from(value).unwrap_or_default();
    };
    let shift = power - BUCKET_BITS;
    let within = u32::try_from((value >> shift) & ((1 << BUCKET_BITS) - 1)).unwrap_or_default();
    ((shift + 1) << BUCKET_BITS) + within
}

/// The value in the middle of a bucket.
fn middle(bucket: u32) -> u64 {
    let Some(shift) = (bucket >> BUCKET_BITS).checked_sub(1) else { return bucket.into() };
    let within = u64::from(bucket & ((1 << BUCKET_BITS) - 1));
    let lowest = ((1 << BUCKET_BITS) + within) << shift;
    lowest + ((1_u64 << shift) >> 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Distribution {
        let mut distribution = Distribution::default();
        for value in values {
            distribution.add(value);
        }
        distribution
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let spread = |values: &[u64]| of(values.iter().copied()).spread();
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[7]), Some(Spread { p50: 7, p95: 7, max: 7 }));
        assert_eq!(spread(&[50, 15, 40, 20, 35]), Some(Spread { p50: 35, p95: 50, max: 50 }));
        let twenty: Vec<u64> = (1..=20).collect();
        assert_eq!(spread(&twenty), Some(Spread { p50: 10, p95: 19, max: 20 }));
    }

    #[test]
    fn the_last_value_that_is_kept_and_the_first_that_is_counted() {
        let bound = EXACT_VALUES_MAX as u64;
        // Wide enough that a bucket is far from exact.
        let scaled = |count: u64| (1..=count).map(|value| value * 1_000_003);
        let exact = of(scaled(bound)).spread().unwrap();
        assert_eq!(exact.p50, bound / 2 * 1_000_003);
        let counted = of(scaled(bound + 1));
        assert!(matches!(counted.values, Values::Counted(_)));
        let spread = counted.spread().unwrap();
        let expected = (bound / 2 + 1) * 1_000_003;
        assert!(spread.p50.abs_diff(expected) * 128 <= expected, "{} {expected}", spread.p50);
        assert_eq!(spread.max, (bound + 1) * 1_000_003);
        assert_eq!(counted.count(), bound + 1);
        assert_eq!(counted.total(), u128::from((bound + 1) * (bound + 2) / 2) * 1_000_003);
    }

    #[test]
    fn millions_of_values_take_no_more_space() {
        let distribution = of((0..1_000_000).map(|value| value * value));
        let Values::Counted(counts) = &distribution.values else { panic!("they are counted") };
        assert!(counts.len() < 64 * 64, "{}", counts.len());
        assert_eq!(distribution.max, 999_999 * 999_999);
    }

    proptest! {
        #[test]
        fn the_middle_of_a_bucket_is_near_every_value_in_it(value: u64) {
            let middle = middle(bucket(value));
            prop_assert!(u128::from(middle.abs_diff(value)) * 128 <= u128::from(value));
            prop_assert_eq!(bucket(middle), bucket(value));
        }

        #[test]
        fn a_larger_value_is_in_no_lower_bucket(one: u64, other: u64) {
            prop_assert_eq!(bucket(one.min(other)), bucket(one).min(bucket(other)));
        }
    }
}
