//! Which variables each state reads, as AWS tells it of a machine (`DescribeStateMachine`).
//!
//! Looks at the definition as it stands, so that parts which are not supported here count as well.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use stepwell_query::{Expression, Jsonata, Query, jsonata_functions};

/// The names of the variables that each state of a definition reads, by the state's name. States that read none
/// are left out. What cannot be read is passed over: [`crate::load`] reports it.
pub fn variable_references(definition: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let mut references = BTreeMap::new();
    let jsonata = definition["QueryLanguage"] == "JSONata";
    of_machine(definition, jsonata, &mut references);
    references
}

fn of_machine(machine: &Value, jsonata: bool, references: &mut BTreeMap<String, BTreeSet<String>>) {
    for (name, state) in machine["States"].as_object().into_iter().flatten() {
        let own = match state["QueryLanguage"].as_str() {
            Some(language) => language == "JSONata",
            None => jsonata,
        };
        let mut found = BTreeSet::new();
        if let Some(fields) = state.as_object() {
            of_fields(fields, own, &mut found);
        }
        if !found.is_empty() {
            references.insert(name.clone(), found);
        }
        for branch in state["Branches"].as_array().into_iter().flatten() {
            of_machine(branch, jsonata, references);
        }
        for processor in ["ItemProcessor", "Iterator"] {
            of_machine(&state[processor], jsonata, references);
        }
    }
}

fn of_fields(fields: &Map<String, Value>, jsonata: bool, found: &mut BTreeSet<String>) {
    for (name, value) in fields {
        // Machines within the state have states of their own; a result is data.
        if ["Branches", "ItemProcessor", "Iterator", "Result", "Comment"].contains(&name.as_str()) {
            continue;
        }
        match value {
            Value::String(text) if jsonata => of_expression(text, found),
            Value::String(text) => {
                if name.ends_with(".$") || name.ends_with("Path") || name == "Variable" {
                    of_path(text, found);
                }
            }
            other => of_value(other, jsonata, found),
        }
    }
}

fn of_value(value: &Value, jsonata: bool, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => of_fields(fields, jsonata, found),
        Value::Array(items) => {
            for item in items {
                of_value(item, jsonata, found);
            }
        }
        Value::String(text) if jsonata => of_expression(text, found),
        _ => {}
    }
}

fn of_path(text: &str, found: &mut BTreeSet<String>) {
    let expression = Expression::parse(text);
    for query in expression.iter().flat_map(Expression::queries) {
        if let Query::Variable { name, .. } = query {
            found.insert(name.to_string());
        }
    }
}

fn of_expression(text: &str, found: &mut BTreeSet<String>) {
    let Some((expression, _)) = Jsonata::delimited(text) else { return };
    let Ok(expression) = Jsonata::parse(expression) else { return };
    let free = expression.survey().free.iter();
    let is_function = |name: &str| jsonata_functions().iter().any(|one| one.name == name);
    let variables = free.filter(|mention| !mention.called && !is_function(&mention.name));
    found.extend(variables.map(|mention| mention.name.clone()));
}
