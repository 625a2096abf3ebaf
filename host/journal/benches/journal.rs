//! What durability costs, beside what SQLite itself costs.
//!
//! `cargo bench -p stepwell-journal --bench journal`. Times are per step: an event that is appended and
//! committed by itself. Compare within one run. The folder is a temporary one: `TMPDIR` chooses the disk.
//!
//! - `step` and `full`: a machine that calls a function in a loop; `bare_step` and `bare_full` insert rows
//!   with the same bytes, one transaction each, with the same settings and nothing around it.
//! - `none`: the same loop with the writer in the background; `no_journal` without any. A function that takes
//!   `WORK` stands for the sandbox, the fastest there is.
//! - `together`: 64 executions in turns, one commit for all of them.
//! - `restore`: an execution of 25,000 history events, per restore.
//! - `large`: a loop that hands a state of 256 KiB on.
//! - `create`: executions of a batch.

use std::hint::black_box;
use std::time::{Duration, Instant};

use divan::Bencher;
use divan::counter::ItemsCount;
use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::{Value, json};
use stepwell_asl::{Definition, load};
use stepwell_engine::{
    Applied, DISTRIBUTED_EXECUTIONS_MAX, Effect, Event, Execution, Invocation, Start,
};
use stepwell_journal::{
    Created, Durability, Entry, Journal, Key, NewBatch, NewExecution, WorkflowId,
};
use stepwell_query::Document;
use tempfile::TempDir;

/// What the fastest invocation of a sandboxed function takes.
const WORK: Duration = Duration::from_micros(10);

const STEPS: usize = 2_000;

fn main() {
    print_bytes_per_step();
    print_driver_time();
    divan::main();
}

#[divan::bench(sample_count = 10, args = ["step", "full"])]
fn journal(bencher: Bencher<'_, '_>, durability: &str) {
    let steps = if durability == "full" { STEPS / 10 } else { STEPS };
    let durability = if durability == "full" { Durability::Full } else { Durability::Step };
    bencher
        .counter(ItemsCount::new(steps))
        .with_inputs(|| {
            let mut room = Room::new(durability);
            let run = room.begin("run", &looped(), &small());
            (room, run)
        })
        .bench_values(|(mut room, mut run)| {
            for _ in 0..steps {
                run.step(Some(&mut room.journal), Duration::ZERO);
                room.journal.commit().expect("it is written");
            }
            (room, run)
        });
}

/// Rows as the journal writes them, by hand.
#[divan::bench(sample_count = 10, args = ["step", "full"])]
fn bare(bencher: Bencher<'_, '_>, durability: &str) {
    let steps = if durability == "full" { STEPS / 10 } else { STEPS };
    let rows = written(steps);
    bencher.counter(ItemsCount::new(steps)).with_inputs(|| bare_table(durability)).bench_values(
        |(dir, db)| {
            for (key, at, event, history) in &rows {
                db.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
                db.prepare_cached("INSERT INTO events VALUES (?1, ?2, ?3, ?4)")
                    .and_then(|mut insert| insert.execute((key, at, event, history)))
                    .expect("it is inserted");
                db.execute_batch("COMMIT").expect("it is written");
            }
            (dir, db)
        },
    );
}

#[divan::bench(sample_count = 10)]
fn no_journal(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(STEPS))
        .with_inputs(|| Run::new(Key::default(), &looped(), start("run", small())))
        .bench_values(|mut run| {
            for _ in 0..STEPS {
                run.step(None, WORK);
            }
            run
        });
}

#[divan::bench(sample_count = 10)]
fn none(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(STEPS))
        .with_inputs(|| {
            let mut room = Room::new(Durability::None);
            let run = room.begin("run", &looped(), &small());
            (room, run)
        })
        .bench_values(|(mut room, mut run)| {
            for _ in 0..STEPS {
                run.step(Some(&mut room.journal), WORK);
                room.journal.commit().expect("it is taken");
            }
            (room, run)
        });
}

#[divan::bench(sample_count = 10)]
fn together(bencher: Bencher<'_, '_>) {
    const EXECUTIONS: usize = 64;
    bencher
        .counter(ItemsCount::new(STEPS))
        .with_inputs(|| {
            let mut room = Room::new(Durability::Step);
            let begin = |index| room.begin(&format!("run-{index}"), &looped(), &small());
            let runs: Vec<_> = (0..EXECUTIONS).map(begin).collect();
            (room, runs)
        })
        .bench_values(|(mut room, mut runs)| {
            for _ in 0..STEPS / EXECUTIONS {
                for run in &mut runs {
                    run.step(Some(&mut room.journal), Duration::ZERO);
                }
                room.journal.commit().expect("it is written");
            }
            (room, runs)
        });
}

