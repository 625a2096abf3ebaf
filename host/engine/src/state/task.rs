//! Task: calls a function, and gives up when it takes too long.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use stepwell_asl::{Call as How, Name, Quantity, Task, function_name};
use stepwell_query::Document;

use super::{Data, work};
use crate::branch::{Branch, Call, Token, Waiting};
use crate::effect::{Effect, EffectId, Invocation, OpenToken, Purpose};
use crate::event::Event;
use crate::execution::STATE_BYTES_MAX;
use crate::failure::Failure;
use crate::history::{Details, TaskPattern};
use crate::turn::{Flow, Halt, Turn};

/// Calls the function, for the first time in this visit or once more.
pub(super) fn attempt(turn: &mut Turn<'_>, branch: &mut Branch, task: &Task) -> Result<Flow, Halt> {
    let pattern = pattern(task);
    branch.token = (pattern == TaskPattern::Token).then(|| turn.token());
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
        How::Invoke { function, .. } => {
            let request = invocation(turn, function.as_ref(), &parameters);
            turn.record(
                branch,
                Details::TaskScheduled {
                    region: turn.start.region().into(),
                    parameters,
                    timeout_in_seconds,
                    heartbeat_in_seconds,
                    task_credentials,
                    pattern,
                },
            )?;
            turn.record(branch, Details::TaskStarted { pattern })?;
            request
        }
    };
    let request_id = turn.uuid();
    let request = match request {
        Ok(request) => request,
        Err(failure) => return failed_with(turn, branch, task, &failure),
    };
    let timeout_at = timeout_in_seconds.map(|seconds| turn.seconds_from_now(seconds));
    let token = branch.token.clone();
    let token = token.map(|token| open(turn, branch, token, timeout_at, heartbeat_in_seconds));
    let invocation = invoke(turn, branch, request, request_id);
    let timeout = timeout_at.map(|at| turn.set_timer(Purpose::Timeout, |_| at));
    let timeout_seconds = timeout_in_seconds;
    Ok(wait(Call { invocation: Some(invocation), timeout, timeout_seconds, token }))
}

fn wait(call: Call) -> Flow {
    Flow::Wait(Waiting::Call(Box::new(call)))
}

fn pattern(task: &Task) -> TaskPattern {
    match task.resource.call {
        How::Invoke { waits_for_token: true, .. } => TaskPattern::Token,
        How::Invoke { .. } | How::Function(_) => TaskPattern::Response,
    }
}

/// Opens a token, before the function gets to know it.
fn open(
    turn: &mut Turn<'_>,
    branch: &Branch,
    token: String,
    timeout_at: Option<Timestamp>,
    heartbeat_seconds: Option<i64>,
) -> Token {
    let state = turn.state(branch).name.clone();
    let id = turn.next_effect_id();
    let open = OpenToken { id, state, token, timeout_at, heartbeat_seconds };
    turn.ask(Effect::OpenToken(open.clone()));
    Token { open, heartbeat: None, answer: None }
}

fn invoke(
    turn: &mut Turn<'_>,
    branch: &Branch,
    (function, arn, payload): Request,
    request_id: String,
) -> Invocation {
    let (attempt, state) = (branch.retry_count(), turn.state(branch).name.clone());
    let (id, call) = (turn.next_effect_id(), turn.count_call(&function));
    let invocation = Invocation { id, state, function, arn, payload, request_id, attempt, call };
    turn.ask(Effect::Invoke(invocation.clone()));
    invocation
}

