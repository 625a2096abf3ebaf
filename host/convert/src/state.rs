//! States: the fields of JSONPath as those of JSONata, one function for each type.

use serde_json::{Map, Value};

use crate::choice::{Conditions, Known};
use crate::draft::{Draft, selected};
use crate::expr::{constant_string, delimited};
use crate::flow::{Flow, INPUT};
use crate::remark::{Refusal, Remark, RemarkKind, below};
use crate::scope::{Names, Scope};
use crate::template::{self, Part};

/// What a state that does work has for its result.
const RESULT: &str = "$states.result";

/// What a catcher has for the error.
const ERROR: &str = "$states.errorOutput";

/// A state's fields as they become, with what is to be said about them.
pub(crate) type Converted = (Map<String, Value>, Vec<Remark>);

/// Converts a state, without the machines within it.
pub(crate) fn convert(
    state: &Map<String, Value>,
    names: &Names,
    at: &str,
) -> Result<Converted, Refusal> {
    let mut draft = Draft::new(state, at);
    let mut remarks = Vec::new();
    let raw = Scope { data: Part::there(INPUT), machine: names };
    let data = selected(&raw, state.get("InputPath"), &below(at, "InputPath"))?;
    let input = Scope { data, machine: names };
    match state.get("Type").and_then(Value::as_str) {
        Some("Task") => task(&mut draft, &input)?,
        Some("Parallel") => parallel(&mut draft, &input)?,
        Some("Map") => map(&mut draft, &input)?,
        Some("Pass") => pass(&mut draft, &input)?,
        Some("Wait") => {
            draft.path(&input, "Seconds")?;
            draft.path(&input, "Timestamp")?;
            assign(&mut draft, &input)?;
            through(&mut draft, &input)?;
        }
        Some("Choice") => choice(&mut draft, &input, &mut remarks)?,
        Some("Succeed") => _ = through(&mut draft, &input)?,
        Some("Fail") => fail(&mut draft, &raw)?,
        _ => return Refusal::new(at, "its type is not known"),
    }
    for name in ["InputPath", "OutputPath", "ResultPath", "ResultSelector"] {
        draft.drop(name);
    }
    if draft.can_fail {
        remarks.extend(caught(state, at));
    }
    let new = draft.finish();
    says_of_functions(&Value::Object(own(state)), at, &mut remarks);
    names.check(&Value::Object(own(&new)), at)?;
    Ok((new, remarks))
}

