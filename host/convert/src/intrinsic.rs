//! Calls of intrinsic functions: the 18 `States.*` as JSONata's functions and operators.
//!
//! The text is read again here, as `stepwell_query` reads it; only what that accepts comes here.

use serde_json::{Number, Value};
use stepwell_query::Query;

use crate::expr::{Expr, Level, Shape, fails};
use crate::path;
use crate::remark::Refusal;
use crate::scope::Scope;

/// A call as it was read.
#[derive(Debug, Clone, PartialEq)]
enum Argument {
    Constant(Value),
    /// A string in quotes, escapes and all.
    Literal(String),
    Query(Query),
    Call(String, Vec<Self>),
}

/// Converts a call.
pub(crate) fn convert(scope: &Scope<'_>, text: &str, at: &str) -> Result<Expr, Refusal> {
    let mut reader = Reader { rest: text };
    let Some(call @ Argument::Call(..)) = reader.argument() else {
        return Refusal::new(at, format!("`{text}` cannot be read"));
    };
    let converter = Converter { scope, at };
    let found = converter.argument(&call)?;
    Ok(Expr { label: text.to_owned(), ..found })
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, bytes: usize) -> String {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken.to_owned()
    }

    fn argument(&mut self) -> Option<Argument> {
        self.skip_spaces();
        match self.rest.bytes().next()? {
            b'\'' => {
                let mut characters = self.rest.char_indices().skip(1);
                while let Some((index, character)) = characters.next() {
                    if character == '\\' {
                        characters.next();
                    } else if character == '\'' {
                        let literal = self.take(index + 1);
                        return Some(Argument::Literal(literal[1..index].to_owned()));
                    }
                }
                None
            }
            b'$' => {
                let text = self.take(path_bytes(self.rest));
                Query::parse(text.trim_end()).ok().map(Argument::Query)
            }
            _ if self.rest.starts_with("States.") => self.call(),
            _ => {
                let end = self.rest.find([',', ')', ' ', '\t', '\n', '\r']);
                let word = self.take(end.unwrap_or(self.rest.len()));
                let value = match word.as_str() {
                    "null" => Value::Null,
                    "true" | "false" => Value::Bool(word == "true"),
                    _ => Value::Number(word.parse::<Number>().ok()?),
                };
                Some(Argument::Constant(value))
            }
        }
    }

    fn call(&mut self) -> Option<Argument> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.')?;
        let name = self.take(end);
        self.skip_spaces();
        self.rest = self.rest.strip_prefix('(')?;
        let mut arguments = Vec::new();
        self.skip_spaces();
        while !self.rest.starts_with(')') {
            arguments.push(self.argument()?);
            self.skip_spaces();
            if let Some(rest) = self.rest.strip_prefix(',') {
                self.rest = rest;
            } else if !self.rest.starts_with(')') {
                return None;
            }
        }
        self.rest = &self.rest[1..];
        Some(Argument::Call(name, arguments))
    }
}

/// How long the path is that a text begins with: up to a comma or a parenthesis that is not its own.
fn path_bytes(text: &str) -> usize {
    let (mut brackets, mut parentheses, mut quoted) = (0_usize, 0_usize, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'\'' if brackets > 0 => quoted = !quoted,
            _ if quoted => {}
            b'[' => brackets += 1,
            b']' => brackets = brackets.saturating_sub(1),
            b'(' => parentheses += 1,
            b')' if parentheses > 0 => parentheses -= 1,
            b')' | b',' if brackets == 0 => return index,
            _ => {}
        }
    }
    text.len()
}

fn unescaped(literal: &str) -> String {
    let mut text = String::new();
    let mut characters = literal.chars();
    while let Some(character) = characters.next() {
        if character == '\\' { text.extend(characters.next()) } else { text.push(character) }
    }
    text
}

struct Converter<'s, 'm> {
    scope: &'s Scope<'m>,
    at: &'s str,
}

impl Converter<'_, '_> {
    fn refuse<T>(&self, message: impl Into<String>) -> Result<T, Refusal> {
        Refusal::new(self.at, message)
    }

