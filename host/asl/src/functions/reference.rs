//! What calls a function: its name, its ARN, a part of the ARN, each with a qualifier or without, or a
//! placeholder that a deployment would fill in.

/// The name of the function that a text refers to: the one in an ARN, without the qualifier. A text that
/// is a placeholder, or has one for the name, gives the placeholder: a function may be called so.
/// `None`: the text refers to no function.
pub fn function_name(text: &str) -> Option<&str> {
    let parts = parts(text);
    let (name, checked) = match parts.as_slice() {
        ["arn", _, "lambda", _, _, "function", name, ..]
        // In ARNs with parts left out, as articles print them, the function is what they end in.
        | ["arn", _, "lambda", .., name] => (*name, false),
        ["arn", ..] => return None,
        [_, "function", name, ..] | [name] | [name, _] => (*name, true),
        _ => return None,
    };
    (!name.is_empty() && (!checked || is_sound(name))).then_some(name)
}

/// Whether it has, outside of placeholders, only what a function's name may have.
fn is_sound(name: &str) -> bool {
    let mut rest = name;
    while let Some(at) = rest.find("${") {
        let Some(length) = rest[at..].find('}') else { return false };
        if !is_plain(&rest[..at]) {
            return false;
        }
        rest = &rest[at + length + 1..];
    }
    is_plain(rest)
}

fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

/// What the colons separate that are not within a placeholder: `${AWS::Region}` is one part.
pub(crate) fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}
