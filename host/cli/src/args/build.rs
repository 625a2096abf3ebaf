//! What can be said about sources: building them, and beginning new ones.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::{BesideArgs, ComponentArgs};

/// Arguments of `build`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stepwell build workflow.yaml
  stepwell build workflow.yaml fetch --again
  stepwell build workflow.yaml --output components")]
pub(crate) struct BuildArgs {
    /// The workflow file, YAML or JSON.
    pub(crate) file: PathBuf,
    /// Which functions; default: all that have a `source:` or a component in a registry.
    #[arg(value_name = "FUNCTION")]
    pub(crate) named: Vec<String>,
    /// What is said beside the file.
    #[command(flatten)]
    pub(crate) beside: BesideArgs,
    /// Build what was built before and has not changed as well, and look up anew what tags of registries
    /// mean.
    #[arg(long, conflicts_with = "locked")]
    pub(crate) again: bool,
    /// Copy the components to a folder, each as `FUNCTION.wasm`.
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Where components are taken from.
    #[command(flatten)]
    pub(crate) components: ComponentArgs,
}

/// What is new.
#[derive(Debug, Subcommand)]
pub(crate) enum NewCommand {
    /// A task that builds and runs at once, with a test of its own and a workflow that calls it.
    Task(NewTaskArgs),
    /// A workflow whose functions are stubs until their tasks exist.
    Workflow(NewWorkflowArgs),
}

/// Arguments of `new task`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  stepwell new task hello --lang python
  stepwell run hello/workflow.yaml --watch")]
pub(crate) struct NewTaskArgs {
    /// Its name, and that of the folder that is made.
    pub(crate) name: String,
    /// The language.
    #[arg(long, value_enum)]
    pub(crate) lang: LanguageArg,
}

/// Arguments of `new workflow`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  stepwell new workflow import
  stepwell run import/workflow.yaml --input @import/input.json --watch")]
pub(crate) struct NewWorkflowArgs {
    /// Its name, and that of the folder that is made.
    pub(crate) name: String,
}

/// A language of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LanguageArg {
    /// Rust, built by cargo.
    Rust,
    /// Python, built by componentize-py.
    Python,
    /// JavaScript, built by componentize-js.
    Js,
}
