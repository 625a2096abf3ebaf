//! Lists of cases that may differ from what was recorded, each with how it differs and why.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use libtest_mimic::Failed;
use stepwell_asl::Finding;

/// A list beside the tests: `name: how: why` in each line; lines that begin with `#` are for the reader.
/// `how` is what the test calls the difference: a level of agreement, codes of findings.
#[derive(Debug, Clone)]
pub struct Exceptions {
    file: &'static str,
    lines: BTreeMap<String, Exception>,
}

#[derive(Debug, Clone)]
struct Exception {
    how: String,
    why: String,
}

/// What is different about a case.
#[derive(Debug)]
pub struct Difference {
    /// In the few words of a line in the list.
    pub how: String,
    /// All that there is to say.
    pub what: String,
}

/// Reads a list.
pub fn read(file: &'static str) -> Exceptions {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = fs::read_to_string(&path).expect("the list of exceptions can be read");
    let mut lines = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut parts = line.splitn(3, ": ");
        let (Some(name), Some(how), Some(why)) = (parts.next(), parts.next(), parts.next()) else {
            panic!("{file}: a line is `name: how: why`, not `{line}`");
        };
        let exception = Exception { how: how.to_owned(), why: why.to_owned() };
        let before = lines.insert(name.to_owned(), exception);
        assert!(before.is_none(), "{file}: {name} has two lines");
    }
    Exceptions { file, lines }
}

impl Exceptions {
    /// The names in the list.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.lines.keys().map(String::as_str)
    }

    /// Whether a case has come out as it should: it agrees and has no line, or differs as its line says.
    pub fn judge(&self, name: &str, result: Result<(), Difference>) -> Result<(), Failed> {
        let file = self.file;
        let Err(Difference { how, what }) = result else {
            return match self.lines.get(name) {
                None => Ok(()),
                Some(Exception { why, .. }) => {
                    Err(Failed::from(format!("it agrees, so it needs no line in {file}: {why}")))
                }
            };
        };
        match self.lines.get(name) {
            Some(exception) if exception.how == how => Ok(()),
            Some(exception) => Err(Failed::from(format!(
                "it may differ by `{}` ({file}), and differs by `{how}`: {what}",
                exception.how
            ))),
            None => Err(Failed::from(format!("it differs by `{how}`: {what}"))),
        }
    }
}

/// How a verdict differs: the codes that a file is refused with, or `taken`.
pub fn codes<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> String {
    let codes: BTreeSet<&str> = findings.into_iter().map(|finding| finding.code).collect();
    if codes.is_empty() {
        return "taken".to_owned();
    }
    codes.into_iter().collect::<Vec<_>>().join(" ")
}
