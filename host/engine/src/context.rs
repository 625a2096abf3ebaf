//! The context object, `$$` (`facts/asl.md` 2.6), and the scope in which paths are evaluated.

use std::cell::OnceCell;

use jiff::Timestamp;
use serde_json::{Value, json};
use stepwell_asl::State;
use stepwell_query::{Document, Scope, SharedRoot, format_timestamp};

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
    at: Timestamp,
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
            at: turn.at,
            state: turn.state(branch),
            branch,
            item,
        }
    }

    /// The whole context object.
    fn whole(self) -> Value {
        let mut context = self.small();
        context["Execution"]["Input"] = self.execution().input.value().clone();
        if let Some(item) = self.item() {
            context["Map"] = map(item);
        }
        context
    }

    /// The context object without documents, whose size is anybody's guess.
    fn small(self) -> Value {
        let mut state = json!({
            "EnteredTime": format_timestamp(self.branch.entered_at),
            "Name": self.state.name,
        });
        if self.state.kind.work().is_some() {
            state["RetryCount"] = json!(self.branch.retry_count());
        }
        let Identity { arn, name, machine_arn, at, .. } = self.execution();
        let redrives = &self.counters.redrives;
        let mut context = json!({
            "Execution": {
                "Id": arn,
                "Input": {},
                "Name": name,
                "RoleArn": self.start.role_arn,
                "StartTime": format_timestamp(at),
                "RedriveCount": redrives.count,
            },
            "State": state,
            "StateMachine": { "Id": machine_arn, "Name": self.start.machine_name },
        });
        if let Some(at) = redrives.last_at {
            context["Execution"]["RedriveTime"] = json!(format_timestamp(at));
        }
        if let Some(token) = &self.branch.token {
            context["Task"] = json!({ "Token": token });
        }
        context
    }

    /// The execution that the branch belongs to: a child, or the one that was started.
    fn execution(self) -> Identity<'t> {
        let start = self.start;
        match self.branch.child.and_then(|id| self.running.children.get(&id)) {
            Some(child) => Identity {
                arn: &child.execution_arn,
                name: &child.name,
                machine_arn: &child.machine_arn,
                input: &child.input,
                at: child.at,
            },
            None => Identity {
                arn: &start.execution_arn,
                name: &start.name,
                machine_arn: &start.machine_arn,
                input: &start.input,
                at: start.at,
            },
        }
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

/// What the context object says about an execution.
struct Identity<'t> {
    arn: &'t str,
    name: &'t str,
    machine_arn: &'t str,
    input: &'t Document,
    at: Timestamp,
}

fn map(item: &Item) -> Value {
    let mut shown =
        json!({ "Index": item.index, "Value": item.value.value(), "Source": "STATE_DATA" });
    if let Some(key) = &item.key {
        shown["Key"] = json!(key);
    }
    json!({ "Item": shown })
}

/// What JSONata's `$states` has beside the input and the context.
#[derive(Clone, Copy, Default)]
pub(crate) struct States<'t> {
    pub(crate) result: Option<&'t Document>,
    pub(crate) error_output: Option<&'t Document>,
}

/// Data and context. Of the context object only as much is made as a path asks for: an execution's input
/// or an item may be large, and a Map asks for each of many items.
pub(crate) struct At<'t> {
    data: &'t Value,
    moment: &'t Moment<'t>,
    states: States<'t>,
    whole: OnceCell<Value>,
    small: OnceCell<Value>,
    map: OnceCell<Value>,
}

impl<'t> At<'t> {
    pub(crate) fn new(data: &'t Value, moment: &'t Moment<'t>, states: States<'t>) -> Self {
        let (whole, small, map) = Default::default();
        Self { data, moment, states, whole, small, map }
    }
}

impl Scope for At<'_> {
    fn data(&self) -> &Value {
        self.data
    }

    fn context(&self, names: [Option<&str>; 2]) -> &Value {
        match names {
            [None, _] | [Some("Execution"), None | Some("Input")] => {
                self.whole.get_or_init(|| self.moment.whole())
            }
            [Some("Map"), _] => self.map.get_or_init(|| {
                self.moment.item().map_or_else(|| json!({}), |item| json!({ "Map": map(item) }))
            }),
            [Some(_), _] => self.small.get_or_init(|| self.moment.small()),
        }
    }

    fn execution_input(&self) -> &Value {
        self.moment.execution().input.value()
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        self.moment.variable(name).map(Document::value)
    }

    fn states(&self, field: &str) -> Option<&Value> {
        match field {
            "input" => Some(self.moment.branch.input.value()),
            "result" => self.states.result.map(Document::value),
            "errorOutput" => self.states.error_output.map(Document::value),
            _ => None,
        }
    }

    fn shared(&self, root: SharedRoot<'_>) -> Option<Document> {
        match root {
            SharedRoot::Variable(name) => self.moment.variable(name),
            SharedRoot::States("input") => Some(&self.moment.branch.input),
            SharedRoot::States("result") => self.states.result,
            SharedRoot::States("errorOutput") => self.states.error_output,
            SharedRoot::States(_) => None,
        }
        .cloned()
    }

    fn now_ms(&self) -> i64 {
        self.moment.at.as_millisecond()
    }

    fn draw(&self) -> u64 {
        self.moment.counters.draw(self.moment.start.seed)
    }
}