/// A function, its ARN and its event.
type Request = (Name, Arc<str>, Document);

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
) -> Result<Request, Failure> {
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

/// The function answered. That is the result, unless somebody is to give it by a token.
pub(super) fn succeeded(
    turn: &mut Turn<'_>,
    branch: &mut Branch,
    task: &Task,
    mut call: Call,
    answer: Document,
) -> Result<Flow, Halt> {
    let invocation = call.invocation.take().expect("a function answers that was invoked");
    let (result, what) = match &task.resource.call {
        How::Function(_) => (answer, &*task.resource.arn),
        How::Invoke { .. } => (wrapped(turn, &invocation.request_id, &answer), "lambda"),
    };
    let Some(token) = &mut call.token else {
        cancel(turn, &call, None);
        return take_result(turn, branch, task, result, what);
    };
    let answer = token.answer.take();
    let submitted = Details::TaskSubmitted { output: result, pattern: pattern(task) };
    if let Err(full) = turn.record(branch, submitted) {
        let answered = answer.is_some().then_some(token.open.id);
        cancel(turn, &call, answered);
        return Err(full);
    }
    match answer {
        Some(answer) => {
            let id = token.open.id;
            take_answer(turn, branch, task, &call, id, answer)
        }
        None => Ok(wait(heard(turn, call))),
    }
}

/// Somebody answered by the token.
pub(super) fn answered(
    turn: &mut Turn<'_>,
    branch: &mut Branch,
    task: &Task,
    mut call: Call,
    event: Event,
) -> Result<Flow, Halt> {
    let (id, answer) = match event {
        Event::TaskSucceeded { id, output } => (id, Ok(output)),
        Event::TaskFailed { id, failure } => (id, Err(failure)),
        Event::TaskHeartbeat { .. } => return Ok(wait(heard(turn, call))),
        _ => unreachable!("only what answers a token is taken here"),
    };
    if let (Some(_), Some(token)) = (&call.invocation, &mut call.token) {
        // It counts when the function that handed on the token has answered, too.
        token.answer = Some(answer);
        return Ok(wait(call));
    }
    take_answer(turn, branch, task, &call, id, answer)
}

fn take_answer(
    turn: &mut Turn<'_>,
    branch: &mut Branch,
    task: &Task,
    call: &Call,
    id: EffectId,
    answer: Result<Document, Failure>,
) -> Result<Flow, Halt> {
    cancel(turn, call, Some(id));
    match answer {
        Ok(output) => take_result(turn, branch, task, output, "lambda"),
        Err(failure) => failed_with(turn, branch, task, &failure),
    }
}

/// The clock for heartbeats begins anew.
fn heard(turn: &mut Turn<'_>, mut call: Call) -> Call {
    if let (None, Some(token)) = (&call.invocation, &mut call.token) {
        if let Some(timer) = token.heartbeat.take() {
            turn.ask(Effect::Cancel { id: timer.id });
        }
        token.heartbeat = token.open.heartbeat_seconds.map(|seconds| {
            let at = turn.seconds_from_now(seconds);
            turn.set_timer(Purpose::Heartbeat { token: token.open.id }, |_| at)
        });
    }
    call
}

/// The task gave a result. `what` is named when it is too large.
fn take_result(
    turn: &mut Turn<'_>,
    branch: &mut Branch,
    task: &Task,
    result: Document,
    what: &str,
) -> Result<Flow, Halt> {
    if result.size_bytes() > STATE_BYTES_MAX {
        // Recorded on AWS in 2024: unlike other states' data, a task's result that is too large can be
        // caught (`facts/asl.md` 9).
        return failed_with(turn, branch, task, &Failure::data_limit_exceeded(what));
    }
    let output = result.clone();
    let details = match &task.resource.call {
        How::Function(_) => Details::LambdaFunctionSucceeded { output },
        How::Invoke { .. } => Details::TaskSucceeded { output, pattern: pattern(task) },
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
    cancel(turn, call, call.invocation.as_ref().map(|invocation| invocation.id));
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
        How::Invoke { .. } => Details::TaskFailed { error, cause, pattern: pattern(task) },
    };
    turn.record(branch, details)?;
    work::failed(turn, branch, &task.work, failure, None)
}

/// The task has taken too long, or was silent for too long: it is stopped.
pub(super) fn timed_out(
    turn: &mut Turn<'_>,
    branch: &mut Branch,
    task: &Task,
    call: &Call,
    timer: EffectId,
) -> Result<Flow, Halt> {
    cancel(turn, call, Some(timer));
    let silent = call.timeout.is_none_or(|timeout| timeout.id != timer);
    let failure = if silent { Failure::heartbeat_timeout() } else { Failure::timeout() };
    let (error, cause) = (failure.error.clone(), failure.cause.clone());
    let details = match &task.resource.call {
        How::Function(_) => Details::LambdaFunctionTimedOut { error, cause },
        How::Invoke { .. } => Details::TaskTimedOut { error, cause, pattern: pattern(task) },
    };
    turn.record(branch, details)?;
    work::failed(turn, branch, &task.work, &failure, None)
}

/// Cancels what a task still waits for, but for what has happened.
fn cancel(turn: &mut Turn<'_>, call: &Call, happened: Option<EffectId>) {
    for id in call.effects().into_iter().flatten().filter(|id| Some(*id) != happened) {
        turn.ask(Effect::Cancel { id });
    }
}

/// An answer as `lambda:invoke` hands it on, with the HTTP metadata of AWS's SDK (`facts/asl.md` 13.1).
fn wrapped(turn: &Turn<'_>, id: &str, answer: &Document) -> Document {
    let length = answer.size_bytes().to_string();
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
