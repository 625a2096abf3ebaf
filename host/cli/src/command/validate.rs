//! `stepwell validate`: everything that is wrong with workflow files.

use serde_json::Value;
use stepwell_asl::Severity;

use crate::args::ValidateArgs;
use crate::command::{read_source, stem};
use crate::error::CommandError;
use crate::findings;
use crate::output::Output;

pub(crate) fn run(args: &ValidateArgs, output: &mut Output) -> Result<(), CommandError> {
    let mut all = Vec::new();
    let mut refused = 0;
    for path in &args.files {
        let source = read_source(path)?;
        let (found, summary) = match stepwell_asl::load(&source, &stem(path)) {
            Ok(workflow) => {
                let (machines, functions) = (workflow.machines.len(), workflow.functions.len());
                let summary = format!("{machines} state machines, {functions} functions");
                (workflow.warnings, Some(summary))
            }
            Err(findings) => (findings, None),
        };
        all.extend(found.iter().map(|finding| findings::to_json(path, &source, finding)));
        let errors = found.iter().filter(|finding| finding.severity == Severity::Error).count();
        let warnings = found.len() - errors;
        if !args.json {
            output.findings(path, &source, &found);
        }
        match summary {
            Some(summary) => {
                output.note(&format!("{}: ok, {summary}, {warnings} warnings", path.display()));
            }
            None => {
                refused += 1;
                output.note(&format!("{}: {errors} errors, {warnings} warnings", path.display()));
            }
        }
    }
    if args.json {
        output.data(&Value::Array(all).to_string())?;
    }
    match refused {
        0 => Ok(()),
        1 => Err(CommandError::invalid("one file cannot be used")),
        more => Err(CommandError::invalid(format!("{more} files cannot be used"))),
    }
}
