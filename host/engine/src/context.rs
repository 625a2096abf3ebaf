//! The context object, `$$` (`facts/asl.md` 2.6), and the scope in which paths are evaluated.

use std::cell::OnceCell;

use serde_json::{Value, json};
use stepwell_asl::State;
use stepwell_query::{Document, Scope, format_timestamp};

use crate::branch::{Branch, Item};
use crate::event::Start;
use crate::execution::{Counters, Running};
use crate::turn::Turn;

/// A moment in the life of a branch: what the context object tells of, and which variables there are.
#[derive(Clone, Copy)]
pub(crate) struct Moment<'t> {
    start: &'t Start,
    running: &'t Running,
    counters: &'t Counters,
    pub(crate) state: &'t State,
    pub(crate) branch: &'t Branch,
    /// The branch's own item, or the one that it is about to begin an iteration for.
    item: Option<&'t Item>,
}

impl<'t> Moment<'t> {
    pub(crate) fn new(turn: &'t Turn<'_>, branch: &'t Branch, item: Option<&'t Item>) -> Self {
        Self {
            start: turn.start,
            running: turn.running,
            counters: turn.counters,
            state: turn.state(branch),
            branch,
            item,
        }
    }

    fn to_value(self) -> Value {
        let mut about_state = json!({
            "EnteredTime": format_timestamp(self.branch.entered_at),
            "Name": self.state.name,
        });
        if self.state.kind.work().is_some() {
            about_state["RetryCount"] = json!(self.branch.retry_count());
        }
        let start = self.start;
        let (mut execution_arn, mut name, mut input) =
            (&start.execution_arn, &start.name, &start.input);
        let (mut machine_arn, mut at) = (&start.machine_arn, start.at);
        if let Some(child) = self.branch.child.and_then(|id| self.running.children.get(&id)) {
            (execution_arn, name, input) = (&child.execution_arn, &child.name, &child.input);
            (machine_arn, at) = (&child.machine_arn, child.at);
        }
        let mut context = json!({
            "Execution": {
                "Id": execution_arn,
                "Input": input.value(),
                "Name": name,
                "RoleArn": start.role_arn,
                "StartTime": format_timestamp(at),
                "RedriveCount": 0,
            },
            "State": about_state,
            "StateMachine": { "Id": machine_arn, "Name": start.machine_name },
        });
        if let Some(item) = self.item() {
            let (index, value) = (item.index, item.value.value());
            context["Map"] =
                json!({ "Item": { "Index": index, "Value": value, "Source": "STATE_DATA" } });
        }
        context
    }

    /// The item of the innermost Map around.
    fn item(self) -> Option<&'t Item> {
        self.item.or_else(|| self.outwards().find_map(|branch| branch.item.as_ref()))
    }

    fn variable(self, name: &str) -> Option<&'t Document> {
        let own = self.branch.variables.get(name);
        // A child execution does not see the variables of the one that runs it.
        own.or_else(|| {
            self.outwards()
                .take_while(|branch| branch.child == self.branch.child)
                .find_map(|branch| branch.variables.get(name))
        })
    }

    /// The branches around, from the nearest on.
    fn outwards(self) -> impl Iterator<Item = &'t Branch> {
        let around = move |branch: &&'t Branch| {
            branch.parent.and_then(|(parent, _)| self.running.branches.get(&parent))
        };
        std::iter::successors(Some(self.branch), around).skip(1)
    }
}

/// Data and context. The context object is made only when a path asks for it.
pub(crate) struct At<'t> {
    data: &'t Value,
    moment: &'t Moment<'t>,
    context: OnceCell<Value>,
}

impl<'t> At<'t> {
    pub(crate) fn new(data: &'t Value, moment: &'t Moment<'t>) -> Self {
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

    fn variable(&self, name: &str) -> Option<&Value> {
        self.moment.variable(name).map(Document::value)
    }

    fn draw(&self) -> u64 {
        self.moment.counters.draw(self.moment.start.seed)
    }
}
