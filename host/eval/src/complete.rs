//! What could stand at a place of a line.

use std::collections::BTreeSet;

use serde_json::Value;
use stepwell_query::{Intrinsic, Scope, is_variable_name, jsonata_functions};

use crate::command::COMMANDS;
use crate::values::{CONTEXT, STATES};
use crate::{Values, functions};

/// How many items of an array are looked at for the names of their fields.
const ITEMS_MAX: usize = 100;

/// Something that could stand there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// What would be written.
    pub text: String,
    /// What is shown in a list.
    pub shown: String,
}

impl Candidate {
    fn plain(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { shown: text.clone(), text }
    }
}

/// The candidates for what stands before a position, and where it begins, in bytes.
pub(crate) fn complete(
    values: &Values,
    jsonpath: bool,
    line: &str,
    position: usize,
) -> (usize, Vec<Candidate>) {
    let head = &line[..line.floor_char_boundary(position.min(line.len()))];
    let blanks = head.len() - head.trim_start().len();
    if head[blanks..].starts_with(':')
        && let Some((start, candidates)) = of_command(values, head, blanks)
    {
        return (start, candidates);
    }
    let start = beginning_of_path(head);
    let path = &head[start..];
    let (offset, candidates) = of_path(values, jsonpath, path);
    (start + offset, candidates)
}

/// Candidates for a command or its argument; none where an expression stands.
fn of_command(values: &Values, head: &str, blanks: usize) -> Option<(usize, Vec<Candidate>)> {
    let Some((name, argument)) = head[blanks..].split_once(' ') else {
        let commands = COMMANDS.iter().filter(|(name, ..)| name.starts_with(&head[blanks..]));
        let candidate = |(name, arguments, _): &(&str, &str, &str)| Candidate {
            text: if arguments.is_empty() { (*name).to_owned() } else { format!("{name} ") },
            shown: format!("{name} {arguments}").trim_end().to_owned(),
        };
        return Some((blanks, commands.map(candidate).collect()));
    };
    let names: Vec<&str> = match name {
        ":jsonpath" => vec!["off", "on"],
        ":unset" => values.variables().keys().map(String::as_str).collect(),
        ":functions" => jsonata_functions().iter().map(|function| function.name).collect(),
        ":set" if argument.contains(' ') => return None,
        _ => Vec::new(),
    };
    let names = names.into_iter().filter(|name| name.starts_with(argument));
    Some((head.len() - argument.len(), names.map(Candidate::plain).collect()))
}

/// Where the path begins that a text ends in: names, dots, dollars, and brackets with what is in them.
fn beginning_of_path(head: &str) -> usize {
    let mut start = head.len();
    let mut characters = head.char_indices().rev();
    while let Some((index, character)) = characters.next() {
        if character == ']' {
            let Some(opening) = head[..index].rfind('[') else { break };
            let inside = &head[opening + 1..index];
            if inside.contains([']', '(', '\n']) {
                break;
            }
            characters = head[..opening].char_indices().rev();
            start = opening;
        } else if character.is_alphanumeric() || matches!(character, '_' | '$' | '.') {
            start = index;
        } else {
            break;
        }
    }
    start
}

fn of_path(values: &Values, jsonpath: bool, path: &str) -> (usize, Vec<Candidate>) {
    let Some((before, last)) = path.rsplit_once('.') else {
        return (0, of_name(values, jsonpath, path));
    };
    let offset = path.len() - last.len();
    if before == "States" {
        let names = Intrinsic::names().filter_map(|name| name.strip_prefix("States."));
        let names = names.filter(|name| name.starts_with(last));
        return (offset, names.map(|name| Candidate::plain(format!("{name}("))).collect());
    }
    let mut steps = before.split('.').map(|step| step.split('[').next().unwrap_or(step));
    let root = steps.next().unwrap_or_default();
    let found = match root.strip_prefix('$') {
        Some("") => vec![values.data()],
        Some("$") => vec![values.whole_context()],
        Some("states") if !jsonpath => match steps.next() {
            None => return (offset, of_states(values, last)),
            Some(CONTEXT) => vec![values.whole_context()],
            Some(field) => values.states(field).into_iter().collect(),
        },
        Some(name) => values.variable(name).into_iter().collect(),
        None => Vec::new(),
    };
    let found = steps.fold(found, |found, step| descend(&found, step));
    (offset, of_fields(&found, last, jsonpath || matches!(root, "$" | "$$")))
}

/// Candidates for a name without a dot: variables, functions, and what begins a path.
fn of_name(values: &Values, jsonpath: bool, text: &str) -> Vec<Candidate> {
    if !text.is_empty() && "States.".starts_with(text) {
        return vec![Candidate::plain("States.")];
    }
    let Some(begun) = text.strip_prefix('$') else { return Vec::new() };
    let own = if jsonpath { "$." } else { "states." };
    let variables = values.variables().keys().map(String::as_str);
    let names = variables.chain([own]).filter(|name| name.starts_with(begun));
    let mut candidates: Vec<_> = names.map(|name| Candidate::plain(format!("${name}"))).collect();
    if !jsonpath {
        let functions = jsonata_functions().iter();
        let begun = functions.filter(|function| {
            function.name.starts_with(begun) && !values.variables().contains_key(function.name)
        });
        candidates.extend(begun.map(|function| Candidate {
            text: format!("${}(", function.name),
            shown: functions::call_of(function),
        }));
    }
    candidates.sort();
    candidates
}

fn of_states(values: &Values, begun: &str) -> Vec<Candidate> {
    let there = STATES.into_iter().filter(|field| values.states(field).is_some()).chain([CONTEXT]);
    there.filter(|field| field.starts_with(begun)).map(Candidate::plain).collect()
}

