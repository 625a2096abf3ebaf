//! Timestamps as the language takes them: RFC 3339 with a capital `T` and a zone (`facts/asl.md` 4, 5).

use jiff::Timestamp;

/// Reads a timestamp; `None` for everything that AWS does not take for one, such as a blank instead of
/// `T`, a missing zone or a zone's name.
pub fn parse_timestamp(text: &str) -> Option<Timestamp> {
    if !has_form(text.as_bytes()) {
        return None;
    }
    text.parse().ok().or_else(|| beyond(text))
}

/// The last instants of year 9999, which people write for "never", lie beyond what [`Timestamp`] holds:
/// all of them are its last one.
fn beyond(text: &str) -> Option<Timestamp> {
    const DATE_CHARACTERS: usize = 10;
    let date = &text[..DATE_CHARACTERS];
    let time = &text[DATE_CHARACTERS + 1..][..8];
    let exists =
        date.parse::<jiff::civil::Date>().is_ok() && time.parse::<jiff::civil::Time>().is_ok();
    (exists && date >= "9999-12-30").then_some(Timestamp::MAX)
}

/// A timestamp as AWS writes it in the context object: UTC, milliseconds, no more digits than needed.
pub fn format_timestamp(timestamp: Timestamp) -> String {
    let millisecond = Timestamp::from_millisecond(timestamp.as_millisecond())
        .expect("a timestamp cut to milliseconds is within the range of timestamps");
    millisecond.to_string()
}

/// `YYYY-MM-DDThh:mm:ss`, a fraction of up to nine digits if any, then `Z` or `+hh:mm` or `-hh:mm`.
fn has_form(bytes: &[u8]) -> bool {
    const DATE_AND_TIME: &[u8] = b"0000-00-00T00:00:00";
    let Some((head, rest)) = bytes.split_at_checked(DATE_AND_TIME.len()) else { return false };
    let rest = match rest.split_first() {
        Some((b'.', fraction)) => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=9).contains(&digits) {
                return false;
            }
            &fraction[digits..]
        }
        _ => rest,
    };
    let zone = match rest.split_first() {
        Some((b'Z', [])) => true,
        Some((b'+' | b'-', offset)) => fits(offset, b"00:00"),
        _ => false,
    };
    zone && fits(head, DATE_AND_TIME)
}

/// Whether a text has digits where the pattern has `0`, and the pattern's own characters elsewhere.
fn fits(text: &[u8], pattern: &[u8]) -> bool {
    text.len() == pattern.len()
        && text.iter().zip(pattern).all(|(byte, expected)| match expected {
            b'0' => byte.is_ascii_digit(),
            _ => byte == expected,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_that_aws_takes() {
        for text in [
            "2016-03-14T01:59:00Z",
            "2016-03-14T01:59:00.123456789Z",
            "2016-03-14T01:59:00+00:00",
            "2016-03-14T01:59:00.5-07:30",
        ] {
            assert!(parse_timestamp(text).is_some(), "{text}");
        }
    }

    #[test]
    fn never_is_a_time() {
        let never = parse_timestamp("9999-12-31T23:59:59Z").unwrap();
        assert!(never > parse_timestamp("9999-12-30T00:00:00Z").unwrap());
        assert_eq!(parse_timestamp("9999-12-32T00:00:00Z"), None);
        assert_eq!(parse_timestamp("9999-12-31T24:00:00Z"), None);
    }

    #[test]
    fn the_forms_that_aws_refuses() {
        for text in [
            "",
            "2016-03-14",
            "2016-03-14T01:59:00",
            "2016-03-14 01:59:00Z",
            "2016-03-14t01:59:00Z",
            "2016-03-14T01:59:00z",
            "2016-03-14T01:59Z",
            "2016-03-14T01:59:00.Z",
            "2016-13-14T01:59:00Z",
            "2016-03-14T01:59:00+0000",
            "2016-03-14T01:59:00[Europe/Berlin]",
            "2016-03-14T01:59:00ZZ",
            "é016-03-14T01:59:00Z",
        ] {
            assert!(parse_timestamp(text).is_none(), "{text}");
        }
    }

    #[test]
    fn trailing_zeros_are_not_written() {
        let written = |text| format_timestamp(parse_timestamp(text).unwrap());
        assert_eq!(written("2026-01-01T00:00:00.120456Z"), "2026-01-01T00:00:00.12Z");
        assert_eq!(written("2026-01-01T01:00:00.000+01:00"), "2026-01-01T00:00:00Z");
    }
}
