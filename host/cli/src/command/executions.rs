//! `stepwell executions`: lists executions, the newest first.

use serde_json::{Map, Value, json};
use stepwell_engine::epoch_seconds;
use stepwell_journal::{BatchId, Filter, Journal, Status, Summary};

use crate::args::{ExecutionsArgs, StatusArg};
use crate::error::CommandError;
use crate::keeping::{self, status_of};
use crate::output::Output;
use crate::runner::describe_kept;

pub(crate) fn run(args: &ExecutionsArgs, output: &mut Output) -> Result<(), CommandError> {
    let journal = keeping::open(&args.state)?;
    let batch = args.batch.as_deref().map(|name| batch_called(&journal, name)).transpose()?;
    let interrupted = args.status.contains(&StatusArg::Interrupted);
    let statuses = args.status.iter().map(|status| match status {
        StatusArg::Of(status) => *status,
        StatusArg::Interrupted => Status::Running,
    });
    let filter = Filter {
        statuses: statuses.collect(),
        machine: args.machine.clone(),
        started_from: args.since,
        started_before: args.until,
        batch,
        // Who runs them is no matter of the journal's.
        limit: (!interrupted).then_some(args.limit.get()),
        ..Filter::default()
    };
    let mut found = Vec::new();
    for summary in journal.list(&filter)? {
        let status = status_of(&journal, &summary)?;
        let running = args.status.contains(&StatusArg::Of(Status::Running));
        if interrupted && !running && summary.status == Status::Running && status == "RUNNING" {
            continue;
        }
        found.push((summary, status));
        if found.len() == args.limit.get() {
            break;
        }
    }
    if args.json {
        let all = found.iter().map(|(summary, status)| to_json(summary, status));
        return output.data(&Value::Array(all.collect()).to_string());
    }
    if args.describe {
        for (summary, _) in &found {
            output.data(&describe_kept(&journal, summary.key)?.to_string())?;
        }
        return Ok(());
    }
    if found.is_empty() {
        output.note("no executions");
        return Ok(());
    }
    output.data(table(&found).trim_end())
}

fn batch_called(journal: &Journal, name: &str) -> Result<BatchId, CommandError> {
    if let Some(batch) = journal.batch(name)? {
        return Ok(batch.id);
    }
    let names: Vec<_> = journal.batches()?.into_iter().map(|batch| batch.name).collect();
    let help = match names.as_slice() {
        [] => "`stepwell run FILE --inputs FILE.jsonl --name NAME` makes one".to_owned(),
        names => format!("there are: {}", names.join(", ")),
    };
    Err(CommandError::invalid(format!("there is no batch `{name}`")).with_help(help))
}

fn to_json(summary: &Summary, status: &str) -> Value {
    let mut item = Map::new();
    let mut put = |key: &str, value: Value| _ = item.insert(key.to_owned(), value);
    put("executionArn", json!(summary.arn));
    put("stateMachineArn", json!(summary.machine_arn));
    put("name", json!(summary.name));
    put("status", json!(summary.status.name()));
    if status == "INTERRUPTED" {
        put("interrupted", json!(true));
    }
    put("startDate", json!(epoch_seconds(summary.started_at)));
    if let Some(at) = summary.stopped_at {
        put("stopDate", json!(epoch_seconds(at)));
    }
    if summary.redrive_count > 0 {
        put("redriveCount", json!(summary.redrive_count));
    }
    if let Some(at) = summary.redriven_at {
        put("redriveDate", json!(epoch_seconds(at)));
    }
    Value::Object(item)
}

fn table(found: &[(Summary, String)]) -> String {
    let rows = found.iter().map(|(summary, status)| {
        let stopped = summary.stopped_at.map(|at| format!("{at:.0}")).unwrap_or_default();
        [
            summary.name.clone(),
            status.clone(),
            summary.machine_name.clone(),
            format!("{:.0}", summary.started_at),
            stopped,
        ]
    });
    let head = ["NAME", "STATUS", "MACHINE", "STARTED", "STOPPED"].map(str::to_owned);
    crate::output::table([head].into_iter().chain(rows))
}
