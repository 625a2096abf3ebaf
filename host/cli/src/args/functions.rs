//! What can be said about functions: how they are treated in a run, what is reported, and commands for one
//! function.

use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::NonEmptyStringValueParser;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BesideArgs, ComponentArgs};

/// How tasks are treated.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", default)]
pub(crate) struct TermsArgs {
    /// Lambda's limits: `enforce` them, `warn` of what they would have broken on AWS and go on under the
    /// largest ones that Lambda has, or go on like that and say nothing (`off`). For functions that do
    /// not say it themselves (`limits:`); default: `enforce`.
    #[arg(long, value_enum, value_name = "HOW")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limits: Option<LimitsArg>,
    /// Let random numbers, ids of requests, and what else is chance follow from this number.
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<u64>,
    /// The time that a task sees when it begins, such as `2026-01-01T00:00:00Z`; from then on its clock
    /// goes on with what it computes and sleeps. Default: the time that it is.
    #[arg(long, value_name = "TIME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clock: Option<Timestamp>,
    /// How many invocations the account lets be under way at one time, before it throttles; default: 1000.
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account_concurrency: Option<u32>,
}

/// What becomes of Lambda's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LimitsArg {
    /// An invocation that breaks one fails as on Lambda.
    Enforce,
    /// It goes on, and what it broke is told.
    Warn,
    /// It goes on.
    Off,
}

/// What is told of a run's invocations, and what they may take.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct ReportArgs {
    /// Tell what the invocations took, what it would cost, and which limits they came near: `text` on
    /// standard error, or `json` on standard output in place of the execution's output, which it contains.
    #[arg(long, value_enum, value_name = "FORMAT", num_args = 0..=1, default_missing_value = "text")]
    pub(crate) report: Option<ReportFormat>,
    /// Fail if an invocation of a function burns more fuel than so much; may be given several times.
    #[arg(long, value_name = "FUNCTION=N", value_parser = function_and_number)]
    pub(crate) max_fuel: Vec<(String, u64)>,
    /// Fail if the run takes more than a YAML or JSON file allows.
    #[arg(long, value_name = "FILE")]
    pub(crate) budget: Option<PathBuf>,
    /// The region whose prices are taken.
    #[arg(long, value_name = "REGION", default_value = "us-east-1")]
    pub(crate) region: String,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// Tables.
    Text,
    /// One JSON object.
    Json,
}

fn function_and_number(text: &str) -> Result<(String, u64), String> {
    let (function, number) = text.split_once('=').ok_or("write `FUNCTION=N`")?;
    let number = number.replace('_', "").parse();
    Ok((function.to_owned(), number.map_err(|_| "N is a whole number, such as 1_500_000")?))
}

/// Which function is meant, and how it is treated.
#[derive(Debug, clap::Args)]
pub(crate) struct FunctionArgs {
    /// A workflow file; or a component.
    pub(crate) file: PathBuf,
    /// The function, where the file has several: by its name, or an ARN that ends in it.
    pub(crate) function: Option<String>,
    /// What is said beside the file.
    #[command(flatten)]
    pub(crate) beside: BesideArgs,
    /// Memory in MB, instead of the function's own.
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u32).range(128..=10_240))]
    pub(crate) memory_size: Option<u32>,
    /// Timeout in seconds, instead of the function's own.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=900))]
    pub(crate) timeout: Option<u32>,
    /// Set an environment variable; may be given several times.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = super::name_and_value)]
    pub(crate) environment: Vec<(String, String)>,
    /// Let a component send HTTP requests to a host, written as in `grants: { http: [...] }`.
    #[arg(long = "allow-http", value_name = "HOST")]
    pub(crate) allow_http: Vec<String>,
    /// Let a component touch objects, written as in `grants: { objects: [...] }`: `bucket/prefix*`.
    #[arg(long = "allow-objects", value_name = "BUCKET/KEY")]
    pub(crate) allow_objects: Vec<String>,
    /// How tasks are treated.
    #[command(flatten)]
    pub(crate) terms: TermsArgs,
    /// Where objects are: a folder, or `s3`; default: `.stepwell/objects`.
    #[arg(long, value_name = "DIR|s3")]
    pub(crate) objects: Option<PathBuf>,
    /// Where components are taken from.
    #[command(flatten)]
    pub(crate) components: ComponentArgs,
}

/// Arguments of `invoke`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stepwell invoke workflows/import-orders.yaml fetch --event @event.json
  stepwell invoke task.wasm --event '{\"n\": 1}' --memory-size 256
  stepwell invoke workflow.yaml fetch --event - --json < event.json | jq .Report")]
pub(crate) struct InvokeArgs {
    /// Which function.
    #[command(flatten)]
    pub(crate) function: FunctionArgs,
    /// The event: JSON, `@FILE`, or `-` for standard input.
    #[arg(long, value_name = "JSON", default_value = "{}", allow_hyphen_values = true)]
    pub(crate) event: String,
    /// Invoke it so many times, one after the other; with `reuse: warm` all but the first are warm.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) repeat: u32,
    /// Print the reply as `aws lambda invoke` would, with the log's tail, the payload and the report.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `tune`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stepwell tune workflows/import-orders.yaml fetch --events events.jsonl
  stepwell tune task.wasm --events events.jsonl --svg task.svg --json | jq .suggestion")]
pub(crate) struct TuneArgs {
    /// Which function.
    #[command(flatten)]
    pub(crate) function: FunctionArgs,
    /// Events, one JSON text a line; `-` for standard input.
    #[arg(long, value_name = "FILE.jsonl", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) events: String,
    /// Memory sizes in MB, instead of Lambda's ladder.
    #[arg(long, value_name = "MB,...", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(128..=10_240))]
    pub(crate) sizes: Vec<u32>,
    /// The region whose prices are taken.
    #[arg(long, value_name = "REGION", default_value = "us-east-1")]
    pub(crate) region: String,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Draw cost and duration against memory.
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) svg: Option<PathBuf>,
}

/// Arguments of `calibrate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  stepwell calibrate --json | jq .fuelPerSecond")]
pub(crate) struct CalibrateArgs {
    /// How many times the kernel runs.
    #[arg(long, value_name = "N", default_value = "15", value_parser = clap::value_parser!(u32).range(5..=1_000))]
    pub(crate) runs: u32,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
