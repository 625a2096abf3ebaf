//! `stepwell doctor`: what is wrong with the journal, and what can be saved.

use crate::args::DoctorArgs;
use crate::error::{CommandError, counted};
use crate::output::Output;

pub(crate) fn run(args: &DoctorArgs, output: &mut Output) -> Result<(), CommandError> {
    let dir = &args.state.state;
    let diagnosis = stepwell_journal::doctor(dir)?;
    let counts = &diagnosis.counts;
    let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    output.data(&format!(
        "{}: {}, {}, {} bytes, {} bytes of log",
        dir.display(),
        counted(number(counts.executions), "execution"),
        counted(number(counts.events), "event"),
        counts.bytes,
        counts.log_bytes,
    ))?;
    for finding in &diagnosis.findings {
        output.data(&format!("- {}\n  {}", finding.what, finding.help))?;
    }
    if let Some(target) = &args.salvage {
        return salvage(args, target, output);
    }
    match diagnosis.findings.len() {
        0 => output.data("nothing is wrong"),
        findings => Err(CommandError::environment(counted(findings, "finding"))
            .with_help("`--salvage DIR` saves what can be read into a new folder")),
    }
}

fn salvage(
    args: &DoctorArgs,
    target: &std::path::Path,
    output: &mut Output,
) -> Result<(), CommandError> {
    let salvaged = stepwell_journal::salvage(&args.state.state, target)?;
    let whole = counted(salvaged.whole.len(), "execution");
    output.data(&format!("{whole} saved whole in `{}`", target.display()))?;
    for (name, sequence, why) in &salvaged.cut {
        output.data(&format!("- `{name}` is saved up to its event {sequence}: {why}"))?;
    }
    for (key, why) in &salvaged.lost {
        output.data(&format!("- execution {key} is lost: {why}"))?;
    }
    if salvaged.incomplete {
        output.data("- the list of executions is broken as well: there may have been others")?;
    }
    Ok(())
}
