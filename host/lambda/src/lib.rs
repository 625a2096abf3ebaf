//! AWS Lambda's limits and prices as numbers, and what follows from them.
//!
//! ```text
//!                   limits    prices
//!                      |         |
//!   invocation --> Usage --------+--> tune (which memory, which timeout) --> chart
//!                      |         |
//!                      '-> RunReport --> budget (what a run may take)
//! ```
//!
//! Reading order: `limits` (the CPU model among them), `usage` (what one invocation took, the limits that
//! it broke, what Lambda would bill), `prices` (with `money`, which is exact).
//!
//! Pure: numbers in, numbers and texts out. Knows no clock, no files and no sandbox. Sources are the
//! sections of `facts/limits.md`; what is an assumption of ours says so where it stands.

mod limits;
mod money;
mod prices;
mod text;
mod usage;

pub use limits::{
    ACCOUNT_CONCURRENCY, Cpu, ENVIRONMENT_BYTES_MAX, FUEL_PER_VCPU_SECOND, HANDLES_MAX,
    INIT_TIMEOUT, LOG_BYTES_MAX, MEMORY_MB, MEMORY_MB_DEFAULT, REQUEST_BYTES_MAX,
    RESPONSE_BYTES_MAX, STORAGE_MB, STORAGE_MB_DEFAULT, TIMEOUT_SECONDS, TIMEOUT_SECONDS_DEFAULT,
    UNRESERVED_CONCURRENCY_MIN, VCPU_MEMORY_MB, fuel_budget, storage_files_max,
};
pub use money::{Money, NoMoney};
pub use prices::{Bill, Cost, Prices, PricesError};
pub use usage::{
    Architecture, Breach, FunctionLimits, Headroom, InitUsage, Limit, Usage, billed_duration,
    breaches, duration, headroom, init_duration,
};
