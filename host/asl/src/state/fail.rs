//! Fail: ends the machine with an error of the author's.

use stepwell_query::Expression;

use super::jsonata::{self, Computed, Written};
use super::optional;
use crate::fields::{Field, Fields};
use crate::finding::Findings;
use crate::machine::{Leads, QueryLanguage};
use crate::path;

/// A Fail state's fields. What is absent here is absent from the history as well.
#[derive(Debug, Clone, PartialEq)]
pub struct Fail {
    /// The error's name.
    pub error: Option<Text>,
    /// What happened, for a person.
    pub cause: Option<Text>,
}

/// A text in the file, or what makes one.
#[derive(Debug, Clone, PartialEq)]
pub enum Text {
    /// The text.
    Literal(String),
    /// The field that ends in `Path`.
    Path(Expression),
    /// An expression.
    Computed(Computed),
}

pub(super) fn read(
    fields: &mut Fields<'_>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Fail> {
    leads.ends = true;
    let mut text = |literal, by_path| {
        if leads.language == QueryLanguage::Jsonata {
            let read = |field: Field<'_>| match jsonata::computed(&field, leads, findings) {
                Written::Plain => field.string(findings).map(|text| Text::Literal(text.to_owned())),
                Written::Broken => None,
                Written::Computed(computed) => Some(Text::Computed(computed)),
            };
            return optional(fields.take(literal).map(read));
        }
        fields.at_most_one(&[literal, by_path], findings);
        let literal = fields
            .take(literal)
            .map(|field| field.string(findings).map(|text| Text::Literal(text.to_owned())));
        let by_path =
            fields.take(by_path).map(|field| path::expression(&field, findings).map(Text::Path));
        optional(literal.or(by_path))
    };
    let (error, cause) = (text("Error", "ErrorPath"), text("Cause", "CausePath"));
    Some(Fail { error: error?, cause: cause? })
}
