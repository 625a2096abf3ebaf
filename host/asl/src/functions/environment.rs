//! `environment:` of a function: the variables that its task sees.

use std::collections::BTreeMap;

use super::Reuse;
use super::read::{Manner, read_reuse};
use crate::fields::{Field, Fields};
use crate::finding::{Findings, OUT_OF_RANGE, Place};

/// All environment variables of a function as JSON, in bytes (`facts/limits.md` 3).
const ENVIRONMENT_BYTES_MAX: usize = 4096;

/// Variables that Lambda sets and lets nobody else set: the list "Reserved environment variables" of its
/// developer guide. `AWS_LAMBDA_EXEC_WRAPPER` and others that begin alike may be set.
const RESERVED: [&str; 21] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "AWS_LAMBDA_METADATA_API",
    "AWS_LAMBDA_METADATA_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

/// A map of variables, or `warm`, which is a short form of `reuse: warm`.
pub(super) fn read_environment(
    fields: &mut Fields<'_>,
    manner: Manner,
    findings: &mut Findings,
) -> (BTreeMap<String, String>, Option<Reuse>) {
    let Some(field) = fields.take("environment") else { return Default::default() };
    if field.node.as_str().is_some() {
        return (BTreeMap::new(), read_reuse(&field, findings));
    }
    let Some(mut variables) = Fields::of(field.node, &field.place, findings) else {
        return Default::default();
    };
    (read_variables(variables.take_all(), manner, findings), None)
}

/// Environment variables: anything that is a text or can be written as one. For other tools, null leaves
/// one out.
pub(crate) fn read_variables(
    variables: Vec<Field<'_>>,
    manner: Manner,
    findings: &mut Findings,
) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    for variable in variables {
        match variable.node.scalar_text() {
            Some(text) => {
                check_name(&variable, manner, findings);
                environment.insert(variable.name.to_owned(), text);
            }
            None if variable.node.is_null() && manner == Manner::Deployed => {}
            None => _ = variable.wrong_type("a string", findings),
        }
    }
    environment
}

/// Lambda refuses these names. In a deployment's file that is a warning: a run here does without the
/// deployment.
fn check_name(variable: &Field<'_>, manner: Manner, findings: &mut Findings) {
    let name = variable.name;
    let (message, help) = if RESERVED.contains(&name) {
        // Lambda's wording.
        let message = format!(
            "Lambda was unable to configure your environment variables because the environment variables \
             you have provided contains reserved keys that are currently not supported for modification. \
             Reserved keys used in this request: {name}"
        );
        (message, "choose another name: Lambda itself sets this variable")
    } else if !is_name(name) {
        let message = format!("`{name}` is no name for an environment variable");
        (message, "a name is a letter, and then at least one more letter, digit or `_`")
    } else {
        return;
    };
    match manner {
        Manner::Own => findings.error(OUT_OF_RANGE, &variable.place, message),
        Manner::Deployed => findings.warning(OUT_OF_RANGE, &variable.place, message),
    }
    .help(help);
}

/// Lambda's pattern is `[a-zA-Z]([a-zA-Z0-9_])+` (`facts/api.md` 8).
fn is_name(name: &str) -> bool {
    let rest = name.strip_prefix(|first: char| first.is_ascii_alphabetic());
    rest.is_some_and(|rest| {
        !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// Whether all variables together, those of all layers, are as small as Lambda wants them.
pub(super) fn check_size(
    environment: &BTreeMap<String, String>,
    place: &Place,
    findings: &mut Findings,
) {
    // Without blanks, and characters beyond ASCII as they are: bytes of UTF-8.
    let measured = serde_json::json!(environment).to_string();
    if measured.len() > ENVIRONMENT_BYTES_MAX {
        // Lambda's wording: `facts/limits.md` 3.
        let message = format!(
            "Lambda was unable to configure your environment variables because the environment variables \
             you have provided exceeded the 4KB limit. String measured: {measured}"
        );
        findings.error(OUT_OF_RANGE, place, message);
    }
}
