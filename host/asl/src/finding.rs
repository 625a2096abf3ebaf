//! Findings: what is wrong with a file, where, and how to mend it. Plain data; the command line renders
//! them.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::node::{Member, Node, NodeKind};
use crate::source::SourceFile;

/// Whether a finding stops the file from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used; something in it is probably not what its author meant.
    Warning,
}

/// One thing that is to be said about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Stable and documented in `docs/findings.md`, such as `ASL0108`.
    pub code: &'static str,
    /// Whether it stops the file from being used.
    pub severity: Severity,
    /// What is wrong: lower case, no final period, names in backticks.
    pub message: String,
    /// Where it stands as a JSON pointer into the file, such as `/States/Fetch/Next`; empty: the root.
    /// Into a definition that is written as a string it goes on as if that were an object.
    pub pointer: String,
    /// The file in which it stands; `None`: the workflow file itself.
    pub file: Option<Arc<SourceFile>>,
    /// Where it stands in the file's text, in bytes.
    pub span: Range<usize>,
    /// How to mend it.
    pub help: Option<String>,
    /// Other places that matter.
    pub related: Vec<Related>,
    /// What AWS says about the same, where that is known.
    pub aws: Option<Diagnostic>,
    /// Which part of a string it is about; `span` is the whole string's until the texts are at hand.
    pub(crate) part: Option<Part>,
}

/// Part of a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// The string's value.
    pub(crate) value: String,
    /// Which part, in bytes.
    pub(crate) range: Range<usize>,
}

/// Another place that matters for a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// The file; `None`: the workflow file itself.
    pub file: Option<Arc<SourceFile>>,
    /// Where in the file's text, in bytes.
    pub span: Range<usize>,
    /// What stands there.
    pub what: String,
}

/// What AWS says about a definition that it refuses, when a machine is created or a definition validated.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Diagnostic {
    /// Such as `SCHEMA_VALIDATION_FAILED`.
    pub code: Cow<'static, str>,
    /// In AWS's words.
    pub message: String,
    /// Where it stands within the definition, as AWS writes it: `/States/Fetch/Retry[0]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

/// As `CreateStateMachine` puts it.
impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = self.location.as_deref().unwrap_or("null");
        write!(formatter, "{}: {} at {location}", self.code, self.message)
    }
}

