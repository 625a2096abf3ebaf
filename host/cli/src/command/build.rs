//! `stepwell build`: makes components of the functions whose `source:` is given, and fetches those that lie in
//! registries.

use std::path::PathBuf;

use serde_json::{Map, Value, json};
use stepwell_asl::{Component as Code, RegistryReference, Workflow};
use stepwell_build::Source;
use stepwell_registry::Tags;

use crate::args::{BuildArgs, ComponentArgs};
use crate::components::{self, LoadFailure, Origin, Supply};
use crate::error::CommandError;
use crate::output::Output;
use crate::workflow_file::{self, Kept};
use crate::workshop;

pub(crate) fn run(args: &BuildArgs, output: &mut Output) -> Result<(), CommandError> {
    let (kept, loaded) = workflow_file::read(&args.file, &args.beside, None)?;
    let workflow = loaded.map_err(|findings| kept.refuse(findings))?;
    let names = chosen(args, &workflow)?;
    let supply = supply(args, &kept, output);
    let mut told = Vec::new();
    for name in names {
        let settings = &workflow.functions[name];
        let origin = components::origin(settings, &kept.base);
        let (Some(code), Some(origin)) = (&settings.code, origin) else { continue };
        let made = match &origin {
            Origin::Source(source) => build(args, source, &supply),
            Origin::Registry(reference) => fetch(reference, &supply),
            Origin::File(_) => continue,
        };
        let made = made.map_err(|failure| {
            workshop::unusable_functions(&kept, &workflow, vec![failure.of(name, code, &origin)])
        })?;
        told.push(tell(args, name, made, output)?);
    }
    if told.is_empty() {
        output.note(&format!("`{}` has nothing to build or to fetch", args.file.display()));
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
            if matches!(settings.code, Some(Code::Source { .. } | Code::Registry(_))) =>
        {
            Ok(name)
        }
        Some((name, _)) => {
            let message = format!("the function `{name}` has no `source:` to build");
            Err(CommandError::invalid(message))
        }
        None => {
            let names: Vec<_> = workflow.functions.keys().map(String::as_str).collect();
            let message = format!("`{}` has no function `{wanted}`", args.file.display());
            Err(CommandError::invalid(message).with_help(format!("it has {}", names.join(", "))))
        }
    });
    named.collect()
}

/// What builds and what fetches.
fn supply(args: &BuildArgs, kept: &Kept, output: &Output) -> Supply {
    let ComponentArgs { locked, cache } = &args.components;
    let tags = if args.again { Tags::Again(kept.folder()) } else { workshop::tags(kept, *locked) };
    let (builder, registry) = (workshop::builder(cache), workshop::registry(cache, tags));
    Supply { builder, registry, output: output.clone() }
}

/// A component that is there now, and what is told of it.
struct Made {
    component: PathBuf,
    told: Map<String, Value>,
}

fn build(args: &BuildArgs, source: &Source, supply: &Supply) -> Result<Made, LoadFailure> {
    let built = supply.build(source, args.again).map_err(LoadFailure::Unbuilt)?;
    let told = [
        ("language".to_owned(), json!(built.language.to_string())),
        ("source".to_owned(), json!(source.path.display().to_string())),
        ("builtAnew".to_owned(), json!(built.anew)),
    ];
    Ok(Made { component: built.component, told: told.into_iter().collect() })
}

fn fetch(reference: &RegistryReference, supply: &Supply) -> Result<Made, LoadFailure> {
    let fetched = supply.fetch_intact(reference).map_err(LoadFailure::Unfetched)?;
    let told = [
        ("reference".to_owned(), json!(fetched.pinned.to_string())),
        ("fetchedAnew".to_owned(), json!(fetched.anew)),
    ];
    Ok(Made { component: fetched.component, told: told.into_iter().collect() })
}

fn tell(
    args: &BuildArgs,
    name: &str,
    made: Made,
    output: &mut Output,
) -> Result<Value, CommandError> {
    let Made { mut component, mut told } = made;
    if let Some(folder) = &args.output {
        let copy = folder.join(format!("{name}.wasm"));
        let copied =
            std::fs::create_dir_all(folder).and_then(|()| std::fs::copy(&component, &copy));
        copied.map_err(|error| {
            CommandError::environment(format!("cannot write `{}`: {error}", copy.display()))
        })?;
        component = copy;
    }
    if !args.json {
        output.data(&format!("{name}  {}", component.display()))?;
    }
    let size = std::fs::metadata(&component).map_or(0, |metadata| metadata.len());
    told.insert("function".to_owned(), json!(name));
    told.insert("component".to_owned(), json!(component.display().to_string()));
    told.insert("sizeBytes".to_owned(), json!(size));
    Ok(Value::Object(told))
}
