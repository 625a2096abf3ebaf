//! What calls a function: its name, its ARN, a part of the ARN, each with a qualifier or without, or a
//! placeholder that a deployment would fill in.

/// The name of the function that a text refers to: the one in an ARN, without the qualifier. A text that
/// is a placeholder, or has one for the name, gives the placeholder: a function may be called so.
/// `None`: the text refers to no function.
pub fn function_name(text: &str) -> Option<&str> {
    let parts = parts(text);
    let name = match parts.as_slice() {
        [name] | [name, _] if !name.is_empty() && *name != "arn" => name,
        // In ARNs with parts left out, as articles print them, the function is what they end in.
        ["arn", _, "lambda", _, _, "function", name, ..]
        | ["arn", _, "lambda", .., name]
        | [_, "function", name]
        | [_, "function", name, _] => name,
        _ => return None,
    };
    let sound = !name.is_empty()
        && (name.contains("${")
            || name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)));
    sound.then_some(name)
}

/// What the colons separate that are not within a placeholder: `${AWS::Region}` is one part.
fn parts(text: &str) -> Vec<&str> {
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