#[divan::bench(sample_count = 20)]
fn restore(bencher: Bencher<'_, '_>) {
    let mut room = Room::new(Durability::Step);
    let mut run = room.begin("run", &looped(), &small());
    while run.history < 25_000 {
        run.step(Some(&mut room.journal), Duration::ZERO);
    }
    room.journal.commit().expect("it is written");
    bencher.bench_local(|| room.journal.restore(run.key, &run.definition).expect("it was written"));
}

/// The history of such an execution, decoded.
#[divan::bench(sample_count = 5)]
fn history(bencher: Bencher<'_, '_>) {
    let mut room = Room::new(Durability::Step);
    let mut run = room.begin("run", &looped(), &small());
    while run.history < 25_000 {
        run.step(Some(&mut room.journal), Duration::ZERO);
    }
    room.journal.commit().expect("it is written");
    bencher.bench_local(|| room.journal.history(run.key, 0, usize::MAX).expect("it was written"));
}

/// A state that goes round unchanged, in and out of a function.
#[divan::bench(sample_count = 5, args = [1, 256])]
fn large(bencher: Bencher<'_, '_>, kib: usize) {
    let machine = json!({ "StartAt": "Call", "States": {
        "Call": { "Type": "Task", "Next": "More",
            "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f" },
        "More": { "Type": "Choice", "Default": "Call",
            "Choices": [{ "Variable": "$.end", "IsPresent": true, "Next": "End" }] },
        "End": { "Type": "Succeed" },
    } });
    let input = json!({ "data": "x".repeat((kib << 10) - 100) });
    bencher
        .counter(ItemsCount::new(STEPS / 10))
        .with_inputs(|| {
            let mut room = Room::new(Durability::Step);
            let run = room.begin("run", &machine, &input);
            (room, run)
        })
        .bench_values(|(mut room, mut run)| {
            for _ in 0..STEPS / 10 {
                run.step(Some(&mut room.journal), Duration::ZERO);
                room.journal.commit().expect("it is written");
            }
            (room, run)
        });
}

#[divan::bench(sample_count = 3)]
fn create(bencher: Bencher<'_, '_>) {
    const LINES: usize = 20_000;
    let input = Document::from(small());
    bencher
        .counter(ItemsCount::new(LINES))
        .with_inputs(|| Room::new(Durability::Step))
        .bench_values(|mut room| {
            let batch =
                NewBatch { name: "b".into(), at: Timestamp::UNIX_EPOCH, settings: String::new() };
            let workflow = room.workflow;
            let lines = (0..LINES).map(|index| NewExecution {
                start: Start { input: input.clone(), ..start(&index.to_string(), Value::Null) },
                workflow,
                settings: String::new(),
            });
            room.journal.create_batch(&batch, lines).expect("it is written");
            room
        });
}

struct Room {
    dir: TempDir,
    journal: Journal,
    workflow: WorkflowId,
}

impl Room {
    fn new(durability: Durability) -> Self {
        let dir = tempfile::tempdir().expect("there is a disk");
        let mut journal = Journal::open(dir.path(), durability).expect("it can be made");
        let workflow = journal.keep_workflow("{}").expect("it can be written");
        Self { dir, journal, workflow }
    }

    fn begin(&mut self, name: &str, machine: &Value, input: &Value) -> Run {
        let (workflow, start) = (self.workflow, start(name, input.clone()));
        let new = NewExecution { start: start.clone(), workflow, settings: String::new() };
        match self.journal.create(&new, None).expect("it can be written") {
            Created::New(key) => Run::new(key, machine, start),
            Created::Same(..) => unreachable!("names differ"),
        }
    }
}

/// An execution of which each step is the outcome of a function.
struct Run {
    key: Key,
    definition: Definition,
    execution: Execution,
    next: Option<Invocation>,
    history: usize,
}

impl Run {
    fn new(key: Key, machine: &Value, start: Start) -> Self {
        let workflow = load(&machine.to_string(), "machine").expect("the machine is sound");
        let definition = { workflow }.machines.remove(0).definition;
        Self { key, definition, execution: Execution::new(start), next: None, history: 0 }
    }

    fn step(&mut self, journal: Option<&mut Journal>, work: Duration) {
        let event = match self.next.take() {
            None => Event::Started,
            Some(call) => {
                spin(work);
                let output = Document::parse(call.payload.text()).expect("it is JSON");
                Event::FunctionSucceeded { id: call.id, output }
            }
        };
        let at = Timestamp::now();
        let kept = journal.is_some().then(|| event.clone());
        let applied = self.execution.apply(&self.definition, at, event);
        let Applied { effects, history, .. } = applied.expect("it was asked for");
        self.history += history.len();
        if let (Some(journal), Some(event)) = (journal, &kept) {
            let (execution, history) = (&self.execution, &history[..]);
            let entry = Entry { at, event, history, execution, letter: None };
            journal.append(self.key, entry).expect("it is taken");
        }
        black_box(&history);
        self.next = effects.into_iter().find_map(|effect| match effect {
            Effect::Invoke(invocation) => Some(invocation),
            _ => None,
        });
        assert!(self.next.is_some(), "the loop goes on");
    }
}

