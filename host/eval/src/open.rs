//! Whether a text goes on in the next line.

/// Whether a bracket or a comment of an expression is still open. Brackets in strings, in names between
/// backticks and in regular expressions do not count; a string that does not end is a mistake, and no
/// reason to wait for more. An empty line ends what is open, so that nobody is caught in it.
pub fn is_open(text: &str) -> bool {
    if text.rsplit_once('\n').is_some_and(|(_, last)| last.trim().is_empty()) {
        return false;
    }
    let mut brackets = Vec::new();
    let mut rest = text;
    // Whether something stands before that a `/` would divide.
    let mut after_value = false;
    while let Some(character) = rest.chars().next() {
        let following = &rest[character.len_utf8()..];
        rest = following;
        match character {
            '\'' | '"' | '`' => {
                let Some(end) = end_of(following, character) else { return false };
                rest = &following[end..];
                after_value = true;
            }
            '/' if following.starts_with('*') => match following[1..].find("*/") {
                Some(end) => rest = &following[end + 3..],
                None => return true,
            },
            '/' if !after_value => {
                if let Some(end) = end_of(following, '/') {
                    rest = &following[end..];
                    after_value = true;
                }
            }
            '(' | '[' | '{' => {
                brackets.push(closing_of(character));
                after_value = false;
            }
            ')' | ']' | '}' => {
                if brackets.pop() != Some(character) {
                    return false;
                }
                after_value = true;
            }
            blank if blank.is_whitespace() => {}
            other => after_value = other.is_alphanumeric() || matches!(other, '_' | '$'),
        }
    }
    !brackets.is_empty()
}

/// Where a text after an opening delimiter goes on after the closing one.
fn end_of(text: &str, delimiter: char) -> Option<usize> {
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '\\' if delimiter != '`' => _ = characters.next(),
            '\n' if delimiter == '/' => return None,
            _ if character == delimiter => return Some(index + character.len_utf8()),
            _ => {}
        }
    }
    None
}

fn closing_of(opening: char) -> char {
    match opening {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn open_brackets_and_comments_go_on() {
        for text in [
            "(",
            "{%",
            "$map([1,2], function($x) {",
            "{'a': 1,",
            "( /* ) */",
            "1 /* and",
            "('(' & \")\"",
            "$match($x, /\\)/",
            "[a / b, c",
            "`a)` ~> $f(",
            ":set x {",
        ] {
            assert!(is_open(text), "{text}");
        }
    }

    #[test]
    fn what_is_whole_or_wrong_does_not() {
        for text in [
            "",
            "1 + 1",
            "(1)",
            "'('",
            "\"it's (\"",
            "'it\\'s ('",
            "/* ( */",
            "$match($x, /(/)",
            "(]",
            ")(",
            "('never closed",
            "`(",
            "(\n",
            "(\n 1,\n  ",
            "a /(2) / b",
            "$.a[?(@.b == ')')]",
        ] {
            assert!(!is_open(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), quotes in "[/*'\"`\\\\(){}\\[\\]ü ]*") {
            _ = is_open(&text);
            _ = is_open(&quotes);
        }
    }
}
