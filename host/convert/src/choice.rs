//! Choice rules as conditions.
//!
//! A test of a value that is not there fails in JSONPath, and is false in JSONata. So the first test of a
//! path asks whether it leads somewhere; what earlier tests have settled ([`Known`]) is not asked again.

use std::collections::BTreeSet;

use serde_json::Value;
use stepwell_asl::is_pattern;
use stepwell_query::Query;

use crate::expr::{Expr, Level, Shape, missing};
use crate::path::{self, Step};
use crate::remark::{Refusal, Remark, RemarkKind, below};
use crate::scope::Scope;

/// What is sure wherever a condition is looked at: tests, as they are written in JSONata.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known(BTreeSet<String>);

impl Known {
    fn has(&self, test: &str) -> bool {
        self.0.contains(test)
    }

    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.0.extend(other.0.iter().cloned());
        self
    }
}

/// A condition, and what is known where it was looked at.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) expr: Expr,
    /// In any case.
    pub(crate) always: Known,
    /// When it holds.
    pub(crate) when_true: Known,
    /// When it does not.
    pub(crate) when_false: Known,
}

/// Converts conditions, and gathers remarks.
pub(crate) struct Conditions<'s, 'm> {
    pub(crate) scope: &'s Scope<'m>,
    pub(crate) remarks: &'s mut Vec<Remark>,
}

/// A test's families and what orders they know.
const FAMILIES: [&str; 4] = ["String", "Numeric", "Boolean", "Timestamp"];

impl Conditions<'_, '_> {
    /// Converts a rule or a condition within one.
    pub(crate) fn convert(
        &mut self,
        rule: &Value,
        known: &Known,
        at: &str,
    ) -> Result<Condition, Refusal> {
        let Some(members) = rule.as_object() else {
            return Refusal::new(at, "a condition must be an object");
        };
        for (name, is_and) in [("And", true), ("Or", false)] {
            if let Some(conditions) = members.get(name) {
                return self.several(conditions, is_and, known, &below(at, name));
            }
        }
        if let Some(inner) = members.get("Not") {
            let inner = self.convert(inner, known, &below(at, "Not"))?;
            let text = format!("$not({})", inner.expr.text);
            let expr = Expr::new(text, Level::Primary, Shape::Scalar);
            return Ok(Condition {
                expr,
                always: inner.always,
                when_true: inner.when_false,
                when_false: inner.when_true,
            });
        }
        let others = ["Variable", "Next", "Comment", "Assign"];
        let mut operators = members.iter().filter(|(name, _)| !others.contains(&name.as_str()));
        let (Some((operator, operand)), None) = (operators.next(), operators.next()) else {
            return Refusal::new(at, "a rule needs one operator");
        };
        let variable = self.operand(members.get("Variable"), &below(at, "Variable"))?;
        self.test(&variable, operator, operand, known, &below(at, operator))
    }

    fn several(
        &mut self,
        conditions: &Value,
        is_and: bool,
        known: &Known,
        at: &str,
    ) -> Result<Condition, Refusal> {
        let items = conditions.as_array().filter(|items| !items.is_empty());
        let Some(items) = items else { return Refusal::new(at, "expected conditions") };
        let mut known = known.clone();
        let (mut always, mut all) = (Known::default(), Known::default());
        let mut texts = Vec::new();
        let level = if is_and { Level::And } else { Level::Or };
        for (index, item) in items.iter().enumerate() {
            let part = self.convert(item, &known, &below(at, &index.to_string()))?;
            // The next is looked at only when this one does not decide.
            let settled = if is_and { part.when_true } else { part.when_false };
            let settled = settled.and(&part.always);
            if index == 0 {
                always = part.always;
            }
            all = all.and(&settled);
            known = known.and(&settled);
            texts.push(match part.expr.level {
                Level::And if !is_and => format!("({})", part.expr.text),
                _ => part.expr.operand(level),
            });
        }
        let one = texts.len() == 1;
        let text = texts.join(if is_and { " and " } else { " or " });
        let expr = Expr::new(text, if one { Level::Conditional } else { level }, Shape::Scalar);
        let (when_true, when_false) =
            if is_and { (all, Known::default()) } else { (Known::default(), all) };
        Ok(Condition { expr, always, when_true, when_false })
    }