fn spin(work: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < work {
        std::hint::spin_loop();
    }
}

fn small() -> Value {
    json!({ "n": 0, "name": "a state of an ordinary size", "list": [1, 2, 3] })
}

/// Calls a function, counts, decides: seven history events and three states in each round.
fn looped() -> Value {
    json!({ "StartAt": "Call", "States": {
        "Call": { "Type": "Task", "ResultPath": "$.last", "Next": "Count",
            "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f",
            "Parameters": { "n.$": "$.n" } },
        "Count": { "Type": "Pass", "Next": "More", "Parameters": {
            "n.$": "States.MathAdd($.n, 1)", "name.$": "$.name", "list.$": "$.list" } },
        "More": { "Type": "Choice", "Default": "Call", "Choices": [
            { "Variable": "$.n", "NumericLessThan": 0, "Next": "Done" } ] },
        "Done": { "Type": "Succeed" },
    } })
}

fn start(name: &str, input: Value) -> Start {
    const ACCOUNT: &str = "arn:aws:states:us-east-1:123456789012";
    Start {
        name: name.to_owned(),
        machine_name: "machine".to_owned(),
        execution_arn: format!("{ACCOUNT}:execution:machine:{name}"),
        machine_arn: format!("{ACCOUNT}:stateMachine:machine"),
        role_arn: "arn:aws:iam::123456789012:role/role".to_owned(),
        input: Document::from(input),
        at: Timestamp::UNIX_EPOCH,
        seed: 42,
        history_events_max: None,
        child_executions_max: DISTRIBUTED_EXECUTIONS_MAX,
        from: None,
    }
}

/// The rows that a journal writes in so many steps.
fn written(steps: usize) -> Vec<(i64, String, String, Option<String>)> {
    let mut room = Room::new(Durability::Step);
    let mut run = room.begin("run", &looped(), &small());
    for _ in 0..steps {
        run.step(Some(&mut room.journal), Duration::ZERO);
    }
    room.journal.commit().expect("it is written");
    let db = Connection::open(room.dir.path().join("journal.db")).expect("it is there");
    let mut rows = db.prepare("SELECT key, at, event, history FROM events").expect("it has events");
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
    rows.expect("they can be read").collect::<Result<_, _>>().expect("they can be read")
}

fn bare_table(durability: &str) -> (TempDir, Connection) {
    let dir = tempfile::tempdir().expect("there is a disk");
    let db = Connection::open(dir.path().join("bare.db")).expect("it can be made");
    let settings = format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {};
        CREATE TABLE events (key INTEGER PRIMARY KEY, at TEXT, event TEXT, history TEXT);",
        if durability == "full" { "FULL" } else { "NORMAL" }
    );
    db.execute_batch(&settings).expect("it can be written");
    (dir, db)
}

#[expect(clippy::print_stdout, reason = "a benchmark prints what it measures")]
fn print_bytes_per_step() {
    let rows = written(STEPS);
    let bytes: usize = rows
        .iter()
        .map(|(_, at, event, history)| {
            at.len() + event.len() + history.as_ref().map_or(0, String::len)
        })
        .sum();
    println!("bytes per step, of seven history events: {}", bytes / rows.len());
    let mut room = Room::new(Durability::Step);
    let mut run = room.begin("run", &looped(), &small());
    for _ in 0..STEPS {
        run.step(Some(&mut room.journal), Duration::ZERO);
        room.journal.commit().expect("it is written");
    }
    drop(room.journal);
    let file = std::fs::metadata(room.dir.path().join("journal.db")).expect("it is there");
    println!("bytes per step in the file, with snapshots: {}", file.len() / STEPS as u64);
}

/// What a step takes of the thread that drives it, whatever else the machine is doing: without the work of
/// the function.
#[expect(clippy::print_stdout, reason = "a benchmark prints what it measures")]
fn print_driver_time() {
    const ROUNDS: u32 = 10;
    let measure = |journals: bool| {
        let mut total = Duration::ZERO;
        for _ in 0..ROUNDS {
            let mut room = Room::new(Durability::None);
            let mut run = room.begin("run", &looped(), &small());
            let begin = thread_time();
            for _ in 0..STEPS {
                run.step(journals.then_some(&mut room.journal), Duration::ZERO);
                if journals {
                    room.journal.commit().expect("it is taken");
                }
            }
            total += thread_time().saturating_sub(begin);
        }
        total / ROUNDS / u32::try_from(STEPS).expect("steps are few")
    };
    let (without, with) = (measure(false), measure(true));
    println!("the driver's thread, per step: {without:?}; with a journal at `none`: {with:?}");
}

/// How long this thread ran on a processor.
fn thread_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|time| time.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}
