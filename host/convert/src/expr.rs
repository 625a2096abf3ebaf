//! JSONata expressions as they are put together: their text, how it binds, and what could be missing.
//!
//! Where a path finds nothing, JSONPath fails. JSONata gives *undefined*, which fails only as the whole of
//! an expression; inside of one it vanishes. So an expression knows which of its parts must be there
//! ([`Expr::needs`]), and [`Expr::finish`] asks for them where they would be missed by nobody.

use serde_json::Value;

/// How tightly an expression's outermost operator binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// `a ? b : c`.
    Conditional,
    /// `a or b`.
    Or,
    /// `a and b`.
    And,
    /// `a = b`.
    Compare,
    /// `a & b`, `a + b`.
    Sum,
    /// `a * b`.
    Product,
    /// A path, a literal, a call or something in parentheses.
    Primary,
}

/// What is known of an expression's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Unknown,
    Array,
    /// Neither an array nor an object.
    Scalar,
    Number,
    Text,
}

/// A part of an expression that must have a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    /// The part, as an argument.
    pub(crate) text: String,
    /// What it was in JSONPath.
    pub(crate) label: String,
}

/// A JSONata expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expr {
    pub(crate) text: String,
    pub(crate) level: Level,
    pub(crate) shape: Shape,
    /// Whether the whole can be undefined, which nobody misses but at the top.
    pub(crate) may_lack: bool,
    /// What it was in JSONPath.
    pub(crate) label: String,
    /// What must be there, though the whole would have a value without it.
    pub(crate) needs: Vec<Need>,
    /// The value, where it is a constant.
    pub(crate) constant: Option<Value>,
}

impl Expr {
    /// An expression that always has a value.
    pub(crate) fn new(text: impl Into<String>, level: Level, shape: Shape) -> Self {
        let text = text.into();
        Self {
            label: text.clone(),
            text,
            level,
            shape,
            may_lack: false,
            needs: Vec::new(),
            constant: None,
        }
    }

    /// A constant.
    pub(crate) fn constant(value: &Value) -> Self {
        let shape = match value {
            Value::Array(_) => Shape::Array,
            Value::Object(_) => Shape::Unknown,
            Value::Number(_) => Shape::Number,
            Value::String(_) => Shape::Text,
            Value::Null | Value::Bool(_) => Shape::Scalar,
        };
        let negative = value.as_f64().is_some_and(|number| number < 0.0);
        let level = if negative { Level::Product } else { Level::Primary };
        Self { constant: Some(value.clone()), ..Self::new(value.to_string(), level, shape) }
    }

    /// A text.
    pub(crate) fn text(text: &str) -> Self {
        Self::constant(&Value::from(text))
    }

    /// The text as an operand of an operator that binds so tightly.
    pub(crate) fn operand(&self, level: Level) -> String {
        if self.level < level { format!("({})", self.text) } else { self.text.clone() }
    }

    /// The text as the first part of a path.
    pub(crate) fn head(&self) -> String {
        let plain = self.text.starts_with('$') || self.text.starts_with('(');
        if plain { self.operand(Level::Primary) } else { format!("({})", self.text) }
    }

    /// What must be there where the expression is part of one that would not miss it.
    pub(crate) fn all_needs(&self) -> Vec<Need> {
        let mut needs = self.needs.clone();
        if self.may_lack {
            push(&mut needs, Need { text: self.text.clone(), label: self.label.clone() });
        }
        needs
    }

    /// Takes over what must be there for a part.
    pub(crate) fn needing(mut self, part: &Self) -> Self {
        for need in part.all_needs() {
            push(&mut self.needs, need);
        }
        self
    }

    /// The whole, which fails where anything in it is missing.
    pub(crate) fn finish(&self) -> String {
        self.checked().text
    }

    /// The expression that asks for what must be there by itself.
    pub(crate) fn checked(&self) -> Self {
        if self.needs.is_empty() {
            return self.clone();
        }
        let tests: Vec<_> =
            self.needs.iter().map(|need| format!("$exists({})", need.text)).collect();
        let labels: Vec<_> = self.needs.iter().map(|need| need.label.as_str()).collect();
        let text = format!(
            "{} ? {} : {}",
            tests.join(" and "),
            self.operand(Level::Or),
            missing(&labels.join(" or "))
        );
        Self { text, level: Level::Conditional, needs: Vec::new(), ..self.clone() }
    }
}

fn push(needs: &mut Vec<Need>, need: Need) {
    if !needs.iter().any(|other| other.text == need.text) {
        needs.push(need);
    }
}

/// Fails because something has no value.
pub(crate) fn missing(label: &str) -> String {
    fails(&format!("{label} has no value"))
}

/// Fails with a message.
pub(crate) fn fails(message: &str) -> String {
    format!("$error({})", Value::from(message))
}

/// What JSONata would not take for a name.
const WORDS: [&str; 7] = ["and", "or", "in", "null", "true", "false", "function"];

/// A member of a value.
pub(crate) fn member(of: &str, name: &str) -> String {
    let mut characters = name.chars();
    let first = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if first && characters.all(|c| c.is_ascii_alphanumeric() || c == '_') && !WORDS.contains(&name)
    {
        return format!("{of}.{name}");
    }
    if name.is_empty() || name.contains(['`', '\\']) || name.chars().any(char::is_control) {
        return format!("$lookup({of}, {})", Value::from(name));
    }
    format!("{of}.`{name}`")
}

/// A string that is an expression.
pub(crate) fn delimited(expression: &str) -> String {
    format!("{{% {expression} %}}")
}

/// A constant string as JSONata would read it: one that looks like an expression becomes one.
pub(crate) fn constant_string(text: &str) -> String {
    if text.starts_with("{%") || text.ends_with("%}") {
        return delimited(&Value::from(text).to_string());
    }
    text.to_owned()
}
