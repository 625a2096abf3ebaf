//! Task: calls a function, with its retriers and catchers (`facts/asl.md` 6 to 8).

use std::sync::Arc;

use stepwell_query::Template;

use super::wait::SECONDS_MAX;
use super::{InputOutput, Leads, ResultPath, input_output, lead, result_path, transition};
use crate::fields::{Field, Fields};
use crate::finding::{
    ERROR_EQUALS, Findings, OUT_OF_RANGE, Place, RESOURCE, UNRESOLVED, UNSUPPORTED,
};
use crate::functions::function_name;
use crate::machine::{Name, Transition};
use crate::path;

/// The region and account of ARNs that are made here (`facts/embeddings.md` 9).
const LOCAL_LAMBDA_ARN_PREFIX: &str = "arn:aws:lambda:us-east-1:123456789012:function:";

/// The most that AWS takes for `MaxDelaySeconds`, exclusive.
const MAX_DELAY_SECONDS_LIMIT: u64 = 31_622_400;

/// A Task state's fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// `InputPath` and `OutputPath`.
    pub io: InputOutput,
    /// Makes the effective input.
    pub parameters: Option<Template>,
    /// What is called.
    pub resource: Resource,
    /// Picks from the result.
    pub result_selector: Option<Template>,
    /// Where the result goes.
    pub result_path: ResultPath,
    /// What is done about errors first, in order.
    pub retry: Vec<Retrier>,
    /// What is done about errors then, in order.
    pub catch: Vec<Catcher>,
    /// Where the state leads.
    pub transition: Transition,
}

/// A function that a Task calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// The function's name in the file.
    pub function: Name,
    /// Its ARN as written, or the one it has here.
    pub arn: Arc<str>,
    /// Where it stands in the text, in bytes.
    pub(crate) place: PlaceEq,
}

/// A place, which plays no part in whether two definitions are the same.
#[derive(Debug, Clone)]
pub(crate) struct PlaceEq(pub(crate) Place);

impl PartialEq for PlaceEq {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// One of `Retry`.
#[derive(Debug, Clone, PartialEq)]
pub struct Retrier {
    /// Error names that it is for.
    pub error_equals: Vec<String>,
    /// Before the first retry, in seconds.
    pub interval_seconds: u64,
    /// How often it retries; 0: never.
    pub max_attempts: u64,
    /// By what the interval is multiplied from one retry to the next; at least 1.
    pub backoff_rate: f64,
    /// The interval's bound, in seconds.
    pub max_delay_seconds: Option<u64>,
    /// Whether the interval is drawn at random.
    pub jitter: Jitter,
}

/// `JitterStrategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jitter {
    /// The interval as computed.
    None,
    /// Uniformly from zero to the interval as computed.
    Full,
}

/// One of `Catch`.
#[derive(Debug, Clone, PartialEq)]
pub struct Catcher {
    /// Error names that it is for.
    pub error_equals: Vec<String>,
    /// Where the error output goes in the raw input.
    pub result_path: ResultPath,
    /// The state that goes on.
    pub next: Name,
}

pub(super) fn read(
    fields: &mut Fields<'_>,
    leads: &mut Leads,
    findings: &mut Findings,
) -> Option<Task> {
    let io = input_output(fields, findings);
    let parameters = fields.take("Parameters").map(|field| path::template(&field, findings));
    let resource =
        fields.require("Resource", findings).map(|field| read_resource(&field, findings));
    let result_selector =
        fields.take("ResultSelector").map(|field| path::template(&field, findings));
    let result_path = result_path(fields, findings);
    let retry = fields.take("Retry").map(|field| read_retry(&field, findings));
    let catch = fields.take("Catch").map(|field| read_catch(&field, leads, findings));
    fields.refuse_for_now(
        &[
            "TimeoutSeconds",
            "TimeoutSecondsPath",
            "HeartbeatSeconds",
            "HeartbeatSecondsPath",
            "Credentials",
        ],
        findings,
    );
    let transition = transition(fields, leads, findings);
    Some(Task {
        io: io?,
        parameters: parameters.map_or(Some(None), |template| template.map(Some))?,
        resource: resource??,
        result_selector: result_selector.map_or(Some(None), |template| template.map(Some))?,
        result_path: result_path?,
        retry: retry.map_or(Some(Vec::new()), |retry| retry)?,
        catch: catch.map_or(Some(Vec::new()), |catch| catch)?,
        transition: transition?,
    })
}

fn read_resource(field: &Field<'_>, findings: &mut Findings) -> Option<Resource> {
    if field.node.as_object().is_some() {
        findings
            .error(
                UNRESOLVED,
                &field.place,
                "CloudFormation intrinsics as a resource are not supported yet",
            )
            .help("write the function's name or its ARN");
        return None;
    }
    let text = field.string(findings)?;
    if text.contains("${")
        && let Some(function) = function_name(text)
    {
        let place = PlaceEq(field.place.clone());
        return Some(Resource { function: function.into(), arn: text.into(), place });
    }
    if text.contains("${") || text.contains("#{") {
        findings
            .error(
                UNRESOLVED,
                &field.place,
                format!("`{text}` holds a variable, which is not resolved yet"),
            )
            .help("write the function's name or its ARN");
        return None;
    }
    let place = PlaceEq(field.place.clone());
    let Some(arn) = text.strip_prefix("arn:") else {
        if text.is_empty() || !text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
            findings
                .error(
                    RESOURCE,
                    &field.place,
                    format!("`{text}` is neither a function's name nor an ARN"),
                )
                .help("a function's name has letters, digits, `-` and `_`");
            return None;
        }
        let arn = format!("{LOCAL_LAMBDA_ARN_PREFIX}{text}").into();
        return Some(Resource { function: text.into(), arn, place });
    };
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        // In ARNs with parts left out, as articles print them, the function is what they end in.
        [_, "lambda", _, _, "function", function, ..] | [_, "lambda", .., function]
            if !function.is_empty() =>
        {
            Some(Resource { function: (*function).into(), arn: text.into(), place })
        }
        [_, "states", ..] => {
            let message = format!("the service integration `{text}` is not supported yet");
            findings
                .error(UNSUPPORTED, &field.place, message)
                .help("call a function by its name or its Lambda ARN");
            None
        }
        _ => {
            findings
                .error(
                    RESOURCE,
                    &field.place,
                    format!("`{text}` is not the ARN of a Lambda function"),
                )
                .help("write the function's name or its Lambda ARN");
            None
        }
    }
}

