//! The engine: `jlens-core`, compiled once per definition.
//!
//! Of the values that an expression names only what it can read is handed over, cut by the library's own
//! analysis: one field of a large document costs one field.

use std::collections::BTreeSet;

use jlens_core::reads::{Read, Reads};
use jlens_core::{Bindings, CancelToken, Error, Expression, NodeKind, Options, input, output};
use serde_json::{Map, Number, Value};
use stepwell_allowance::{Allowance, Exceeded, within};

use super::engine::{
    Dialect, JsonataEngine, JsonataError, JsonataLimit, JsonataLimits, JsonataProgram,
    JsonataSyntaxError, Outcome,
};
use super::{functions, guards};
use crate::Scope;

/// The engine.
#[derive(Debug, Clone, Copy)]
pub struct Jlens;

#[derive(Debug)]
struct Program {
    /// Without and, where it names what has a guard, with guards.
    expression: Compiled,
    guarded: Option<Guarded>,
    guards_ranges: bool,
    has_regex: bool,
    dialect: Dialect,
    /// Every name that stands after a `$` somewhere.
    names: Vec<String>,
    functions: functions::Functions,
}

/// An expression and what it reads.
#[derive(Debug)]
struct Compiled {
    expression: Expression,
    reads: Reads,
}

#[derive(Debug)]
struct Guarded {
    /// What has a guard.
    names: Vec<&'static str>,
    compiled: Compiled,
}

impl From<Expression> for Compiled {
    fn from(expression: Expression) -> Self {
        let reads = expression.reads();
        Self { expression, reads }
    }
}

impl JsonataEngine for Jlens {
    fn compile(
        &self,
        text: &str,
        dialect: Dialect,
    ) -> Result<Box<dyn JsonataProgram>, JsonataSyntaxError> {
        let compiled = Expression::compile(text).map_err(|error| syntax_error(&error, text))?;
        let names = names(&compiled);
        let ranges = match dialect {
            Dialect::Plain => None,
            Dialect::StepFunctions => guards::guard_ranges(text, &compiled),
        };
        let guards_ranges = ranges.is_some();
        let text = ranges.as_deref().unwrap_or(text);
        let compiled = if guards_ranges {
            Expression::compile(text).map_err(|error| syntax_error(&error, text))?
        } else {
            compiled
        };
        let mut has_regex = false;
        compiled.ast().root.walk(&mut |node| {
            has_regex |= matches!(node.kind, NodeKind::Regex { .. });
        });
        let (guarded, functions) = match dialect {
            Dialect::Plain => (None, functions::Functions::default()),
            Dialect::StepFunctions => (guarded(text, &names), functions::Functions::of(&names)),
        };
        let names = names.into_iter().collect();
        let expression = compiled.into();
        Ok(Box::new(Program {
            expression,
            guarded,
            guards_ranges,
            has_regex,
            dialect,
            names,
            functions,
        }))
    }
}

/// The expression with its guards, if it needs any.
fn guarded(text: &str, names: &BTreeSet<String>) -> Option<Guarded> {
    let names = guards::guarded(names);
    if names.is_empty() {
        return None;
    }
    // A text that holds together by itself does so in a block, but for one that guards cannot stand before.
    let compiled = Expression::compile(&guards::guard(text, &names)).ok()?.into();
    Some(Guarded { names, compiled })
}

/// The names of an expression's variables and functions, in order.
fn names(expression: &Expression) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    expression.ast().root.walk(&mut |node| {
        if let NodeKind::Variable { name } = &node.kind
            && !name.is_empty()
            && name != "$"
        {
            names.insert(name.clone());
        }
    });
    names
}

