//! Fail: ends the machine with an error of the author's.

use super::Leads;
use crate::fields::Fields;
use crate::finding::Findings;

/// A Fail state's fields. What is absent here is absent from the history as well.
#[derive(Debug, Clone, PartialEq)]
pub struct Fail {
    /// The error's name.
    pub error: Option<String>,
    /// What happened, for a person.
    pub cause: Option<String>,
}

pub(super) fn read(
    fields: &mut Fields<'_>,
    leads: &mut Leads,
    findings: &mut Findings,
) -> Option<Fail> {
    leads.ends = true;
    let mut text = |name| fields.take(name).map(|field| field.string(findings));
    let (error, cause) = (text("Error"), text("Cause"));
    fields.refuse_for_now(&["ErrorPath", "CausePath"], findings);
    let owned = |text: Option<Option<&str>>| {
        text.map_or(Some(None), |text| text.map(|t| Some(t.to_owned())))
    };
    Some(Fail { error: owned(error)?, cause: owned(cause)? })
}
