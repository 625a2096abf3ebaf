//! The import workflows: the file as it stands in the repository, with its paths made absolute.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use orders_source::{Failure, OrdersSource, Settings};
use serde_json::json;

use super::{Cli, guest};

/// Where an import puts its rows, in the folder of the buckets.
pub(crate) const DESTINATION: &str = "orders/imported/orders.jsonl";

/// A source with so many orders, and these failures.
pub(crate) fn source(rows: u64, failures: &[&str]) -> OrdersSource {
    let failures = failures.iter().map(|text| text.parse::<Failure>().unwrap()).collect();
    OrdersSource::start(Settings { rows, failures, delay: Duration::ZERO, port: 0 }).unwrap()
}

/// What an import of so many orders must leave, byte for byte.
pub(crate) fn expected_rows(rows: u64) -> String {
    (1..=rows).fold(String::new(), |mut text, id| {
        writeln!(text, "{}", orders_source::order(id)).unwrap();
        text
    })
}

/// An import that is to be run.
pub(crate) struct Import {
    workflow: String,
}

impl Import {
    /// A file of `workflows/`.
    pub(crate) fn of(file: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workflows");
        let mut workflow = std::fs::read_to_string(folder.join(file)).unwrap();
        for task in ["initialize", "fetch", "validate", "persist"] {
            let relative = format!("../guest-tasks/target/wasm32-wasip2/release/{task}.wasm");
            workflow = workflow.replace(&relative, &guest(task));
        }
        Self { workflow }
    }

    pub(crate) fn new() -> Self {
        Self::of("import-orders.yaml")
    }

    /// The workflow file.
    pub(crate) fn text(&self) -> &str {
        &self.workflow
    }

    /// Changes the workflow; what is replaced must be there.
    pub(crate) fn replace(mut self, from: &str, to: &str) -> Self {
        assert!(self.workflow.contains(from), "the workflow does not hold `{from}`");
        self.workflow = self.workflow.replace(from, to);
        self
    }

    /// `stepwell run` of it, with the objects in the folder `objects`; retries do not wait.
    pub(crate) fn from(self, source_url: &str) -> Cli {
        self.anywhere_from(source_url).args(["--objects", "objects"])
    }

    /// The same without a place for the objects.
    pub(crate) fn anywhere_from(self, source_url: &str) -> Cli {
        self.with_input(&Self::input_from(source_url))
    }

    /// The input of an import.
    pub(crate) fn input_from(source_url: &str) -> String {
        let input = json!({
            "source": source_url, "bucket": "orders", "cache": "cache/import/",
            "destination": "imported/orders.jsonl",
        });
        input.to_string()
    }

    /// The same with another input.
    pub(crate) fn with_input(self, input: &str) -> Cli {
        Cli::workflow(&self.workflow).input(input).arg("--skip-waits")
    }
}
