//! A run's report as JSON and as text.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::{RunReport, Tally};
use crate::json;
use crate::prices::Prices;
use crate::table::{Column, Table, plain, wrapped};
use crate::text::{bytes, counted, grouped, megabytes, milliseconds, seconds, short};

impl RunReport {
    /// As JSON. Times are in milliseconds, costs in dollars; `functions` and `states` are in the order of
    /// their names:
    ///
    /// ```json
    /// { "invocations": 3, "coldStarts": 1, "failures": 1, "errors": { "Sandbox.Timedout": 1 },
    ///   "durationMs": { "p50": 1, "p95": 2, "max": 3 },
    ///   "initDurationMs": { "p50": 1, "p95": 1, "max": 1 },
    ///   "billedDurationMs": { "p50": 1, "p95": 2, "max": 3, "total": 6 },
    ///   "maxMemoryUsedMB": 41, "maxMemoryUsedBytes": 42991616,
    ///   "fuel": { "p50": 1, "p95": 2, "max": 3, "total": 6 },
    ///   "maxStorageUsedBytes": 0, "maxRequestBytes": 2, "maxResponseBytes": 2,
    ///   "headroom": { "memory": 0.7, "timeout": 0.9, "storageBytes": 1, "request": 1,
    ///                 "response": 1, "handles": 1 },
    ///   "cost": { "compute": 0.1, "requests": 0.2, "storage": 0, "transitions": 0, "total": 0.3 },
    ///   "transitions": 4,
    ///   "functions": [{ "functionName": "fetch", "memorySizeMB": 128, "timeoutSeconds": 3,
    ///                   "ephemeralStorageSizeMB": 512, "architecture": "x86_64",
    ///                   "invocations": 3, "...": "as above, without transitions" }],
    ///   "states": [{ "stateName": "Fetch", "functionNames": { "fetch": 3 }, "invocations": 3,
    ///                "...": "as above, without transitions" }],
    ///   "breaches": [{ "functionName": "fetch", "count": 1, "limit": "timeout", "unit": "ms",
    ///                  "used": 3001, "allowed": 3000, "errorType": "Sandbox.Timedout",
    ///                  "onAws": true, "text": "time: 3.001 s of 3 s" }],
    ///   "prices": { "region": "us-east-1", "lambdaRegion": "us-east-1", "date": "2026-04",
    ///               "source": "...", "currency": "USD" } }
    /// ```
    ///
    /// `errorType` is `null` where AWS gives no error of its own, and `onAws` is `false` for limits that
    /// only Stepwell has. Where there was no value, the three percentiles are one `null`.
    pub fn to_json(&self) -> Value {
        let mut report = self.all.to_json(&self.prices);
        report.insert("cost".to_owned(), json::cost(&self.cost()));
        report.insert("transitions".to_owned(), self.transitions.into());
        let functions = self.functions.iter().map(|(name, function)| {
            let mut object = Map::new();
            object.insert("functionName".to_owned(), name.as_str().into());
            if let Value::Object(limits) = json::limits(&function.limits) {
                object.extend(limits);
            }
            object.extend(function.tally.to_json(&self.prices));
            Value::Object(object)
        });
        report.insert("functions".to_owned(), functions.collect());
        let states = self.states.iter().map(|(name, state)| {
            let mut object = Map::new();
            object.insert("stateName".to_owned(), name.as_str().into());
            object.insert("functionNames".to_owned(), json!(state.functions));
            object.extend(state.tally.to_json(&self.prices));
            Value::Object(object)
        });
        report.insert("states".to_owned(), states.collect());
        let breaches = self.breaches().map(|(function, count, worst)| {
            let mut object = Map::new();
            object.insert("functionName".to_owned(), function.into());
            object.insert("count".to_owned(), count.into());
            if let Value::Object(breach) = json::breach(worst) {
                object.extend(breach);
            }
            Value::Object(object)
        });
        report.insert("breaches".to_owned(), breaches.collect());
        report.insert("prices".to_owned(), json::prices(&self.prices));
        Value::Object(report)
    }

    /// As tables for a terminal of so many characters. Columns that find no room are left out; all numbers
    /// are in [`RunReport::to_json`].
    pub fn to_text(&self, width: usize) -> String {
        let cost = self.cost();
        let mut text = wrapped(
            &format!(
                "{} ({} cold, {} failed), {}: {}",
                counted(self.all.invocations(), "invocation"),
                grouped(self.all.cold_starts),
                grouped(self.all.failures),
                counted(self.transitions, "state transition"),
                cost.total().short(),
            ),
            width,
            "  ",
        );
        if self.all.invocations() > 0 {
            let functions = self.functions.iter();
            let rows = functions.map(|(name, function)| {
                let memory = function.limits.memory_mb.to_string();
                (name.as_str(), Some(memory), &function.tally)
            });
            _ = write!(text, "\n{}", table("function", rows, &self.prices).render(width));
            let states =
                self.states.iter().map(|(name, state)| (name.as_str(), None, &state.tally));
            _ = write!(text, "\n{}", table("state", states, &self.prices).render(width));
            _ = write!(text, "\n{}", self.headrooms().render(width));
        }
        if self.breaches.is_empty() {
            text += "\nno limit was broken\n";
        } else {
            _ = write!(text, "\n{}", self.broken().render(width));
        }
        text += "\n";
        text += &wrapped(
            &format!(
                "cost: {} compute, {} requests, {} /tmp, {} transitions; {}",
                cost.compute.short(),
                cost.requests.short(),
                cost.storage.short(),
                cost.transitions.short(),
                self.prices.note(),
            ),
            width,
            "  ",
        );
        text
    }

