//! Random machines that run: whatever their functions answer, no state fails by its data. So they come to
//! where things happen side by side, are retried, caught, waited for and answered by tokens. Each state is in
//! JSONPath or in JSONata, by chance, and does the same in either.
//!
//! What every state hands on is an object: `a`, the items of a Map; `p`, which items this is for; `x`, a number;
//! `r`, what came of the last piece of work. A function gets that, the state's name and all variables, which
//! count the rounds of the loops around. So two calls with one payload (but for the token) are for one piece of
//! work, and an execution without retried forks has each of them done once.

use serde_json::{Value, json};

use crate::random::Random;

/// What the names of Parallel and Map states begin with, and no others.
pub const FORK: char = 'F';

/// How deep Parallel, Map and loops are nested, at most.
const DEPTH_MAX: u32 = 3;
/// About how many states a machine has, at most.
const STATES_MAX: u32 = 16;

/// What a machine may have.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Timeouts, and failures that leave their branch: what comes of it depends on what happens first.
    pub races: bool,
    /// A loop that does more than one `apply` should.
    pub long: bool,
}

/// A random machine.
pub fn machine(random: &mut Random, shape: Shape) -> Value {
    let timeout = (shape.races && random.percent(15)).then(|| 20 + random.below(100));
    let mut maker = Maker { random, shape, names: 0 };
    let mut machine = maker.machine(DEPTH_MAX, &mut Vec::new());
    if let Some(seconds) = timeout {
        machine["TimeoutSeconds"] = json!(seconds);
    }
    machine
}

/// An input for such a machine, and for each of its states that are not in a Map.
pub fn input(random: &mut Random) -> Value {
    let items: Vec<_> = (0..random.below(4)).map(|_| random.below(9)).collect();
    json!({ "a": items, "p": null, "x": random.below(9), "r": null })
}

struct Maker<'r> {
    random: &'r mut Random,
    shape: Shape,
    /// How many were given so far.
    names: u32,
}

/// States by name, as they gather.
type States = serde_json::Map<String, Value>;

