//! Task: calls a function, and gives up when it takes too long.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use stepwell_asl::{Call as How, Name, Quantity, Task, function_name};
use stepwell_query::Document;

use super::{Data, work};
use crate::branch::{Branch, Call, Waiting};
use crate::effect::{Effect, Purpose};
use crate::execution::STATE_BYTES_MAX;
use crate::failure::Failure;
use crate::history::Details;
use crate::turn::{Flow, Halt, Turn};

/// Calls the function, for the first time in this visit or once more.
pub(super) fn attempt(turn: &mut Turn<'_>, branch: &mut Branch, task: &Task) -> Result<Flow, Halt> {
    let data = Data::new(turn, branch);
    let input = data.input(&task.work.io)?;
    let (timeout_in_seconds, heartbeat_in_seconds) = limits(&data, task, &input)?;
    let task_credentials =
        task.credentials.as_ref().map(|template| data.fill(template, &input)).transpose()?;
    let parameters = data.parameters(task.parameters.as_ref(), input)?;
    let request = match &task.resource.call {
        How::Function(function) => {
            turn.record(
                branch,
                Details::LambdaFunctionScheduled {
                    resource: task.resource.arn.clone(),
                    input: parameters.clone(),
                    timeout_in_seconds,
                    task_credentials,
                },
            )?;
            turn.record(branch, Details::LambdaFunctionStarted)?;
            Ok((function.clone(), task.resource.arn.clone(), parameters))
        }
        How::Invoke { function } => {
            let request = invocation(turn, function.as_ref(), &parameters);
            turn.record(
                branch,
                Details::TaskScheduled {
                    region: turn.start.region().into(),
                    parameters,
                    timeout_in_seconds,
                    heartbeat_in_seconds,
                    task_credentials,
                },
            )?;
            turn.record(branch, Details::TaskStarted)?;
            request
        }
    };
    let request_id = turn.uuid();
    let (function, arn, payload) = match request {
        Ok(request) => request,
        Err(failure) => return failed_with(turn, branch, task, &failure),
    };
    let (attempt, state) = (branch.retry_count(), turn.state(branch).name.clone());
    let id = turn.ask_with_id(|id| Effect::Invoke {
        id,
        state,
        function,
        arn,
        payload,
        request_id: request_id.clone(),
        attempt,
    });
    let timeout = timeout_in_seconds.map(|seconds| {
        let at = turn.at.saturating_add(SignedDuration::from_secs(seconds));
        let at = at.unwrap_or(Timestamp::MAX);
        turn.ask_with_id(|id| Effect::SetTimer { id, at, purpose: Purpose::Timeout })
    });
    Ok(Flow::Wait(Waiting::Call(Call { id, request_id, timeout })))
}

/// `TimeoutSeconds` and `HeartbeatSeconds`, as the file or the state's input says.
fn limits(
    data: &Data<'_>,
    task: &Task,
    input: &Document,
) -> Result<(Option<i64>, Option<i64>), Halt> {
    let seconds = |quantity: Option<&Quantity>, field| {
        let seconds = quantity.map(|quantity| data.quantity(quantity, field, input)).transpose()?;
        if seconds.is_some_and(|seconds| seconds <= 0) {
            return Err(data.runtime_failure(&format!("{field} must be greater than 0.")));
        }
        Ok(seconds)
    };
    let timeout = seconds(task.timeout.as_ref(), "TimeoutSeconds")?;
    let heartbeat = seconds(task.heartbeat.as_ref(), "HeartbeatSeconds")?;
    if let (Some(timeout), Some(heartbeat)) = (timeout, heartbeat)
        && heartbeat >= timeout
    {
        return Err(data.runtime_failure("HeartbeatSeconds must be smaller than TimeoutSeconds."));
    }
    Ok((timeout, heartbeat))
}

/// The function, its ARN and its event, of the parameters of `lambda:invoke`.
fn invocation(
    turn: &Turn<'_>,
    function: Option<&Name>,
    parameters: &Document,
) -> Result<(Name, std::sync::Arc<str>, Document), Failure> {
    let parameters = parameters.value();
    let text = parameters["FunctionName"].as_str().unwrap_or_default();
    let Some(name) = function.cloned().or_else(|| function_name(text).map(Name::from)) else {
        return Err(service_failure(
            turn,
            "ValidationException",
            400,
            &format!("Value '{text}' at 'functionName' failed to satisfy constraint"),
        ));
    };
    let arn = match text.strip_prefix("arn:") {
        Some(_) => text.into(),
        None => turn.start.function_arn(name.as_str()).into(),
    };
    // Recorded on AWS: a text is sent as it is, so it must be JSON itself; null is nothing.
    let payload = match &parameters["Payload"] {
        Value::Null => Ok(Document::from(json!({}))),
        Value::String(text) => Document::parse(text.as_str()),
        value => Ok(Document::from(value.clone())),
    };
    let payload = payload.map_err(|error| {
        let what = format!("Could not parse request body into json: {error}");
        service_failure(turn, "InvalidRequestContentException", 400, &what)
    })?;
    Ok((name, arn, payload))
}

