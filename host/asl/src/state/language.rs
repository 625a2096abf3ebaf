//! The fields that a state has in one query language and not in the other (`facts/asl.md` 1).

use super::StateType;
use crate::fields::Fields;
use crate::finding::{Findings, UNKNOWN_FIELD};
use crate::machine::QueryLanguage;

/// Reports a state's fields of the other language. They count as taken.
pub(super) fn refuse_fields_of_the_other(
    state_type: StateType,
    language: QueryLanguage,
    fields: &mut Fields<'_>,
    findings: &mut Findings,
) {
    let (names, own, other) = match language {
        QueryLanguage::JsonPath => (jsonata_only(state_type), "JSONPath", "JSONata"),
        QueryLanguage::Jsonata => (json_path_only(state_type), "JSONata", "JSONPath"),
    };
    for name in names.iter().copied() {
        if !fields.has(name) {
            continue;
        }
        let field = fields.take(name).expect("it is there");
        // As measured on AWS: floci-io/floci, issue 2968.
        let aws = format!(
            "The QueryLanguage is set to '{own}', but field '{name}' is only supported for the '{other}' QueryLanguage"
        );
        let message =
            format!("`{name}` belongs to the query language {other}, and this state's is {own}");
        let finding = findings.error(UNKNOWN_FIELD, &field.place, message);
        finding.aws_at("SCHEMA_VALIDATION_FAILED", aws, Some(&fields.place));
        if let Some(instead) = instead_of(name) {
            finding.help(format!("in {own}, use `{instead}`"));
        }
    }
}

fn jsonata_only(state_type: StateType) -> &'static [&'static str] {
    match state_type {
        StateType::Task | StateType::Parallel => &["Arguments", "Output"],
        StateType::Map => &["Items", "Output"],
        StateType::Choice | StateType::Pass | StateType::Wait | StateType::Succeed => &["Output"],
        StateType::Fail => &[],
    }
}

fn json_path_only(state_type: StateType) -> &'static [&'static str] {
    match state_type {
        StateType::Task => &[
            "InputPath",
            "OutputPath",
            "Parameters",
            "ResultSelector",
            "ResultPath",
            "TimeoutSecondsPath",
            "HeartbeatSecondsPath",
        ],
        StateType::Parallel => {
            &["InputPath", "OutputPath", "Parameters", "ResultSelector", "ResultPath"]
        }
        StateType::Map => &[
            "InputPath",
            "OutputPath",
            "Parameters",
            "ResultSelector",
            "ResultPath",
            "ItemsPath",
            "MaxConcurrencyPath",
            "ToleratedFailureCountPath",
            "ToleratedFailurePercentagePath",
        ],
        StateType::Pass => &["InputPath", "OutputPath", "Parameters", "Result", "ResultPath"],
        StateType::Wait => &["InputPath", "OutputPath", "SecondsPath", "TimestampPath"],
        StateType::Choice | StateType::Succeed => &["InputPath", "OutputPath"],
        StateType::Fail => &["ErrorPath", "CausePath"],
    }
}

/// What the other language has in a field's place.
pub(super) fn instead_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "Arguments" => "Parameters",
        "Parameters" => "Arguments",
        "Output" => "ResultSelector` and `OutputPath",
        "Result" | "ResultSelector" | "ResultPath" | "OutputPath" => "Output",
        "Items" => "ItemsPath",
        "ItemsPath" => "Items",
        "InputPath" => "$states.input",
        "SecondsPath" => "Seconds",
        "TimestampPath" => "Timestamp",
        "TimeoutSecondsPath" => "TimeoutSeconds",
        "HeartbeatSecondsPath" => "HeartbeatSeconds",
        "MaxConcurrencyPath" => "MaxConcurrency",
        "ToleratedFailureCountPath" => "ToleratedFailureCount",
        "ToleratedFailurePercentagePath" => "ToleratedFailurePercentage",
        "MaxItemsPath" => "MaxItems",
        "MaxItemsPerBatchPath" => "MaxItemsPerBatch",
        "MaxInputBytesPerBatchPath" => "MaxInputBytesPerBatch",
        "ErrorPath" => "Error",
        "CausePath" => "Cause",
        _ => return None,
    })
}
