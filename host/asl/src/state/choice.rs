//! Choice: picks the next state by the first rule that holds (`facts/asl.md` 4).

use jiff::Timestamp;
use serde_json::Number;
use stepwell_query::{Query, Template};

use super::assign::{self, Assign};
use super::jsonata::{self, Computed, Site, Written};
use super::{InputOutput, input_output, optional, output};
use crate::definition::StateId;
use crate::fields::{Field, Fields};
use crate::finding::{CHOICE_RULE, Findings, OUT_OF_RANGE, UNKNOWN_FIELD};
use crate::machine::{Leads, QueryLanguage};
use crate::node::NodeKind;
use crate::path;

/// How deeply `And`, `Or` and `Not` may nest, so that no file can exhaust the stack.
const NESTING_MAX: usize = 64;

/// A Choice state's fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// `InputPath` and `OutputPath`.
    pub io: InputOutput,
    /// `Choices`, in order.
    pub rules: Vec<Rule>,
    /// Where it goes when no rule holds.
    pub default: Option<StateId>,
    /// JSONata: what goes on when no rule holds; the input without it.
    pub output: Option<Template>,
    /// What is assigned when no rule holds.
    pub assign: Assign,
}

/// One of `Choices`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// When it holds.
    pub condition: Condition,
    /// Where it leads.
    pub next: StateId,
    /// JSONata: what goes on when it holds; the input without it.
    pub output: Option<Template>,
    /// What is assigned when it holds.
    pub assign: Assign,
}

/// A Boolean expression or a data test.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Holds when all do; looked at from left to right, no further than needed.
    And(Vec<Self>),
    /// Holds when one does; looked at from left to right, no further than needed.
    Or(Vec<Self>),
    /// Holds when the other does not.
    Not(Box<Self>),
    /// Compares a value.
    Compare(Comparison),
    /// JSONata: holds or does not.
    Constant(bool),
    /// JSONata: holds when the expression is true.
    Computed(Computed),
}

/// A data test: a value and what is asked of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// `Variable`.
    pub variable: Query,
    /// The operator's name as written, such as `NumericLessThanPath`.
    pub operator: String,
    /// What is asked.
    pub test: Test,
}