    fn argument(&self, argument: &Argument) -> Result<Expr, Refusal> {
        match argument {
            Argument::Constant(value) => Ok(Expr::constant(value)),
            Argument::Literal(literal) => Ok(Expr::text(&unescaped(literal))),
            Argument::Query(query) => path::query(self.scope, query, self.at),
            Argument::Call(name, arguments) => self.call(name, arguments),
        }
    }

    fn call(&self, name: &str, arguments: &[Argument]) -> Result<Expr, Refusal> {
        let function = name.strip_prefix("States.").unwrap_or(name);
        if function == "Format" {
            return self.format(arguments);
        }
        let given = arguments.iter().map(|argument| self.argument(argument));
        let given = given.collect::<Result<Vec<_>, _>>()?;
        match (function, given.as_slice()) {
            ("Array", items) => Ok(crate::template::array(items)),
            ("ArrayContains", [array, value]) => Ok(self.contains(array, value)),
            ("ArrayGetItem", [array, index]) => self.item(array, index),
            ("ArrayLength", [array]) => {
                Ok(self.of_array(array, Shape::Number, |array| format!("$count({array})")))
            }
            ("ArrayPartition", [array, size]) => {
                let size = whole(size);
                let parts = self.of_array(array, Shape::Array, |array| {
                    format!("$partition({array}, {})", size.text)
                });
                Ok(parts.needing(&size))
            }
            ("ArrayRange", [first, last, step]) => self.range(first, last, step),
            ("ArrayUnique", [array]) => {
                Ok(self.of_array(array, Shape::Array, |array| format!("$distinct({array})")))
            }
            ("Base64Decode", [text]) => Ok(of_one("$base64decode", text)),
            ("Base64Encode", [text]) => Ok(of_one("$base64encode", text)),
            ("Hash", [data, algorithm]) => Ok(hash(data, algorithm)),
            ("JsonMerge", [first, second, deep]) => self.merge(first, second, deep),
            ("JsonToString", [value]) => Ok(json_text(value)),
            ("MathAdd", [first, second]) => Ok(sum(first, second)),
            ("MathRandom", [start, end, seed @ ..]) => Ok(random(start, end, seed.first())),
            ("StringSplit", [text, separators]) => self.split(text, separators),
            ("StringToJson", [text]) => Ok(parse(text)),
            ("UUID", []) => Ok(Expr::new("$uuid()", Level::Primary, Shape::Text)),
            _ => self.refuse(format!("`{name}` is not converted with these arguments")),
        }
    }

    /// `States.Format`: texts and values joined.
    fn format(&self, arguments: &[Argument]) -> Result<Expr, Refusal> {
        let Some((Argument::Literal(template), values)) = arguments.split_first() else {
            return self.refuse("the template of `States.Format` is not in the text itself");
        };
        let texts = pieces(template);
        if texts.len() != values.len() + 1 {
            return self.refuse("`States.Format` has not as many values as `{}`");
        }
        let mut operands = Vec::new();
        let mut whole = Expr::new("", Level::Sum, Shape::Text);
        for (index, text) in texts.iter().enumerate() {
            if !text.is_empty() {
                operands.push(Value::from(text.as_str()).to_string());
            }
            if let Some(value) = values.get(index) {
                let value = self.argument(value)?;
                operands.push(value.operand(Level::Product));
                whole = whole.needing(&value);
            }
        }
        let (text, level) = match operands.as_slice() {
            [] => ("\"\"".to_owned(), Level::Primary),
            [one] if values.is_empty() => (one.clone(), Level::Primary),
            [one] => (format!("$string({one})"), Level::Primary),
            several => (several.join(" & "), Level::Sum),
        };
        Ok(Expr { text, level, ..whole })
    }

    /// What a function makes of an array, and of nothing else.
    fn of_array(&self, array: &Expr, shape: Shape, make: impl Fn(&str) -> String) -> Expr {
        if array.shape == Shape::Array {
            return Expr::new(make(&array.text), Level::Primary, shape).needing(array);
        }
        let otherwise = fails(&format!("{} is no array", array.label));
        let test = |text: &str| format!("$type({text}) = \"array\" ? {} : {otherwise}", make(text));
        let whole = if is_short(array) {
            Expr::new(test(&array.text), Level::Conditional, shape)
        } else {
            let name = self.scope.fresh("array");
            let named = format!("(${name} := {}; {})", array.text, test(&format!("${name}")));
            Expr::new(named, Level::Primary, shape)
        };
        // What is missing is no array.
        Expr { needs: array.needs.clone(), ..whole }
    }

