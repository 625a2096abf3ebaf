//! What expressions can see while they are converted.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::remark::Refusal;
use crate::template::Part;

/// What `$` is, and which names are taken.
#[derive(Debug, Clone)]
pub(crate) struct Scope<'m> {
    /// What `$` is.
    pub(crate) data: Part,
    /// What is known of the machine.
    pub(crate) machine: &'m Names,
}

/// The names of a machine's variables.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// What some state assigns.
    assigned: BTreeSet<String>,
}

impl Scope<'_> {
    /// A name for a value of an expression's own, which no variable has.
    pub(crate) fn fresh(&self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        while self.machine.assigned.contains(&name) {
            name.push('_');
        }
        name
    }
}

impl Names {
    /// Gathers what is assigned anywhere.
    pub(crate) fn gather(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    if name == "Assign"
                        && let Value::Object(variables) = member
                    {
                        let names = variables.keys();
                        let names = names.map(|name| name.strip_suffix(".$").unwrap_or(name));
                        self.assigned.extend(names.map(str::to_owned));
                    }
                    self.gather(member);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.gather(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Refuses expressions that call a function whose name a variable has: it would be called instead.
    pub(crate) fn check(&self, value: &Value, at: &str) -> Result<(), Refusal> {
        match value {
            Value::String(text) if text.starts_with("{%") => {
                for (index, _) in text.match_indices('$') {
                    let rest = &text[index + 1..];
                    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
                    if rest[end..].starts_with('(') && self.assigned.contains(&rest[..end]) {
                        let name = &rest[..end];
                        let message =
                            format!("the variable `${name}` hides the function of that name");
                        return Refusal::new(at, message);
                    }
                }
                Ok(())
            }
            Value::Array(items) => items.iter().try_for_each(|item| self.check(item, at)),
            Value::Object(members) => members.values().try_for_each(|item| self.check(item, at)),
            _ => Ok(()),
        }
    }
}