impl JsonataProgram for Program {
    fn evaluate(
        &self,
        input: Option<&Value>,
        scope: &dyn Scope,
        limits: &JsonataLimits,
    ) -> Result<Outcome, JsonataError> {
        let compiled = self.compiled(scope);
        let bindings = self.bindings(compiled, scope);
        let token = CancelToken::new();
        let options = Options::new()
            .max_depth(limits.depth)
            .max_steps(limits.steps)
            .max_string_length(limits.string_bytes)
            .max_array_length(limits.array_items)
            .max_result_size(limits.result_bytes)
            .now(scope.now_ms())
            .seed(if self.functions.draws { scope.draw() } else { 0 })
            .cancel_token(token.clone());
        // A regular expression that backtracks allocates nothing, so that only the library can look at a clock:
        // the wall's.
        let options = if self.has_regex { options.timeout(limits.time) } else { options };
        let allowance = Allowance { bytes: limits.memory_bytes, time: limits.time };
        let evaluate = |expression: &Expression| {
            let written =
                expression.evaluate_source_to(&Document(input), &bindings, &options, |output| {
                    output.write(&mut Json)
                });
            written.map_err(|error| thrown(&error))
        };
        let (result, exceeded) = within(
            allowance,
            move || token.cancel(),
            || {
                Ok(match evaluate(&compiled.expression)? {
                    Some(value) => Outcome::Value(value),
                    None if gives_function(&compiled.expression, &evaluate)? => Outcome::Function,
                    None => Outcome::Undefined,
                })
            },
        );
        match (result, exceeded) {
            (Err(JsonataError::Limit(_)), Some(Exceeded::Bytes)) => {
                Err(JsonataError::Limit(JsonataLimit::Memory))
            }
            (result, _) => result,
        }
    }
}

impl Program {
    /// With guards, unless a variable hides what they guard.
    fn compiled(&self, scope: &dyn Scope) -> &Compiled {
        match &self.guarded {
            Some(guarded) if guarded.names.iter().all(|name| scope.variable(name).is_none()) => {
                &guarded.compiled
            }
            _ => &self.expression,
        }
    }

    /// What the expression's names stand for.
    fn bindings(&self, compiled: &Compiled, scope: &dyn Scope) -> Bindings {
        let guards = self.guarded.as_ref().map(|_| guards::bindings());
        let guards = guards.unwrap_or_default();
        let guards = if self.guards_ranges { guards::range_bindings(guards) } else { guards };
        let mut bindings = self.functions.bindings(guards, scope);
        for name in self.names.iter().filter(|name| !name.starts_with(guards::PREFIX)) {
            let read = compiled.reads.binding(name);
            let value = if name == "states" && self.dialect == Dialect::StepFunctions {
                Some(states(scope, read.unwrap_or(&Read::Whole)))
            } else {
                scope
                    .variable(name)
                    .map(|value| read.map_or_else(|| value.clone(), |read| read.cut(value)))
            };
            if let Some(value) = value {
                bindings = bindings.var(name.as_str(), value);
            }
        }
        bindings
    }
}

/// Whether an expression comes to a function, which the library tells apart from nothing only within an array:
/// there it leaves a null.
fn gives_function(
    expression: &Expression,
    evaluate: &dyn Fn(&Expression) -> Result<Option<Value>, JsonataError>,
) -> Result<bool, JsonataError> {
    let Ok(wrapped) = Expression::compile(&format!("[(\n{}\n)]", expression.source())) else {
        return Ok(false);
    };
    Ok(matches!(evaluate(&wrapped)?, Some(Value::Array(items)) if !items.is_empty()))
}

/// As much of `$states` as is read.
fn states(scope: &dyn Scope, read: &Read) -> Value {
    const FIELDS: [&str; 3] = ["input", "result", "errorOutput"];
    let within = |field: &str| match read {
        Read::Whole => Some(&Read::Whole),
        Read::Fields(fields) => fields.get(field),
    };
    let mut states = Map::new();
    for field in FIELDS {
        if let Some(read) = within(field)
            && let Some(value) = scope.states(field)
        {
            states.insert(field.to_owned(), read.cut(value));
        }
    }
    if let Some(read) = within("context") {
        states.insert("context".to_owned(), context(scope, read));
    }
    Value::Object(states)
}

