//! A driver without a sandbox: machines, tasks that answer at once, and time that jumps.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use stepwell_asl::{Definition, load};
use stepwell_engine::{
    DISTRIBUTED_EXECUTIONS_MAX, Effect, EffectId, Event, Execution, HistoryEvent, Invocation,
    OpenToken, Start,
};
use stepwell_journal::{
    Created, Durability, Entry, Journal, Key, LetterId, NewExecution, WorkflowId,
};
use stepwell_query::Document;
use tempfile::TempDir;

pub(crate) const ACCOUNT: &str = "arn:aws:states:us-east-1:123456789012";

/// A journal in a folder of its own.
pub(crate) struct Room {
    pub(crate) dir: TempDir,
    pub(crate) journal: Journal,
    pub(crate) workflow: WorkflowId,
}

impl Room {
    pub(crate) fn new() -> Self {
        Self::with(Durability::Step)
    }

    pub(crate) fn with(durability: Durability) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path(), durability).unwrap();
        let workflow = journal.keep_workflow("{}").unwrap();
        Self { dir, journal, workflow }
    }

    /// The journal as another process opens it.
    pub(crate) fn again(&self) -> Journal {
        Journal::open_existing(self.dir.path(), Durability::Step).unwrap()
    }

    pub(crate) fn new_execution(&self, name: &str, input: &Value) -> NewExecution {
        NewExecution { start: start(name, input), workflow: self.workflow, settings: "{}".into() }
    }

    pub(crate) fn create(&mut self, name: &str, input: &Value) -> Key {
        let new = self.new_execution(name, input);
        match self.journal.create(&new, None).unwrap() {
            Created::New(key) => key,
            Created::Same(key, _) => panic!("{name} is there already: {key}"),
        }
    }

    /// Runs an execution to its end, one commit for each event.
    pub(crate) fn run(&mut self, name: &str, machine: &Value, input: &Value) -> Run {
        let key = self.create(name, input);
        let mut run = Run::new(key, machine, start(name, input));
        while run.step(&mut self.journal, &mut echo) {
            self.journal.commit().unwrap();
        }
        run
    }

    /// A number of the database.
    pub(crate) fn count(&self, sql: &str) -> i64 {
        count(self.dir.path(), sql)
    }
}

