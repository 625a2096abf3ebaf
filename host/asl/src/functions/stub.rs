//! `stub:` of a function: what it answers while its task does not exist.

use serde_json::Value;

use crate::fields::{Field, Fields};
use crate::finding::{EXCLUSIVE_FIELDS, Findings, OUT_OF_RANGE};
use crate::node::NodeKind;

/// Answers of a function without a component: one per attempt, the last one repeating.
#[derive(Debug, Clone, PartialEq)]
pub struct Stub {
    /// At least one.
    pub answers: Vec<(Option<f64>, StubAnswer)>,
}

/// What a stub does, after the seconds that it sleeps.
#[derive(Debug, Clone, PartialEq)]
pub enum StubAnswer {
    /// `returns`: this value.
    Returns(Value),
    /// `echo`, or nothing but `sleeps`: its event.
    Echo,
    /// `fails`: this error.
    Fails {
        /// The error's name.
        error: String,
        /// What happened.
        cause: String,
    },
}

pub(super) fn read(field: &Field<'_>, findings: &mut Findings) -> Option<Stub> {
    let answers = match field.node.kind {
        NodeKind::Array(_) => field.items(findings)?,
        _ => vec![field.clone()],
    };
    let answers: Vec<_> = answers.iter().map(|answer| read_answer(answer, findings)).collect();
    Some(Stub { answers: answers.into_iter().collect::<Option<_>>()? })
}

fn read_answer(field: &Field<'_>, findings: &mut Findings) -> Option<(Option<f64>, StubAnswer)> {
    let mut fields = Fields::of(field.node, &field.place, findings)?;
    if fields.at_most_one(&["returns", "echo", "fails"], findings) || fields.has("sleeps") {
        let sleeps = fields.take("sleeps").map(|field| {
            let seconds =
                field.node.to_value().as_f64().filter(|seconds| (0.0..=1e8).contains(seconds));
            if seconds.is_none() {
                findings.error(
                    OUT_OF_RANGE,
                    &field.place,
                    "`sleeps` must be a number of seconds, not below 0",
                );
            }
            seconds
        });
        let returns =
            fields.take("returns").map(|field| StubAnswer::Returns(field.node.to_value()));
        let echo = fields.take("echo").map(|field| {
            if field.boolean(findings) == Some(false) {
                findings
                    .error(OUT_OF_RANGE, &field.place, "`echo` can only be true")
                    .help("use `returns:` for another answer");
            }
            StubAnswer::Echo
        });
        let fails = match fields.take("fails") {
            Some(field) => Some(read_failure(&field, findings)?),
            None => None,
        };
        fields.finish("a stub", findings);
        return Some((sleeps.flatten(), returns.or(fails).or(echo).unwrap_or(StubAnswer::Echo)));
    }
    if fields.has_leftovers() {
        fields.pass_over(&["returns", "echo", "fails", "sleeps"]);
        fields.finish("a stub", findings);
        return None;
    }
    findings.error(EXCLUSIVE_FIELDS, &field.place, "a stub must say how it answers").help(
        "add one of `returns: JSON`, `echo: true`, `fails: {error, cause}`, `sleeps: SECONDS`",
    );
    None
}

fn read_failure(field: &Field<'_>, findings: &mut Findings) -> Option<StubAnswer> {
    let mut fields = Fields::of(field.node, &field.place, findings)?;
    let error = fields.require("error", findings).and_then(|field| field.string(findings));
    let cause = fields.take("cause").map_or(Some(""), |field| field.string(findings));
    fields.finish("a stub's failure", findings);
    Some(StubAnswer::Fails { error: error?.to_owned(), cause: cause?.to_owned() })
}