    fn contains(&self, array: &Expr, value: &Expr) -> Expr {
        let found = self.of_array(array, Shape::Scalar, |array| {
            if value.constant.as_ref().is_some_and(|value| !value.is_array() && !value.is_object())
            {
                return format!("({} in {array})", value.operand(Level::Sum));
            }
            format!("$exists($filter({array}, function($one) {{ $one = {} }}))", value.text)
        });
        found.needing(value)
    }

    fn item(&self, array: &Expr, index: &Expr) -> Result<Expr, Refusal> {
        if index.constant.as_ref().and_then(Value::as_f64).is_some_and(|index| index < -0.5) {
            return self.refuse("the index is always out of bounds");
        }
        let place = whole(index);
        let found = self.of_array(array, Shape::Unknown, |array| {
            let head =
                if array.starts_with(['$', '(']) { array.to_owned() } else { format!("({array})") };
            format!("{head}[{}]", place.text)
        });
        Ok(Expr { may_lack: true, ..found }.needing(index))
    }

    fn range(&self, first: &Expr, last: &Expr, step: &Expr) -> Result<Expr, Refusal> {
        let numbers = [first, last, step].map(|number| number.constant.as_ref()?.as_i64());
        if let [Some(first), Some(last), Some(step)] = numbers {
            let backwards = last < first;
            if step == 0 || backwards != (step < 0) && first != last {
                return self.refuse("`States.ArrayRange` has no step towards its end");
            }
        }
        let [first, last, step] = [whole(first), whole(last), whole(step)];
        let text = format!("[$range({}, {}, {})]", first.text, last.text, step.text);
        let range = Expr::new(text, Level::Primary, Shape::Array);
        Ok([&first, &last, &step].into_iter().fold(range, Expr::needing))
    }

    fn merge(&self, first: &Expr, second: &Expr, deep: &Expr) -> Result<Expr, Refusal> {
        if deep.constant != Some(Value::Bool(false)) {
            return self.refuse("only a shallow merge can be converted: `false` as third argument");
        }
        let text = format!("$merge([{}, {}])", first.text, second.text);
        Ok(Expr::new(text, Level::Primary, Shape::Unknown).needing(first).needing(second))
    }

    fn split(&self, text: &Expr, separators: &Expr) -> Result<Expr, Refusal> {
        let separators = match &separators.constant {
            Some(Value::String(separators)) if !separators.is_empty() => separators,
            _ => return self.refuse("the separators of `States.StringSplit` are not in the text"),
        };
        if separators.chars().any(|c| u32::from(c) > 0xFFFF) {
            return self.refuse("the separators of `States.StringSplit` need surrogates");
        }
        let mut characters = separators.chars();
        let separator = match (characters.next(), characters.next()) {
            (Some(_), None) => Value::from(separators.as_str()).to_string(),
            _ => format!("/[{}]/", separators.chars().map(in_class).collect::<String>()),
        };
        let made = format!("[$split({}, {separator})[$ != \"\"]]", text.text);
        Ok(Expr::new(made, Level::Primary, Shape::Array).needing(text))
    }
}

/// Whether a text is short enough to be written twice.
fn is_short(expr: &Expr) -> bool {
    const SHORT_BYTES: usize = 60;
    expr.text.len() <= SHORT_BYTES && expr.level == Level::Primary
}

/// The texts around each `{}` of a template.
fn pieces(template: &str) -> Vec<String> {
    let mut texts = vec![String::new()];
    let mut characters = template.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '{' && characters.next_if_eq(&'}').is_some() {
            texts.push(String::new());
            continue;
        }
        let text = texts.last_mut().expect("there is a text at least");
        if character == '\\' { text.extend(characters.next()) } else { text.push(character) }
    }
    texts
}

