//! `wasi:random`: chance, or what follows from a seed (`--seed`).

use std::convert::Infallible;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng, TryRng};
use sha2::{Digest, Sha256};

use crate::meter::Meter;

/// A generator whose bytes are charged.
pub(super) struct Chance {
    generator: StdRng,
    meter: Arc<Meter>,
}

impl Chance {
    /// What follows from a seed for one instance, of which `of` is the name; without a seed, chance.
    pub(super) fn new(seed: Option<u64>, of: &str, meter: &Arc<Meter>) -> Self {
        let generator = match seed {
            None => StdRng::from_rng(&mut rand::rng()),
            Some(seed) => {
                let hash = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(of);
                StdRng::from_seed(hash.finalize().into())
            }
        };
        Self { generator, meter: Arc::clone(meter) }
    }
}

impl TryRng for Chance {
    type Error = Infallible;

    /// Also for each of many bytes: WASI takes one from each number.
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.meter.charge(size_of::<u32>() as u64);
        Ok(self.generator.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.meter.charge(size_of::<u64>() as u64);
        Ok(self.generator.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.meter.charge(bytes.len() as u64);
        self.generator.fill_bytes(bytes);
        Ok(())
    }
}
