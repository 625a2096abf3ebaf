//! `stepwell invoke`: one invocation of a function, as `aws lambda invoke` with the log's tail.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use stepwell_engine::Failure;
use stepwell_sandbox::{FailureKind, Function, Invocation, Invoked, Status};
use uuid::Uuid;

use crate::args::InvokeArgs;
use crate::clock::Clock;
use crate::error::CommandError;
use crate::failure::ended;
use crate::lone_function::{self, event_arn};
use crate::output::{Output, harmless};
use crate::report;
use crate::timings::Timings;
use crate::workshop::Workshop;

/// How much of the log a reply has (`facts/limits.md` 3).
const LOG_RESULT_BYTES: usize = 4096;

pub(crate) fn run(
    args: &InvokeArgs,
    output: &mut Output,
    timings: Timings,
) -> Result<(), CommandError> {
    let event = lone_function::read_event(&args.event)?;
    let mut workshop = Workshop::new(args.function.components.clone(), timings, output)?;
    let function = lone_function::load(&args.function, &mut workshop, output)?;
    let mut result = Ok(());
    for number in 0..args.repeat {
        let invoked = invoke(&function, &event, args, number, &workshop);
        tell(&function, &invoked, args.json, output)?;
        result = result.and(result_of(&invoked));
    }
    drop(function);
    workshop.close();
    result
}

fn invoke(
    function: &Function,
    event: &str,
    args: &InvokeArgs,
    number: u32,
    workshop: &Workshop,
) -> Invoked {
    // With a seed, the id is no chance either: tasks see it.
    let request_id = match args.function.terms.seed {
        Some(seed) => Uuid::from_u64_pair(seed, number.into()),
        None => Uuid::new_v4(),
    };
    let invocation = Invocation {
        request_id: request_id.to_string(),
        function_arn: event_arn(&function.settings().name).into(),
        payload: event.to_owned(),
    };
    let function = function.clone();
    let invoked = workshop.runtime.spawn(async move { function.invoke(invocation).await });
    workshop.runtime.block_on(invoked).expect("an invocation does not panic and is not cancelled")
}

fn tell(
    function: &Function,
    invoked: &Invoked,
    as_json: bool,
    output: &mut Output,
) -> Result<(), CommandError> {
    let lines = invoked.log_lines(&Clock::wall().to_string());
    for line in &lines {
        output.note(&harmless(line));
    }
    for breach in &invoked.report.breaches {
        output.note(&format!("limit: {}", report::told(breach)));
    }
    let payload = match &invoked.result {
        Ok(answer) => answer.clone(),
        Err(failure) => failure.payload(),
    };
    if as_json {
        return output.data(&reply(function, invoked, &lines, &payload).to_string());
    }
    if is_of_the_service(invoked) { Ok(()) } else { output.data(&payload) }
}

/// As `aws lambda invoke` prints it, with the payload and the report beside.
fn reply(function: &Function, invoked: &Invoked, lines: &[String], payload: &str) -> Value {
    let log = lines.join("\n") + "\n";
    let tail = &log.as_bytes()[log.len().saturating_sub(LOG_RESULT_BYTES)..];
    let status = match &invoked.result {
        Err(failure) if failure.kind == FailureKind::Throttled => 429,
        Err(failure) if failure.kind == FailureKind::Request => 413,
        _ => 200,
    };
    let mut reply = json!({ "StatusCode": status });
    if invoked.result.is_err() && status == 200 {
        reply["FunctionError"] = json!("Unhandled");
    }
    reply["LogResult"] = json!(BASE64_STANDARD.encode(tail));
    reply["ExecutedVersion"] = json!("$LATEST");
    let payload = serde_json::from_str(payload).unwrap_or_else(|_| json!(payload));
    reply["Payload"] = payload;
    reply["Report"] = report::of_invocation(function, &invoked.report);
    reply
}

/// Whether Lambda itself refused it, so that there is no payload.
fn is_of_the_service(invoked: &Invoked) -> bool {
    let kind = invoked.result.as_ref().err().map(|failure| failure.kind);
    matches!(kind, Some(FailureKind::Throttled | FailureKind::Request))
        || invoked.report.status == Status::Throttled
}

fn result_of(invoked: &Invoked) -> Result<(), CommandError> {
    let Err(failure) = &invoked.result else { return Ok(()) };
    let failure = Failure::new(failure.error_type.clone(), failure.payload());
    let (error, cause) = (failure.error.as_deref(), failure.cause.as_deref());
    Err(CommandError::Invocation(ended("failed", error, cause)))
}
