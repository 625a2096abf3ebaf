//! What invocations took, gathered over a run: `--report`, budgets, and limits that only warn.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use stepwell_asl::Workflow;
use stepwell_lambda::{Breach, Budget, Prices, RunReport, Sample, What};
use stepwell_sandbox::{Enforcement, Function, Report, Status};

use crate::args::{ReportArgs, ReportFormat};
use crate::error::CommandError;
use crate::output::{Output, width};
use crate::workflow_file::read_source;

/// The region whose prices are taken if it is not said.
const REGION_DEFAULT: &str = "us-east-1";

/// What a run's invocations took so far. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Accounts(Arc<Mutex<RunReport>>);

/// What is to be told of a run's invocations, and what they may take.
pub(crate) struct Reporting {
    pub(crate) accounts: Accounts,
    format: Option<ReportFormat>,
    /// What the command line allows.
    budget: Budget,
    /// What the functions' own `maxFuel:` do. One that was not invoked has kept to it.
    own: Budget,
}

impl Accounts {
    fn report(&self) -> MutexGuard<'_, RunReport> {
        self.0.lock().expect("nothing panics while it holds this lock")
    }

    /// A state's call was answered by a function.
    pub(crate) fn add(&self, state: &str, report: &Report) {
        let sample = sample(state, report);
        self.report().add(&sample);
    }

    /// States were entered.
    pub(crate) fn add_transitions(&self, count: u64) {
        self.report().add_transitions(count);
    }
}

impl Reporting {
    /// Nothing is told but what limits that only warn have to say.
    pub(crate) fn plain() -> Self {
        let prices = Prices::for_region(REGION_DEFAULT).expect("its prices are known");
        let accounts = Accounts(Arc::new(Mutex::new(RunReport::new(prices))));
        let (budget, own) = (Budget::default(), Budget::default());
        Self { accounts, format: None, budget, own }
    }

    /// As the command line and the workflow file say it.
    pub(crate) fn new(args: &ReportArgs, workflow: &Workflow) -> Result<Self, CommandError> {
        let prices = prices(&args.region)?;
        let accounts = Accounts(Arc::new(Mutex::new(RunReport::new(prices))));
        let budget = match &args.budget {
            Some(path) => read_budget(path)?,
            None => Budget::default(),
        };
        let own = workflow.functions.iter();
        let own = own.filter_map(|(name, settings)| Some((name.as_str(), settings.max_fuel?)));
        let said = args.max_fuel.iter().map(|(name, fuel)| (name.as_str(), *fuel));
        if let Some((name, _)) =
            said.clone().find(|(name, _)| !workflow.functions.contains_key(*name))
        {
            let names: Vec<_> = workflow.functions.keys().map(String::as_str).collect();
            return Err(CommandError::invalid(format!(
                "`--max-fuel`: there is no function `{name}`"
            ))
            .with_help(format!("the file has {}", names.join(", "))));
        }
        let set = |budget: Budget, (name, fuel): (&str, u64)| budget.max_fuel(name, fuel);
        // What is said for this run comes before what the file says.
        let said_for = |name: &str| args.max_fuel.iter().any(|(said, _)| said == name);
        let own = own.filter(|(name, _)| !said_for(name)).fold(Budget::default(), set);
        let budget = said.fold(budget, set);
        Ok(Self { accounts, format: args.report, budget, own })
    }

    /// Whether the report takes the place of the execution's output.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Some(ReportFormat::Json)
    }

    /// Tells of all invocations; an error if they took more than they may. `of` is what they were part of,
    /// for the report in JSON.
    pub(crate) fn tell(&self, of: Value, output: &mut Output) -> Result<(), CommandError> {
        let report = self.accounts.report();
        let mut excesses = self.budget.check(&report);
        let own = self.own.check(&report);
        excesses.extend(own.into_iter().filter(|excess| excess.what != What::NeverInvoked));
        match self.format {
            Some(ReportFormat::Text) => output.note(report.to_text(width()).trim_end()),
            Some(ReportFormat::Json) => {
                let mut told = of;
                told["report"] = report.to_json();
                let excesses = excesses.iter().map(ToString::to_string).collect::<Vec<_>>();
                told["exceeded"] = json!(excesses);
                output.data(&told.to_string())?;
            }
            None => {
                for (function, count, worst) in report.breaches() {
                    let times =
                        if count == 1 { String::new() } else { format!(" ({count} times)") };
                    output.note(&format!("limit: `{function}`{times}: {}", told(worst)));
                }
            }
        }
        if excesses.is_empty() {
            return Ok(());
        }
        let excesses: Vec<_> = excesses.iter().map(ToString::to_string).collect();
        Err(CommandError::Many(format!("the budget is exceeded: {}", excesses.join("; "))))
    }
}

