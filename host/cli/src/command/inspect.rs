//! `stepwell inspect`: what a task exports and imports, which grants it would need, and its size.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::json;
use stepwell_registry::{Fetched, RegistryError, Tags};
use stepwell_sandbox::{
    CodeCache, Component, ComponentKind, Inspection, LoadError, Sandbox, SandboxSettings,
};

use crate::args::InspectArgs;
use crate::command::compile;
use crate::components::{self, Supply, is_reference};
use crate::error::CommandError;
use crate::output::Output;
use crate::workshop;

pub(crate) fn run(args: &InspectArgs, output: &mut Output) -> Result<(), CommandError> {
    let named = args.file.display().to_string();
    let fetched = if is_reference(&args.file) { Some(fetch(args, output)?) } else { None };
    let file = fetched.as_ref().map_or(&args.file, |fetched| &fetched.component);
    let bytes = std::fs::read(file).map_err(|error| CommandError::unreadable(file, &error))?;
    let compiler = compile::compiler()?;
    // It is loaded twice, as a component and as a task, and compiled once: also for whoever runs it then.
    let cache = workshop::cache_folder(&args.cache).map(CodeCache::new);
    let sandbox = Sandbox::new(SandboxSettings { cache, compiler, ..SandboxSettings::default() })
        .map_err(|error| CommandError::environment(error.to_string()))?;
    let inspection = Inspection::of(&sandbox, &bytes).map_err(|error| refused(&named, &error))?;
    let reference = fetched.as_ref().map(|fetched| fetched.pinned.to_string());
    let producers = stepwell_sandbox::producers(&bytes);
    let reason = Component::load(&sandbox, &bytes).err().map(|error| error.to_string());
    let text = if args.json {
        json!({
            "file": file.display().to_string(),
            "reference": reference,
            "kind": kind(&inspection),
            "sizeBytes": inspection.size_bytes,
            "sha256": inspection.sha256,
            "producers": producers,
            "exports": inspection.exports,
            "imports": inspection.imports,
            "grants": grants(&inspection),
            "task": reason.is_none(),
            "reason": reason,
        })
        .to_string()
    } else {
        tell(&named, reference.as_deref(), &inspection, &producers, reason.as_deref())
    };
    output.data(&text)?;
    match reason {
        Some(reason) => Err(CommandError::invalid(format!("`{named}` is no task: {reason}"))),
        None => Ok(()),
    }
}

/// What a reference means now: there is no lock file.
fn fetch(args: &InspectArgs, output: &Output) -> Result<Fetched, CommandError> {
    let reference = components::reference(&args.file)?;
    let builder = workshop::builder(&args.cache);
    let registry = workshop::registry(&args.cache, Tags::Now);
    let supply = Supply { builder, registry, output: output.clone() };
    let refused = |error: RegistryError| {
        CommandError::unusable(error.to_string(), error.help(), error.is_of_the_machine())
    };
    supply.fetch_intact(&reference).map_err(refused)
}

/// A file that cannot be looked into.
fn refused(path: &str, error: &LoadError) -> CommandError {
    let message = format!("`{path}`: {error}");
    match error {
        LoadError::Compiler { .. } => CommandError::environment(message),
        LoadError::TooCostly { .. } => CommandError::invalid(message).with_help(compile::help()),
        _ => CommandError::invalid(message),
    }
}

fn kind(inspection: &Inspection) -> &'static str {
    match inspection.kind {
        ComponentKind::Component => "component",
        ComponentKind::Module => "module",
    }
}

fn grants(inspection: &Inspection) -> Vec<&'static str> {
    let mut grants = Vec::new();
    if inspection.uses_http {
        grants.push("http");
    }
    if inspection.uses_objects {
        grants.push("objects");
    }
    grants
}

fn tell(
    named: &str,
    reference: Option<&str>,
    inspection: &Inspection,
    producers: &BTreeMap<String, BTreeSet<String>>,
    refused: Option<&str>,
) -> String {
    let mut text = format!("{named}: a {} of {} bytes", kind(inspection), inspection.size_bytes);
    if let Some(reference) = reference {
        _ = write!(text, "\nreference:  {reference}");
    }
    _ = write!(text, "\nsha256:  {}", inspection.sha256);
    for (field, values) in producers {
        // Anybody's words: on one line, and without what a terminal would obey.
        let values: Vec<_> = values.iter().map(|value| value.escape_debug().to_string()).collect();
        _ = write!(text, "\n{}:  {}", field.escape_debug(), values.join(", "));
    }
    for (title, names) in [("exports", &inspection.exports), ("imports", &inspection.imports)] {
        _ = write!(text, "\n{title}:");
        for name in names {
            _ = write!(text, "\n  {name}");
        }
        if names.is_empty() {
            text.push_str(" nothing");
        }
    }
    let grants = grants(inspection);
    let grants = if grants.is_empty() { "none".to_owned() } else { grants.join(", ") };
    _ = write!(text, "\ngrants it would need:  {grants}");
    _ = write!(text, "\ntask:  {}", if refused.is_none() { "yes" } else { "no" });
    text
}
