//! What is worth a warning before an expression is evaluated: what AWS lacks, and names that mean nothing.

use std::ops::Range;

use stepwell_query::{Mention, Scope, StatesMention, Survey, jsonata_functions};

use crate::values::{CONTEXT, STATES, is_states_field};
use crate::{Notice, Values, functions};

/// How like a name must be to be suggested, from 0 to 1.
const LIKENESS_MIN: f64 = 0.8;

/// The notices about an expression that begins at `start` of a text, by where they point.
pub(crate) fn of(survey: &Survey, text: &str, start: usize, values: &Values) -> Vec<Notice> {
    let said = survey.newer.iter().map(newer);
    let said = said.chain(survey.inputs.iter().map(input));
    let asked = |mention: &&Mention| survey.asked.contains(&mention.name);
    let said = said.chain(
        survey.free.iter().filter(|it| !asked(it)).filter_map(|mention| free(mention, values)),
    );
    let said = said.chain(survey.states.iter().filter_map(|mention| states(mention, values)));
    let mut notices: Vec<Notice> = said
        .map(|Said { span, message, help }| Notice {
            code: None,
            message,
            text: text.to_owned(),
            span: without_blanks(text, span.start + start..span.end + start),
            help,
        })
        .collect();
    notices.sort_by_key(|notice| notice.span.start);
    notices
}

/// A place without the blanks around what stands there: an operator's has them.
fn without_blanks(text: &str, span: Range<usize>) -> Range<usize> {
    let Some(written) = text.get(span.clone()) else { return span };
    let start = span.start + (written.len() - written.trim_start().len());
    start..start + written.trim().len()
}

struct Said {
    span: Range<usize>,
    message: String,
    help: Option<String>,
}

fn newer(mention: &Mention) -> Said {
    let instead = match mention.name.as_str() {
        "??" => Some("`$exists(a) ? a : b` says the same as `a ?? b`".to_owned()),
        "?:" => Some("`a ? a : b` says the same as `a ?: b`".to_owned()),
        _ => None,
    };
    Said {
        span: mention.span.clone(),
        message: format!("AWS has JSONata 2.0.6, which has no `{}`", mention.name),
        help: instead,
    }
}

fn input(span: &Range<usize>) -> Said {
    Said {
        span: span.clone(),
        message: "there is no input document that this could be read from".to_owned(),
        help: Some("the state's input is `$states.input`".to_owned()),
    }
}

fn free(mention: &Mention, values: &Values) -> Option<Said> {
    let name = mention.name.as_str();
    // The language's own: `$states`.
    if name == "states" || values.variables().contains_key(name) || functions::find(name).is_some()
    {
        return None;
    }
    if name == "eval" {
        let message = "AWS has no `$eval`".to_owned();
        return Some(Said { span: mention.span.clone(), message, help: None });
    }
    let known = jsonata_functions().iter().map(|function| function.name);
    let known = known.chain(values.variables().keys().map(String::as_str));
    let help = nearest(name, known).map_or_else(
        || "`--vars` gives variables, and `:set NAME EXPR` at the prompt".to_owned(),
        |near| format!("did you mean `${near}`?"),
    );
    let what = if mention.called { "function" } else { "variable" };
    Some(Said {
        span: mention.span.clone(),
        message: format!("there is no {what} `${name}`"),
        help: Some(help),
    })
}

fn states(mention: &StatesMention, values: &Values) -> Option<Said> {
    let field = mention.names.first()?.as_str();
    let (message, help) = if !is_states_field(field) {
        let known = STATES.into_iter().chain([CONTEXT]);
        let help = nearest(field, known).map_or_else(
            || "its fields are `input`, `result`, `errorOutput` and `context`".to_owned(),
            |near| format!("did you mean `$states.{near}`?"),
        );
        (format!("`$states` has no `{field}`"), help)
    } else if field != CONTEXT && values.states(field).is_none() {
        let help =
            format!("`--states '{{\"{field}\": ...}}'` gives one, and `:states` at the prompt");
        (format!("there is no `$states.{field}` here"), help)
    } else {
        return None;
    };
    Some(Said { span: mention.span.clone(), message, help: Some(help) })
}

