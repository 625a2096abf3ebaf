//! States whose query language is JSONata: their form is checked, though they cannot be run yet
//! (`facts/asl.md` 3). Says nothing about what stands within an expression.

use super::{StateType, assign, distributed, map, parallel, task, transition, wait, work};
use crate::fields::{Field, Fields};
use crate::finding::{
    CHOICE_RULE, EXCLUSIVE_FIELDS, Findings, OUT_OF_RANGE, Place, TEMPLATE, UNKNOWN_FIELD,
};
use crate::machine::Leads;
use crate::node::{Node, NodeKind};

/// Checks the fields of a state and notes what it leads to.
pub(super) fn check(
    state_type: StateType,
    fields: &mut Fields<'_>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) {
    match state_type {
        StateType::Task => {
            templates(fields, &["Arguments"], findings);
            task::check(fields, leads, findings);
            for name in ["TimeoutSeconds", "HeartbeatSeconds"] {
                number(fields, name, 1..=wait::SECONDS_MAX, findings);
            }
        }
        StateType::Parallel => {
            templates(fields, &["Arguments"], findings);
            parallel::read_branches(fields, leads, findings);
        }
        StateType::Map => {
            templates(fields, &["Items", "ItemSelector"], findings);
            number(fields, "MaxConcurrency", 0..=u64::from(u32::MAX), findings);
            number(fields, "ToleratedFailureCount", 0..=u64::from(u32::MAX), findings);
            number(fields, "ToleratedFailurePercentage", 0..=100, findings);
            map::read_processor(fields, leads, findings);
            map::read_label(fields, findings);
            distributed::check(fields, leads.language, findings);
        }
        StateType::Choice => choices(fields, leads, findings),
        StateType::Wait => {
            if !fields.at_most_one(&["Seconds", "Timestamp"], findings) {
                let message = "a Wait state must say for how long or until when";
                findings
                    .error(EXCLUSIVE_FIELDS, &fields.place, message)
                    .help("add one of `Seconds`, `Timestamp`");
            }
            number(fields, "Seconds", 0..=wait::SECONDS_MAX, findings);
            if let Some(field) = fields.take("Timestamp")
                && !is_expression(&field, findings)
            {
                field.timestamp(findings);
            }
        }
        StateType::Fail => templates(fields, &["Error", "Cause"], findings),
        StateType::Pass | StateType::Succeed => {}
    }
    if !matches!(state_type, StateType::Succeed | StateType::Fail) {
        assign::read(fields, leads, findings);
    }
    if state_type != StateType::Fail {
        templates(fields, &["Output"], findings);
    }
    match state_type {
        StateType::Task | StateType::Parallel | StateType::Map => {
            work::read_errors(fields, leads, findings);
            transition(fields, leads, findings);
        }
        StateType::Pass | StateType::Wait => _ = transition(fields, leads, findings),
        StateType::Succeed | StateType::Fail => leads.ends = true,
        StateType::Choice => {}
    }
}

fn choices(fields: &mut Fields<'_>, leads: &mut Leads<'_>, findings: &mut Findings) {
    let rules = fields.require("Choices", findings).and_then(|field| field.items(findings));
    for rule in rules.into_iter().flatten() {
        let Some(mut fields) = Fields::of(rule.node, &rule.place, findings) else { continue };
        fields.pass_over(&["Comment"]);
        let mut of_json_path = false;
        for name in ["Variable", "And", "Or", "Not"] {
            if !fields.has(name) {
                continue;
            }
            of_json_path = true;
            let field = fields.take(name).expect("it is there");
            let message = format!(
                "`{name}` belongs to the query language JSONPath, and this state's is JSONata"
            );
            findings.error(UNKNOWN_FIELD, &field.place, message).help("use `Condition`");
        }
        if let Some(condition) = fields.require("Condition", findings)
            && !matches!(condition.node.kind, NodeKind::Bool(_))
            && !is_expression(&condition, findings)
        {
            let message = "`Condition` must be true, false or an expression";
            findings.error(CHOICE_RULE, &condition.place, message);
        }
        if let Some(next) = fields.require("Next", findings) {
            leads.lead(&next, findings);
        }
        assign::read(&mut fields, leads, findings);
        templates(&mut fields, &["Output"], findings);
        // Operators go with `Variable`: that it does not belong here has been said.
        if !of_json_path {
            fields.finish_in_doubt("a choice rule", findings);
        }
    }
    if let Some(default) = fields.take("Default") {
        leads.lead(&default, findings);
    }
}

/// Fields whose strings may be expressions, at any depth.
pub(super) fn templates(fields: &mut Fields<'_>, names: &[&'static str], findings: &mut Findings) {
    for name in names.iter().copied() {
        if let Some(field) = fields.take(name) {
            strings(field.node, &field.place, findings);
        }
    }
}

/// The strings of a value that may be expressions.
pub(super) fn strings(node: &Node, place: &Place, findings: &mut Findings) {
    match &node.kind {
        NodeKind::String(text) => _ = delimited(text, place, findings),
        NodeKind::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                strings(item, &place.below(&index.to_string(), &item.span), findings);
            }
        }
        NodeKind::Object(members) => {
            for member in members {
                let span =
                    if member.node.span.is_empty() { &member.name_span } else { &member.node.span };
                strings(&member.node, &place.below(&member.name, span), findings);
            }
        }
        NodeKind::Null | NodeKind::Bool(_) | NodeKind::Number(_) => {}
    }
}

/// Whether a text is an expression. One that only begins or only ends as such is reported.
fn delimited(text: &str, place: &Place, findings: &mut Findings) -> bool {
    let (begins, ends) = (text.starts_with("{%"), text.ends_with("%}") && text.len() >= 4);
    if begins != ends {
        let message = format!("`{text}` is not closed as it is opened");
        findings.error(TEMPLATE, place, message).help(
            "a JSONata expression begins with `{%` and ends with `%}`, without blanks around",
        );
    }
    begins || ends
}

fn is_expression(field: &Field<'_>, findings: &mut Findings) -> bool {
    field.node.as_str().is_some_and(|text| delimited(text, &field.place, findings))
}

/// A number within a range, or an expression.
pub(super) fn number(
    fields: &mut Fields<'_>,
    name: &'static str,
    range: std::ops::RangeInclusive<u64>,
    findings: &mut Findings,
) {
    let Some(field) = fields.take(name) else { return };
    if is_expression(&field, findings) {
        return;
    }
    let value = field.node.to_value();
    let Some(value) = value.as_f64() else {
        field.wrong_type("a number or an expression", findings);
        return;
    };
    #[expect(clippy::cast_precision_loss, reason = "the bounds are far below 2^53")]
    let (least, most) = (*range.start() as f64, *range.end() as f64);
    if !(least..=most).contains(&value) {
        let message = format!("`{name}` must be from {} to {}", range.start(), range.end());
        findings.error(OUT_OF_RANGE, &field.place, message);
    }
}
