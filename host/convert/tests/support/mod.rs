//! A machine in JSONPath run by the engine, and one in JSONata run here: Pass, Task, Choice and Succeed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jlens_core::{Bindings, Expression, HostFunction};
use serde_json::{Map, Value, json};
use stepwell_engine::{Effect, Event, Execution, Failure, Outcome, Start};
use stepwell_query::{Document, Intrinsic, Scope};

type Ended = Result<Value, String>;

/// Runs a machine in JSONPath. A function returns what it gets, or fails where that has a member `fail`.
/// `None`: the engine does not take the machine.
pub(crate) fn jsonpath(definition: &Value, input: &Value) -> Option<Ended> {
    let loaded = stepwell_asl::load(&definition.to_string(), "machine").ok()?;
    let definition = &loaded.machines[0].definition;
    let at = Timestamp::UNIX_EPOCH;
    let start = Start {
        name: "execution".to_owned(),
        machine_name: "machine".to_owned(),
        execution_arn: String::new(),
        machine_arn: String::new(),
        role_arn: String::new(),
        input: Document::parse(input.to_string()).expect("it is JSON"),
        at,
        seed: 1,
        history_events_max: None,
        child_executions_max: stepwell_engine::DISTRIBUTED_EXECUTIONS_MAX,
        from: None,
    };
    let mut execution = Execution::new(start);
    let mut event = Event::Started;
    loop {
        let applied = execution.apply(definition, at, event).expect("it was asked for");
        if let Some(outcome) = execution.outcome() {
            return Some(match outcome {
                Outcome::Succeeded { output } => Ok(output.value().clone()),
                other => Err(format!("{other:?}")),
            });
        }
        let invoke = applied.effects.into_iter().find_map(|effect| match effect {
            Effect::Invoke(invocation) => Some(invocation),
            _ => None,
        });
        let invocation = invoke.expect("only functions are waited for");
        let (id, output) = (invocation.id, invocation.payload);
        event = if fails(output.value()) {
            let failure = Failure::new("E", "C");
            Event::FunctionFailed { id, failure }
        } else {
            Event::FunctionSucceeded { id, output }
        };
    }
}

fn fails(payload: &Value) -> bool {
    payload.get("b").is_some_and(|b| b == "x" || b.get("a").is_some())
}

/// Runs a machine in JSONata as [`jsonpath`] does one in JSONPath.
pub(crate) fn jsonata(definition: &Value, input: &Value) -> Ended {
    let mut run = Run { variables: BTreeMap::new(), execution_input: input };
    let mut name = definition["StartAt"].as_str().expect("it has a start").to_owned();
    let mut input = input.clone();
    loop {
        let state = definition["States"][&name].as_object().expect("it is there");
        let context = json!({
            "Execution": { "Input": run.execution_input, "Name": "execution" },
            "State": { "Name": name },
        });
        let mut states = Map::new();
        states.insert("input".to_owned(), input.clone());
        states.insert("context".to_owned(), context);
        let (output, next) = run.state(state, states, &input)?;
        input = output;
        match next {
            Some(next) => name = next,
            None => return Ok(input),
        }
    }
}

struct Run<'i> {
    variables: BTreeMap<String, Value>,
    execution_input: &'i Value,
}

