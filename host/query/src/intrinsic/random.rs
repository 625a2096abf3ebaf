//! The generator of `java.util.Random`, so that a seed gives what it plausibly gives on AWS.

/// A linear congruential generator of 48 bits.
pub(crate) struct JavaRandom(u64);

const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const INCREMENT: u64 = 0xB;
const MASK: u64 = (1 << 48) - 1;

impl JavaRandom {
    pub(crate) fn new(seed: i64) -> Self {
        Self((seed.cast_unsigned() ^ MULTIPLIER) & MASK)
    }

    /// A number below `bound`, which is not zero: `nextInt(bound)` where the bound fits.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        match i32::try_from(bound) {
            Ok(bound) => u64::from(self.next_int(bound).cast_unsigned()),
            Err(_) => (u64::from(self.next(32)) << 32 | u64::from(self.next(32))) % bound,
        }
    }

    /// A number from 0 to below 1: `nextDouble()`.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a number")]
    pub(crate) fn unit(&mut self) -> f64 {
        let bits = u64::from(self.next(26)) << 27 | u64::from(self.next(27));
        bits as f64 / (1_u64 << 53) as f64
    }

    fn next_int(&mut self, bound: i32) -> i32 {
        let last = bound - 1;
        let mut bits = self.next(31).cast_signed();
        if bound & last == 0 {
            // The upper bits are the better ones.
            let scaled = (i64::from(bound) * i64::from(bits)) >> 31;
            return i32::try_from(scaled).expect("it is less than the bound");
        }
        loop {
            let number = bits % bound;
            // An overflow means that the last numbers would come up less often than the others.
            if (bits - number).checked_add(last).is_some() {
                return number;
            }
            bits = self.next(31).cast_signed();
        }
    }

    fn next(&mut self, bits: u32) -> u32 {
        self.0 = self.0.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT) & MASK;
        u32::try_from(self.0 >> (48 - bits)).expect("at most 32 bits are left")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_the_sequence_of_java() {
        let mut random = JavaRandom::new(42);
        let bits: Vec<i32> = (0..4).map(|_| random.next(32).cast_signed()).collect();
        assert_eq!(bits, [-1_170_105_035, 234_785_527, -1_360_544_799, 205_897_768]);
        let mut random = JavaRandom::new(42);
        let numbers: Vec<u64> = (0..5).map(|_| random.below(10)).collect();
        assert_eq!(numbers, [0, 3, 8, 4, 0]);
    }

    #[test]
    fn every_bound_is_kept() {
        for bound in [1, 2, 3, 1 << 30, (1 << 30) + 1, i32::MAX as u64, 1 << 31, u64::MAX] {
            let mut random = JavaRandom::new(-7);
            assert!((0..1000).all(|_| random.below(bound) < bound), "{bound}");
        }
    }
}
