//! What Lambda and Step Functions cost: list prices by region, and bills in their units
//! (`facts/limits.md` 6).
//!
//! What is billed is summed up as whole numbers (MB times milliseconds) and priced once, so no sum depends
//! on its order. Tiers, the free tier and taxes are left out: a bill is what the next invocation costs.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use serde::Deserialize;

use crate::limits::STORAGE_MB_DEFAULT;
use crate::money::Money;
use crate::usage::{Architecture, FunctionLimits};

/// The region whose Lambda prices stand for those that are not known.
const LAMBDA_REGION: &str = "us-east-1";

/// MB times milliseconds in a GB-second.
const MB_MS_PER_GB_SECOND: u128 = 1_024 * 1_000;

/// The prices of one region, in US dollars.
///
/// All fields are public, so that prices of a contract can be had as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices {
    /// Such as `us-east-1`.
    pub region: String,
    /// The region that the prices of Lambda are from: another one where this one's are not known.
    pub lambda_region: String,
    /// The month of the prices, as `2026-04`.
    pub date: String,
    /// Where they are from.
    pub source: String,
    /// A GB-second on `x86_64`.
    pub x86_64_gb_second: Money,
    /// A GB-second on `arm64`.
    pub arm64_gb_second: Money,
    /// A GB-second of `/tmp` above 512 MB.
    pub storage_gb_second: Money,
    /// A request.
    pub request: Money,
    /// A state transition of a Standard workflow.
    pub transition: Money,
}

impl Prices {
    /// The list prices of a region. Where only the price of a transition is known, the others are those
    /// of `us-east-1`, and [`Prices::note`] says so.
    pub fn for_region(region: &str) -> Result<Self, PricesError> {
        let list = &*LIST;
        if let Some(currency) = list.other_currency.get(region) {
            let (region, currency) = (region.to_owned(), currency.clone());
            return Err(PricesError::OtherCurrency { region, currency });
        }
        let Some(transition) = list.transition.get(region) else {
            let known: Vec<&str> = list.transition.keys().map(String::as_str).collect();
            return Err(PricesError::UnknownRegion {
                region: region.to_owned(),
                known: known.join(", "),
            });
        };
        let lambda_region = if list.lambda.contains_key(region) { region } else { LAMBDA_REGION };
        let lambda = &list.lambda[lambda_region];
        Ok(Self {
            region: region.to_owned(),
            lambda_region: lambda_region.to_owned(),
            date: list.date.clone(),
            source: list.source.clone(),
            x86_64_gb_second: lambda.x86_64_gb_second,
            arm64_gb_second: lambda.arm64_gb_second,
            storage_gb_second: lambda.storage_gb_second,
            request: lambda.request,
            transition: *transition,
        })
    }

    /// The regions that [`Prices::for_region`] knows.
    pub fn regions() -> impl Iterator<Item = &'static str> {
        LIST.transition.keys().map(String::as_str)
    }

    /// What to say beside every number that rests on these prices.
    pub fn note(&self) -> String {
        let of = if self.region == self.lambda_region {
            String::new()
        } else {
            format!("; those of Lambda are of {}", self.lambda_region)
        };
        format!("list prices of {} in {}{of}, without free tier", self.region, self.date)
    }

    /// A GB-second.
    pub fn gb_second(&self, architecture: Architecture) -> Money {
        match architecture {
            Architecture::X86_64 => self.x86_64_gb_second,
            Architecture::Arm64 => self.arm64_gb_second,
        }
    }

    /// What a bill comes to; each part is rounded to a picodollar once.
    pub fn cost(&self, architecture: Architecture, bill: &Bill) -> Cost {
        self.scaled(architecture, bill, 1, 1)
    }

    /// What so many invocations cost that are like the mean of a bill's; rounded once as well.
    pub fn cost_of_mean(&self, architecture: Architecture, bill: &Bill, invocations: u64) -> Cost {
        self.scaled(architecture, bill, invocations.into(), bill.requests.into())
    }

    fn scaled(
        &self,
        architecture: Architecture,
        bill: &Bill,
        count: u128,
        divided_by: u128,
    ) -> Cost {
        let seconds = |price: Money, mb_ms: u128| {
            price.times(mb_ms.saturating_mul(count), MB_MS_PER_GB_SECOND.saturating_mul(divided_by))
        };
        Cost {
            compute: seconds(self.gb_second(architecture), bill.memory_mb_ms),
            storage: seconds(self.storage_gb_second, bill.storage_mb_ms),
            requests: self.request.times(u128::from(bill.requests) * count, divided_by),
            transitions: Money::ZERO,
        }
    }

    /// What state transitions of Standard workflows cost.
    pub fn transitions(&self, count: u64) -> Cost {
        Cost { transitions: self.transition.times(count.into(), 1), ..Cost::default() }
    }
}