    /// A path that leads to one value, and its steps when it begins at the data.
    fn operand(&self, field: Option<&Value>, at: &str) -> Result<Operand, Refusal> {
        let Some(text) = field.and_then(Value::as_str) else {
            return Refusal::new(at, "expected a path");
        };
        let query = match Query::parse(text) {
            Ok(query) => query,
            Err(error) => return Refusal::new(at, format!("`{text}` is no path: {error}")),
        };
        if !query.path().is_definite() {
            return Refusal::new(at, format!("`{text}` leads to many values"));
        }
        let expr = path::query(self.scope, &query, at)?;
        if !expr.needs.is_empty() {
            return Refusal::new(at, format!("`{text}` rests on what could be missing"));
        }
        Ok(Operand { parents: self.parents(&query, at)?, expr })
    }

    /// What must be an object or an array for the path to lead on.
    fn parents(&self, query: &Query, at: &str) -> Result<Vec<String>, Refusal> {
        let text = query.to_string();
        let Ok(steps) = path::steps(query.path()) else { return Ok(Vec::new()) };
        let root = &text[..=text.len() - query.path().as_str().len()];
        let mut parents = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            let kind = if matches!(step, Step::Name(_)) { "object" } else { "array" };
            // The context object and its members are objects.
            if matches!(query, Query::Context(_)) && index < 2 {
                continue;
            }
            // The path to here, from the beginning.
            let upto: String = steps[..index].iter().map(spelt).collect();
            let Ok(above) = Query::parse(&format!("{root}{upto}")) else { continue };
            let above = path::query(self.scope, &above, at)?;
            parents.push(format!("$type({}) = \"{kind}\"", above.text));
        }
        Ok(parents)
    }

    fn test(
        &mut self,
        variable: &Operand,
        operator: &str,
        operand: &Value,
        known: &Known,
        at: &str,
    ) -> Result<Condition, Refusal> {
        let value = &variable.expr;
        if operator == "IsPresent" {
            return present(variable, operand, known, at);
        }
        let mut guards = vec![variable.clone()];
        let other = match operator.strip_suffix("Path") {
            Some(_) => {
                let other = self.operand(Some(operand), at)?;
                guards.push(other.clone());
                Some(other.expr)
            }
            None => None,
        };
        let operator = operator.strip_suffix("Path").unwrap_or(operator);
        let (tests, types) = match (operator, operand) {
            (name, Value::Bool(wanted)) if name.starts_with("Is") => {
                self.type_test(value, name, *wanted, at)?
            }
            ("StringMatches", Value::String(pattern)) => matching(value, pattern, at)?,
            _ => self.comparison(value, operator, operand, other.as_ref(), at)?,
        };
        // A test that is known already needs no word.
        let left: Vec<_> = tests.iter().filter(|test| !known.has(test)).cloned().collect();
        let (text, level) = match left.as_slice() {
            [] => ("true".to_owned(), Level::Primary),
            [one] => (one.clone(), Level::Compare),
            several => (several.join(" and "), Level::And),
        };
        let mut always = Known::default();
        let mut exist = Vec::new();
        let mut labels = Vec::new();
        for guard in &guards {
            let exists = format!("$exists({})", guard.expr.text);
            if guard.expr.may_lack && !known.has(&exists) && !always.has(&exists) {
                exist.push(exists.clone());
                labels.push(guard.expr.label.clone());
            }
            always.0.insert(exists);
        }
        let expr = if exist.is_empty() {
            Expr::new(text, level, Shape::Scalar)
        } else {
            let text =
                format!("{} ? {text} : {}", exist.join(" and "), missing(&labels.join(" or ")));
            Expr::new(text, Level::Conditional, Shape::Scalar)
        };
        let when_true = Known(types.into_iter().collect());
        Ok(Condition { expr, always, when_true, when_false: Known::default() })
    }

    /// The tests of `IsNull` and its like, and what is known when they hold.
    fn type_test(
        &mut self,
        value: &Expr,
        name: &str,
        wanted: bool,
        at: &str,
    ) -> Result<(Vec<String>, Vec<String>), Refusal> {
        let (value, equal) = (&value.text, if wanted { "=" } else { "!=" });
        let kind = match name {
            "IsNull" => return Ok((vec![format!("{value} {equal} null")], Vec::new())),
            "IsNumeric" => "number",
            "IsString" => "string",
            "IsBoolean" => "boolean",
            "IsTimestamp" => {
                self.say_of_timestamps(at);
                let tests = timestamp(value);
                if wanted {
                    return Ok((tests.clone(), tests));
                }
                return Ok((vec![format!("$not({})", tests.join(" and "))], Vec::new()));
            }
            _ => return Refusal::new(at, format!("`{name}` is no operator")),
        };
        let test = format!("$type({value}) {equal} \"{kind}\"");
        let known = if wanted { vec![test.clone()] } else { Vec::new() };
        Ok((vec![test], known))
    }

    fn comparison(
        &mut self,
        value: &Expr,
        operator: &str,
        operand: &Value,
        other: Option<&Expr>,
        at: &str,
    ) -> Result<(Vec<String>, Vec<String>), Refusal> {
        let family =
            FAMILIES.iter().find_map(|family| Some((*family, operator.strip_prefix(family)?)));
        let sign = |order| match order {
            "Equals" => Some("="),
            "LessThan" => Some("<"),
            "GreaterThan" => Some(">"),
            "LessThanEquals" => Some("<="),
            "GreaterThanEquals" => Some(">="),
            _ => None,
        };
        let Some((family, sign)) = family.and_then(|(family, order)| Some((family, sign(order)?)))
        else {
            return Refusal::new(at, format!("`{operator}` is no operator"));
        };
        let kind = match family {
            "String" => "string",
            "Numeric" => "number",
            "Boolean" => "boolean",
            _ => return self.instants(value, sign, operand, other, at),
        };
        let is = |value: &str| format!("$type({value}) = \"{kind}\"");
        let literal = match (kind, operand, other) {
            (_, _, Some(other)) => other.text.clone(),
            ("string", Value::String(_), None) | ("boolean", Value::Bool(_), None) => {
                operand.to_string()
            }
            ("number", Value::Number(number), None)
                if number.is_f64()
                    || number.as_i64().is_some_and(|n| n.unsigned_abs() <= 1 << 53) =>
            {
                operand.to_string()
            }
            _ => {
                return Refusal::new(
                    at,
                    format!("`{operator}` cannot be converted with {operand}"),
                );
            }
        };
        let compared = format!("{} {sign} {literal}", value.text);
        let known = vec![is(&value.text)];
        if sign == "=" && other.is_none() {
            return Ok((vec![compared], known));
        }
        let mut tests = known.clone();
        if let Some(other) = other
            && sign != "="
        {
            tests.push(is(&other.text));
        }
        tests.push(compared);
        Ok((tests, known))
    }

    fn instants(
        &mut self,
        value: &Expr,
        sign: &str,
        operand: &Value,
        other: Option<&Expr>,
        at: &str,
    ) -> Result<(Vec<String>, Vec<String>), Refusal> {
        self.say_of_timestamps(at);
        let mut tests = timestamp(&value.text);
        let known = tests.clone();
        let literal = if let Some(other) = other {
            tests.extend(timestamp(&other.text));
            other.text.clone()
        } else {
            let Some(text) =
                operand.as_str().filter(|text| stepwell_query::parse_timestamp(text).is_some())
            else {
                return Refusal::new(at, format!("{operand} is no timestamp"));
            };
            let digits = text.split_once('.').map_or(0, |(_, fraction)| {
                fraction.chars().take_while(char::is_ascii_digit).count()
            });
            if digits > 3 {
                return Refusal::new(at, format!("JSONata has no instant as exact as {text}"));
            }
            operand.to_string()
        };
        tests.push(format!("$toMillis({}) {sign} $toMillis({literal})", value.text));
        Ok((tests, known))
    }

    fn say_of_timestamps(&mut self, at: &str) {
        let message =
            "JSONata knows milliseconds, and takes the 30th of February for a day in March";
        self.remarks.push(
            Remark::new(RemarkKind::Differs, at, message)
                .help("this matters only for timestamps with more than three digits of a fraction, or none that exist"),
        );
    }
}

