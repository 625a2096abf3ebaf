//! One function by itself: of a workflow file, or a component without any file.

use std::io::Read;
use std::path::Path;

use serde_json::{Map, json};
use stepwell_asl::Workflow;
use stepwell_sandbox::Function;

use crate::args::FunctionArgs;
use crate::components::{self, is_reference};
use crate::error::CommandError;
use crate::functions::{Functions, Unusable};
use crate::keeping;
use crate::output::Output;
use crate::workflow_file::{self, Kept};
use crate::workshop::Workshop;

/// The largest event that is read: more than any limit of Lambda lets through.
const EVENT_BYTES_MAX: u64 = 256 << 20;

/// What a WebAssembly file begins with.
const WASM: &[u8] = b"\0asm";

/// The ARN under which a function is invoked that no state calls.
pub(crate) fn event_arn(function: &str) -> String {
    format!("arn:aws:lambda:us-east-1:123456789012:function:{function}")
}

/// An event: JSON, `@FILE`, or `-` for standard input. Whether it is JSON is the task's business, as on
/// Lambda it is the runtime's; a text that is not is refused here, because it is a mistake.
pub(crate) fn read_event(text: &str) -> Result<String, CommandError> {
    let event = if text == "-" {
        let mut event = String::new();
        std::io::stdin().take(EVENT_BYTES_MAX).read_to_string(&mut event).map_err(|error| {
            CommandError::invalid(format!("cannot read standard input: {error}"))
        })?;
        event
    } else if let Some(path) = text.strip_prefix('@') {
        let path = Path::new(path);
        std::fs::read_to_string(path).map_err(|error| CommandError::unreadable(path, &error))?
    } else {
        text.to_owned()
    };
    check_json(event.trim(), "the event")?;
    Ok(event.trim().to_owned())
}

/// Says it if a text is no JSON.
pub(crate) fn check_json(text: &str, what: &str) -> Result<(), CommandError> {
    serde_json::from_str::<&serde_json::value::RawValue>(text).map(|_| ()).map_err(|error| {
        CommandError::invalid(format!("{what} is not JSON: {error}"))
            .with_help("give JSON, `@FILE` for a file, or `-` for standard input")
    })
}

/// Loads the function that is meant.
pub(crate) fn load(
    args: &FunctionArgs,
    workshop: &mut Workshop,
    output: &mut Output,
) -> Result<Function, CommandError> {
    let (kept, workflow) = read(args)?;
    let (name, settings) = choose(&workflow, args)?;
    let granted = settings.grants.objects.iter().map(|grant| grant.bucket.as_str()).collect();
    let objects = keeping::objects(args.objects.as_deref(), Path::new(crate::args::STATE_DEFAULT));
    let bench = workshop.environment(&kept, &workflow, &objects, granted, &args.terms)?;
    let loaded = Functions::load_one(name, settings, &kept.base, &bench, &args.terms);
    let (component, mut settings) = loaded.map_err(|unusable| {
        let Unusable { message, help, environment, .. } = *unusable;
        CommandError::unusable(format!("function `{name}`: {message}"), help, environment)
    })?;
    settings.variables.extend(args.environment.iter().cloned());
    settings.limits.memory_mb = args.memory_size.unwrap_or(settings.limits.memory_mb);
    settings.limits.timeout_seconds = args.timeout.unwrap_or(settings.limits.timeout_seconds);
    let warnings: Vec<_> =
        workflow.warnings.iter().filter(|found| !found.is_missing_function()).cloned().collect();
    output.findings(&kept.path, &kept.text, &warnings);
    Ok(Function::new(&bench.sandbox, component, settings))
}

/// The workflow file; for a component one that has nothing but a function of its name.
fn read(args: &FunctionArgs) -> Result<(Kept, Workflow), CommandError> {
    let path = &args.file;
    if !is_component(path)? {
        for (given, what) in
            [(&args.allow_http, "--allow-http"), (&args.allow_objects, "--allow-objects")]
        {
            if !given.is_empty() {
                let message = format!("`{what}` is for components without a workflow file");
                return Err(
                    CommandError::invalid(message).with_help("say it in the function's `grants:`")
                );
            }
        }
        let (kept, loaded) = workflow_file::read(path, &args.beside, None)?;
        let workflow = loaded.map_err(|findings| kept.refuse(findings))?;
        return Ok((kept, workflow));
    }
    let name = name_of(path)?;
    let component = if is_reference(path) {
        path.to_string_lossy()
    } else {
        // From the folder of the file that is made here, which is called like it.
        path.file_name().unwrap_or_default().to_string_lossy()
    };
    let mut functions = Map::new();
    functions.insert(
        name.clone(),
        json!({
            "component": component,
            "grants": { "http": args.allow_http, "objects": args.allow_objects },
        }),
    );
    let definition = json!({
        "StartAt": "Invoke",
        "States": { "Invoke": { "Type": "Task", "Resource": name, "End": true } },
    });
    let machines = json!({ "invoke": { "definition": definition } });
    let text = json!({
        "functions": functions,
        "stepFunctions": { "stateMachines": machines },
    });
    let kept = Kept::made(path, text.to_string());
    let workflow = kept.load().map_err(|findings| kept.refuse(findings))?;
    Ok((kept, workflow))
}

/// The name of a component's function: the last part of the component's, without what a function's name cannot
/// have.
fn name_of(path: &Path) -> Result<String, CommandError> {
    let named;
    let name = if is_reference(path) {
        named = components::reference(path)?.name;
        named.rsplit('/').next().unwrap_or_default().into()
    } else {
        path.file_stem().unwrap_or_default().to_string_lossy()
    };
    let fits = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    Ok(name.chars().map(fits).take(64).collect())
}

fn is_component(path: &Path) -> Result<bool, CommandError> {
    if is_reference(path) {
        return Ok(true);
    }
    let mut beginning = [0; 4];
    let mut file =
        std::fs::File::open(path).map_err(|error| CommandError::unreadable(path, &error))?;
    let read = file.read(&mut beginning).map_err(|error| CommandError::unreadable(path, &error))?;
    Ok(beginning[..read] == *WASM || path.extension().is_some_and(|extension| extension == "wasm"))
}

fn choose<'w>(
    workflow: &'w Workflow,
    args: &FunctionArgs,
) -> Result<(&'w str, &'w stepwell_asl::FunctionSettings), CommandError> {
    let names = || workflow.functions.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    if let Some(name) = &args.function {
        let name = stepwell_asl::function_name(name).unwrap_or(name);
        return workflow.function(name).ok_or_else(|| {
            let message = format!("`{}` has no function `{name}`", args.file.display());
            CommandError::invalid(message).with_help(format!("it has {}", names()))
        });
    }
    let mut functions = workflow.functions.iter();
    match (functions.next(), functions.next()) {
        (Some((name, settings)), None) => Ok((name, settings)),
        (None, _) => {
            let message = format!("`{}` has no functions", args.file.display());
            Err(CommandError::invalid(message))
        }
        _ => Err(CommandError::invalid("the file has several functions")
            .with_help(format!("name one of them: {}", names()))),
    }
}
