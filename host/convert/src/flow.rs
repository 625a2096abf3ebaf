//! What becomes of a state's result: `ResultSelector`, `ResultPath` and `OutputPath` as one value.

use serde_json::Value;
use stepwell_query::{JsonPath, Query};

use crate::draft::selected;
use crate::expr::{Expr, Level, Shape, member};
use crate::path::{self, Step};
use crate::remark::{Refusal, below};
use crate::scope::Scope;
use crate::template::Part;

/// The raw input of a state.
pub(crate) const INPUT: &str = "$states.input";

/// The result's way to the output.
pub(crate) struct Flow<'f> {
    /// The object that has the fields.
    pub(crate) fields: &'f serde_json::Map<String, Value>,
    pub(crate) at: &'f str,
    /// The result, after `ResultSelector`.
    pub(crate) result: Part,
    /// Whether `OutputPath` counts: not in a catcher.
    pub(crate) has_output_path: bool,
}

impl Flow<'_> {
    /// The output.
    pub(crate) fn output(&self, scope: &Scope<'_>) -> Result<Part, Refusal> {
        let at = below(self.at, "ResultPath");
        let raw = Part::there(INPUT);
        let written = match self.fields.get("ResultPath") {
            None => return self.picked(scope, self.result.clone()),
            Some(Value::Null) => return self.picked(scope, raw),
            Some(Value::String(text)) => written(text, &at)?,
            Some(_) => return Refusal::new(&at, "expected a path"),
        };
        if written.is_empty() {
            return self.picked(scope, self.result.clone());
        }
        // What is picked may be only what was written, or only what was there.
        if let Some(steps) = self.output_steps() {
            let names: Vec<_> = written.iter().map(|name| Step::Name(name.clone())).collect();
            let label = self.fields.get("OutputPath").and_then(Value::as_str).unwrap_or_default();
            let at = below(self.at, "OutputPath");
            if let Some(rest) = steps.strip_prefix(names.as_slice()) {
                return self.result.at(rest, label, &at);
            }
            if let (Some(Step::Name(first)), Some(written)) = (steps.first(), written.first())
                && first != written
            {
                return raw.at(&steps, label, &at);
            }
        }
        let merged = merge(&written, &self.result.inline(&at)?);
        self.picked(scope, Part::Expr(merged))
    }

    /// The steps of `OutputPath`, where it begins at the data.
    fn output_steps(&self) -> Option<Vec<Step>> {
        let text = self.fields.get("OutputPath").filter(|_| self.has_output_path)?.as_str()?;
        match Query::parse(text).ok()? {
            Query::Data(path) if !path.is_root() => path::steps(&path).ok(),
            _ => None,
        }
    }

    fn picked(&self, scope: &Scope<'_>, data: Part) -> Result<Part, Refusal> {
        let field = self.fields.get("OutputPath").filter(|_| self.has_output_path);
        selected(&Scope { data, ..scope.clone() }, field, &below(self.at, "OutputPath"))
    }
}

/// The names of a reference path that is written to.
fn written(text: &str, at: &str) -> Result<Vec<String>, Refusal> {
    let refuse = |why: &str| Refusal::new(at, format!("`{text}` cannot be converted: {why}"));
    if text.contains('\\') || text.contains('"') {
        return refuse("a name in it is escaped");
    }
    let Ok(path) = JsonPath::parse(text) else { return refuse("it is an unusual path") };
    let Ok(steps) = path::steps(&path) else { return refuse("it is an unusual path") };
    let names = steps.into_iter().map(|step| match step {
        Step::Name(name) => Some(name),
        _ => None,
    });
    match names.collect::<Option<Vec<_>>>() {
        Some(names) => Ok(names),
        None => refuse("JSONata cannot write into an array"),
    }
}

/// The raw input with a value at a place; objects that are missing on the way are made.
fn merge(names: &[String], value: &Expr) -> Expr {
    let mut text = value.text.clone();
    for depth in (0..names.len()).rev() {
        let above =
            names[..depth].iter().fold(INPUT.to_owned(), |above, name| member(&above, name));
        let name = Value::from(names[depth].as_str());
        text = format!("$merge([{above}, {{{name}: {text}}}])");
    }
    Expr::new(text, Level::Primary, Shape::Unknown).needing(value)
}
