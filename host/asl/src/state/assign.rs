//! `Assign`: values that a state gives to workflow variables (`facts/asl.md` 2.5).

use serde_json::Value;
use stepwell_query::{Template, VARIABLE_NAME_CHARACTERS_MAX, is_variable_name};

use super::jsonata::{self, Site};
use crate::definition::Name;
use crate::fields::{Field, Fields};
use crate::finding::{Findings, VARIABLE};
use crate::machine::{Leads, QueryLanguage};
use crate::node::NodeKind;
use crate::path;

/// What a state assigns: variables in the order of their names, with what makes their values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Assign(pub Vec<(Name, Template)>);

/// Reads `Assign`, if it is there.
pub(super) fn read(
    fields: &mut Fields<'_>,
    site: Site,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Assign> {
    let Some(field) = fields.take("Assign") else { return Some(Assign::default()) };
    let NodeKind::Object(members) = &field.node.kind else {
        field.wrong_type("an object", findings);
        return None;
    };
    let mut sound = true;
    for member in members {
        let name = match leads.language {
            QueryLanguage::JsonPath => member.name.strip_suffix(".$").unwrap_or(&member.name),
            QueryLanguage::Jsonata => &member.name,
        };
        let place = field.place.below(&member.name, &member.name_span);
        let here = Field { name: &member.name, node: &member.node, place };
        sound &= check_name(name, &here, findings);
        leads.assigns(name.into(), here.place, site == Site::ErrorOutput);
    }
    let template = match leads.language {
        QueryLanguage::JsonPath => path::template(&field, findings),
        QueryLanguage::Jsonata => {
            let location = format!("{}Assign", leads.within);
            jsonata::template_at(field.node, &field.place, &location, site, leads, findings)
        }
    };
    let mut variables: Vec<(Name, Template)> = match template? {
        Template::Object(members) => {
            members.into_iter().map(|(name, value)| (name.as_str().into(), value)).collect()
        }
        Template::Constant(Value::Object(members)) => members
            .into_iter()
            .map(|(name, value)| (name.as_str().into(), Template::Constant(value)))
            .collect(),
        _ => unreachable!("a template of an object is an object or a constant one"),
    };
    variables.sort_by(|(left, _), (right, _)| left.cmp(right));
    sound.then_some(Assign(variables))
}

fn check_name(name: &str, field: &Field<'_>, findings: &mut Findings) -> bool {
    let wrong = if name == "states" {
        "it is reserved".to_owned()
    } else if is_variable_name(name) {
        return true;
    } else {
        format!(
            "it must begin with a letter, hold only letters, digits and `_`, and have at most \
             {VARIABLE_NAME_CHARACTERS_MAX} characters"
        )
    };
    findings
        .error(VARIABLE, &field.place, format!("`{name}` is no name of a variable: {wrong}"))
        .help("a variable is assigned as a whole, by a name such as `total`");
    false
}
