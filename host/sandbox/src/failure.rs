//! How an invocation fails, told as Lambda tells it (`facts/limits.md` 4).

use serde_json::{Value, json};

use stepwell_lambda::{REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX};

use crate::report::Guard;

/// An error's name and its cause, as long as Step Functions takes them (`facts/limits.md` 1).
const ERROR_CHARACTERS_MAX: usize = 256;
const CAUSE_CHARACTERS_MAX: usize = 32_768;
/// The longest payload that a task may report (`wit/task.wit`).
const REPORTED_BYTES_MAX: usize = 262_144;

/// A failed invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Who or what made it fail.
    pub kind: FailureKind,
    /// `errorType`: what `Retry` and `Catch` match.
    pub error_type: String,
    /// `errorMessage`.
    pub message: String,
    /// The whole payload as the task's runtime wrote it, with `errorType` and `errorMessage`.
    pub reported: Option<String>,
}

/// Who or what made an invocation fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The task itself said so.
    Task,
    /// A guard stopped it.
    Guard(Guard),
    /// The task crashed: a trap, a panic, an exit.
    Crash,
    /// The instance could not be made.
    Init,
    /// Its answer is no JSON, too large, or otherwise not one.
    Answer,
    /// The payload is too large.
    Request,
    /// Too many invocations are under way.
    Throttled,
}

impl Failure {
    /// Whether it ran out of fuel or time.
    pub(crate) fn is_timeout(&self) -> bool {
        matches!(self.kind, FailureKind::Guard(Guard::Fuel | Guard::Time | Guard::Wall))
    }

    /// The payload that Lambda answers with, which is the cause that a workflow sees.
    pub fn payload(&self) -> String {
        if let Some(reported) = &self.reported {
            return reported.clone();
        }
        // Said by the service, not by a function.
        if self.kind == FailureKind::Throttled {
            return self.message.clone();
        }
        // Lambda's own failures name the type first, runtimes and the size limit the message.
        match self.kind {
            FailureKind::Task | FailureKind::Answer => {
                json!({ "errorMessage": self.message, "errorType": self.error_type })
            }
            FailureKind::Guard(_)
            | FailureKind::Crash
            | FailureKind::Init
            | FailureKind::Request
            | FailureKind::Throttled => {
                json!({ "errorType": self.error_type, "errorMessage": self.message })
            }
        }
        .to_string()
    }

    /// The task's own failure, and how its runtime reports it.
    pub(crate) fn task(error: &str, cause: &str, reported: Option<String>) -> Self {
        if error.is_empty() || error.starts_with("States.") {
            let message = format!(
                "the task failed with the error name `{error}`, which is reserved: {cause}"
            );
            return Self::answer("Runtime.MarshalError", &message);
        }
        if let Some(reported) = &reported
            && let Err(wrong) = check_reported(reported, error)
        {
            let message =
                format!("the task reported the error `{error}` as what it is not: {wrong}");
            return Self::answer("Runtime.MarshalError", &message);
        }
        Self {
            kind: FailureKind::Task,
            error_type: cut(error, ERROR_CHARACTERS_MAX),
            message: cut(cause, CAUSE_CHARACTERS_MAX),
            reported,
        }
    }

    pub(crate) fn timed_out(guard: Guard, request_id: &str, timeout_seconds: u32) -> Self {
        let message = format!(
            "RequestId: {request_id} Error: Task timed out after {timeout_seconds}.00 seconds"
        );
        let error_type = "Sandbox.Timedout".to_owned();
        Self { kind: FailureKind::Guard(guard), error_type, message, reported: None }
    }

    pub(crate) fn out_of_memory(guard: Guard, request_id: &str) -> Self {
        Self {
            kind: FailureKind::Guard(guard),
            error_type: "Runtime.OutOfMemory".to_owned(),
            message: format!(
                "RequestId: {request_id} Error: Runtime exited with error: signal: killed"
            ),
            reported: None,
        }
    }

