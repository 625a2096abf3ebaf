//! How and when the source fails.

use std::{error::Error, fmt, str::FromStr};

/// A failure: what goes wrong, and for which requests.
///
/// Written `FAULT@WHEN`, such as `status:500@first:2`, `half-body@every:10`, `hang@offset:50`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// What goes wrong.
    pub fault: Fault,
    /// For which requests.
    pub when: When,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `status:N`: an answer of this status, with a short text.
    Status(u16),
    /// `half-body`: the page is declared whole, and the connection ends in its middle.
    HalfBody,
    /// `not-json`: status 200 and a page of HTML.
    NotJson,
    /// `hang`: the connection stays open and nothing comes.
    Hang,
    /// `drop`: the connection ends before anything comes.
    Drop,
}

/// For which requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// `always`.
    Always,
    /// `first:K`: the first `K` requests of each offset.
    First(u64),
    /// `every:N`: the `N`th request of all, the `2N`th, and so on; never if `N` is 0.
    Every(u64),
    /// `offset:N`: each request of this offset.
    Offset(u64),
}

impl When {
    /// `number` counts all requests from 1, `attempt` those of this offset.
    pub(crate) fn applies(self, number: u64, offset: u64, attempt: u64) -> bool {
        match self {
            Self::Always => true,
            Self::First(count) => attempt <= count,
            Self::Every(step) => step != 0 && number.is_multiple_of(step),
            Self::Offset(failing) => offset == failing,
        }
    }
}

/// A text that is no `FAULT@WHEN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidFailure {
    text: String,
}

impl fmt::Display for InvalidFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "`{}` is not FAULT@WHEN; FAULT is one of `status:N`, `half-body`, `not-json`, `hang`, `drop`, \
             and WHEN is one of `always`, `first:K`, `every:N`, `offset:N`",
            self.text
        )
    }
}

impl Error for InvalidFailure {}

impl FromStr for Failure {
    type Err = InvalidFailure;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_once('@')
            .and_then(|(fault, when)| {
                Some(Self { fault: parse_fault(fault)?, when: parse_when(when)? })
            })
            .ok_or_else(|| InvalidFailure { text: text.to_owned() })
    }
}

fn parse_fault(text: &str) -> Option<Fault> {
    match text.split_once(':') {
        None if text == "half-body" => Some(Fault::HalfBody),
        None if text == "not-json" => Some(Fault::NotJson),
        None if text == "hang" => Some(Fault::Hang),
        None if text == "drop" => Some(Fault::Drop),
        Some(("status", status)) => {
            status.parse().ok().filter(|status| (200..=999).contains(status)).map(Fault::Status)
        }
        _ => None,
    }
}

fn parse_when(text: &str) -> Option<When> {
    match text.split_once(':') {
        None if text == "always" => Some(When::Always),
        Some(("first", count)) => count.parse().ok().map(When::First),
        Some(("every", step)) => step.parse().ok().map(When::Every),
        Some(("offset", offset)) => offset.parse().ok().map(When::Offset),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_written_as_fault_at_when() {
        for (text, fault, when) in [
            ("status:503@always", Fault::Status(503), When::Always),
            ("half-body@first:2", Fault::HalfBody, When::First(2)),
            ("not-json@every:10", Fault::NotJson, When::Every(10)),
            ("hang@offset:50", Fault::Hang, When::Offset(50)),
            ("drop@first:1", Fault::Drop, When::First(1)),
        ] {
            assert_eq!(text.parse(), Ok(Failure { fault, when }));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "hang", "hang@", "status@always", "status:99@always", "drop@first", "a@b:1"]
        {
            let error = text.parse::<Failure>().unwrap_err();
            assert!(error.to_string().contains("FAULT@WHEN"), "{text}");
        }
    }

    #[test]
    fn a_failure_applies_when_it_says() {
        let applies = |when: When| {
            [(1, 0, 1), (2, 0, 2), (3, 25, 1), (4, 50, 1)]
                .map(|(number, offset, attempt)| when.applies(number, offset, attempt))
        };
        assert_eq!(applies(When::Always), [true, true, true, true]);
        assert_eq!(applies(When::First(1)), [true, false, true, true]);
        assert_eq!(applies(When::Every(2)), [false, true, false, true]);
        assert_eq!(applies(When::Every(0)), [false, false, false, false]);
        assert_eq!(applies(When::Offset(25)), [false, false, true, false]);
    }
}