/// A failure of the Lambda service itself, in the words of AWS's SDK (`facts/asl.md` 13.1).
fn service_failure(turn: &Turn<'_>, exception: &str, status: u16, message: &str) -> Failure {
    let id = turn.uuid();
    let cause = format!(
        "{message} (Service: AWSLambda; Status Code: {status}; Error Code: {exception}; Request ID: {id}; Proxy: null)"
    );
    Failure::new(format!("Lambda.{exception}"), cause)
}

pub(super) fn succeeded(
    turn: &mut Turn<'_>,
    branch: &mut Branch,
    task: &Task,
    call: &Call,
    answer: Document,
) -> Result<Flow, Halt> {
    cancel(turn, call.timeout);
    let (result, what) = match &task.resource.call {
        How::Function(_) => (answer, &*task.resource.arn),
        How::Invoke { .. } => (wrapped(turn, call, &answer), "lambda"),
    };
    if result.size_bytes() > STATE_BYTES_MAX {
        // Recorded on AWS in 2024: unlike other states' data, a task's result that is too large can be
        // caught (`facts/asl.md` 9).
        return failed_with(turn, branch, task, &Failure::data_limit_exceeded(what));
    }
    let output = result.clone();
    let details = match &task.resource.call {
        How::Function(_) => Details::LambdaFunctionSucceeded { output },
        How::Invoke { .. } => Details::TaskSucceeded { output },
    };
    turn.record(branch, details)?;
    work::succeeded(turn, branch, &task.work, result)
}

pub(super) fn failed(
    turn: &mut Turn<'_>,
    branch: &mut Branch,
    task: &Task,
    call: &Call,
    failure: &Failure,
) -> Result<Flow, Halt> {
    cancel(turn, call.timeout);
    failed_with(turn, branch, task, failure)
}

fn failed_with(
    turn: &mut Turn<'_>,
    branch: &mut Branch,
    task: &Task,
    failure: &Failure,
) -> Result<Flow, Halt> {
    let (error, cause) = (failure.error.clone(), failure.cause.clone());
    let details = match &task.resource.call {
        How::Function(_) => Details::LambdaFunctionFailed { error, cause },
        How::Invoke { .. } => Details::TaskFailed { error, cause },
    };
    turn.record(branch, details)?;
    work::failed(turn, branch, &task.work, failure, None)
}

/// The call has taken too long: it is stopped.
pub(super) fn timed_out(
    turn: &mut Turn<'_>,
    branch: &mut Branch,
    task: &Task,
    call: &Call,
) -> Result<Flow, Halt> {
    cancel(turn, Some(call.id));
    let failure = Failure::timeout();
    let (error, cause) = (failure.error.clone(), failure.cause.clone());
    let details = match &task.resource.call {
        How::Function(_) => Details::LambdaFunctionTimedOut { error, cause },
        How::Invoke { .. } => Details::TaskTimedOut { error, cause },
    };
    turn.record(branch, details)?;
    work::failed(turn, branch, &task.work, &failure, None)
}

fn cancel(turn: &mut Turn<'_>, effect: Option<crate::EffectId>) {
    if let Some(id) = effect {
        turn.ask(Effect::Cancel { id });
    }
}

/// An answer as `lambda:invoke` hands it on, with the HTTP metadata of AWS's SDK (`facts/asl.md` 13.1).
fn wrapped(turn: &Turn<'_>, call: &Call, answer: &Document) -> Document {
    let (id, length) = (&call.request_id, answer.size_bytes().to_string());
    let date = turn.at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let trace = id.replace('-', "");
    let trace = format!("root=1-{}-{};sampled=0", &trace[..8], &trace[8..]);
    let headers = [
        ("X-Amz-Executed-Version", "$LATEST"),
        ("x-amzn-Remapped-Content-Length", "0"),
        ("Connection", "keep-alive"),
        ("x-amzn-RequestId", id),
        ("Content-Length", &length),
        ("Date", &date),
        ("X-Amzn-Trace-Id", &trace),
        ("Content-Type", "application/json"),
    ];
    let each = |make: fn(&str) -> Value| -> Value {
        headers.iter().map(|(name, text)| ((*name).to_owned(), make(text))).collect()
    };
    Document::from(json!({
        "ExecutedVersion": "$LATEST",
        "Payload": answer.value(),
        "SdkHttpMetadata": {
            "AllHttpHeaders": each(|text| json!([text])),
            "HttpHeaders": each(|text| json!(text)),
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": { "RequestId": id },
        "StatusCode": 200,
    }))
}
