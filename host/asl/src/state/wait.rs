//! Wait: until so many seconds have passed, or until a time (`facts/asl.md` 5).

use jiff::Timestamp;
use stepwell_query::{Query, Template};

use super::assign::{self, Assign};
use super::jsonata::{self, Computed, Site, Written};
use super::{InputOutput, input_output, output, transition};
use crate::definition::Transition;
use crate::fields::Fields;
use crate::finding::{EXCLUSIVE_FIELDS, Findings};
use crate::machine::{Leads, QueryLanguage};
use crate::path;

/// The most that AWS takes for `Seconds` and other times in seconds.
pub(crate) const SECONDS_MAX: u64 = 99_999_999;

/// A Wait state's fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Wait {
    /// `InputPath` and `OutputPath`.
    pub io: InputOutput,
    /// Until when.
    pub until: WaitFor,
    /// JSONata: what goes on; the input without it.
    pub output: Option<Template>,
    /// What is assigned when the time has come.
    pub assign: Assign,
    /// Where the state leads.
    pub transition: Transition,
}

/// How a Wait state says its time.
#[derive(Debug, Clone, PartialEq)]
pub enum WaitFor {
    /// `Seconds`, from entering the state.
    Seconds(u64),
    /// `SecondsPath`.
    SecondsPath(Query),
    /// `Timestamp`.
    Timestamp(Timestamp),
    /// `TimestampPath`.
    TimestampPath(Query),
    /// `Seconds`, computed.
    ComputedSeconds(Computed),
    /// `Timestamp`, computed.
    ComputedTimestamp(Computed),
}

pub(super) fn read(
    fields: &mut Fields<'_>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Wait> {
    let io = input_output(fields, leads.language, findings);
    let output = output(fields, Site::Plain, leads, findings);
    let assign = assign::read(fields, Site::Plain, leads, findings);
    let transition = transition(fields, leads, findings);
    let until = match leads.language {
        QueryLanguage::JsonPath => read_until(fields, findings),
        QueryLanguage::Jsonata => compute_until(fields, leads, findings),
    };
    Some(Wait { io: io?, until: until?, output: output?, assign: assign?, transition: transition? })
}

fn read_until(fields: &mut Fields<'_>, findings: &mut Findings) -> Option<WaitFor> {
    const NAMES: [&str; 4] = ["Seconds", "SecondsPath", "Timestamp", "TimestampPath"];
    if !fields.at_most_one(&NAMES, findings) {
        findings
            .error(
                EXCLUSIVE_FIELDS,
                &fields.place,
                "a Wait state must say for how long or until when",
            )
            .help("add one of `Seconds`, `SecondsPath`, `Timestamp`, `TimestampPath`");
    }
    let seconds = fields
        .take("Seconds")
        .map(|field| field.integer(0, SECONDS_MAX, findings).map(WaitFor::Seconds));
    let seconds_path = fields
        .take("SecondsPath")
        .map(|field| path::reference_query(&field, findings).map(WaitFor::SecondsPath));
    let timestamp =
        fields.take("Timestamp").map(|field| field.timestamp(findings).map(WaitFor::Timestamp));
    let timestamp_path = fields
        .take("TimestampPath")
        .map(|field| path::reference_query(&field, findings).map(WaitFor::TimestampPath));
    seconds.or(seconds_path).or(timestamp).or(timestamp_path)?
}

fn compute_until(
    fields: &mut Fields<'_>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<WaitFor> {
    if !fields.at_most_one(&["Seconds", "Timestamp"], findings) {
        let message = "a Wait state must say for how long or until when";
        findings
            .error(EXCLUSIVE_FIELDS, &fields.place, message)
            .help("add one of `Seconds`, `Timestamp`");
    }
    let seconds =
        fields.take("Seconds").map(|field| match jsonata::computed(&field, leads, findings) {
            Written::Plain => field.integer(0, SECONDS_MAX, findings).map(WaitFor::Seconds),
            Written::Broken => None,
            Written::Computed(computed) => Some(WaitFor::ComputedSeconds(computed)),
        });
    let timestamp =
        fields.take("Timestamp").map(|field| match jsonata::computed(&field, leads, findings) {
            Written::Plain => field.timestamp(findings).map(WaitFor::Timestamp),
            Written::Broken => None,
            Written::Computed(computed) => Some(WaitFor::ComputedTimestamp(computed)),
        });
    seconds.or(timestamp)?
}