impl Run<'_> {
    fn state(
        &mut self,
        state: &Map<String, Value>,
        mut states: Map<String, Value>,
        input: &Value,
    ) -> Result<(Value, Option<String>), String> {
        let next =
            |of: &Map<String, Value>| of.get("Next").and_then(Value::as_str).map(str::to_owned);
        match state["Type"].as_str() {
            Some("Choice") => {
                for rule in state["Choices"].as_array().into_iter().flatten() {
                    let rule = rule.as_object().expect("it is a rule");
                    match self.fill(&rule["Condition"], &states)? {
                        Value::Bool(true) => {
                            return Ok((self.leave(rule, &states, input)?, next(rule)));
                        }
                        Value::Bool(false) => {}
                        other => return Err(format!("{other} is no condition")),
                    }
                }
                let output = self.leave(state, &states, input)?;
                Ok((output, state["Default"].as_str().map(str::to_owned)))
            }
            Some("Task") => {
                let payload = match state.get("Arguments") {
                    Some(arguments) => self.fill(arguments, &states)?,
                    None => input.clone(),
                };
                if fails(&payload) {
                    let catcher = state["Catch"][0].as_object().expect("it has a catcher");
                    let error = json!({ "Error": "E", "Cause": "C" });
                    states.insert("errorOutput".to_owned(), error.clone());
                    return Ok((self.leave(catcher, &states, &error)?, next(catcher)));
                }
                states.insert("result".to_owned(), payload.clone());
                Ok((self.leave(state, &states, &payload)?, next(state)))
            }
            _ => Ok((self.leave(state, &states, input)?, next(state))),
        }
    }

    /// `Output` and `Assign`, both of the variables as they were.
    fn leave(
        &mut self,
        fields: &Map<String, Value>,
        states: &Map<String, Value>,
        otherwise: &Value,
    ) -> Ended {
        let output = match fields.get("Output") {
            Some(output) => self.fill(output, states)?,
            None => otherwise.clone(),
        };
        if let Some(assign) = fields.get("Assign") {
            let assigned = self.fill(assign, states)?;
            let assigned = assigned.as_object().expect("it is an object").clone();
            self.variables.extend(assigned);
        }
        Ok(output)
    }

    fn fill(&self, template: &Value, states: &Map<String, Value>) -> Ended {
        match template {
            Value::String(text) if text.starts_with("{%") => {
                let inner = text.strip_prefix("{%").and_then(|text| text.strip_suffix("%}"));
                self.evaluate(inner.expect("it ends as it begins").trim(), states)
            }
            Value::String(text) => {
                assert!(!text.ends_with("%}"), "AWS refuses {text}");
                Ok(template.clone())
            }
            Value::Array(items) => items.iter().map(|item| self.fill(item, states)).collect(),
            Value::Object(members) => members
                .iter()
                .map(|(name, member)| Ok((name.clone(), self.fill(member, states)?)))
                .collect::<Result<Map<_, _>, String>>()
                .map(Value::Object),
            other => Ok(other.clone()),
        }
    }

    fn evaluate(&self, expression: &str, states: &Map<String, Value>) -> Ended {
        let compiled =
            Expression::compile(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
        let mut bindings = Bindings::new().var("states", Value::Object(states.clone()));
        for (name, function) in [
            ("partition", "ArrayPartition"),
            ("range", "ArrayRange"),
            ("hash", "Hash"),
            ("parse", "StringToJson"),
        ] {
            bindings = bindings.function(name, host(function));
        }
        for (name, value) in &self.variables {
            bindings = bindings.var(name, value.clone());
        }
        match compiled.evaluate(None, &bindings) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(format!("{expression} is undefined")),
            Err(error) => Err(format!("{expression}: {error}")),
        }
    }
}

/// What AWS adds to JSONata, by the intrinsic function that does the same.
fn host(function: &'static str) -> HostFunction {
    let arity = match function {
        "StringToJson" => 1,
        "ArrayRange" => 3,
        _ => 2,
    };
    HostFunction::new(arity, move |arguments, _| {
        if arguments.iter().any(Option::is_none) {
            return Ok(None);
        }
        let data = Data(arguments.iter().cloned().map(Option::unwrap_or_default).collect());
        let places: Vec<_> = (0..arity).map(|index| format!("$[{index}]")).collect();
        let call = Intrinsic::parse(&format!("States.{function}({})", places.join(", "))).unwrap();
        match call.evaluate(&data) {
            Ok(value) => Ok(Some(value)),
            Err(error) => {
                Err(Expression::compile(&format!("$error({})", json!(error.to_string())))
                    .unwrap()
                    .evaluate(None, &Bindings::new())
                    .unwrap_err())
            }
        }
    })
}

struct Data(Value);

impl Scope for Data {
    fn states(&self, _: &str) -> Option<&Value> {
        None
    }

    fn now_ms(&self) -> i64 {
        0
    }

    fn data(&self) -> &Value {
        &self.0
    }

    fn context(&self, _: [Option<&str>; 2]) -> &Value {
        &Value::Null
    }

    fn execution_input(&self) -> &Value {
        &Value::Null
    }

    fn variable(&self, _: &str) -> Option<&Value> {
        None
    }

    fn draw(&self) -> u64 {
        0
    }
}

/// Whether two values are the same, 1 and 1.0 being one number.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(name, left)| right.get(name).is_some_and(|right| same(left, right)))
        }
        _ => left == right,
    }
}