/// A number as a whole one: halves are rounded up.
fn whole(number: &Expr) -> Expr {
    match &number.constant {
        Some(Value::Number(constant)) => {
            let Some(float) = constant.as_f64() else { return number.clone() };
            let rounded = (float + 0.5).floor();
            if constant.is_f64() && rounded.abs() < 1e15 {
                #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
                return Expr::constant(&Value::from(rounded as i64));
            }
            number.clone()
        }
        _ if number.shape == Shape::Number && is_whole(&number.text) => number.clone(),
        _ => Expr {
            text: format!("$floor({} + 0.5)", number.operand(Level::Sum)),
            level: Level::Primary,
            shape: Shape::Number,
            constant: None,
            ..number.clone()
        },
    }
}

/// Functions that give whole numbers.
fn is_whole(text: &str) -> bool {
    text.starts_with("$count(") || text.starts_with("$floor(")
}

fn of_one(function: &str, argument: &Expr) -> Expr {
    let text = format!("{function}({})", argument.text);
    Expr { may_lack: argument.may_lack, ..Expr::new(text, Level::Primary, Shape::Text) }
        .taking_needs(argument)
}

fn hash(data: &Expr, algorithm: &Expr) -> Expr {
    let text = &data.text;
    let data_text = match data.shape {
        Shape::Text => text.clone(),
        Shape::Unknown => format!("$type({text}) = \"string\" ? {text} : $string({text})"),
        _ => format!("$string({text})"),
    };
    let made = format!("$hash({data_text}, {})", algorithm.text);
    Expr::new(made, Level::Primary, Shape::Text).needing(data).needing(algorithm)
}

fn json_text(value: &Expr) -> Expr {
    let text = &value.text;
    // Between the brackets of an array of one, a text has its quotes.
    let quoted = format!("$replace($string([{text}]), /^\\[|\\]$/, \"\")");
    let (made, level) = match value.shape {
        Shape::Text => (quoted, Level::Primary),
        Shape::Unknown => {
            let made = format!("$type({text}) = \"string\" ? {quoted} : $string({text})");
            (made, Level::Conditional)
        }
        _ => (format!("$string({text})"), Level::Primary),
    };
    let made = Expr::new(made, level, Shape::Text);
    Expr { may_lack: value.may_lack, ..made }.taking_needs(value)
}

fn sum(first: &Expr, second: &Expr) -> Expr {
    let (first, second) = (whole(first), whole(second));
    let text = format!("{} + {}", first.operand(Level::Sum), second.operand(Level::Product));
    let sum = Expr::new(text, Level::Sum, Shape::Number);
    // A sum with something undefined is undefined.
    let may_lack = first.may_lack || second.may_lack;
    Expr { may_lack, ..sum }.taking_needs(&first).taking_needs(&second)
}

fn random(start: &Expr, end: &Expr, seed: Option<&Expr>) -> Expr {
    let (start, end) = (whole(start), whole(end));
    let seed_text = seed.map(|seed| seed.text.clone()).unwrap_or_default();
    let text = format!(
        "{0} + $floor($random({seed_text}) * ({1} - {2}))",
        start.operand(Level::Sum),
        end.operand(Level::Sum),
        start.operand(Level::Product),
    );
    let random = Expr::new(text, Level::Sum, Shape::Number).needing(&start).needing(&end);
    seed.into_iter().fold(random, Expr::needing)
}

fn parse(text: &Expr) -> Expr {
    let made = format!("$trim({0}) = \"\" ? null : $parse({0})", text.text);
    Expr { may_lack: text.may_lack, ..Expr::new(made, Level::Conditional, Shape::Unknown) }
        .taking_needs(text)
}

impl Expr {
    /// Takes over what a part needs, where the whole is undefined if the part is.
    fn taking_needs(mut self, part: &Self) -> Self {
        for need in &part.needs {
            if !self.needs.contains(need) {
                self.needs.push(need.clone());
            }
        }
        self
    }
}

/// A character as it stands in a regular expression's class.
fn in_class(character: char) -> String {
    match character {
        c if c.is_alphanumeric() => c.to_string(),
        ' ' => " ".to_owned(),
        c => format!("\\u{:04x}", u32::from(c)),
    }
}
