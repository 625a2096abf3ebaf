//! Places within strings: where a character of a string's value stands in the text that spells it, whatever the
//! style, plain, quoted, literal or folded.

use std::ops::Range;

/// Where a range of a value stands in the text that spells it, in bytes; `None` if the text does not spell that
/// value. An empty range is the character at its place, or the last one.
pub(crate) fn locate(written: &str, value: &str, range: &Range<usize>) -> Option<Range<usize>> {
    let starts = starts(written, value)?;
    let start = value.floor_char_boundary(range.start.min(value.len()));
    let start = match value[start..].chars().next() {
        Some(_) => start,
        None => value.char_indices().next_back().map_or(0, |(last, _)| last),
    };
    let last = value[..value.floor_char_boundary(range.end.min(value.len()))].char_indices();
    let last = last.map(|(last, _)| last).next_back().unwrap_or(start).max(start);
    let place = |offset: usize| starts.iter().find(|(value, _)| *value == offset);
    let (_, start) = place(start)?;
    let (_, last) = place(last)?;
    Some(start.start..last.end.max(start.end))
}

/// Each character of the value with its place in the text. Runs of white space are paired as a whole: between
/// lines, indentation goes and line breaks become blanks.
fn starts(written: &str, value: &str) -> Option<Vec<(usize, Range<usize>)>> {
    let quote = written.chars().next().filter(|first| {
        matches!(first, '"' | '\'') && written.len() >= 2 && written.ends_with(*first)
    });
    let (mut at, end) = match quote {
        Some(_) => (1, written.len() - 1),
        None => (0, written.len()),
    };
    let mut places = Vec::with_capacity(value.len());
    let mut values = value.char_indices().peekable();
    while let Some((offset, wanted)) = values.next() {
        let (raw, length) = spelt(&written[at..end], quote);
        if raw.is_some_and(char::is_whitespace) && !wanted.is_whitespace() {
            // Blanks that the value has not: the end of a line, or an indentation.
            at += blanks(&written[at..end]);
            let (raw, length) = spelt(&written[at..end], quote);
            if raw != Some(wanted) {
                return None;
            }
            places.push((offset, at..at + length));
            at += length;
            continue;
        }
        if wanted.is_whitespace() && written[at..end].starts_with(char::is_whitespace) {
            let run = blanks(&written[at..end]);
            places.push((offset, at..at + 1));
            let mut next = at + 1;
            while let Some((offset, _)) = values.next_if(|(_, next)| next.is_whitespace()) {
                places.push((offset, next.min(at + run - 1)..(next + 1).min(at + run)));
                next += 1;
            }
            at += run;
            continue;
        }
        match raw {
            Some(raw) if raw == wanted => places.push((offset, at..at + length)),
            // The value ends in a line break that the text leaves to its style.
            None if wanted.is_whitespace() => places.push((offset, end..end)),
            _ => return None,
        }
        at += length;
    }
    Some(places)
}

fn blanks(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// The character that the text begins with, and in how many bytes it is spelt.
fn spelt(text: &str, quote: Option<char>) -> (Option<char>, usize) {
    let Some(first) = text.chars().next() else { return (None, 0) };
    match (quote, first) {
        (Some('\''), '\'') => (Some('\''), 2),
        (Some('"'), '\\') => escaped(text),
        _ => (Some(first), first.len_utf8()),
    }
}

fn escaped(text: &str) -> (Option<char>, usize) {
    let hex = |digits: usize| {
        let code = text.get(2..2 + digits).and_then(|code| u32::from_str_radix(code, 16).ok());
        (code, 2 + digits)
    };
    let (code, length) = match text.chars().nth(1) {
        Some('n') => return (Some('\n'), 2),
        Some('t') => return (Some('\t'), 2),
        Some('r') => return (Some('\r'), 2),
        Some('b') => return (Some('\u{8}'), 2),
        Some('f') => return (Some('\u{c}'), 2),
        Some('0') => return (Some('\0'), 2),
        Some('x') => hex(2),
        Some('u') => hex(4),
        Some('U') => hex(8),
        Some(other) => return (Some(other), 1 + other.len_utf8()),
        None => return (Some('\\'), 1),
    };
    // The first half of a pair in JSON: the second follows.
    if let Some(high @ 0xD800..=0xDBFF) = code
        && let Some(low) = text.get(8..12).and_then(|low| u32::from_str_radix(low, 16).ok())
    {
        let whole = 0x1_0000 + ((high - 0xD800) << 10) + low.wrapping_sub(0xDC00);
        return (char::from_u32(whole), 12);
    }
    (code.and_then(char::from_u32), length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What stands in the text where `part` stands in the value.
    fn found<'w>(written: &'w str, value: &str, part: &str) -> &'w str {
        let start = value.find(part).unwrap();
        &written[locate(written, value, &(start..start + part.len())).unwrap()]
    }

    #[test]
    fn every_style_is_followed() {
        assert_eq!(found("$.a.b", "$.a.b", "b"), "b");
        assert_eq!(found(r#""a\n\"é\" b""#, "a\n\"é\" b", "é"), "é");
        assert_eq!(found(r#""a\u00e9\ud83d\ude00b""#, "aé😀b", "😀"), r"\ud83d\ude00");
        assert_eq!(found("'it''s a'", "it's a", "s a"), "s a");
        assert_eq!(
            found("{%\n      $x +\n        $y\n    %}", "{%\n  $x +\n    $y\n%}", "$y"),
            "$y"
        );
        assert_eq!(found("{% $a\r\n  + $b %}\r\n", "{% $a + $b %}\n", "$b"), "$b");
        assert_eq!(found("\"one\n   two\"", "one two", "two"), "two");
    }

    #[test]
    fn an_empty_range_is_a_character() {
        assert_eq!(locate("'ab'", "ab", &(1..1)), Some(2..3));
        assert_eq!(locate("'ab'", "ab", &(2..2)), Some(2..3));
        assert_eq!(locate("''", "", &(0..0)), None);
    }

    #[test]
    fn a_text_that_spells_another_value_gives_nothing() {
        assert_eq!(locate("abc", "abd", &(0..1)), None);
        assert_eq!(locate("", "a", &(0..1)), None);
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(written in r#"["'a\\nux0é \r\n{%}]{0,20}"#, value in r#"["'a\né {%}]{0,12}"#) {
            if let Some(range) = locate(&written, &value, &(0..value.len())) {
                prop_assert!(written.is_char_boundary(range.start) && written.is_char_boundary(range.end));
            }
        }
    }
}