macro_rules! codes {
    ($($name:ident = $code:literal $summary:literal)*) => {
        $(#[doc = $summary] pub(crate) const $name: &str = $code;)*
        /// Every code with a line of explanation, in order. `docs/findings.md` has a section for each.
        pub const CODES: &[(&str, &str)] = &[$(($code, $summary)),*];
    };
}

codes! {
    SYNTAX = "ASL0001" "the text is neither YAML nor JSON"
    DUPLICATE_KEY = "ASL0002" "a key stands twice in one object"
    NO_WORKFLOW = "ASL0003" "the file holds no state machine"
    UNSUPPORTED_FORM = "ASL0004" "the file has a form that is not supported yet"
    UNRESOLVED = "ASL0005" "a variable or intrinsic of another tool is not resolved"
    REFERENCE = "ASL0006" "a file that is referred to cannot be read"
    MISSING_FIELD = "ASL0101" "a required field is missing"
    UNKNOWN_FIELD = "ASL0102" "a field is not known here"
    WRONG_TYPE = "ASL0103" "a field has a value of the wrong type"
    OUT_OF_RANGE = "ASL0104" "a value is not one of those allowed"
    EXCLUSIVE_FIELDS = "ASL0105" "fields exclude each other, or one of several is required"
    STATE_NAME = "ASL0106" "a state's name is not allowed"
    START_AT = "ASL0107" "`StartAt` names no state"
    TARGET = "ASL0108" "`Next` or `Default` names no state"
    NO_TERMINAL_STATE = "ASL0109" "no state ends the machine"
    UNREACHABLE = "ASL0110" "no transition leads to a state"
    STATE_TYPE = "ASL0111" "a state's type is not known"
    UNSUPPORTED = "ASL0112" "part of the language that is not supported yet"
    PATH = "ASL0201" "a path cannot be read"
    REFERENCE_PATH = "ASL0202" "a reference path cannot be read"
    TEMPLATE = "ASL0203" "a payload template is not well formed"
    INTRINSIC = "ASL0204" "a call of an intrinsic function cannot be read"
    VARIABLE = "ASL0205" "a variable cannot be assigned"
    ODD_PATH = "ASL0206" "a path means something else than it seems to"
    JSONATA = "ASL0207" "a JSONata expression cannot be read"
    STATES = "ASL0208" "`$states` has no such part here"
    NO_VALUE = "ASL0209" "a variable or function has no value where it is used"
    ON_AWS = "ASL0210" "an expression never succeeds, or not on AWS"
    CHOICE_RULE = "ASL0301" "a choice rule is not well formed"
    ERROR_EQUALS = "ASL0302" "`ErrorEquals` is not well formed"
    NO_EFFECT = "ASL0303" "a field has no effect here"
    RESOURCE = "ASL0401" "a resource is not one that can be run"
    TOKEN_UNTOLD = "ASL0402" "a Task waits for a token that nobody is told"
    FUNCTION_MISSING = "ASL0502" "a resource names a function that the file does not have"
    IDLE_SETTING = "ASL0503" "a function's setting has no effect here"
    GRANT = "ASL0504" "a grant is not well formed"
    COMPONENT = "ASL0505" "a function's component cannot be used"
}

/// Gathers findings while a file is read.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    pub(crate) fn error(
        &mut self,
        code: &'static str,
        place: &Place,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.push(Severity::Error, code, place, message.into())
    }

    pub(crate) fn warning(
        &mut self,
        code: &'static str,
        place: &Place,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.push(Severity::Warning, code, place, message.into())
    }

    /// How many there are so far.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Those that came after the first so many.
    pub(crate) fn since(&mut self, count: usize) -> &mut [Finding] {
        &mut self.0[count..]
    }

    /// Turns AWS's locations, pointers into the file up to now, into paths within the definition that has
    /// just been read.
    pub(crate) fn locate_since(&mut self, count: usize, definition: &Node, place: &Place) {
        let diagnostics = self.0[count..].iter_mut().filter_map(|finding| finding.aws.as_mut());
        for location in diagnostics.filter_map(|diagnostic| diagnostic.location.as_mut()) {
            if let Some(below) = location.strip_prefix(&place.pointer) {
                *location = aws_location(definition, below);
            }
        }
    }

    /// As they were found; [`crate::source::Sources::tell`] brings them into order.
    pub(crate) fn into_unsorted(self) -> Vec<Finding> {
        self.0
    }

    /// Adds help to findings that have none.
    pub(crate) fn help(&mut self, help: &str) {
        for finding in &mut self.0 {
            finding.help.get_or_insert_with(|| help.to_owned());
        }
    }

    pub(crate) fn has_error_at(&self, span: &Range<usize>) -> bool {
        self.0.iter().any(|found| found.severity == Severity::Error && found.span == *span)
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.0.iter().any(|finding| finding.severity == Severity::Error)
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    fn push(
        &mut self,
        severity: Severity,
        code: &'static str,
        place: &Place,
        message: String,
    ) -> &mut Finding {
        let (pointer, span) = (place.pointer.clone(), place.span.clone());
        self.0.push(Finding {
            code,
            severity,
            message,
            pointer,
            file: None,
            span,
            help: None,
            related: Vec::new(),
            aws: None,
            part: None,
        });
        self.0.last_mut().expect("a finding was pushed just now")
    }
}

impl Finding {
    /// A warning that another crate gives about a file, with its own code.
    pub fn remark(
        code: &'static str,
        message: String,
        pointer: String,
        span: Range<usize>,
        help: Option<String>,
    ) -> Self {
        let severity = Severity::Warning;
        let (file, related, aws, part) = (None, Vec::new(), None, None);
        Self { code, severity, message, pointer, file, span, help, related, aws, part }
    }