    pub(crate) fn stack_exhausted(request_id: &str) -> Self {
        let what = "signal: segmentation fault (stack overflow)";
        Self { kind: FailureKind::Guard(Guard::Stack), ..Self::crash(request_id, what) }
    }

    pub(crate) fn out_of_handles(request_id: &str, handles: usize) -> Self {
        let what = format!("too many open files (a function has {handles} handles)");
        Self { kind: FailureKind::Guard(Guard::Handles), ..Self::crash(request_id, &what) }
    }

    /// `facts/limits.md` 4, the Step Functions view.
    pub(crate) fn throttled(request_id: &str, reserved: bool) -> Self {
        let reason = if reserved {
            "ReservedFunctionConcurrentInvocationLimitExceeded"
        } else {
            "ConcurrentInvocationLimitExceeded"
        };
        let message = format!(
            "Rate Exceeded. Reason: {reason} (Service: Lambda, Status Code: 429, Request ID: {request_id}) \
             (SDK Attempt Count: 1)"
        );
        let error_type = "Lambda.TooManyRequestsException".to_owned();
        Self { kind: FailureKind::Throttled, error_type, message, reported: None }
    }

    pub(crate) fn crash(request_id: &str, what: &str) -> Self {
        let message = format!("RequestId: {request_id} Error: Runtime exited with error: {what}");
        Self {
            kind: FailureKind::Crash,
            error_type: "Runtime.ExitError".to_owned(),
            message: cut(&message, CAUSE_CHARACTERS_MAX),
            reported: None,
        }
    }

    pub(crate) fn exit(request_id: &str, status: i32) -> Self {
        let mut failure = Self::crash(request_id, &format!("exit status {status}"));
        if status == 0 {
            failure.message =
                format!("RequestId: {request_id} Error: Runtime exited without providing a reason");
        }
        failure
    }

    pub(crate) fn init(request_id: &str, what: &str) -> Self {
        let message = format!("RequestId: {request_id} Error: {what}");
        let error_type = "Runtime.InvalidEntrypoint".to_owned();
        Self {
            kind: FailureKind::Init,
            error_type,
            message: cut(&message, CAUSE_CHARACTERS_MAX),
            reported: None,
        }
    }

    pub(crate) fn not_json(what: &str) -> Self {
        Self::answer("Runtime.MarshalError", &format!("Unable to marshal response: {what}"))
    }

    pub(crate) fn response_too_large() -> Self {
        Self::answer(
            "Function.ResponseSizeTooLarge",
            &format!(
                "Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes)."
            ),
        )
    }

    pub(crate) fn request_too_large() -> Self {
        let message = format!(
            "Request must be smaller than {REQUEST_BYTES_MAX} bytes for the InvokeFunction operation"
        );
        let error_type = "RequestEntityTooLargeException".to_owned();
        Self { kind: FailureKind::Request, error_type, message, reported: None }
    }

    fn answer(error_type: &str, message: &str) -> Self {
        Self {
            kind: FailureKind::Answer,
            error_type: error_type.to_owned(),
            message: cut(message, CAUSE_CHARACTERS_MAX),
            reported: None,
        }
    }
}

/// A payload that is what `wit/task.wit` says of it.
fn check_reported(payload: &str, error: &str) -> Result<(), String> {
    if payload.len() > REPORTED_BYTES_MAX {
        return Err(format!("it is longer than {REPORTED_BYTES_MAX} bytes"));
    }
    let payload: Value = serde_json::from_str(payload).map_err(|error| error.to_string())?;
    match (payload.get("errorType"), payload.get("errorMessage")) {
        (Some(Value::String(name)), Some(Value::String(_))) if name == error => Ok(()),
        (Some(Value::String(name)), Some(Value::String(_))) => {
            Err(format!("its `errorType` is `{name}`"))
        }
        _ => Err("it is no object with the strings `errorType` and `errorMessage`".to_owned()),
    }
}

fn cut(text: &str, characters_max: usize) -> String {
    match text.char_indices().nth(characters_max) {
        Some((end, _)) => text[..end].to_owned(),
        None => text.to_owned(),
    }
}
