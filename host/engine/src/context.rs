//! The context object, `$$` (`facts/asl.md` 2.6), and the scope in which paths are evaluated.

use std::cell::OnceCell;

use jiff::Timestamp;
use serde_json::{Value, json};
use stepwell_asl::Name;
use stepwell_query::{Scope, format_timestamp};

use crate::event::Start;

/// What the context object says about a moment.
pub(crate) struct Moment<'e> {
    pub(crate) start: &'e Start,
    pub(crate) state: &'e Name,
    pub(crate) entered_at: Timestamp,
    /// Only for states that can be retried.
    pub(crate) retry_count: Option<u64>,
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
}