impl Maker<'_> {
    fn name(&mut self, prefix: char) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    /// A machine within `depth` more levels; `variables` are those that it sees.
    fn machine(&mut self, depth: u32, variables: &mut Vec<String>) -> Value {
        let (mut states, visible) = (States::new(), variables.len());
        let end = self.name('E');
        let start = self.chain(depth, variables, &mut states, &end);
        variables.truncate(visible);
        let fails = self.shape.races && self.random.percent(5);
        let last = if fails {
            json!({ "Type": "Fail", "Error": "Lost", "Cause": "for good" })
        } else {
            json!({ "Type": "Succeed" })
        };
        states.insert(end, last);
        json!({ "StartAt": start, "States": states })
    }

    /// Pieces one after the other; gives the name of the first.
    fn chain(
        &mut self,
        depth: u32,
        variables: &mut Vec<String>,
        states: &mut States,
        next: &str,
    ) -> String {
        let count = 1 + self.random.index(if depth == DEPTH_MAX { 4 } else { 2 });
        let prefixes: Vec<_> = (0..count).map(|_| self.kind(depth)).collect();
        let mut names: Vec<_> = prefixes.iter().map(|prefix| self.name(*prefix)).collect();
        names.push(next.to_owned());
        for (at, prefix) in prefixes.into_iter().enumerate() {
            let (name, next) = (names[at].clone(), names[at + 1].clone());
            let state = match prefix {
                FORK => self.fork(depth - 1, variables, &next),
                'L' => self.loop_of(depth - 1, variables, states, &next),
                'C' => self.choice(variables, states, &next),
                'P' => self.pass(variables, &name, &next),
                'W' => self.wait(&next),
                _ => self.task(variables, &next),
            };
            states.insert(name, state);
        }
        names.swap_remove(0)
    }

    /// What the next piece is, as the first letter of its name.
    fn kind(&mut self, depth: u32) -> char {
        let nests = depth > 0 && self.names < STATES_MAX;
        match self.random.below(if nests { 14 } else { 8 }) {
            0..5 => 'T',
            5 => 'W',
            6 => 'P',
            7 => 'C',
            8..12 => FORK,
            _ => 'L',
        }
    }

    fn choice(&mut self, variables: &[String], states: &mut States, next: &str) -> Value {
        let name = self.name('T');
        let task = self.task(variables, next);
        states.insert(name.clone(), task);
        let number = self.random.below(9);
        if self.jsonata() {
            let condition = format!("{{% $states.input.x < {number} %}}");
            return in_jsonata(json!({
                "Type": "Choice", "Choices": [{ "Condition": condition, "Next": next }],
                "Default": name,
            }));
        }
        let rule = json!({ "Variable": "$.x", "NumericLessThan": number, "Next": next });
        json!({ "Type": "Choice", "Choices": [rule], "Default": name })
    }

    /// Whether the next state is in JSONata.
    fn jsonata(&mut self) -> bool {
        self.random.percent(40)
    }

    fn wait(&mut self, next: &str) -> Value {
        let seconds = self.random.below(20);
        if self.jsonata() {
            let computed = format!("{{% $sum([{seconds}, 0]) %}}");
            return in_jsonata(json!({ "Type": "Wait", "Seconds": computed, "Next": next }));
        }
        json!({ "Type": "Wait", "Seconds": seconds, "Next": next })
    }

    /// Keeps the number in a variable, or one that is drawn: then what is done next depends on what was before.
    fn pass(&mut self, variables: &mut Vec<String>, name: &str, next: &str) -> Value {
        let variable = format!("v{name}");
        let state = if self.jsonata() {
            let drawn = self.shape.races && self.random.percent(50);
            let value = if drawn { "{% $uuid() %}" } else { "{% $states.input.x %}" };
            in_jsonata(json!({ "Type": "Pass", "Assign": { &variable: value }, "Next": next }))
        } else {
            json!({ "Type": "Pass", "Assign": { format!("{variable}.$"): "$.x" }, "Next": next })
        };
        variables.push(variable);
        state
    }

    /// A loop that is gone through a few times: its first state.
    fn loop_of(
        &mut self,
        depth: u32,
        variables: &mut Vec<String>,
        states: &mut States,
        next: &str,
    ) -> Value {
        let (more, again) = (self.name('P'), self.name('C'));
        let round = format!("n{more}");
        let long = self.shape.long && self.random.percent(70);
        let visible = variables.len();
        variables.push(round.clone());
        let (rounds, body) = if long {
            (90 + self.random.below(60), more.clone())
        } else {
            (1 + self.random.below(3), self.chain(depth, variables, states, &more))
        };
        variables.truncate(visible);
        let (counting, asking) = if self.jsonata() {
            let increment = format!("{{% ${round} + 1 %}}");
            let condition = format!("{{% ${round} < {rounds} %}}");
            let rule = json!({ "Condition": condition, "Next": body });
            (
                in_jsonata(
                    json!({ "Type": "Pass", "Assign": { &round: increment }, "Next": again }),
                ),
                in_jsonata(json!({ "Type": "Choice", "Choices": [rule], "Default": next })),
            )
        } else {
            let value = format!("${round}");
            let increment = json!({ format!("{round}.$"): format!("States.MathAdd({value}, 1)") });
            let rule = json!({ "Variable": value, "NumericLessThan": rounds, "Next": body });
            (
                json!({ "Type": "Pass", "Assign": increment, "Next": again }),
                json!({ "Type": "Choice", "Choices": [rule], "Default": next }),
            )
        };
        states.insert(more, counting);
        states.insert(again, asking);
        json!({ "Type": "Pass", "Assign": { round: 0 }, "Next": body })
    }

    fn fork(&mut self, depth: u32, variables: &mut Vec<String>, next: &str) -> Value {
        let jsonata = self.jsonata();
        let mut state = match self.random.below(3) {
            0 => {
                let count = 2 + self.random.below(2);
                let branches: Vec<_> = (0..count).map(|_| self.machine(depth, variables)).collect();
                json!({ "Type": "Parallel", "Branches": branches })
            }
            1 => {
                let processor = self.machine(depth, variables);
                self.map(&processor, &[], jsonata)
            }
            _ => self.distributed(depth, variables, jsonata),
        };
        if jsonata {
            state["Output"] = json!(put("r", "{'x': [$states.result.x]}"));
            state = in_jsonata(state);
        } else {
            state["ResultSelector"] = json!({ "x.$": "$[*].x" });
            state["ResultPath"] = json!("$.r");
        }
        state["Next"] = json!(next);
        if self.shape.races && self.random.percent(40) {
            self.retry_and_catch(&mut state, next);
        }
        state
    }

    fn map(&mut self, processor: &Value, variables: &[String], jsonata: bool) -> Value {
        if jsonata {
            let handed: Value = variables
                .iter()
                .map(|name| (name.clone(), json!(format!("{{% ${name} %}}"))))
                .collect();
            return json!({
                "Type": "Map", "Items": "{% $states.input.a %}",
                "MaxConcurrency": self.random.below(4),
                "ItemSelector": {
                    "a": "{% $states.input.a %}", "x": "{% $states.context.Map.Item.Value %}",
                    "r": null, "v": handed,
                    "p": "{% [$states.input.p, $states.context.Map.Item.Index] %}",
                },
                "ItemProcessor": processor,
            });
        }
        let handed: Value =
            variables.iter().map(|name| (format!("{name}.$"), json!(format!("${name}")))).collect();
        json!({
            "Type": "Map", "ItemsPath": "$.a", "MaxConcurrency": self.random.below(4),
            "ItemSelector": {
                "a.$": "$.a", "x.$": "$$.Map.Item.Value", "r": null, "v": handed,
                "p.$": "States.Array($.p, $$.Map.Item.Index)",
            },
            "ItemProcessor": processor,
        })
    }

    /// A Map whose iterations are executions of their own. They see no variables, so they are told.
    fn distributed(&mut self, depth: u32, variables: &mut Vec<String>, jsonata: bool) -> Value {
        let mut processor = self.machine(depth, variables);
        if !variables.is_empty() {
            let first = self.name('P');
            let assigned: Value = variables
                .iter()
                .map(|name| (format!("{name}.$"), json!(format!("$.v.{name}"))))
                .collect();
            let pass = json!({ "Type": "Pass", "Assign": assigned, "Next": processor["StartAt"] });
            processor["States"][first.as_str()] = pass;
            processor["StartAt"] = json!(first);
        }
        processor["ProcessorConfig"] =
            json!({ "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" });
        let mut map = self.map(&processor, variables, jsonata);
        if self.shape.races && self.random.percent(50) {
            map["ToleratedFailureCount"] = json!(1 + self.random.below(3));
        }
        map
    }

    /// A function, called plainly, by `lambda:invoke`, or such that somebody answers by a token.
    fn task(&mut self, variables: &[String], next: &str) -> Value {
        let member = if self.random.percent(40) { "x" } else { "r" };
        let way = self.random.below(5);
        let mut state = if self.jsonata() {
            task_in_jsonata(variables, member, way)
        } else {
            task_in_jsonpath(variables, member, way)
        };
        state["Next"] = json!(next);
        if self.shape.races {
            if self.random.percent(50) {
                state["TimeoutSeconds"] = json!(10 + self.random.below(20));
            }
            if self.random.percent(60) && way > 2 {
                state["HeartbeatSeconds"] = json!(2 + self.random.below(7));
            }
        }
        if !self.shape.races || self.random.percent(75) {
            self.retry_and_catch(&mut state, next);
        }
        state
    }

    fn retry_and_catch(&mut self, state: &mut Value, next: &str) {
        let errors = ["States.ALL", "Busy", "States.Timeout", "States.TaskFailed"];
        if self.random.percent(70) {
            state["Retry"] = json!([{
                "ErrorEquals": [self.random.pick(&errors)], "MaxAttempts": self.random.below(4),
                "IntervalSeconds": 1 + self.random.below(5), "BackoffRate": 1.5,
                "JitterStrategy": self.random.pick(&["FULL", "NONE"]),
            }]);
        }
        if !self.shape.races || self.random.percent(50) {
            let caught = if self.shape.races { self.random.pick(&errors) } else { "States.ALL" };
            let mut catcher = json!({ "ErrorEquals": [caught], "Next": next });
            if state["QueryLanguage"] == "JSONata" {
                catcher["Output"] = json!(put("r", "$states.errorOutput"));
            } else {
                catcher["ResultPath"] = json!("$.r");
            }
            state["Catch"] = json!([catcher]);
        }
    }
}