    fn headrooms(&self) -> Table {
        let mut table = Table::new(vec![
            Column::text("left at worst"),
            Column::number("memory", 0),
            Column::number("time", 0),
            Column::number("/tmp", 2),
            Column::number("request", 3),
            Column::number("response", 1),
            Column::number("handles", 4),
        ]);
        for (name, function) in &self.functions {
            let parts = function.tally.headroom.parts();
            let parts = parts.map(|(_, left)| format!("{:.0} %", (left * 100.0).floor()));
            let cells: Vec<String> = [name.clone()].into_iter().chain(parts).collect();
            table.row(&cells);
        }
        table
    }

    fn broken(&self) -> Table {
        let mut table = Table::new(vec![
            Column::text("broke a limit"),
            Column::number("times", 0),
            Column::text("worst"),
            Column::text("on AWS"),
        ]);
        for (function, count, worst) in self.breaches() {
            table.row(&[
                function.to_owned(),
                grouped(count),
                worst.to_string(),
                worst.limit.on_aws().to_owned(),
            ]);
        }
        table
    }
}

impl Tally {
    fn to_json(&self, prices: &Prices) -> Map<String, Value> {
        let with_total = |spread: Value, total: u128| match spread {
            Value::Object(mut object) => {
                object.insert("total".to_owned(), whole(total));
                Value::Object(object)
            }
            nothing => nothing,
        };
        let fuel =
            self.fuel().map(|fuel| json!({ "p50": fuel.p50, "p95": fuel.p95, "max": fuel.max }));
        let fields = [
            ("invocations", self.invocations().into()),
            ("coldStarts", self.cold_starts.into()),
            ("failures", self.failures.into()),
            ("errors", json!(self.errors)),
            ("durationMs", json::durations(self.durations())),
            ("initDurationMs", json::durations(self.init_durations())),
            (
                "billedDurationMs",
                with_total(json::durations(self.billed()), self.billed_total_ms()),
            ),
            ("maxMemoryUsedMB", self.memory_peak_bytes.div_ceil(1 << 20).into()),
            ("maxMemoryUsedBytes", self.memory_peak_bytes.into()),
            ("fuel", with_total(fuel.unwrap_or_default(), self.fuel_total())),
            ("maxStorageUsedBytes", self.storage_peak_bytes.into()),
            ("maxRequestBytes", self.request_bytes_max.into()),
            ("maxResponseBytes", self.response_bytes_max.into()),
            ("headroom", json::headroom(&self.headroom)),
            ("cost", json::cost(&self.cost(prices))),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// JSON of this size has whole numbers up to 2^64.
fn whole(number: u128) -> Value {
    u64::try_from(number).unwrap_or(u64::MAX).into()
}

fn table<'t>(
    what: &'static str,
    rows: impl Iterator<Item = (&'t str, Option<String>, &'t Tally)>,
    prices: &Prices,
) -> Table {
    let of_function = what == "function";
    let mut columns = vec![Column::text(what)];
    if of_function {
        columns.push(Column::number("MB", 2));
    }
    columns.extend([
        Column::number("calls", 0),
        Column::number("cold", 7),
        Column::number("failed", 1),
        Column::number("p50 ms", 0),
        Column::number("p95 ms", 6),
        Column::number("max ms", 1),
        Column::number("billed", 5),
        Column::number("memory", 3),
        Column::number("fuel p50", 9),
        Column::number("fuel max", 4),
        Column::number("fuel total", 8),
        Column::number("/tmp", 12),
        Column::number("request", 11),
        Column::number("response", 10),
        Column::number("cost", 0),
    ]);
    let mut table = Table::new(columns);
    for (name, memory, tally) in rows {
        let durations = tally.durations().unwrap_or_default();
        let fuel = tally.fuel().unwrap_or_default();
        let billed = u64::try_from(tally.billed_total_ms()).unwrap_or(u64::MAX);
        let mut cells = vec![plain(name)];
        cells.extend(memory);
        cells.extend([
            grouped(tally.invocations()),
            grouped(tally.cold_starts),
            grouped(tally.failures),
            milliseconds(durations.p50),
            milliseconds(durations.p95),
            milliseconds(durations.max),
            seconds(billed),
            megabytes(tally.memory_peak_bytes),
            short(fuel.p50.into()),
            short(fuel.max.into()),
            short(tally.fuel_total()),
            megabytes(tally.storage_peak_bytes),
            bytes(tally.request_bytes_max),
            bytes(tally.response_bytes_max),
            tally.cost(prices).total().short(),
        ]);
        table.row(&cells);
    }
    table
}
