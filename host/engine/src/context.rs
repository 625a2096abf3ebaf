//! The context object, `$$` (`facts/asl.md` 2.6), and the scope in which paths are evaluated.

use std::cell::{Cell, OnceCell};

use jiff::Timestamp;
use serde_json::{Value, json};
use stepwell_asl::Name;
use stepwell_query::{Scope, format_timestamp};

use crate::event::Start;
use crate::failure;

/// What the context object says about a moment.
pub(crate) struct Moment<'e> {
    pub(crate) start: &'e Start,
    pub(crate) state: &'e Name,
    pub(crate) entered_at: Timestamp,
    /// Only for states that can be retried.
    pub(crate) retry_count: Option<u64>,
    /// The last event before it, and how many random numbers were drawn since then.
    pub(crate) previous_id: u64,
    pub(crate) draws: Cell<u64>,
}

impl Moment<'_> {
    fn to_value(&self) -> Value {
        let mut state = json!({
            "EnteredTime": format_timestamp(self.entered_at),
            "Name": self.state,
        });
        if let Some(retry_count) = self.retry_count {
            state["RetryCount"] = json!(retry_count);
        }
        json!({
            "Execution": {
                "Id": self.start.execution_arn,
                "Input": self.start.input.value(),
                "Name": self.start.name,
                "RoleArn": self.start.role_arn,
                "StartTime": format_timestamp(self.start.at),
                "RedriveCount": 0,
            },
            "State": state,
            "StateMachine": { "Id": self.start.machine_arn, "Name": self.start.machine_name },
        })
    }
}

/// Data and context. The context object is made only when a path asks for it.
pub(crate) struct At<'e> {
    data: &'e Value,
    moment: &'e Moment<'e>,
    context: OnceCell<Value>,
}

impl<'e> At<'e> {
    pub(crate) fn new(data: &'e Value, moment: &'e Moment<'e>) -> Self {
        Self { data, moment, context: OnceCell::new() }
    }
}

impl Scope for At<'_> {
    fn data(&self) -> &Value {
        self.data
    }

    fn context(&self) -> &Value {
        self.context.get_or_init(|| self.moment.to_value())
    }

    /// No state assigns any yet.
    fn variable(&self, _name: &str) -> Option<&Value> {
        None
    }

    fn draw(&self) -> u64 {
        let number = self.moment.draws.replace(self.moment.draws.get() + 1);
        // The complement keeps these apart from what is drawn for effects, whose ids are small.
        failure::draw(self.moment.start.seed, !(self.moment.previous_id << 32 | number))
    }
}
