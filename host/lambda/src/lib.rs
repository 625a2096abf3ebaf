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
//! Reading order: `limits` (the CPU model among them), `usage` (what one invocation took, and what Lambda
//! would bill), `breach` (the limits that it broke), `prices` (with `money`, which is exact), `distribution`
//! (percentiles in bounded space), `tune` and its `chart`, `report`, `budget`; then how it is shown: `json`,
//! `table`, `text`.
//!
//! Pure: numbers in, numbers and texts out. Knows no clock, no files and no sandbox. Sources are the
//! sections of `facts/limits.md`; what is an assumption of ours says so where it stands.

mod breach;
mod budget;
mod chart;
mod distribution;
mod json;
mod limits;
mod money;
mod prices;
mod report;
mod table;
mod text;
mod tune;
mod usage;

pub use breach::{Breach, Headroom, Limit, breaches, headroom};
pub use budget::{Budget, BudgetError, Excess, What};
pub use chart::chart;
pub use distribution::{EXACT_VALUES_MAX, Spread};
pub use limits::{
    ACCOUNT_CONCURRENCY, Cpu, ENVIRONMENT_BYTES_MAX, FUEL_PER_VCPU_SECOND, HANDLES_MAX,
    INIT_TIMEOUT, LOG_BYTES_MAX, MEMORY_MB, MEMORY_MB_DEFAULT, REQUEST_BYTES_MAX,
    RESPONSE_BYTES_MAX, STORAGE_MB, STORAGE_MB_DEFAULT, TIMEOUT_SECONDS, TIMEOUT_SECONDS_DEFAULT,
    UNRESERVED_CONCURRENCY_MIN, VCPU_MEMORY_MB, fuel_budget, storage_files_max,
};
pub use money::{Money, NoMoney};
pub use prices::{Bill, Cost, Prices, PricesError};
pub use report::{RunReport, Sample, Tally};
pub use tune::{LADDER, Question, Size, Suggestion, TuneError, Tuning, Verdict, tune};
pub use usage::{
    Architecture, FunctionLimits, InitUsage, Usage, billed_duration, duration, init_duration,
};