/// What a data test asks of a value. A value of another type does not pass; that is no error.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    missing_docs,
    reason = "each variant is the operator, or family of operators, of that name"
)]
pub enum Test {
    IsNull(bool),
    IsPresent(bool),
    IsNumeric(bool),
    IsString(bool),
    IsBoolean(bool),
    IsTimestamp(bool),
    String(Ordering, Operand<String>),
    StringMatches(String),
    Numeric(Ordering, Operand<Number>),
    Boolean(Operand<bool>),
    Timestamp(Ordering, Operand<Timestamp>),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant ends the names of the operators that compare so")]
pub enum Ordering {
    Equals,
    LessThan,
    GreaterThan,
    LessThanEquals,
    GreaterThanEquals,
}

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand<T> {
    /// A value in the file.
    Literal(T),
    /// A value that a path finds: the operators that end in `Path`.
    Path(Query),
}

pub(super) fn read(
    fields: &mut Fields<'_>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Choice> {
    let io = input_output(fields, leads.language, findings);
    let output = output(fields, Site::Plain, leads, findings);
    let items = fields.require("Choices", findings).and_then(|field| field.items(findings));
    let rules = items.and_then(|items| {
        let read = |(index, item): (usize, &Field<'_>)| match leads.language {
            QueryLanguage::JsonPath => read_rule(item, leads, findings),
            QueryLanguage::Jsonata => {
                leads.within = format!("Choices[{index}]/");
                let rule = compute_rule(item, leads, findings);
                leads.within.clear();
                rule
            }
        };
        let rules: Vec<_> = items.iter().enumerate().map(read).collect();
        rules.into_iter().collect::<Option<Vec<_>>>()
    });
    let default = fields.take("Default").map(|field| leads.lead(&field, findings));
    for name in ["Next", "End"] {
        if let Some(field) = fields.take(name) {
            findings
                .error(
                    CHOICE_RULE,
                    &field.place,
                    format!("a state of type `Choice` has no `{name}`"),
                )
                .help("use `Default` for when no rule holds")
                .aws_at(
                    "SCHEMA_VALIDATION_FAILED",
                    format!("Field '{name}' is not supported"),
                    Some(&fields.place),
                );
        }
    }
    let assign = assign::read(fields, Site::Plain, leads, findings);
    Some(Choice {
        io: io?,
        rules: rules?,
        default: optional(default)?,
        output: output?,
        assign: assign?,
    })
}

fn read_rule(field: &Field<'_>, leads: &mut Leads<'_>, findings: &mut Findings) -> Option<Rule> {
    let mut fields = Fields::of(field.node, &field.place, findings)?;
    fields.pass_over(&["Comment"]);
    for name in ["Output", "Condition"] {
        if fields.has(name) {
            let field = fields.take(name).expect("it is there");
            let message = format!(
                "`{name}` belongs to the query language JSONata, and this state's is JSONPath"
            );
            findings.error(UNKNOWN_FIELD, &field.place, message);
        }
    }
    let next = fields.require("Next", findings).map(|field| leads.lead(&field, findings));
    if fields.has("Condition") {
        return None;
    }
    let assign = assign::read(&mut fields, Site::Plain, leads, findings);
    let condition = read_condition(&mut fields, 0, findings);
    finish(fields, "a choice rule", condition.is_some(), findings);
    Some(Rule { condition: condition?, next: next??, output: None, assign: assign? })
}

/// A rule in JSONata: `Condition`, and an `Output` of its own.
fn compute_rule(field: &Field<'_>, leads: &mut Leads<'_>, findings: &mut Findings) -> Option<Rule> {
    let mut fields = Fields::of(field.node, &field.place, findings)?;
    fields.pass_over(&["Comment"]);
    let next = fields.require("Next", findings).map(|field| leads.lead(&field, findings));
    let output = output(&mut fields, Site::Plain, leads, findings);
    let assign = assign::read(&mut fields, Site::Plain, leads, findings);
    let mut of_json_path = false;
    for name in ["Variable", "And", "Or", "Not"] {
        if !fields.has(name) {
            continue;
        }
        of_json_path = true;
        let field = fields.take(name).expect("it is there");
        let message =
            format!("`{name}` belongs to the query language JSONPath, and this state's is JSONata");
        findings.error(UNKNOWN_FIELD, &field.place, message).help("use `Condition`");
    }
    if of_json_path {
        // Operators go with `Variable`: that it does not belong here has been said.
        return None;
    }
    let field = fields.require("Condition", findings);
    fields.finish_in_doubt("a choice rule", findings);
    let field = field?;
    let condition = match jsonata::computed(&field, leads, findings) {
        Written::Computed(computed) => Condition::Computed(computed),
        Written::Broken => return None,
        Written::Plain => {
            if let NodeKind::Bool(holds) = field.node.kind {
                Condition::Constant(holds)
            } else {
                let message = "`Condition` must be true, false or an expression";
                findings.error(CHOICE_RULE, &field.place, message);
                return None;
            }
        }
    };
    Some(Rule { condition, next: next??, output: output?, assign: assign? })
}

fn read_condition(
    fields: &mut Fields<'_>,
    depth: usize,
    findings: &mut Findings,
) -> Option<Condition> {
    if depth > NESTING_MAX {
        let message = format!("conditions nest more than {NESTING_MAX} levels deep");
        findings.error(CHOICE_RULE, &fields.place, message);
        fields.take_all();
        return None;
    }
    fields.at_most_one(&["And", "Or", "Not", "Variable"], findings);
    if let Some(field) = fields.take("And") {
        return read_conditions(&field, depth, findings).map(Condition::And);
    }
    if let Some(field) = fields.take("Or") {
        return read_conditions(&field, depth, findings).map(Condition::Or);
    }
    if let Some(field) = fields.take("Not") {
        let inner = read_nested(&field, depth, findings)?;
        return Some(Condition::Not(Box::new(inner)));
    }
    let variable = fields.take("Variable");
    let test = read_test(fields, variable.is_some(), findings);
    let Some(variable) = variable else {
        findings
            .error(
                CHOICE_RULE,
                &fields.place,
                "a rule needs `Variable` with an operator, or `And`, `Or`, `Not`",
            )
            .help("add `Variable: $.path` to say which value is compared");
        return None;
    };
    let variable = path::query(&variable, findings);
    let (operator, test) = test?;
    Some(Condition::Compare(Comparison {
        variable: variable?,
        operator: operator.to_owned(),
        test,
    }))
}

fn read_conditions(
    field: &Field<'_>,
    depth: usize,
    findings: &mut Findings,
) -> Option<Vec<Condition>> {
    let conditions: Vec<_> =
        field.items(findings)?.iter().map(|item| read_nested(item, depth, findings)).collect();
    conditions.into_iter().collect()
}

fn read_nested(field: &Field<'_>, depth: usize, findings: &mut Findings) -> Option<Condition> {
    let mut fields = Fields::of(field.node, &field.place, findings)?;
    fields.pass_over(&["Comment"]);
    if let Some(next) = fields.take("Next") {
        findings
            .error(CHOICE_RULE, &next.place, "a condition within a rule has no `Next`")
            .help("put `Next` beside `And`, `Or` or `Not` at the top of the rule");
    }
    let condition = read_condition(&mut fields, depth + 1, findings);
    finish(fields, "a condition", condition.is_some(), findings);
    condition
}

/// A field that is not known may be the operator, misspelt: then nothing else is said about it.
fn finish(fields: Fields<'_>, what: &str, sound: bool, findings: &mut Findings) {
    if sound {
        fields.finish_in_doubt(what, findings);
    } else {
        fields.finish(what, findings);
    }
}

/// An operator's family, and what its name ends in.
#[derive(Clone, Copy)]
enum Family {
    Is(fn(bool) -> Test),
    Compare(&'static str, Ordering, bool),
    Matches,
}

macro_rules! compared {
    ($family:literal) => {
        [
            (concat!($family, "Equals"), Family::Compare($family, Ordering::Equals, false)),
            (concat!($family, "EqualsPath"), Family::Compare($family, Ordering::Equals, true)),
            (concat!($family, "LessThan"), Family::Compare($family, Ordering::LessThan, false)),
            (concat!($family, "LessThanPath"), Family::Compare($family, Ordering::LessThan, true)),
            (
                concat!($family, "GreaterThan"),
                Family::Compare($family, Ordering::GreaterThan, false),
            ),
            (
                concat!($family, "GreaterThanPath"),
                Family::Compare($family, Ordering::GreaterThan, true),
            ),
            (
                concat!($family, "LessThanEquals"),
                Family::Compare($family, Ordering::LessThanEquals, false),
            ),
            (
                concat!($family, "LessThanEqualsPath"),
                Family::Compare($family, Ordering::LessThanEquals, true),
            ),
            (
                concat!($family, "GreaterThanEquals"),
                Family::Compare($family, Ordering::GreaterThanEquals, false),
            ),
            (
                concat!($family, "GreaterThanEqualsPath"),
                Family::Compare($family, Ordering::GreaterThanEquals, true),
            ),
        ]
    };
}

const COMPARED: [[(&str, Family); 10]; 3] =
    [compared!("String"), compared!("Numeric"), compared!("Timestamp")];

const OTHERS: [(&str, Family); 9] = [
    ("IsNull", Family::Is(Test::IsNull)),
    ("IsPresent", Family::Is(Test::IsPresent)),
    ("IsNumeric", Family::Is(Test::IsNumeric)),
    ("IsString", Family::Is(Test::IsString)),
    ("IsBoolean", Family::Is(Test::IsBoolean)),
    ("IsTimestamp", Family::Is(Test::IsTimestamp)),
    ("StringMatches", Family::Matches),
    ("BooleanEquals", Family::Compare("Boolean", Ordering::Equals, false)),
    ("BooleanEqualsPath", Family::Compare("Boolean", Ordering::Equals, true)),
];

/// `required`: whether it is to be reported that there is no operator.
fn read_test<'n>(
    fields: &mut Fields<'n>,
    required: bool,
    findings: &mut Findings,
) -> Option<(&'n str, Test)> {
    let operators = || COMPARED.iter().flatten().chain(&OTHERS);
    let mut found: Option<(Field<'n>, Family)> = None;
    let mut one = true;
    for (name, family) in operators() {
        let Some(field) = fields.take(name) else { continue };
        if let Some((first, _)) = &found {
            let message = format!("a rule has one operator; `{}` is another one", field.name);
            findings
                .error(CHOICE_RULE, &field.place, message)
                .related(first.place.span.clone(), "the first one")
                .help("combine two tests with `And`");
            one = false;
        } else {
            found = Some((field, *family));
        }
    }
    let Some((field, family)) = found else {
        // A field that is not known is reported as such: it is the operator, misspelt.
        if required && !fields.has_leftovers() {
            let message = "no comparison operator says what is asked of the value";
            let finding = findings.error(CHOICE_RULE, &fields.place, message);
            finding.help("add one such as `BooleanEquals: true`");
        }
        return None;
    };
    let test = match family {
        Family::Is(test) => field.boolean(findings).map(test),
        Family::Matches => read_pattern(&field, findings).map(Test::StringMatches),
        Family::Compare(kind, ordering, by_path) => {
            read_comparison(&field, kind, ordering, by_path, findings)
        }
    };
    test.filter(|_| one).map(|test| (field.name, test))
}

fn read_comparison(
    field: &Field<'_>,
    kind: &str,
    ordering: Ordering,
    by_path: bool,
    findings: &mut Findings,
) -> Option<Test> {
    if by_path {
        let query = path::query(field, findings)?;
        return Some(match kind {
            "String" => Test::String(ordering, Operand::Path(query)),
            "Numeric" => Test::Numeric(ordering, Operand::Path(query)),
            "Boolean" => Test::Boolean(Operand::Path(query)),
            _ => Test::Timestamp(ordering, Operand::Path(query)),
        });
    }
    match kind {
        "String" => {
            let text = field.string(findings)?.to_owned();
            Some(Test::String(ordering, Operand::Literal(text)))
        }
        "Numeric" => {
            let NodeKind::Number(number) = &field.node.kind else {
                field.wrong_type("a number", findings);
                return None;
            };
            Some(Test::Numeric(ordering, Operand::Literal(number.clone())))
        }
        "Boolean" => Some(Test::Boolean(Operand::Literal(field.boolean(findings)?))),
        _ => Some(Test::Timestamp(ordering, Operand::Literal(field.timestamp(findings)?))),
    }
}

/// A pattern whose only escapes are `\*` and `\\`. AWS takes any, and fails where it is to match a text.
fn read_pattern(field: &Field<'_>, findings: &mut Findings) -> Option<String> {
    let text = field.string(findings)?;
    if !is_pattern(text) {
        findings
            .warning(
                OUT_OF_RANGE,
                &field.place,
                format!(
                    "`{text}` holds a backslash that escapes nothing: executions will fail here"
                ),
            )
            .help("write `\\\\` for a backslash and `\\*` for a star");
    }
    Some(text.to_owned())
}

/// Whether every backslash of a `StringMatches` pattern escapes a star or a backslash.
pub fn is_pattern(text: &str) -> bool {
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\\' && !matches!(characters.next(), Some('*' | '\\')) {
            return false;
        }
    }
    true
}