/// The members of that name; arrays are looked through, as both languages can.
fn descend<'v>(values: &[&'v Value], name: &str) -> Vec<&'v Value> {
    objects(values).filter_map(|object| object.get(name)).collect()
}

/// The names of the members. One that is no identifier is written as the language wants it, if it can follow
/// a dot there.
fn of_fields(values: &[&Value], begun: &str, jsonpath: bool) -> Vec<Candidate> {
    let names: BTreeSet<&str> =
        objects(values).flat_map(|object| object.keys()).map(String::as_str).collect();
    let begun = names.into_iter().filter(|name| name.starts_with(begun));
    let written = begun.filter_map(|name| {
        let is_plain = is_variable_name(name) || name == "states";
        match (is_plain, jsonpath) {
            (true, _) => Some(name.to_owned()),
            (false, false) if !name.contains('`') => Some(format!("`{name}`")),
            (false, _) => None,
        }
    });
    written.map(Candidate::plain).collect()
}

fn objects<'v>(values: &[&'v Value]) -> impl Iterator<Item = &'v serde_json::Map<String, Value>> {
    let flat = values.iter().flat_map(|value| match value {
        Value::Array(items) => items.iter().take(ITEMS_MAX).collect(),
        other => vec![*other],
    });
    flat.filter_map(Value::as_object)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn values() -> Values {
        let context = json!({"Execution": {"Id": "arn", "Name": "n"}, "State": {"Name": "S"}});
        let mut values = Values::new(context, 0, 0);
        values
            .set_states(json!({
                "input": {"orders": [{"id": 1, "price": 2}, {"id": 2, "tax rate": 3}], "größe": {"x": 1}},
                "result": {"ok": true},
            }))
            .unwrap();
        values.set_variables(json!({"total": {"sum": 1}, "sum_of": 2})).unwrap();
        values
    }

    /// `|` is where the cursor stands.
    #[track_caller]
    fn offers_in(jsonpath: bool, line: &str, expected: &[&str]) {
        let position = line.find('|').unwrap();
        let line = line.replace('|', "");
        let (start, candidates) = complete(&values(), jsonpath, &line, position);
        let whole: Vec<_> = candidates
            .iter()
            .map(|candidate| format!("{}{}", &line[..start], candidate.text))
            .collect();
        assert_eq!(whole, expected, "{line}");
    }

    #[track_caller]
    fn offers(line: &str, expected: &[&str]) {
        offers_in(false, line, expected);
    }

    #[test]
    fn fields_follow_a_dot() {
        offers("$states.|", &["$states.input", "$states.result", "$states.context"]);
        offers("$states.in|put", &["$states.input"]);
        offers("1 + $states.input.o|", &["1 + $states.input.orders"]);
        offers("$states.input.größe.|", &["$states.input.größe.x"]);
        offers("$states.context.Ex|", &["$states.context.Execution"]);
        offers(
            "$states.context.Execution.|",
            &[
                "$states.context.Execution.Id",
                "$states.context.Execution.Input",
                "$states.context.Execution.Name",
            ],
        );
        offers("$total.|", &["$total.sum"]);
        offers("$nope.|", &[]);
        offers("$sum([1]).|", &[]);
    }

    #[test]
    fn items_of_arrays_are_looked_through() {
        let all = ["id", "price", "`tax rate`"].map(|name| format!("$states.input.orders.{name}"));
        offers("$states.input.orders.|", &all.each_ref().map(String::as_str));
        offers("($states.input.orders[id = 1].p|", &["($states.input.orders[id = 1].price"]);
    }

    #[test]
    fn variables_and_functions_follow_a_dollar() {
        offers(
            "$su|",
            &["$substring(", "$substringAfter(", "$substringBefore(", "$sum(", "$sum_of"],
        );
        offers("$map($tot|", &["$map($total"]);
        offers("$st|", &["$states.", "$string("]);
        offers("$uu|", &["$uuid("]);
        offers("plain|", &[]);
    }

    #[test]
    fn functions_are_shown_as_they_are_called() {
        let (_, candidates) = complete(&values(), false, "$pad", 4);
        assert_eq!(candidates[0].shown, "$pad(str, width, char?)");
    }

    #[test]
    fn paths_and_calls_have_their_own() {
        offers("$.or|", &["$.orders"]);
        offers_in(true, "$.orders[0].|", &["$.orders[0].id", "$.orders[0].price"]);
        offers_in(true, "$$.State.|", &["$$.State.Name"]);
        offers_in(true, "$|", &["$$.", "$sum_of", "$total"]);
        offers_in(true, "$total.s|", &["$total.sum"]);
        offers("Sta|", &["States."]);
        offers("States.Math|", &["States.MathAdd(", "States.MathRandom("]);
        offers_in(true, "States.Format('{}', $.gr|", &["States.Format('{}', $.größe"]);
    }

    #[test]
    fn commands_and_their_arguments_are_offered() {
        offers(":in|", &[":input "]);
        offers(":q|", &[":quit"]);
        offers(":jsonpath o|", &[":jsonpath off", ":jsonpath on"]);
        offers(":unset |", &[":unset sum_of", ":unset total"]);
        offers(":functions uu|", &[":functions uuid"]);
        offers(":set x $states.res|", &[":set x $states.result"]);
        offers(":set t|", &[]);
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "[:$.\\[\\]a-z(ü`' ]{0,20}", position in 0_usize..60) {
            for jsonpath in [false, true] {
                let (start, _) = complete(&values(), jsonpath, &line, position);
                prop_assert!(line.is_char_boundary(start));
            }
        }
    }
}
