//! `run --watch`: runs once more whenever something that it is made of has changed.

use std::path::Path;
use std::time::Duration;

use stepwell_build::Stamp;

use crate::args::RunArgs;
use crate::components::{Origin, origin};
use crate::error::CommandError;
use crate::output::Output;
use crate::timings::Timings;
use crate::workflow_file;

/// How often is looked. Files are only asked when they were written, which takes microseconds each.
const INTERVAL: Duration = Duration::from_millis(100);

pub(super) fn run(args: &RunArgs, output: &mut Output) -> Result<(), CommandError> {
    if args.input == "-" {
        let message = "`--watch` reads the input again for each run, and standard input only once";
        return Err(CommandError::invalid(message).with_help("give `--input @FILE`"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::environment(format!("cannot start a runtime: {error}")))?;
    loop {
        // Before the run: what changes while it runs is run again.
        let before = stamp(args);
        match super::once(args, output, &Timings::start()) {
            Err(error @ CommandError::Interrupted { .. }) => return Err(error),
            Err(error) => output.error(&error),
            Ok(()) => {}
        }
        output.note("waiting for changes; Ctrl-C ends this");
        let changed = runtime.block_on(async {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => None,
                changed = change(args, &before) => Some(changed),
            }
        });
        let Some(changed) = changed else { return Ok(()) };
        output.note(&format!("\n{changed} has changed"));
    }
}

/// Waits until something has changed, and says what.
async fn change(args: &RunArgs, before: &Stamp) -> String {
    loop {
        tokio::time::sleep(INTERVAL).await;
        let now = stamp(args);
        if let Some(path) = now.changed_since(before) {
            return path.display().to_string();
        }
    }
}

/// Everything that a run is made of, as it is now.
fn stamp(args: &RunArgs) -> Stamp {
    let mut stamp = Stamp::default();
    stamp.add_file(&args.file);
    let beside = args.beside.functions.as_deref();
    let budget = args.report.budget.as_deref();
    let input = args.input.strip_prefix('@').map(Path::new);
    for path in [beside, budget, input].into_iter().flatten() {
        stamp.add_file(path);
    }
    let wanted = args.state_machine.as_deref();
    let Ok((kept, loaded)) = workflow_file::read(&args.file, &args.beside, wanted) else {
        return stamp;
    };
    for path in kept.files.keys() {
        stamp.add_file(&kept.base.join(path));
    }
    // Of a file with mistakes its own text is what will change.
    for settings in loaded.iter().flat_map(|workflow| workflow.functions.values()) {
        match origin(settings, &kept.base) {
            Some(Origin::File(path)) => stamp.add_file(&path),
            Some(Origin::Source(source)) => stamp.add_source(&source),
            // What a reference means is locked.
            Some(Origin::Registry(_)) | None => {}
        }
    }
    stamp
}