/// A path with what must be an object or array on its way.
#[derive(Debug, Clone)]
struct Operand {
    expr: Expr,
    parents: Vec<String>,
}

/// As JSONPath spells it.
fn spelt(step: &Step) -> String {
    match step {
        Step::Name(name) => format!("['{name}']"),
        Step::Index(index) => format!("[{index}]"),
        Step::FromEnd(distance) => format!("[(@.length{distance})]"),
        Step::Wildcard | Step::Slice(..) => String::new(),
    }
}

/// `IsPresent`. JSONata looks into arrays for names, and takes anything for an array of one.
fn present(
    variable: &Operand,
    operand: &Value,
    known: &Known,
    at: &str,
) -> Result<Condition, Refusal> {
    let Some(wanted) = operand.as_bool() else {
        return Refusal::new(at, "expected true or false");
    };
    let exists = format!("$exists({})", variable.expr.text);
    let mut settled = Known::default();
    let mut tests: Vec<String> =
        variable.parents.iter().filter(|parent| !known.has(parent)).cloned().collect();
    settled.0.extend(variable.parents.iter().cloned());
    if !known.has(&exists) {
        tests.push(exists.clone());
    }
    settled.0.insert(exists);
    let (text, level) = match tests.as_slice() {
        [] => ("true".to_owned(), Level::Primary),
        [one] => (one.clone(), Level::Compare),
        several => (several.join(" and "), Level::And),
    };
    let none = Known::default;
    Ok(if wanted {
        let expr = Expr::new(text, level, Shape::Scalar);
        Condition { expr, always: none(), when_true: settled, when_false: none() }
    } else {
        let expr = Expr::new(format!("$not({text})"), Level::Primary, Shape::Scalar);
        Condition { expr, always: none(), when_true: none(), when_false: settled }
    })
}