/// A state's fields without the machines in it.
fn own(state: &Map<String, Value>) -> Map<String, Value> {
    const MACHINES: [&str; 3] = ["Branches", "ItemProcessor", "Iterator"];
    let fields = state.iter().filter(|(name, _)| !MACHINES.contains(&name.as_str()));
    fields.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// `Parameters`, or what `InputPath` picks, as `Arguments`.
fn arguments(draft: &mut Draft<'_>, input: &Scope<'_>) -> Result<(), Refusal> {
    let filled = draft.template(input, ["Parameters", "Arguments"])?;
    if filled.is_none() && !input.data.is(INPUT) {
        draft.set_part("Arguments", &input.data, &["InputPath"]);
    }
    Ok(())
}

/// What becomes of the result of a state that does work, and of its errors.
fn work(draft: &mut Draft<'_>, input: &Scope<'_>) -> Result<(), Refusal> {
    let result = Scope { data: Part::there(RESULT), machine: input.machine };
    let (fields, at) = (draft.old, draft.at);
    let picked = match fields.get("ResultSelector") {
        Some(selector) => template::convert(&result, selector, &below(at, "ResultSelector"))?,
        None => result.data.clone(),
    };
    let flow = Flow { fields, at, result: picked, has_output_path: true };
    let output = flow.output(&result)?;
    if !output.is(RESULT) {
        draft.set_part("Output", &output, &["ResultSelector", "ResultPath", "OutputPath"]);
    }
    assign(draft, &result)?;
    let Some(Value::Array(catchers)) = fields.get("Catch") else { return Ok(()) };
    let error = Scope { data: Part::there(ERROR), machine: input.machine };
    let mut new = Vec::new();
    for (index, catcher) in catchers.iter().enumerate() {
        let at = below(&below(at, "Catch"), &index.to_string());
        let Some(fields) = catcher.as_object() else {
            return Refusal::new(&at, "a catcher must be an object");
        };
        let mut catcher = Draft::new(fields, &at);
        let flow = Flow { fields, at: &at, result: error.data.clone(), has_output_path: false };
        let output = flow.output(&error)?;
        if !output.is(ERROR) {
            catcher.set_part("Output", &output, &["ResultPath"]);
        }
        catcher.drop("ResultPath");
        assign(&mut catcher, &error)?;
        new.push(Value::Object(catcher.finish()));
    }
    if new != *catchers {
        draft.set("Catch", Value::Array(new), &[]);
    }
    Ok(())
}

fn assign(draft: &mut Draft<'_>, scope: &Scope<'_>) -> Result<(), Refusal> {
    draft.template(scope, ["Assign", "Assign"]).map(|_| ())
}

/// The output of a state that hands its input on.
fn through(draft: &mut Draft<'_>, input: &Scope<'_>) -> Result<Option<Value>, Refusal> {
    let output = selected(input, draft.old.get("OutputPath"), &draft.pointer("OutputPath"))?;
    if output.is(INPUT) {
        return Ok(None);
    }
    draft.set_part("Output", &output, &["InputPath", "OutputPath"]);
    Ok(Some(output.to_value()))
}

fn task(draft: &mut Draft<'_>, input: &Scope<'_>) -> Result<(), Refusal> {
    arguments(draft, input)?;
    draft.path_to_number(input, "TimeoutSeconds")?;
    draft.path_to_number(input, "HeartbeatSeconds")?;
    draft.template(input, ["Credentials", "Credentials"])?;
    work(draft, input)
}

fn parallel(draft: &mut Draft<'_>, input: &Scope<'_>) -> Result<(), Refusal> {
    arguments(draft, input)?;
    work(draft, input)
}

fn map(draft: &mut Draft<'_>, input: &Scope<'_>) -> Result<(), Refusal> {
    let path = draft.old.get("ItemsPath").filter(|path| path.as_str() != Some("$"));
    if draft.old.contains_key("ItemReader") {
        if path.is_some() {
            let at = draft.pointer("ItemsPath");
            return Refusal::new(&at, "JSONata has no name for what an `ItemReader` reads");
        }
    } else {
        let items = selected(input, path, &draft.pointer("ItemsPath"))?;
        if !items.is(INPUT) {
            draft.set_part("Items", &items, &["ItemsPath", "InputPath"]);
        }
    }
    draft.drop("ItemsPath");
    let legacy = !draft.old.contains_key("ItemSelector");
    let selector = if legacy { "Parameters" } else { "ItemSelector" };
    draft.template(input, [selector, "ItemSelector"])?;
    for name in ["MaxConcurrency", "ToleratedFailureCount", "ToleratedFailurePercentage"] {
        draft.path_to_number(input, name)?;
    }
    part_of(draft, "ItemReader", |reader| {
        reader.template(input, ["Parameters", "Arguments"])?;
        part_of(reader, "ReaderConfig", |config| config.path_to_number(input, "MaxItems"))
    })?;
    part_of(draft, "ItemBatcher", |batcher| {
        batcher.path_to_number(input, "MaxItemsPerBatch")?;
        batcher.path_to_number(input, "MaxInputBytesPerBatch")?;
        batcher.template(input, ["BatchInput", "BatchInput"]).map(|_| ())
    })?;
    part_of(draft, "ResultWriter", |writer| {
        writer.template(input, ["Parameters", "Arguments"]).map(|_| ())
    })?;
    if let Some(iterator) = draft.old.get("Iterator")
        && !draft.old.contains_key("ItemProcessor")
    {
        draft.set("ItemProcessor", iterator.clone(), &["Iterator"]);
    }
    work(draft, input)
}

/// An object within a state.
fn part_of(
    draft: &mut Draft<'_>,
    name: &str,
    convert: impl FnOnce(&mut Draft<'_>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let Some(Value::Object(old)) = draft.old.get(name) else { return Ok(()) };
    let at = draft.pointer(name);
    let mut inner = Draft::new(old, &at);
    convert(&mut inner)?;
    draft.can_fail |= inner.can_fail;
    let new = inner.finish();
    if new != *old {
        draft.set(name, Value::Object(new), &[]);
    }
    Ok(())
}

fn pass(draft: &mut Draft<'_>, input: &Scope<'_>) -> Result<(), Refusal> {
    let (fields, at) = (draft.old, draft.at);
    let result = match (fields.get("Result"), fields.get("Parameters")) {
        (Some(result), _) => Part::Constant(result.clone()),
        (None, Some(parameters)) => template::convert(input, parameters, &below(at, "Parameters"))?,
        (None, None) => input.data.clone(),
    };
    let scope = Scope { data: result.clone(), machine: input.machine };
    let output = Flow { fields, at, result, has_output_path: true }.output(&scope)?;
    let sources = ["Result", "Parameters", "InputPath", "ResultPath", "OutputPath"];
    if output.is(INPUT) {
        draft.drop("Result");
        draft.drop("Parameters");
    } else {
        draft.set_part("Output", &output, &sources);
    }
    let drawn = template::draws(&scope.data.to_value().to_string());
    if drawn > 0 && fields.contains_key("Assign") {
        let at = draft.pointer("Assign");
        return Refusal::new(&at, "what the state draws at random would be drawn twice");
    }
    assign(draft, &scope)
}

fn choice(
    draft: &mut Draft<'_>,
    input: &Scope<'_>,
    remarks: &mut Vec<Remark>,
) -> Result<(), Refusal> {
    let output = through(draft, input)?;
    assign(draft, input)?;
    let at = draft.pointer("Choices");
    let Some(Value::Array(rules)) = draft.old.get("Choices") else {
        return Refusal::new(&at, "expected rules");
    };
    let mut conditions = Conditions { scope: input, remarks };
    let (mut known, mut new) = (Known::default(), Vec::new());
    for (index, rule) in rules.iter().enumerate() {
        let at = below(&at, &index.to_string());
        let condition = conditions.convert(rule, &known, &at)?;
        // The next rule is looked at only when this one does not hold.
        known = known.and(&condition.always).and(&condition.when_false);
        let Some(fields) = rule.as_object() else {
            return Refusal::new(&at, "a rule must be an object");
        };
        let mut rule = Draft::new(fields, &at);
        let others = ["Next", "Comment", "Assign"];
        let sources: Vec<_> =
            fields.keys().map(String::as_str).filter(|name| !others.contains(name)).collect();
        rule.set("Condition", Value::String(delimited(&condition.expr.finish())), &sources);
        assign(&mut rule, input)?;
        if let Some(output) = &output {
            rule.set("Output", output.clone(), &[]);
        }
        new.push(Value::Object(rule.finish()));
    }
    draft.set("Choices", Value::Array(new), &[]);
    Ok(())
}

fn fail(draft: &mut Draft<'_>, input: &Scope<'_>) -> Result<(), Refusal> {
    for name in ["Error", "Cause"] {
        draft.path(input, name)?;
        if let Some(Value::String(text)) = draft.old.get(name) {
            let escaped = constant_string(text);
            if escaped != *text {
                draft.set(name, Value::String(escaped), &[]);
            }
        }
    }
    Ok(())
}

/// Says when the state takes errors that JSONPath keeps from everybody.
fn caught(state: &Map<String, Value>, at: &str) -> Option<Remark> {
    const WIDE: [&str; 3] = ["States.ALL", "States.TaskFailed", "States.QueryEvaluationError"];
    let takes = |name: &&&str| {
        let list = state.get(**name).and_then(Value::as_array);
        list.into_iter().flatten().any(|one| {
            let errors = one.get("ErrorEquals").and_then(Value::as_array);
            let mut errors = errors.into_iter().flatten().filter_map(Value::as_str);
            errors.any(|error| WIDE.contains(&error))
        })
    };
    let name = ["Catch", "Retry"].iter().find(takes)?;
    let message = format!(
        "a path that finds nothing fails with `States.QueryEvaluationError` now, which this `{name}` takes"
    );
    let help =
        "in JSONPath it is `States.Runtime`, which fails the execution whatever the state says";
    Some(Remark::new(RemarkKind::Caught, below(at, name), message).help(help))
}

/// Functions whose twins are not quite the same, with what is different.
const FUNCTIONS: [(&str, &str, &str); 5] = [
    (
        "States.MathRandom(",
        "random numbers are others than in JSONPath",
        "with a seed, too: the two languages draw in different ways",
    ),
    (
        "States.Base64Encode(",
        "`$base64encode` takes only characters of Latin-1, one byte for each",
        "texts of ASCII give the same",
    ),
    (
        "States.Format(",
        "an object in a text is written as JSON, which JSONPath writes as `{a=1}`",
        "texts, numbers, booleans and null give the same",
    ),
    (
        "States.ArrayRange(",
        "`$range` need not refuse what `States.ArrayRange` refuses",
        "this matters only for more than 1,000 numbers, or a step that leads away from the end",
    ),
    ("States.Hash(", "`$hash` sees numbers in JSONata's spelling: 1.0 is 1", "texts give the same"),
];

/// Says what is different about functions that the state calls.
fn says_of_functions(value: &Value, at: &str, remarks: &mut Vec<Remark>) {
    match value {
        Value::String(text) => {
            for (name, message, help) in FUNCTIONS {
                if text.starts_with("States.") && text.contains(name) && says(name, text) {
                    remarks.push(Remark::new(RemarkKind::Differs, at, message).help(help));
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                says_of_functions(item, &below(at, &index.to_string()), remarks);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                says_of_functions(member, &below(at, name), remarks);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether a call gives reason to speak.
fn says(name: &str, text: &str) -> bool {
    // Only what is found by a path can be an object.
    name != "States.Format(" || text.contains('$')
}
