//! What can be said to commands about executions that are kept.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Subcommand;
use jiff::{SignedDuration, Timestamp};
use stepwell_journal::Status;

use super::{BesideArgs, ComponentArgs};

/// Where executions are kept if it is not said.
pub(crate) const STATE_DEFAULT: &str = ".stepwell";

/// Where executions are kept.
#[derive(Debug, clap::Args)]
pub(crate) struct StateArgs {
    /// The folder in which executions are kept.
    #[arg(long, value_name = "DIR", env = "STEPWELL_STATE", default_value = STATE_DEFAULT)]
    pub(crate) state: PathBuf,
}

/// What survives a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum DurabilityArg {
    /// Nothing is promised; the journal is written beside the run.
    None,
    /// What is committed survives the end of the process, whatever ends it.
    Step,
    /// What is committed survives a loss of power as well.
    Full,
}

/// How a command that drives executions is run.
#[derive(Debug, clap::Args)]
pub(crate) struct DriveArgs {
    /// Where executions are kept.
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Print an object as DescribeExecution would reply, also when the execution fails.
    #[arg(long)]
    pub(crate) json: bool,
    /// What survives: `none` promises nothing, `step` outlasts the process, `full` a loss of power.
    #[arg(long, value_enum, default_value = "step")]
    pub(crate) durability: DurabilityArg,
    /// Where components are taken from.
    #[command(flatten)]
    pub(crate) components: ComponentArgs,
}

/// Arguments of `resume`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stepwell resume 4f1c
  stepwell resume nightly
  stepwell resume --all")]
pub(crate) struct ResumeArgs {
    /// An execution, by its name, the beginning of it, or its ARN; or a batch, by its name.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(crate) name: Option<String>,
    /// All executions and batches that no process runs.
    #[arg(long)]
    pub(crate) all: bool,
    /// How many run at a time, of many.
    #[arg(long, value_name = "N")]
    pub(crate) concurrency: Option<NonZeroUsize>,
    /// How they are run.
    #[command(flatten)]
    pub(crate) drive: DriveArgs,
}

/// Arguments of `redrive`.
#[derive(Debug, clap::Args)]
pub(crate) struct RedriveArgs {
    /// The execution, by its name, the beginning of it, or its ARN.
    pub(crate) name: String,
    /// How it is run.
    #[command(flatten)]
    pub(crate) drive: DriveArgs,
}

/// Arguments of `rerun`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stepwell rerun 4f1c
  stepwell rerun 4f1c --from Persist
  stepwell rerun 4f1c --from Persist --input '{\"target\": \"elsewhere\"}'")]
pub(crate) struct RerunArgs {
    /// The execution, by its name, the beginning of it, or its ARN.
    pub(crate) execution: String,
    /// Begin at this state, with the input and the variables that it had when it was last entered.
    #[arg(long, value_name = "STATE")]
    pub(crate) from: Option<String>,
    /// Another input: JSON, `@FILE`, or `-` for standard input. The state's input is also that of the new
    /// execution (`$$.Execution.Input`).
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    pub(crate) input: Option<String>,
    /// The new execution's name; default: a UUID.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// How it is run.
    #[command(flatten)]
    pub(crate) drive: DriveArgs,
}

/// Arguments of `executions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stepwell executions --status FAILED --since 1h
  stepwell executions --machine import-orders --json | jq -r '.[].executionArn'")]
pub(crate) struct ExecutionsArgs {
    /// Where executions are kept.
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Only those with this status; may be given several times.
    #[arg(long, value_name = "STATUS", value_parser = status)]
    pub(crate) status: Vec<StatusArg>,
    /// Only those of this state machine, by its name or ARN.
    #[arg(long, value_name = "NAME")]
    pub(crate) machine: Option<String>,
    /// Only those of this batch.
    #[arg(long, value_name = "NAME")]
    pub(crate) batch: Option<String>,
    /// Only those that began at this time or later: `2026-01-31T12:00:00Z`, or `90m`, `12h`, `7d` ago.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) since: Option<Timestamp>,
    /// Only those that began before this time.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) until: Option<Timestamp>,
    /// At most so many, the newest first.
    #[arg(long, value_name = "N", default_value = "100")]
    pub(crate) limit: NonZeroUsize,
    /// Print JSON, an array of what `ListExecutions` would reply.
    #[arg(long)]
    pub(crate) json: bool,
    /// Print what `DescribeExecution` would reply of each, an object a line, with inputs and outputs.
    #[arg(long, conflicts_with = "json")]
    pub(crate) describe: bool,
}

/// A status as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatusArg {
    /// One of AWS's.
    Of(Status),
    /// One that runs, and that no process drives.
    Interrupted,
}

fn status(text: &str) -> Result<StatusArg, String> {
    let wanted = text.to_uppercase();
    if wanted == "INTERRUPTED" {
        return Ok(StatusArg::Interrupted);
    }
    let found = Status::ALL.into_iter().find(|status| status.name() == wanted);
    found.map(StatusArg::Of).ok_or_else(|| {
        let names: Vec<_> = Status::ALL.iter().map(|status| status.name()).collect();
        format!("a status is one of {}, INTERRUPTED", names.join(", "))
    })
}

/// A time, or how long ago it was.
fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let ago = duration(text)
        .map_err(|_| "write a time such as `2026-01-31T12:00:00Z`, or `90m`, `12h`, `7d`")?;
    Timestamp::now().checked_sub(ago).map_err(|_| "that is too long ago".to_owned())
}