/// There are no prices for a region.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PricesError {
    /// It is not on the list.
    #[error("no prices are known for the region `{region}`; known are {known}")]
    UnknownRegion {
        /// As it was asked for.
        region: String,
        /// All that are on the list.
        known: String,
    },
    /// It bills in a currency that cannot be added to Lambda's dollars.
    #[error("`{region}` bills in {currency}, and prices are known in dollars only")]
    OtherCurrency {
        /// As it was asked for.
        region: String,
        /// Its currency.
        currency: String,
    },
}

/// What invocations are billed, before prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bill {
    /// Invocations.
    pub requests: u64,
    /// Memory times billed milliseconds.
    pub memory_mb_ms: u128,
    /// `/tmp` above what is free, times billed milliseconds.
    pub storage_mb_ms: u128,
}

impl Bill {
    /// Adds one invocation with its billed duration, of which only whole milliseconds count.
    pub fn add(&mut self, limits: &FunctionLimits, billed: Duration) {
        let ms = billed.as_millis();
        let paid_storage = limits.storage_mb.saturating_sub(STORAGE_MB_DEFAULT);
        self.requests += 1;
        let memory_mb_ms = u128::from(limits.memory_mb) * ms;
        self.memory_mb_ms = self.memory_mb_ms.saturating_add(memory_mb_ms);
        let storage_mb_ms = u128::from(paid_storage) * ms;
        self.storage_mb_ms = self.storage_mb_ms.saturating_add(storage_mb_ms);
    }
}

/// What something costs, in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Lambda's GB-seconds of memory.
    pub compute: Money,
    /// Lambda's GB-seconds of `/tmp` above 512 MB.
    pub storage: Money,
    /// Lambda's requests.
    pub requests: Money,
    /// State transitions of Step Functions Standard.
    pub transitions: Money,
}

impl Cost {
    /// All of it.
    pub fn total(&self) -> Money {
        self.compute + self.storage + self.requests + self.transitions
    }

    /// This and another.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            compute: self.compute + other.compute,
            storage: self.storage + other.storage,
            requests: self.requests + other.requests,
            transitions: self.transitions + other.transitions,
        }
    }
}

/// `prices.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PriceList {
    date: String,
    source: String,
    lambda: BTreeMap<String, LambdaPrices>,
    transition: BTreeMap<String, Money>,
    other_currency: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LambdaPrices {
    #[serde(rename = "x86_64GbSecond")]
    x86_64_gb_second: Money,
    arm64_gb_second: Money,
    storage_gb_second: Money,
    request: Money,
}

static LIST: LazyLock<PriceList> = LazyLock::new(|| {
    serde_json::from_str(include_str!("prices.json")).expect("the list of prices is well-formed")
});

#[cfg(test)]
mod tests {
    use super::*;

    fn bill(memory_mb: u32, storage_mb: u32, ms: u64) -> Bill {
        let mut bill = Bill::default();
        let limits = FunctionLimits { memory_mb, storage_mb, ..FunctionLimits::default() };
        bill.add(&limits, Duration::from_millis(ms));
        bill
    }