/// `StringMatches` as a regular expression.
fn matching(value: &Expr, pattern: &str, at: &str) -> Result<(Vec<String>, Vec<String>), Refusal> {
    if !is_pattern(pattern) {
        return Refusal::new(at, format!("`{pattern}` holds a backslash that escapes nothing"));
    }
    let is_text = format!("$type({}) = \"string\"", value.text);
    let known = vec![is_text.clone()];
    // Texts and, as `None`, stars.
    let mut parts: Vec<Option<String>> = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        let plain = match character {
            '*' => None,
            '\\' => characters.next(),
            plain => Some(plain),
        };
        match (plain, parts.last_mut()) {
            (None, Some(None)) => {}
            (None, _) => parts.push(None),
            (Some(plain), Some(Some(text))) => text.push(plain),
            (Some(plain), _) => parts.push(Some(plain.to_string())),
        }
    }
    if let [] | [Some(_)] = parts.as_slice() {
        let text = parts.first().cloned().flatten().unwrap_or_default();
        return Ok((vec![format!("{} = {}", value.text, Value::from(text))], known));
    }
    if parts == [None] {
        return Ok((vec![is_text], known));
    }
    let mut regex = String::new();
    for (index, part) in parts.iter().enumerate() {
        let (first, last) = (index == 0, index + 1 == parts.len());
        match part {
            Some(text) => {
                regex.push_str(if first { "^" } else { "" });
                regex.extend(text.chars().map(in_regex));
                regex.push_str(if last { "$" } else { "" });
            }
            // At an end a star is the absence of an anchor.
            None if first || last => {}
            None => regex.push_str("[\\s\\S]*"),
        }
    }
    Ok((vec![is_text, format!("$contains({}, /{regex}/)", value.text)], known))
}

/// A character as it stands in a regular expression.
fn in_regex(character: char) -> String {
    match character {
        c if c.is_alphanumeric() || matches!(c, '_' | ' ' | '-' | ':' | ',' | '@' | '#' | '=') => {
            c.to_string()
        }
        '.' | '*' | '+' | '?' | '^' | '$' | '{' | '}' | '(' | ')' | '|' | '[' | ']' | '/' => {
            format!("\\{character}")
        }
        c if u32::from(c) <= 0xFFFF => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    }
}

/// The tests whether a value is a timestamp.
fn timestamp(value: &str) -> Vec<String> {
    const FORM: &str = r"/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/";
    vec![format!("$type({value}) = \"string\""), format!("$contains({value}, {FORM})")]
}
