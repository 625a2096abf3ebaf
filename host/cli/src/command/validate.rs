//! `stepwell validate`: everything that is wrong with workflow files.

use serde_json::Value;
use stepwell_asl::Severity;

use crate::args::ValidateArgs;
use crate::error::{CommandError, counted};
use crate::findings;
use crate::output::Output;
use crate::workflow_file;

pub(crate) fn run(args: &ValidateArgs, output: &mut Output) -> Result<(), CommandError> {
    let mut all = Vec::new();
    let mut refused = 0;
    for path in &args.files {
        let (kept, loaded) = workflow_file::read(path, &args.beside, None)?;
        let source = kept.text;
        let (found, summary) = match loaded {
            Ok(workflow) => {
                let (machines, functions) = (workflow.machines.len(), workflow.functions.len());
                let summary = format!(
                    "{}, {}",
                    counted(machines, "state machine"),
                    counted(functions, "function"),
                );
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
        let verdict = summary.map_or_else(|| counted(errors, "error"), |sum| format!("ok, {sum}"));
        refused += usize::from(errors > 0);
        let warnings = counted(warnings, "warning");
        output.note(&format!("{}: {verdict}, {warnings}", path.display()));
    }
    if args.json {
        output.data(&Value::Array(all).to_string())?;
    }
    match refused {
        0 => Ok(()),
        files => Err(CommandError::invalid(format!("{} cannot be used", counted(files, "file")))),
    }
}
