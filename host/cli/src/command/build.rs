//! `stepwell build`: makes components of the functions whose `source:` is given.

use std::path::Path;

use serde_json::{Value, json};
use stepwell_asl::Workflow;
use stepwell_build::{BuildError, Built};

use crate::args::BuildArgs;
use crate::components::{self, Origin};
use crate::error::CommandError;
use crate::output::Output;
use crate::workflow_file::{self, Kept};
use crate::workshop;

pub(crate) fn run(args: &BuildArgs, output: &mut Output) -> Result<(), CommandError> {
    let (kept, loaded) = workflow_file::read(&args.file, &args.beside, None)?;
    let workflow = loaded.map_err(|findings| kept.refuse(findings))?;
    let names = chosen(args, &workflow)?;
    let builder = workshop::builder(args.cache.as_deref());
    let mut told = Vec::new();
    for name in names {
        let settings = &workflow.functions[name];
        let Some(Origin::Source(source)) = components::origin(settings, &kept.base) else {
            continue;
        };
        let built = components::build(&source, args.again, &builder, output)
            .map_err(|error| refused(&kept, &workflow, name, &error))?;
        told.push(tell(args, name, &source.path, &built, output)?);
    }
    if told.is_empty() {
        output.note(&format!("`{}` has no function with a `source:`", args.file.display()));
    }
    if args.json {
        output.data(&Value::Array(told).to_string())?;
    }
    Ok(())
}

/// The functions that are built, by their names in the file.
fn chosen<'w>(args: &BuildArgs, workflow: &'w Workflow) -> Result<Vec<&'w str>, CommandError> {
    if args.named.is_empty() {
        return Ok(workflow.functions.keys().map(String::as_str).collect());
    }
    let named = args.named.iter().map(|wanted| match workflow.function(wanted) {
        Some((name, settings))
            if matches!(settings.code, Some(stepwell_asl::Component::Source { .. })) =>
        {
            Ok(name)
        }
        Some((name, _)) => {
            Err(CommandError::invalid(format!("the function `{name}` has no `source:` to build")))
        }
        None => {
            let names: Vec<_> = workflow.functions.keys().map(String::as_str).collect();
            let message = format!("`{}` has no function `{wanted}`", args.file.display());
            Err(CommandError::invalid(message).with_help(format!("it has {}", names.join(", "))))
        }
    });
    named.collect()
}

fn tell(
    args: &BuildArgs,
    name: &str,
    source: &Path,
    built: &Built,
    output: &mut Output,
) -> Result<Value, CommandError> {
    let mut component = built.component.clone();
    if let Some(folder) = &args.output {
        component = folder.join(format!("{name}.wasm"));
        let copied = std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::copy(&built.component, &component));
        copied.map_err(|error| {
            CommandError::environment(format!("cannot write `{}`: {error}", component.display()))
        })?;
    }
    if !args.json {
        output.data(&format!("{name}  {}", component.display()))?;
    }
    let size = std::fs::metadata(&component).map_or(0, |metadata| metadata.len());
    Ok(json!({
        "function": name,
        "language": built.language.to_string(),
        "source": source.display().to_string(),
        "component": component.display().to_string(),
        "sizeBytes": size,
        "builtAnew": built.anew,
    }))
}

/// What is wrong, at the function's place in the file unless the machine is the reason.
fn refused(kept: &Kept, workflow: &Workflow, name: &str, error: &BuildError) -> CommandError {
    if error.is_of_the_machine() {
        let refused = CommandError::environment(format!("function `{name}`: {error}"));
        return match error.help() {
            Some(help) => refused.with_help(help),
            None => refused,
        };
    }
    let mut finding = workflow.unusable_component(name, error.to_string());
    finding.help = error.help();
    kept.refuse(vec![finding])
}
