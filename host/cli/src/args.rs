//! What can be said on the command line. Nothing here does anything.

mod build;
mod eval;
mod functions;
mod kept;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Parser, Subcommand};

pub(crate) use build::*;
pub(crate) use eval::*;
pub(crate) use functions::*;
pub(crate) use kept::*;

/// Runs step workflows in the Amazon States Language, with each step a WebAssembly component under
/// AWS Lambda's limits.
#[derive(Debug, Parser)]
#[command(name = "stepwell", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Say nothing on standard error but errors.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  succeeded
  1  the execution failed, timed out or was stopped; the expression failed
  2  invalid arguments, input, definition or expression
  3  the environment: a file that cannot be read or written, no credentials, no memory
  4  interrupted: the journal has the execution, and `stepwell resume` goes on with it";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a workflow file and print the output as JSON, for one input or for many.
    Run(RunArgs),
    /// Go on with executions whose process has ended.
    Resume(ResumeArgs),
    /// Go on with an execution that failed, timed out or was stopped, where it was.
    Redrive(RedriveArgs),
    /// Start a new execution like an old one, from the start or from a state of it.
    Rerun(RerunArgs),
    /// List executions.
    Executions(ExecutionsArgs),
    /// Show an execution as DescribeExecution would reply.
    Describe(DescribeArgs),
    /// Show an execution's history.
    History(HistoryArgs),
    /// Stop an execution.
    Stop(StopArgs),
    /// Answer a task that waits for its token.
    #[command(subcommand)]
    Task(TaskCommand),
    /// Step through an execution, forwards and backwards.
    Debug(DebugArgs),
    /// Write an execution down whole, to replay it elsewhere.
    Export(ExportArgs),
    /// Replay an exported execution without running tasks, and compare its history.
    Replay(ReplayArgs),
    /// Delete executions that have ended.
    Delete(DeleteArgs),
    /// Delete all executions that ended long ago.
    Prune(PruneArgs),
    /// Say what is wrong with the journal, and save what can be read.
    Doctor(DoctorArgs),
    /// Make components of the functions whose `source:` is given.
    Build(BuildArgs),
    /// Begin a task or a workflow.
    #[command(subcommand)]
    New(NewCommand),
    /// Check a workflow file and print everything that is wrong with it.
    Validate(ValidateArgs),
    /// Invoke one function, of a workflow file or a component by itself.
    Invoke(InvokeArgs),
    /// Say what each memory size would make of a function: duration, cost, verdict.
    Tune(TuneArgs),
    /// Measure how fast this machine is beside the reference that limits are counted with.
    Calibrate(CalibrateArgs),
    /// Show what a task exports and imports, which grants it would need, and its size.
    Inspect(InspectArgs),
    /// Draw a state machine, and on request the path that an execution took.
    Graph(GraphArgs),
    /// Rewrite a workflow file's JSONPath as JSONata.
    Convert(ConvertArgs),
    /// Evaluate an expression as a workflow would, or many at a prompt.
    Eval(EvalArgs),
    /// Print a completion script for a shell.
    Completions(CompletionsArgs),
}

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stepwell run workflows/import-orders.yaml --input @input.json
  echo '{\"n\": 1}' | stepwell run machine.asl.json --input -
  stepwell run workflow.yaml --objects s3 --history history.json
  stepwell run workflow.yaml --skip-waits --json | jq -r .status
  stepwell run workflow.yaml --input @input.json --watch
  stepwell run template.yaml --functions functions.yaml --var Stage=test")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(crate) struct RunArgs {
    /// The workflow file, YAML or JSON: plain ASL, or a file of Serverless, SAM, CloudFormation or CDK.
    pub(crate) file: PathBuf,
    /// What is said beside the file.
    #[command(flatten)]
    pub(crate) beside: BesideArgs,
    /// Which state machine, where the file holds several.
    #[arg(long, value_name = "NAME")]
    pub(crate) state_machine: Option<String>,
    /// The execution's input: JSON, `@FILE`, or `-` for standard input.
    #[arg(long, value_name = "JSON", default_value = "{}", allow_hyphen_values = true)]
    pub(crate) input: String,
    /// The execution's name; default: a UUID. Started again with the same input, it goes on where it was.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: Option<String>,
    /// Start an execution for each line of a file, or of standard input (`-`), which is its input. With `--name` they are one batch,
    /// which goes on where it was when it is started again.
    #[arg(long, value_name = "FILE.jsonl", conflicts_with_all = ["input", "history"])]
    pub(crate) inputs: Option<PathBuf>,
    /// How many of them run at a time.
    #[arg(long, value_name = "N", default_value = "10", requires = "inputs")]
    pub(crate) concurrency: NonZeroUsize,
    /// How it is run and kept.
    #[command(flatten)]
    pub(crate) drive: DriveArgs,
    /// How tasks are treated.
    #[command(flatten)]
    pub(crate) terms: TermsArgs,
    /// What is told of the invocations.
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    /// Write the history to a file, as GetExecutionHistory would reply.
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,
    /// Where objects are: a folder, or `s3` (credentials, region and endpoint as the AWS CLI has them);
    /// default: `objects` in the folder of `--state`.
    #[arg(long, value_name = "DIR|s3")]
    pub(crate) objects: Option<PathBuf>,
    /// Do not wait: the clock jumps over Wait states, waits before retries, and stubs' sleeps.
    #[arg(long)]
    pub(crate) skip_waits: bool,
    /// Let the history grow beyond the 25,000 events at which AWS fails an execution.
    #[arg(long)]
    pub(crate) unlimited_history: bool,
    /// Run it again whenever its file, its input, a component or a source changes; Ctrl-C ends that.
    #[arg(long, conflicts_with_all = ["name", "inputs"])]
    pub(crate) watch: bool,
    /// Say on standard error what took how long until the first task began.
    #[arg(long)]
    pub(crate) timings: bool,
}

