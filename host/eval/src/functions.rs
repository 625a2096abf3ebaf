//! Functions as they are called and what they do, for whoever looks for one.

use stepwell_query::{JsonataFunction, jsonata_functions};

/// A JSONata function by its name, without `$`.
pub(crate) fn find(name: &str) -> Option<&'static JsonataFunction> {
    jsonata_functions().iter().find(|function| function.name == name)
}

/// How a function is called: `$substring(str, start, length?)`.
pub(crate) fn call_of(function: &JsonataFunction) -> String {
    let optional = optional(&function.signature);
    let parameters = function.parameters.iter().enumerate().map(|(index, parameter)| {
        let mark = if optional.get(index) == Some(&true) { "?" } else { "" };
        format!("{parameter}{mark}")
    });
    format!("${}({})", function.name, parameters.collect::<Vec<_>>().join(", "))
}

/// A line about a function: its call, its signature, what it does.
pub(crate) fn line_of(function: &JsonataFunction) -> String {
    format!("{}  {}  {}", call_of(function), function.signature, function.summary)
}

/// Which parameters of a signature such as `<s-nn?:s>` may be left away: those with a `?`, and those that
/// are the value on the left when they are missing, `-`, are not among them.
fn optional(signature: &str) -> Vec<bool> {
    let mut optional = Vec::new();
    let mut depth = 0_usize;
    for character in signature.trim_start_matches('<').chars() {
        match character {
            ':' | '>' if depth == 0 => break,
            '<' | '(' => {
                // `(sf)` is a parameter of either type, `a<s>` goes on with the one before.
                if character == '(' && depth == 0 {
                    optional.push(false);
                }
                depth += 1;
            }
            '>' | ')' => depth = depth.saturating_sub(1),
            '?' if depth == 0 => {
                if let Some(last) = optional.last_mut() {
                    *last = true;
                }
            }
            '-' | '+' => {}
            _ if depth == 0 => optional.push(false),
            _ => {}
        }
    }
    optional
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is_called(name: &str, call: &str) {
        assert_eq!(call_of(find(name).unwrap()), call);
    }

    #[test]
    fn what_may_be_left_away_has_a_question_mark() {
        is_called("substring", "$substring(str, start, length?)");
        is_called("replace", "$replace(str, pattern, replacement, limit?)");
        is_called("sum", "$sum(array)");
        is_called("random", "$random(seed?)");
        is_called("uuid", "$uuid()");
        is_called("match", "$match(str, regex, limit?)");
        is_called("number", "$number(arg)");
        is_called("hash", "$hash(data, algorithm)");
    }

    #[test]
    fn a_line_tells_the_call_the_signature_and_the_purpose() {
        let line = line_of(find("range").unwrap());
        assert_eq!(
            line,
            "$range(first, last, step)  <nnn:x>  The numbers from the first to the last, in steps"
        );
    }
}