/// So many seconds, minutes, hours or days.
fn duration(text: &str) -> Result<SignedDuration, String> {
    const HELP: &str = "write a duration such as `30s`, `90m`, `12h` or `7d`";
    let unit = text.chars().last().ok_or(HELP)?;
    let number: i64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| HELP)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(HELP.to_owned()),
    };
    let seconds = number.checked_mul(seconds).filter(|seconds| *seconds >= 0).ok_or(HELP)?;
    Ok(SignedDuration::from_secs(seconds))
}

fn error_name(text: &str) -> Result<String, String> {
    at_most(text, 256)
}

fn cause_text(text: &str) -> Result<String, String> {
    at_most(text, 32_768)
}

/// AWS's limits and its words (`facts/api.md` 1).
fn at_most(text: &str, most: usize) -> Result<String, String> {
    if text.chars().count() > most {
        return Err(format!("Member must have length less than or equal to {most}"));
    }
    Ok(text.to_owned())
}

/// Arguments of `describe`.
#[derive(Debug, clap::Args)]
pub(crate) struct DescribeArgs {
    /// The execution, by its name, the beginning of it, or its ARN.
    pub(crate) name: String,
    /// Where executions are kept.
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// Arguments of `history`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stepwell history 4f1c
  stepwell history 4f1c --json > history.json
  stepwell history 4f1c --follow")]
pub(crate) struct HistoryArgs {
    /// The execution, by its name, the beginning of it, or its ARN.
    pub(crate) name: String,
    /// Where executions are kept.
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Print JSON, as GetExecutionHistory would reply; with `--follow`, an event a line.
    #[arg(long)]
    pub(crate) json: bool,
    /// Go on as the history grows, until the execution ends.
    #[arg(long, short)]
    pub(crate) follow: bool,
}

/// Arguments of `stop`.
#[derive(Debug, clap::Args)]
pub(crate) struct StopArgs {
    /// The execution, by its name, the beginning of it, or its ARN.
    pub(crate) name: String,
    /// The error to record: at most 256 characters.
    #[arg(long, value_name = "NAME", value_parser = error_name)]
    pub(crate) error: Option<String>,
    /// The cause to record: at most 32,768 characters.
    #[arg(long, value_name = "TEXT", value_parser = cause_text)]
    pub(crate) cause: Option<String>,
    /// Where executions are kept.
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// What is said about a task.
#[derive(Debug, Subcommand)]
pub(crate) enum TaskCommand {
    /// It gave a result.
    Success {
        /// The token.
        token: String,
        /// The result: JSON, `@FILE`, or `-` for standard input.
        #[arg(long, value_name = "JSON", default_value = "{}", allow_hyphen_values = true)]
        output: String,
        /// Where executions are kept.
        #[command(flatten)]
        state: StateArgs,
    },
    /// It failed.
    Failure {
        /// The token.
        token: String,
        /// The error's name, which `Retry` and `Catch` match: at most 256 characters.
        #[arg(long, value_name = "NAME", value_parser = error_name)]
        error: Option<String>,
        /// What happened: at most 32,768 characters.
        #[arg(long, value_name = "TEXT", value_parser = cause_text)]
        cause: Option<String>,
        /// Where executions are kept.
        #[command(flatten)]
        state: StateArgs,
    },
    /// It is still being worked on.
    Heartbeat {
        /// The token.
        token: String,
        /// Where executions are kept.
        #[command(flatten)]
        state: StateArgs,
    },
}

/// Arguments of `debug`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stepwell debug workflow.yaml --input '{\"n\": 1}'
  stepwell debug 4f1c
  printf 'run failure\nshow input\nback\n' | stepwell debug 4f1c --script -")]
pub(crate) struct DebugArgs {
    /// A workflow file; or an execution, by its name, the beginning of it, or its ARN.
    pub(crate) subject: String,
    /// What is said beside the file.
    #[command(flatten)]
    pub(crate) beside: BesideArgs,
    /// Which state machine, where the file holds several.
    #[arg(long, value_name = "NAME")]
    pub(crate) state_machine: Option<String>,
    /// The input, with a file: JSON, `@FILE`, or `-` for standard input.
    #[arg(long, value_name = "JSON", default_value = "{}", allow_hyphen_values = true)]
    pub(crate) input: String,
    /// Do what a file says, or `-` for standard input, line by line, instead of asking.
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,
    /// Where executions are kept.
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Where objects are: a folder, or `s3`; default: `objects` in the folder of `--state`.
    #[arg(long, value_name = "DIR|s3")]
    pub(crate) objects: Option<PathBuf>,
    /// Where components are taken from.
    #[command(flatten)]
    pub(crate) components: ComponentArgs,
}

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// The execution, by its name, the beginning of it, or its ARN.
    pub(crate) name: String,
    /// Write to a file instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Where executions are kept.
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    /// What `stepwell export` wrote; `-` for standard input.
    pub(crate) file: PathBuf,
    /// Print the history that the replay made, as GetExecutionHistory would reply.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `delete`.
#[derive(Debug, clap::Args)]
pub(crate) struct DeleteArgs {
    /// The executions, by their names, the beginnings of them, or their ARNs.
    #[arg(required = true)]
    pub(crate) names: Vec<String>,
    /// Also delete those that have not ended, unless a process runs them. Answers to them are lost.
    #[arg(long)]
    pub(crate) force: bool,
    /// Where executions are kept.
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// Arguments of `prune`.
#[derive(Debug, clap::Args)]
pub(crate) struct PruneArgs {
    /// Delete those that ended longer ago than this: `90m`, `12h`, `30d`.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) older_than: SignedDuration,
    /// Where executions are kept.
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    /// Where executions are kept.
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Save every execution that can be read, in whole or in part, into a new folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) salvage: Option<PathBuf>,
}