fn in_jsonata(mut state: Value) -> Value {
    state["QueryLanguage"] = json!("JSONata");
    state
}

/// The input with a member of it replaced, as `ResultPath` does.
fn put(member: &str, value: &str) -> String {
    format!("{{% $merge([$states.input, {{ '{member}': {value} }}]) %}}")
}

/// `way`: a function (0 and 1), `lambda:invoke` (2) or one with a token (3 and more).
fn task_in_jsonpath(variables: &[String], member: &str, way: u64) -> Value {
    let mut payload = json!({ "in.$": "$", "state.$": "$$.State.Name" });
    for name in variables {
        payload[format!("{name}.$")] = json!(format!("${name}"));
    }
    let path = format!("$.{member}");
    match way {
        0 | 1 => json!({
            "Type": "Task", "Resource": "work", "Parameters": payload, "ResultPath": path,
        }),
        2 => json!({
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": { "FunctionName": "work", "Payload": payload },
            "ResultSelector": { "r.$": "$.Payload" }, "ResultPath": "$.r",
        }),
        _ => {
            payload["token.$"] = json!("$$.Task.Token");
            json!({
                "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
                "Parameters": { "FunctionName": "work", "Payload": payload },
                "ResultPath": path,
            })
        }
    }
}

/// The same in the other language.
fn task_in_jsonata(variables: &[String], member: &str, way: u64) -> Value {
    let mut payload = json!({
        "in": "{% $states.input %}", "state": "{% $states.context.State.Name %}",
    });
    for name in variables {
        payload[name] = json!(format!("{{% ${name} %}}"));
    }
    in_jsonata(match way {
        0 | 1 => json!({
            "Type": "Task", "Resource": "work", "Arguments": payload,
            "Output": put(member, "$states.result"),
        }),
        2 => json!({
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": { "FunctionName": "work", "Payload": payload },
            "Output": put("r", "{ 'r': $states.result.Payload }"),
        }),
        _ => {
            payload["token"] = json!("{% $states.context.Task.Token %}");
            json!({
                "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
                "Arguments": { "FunctionName": "work", "Payload": payload },
                "Output": put(member, "$states.result"),
            })
        }
    })
}