/// The name that is most like another one, if any is like it at all.
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let likeness = |other: &str| strsim::jaro_winkler(name, other);
    known
        .map(|other| (likeness(other), other))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mention(text: &str, part: &str, name: &str, called: bool) -> Mention {
        let start = text.find(part).unwrap();
        Mention { name: name.to_owned(), span: start..start + part.len(), called }
    }

    #[track_caller]
    fn says(survey: &Survey, text: &str, expected: &[(&str, &str, &str)]) {
        let mut values = Values::new(json!({}), 0, 0);
        values.set_variables(json!({"total": 1})).unwrap();
        // As in a text with blanks before it.
        let shifted = format!("{{% {text} %}}");
        let notices = of(survey, &shifted, 3, &values);
        let said: Vec<_> = notices
            .iter()
            .map(|notice| {
                let place = &notice.text[notice.span.clone()];
                (place, notice.message.as_str(), notice.help.as_deref().unwrap_or_default())
            })
            .collect();
        assert_eq!(said, expected);
    }

    #[test]
    fn operators_that_aws_lacks_are_told() {
        let text = "$total ?? 1 ?: 2";
        let newer = ["?:", "??"].map(|name| mention(text, name, name, false)).into();
        says(
            &Survey { newer, ..Survey::default() },
            text,
            &[
                (
                    "??",
                    "AWS has JSONata 2.0.6, which has no `??`",
                    "`$exists(a) ? a : b` says the same as `a ?? b`",
                ),
                (
                    "?:",
                    "AWS has JSONata 2.0.6, which has no `?:`",
                    "`a ? a : b` says the same as `a ?: b`",
                ),
            ],
        );
    }

    #[test]
    fn names_that_mean_nothing_are_told() {
        let text = "$totl + $upercase('a') + $nope + $total + $sum([1]) + $eval('1')";
        let free = [
            ("$totl", "totl", false),
            ("$upercase", "upercase", true),
            ("$nope", "nope", false),
            ("$total", "total", false),
            ("$sum", "sum", true),
            ("$eval", "eval", true),
        ]
        .map(|(part, name, called)| mention(text, part, name, called))
        .into();
        says(
            &Survey { free, ..Survey::default() },
            text,
            &[
                ("$totl", "there is no variable `$totl`", "did you mean `$total`?"),
                ("$upercase", "there is no function `$upercase`", "did you mean `$uppercase`?"),
                (
                    "$nope",
                    "there is no variable `$nope`",
                    "`--vars` gives variables, and `:set NAME EXPR` at the prompt",
                ),
                ("$eval", "AWS has no `$eval`", ""),
            ],
        );
    }

    #[test]
    fn fields_of_states_that_are_not_there_are_told() {
        let text = "$states.inptu & $states.result & $states.context.State & $ ";
        let field = |names: &[&str]| {
            let part = format!("$states.{}", names.join("."));
            let start = text.find(&part).unwrap();
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            StatesMention { names, span: start..start + part.len() }
        };
        let states = vec![field(&["inptu"]), field(&["result"]), field(&["context", "State"])];
        let last = text.rfind('$').unwrap();
        says(
            &Survey {
                states,
                inputs: std::iter::once(last..last + 1).collect(),
                ..Survey::default()
            },
            text,
            &[
                ("$states.inptu", "`$states` has no `inptu`", "did you mean `$states.input`?"),
                (
                    "$states.result",
                    "there is no `$states.result` here",
                    "`--states '{\"result\": ...}'` gives one, and `:states` at the prompt",
                ),
                (
                    "$",
                    "there is no input document that this could be read from",
                    "the state's input is `$states.input`",
                ),
            ],
        );
    }
}