/// One invocation for the report.
fn sample(state: &str, report: &Report) -> Sample {
    Sample {
        state: state.to_owned(),
        function: report.function_name.to_string(),
        limits: report.limits,
        usage: report.usage.clone(),
        duration: report.duration,
        init_duration: report.init_duration,
        billed: report.billed_duration(),
        error: match &report.status {
            Status::Success => None,
            Status::Failed { error_type } | Status::Error { error_type, .. } => {
                Some(error_type.clone())
            }
            Status::Timeout(_) => Some("Sandbox.Timedout".to_owned()),
            Status::Throttled => Some("Lambda.TooManyRequestsException".to_owned()),
        },
        breaches: report.breaches.clone(),
    }
}

/// The report of one invocation in JSON.
pub(crate) fn of_invocation(function: &Function, report: &Report) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "a time of a year is exact")]
    let ms = |duration: std::time::Duration| duration.as_nanos() as f64 / 1e6;
    let usage = &report.usage;
    json!({
        "functionName": report.function_name,
        "requestId": report.request_id,
        "durationMs": ms(report.duration),
        "billedDurationMs": u64::try_from(report.billed_duration().as_millis()).unwrap_or(u64::MAX),
        "initDurationMs": report.init_duration.map(ms),
        "memorySizeMB": report.limits.memory_mb,
        "maxMemoryUsedMB": report.memory_peak_mb(),
        "memoryPeakBytes": usage.memory_peak_bytes,
        "fuel": usage.fuel,
        "fuelBudget": report.fuel_budget,
        "initFuel": usage.init.map(|init| init.fuel),
        "waitedMs": ms(usage.waited),
        "storagePeakBytes": usage.storage_peak_bytes,
        "storagePeakFiles": usage.storage_peak_files,
        "requestBytes": usage.request_bytes,
        "responseBytes": usage.response_bytes,
        "handlesPeak": usage.handles_peak,
        "logBytes": usage.log_bytes,
        "status": status(&report.status),
        "guard": report.status.guard().map(|guard| guard.to_string()),
        "limits": match function.settings().enforcement {
            Enforcement::Enforce => "enforce",
            Enforcement::Warn => "warn",
            Enforcement::Off => "off",
        },
        "breaches": report.breaches.iter().map(Breach::to_json).collect::<Vec<_>>(),
    })
}

fn status(status: &Status) -> &'static str {
    match status {
        Status::Success => "success",
        Status::Failed { .. } => "failed",
        Status::Timeout(_) => "timeout",
        Status::Error { .. } => "error",
        Status::Throttled => "throttled",
    }
}

/// A limit that was broken, with what AWS makes of it.
pub(crate) fn told(breach: &Breach) -> String {
    match breach.error_type() {
        Some(error) => format!("{breach}: {error} on AWS"),
        None => breach.to_string(),
    }
}

/// The prices of a region.
pub(crate) fn prices(region: &str) -> Result<Prices, CommandError> {
    Prices::for_region(region).map_err(|error| CommandError::invalid(error.to_string()))
}

fn read_budget(path: &Path) -> Result<Budget, CommandError> {
    let text = read_source(path, path)?;
    let value = stepwell_asl::read_value(&path.to_string_lossy(), &text).map_err(|findings| {
        CommandError::Findings { path: path.to_owned(), source_text: text.clone(), findings }
    })?;
    Budget::from_json(&value)
        .map_err(|error| CommandError::invalid(format!("the budget `{}`: {error}", path.display())))
}
