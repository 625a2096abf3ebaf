//! What states that do work have in common, Task, Parallel and Map: how their data goes through, and what
//! they do about errors (`facts/asl.md` 2.1, 7, 8).

use stepwell_query::Template;

use super::assign::{self, Assign};
use super::jsonata::Site;
use super::wait::SECONDS_MAX;
use super::{
    InputOutput, ResultPath, input_output, optional, output, result_path, template, transition,
};
use crate::definition::{StateId, Transition};
use crate::fields::{Field, Fields};
use crate::finding::{ERROR_EQUALS, Findings, OUT_OF_RANGE, UNKNOWN_FIELD};
use crate::machine::{Leads, QueryLanguage};

/// The most that AWS takes for `MaxDelaySeconds`, exclusive.
const MAX_DELAY_SECONDS_LIMIT: u64 = 31_622_400;

/// The fields of a state that does work.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// `InputPath` and `OutputPath`.
    pub io: InputOutput,
    /// Picks from the result.
    pub result_selector: Option<Template>,
    /// Where the result goes.
    pub result_path: ResultPath,
    /// JSONata: what goes on; the result without it.
    pub output: Option<Template>,
    /// What is assigned when the work succeeds.
    pub assign: Assign,
    /// What is done about errors first, in order.
    pub retry: Vec<Retrier>,
    /// What is done about errors then, in order.
    pub catch: Vec<Catcher>,
    /// Where the state leads.
    pub transition: Transition,
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
    /// JSONata: what goes on; the error output without it.
    pub output: Option<Template>,
    /// What is assigned when it catches.
    pub assign: Assign,
    /// The state that goes on.
    pub next: StateId,
}

pub(super) fn read(
    fields: &mut Fields<'_>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Work> {
    let language = leads.language;
    let io = input_output(fields, language, findings);
    let result_selector = template(fields, "ResultSelector", language, findings);
    let result_path = result_path(fields, language, findings);
    let output = output(fields, Site::Result, leads, findings);
    let assign = assign::read(fields, Site::Result, leads, findings);
    let (retry, catch) = read_errors(fields, leads, findings);
    let transition = transition(fields, leads, findings);
    Some(Work {
        io: io?,
        result_selector: result_selector?,
        result_path: result_path?,
        output: output?,
        assign: assign?,
        retry: retry?,
        catch: catch?,
        transition: transition?,
    })
}

/// `Retry` and `Catch`.
pub(super) fn read_errors(
    fields: &mut Fields<'_>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> (Option<Vec<Retrier>>, Option<Vec<Catcher>>) {
    let retry = optional(fields.take("Retry").map(|field| read_retry(&field, findings)));
    let catch = optional(fields.take("Catch").map(|field| read_catch(&field, leads, findings)));
    (retry.map(Option::unwrap_or_default), catch.map(Option::unwrap_or_default))
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
    fields.finish_in_doubt("a retrier", findings);
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
    leads: &mut Leads<'_>,
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
            let error_equals = read_error_equals(&mut fields, index == last, findings);
            refuse_field_of_the_other(&mut fields, leads.language, findings);
            let result_path = result_path(&mut fields, leads.language, findings);
            leads.within = format!("Catch[{index}]/");
            let output = output(&mut fields, Site::ErrorOutput, leads, findings);
            let assign = assign::read(&mut fields, Site::ErrorOutput, leads, findings);
            leads.within.clear();
            let next = fields.require("Next", findings).map(|field| leads.lead(&field, findings));
            fields.finish_in_doubt("a catcher", findings);
            Some(Catcher {
                error_equals: error_equals?,
                result_path: result_path?,
                output: output?,
                assign: assign?,
                next: next??,
            })
        })
        .collect();
    catchers.into_iter().collect()
}

/// A catcher makes its output by `ResultPath` or by `Output`, as the language has it.
fn refuse_field_of_the_other(
    fields: &mut Fields<'_>,
    language: QueryLanguage,
    findings: &mut Findings,
) {
    let (name, instead) = match language {
        QueryLanguage::JsonPath => ("Output", "ResultPath"),
        QueryLanguage::Jsonata => ("ResultPath", "Output"),
    };
    if fields.has(name) {
        let field = fields.take(name).expect("it is there");
        let message = format!("`{name}` belongs to another query language than this state's");
        findings.error(UNKNOWN_FIELD, &field.place, message).help(format!("use `{instead}`"));
    }
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
