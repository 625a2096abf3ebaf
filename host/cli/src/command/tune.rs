//! `stepwell tune`: what each memory size would make of a function.
//!
//! The function runs once cold and once warm for each event, under the largest limits that Lambda has. What
//! it took tells how long the same work takes with any memory: fuel is CPU time at the size's share, waiting
//! is waiting (`facts/limits.md` 7).

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use stepwell_lambda::{LADDER, Question, Usage, chart, tune};
use stepwell_sandbox::{Enforcement, Environment, Function, Invocation};
use uuid::Uuid;

use crate::args::TuneArgs;
use crate::error::{CommandError, reason};
use crate::lone_function::{self, event_arn};
use crate::output::{Output, width};
use crate::report;
use crate::timings::Timings;
use crate::workshop::Workshop;

/// The largest file of events that is read.
const EVENTS_BYTES_MAX: u64 = 1 << 30;

pub(crate) fn run(
    args: &TuneArgs,
    output: &mut Output,
    timings: Timings,
) -> Result<(), CommandError> {
    let prices = report::prices(&args.region)?;
    let events = read_events(&args.events)?;
    let mut workshop = Workshop::new(args.function.components.clone(), timings, output)?;
    let function = lone_function::load(&args.function, &mut workshop, output)?;
    let limits = function.settings().limits;
    let function = function.with(|settings| {
        settings.enforcement = Enforcement::Warn;
        settings.environment = Environment::Fresh;
        settings.limits.fuel = None;
    });
    let samples = measure(&function, &events, &workshop)?;
    let name = function.settings().name.clone();
    drop(function);
    workshop.close();
    let sizes = if args.sizes.is_empty() { &LADDER[..] } else { &args.sizes };
    let question = Question { function: &name, samples: &samples, limits, prices: &prices, sizes };
    let tuning = tune(&question).map_err(|error| CommandError::invalid(error.to_string()))?;
    if let Some(path) = &args.svg {
        std::fs::write(path, chart(&tuning)).map_err(|error| {
            let message = format!("cannot write `{}`: {}", path.display(), reason(&error));
            CommandError::environment(message)
        })?;
    }
    if args.json {
        output.data(&tuning.to_json().to_string())
    } else {
        output.data(tuning.to_text(width()).trim_end())
    }
}

/// What each event takes.
fn measure(
    function: &Function,
    events: &[String],
    workshop: &Workshop,
) -> Result<Vec<Usage>, CommandError> {
    let mut samples = Vec::with_capacity(events.len());
    for (index, event) in events.iter().enumerate() {
        let invocation = Invocation {
            request_id: Uuid::from_u64_pair(0, index as u64 + 1).to_string(),
            function_arn: event_arn(&function.settings().name).into(),
            payload: event.clone(),
        };
        let invoking = function.clone();
        let invoked = workshop.runtime.spawn(async move { invoking.invoke(invocation).await });
        let invoked = workshop.runtime.block_on(invoked);
        let invoked = invoked.expect("an invocation does not panic and is not cancelled");
        if let Err(failure) = &invoked.result {
            let message =
                format!("event {} fails: {}: {}", index + 1, failure.error_type, failure.message);
            return Err(CommandError::invalid(message).with_help(
                "give events that the function answers: what a failure takes tells nothing",
            ));
        }
        samples.push(invoked.report.usage);
    }
    Ok(samples)
}

fn read_events(file: &str) -> Result<Vec<String>, CommandError> {
    let source: Box<dyn Read> = if file == "-" {
        Box::new(std::io::stdin())
    } else {
        let path = Path::new(file);
        Box::new(std::fs::File::open(path).map_err(|error| CommandError::unreadable(path, &error))?)
    };
    let mut events = Vec::new();
    for (index, line) in BufReader::new(source.take(EVENTS_BYTES_MAX)).lines().enumerate() {
        let line = line.map_err(|error| CommandError::unreadable(Path::new(file), &error))?;
        if line.trim().is_empty() {
            continue;
        }
        lone_function::check_json(line.trim(), &format!("line {} of `{file}`", index + 1))?;
        events.push(line.trim().to_owned());
    }
    if events.is_empty() {
        return Err(CommandError::invalid(format!("`{file}` has no events"))
            .with_help("give one JSON text a line"));
    }
    Ok(events)
}