/// Arguments of `validate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stepwell validate workflows/import-orders.yaml
  stepwell validate --json machine.asl.json | jq '.[].code'")]
pub(crate) struct ValidateArgs {
    /// The workflow files, YAML or JSON.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// What is said beside the files.
    #[command(flatten)]
    pub(crate) beside: BesideArgs,
    /// Print the findings as a JSON array on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a workflow file leaves open.
#[derive(Debug, clap::Args)]
pub(crate) struct BesideArgs {
    /// A YAML or JSON file with `functions:`: components, stubs and grants of the workflow's functions.
    #[arg(long, value_name = "FILE")]
    pub(crate) functions: Option<PathBuf>,
    /// A value for a parameter, variable or placeholder of the file; may be given several times.
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(crate) values: Vec<(String, String)>,
}

/// Where components come from that are no files.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ComponentArgs {
    /// Take nothing from a registry but what `stepwell.lock`, beside the workflow file, or the reference
    /// itself names by its digest.
    #[arg(long)]
    pub(crate) locked: bool,
    /// Where they are kept.
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
}

/// Where things are kept that can be made again.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct CacheArgs {
    /// Where components that were built or fetched are kept, and compiled code; default:
    /// `$XDG_CACHE_HOME/stepwell`.
    #[arg(long, value_name = "DIR", env = "STEPWELL_CACHE")]
    pub(crate) cache: Option<PathBuf>,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write `NAME=VALUE`")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Arguments of `inspect`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stepwell inspect guest-tasks/target/wasm32-wasip2/release/fetch.wasm
  stepwell inspect oci://ghcr.io/acme/fetch:1.2.0")]
pub(crate) struct InspectArgs {
    /// A component, or a core module with type information: a file, or `oci://HOST/NAME:TAG` in a registry.
    pub(crate) file: PathBuf,
    /// Where it is kept when it is fetched and compiled.
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `graph`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stepwell graph workflows/import-orders.yaml > import-orders.mmd
  stepwell graph workflows/import-orders.yaml --format svg --output import-orders.svg
  stepwell run workflow.yaml --history history.json
  stepwell graph workflow.yaml --execution history.json --format svg --output path.svg
  aws stepfunctions get-execution-history --execution-arn ARN > history.json")]
pub(crate) struct GraphArgs {
    /// The workflow file, YAML or JSON.
    pub(crate) file: PathBuf,
    /// What is said beside the file.
    #[command(flatten)]
    pub(crate) beside: BesideArgs,
    /// Which state machine, where the file holds several.
    #[arg(long, value_name = "NAME")]
    pub(crate) state_machine: Option<String>,
    /// What to write.
    #[arg(long, value_enum, default_value = "mermaid")]
    pub(crate) format: GraphFormat,
    /// Mark the path of an execution: its history, as `run --history` writes it and
    /// GetExecutionHistory replies it.
    #[arg(long, value_name = "HISTORY")]
    pub(crate) execution: Option<PathBuf>,
    /// Write the picture to a file instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// What a picture is written as.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum GraphFormat {
    /// A Mermaid flowchart, which Markdown pages show.
    Mermaid,
    /// An SVG image.
    Svg,
}

/// Arguments of `convert`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stepwell convert workflow.yaml > workflow.jsonata.yaml
  stepwell convert --check serverless.yml
  stepwell convert --write machine.asl.json

Exit code 1: something stays in JSONPath, and a remark says what and why.")]
pub(crate) struct ConvertArgs {
    /// The workflow file, YAML or JSON, with its state machines as objects in it.
    pub(crate) file: PathBuf,
    /// Write the new text into the file itself.
    #[arg(long, conflicts_with_all = ["output", "check"])]
    pub(crate) write: bool,
    /// Write the new text to another file instead of standard output.
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    pub(crate) output: Option<PathBuf>,
    /// Write nothing: only say what would be said.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  stepwell completions bash > ~/.local/share/bash-completion/completions/stepwell")]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}
