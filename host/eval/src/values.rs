//! What an expression can see: the fields of `$states`, the context object, variables, the time and chance.

use std::cell::Cell;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use stepwell_query::{Scope, VARIABLE_NAME_CHARACTERS_MAX, is_variable_name};

/// The fields of `$states` beside its context.
pub(crate) const STATES: [&str; 3] = ["input", "result", "errorOutput"];
/// The context object's name among them.
pub(crate) const CONTEXT: &str = "context";

/// The values of a state that is imagined.
#[derive(Debug, Clone)]
pub struct Values {
    /// Has an input at any time.
    states: Map<String, Value>,
    /// What the context object is made of: what there is without being told, and what was told.
    context_default: Value,
    context_told: Value,
    /// Both together, with the execution's input.
    context: Value,
    variables: BTreeMap<String, Value>,
    now_ms: i64,
    seed: u64,
    draws: Cell<u64>,
}

/// A value that cannot be what it was given as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValuesError {
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

impl Values {
    /// An input of `{}`, and no variables. The context object is the one given; the input is added to it as
    /// that of the execution.
    pub fn new(context: Value, now_ms: i64, seed: u64) -> Self {
        let mut values = Self {
            states: Map::from_iter([("input".to_owned(), json!({}))]),
            context_default: context,
            context_told: json!({}),
            context: Value::Null,
            variables: BTreeMap::new(),
            now_ms,
            seed,
            draws: Cell::new(0),
        };
        values.make_context();
        values
    }

    /// Another input, of the state and of the execution.
    pub fn set_input(&mut self, input: Value) {
        self.states.insert("input".to_owned(), input);
        self.make_context();
    }

    /// The whole of `$states`: an object with `input`, `result`, `errorOutput` and `context`, of which each may
    /// be missing. The context is taken as by [`Self::set_context`].
    pub fn set_states(&mut self, states: Value) -> Result<(), ValuesError> {
        let Value::Object(mut states) = states else {
            return Err(not_object("`$states`", &states));
        };
        let unknown = states.keys().find(|name| !is_states_field(name));
        if let Some(name) = unknown {
            return Err(ValuesError {
                message: format!("`$states` has no `{name}`"),
                help: Some(
                    "its fields are `input`, `result`, `errorOutput` and `context`".to_owned(),
                ),
            });
        }
        if let Some(context) = states.remove(CONTEXT) {
            self.set_context(context)?;
        }
        states.entry("input").or_insert_with(|| json!({}));
        self.states = states;
        self.make_context();
        Ok(())
    }

    /// Members of the context object that are other than by default, at any depth.
    pub fn set_context(&mut self, context: Value) -> Result<(), ValuesError> {
        if !context.is_object() {
            return Err(not_object("the context object", &context));
        }
        self.context_told = context;
        self.make_context();
        Ok(())
    }

    /// All variables: an object.
    pub fn set_variables(&mut self, variables: Value) -> Result<(), ValuesError> {
        let Value::Object(variables) = variables else {
            return Err(not_object("the variables", &variables));
        };
        for name in variables.keys() {
            check_name(name)?;
        }
        self.variables = variables.into_iter().collect();
        Ok(())
    }

    /// One variable. The name comes without `$`.
    pub fn set_variable(&mut self, name: &str, value: Value) -> Result<(), ValuesError> {
        check_name(name)?;
        self.variables.insert(name.to_owned(), value);
        Ok(())
    }

    /// Takes a variable away; whether there was one.
    pub fn unset_variable(&mut self, name: &str) -> bool {
        self.variables.remove(name).is_some()
    }

    /// Another time, in milliseconds since the epoch.
    pub fn set_now_ms(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
    }

    /// The variables, without `$`.
    pub fn variables(&self) -> &BTreeMap<String, Value> {
        &self.variables
    }

    /// The whole context object.
    pub fn whole_context(&self) -> &Value {
        &self.context
    }

    /// The whole of `$states`.
    pub fn whole_states(&self) -> Value {
        let mut states = self.states.clone();
        states.insert(CONTEXT.to_owned(), self.context.clone());
        Value::Object(states)
    }

    fn make_context(&mut self) {
        let mut context = self.context_default.clone();
        merge(&mut context, &json!({"Execution": {"Input": self.states["input"]}}));
        merge(&mut context, &self.context_told);
        self.context = context;
    }
}

impl Scope for Values {
    fn data(&self) -> &Value {
        &self.states["input"]
    }

    fn context(&self, _: [Option<&str>; 2]) -> &Value {
        &self.context
    }

    fn execution_input(&self) -> &Value {
        &self.context["Execution"]["Input"]
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }

    fn states(&self, field: &str) -> Option<&Value> {
        self.states.get(field)
    }

    fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// The next of a sequence that follows from the seed (`SplitMix64`).
    fn draw(&self) -> u64 {
        let number = self.draws.get() + 1;
        self.draws.set(number);
        let mut x = self.seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }
}

/// Whether `$states` can have a field of that name.
pub(crate) fn is_states_field(name: &str) -> bool {
    STATES.contains(&name) || name == CONTEXT
}

/// Lays one value over another: objects member by member, all else whole.
fn merge(below: &mut Value, above: &Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (name, value) in above {
                merge(below.entry(name.as_str()).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above.clone(),
    }
}

fn check_name(name: &str) -> Result<(), ValuesError> {
    if is_variable_name(name) {
        return Ok(());
    }
    let help = if name == "states" {
        "`$states` is the workflow's own".to_owned()
    } else {
        format!(
            "a name begins with a letter, goes on with letters, digits and `_`, has at most \
             {VARIABLE_NAME_CHARACTERS_MAX} characters, and stands here without `$`"
        )
    };
    Err(ValuesError { message: format!("no variable can be called `{name}`"), help: Some(help) })
}

fn not_object(what: &str, value: &Value) -> ValuesError {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    ValuesError { message: format!("{what} must be a JSON object, not {kind}"), help: None }
}
