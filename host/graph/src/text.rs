//! How wide a text is when nobody knows the font, and where it is broken.

/// Two of these stand for letters that no list holds one by one.
const NARROW: &str = "iljtfrI.,:;'!|()[]{}`\" ·-";
const WIDE: &str = "mwMWG@%&OQ—…×≤≥≠";

/// The width of a text in a sans-serif font, a little more rather than less.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(advance).sum::<f64>() * size
}

/// In widths of the font's size.
fn advance(character: char) -> f64 {
    match character {
        // Marks that stand on the letter before them, joiners and selectors.
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' => 0.0,
        // East Asian letters and pictures.
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{1f000}'..='\u{3ffff}' => 1.05,
        _ if NARROW.contains(character) => 0.38,
        _ if WIDE.contains(character) => 0.95,
        _ if character.is_uppercase() => 0.72,
        _ if character.is_ascii() => 0.58,
        _ => 0.7,
    }
}

/// Breaks a text into lines no wider than this; what does not fit into the last one is cut.
pub(crate) fn wrap(text: &str, size: f64, width_max: f64, lines_max: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let fits = fitting(rest, size, width_max);
        if fits == rest.len() {
            lines.push(rest.to_owned());
            break;
        }
        if lines.len() + 1 == lines_max {
            let cut = fitting(rest, size, width_max - width("…", size));
            lines.push(format!("{}…", rest[..cut].trim_end()));
            break;
        }
        let at = break_before(rest, fits);
        lines.push(rest[..at].trim_end().to_owned());
        rest = rest[at..].trim_start();
    }
    lines
}

/// How many bytes from the beginning fit; at least one character.
fn fitting(text: &str, size: f64, width_max: f64) -> usize {
    let mut used = 0.0;
    for (index, character) in text.char_indices() {
        used += advance(character) * size;
        if used > width_max && index > 0 {
            return index;
        }
    }
    text.len()
}

/// Where a line is best broken that may have so many bytes: after a blank, after a sign that joins words,
/// before a capital, or where it must.
fn break_before(text: &str, fits: usize) -> usize {
    let characters: Vec<(usize, char)> = text.char_indices().collect();
    let places = || {
        characters
            .windows(2)
            .map(|pair| (pair[1].0, pair[0].1, pair[1].1))
            .take_while(|(at, _, _)| *at <= fits)
    };
    let last = |is: fn(char, char) -> bool| {
        places().filter(|(_, before, after)| is(*before, *after)).map(|(at, _, _)| at).last()
    };
    last(|before, after| before == ' ' || after == ' ')
        .or_else(|| last(|before, _| "-_./:,".contains(before)))
        .or_else(|| last(|before, after| before.is_lowercase() && after.is_uppercase()))
        .unwrap_or(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_where_there_are_any() {
        let wrapped = |text, width| wrap(text, 10.0, width, 3);
        assert_eq!(wrapped("Persist or continue", 70.0), ["Persist or", "continue"]);
        assert_eq!(wrapped("PersistOrContinue", 70.0), ["PersistOr", "Continue"]);
        assert_eq!(wrapped("persist_or_continue", 70.0), ["persist_or_", "continue"]);
        assert_eq!(wrapped("short", 70.0), ["short"]);
        assert_eq!(wrapped("", 70.0), [""; 0]);
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let lines = wrap(&"名".repeat(80), 10.0, 60.0, 2);
        assert_eq!(lines.len(), 2);
        assert!(lines[1].ends_with('…') && lines.iter().all(|line| width(line, 10.0) <= 60.0));
        assert_eq!(wrap("abc", 10.0, 0.0, 5), ["a", "b", "c"]);
    }
}
