//! `stepwell graph`: a state machine as a picture, with the path that an execution took.

use std::path::Path;

use stepwell_graph::{Graph, History, mermaid, svg};

use crate::args::{GraphArgs, GraphFormat};
use crate::error::{CommandError, reason};
use crate::output::Output;
use crate::workflow_file::{self, choose, read_source};

pub(crate) fn run(args: &GraphArgs, output: &mut Output) -> Result<(), CommandError> {
    let wanted = args.state_machine.as_deref();
    let (kept, loaded) = workflow_file::read(&args.file, &args.beside, wanted)?;
    let workflow = loaded.map_err(|findings| kept.refuse(findings))?;
    let machine = choose(&workflow, args.state_machine.as_deref())?;
    let graph = Graph::of(&machine.name, &machine.definition);
    let path = args.execution.as_deref().map(|file| read_path(&graph, file)).transpose()?;
    if path.as_ref().is_some_and(|path| path.is_cut) {
        output.note("the history goes on: only what the file holds is marked");
    }
    let picture = match args.format {
        GraphFormat::Mermaid => mermaid(&graph, path.as_ref()),
        GraphFormat::Svg => svg(&graph, path.as_ref()),
    };
    match &args.output {
        Some(file) => write(file, &picture),
        None => output.data(picture.trim_end()),
    }
}

fn read_path(graph: &Graph, file: &Path) -> Result<stepwell_graph::Path, CommandError> {
    let history = History::parse(&read_source(file, file)?).map_err(|error| {
        let message = format!("`{}` is no execution history: {error}", file.display());
        CommandError::invalid(message).with_help(
            "give what `stepwell run --history FILE` or `aws stepfunctions get-execution-history` \
             writes",
        )
    })?;
    stepwell_graph::Path::of(graph, &history).map_err(|error| {
        let message = format!(
            "`{}` is not a history of the state machine `{}`: {error}",
            file.display(),
            graph.name
        );
        CommandError::invalid(message)
            .with_help("give the history of an execution of this machine, as it is in the file")
    })
}

fn write(file: &Path, picture: &str) -> Result<(), CommandError> {
    if file.is_dir() {
        let message = format!("cannot write the picture: `{}` is a folder", file.display());
        return Err(CommandError::invalid(message).with_help("name a file, such as `machine.svg`"));
    }
    std::fs::write(file, picture).map_err(|error| {
        // What is missing can only be the folder: the file is made.
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "its folder does not exist".to_owned(),
            _ => reason(&error),
        };
        let message = format!("cannot write the picture to `{}`: {why}", file.display());
        CommandError::environment(message)
    })
}