fn read_retry(field: &Field<'_>, findings: &mut Findings) -> Option<Vec<Retrier>> {
    let items = field.array(findings)?;
    let last = items.len().saturating_sub(1);
    let retriers: Vec<_> = items
        .iter()
        .enumerate()
        .map(|(index, item)| read_retrier(item, index == last, findings))
        .collect();
    retriers.into_iter().collect()
}

fn read_retrier(field: &Field<'_>, last: bool, findings: &mut Findings) -> Option<Retrier> {
    let mut fields = Fields::of(field.node, &field.place, findings)?;
    fields.pass_over(&["Comment"]);
    let error_equals = read_error_equals(&mut fields, last, findings);
    let mut integer = |name, least, most, default| match fields.take(name) {
        Some(field) => field.integer(least, most, findings),
        None => Some(default),
    };
    let interval_seconds = integer("IntervalSeconds", 1, SECONDS_MAX, 1);
    let max_attempts = integer("MaxAttempts", 0, SECONDS_MAX, 3);
    let backoff_rate = match fields.take("BackoffRate") {
        Some(field) => {
            let rate = field.node.to_value().as_f64().filter(|rate| *rate >= 1.0);
            if rate.is_none() {
                let message = "`BackoffRate` must be a number of at least 1.0";
                findings.error(OUT_OF_RANGE, &field.place, message);
            }
            rate
        }
        None => Some(2.0),
    };
    let max_delay_seconds = fields.take("MaxDelaySeconds").map(|field| {
        let most = MAX_DELAY_SECONDS_LIMIT - 1;
        let delay = field.integer(1, most, findings)?;
        if interval_seconds.is_some_and(|interval| delay <= interval) {
            let message = "`MaxDelaySeconds` must be greater than `IntervalSeconds`";
            findings.error(OUT_OF_RANGE, &field.place, message);
            return None;
        }
        Some(delay)
    });
    let jitter = fields.take("JitterStrategy").map(|field| match field.string(findings)? {
        "FULL" => Some(Jitter::Full),
        "NONE" => Some(Jitter::None),
        other => {
            let message = format!("`{other}` is no jitter strategy: write `FULL` or `NONE`");
            findings.error(OUT_OF_RANGE, &field.place, message);
            None
        }
    });
    fields.finish("a retrier", findings);
    Some(Retrier {
        error_equals: error_equals?,
        interval_seconds: interval_seconds?,
        max_attempts: max_attempts?,
        backoff_rate: backoff_rate?,
        max_delay_seconds: max_delay_seconds.map_or(Some(None), |delay| delay.map(Some))?,
        jitter: jitter.unwrap_or(Some(Jitter::None))?,
    })
}

fn read_catch(
    field: &Field<'_>,
    leads: &mut Leads,
    findings: &mut Findings,
) -> Option<Vec<Catcher>> {
    let items = field.array(findings)?;
    let last = items.len().saturating_sub(1);
    let catchers: Vec<_> = items
        .iter()
        .enumerate()
        .map(|(index, item)| {
            let mut fields = Fields::of(item.node, &item.place, findings)?;
            fields.pass_over(&["Comment"]);
            fields.refuse_for_now(&["Assign", "Output"], findings);
            let error_equals = read_error_equals(&mut fields, index == last, findings);
            let result_path = result_path(&mut fields, findings);
            let next = fields.require("Next", findings).map(|field| lead(&field, leads, findings));
            fields.finish("a catcher", findings);
            Some(Catcher { error_equals: error_equals?, result_path: result_path?, next: next?? })
        })
        .collect();
    catchers.into_iter().collect()
}

/// `ErrorEquals`: `States.ALL` must stand alone, and only in the last of its kind.
fn read_error_equals(
    fields: &mut Fields<'_>,
    last: bool,
    findings: &mut Findings,
) -> Option<Vec<String>> {
    let field = fields.require("ErrorEquals", findings)?;
    let names: Vec<_> = field.items(findings)?.iter().map(|item| item.string(findings)).collect();
    let names: Vec<String> =
        names.into_iter().map(|name| name.map(str::to_owned)).collect::<Option<_>>()?;
    if names.iter().any(|name| name == "States.ALL") {
        if names.len() > 1 {
            findings
                .error(ERROR_EQUALS, &field.place, "`States.ALL` must stand alone in `ErrorEquals`")
                .help("it stands for every other name already");
        }
        if !last {
            findings
                .error(ERROR_EQUALS, &field.place, "`States.ALL` must be in the last of the list")
                .help("those after it would never be reached");
        }
    }
    Some(names)
}