    fn prices() -> Prices {
        Prices::for_region("us-east-1").unwrap()
    }

    #[test]
    fn one_gb_for_one_second_costs_the_list_price() {
        let bill = bill(1_024, 512, 1_000);
        let x86 = prices().cost(Architecture::X86_64, &bill);
        assert_eq!(x86.compute.to_string(), "$0.0000166667");
        assert_eq!(x86.requests.to_string(), "$0.0000002");
        assert_eq!(x86.total().to_string(), "$0.0000168667");
        let arm = prices().cost(Architecture::Arm64, &bill);
        assert_eq!(arm.total().to_string(), "$0.0000135334");
    }

    #[test]
    fn power_tunings_formula_gives_the_same_with_its_rounded_price() {
        // ceil(ms) x base x (MB / 128), where base is $2.1e-9 (x86_64) or $1.7e-9 (arm64).
        let rounded = Prices {
            x86_64_gb_second: "0.0000168".parse().unwrap(),
            arm64_gb_second: "0.0000136".parse().unwrap(),
            ..prices()
        };
        for (memory_mb, ms) in [(128, 1), (1_024, 35), (1_536, 2_344), (10_240, 900_000)] {
            let bill = bill(memory_mb, 512, ms);
            for (architecture, base_picodollars) in
                [(Architecture::X86_64, 2_100), (Architecture::Arm64, 1_700)]
            {
                let theirs = u128::from(ms) * base_picodollars * u128::from(memory_mb) / 128;
                let ours = rounded.cost(architecture, &bill).compute.picodollars();
                assert_eq!(ours, theirs);
                // The list price differs from the rounded one by at most two percent.
                let listed = prices().cost(architecture, &bill).compute.picodollars();
                assert!(listed <= theirs && theirs * 100 <= listed * 103, "{listed} {theirs}");
            }
        }
    }

    #[test]
    fn only_what_exceeds_512_mb_of_tmp_is_paid() {
        assert_eq!(
            prices().cost(Architecture::X86_64, &bill(128, 512, 1_000)).storage,
            Money::ZERO
        );
        let cost = prices().cost(Architecture::X86_64, &bill(128, 512 + 1_024, 1_000));
        assert_eq!(cost.storage.to_string(), "$0.0000000309");
    }

    #[test]
    fn a_million_transitions_cost_25_dollars() {
        assert_eq!(prices().transitions(1_000_000).total().to_string(), "$25.00");
        let sao_paulo = Prices::for_region("sa-east-1").unwrap();
        assert_eq!(sao_paulo.transition.to_string(), "$0.0000375");
        assert_eq!(sao_paulo.x86_64_gb_second, prices().x86_64_gb_second);
        assert_eq!(
            sao_paulo.note(),
            "list prices of sa-east-1 in 2026-04; those of Lambda are of us-east-1, without free tier"
        );
    }

    #[test]
    fn the_price_of_many_is_not_the_sum_of_rounded_prices() {
        // One MB for a millisecond costs 16.27 picodollars.
        let mut sum = Bill::default();
        let limits = FunctionLimits { memory_mb: 1, ..FunctionLimits::default() };
        for _ in 0..1_024_000 {
            sum.add(&limits, Duration::from_millis(1));
        }
        let cost = prices().cost(Architecture::X86_64, &sum);
        assert_eq!(cost.compute, prices().x86_64_gb_second);
    }

    #[test]
    fn a_region_without_prices_is_refused_with_those_that_have_some() {
        let error = Prices::for_region("moon-1").unwrap_err().to_string();
        assert!(
            error
                .starts_with("no prices are known for the region `moon-1`; known are af-south-1, ")
        );
        assert!(error.ends_with(", us-west-2"), "{error}");
        let error = Prices::for_region("cn-north-1").unwrap_err().to_string();
        assert_eq!(error, "`cn-north-1` bills in CNY, and prices are known in dollars only");
        for region in Prices::regions() {
            assert_eq!(Prices::for_region(region).unwrap().region, region);
        }
    }
}
