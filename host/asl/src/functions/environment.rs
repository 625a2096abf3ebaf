//! `environment:` of a function: the variables that its task sees.

use std::collections::BTreeMap;

use super::Reuse;
use super::read::{Manner, read_reuse};
use crate::fields::{Field, Fields};
use crate::finding::{Findings, OUT_OF_RANGE, Place};

/// All environment variables of a function as JSON, in bytes (`facts/limits.md` 3).
const ENVIRONMENT_BYTES_MAX: usize = 4096;

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
            Some(text) => _ = environment.insert(variable.name.to_owned(), text),
            None if variable.node.is_null() && manner == Manner::Deployed => {}
            None => _ = variable.wrong_type("a string", findings),
        }
    }
    environment
}

/// Whether all variables together, those of all layers, are as small as Lambda wants them.
pub(super) fn check_size(
    environment: &BTreeMap<String, String>,
    place: &Place,
    findings: &mut Findings,
) {
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