/// As much of the context object as is read.
fn context(scope: &dyn Scope, read: &Read) -> Value {
    let Read::Fields(fields) = read else { return scope.context([None, None]).clone() };
    let part = |(name, read): (&String, &Read)| {
        // Of a name whose fields are known, the one that may be large need not be among them.
        let field = match read {
            Read::Fields(fields) if !fields.contains_key("Input") => {
                fields.keys().next().map(String::as_str)
            }
            Read::Fields(_) | Read::Whole => None,
        };
        let value = scope.context([Some(name), field]).get(name)?;
        Some((name.clone(), read.cut(value)))
    };
    Value::Object(fields.iter().filter_map(part).collect())
}

fn thrown(error: &Error) -> JsonataError {
    let limit = match error.code() {
        "U1006" | "U1003" | "D1012" => JsonataLimit::Time,
        "U1001" | "D2014" | "D2015" | "D2016" => JsonataLimit::Memory,
        "D1011" => JsonataLimit::Depth,
        code => {
            return JsonataError::Thrown { code: code.to_owned(), message: error.message() };
        }
    };
    JsonataError::Limit(limit)
}

fn syntax_error(error: &Error, text: &str) -> JsonataSyntaxError {
    let span = error.span().map_or(text.len()..text.len(), |span| span.start..span.end);
    JsonataSyntaxError { code: error.code().to_owned(), message: error.message(), span }
}

/// The input document, if there is one; what an evaluation does not reach is not converted.
struct Document<'v>(Option<&'v Value>);

impl<'v> input::Source<'v> for Document<'v> {
    fn read(&self, sink: &mut input::Sink<'_, 'v>) -> Result<(), String> {
        if let Some(value) = self.0 {
            write(value, sink);
        }
        Ok(())
    }
}

/// The inside of an array or an object.
struct Level<'v>(&'v Value);

impl<'v> input::Source<'v> for Level<'v> {
    fn read(&self, sink: &mut input::Sink<'_, 'v>) -> Result<(), String> {
        match self.0 {
            Value::Array(items) => items.iter().for_each(|item| write(item, sink)),
            Value::Object(members) => {
                for (name, member) in members {
                    sink.key(name);
                    write(member, sink);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn write<'v>(value: &'v Value, sink: &mut input::Sink<'_, 'v>) {
    match value {
        Value::Null => sink.null(),
        Value::Bool(boolean) => sink.bool(*boolean),
        Value::Number(number) => sink.number(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => sink.string(text),
        Value::Array(_) => sink.array(Level(value)),
        Value::Object(_) => sink.object(Level(value)),
    }
}

/// Makes values of results. Whole numbers are written as such.
struct Json;

impl output::Builder for Json {
    type Value = Value;
    type Array = Vec<Value>;
    type Object = Map<String, Value>;

    fn null(&mut self) -> Value {
        Value::Null
    }

    fn bool(&mut self, value: bool) -> Value {
        Value::Bool(value)
    }

    fn number(&mut self, value: f64) -> Value {
        Value::Number(number(value))
    }

    fn string(&mut self, value: &str) -> Value {
        Value::String(value.to_owned())
    }

    fn array(&mut self, len: usize) -> Vec<Value> {
        Vec::with_capacity(len)
    }

    fn push(&mut self, array: &mut Vec<Value>, item: Value) {
        array.push(item);
    }

    fn end_array(&mut self, array: Vec<Value>) -> Value {
        Value::Array(array)
    }

    fn object(&mut self, len: usize) -> Map<String, Value> {
        Map::with_capacity(len)
    }

    fn insert(&mut self, object: &mut Map<String, Value>, key: &str, value: Value) {
        object.insert(key.to_owned(), value);
    }

    fn end_object(&mut self, object: Map<String, Value>) -> Value {
        Value::Object(object)
    }
}

/// A finite number as JSON: without a fraction, as JavaScript writes it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the bounds are compared first"
)]
pub(super) fn number(value: f64) -> Number {
    if value.fract() == 0.0 {
        if value.abs() < i64::MAX as f64 {
            return Number::from(value as i64);
        }
        if value > 0.0 && value < u64::MAX as f64 {
            return Number::from(value as u64);
        }
    }
    Number::from_f64(value).unwrap_or_else(|| Number::from(0))
}