/// A number of a journal, asked without the journal's code.
pub(crate) fn count(dir: &Path, sql: &str) -> i64 {
    let db = rusqlite::Connection::open(dir.join("journal.db")).unwrap();
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

pub(crate) fn start(name: &str, input: &Value) -> Start {
    Start {
        name: name.to_owned(),
        machine_name: "machine".to_owned(),
        execution_arn: format!("{ACCOUNT}:execution:machine:{name}"),
        machine_arn: format!("{ACCOUNT}:stateMachine:machine"),
        role_arn: "arn:aws:iam::123456789012:role/role".to_owned(),
        input: Document::from(input.clone()),
        at: at(0),
        seed: 42,
        history_events_max: None,
        child_executions_max: DISTRIBUTED_EXECUTIONS_MAX,
        from: None,
    }
}

/// So many seconds after the tests' beginning of time.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

pub(crate) fn definition(machine: &Value) -> Definition {
    load(&machine.to_string(), "stem").expect("the machine is sound").machines.remove(0).definition
}

/// A task that gives back what it gets.
pub(crate) fn echo(invocation: &Invocation) -> Document {
    Document::parse(invocation.payload.text()).unwrap()
}

/// An execution that runs.
pub(crate) struct Run {
    pub(crate) key: Key,
    pub(crate) definition: Definition,
    pub(crate) execution: Execution,
    pub(crate) history: Vec<HistoryEvent>,
    pub(crate) now: Timestamp,
    pub(crate) events: u64,
    pub(crate) tokens: Vec<OpenToken>,
    ready: VecDeque<Event>,
    calls: VecDeque<Invocation>,
    timers: BTreeSet<(Timestamp, EffectId)>,
}

impl Run {
    pub(crate) fn new(key: Key, machine: &Value, start: Start) -> Self {
        let execution = Execution::new(start);
        let now = execution.start().at;
        let mut run = Self::of(key, definition(machine), execution, now);
        run.ready.push_back(Event::Started);
        run
    }

    pub(crate) fn of(
        key: Key,
        definition: Definition,
        execution: Execution,
        now: Timestamp,
    ) -> Self {
        Self {
            key,
            definition,
            execution,
            now,
            history: Vec::new(),
            events: 0,
            tokens: Vec::new(),
            ready: VecDeque::new(),
            calls: VecDeque::new(),
            timers: BTreeSet::new(),
        }
    }

    /// What happens next, if anything does.
    fn next(&mut self, task: &mut dyn FnMut(&Invocation) -> Document) -> Option<Event> {
        // Not a whole number of milliseconds: times must come back exactly.
        self.now += SignedDuration::new(0, 1_234_567);
        if let Some(event) = self.ready.pop_front() {
            return Some(event);
        }
        if let Some(call) = self.calls.pop_front() {
            return Some(Event::FunctionSucceeded { id: call.id, output: task(&call) });
        }
        let (at, id) = self.timers.pop_first()?;
        self.now = self.now.max(at);
        Some(Event::TimerFired { id })
    }

    /// Applies the next event and appends it; whether there was one.
    pub(crate) fn step(
        &mut self,
        journal: &mut Journal,
        task: &mut dyn FnMut(&Invocation) -> Document,
    ) -> bool {
        let Some(event) = self.next(task) else { return false };
        self.apply(journal, event);
        true
    }

    #[expect(clippy::needless_pass_by_value, reason = "an event is made where it is applied")]
    pub(crate) fn apply(&mut self, journal: &mut Journal, event: Event) {
        self.apply_from(journal, &event, None);
    }

    /// Applies an event that a letter became.
    pub(crate) fn apply_from(
        &mut self,
        journal: &mut Journal,
        event: &Event,
        letter: Option<LetterId>,
    ) {
        let (execution, at) = (&mut self.execution, self.now);
        let applied = execution.apply(&self.definition, at, event.clone()).unwrap();
        let history = &applied.history;
        let entry = Entry { at, event, history, execution, letter };
        journal.append(self.key, entry).unwrap();
        self.events += 1;
        self.history.extend(applied.history);
        for effect in applied.effects {
            match effect {
                Effect::Invoke(invocation) => self.calls.push_back(invocation),
                Effect::SetTimer { id, at, .. } => _ = self.timers.insert((at, id)),
                Effect::Resume => self.ready.push_back(Event::Resumed),
                Effect::OpenToken(open) => {
                    self.tokens.push(open.clone());
                    journal.open_token(self.key, open);
                }
                Effect::Cancel { id } => {
                    if let Some(open) = self.tokens.iter().find(|open| open.id == id) {
                        journal.close_token(self.key, &open.token);
                    }
                    self.calls.retain(|call| call.id != id);
                    self.timers.retain(|(_, timer)| *timer != id);
                }
                Effect::Finish(_) => {}
            }
        }
    }
}

/// A loop that calls a function so many times.
pub(crate) fn looped() -> Value {
    json!({ "StartAt": "Call", "States": {
        "Call": { "Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f",
            "ResultPath": "$.last", "Parameters": { "n.$": "$.n" }, "Next": "Count" },
        "Count": { "Type": "Pass", "Parameters": { "max.$": "$.max", "data.$": "$.data",
            "n.$": "States.MathAdd($.n, 1)" }, "Next": "More" },
        "More": { "Type": "Choice", "Choices": [
            { "Variable": "$.n", "NumericLessThanPath": "$.max", "Next": "Call" } ], "Default": "Done" },
        "Done": { "Type": "Succeed" },
    } })
}

/// Branches beside each other: a Map in a Parallel, waits, variables.
pub(crate) fn forked() -> Value {
    json!({ "StartAt": "Both", "TimeoutSeconds": 3_600, "States": { "Both": { "Type": "Parallel",
        "Branches": [
            { "StartAt": "Each", "States": { "Each": { "Type": "Map", "ItemsPath": "$.items",
                "MaxConcurrency": 3, "End": true, "ItemProcessor": { "StartAt": "Item", "States": {
                    "Item": { "Type": "Task", "Next": "Rest",
                        "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f" },
                    "Rest": { "Type": "Wait", "Seconds": 5, "End": true },
                } } } } },
            { "StartAt": "Wait", "States": {
                "Wait": { "Type": "Wait", "Seconds": 7, "Next": "Last" },
                "Last": { "Type": "Pass", "End": true },
            } },
        ], "End": true } } })
}

/// Waits for somebody outside.
pub(crate) fn waiting(fields: &Value) -> Value {
    let mut machine = json!({ "StartAt": "Ask", "States": {
        "Ask": { "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": { "FunctionName": "f", "Payload": { "token.$": "$$.Task.Token" } },
            "Next": "Last" },
        "Last": { "Type": "Succeed" },
    } });
    let ask = machine["States"]["Ask"].as_object_mut().unwrap();
    ask.extend(fields.as_object().unwrap().clone());
    machine
}

/// This test as another process, which sees `folder` in [`FOLDER`]: `child` runs there and nowhere else.
pub(crate) fn child(test: &str, folder: &Path) -> Command {
    child_of(&std::env::current_exe().unwrap(), test, folder)
}

/// The same with a copy of this program.
pub(crate) fn child_of(program: &Path, test: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(FOLDER, folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Where a child finds its journal.
pub(crate) const FOLDER: &str = "STEPWELL_JOURNAL_TEST_FOLDER";

/// A text of so many bytes.
pub(crate) fn large(bytes: usize, mark: &str) -> String {
    let mut text = mark.to_owned();
    text.extend(std::iter::repeat_n('x', bytes - mark.len()));
    text
}
