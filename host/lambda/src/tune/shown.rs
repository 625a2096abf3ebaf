//! What tuning found, as JSON and as text.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Size, Tuning, Verdict};
use crate::json;
use crate::table::{Column, Table, plain, wrapped};
use crate::text::{counted, milliseconds, rounded};

impl Tuning {
    /// As JSON; times in milliseconds, costs in dollars for a million invocations:
    ///
    /// ```json
    /// { "functionName": "fetch", "samples": 12, "coldSamples": 2,
    ///   "current": { "memorySizeMB": 128, "timeoutSeconds": 3, "ephemeralStorageSizeMB": 512,
    ///                "architecture": "x86_64" },
    ///   "sizes": [{ "memorySizeMB": 128, "cpuShare": 0.072,
    ///               "durationMs": { "p50": 1, "p95": 2, "max": 3 },
    ///               "coldDurationMs": null,
    ///               "billedDurationMs": { "p50": 1, "p95": 2, "max": 3 },
    ///               "fits": false, "brokenSamples": 1,
    ///               "breach": { "limit": "memory", "unit": "bytes", "used": 2, "allowed": 1,
    ///                           "errorType": "Runtime.OutOfMemory", "onAws": true, "text": "..." },
    ///               "headroom": { "memory": 0.5, "timeout": 0.9, "storageBytes": 1, "request": 1,
    ///                             "response": 1, "handles": 1 },
    ///               "costPerMillion": { "compute": 0.1, "requests": 0.2, "storage": 0,
    ///                                   "transitions": 0, "total": 0.3 },
    ///               "coldCostPerMillion": null }],
    ///   "cheapestMB": 256, "fastestMB": 1769,
    ///   "suggestion": { "memorySizeMB": 256, "timeoutSeconds": 4, "reasons": ["..."] },
    ///   "prices": { "region": "us-east-1", "lambdaRegion": "us-east-1", "date": "2026-04",
    ///               "source": "...", "currency": "USD" },
    ///   "notes": ["..."] }
    /// ```
    pub fn to_json(&self) -> Value {
        let suggestion = self.suggestion.as_ref().map(|suggestion| {
            json!({
                "memorySizeMB": suggestion.memory_mb,
                "timeoutSeconds": suggestion.timeout_seconds,
                "reasons": suggestion.reasons,
            })
        });
        json!({
            "functionName": self.function,
            "samples": self.samples,
            "coldSamples": self.cold_samples,
            "current": json::limits(&self.limits),
            "sizes": self.sizes.iter().map(size).collect::<Vec<_>>(),
            "cheapestMB": self.cheapest,
            "fastestMB": self.fastest,
            "suggestion": suggestion,
            "prices": json::prices(&self.prices),
            "notes": self.notes,
        })
    }

    /// As a table for a terminal of so many characters, and what follows from it.
    pub fn to_text(&self, width: usize) -> String {
        let limits = &self.limits;
        let mut text = format!(
            "{}: {} ({} cold), now {} MB, {} s, {}\n\n",
            plain(&self.function),
            counted(self.samples, "sample"),
            self.cold_samples,
            limits.memory_mb,
            limits.timeout_seconds,
            limits.architecture,
        );
        text += &self.table().render(width);
        text += "\n";
        match &self.suggestion {
            None => text += "no size fits, so there is nothing to suggest\n",
            Some(suggestion) => {
                let (memory, timeout) = (suggestion.memory_mb, suggestion.timeout_seconds);
                _ = writeln!(text, "suggested: memorySize {memory}, timeout {timeout}");
                for reason in &suggestion.reasons {
                    text += &wrapped(&format!("  - {reason}"), width, "    ");
                }
            }
        }
        for note in &self.notes {
            text += &wrapped(&format!("note: {note}"), width, "      ");
        }
        text
    }

    fn table(&self) -> Table {
        let mut columns = vec![
            Column::number("MB", 0),
            Column::number("CPU", 4),
            Column::number("warm p50 ms", 0),
            Column::number("warm p95", 3),
            Column::number("warm max", 1),
        ];
        let cold = self.cold_samples > 0;
        if cold {
            columns.extend([
                Column::number("cold p50 ms", 5),
                Column::number("cold p95", 6),
                Column::number("cold max", 2),
            ]);
        }
        columns.push(Column::number("billed p50", 7));
        columns.push(Column::number("$/million", 0));
        if cold {
            columns.push(Column::number("cold $/million", 8));
        }
        columns.push(Column::text("verdict"));
        let mut table = Table::new(columns);
        for size in &self.sizes {
            let mut cells = vec![size.memory_mb.to_string(), format!("{:.2}", size.cpu_share)];
            let spreads = [Some(size.warm), size.cold];
            for spread in spreads.into_iter().flatten() {
                cells.extend([spread.p50, spread.p95, spread.max].map(milliseconds));
            }
            cells.push(milliseconds(size.billed.p50));
            cells.push(size.cost.total().short());
            cells.extend(size.cold_cost.map(|cost| cost.total().short()));
            cells.push(self.verdict(size));
            table.row(&cells);
        }
        table
    }

    fn verdict(&self, size: &Size) -> String {
        let mut text = match size.verdict {
            Verdict::Fits => "fits".to_owned(),
            Verdict::Breaks { breach, .. } => match breach.error_type() {
                Some(error) => format!("{error} ({breach})"),
                None => breach.to_string(),
            },
        };
        let memory = size.memory_mb;
        let suggested = self.suggestion.as_ref().map(|suggestion| suggestion.memory_mb);
        for (word, marked) in [
            ("now", Some(self.limits.memory_mb)),
            ("cheapest", self.cheapest),
            ("fastest", self.fastest),
            ("suggested", suggested),
        ] {
            if marked == Some(memory) {
                text += ", ";
                text += word;
            }
        }
        text
    }
}

fn size(size: &Size) -> Value {
    let (breach, broken) = match &size.verdict {
        Verdict::Fits => (None, 0),
        Verdict::Breaks { breach, samples } => (Some(json::breach(breach)), *samples),
    };
    json!({
        "memorySizeMB": size.memory_mb,
        "cpuShare": rounded(size.cpu_share),
        "durationMs": json::durations(Some(size.warm)),
        "coldDurationMs": json::durations(size.cold),
        "billedDurationMs": json::durations(Some(size.billed)),
        "fits": size.fits(),
        "brokenSamples": broken,
        "breach": breach,
        "headroom": json::headroom(&size.headroom),
        "costPerMillion": json::cost(&size.cost),
        "coldCostPerMillion": size.cold_cost.as_ref().map(json::cost),
    })
}
