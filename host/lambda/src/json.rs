//! The parts that all JSON of this crate is made of, with AWS's names and units in the names.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::breach::{Breach, Headroom};
use crate::distribution::Spread;
use crate::prices::{Cost, Prices};
use crate::text::{ms, rounded};
use crate::usage::FunctionLimits;

/// `{ "p50": 1.25, "p95": 2, "max": 3 }`, in milliseconds; `null` where there was nothing.
pub(crate) fn durations(spread: Option<Spread<Duration>>) -> Value {
    spread.map_or(
        Value::Null,
        |Spread { p50, p95, max }| json!({ "p50": ms(p50), "p95": ms(p95), "max": ms(max) }),
    )
}

/// In dollars: `{ "compute": 0.1, "requests": 0.2, "storage": 0, "transitions": 0, "total": 0.3 }`.
pub(crate) fn cost(cost: &Cost) -> Value {
    json!({
        "compute": cost.compute.dollars(),
        "requests": cost.requests.dollars(),
        "storage": cost.storage.dollars(),
        "transitions": cost.transitions.dollars(),
        "total": cost.total().dollars(),
    })
}

/// `{ "limit": "memory", "unit": "bytes", "used": 2, "allowed": 1, "errorType": .., "onAws": true, "text": .. }`.
pub(crate) fn breach(breach: &Breach) -> Value {
    json!({
        "limit": breach.limit.key(),
        "unit": breach.limit.unit(),
        "used": breach.used,
        "allowed": breach.allowed,
        "errorType": breach.error_type(),
        "onAws": breach.limit.is_of_lambda(),
        "text": breach.to_string(),
    })
}

/// Each limit with the fraction of it that is left, to three digits.
pub(crate) fn headroom(headroom: &Headroom) -> Value {
    let parts =
        headroom.parts().map(|(limit, left)| (limit.key().to_owned(), rounded(left).into()));
    Value::Object(Map::from_iter(parts))
}

/// Whose prices they are.
pub(crate) fn prices(prices: &Prices) -> Value {
    json!({
        "region": prices.region,
        "lambdaRegion": prices.lambda_region,
        "date": prices.date,
        "source": prices.source,
        "currency": "USD",
    })
}

/// What a function is given.
pub(crate) fn limits(limits: &FunctionLimits) -> Value {
    json!({
        "memorySizeMB": limits.memory_mb,
        "timeoutSeconds": limits.timeout_seconds,
        "ephemeralStorageSizeMB": limits.storage_mb,
        "architecture": limits.architecture.to_string(),
    })
}