    /// Whether it says that a resource's function is missing or has no code.
    pub fn is_missing_function(&self) -> bool {
        self.code == FUNCTION_MISSING
    }

    /// AWS says so, at the finding's own place.
    pub(crate) fn aws(&mut self, message: impl Into<String>) -> &mut Self {
        let place = Place { pointer: self.pointer.clone(), span: 0..0 };
        self.aws_at("SCHEMA_VALIDATION_FAILED", message, Some(&place))
    }

    /// AWS says so at another place, or at none.
    pub(crate) fn aws_at(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        place: Option<&Place>,
    ) -> &mut Self {
        let location = place.map(|place| place.pointer.clone());
        self.aws = Some(Diagnostic { code: code.into(), message: message.into(), location });
        self
    }

    /// It is about part of the string that stands at its place, from one byte of its value to another.
    pub(crate) fn part(&mut self, value: &str, range: Range<usize>) -> &mut Self {
        if range.start > 0 || range.end < value.len() {
            self.part = Some(Part { value: value.to_owned(), range });
        }
        self
    }

    pub(crate) fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Adds `did you mean ...?` when one of the candidates is close.
    pub(crate) fn suggest<'c>(
        &mut self,
        wrong: &str,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> &mut Self {
        if let Some(close) = closest(wrong, candidates) {
            self.help = Some(format!("did you mean `{close}`?"));
        }
        self
    }

    pub(crate) fn related(&mut self, span: Range<usize>, what: impl Into<String>) -> &mut Self {
        self.related.push(Related { file: None, span, what: what.into() });
        self
    }
}

/// Where something stands, both ways.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    pub(crate) pointer: String,
    pub(crate) span: Range<usize>,
}

impl Place {
    /// The place of a member or item below this one.
    pub(crate) fn below(&self, name: &str, span: &Range<usize>) -> Self {
        let escaped = name.replace('~', "~0").replace('/', "~1");
        Self { pointer: format!("{}/{escaped}", self.pointer), span: span.clone() }
    }

    /// The place of a member's value, which is the name's when the value has no extent.
    pub(crate) fn of_member(&self, member: &Member) -> Self {
        let span = if member.node.span.is_empty() { &member.name_span } else { &member.node.span };
        self.below(&member.name, span)
    }

    /// The member's name, if this is the place of one: not the root, nor an item of an array.
    pub(crate) fn name(&self) -> Option<String> {
        let (_, escaped) = self.pointer.rsplit_once('/')?;
        let is_item = escaped.bytes().all(|byte| byte.is_ascii_digit());
        (!is_item).then(|| escaped.replace("~1", "/").replace("~0", "~"))
    }
}

/// A JSON pointer into a definition as AWS writes it.
fn aws_location(definition: &Node, pointer: &str) -> String {
    let (mut location, mut node) = (String::new(), Some(definition));
    for token in pointer.split('/').skip(1) {
        let name = token.replace("~1", "/").replace("~0", "~");
        let array = match node.map(|node| &node.kind) {
            Some(NodeKind::Array(items)) => Some(items),
            _ => None,
        };
        let (before, after) = if array.is_some() { ("[", "]") } else { ("/", "") };
        location.extend([before, &name, after]);
        node = match array {
            Some(items) => name.parse().ok().and_then(|index: usize| items.get(index)),
            None => node.and_then(|node| node.get(&name)).map(|member| &member.node),
        };
    }
    if location.is_empty() { "/".to_owned() } else { location }
}

/// The candidate that a slip of the pen could have turned into `wrong`.
pub(crate) fn closest<'c>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    /// Below this a suggestion is a guess. Jaro-Winkler similarity, 0 to 1.
    const SIMILARITY_MIN: f64 = 0.85;
    let lower = wrong.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}
