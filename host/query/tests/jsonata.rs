//! The official test suite of JSONata, evaluated through our trait: every case must come to the result, or
//! the error, that the reference implementation gives.
//!
//! The cases lie beside the repository, in `../shared/jsonata`; without them there is nothing to compare.
//! `jsonata-exceptions.txt` lists the cases that may differ, each with its reason; one that agrees after all is
//! a failure. A table of the groups stands at the end of the output.

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Map, Value};
use stepwell_query::{
    Dialect, Jlens, JsonataEngine, JsonataError, JsonataLimit, JsonataLimits, Outcome,
};
use support::{World, same};

#[global_allocator]
static ALLOCATOR: stepwell_allowance::Allocator = stepwell_allowance::Allocator;

/// The least part of the cases that agrees, of 1,000.
const AGREEING_MIN: usize = 995;

/// What the language itself limits, and more than enough of the rest.
const LIMITS: JsonataLimits = JsonataLimits {
    depth: 5_000,
    steps: 100_000_000,
    string_bytes: 16 << 20,
    array_items: 10_000_000,
    result_bytes: 16 << 20,
    memory_bytes: 2 << 30,
    time: Duration::from_mins(1),
};

/// Of one group: how many cases there are, and agree.
type Table = Arc<Mutex<BTreeMap<String, [usize; 2]>>>;

/// The reasons of the cases that may differ, by their names.
type Exceptions = Arc<BTreeMap<String, String>>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/jsonata");
    if !root.is_dir() {
        say("jsonata: skipped, for `../shared/jsonata` is not here");
        return ExitCode::SUCCESS;
    }
    let Value::Object(datasets) = read(&root.join("datasets.json")) else {
        panic!("datasets.json has the data sets by name");
    };
    let datasets = Arc::new(datasets);
    let (exceptions, table) = (exceptions(), Table::default());
    let cases = ["cases.json", "cases-lone-surrogate.json"].map(|file| read(&root.join(file)));
    let cases = cases.iter().filter_map(Value::as_array).flatten();
    let mut trials: Vec<Trial> =
        cases.map(|case| trial(case.clone(), &datasets, &exceptions, &table)).collect();
    trials.push(every_exception_is_a_case(&trials, &exceptions));
    let conclusion = libtest_mimic::run(&arguments, trials);
    let whole = !arguments.list
        && !arguments.exact
        && arguments.filter.is_none()
        && arguments.skip.is_empty();
    if whole {
        let (text, cases, agreeing) = shown(&table.lock().expect("nothing panics with the lock"));
        say(&text);
        if agreeing * 1000 < cases * AGREEING_MIN {
            say(&format!("{agreeing} of {cases} are too few"));
            return ExitCode::FAILURE;
        }
    }
    conclusion.exit_code()
}

fn read(file: &Path) -> Value {
    let text =
        fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    // A lone surrogate is no text of Rust's: the replacement character stands for it.
    let text = text.replace("\\ud800", "\\ufffd");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn exceptions() -> Exceptions {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/jsonata-exceptions.txt");
    let text = fs::read_to_string(file).expect("the list of exceptions can be read");
    let mut exceptions = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, reason) = line.split_once(": ").expect("a line is `name: reason`");
        assert!(exceptions.insert(name.to_owned(), reason.to_owned()).is_none(), "{name} twice");
    }
    Arc::new(exceptions)
}

fn every_exception_is_a_case(trials: &[Trial], exceptions: &Exceptions) -> Trial {
    let unknown: Vec<_> = exceptions
        .keys()
        .filter(|name| !trials.iter().any(|trial| trial.name() == *name))
        .cloned()
        .collect();
    Trial::test("every_exception_is_a_case", move || match unknown.len() {
        0 => Ok(()),
        _ => Err(Failed::from(format!("these are none: {unknown:?}"))),
    })
}

fn trial(
    case: Value,
    datasets: &Arc<Map<String, Value>>,
    exceptions: &Exceptions,
    table: &Table,
) -> Trial {
    let text = |field: &str| case[field].as_str().expect("a case has it").to_owned();
    let (name, group) = (text("id"), text("group"));
    let (datasets, exceptions, table) = (datasets.clone(), exceptions.clone(), table.clone());
    Trial::test(name.clone(), move || {
        let result = check(&case, &datasets);
        let mut rows = table.lock().expect("nothing panics with the lock");
        let [cases, agreeing] = rows.entry(group).or_default();
        *cases += 1;
        *agreeing += usize::from(result.is_ok());
        match (result, exceptions.get(&name)) {
            (Ok(()), None) | (Err(_), Some(_)) => Ok(()),
            (Err(difference), None) => Err(Failed::from(difference)),
            (Ok(()), Some(reason)) => {
                Err(Failed::from(format!("it agrees, so it is no exception: {reason}")))
            }
        }
    })
}

/// Evaluates a case and compares what it comes to.
fn check(case: &Value, datasets: &Map<String, Value>) -> Result<(), String> {
    let outcome = evaluate(case, datasets);
    let shown = || format!("{outcome:?}");
    let code = case.get("code").or_else(|| case.get("error")?.get("code"));
    if let Some(code) = code.and_then(Value::as_str) {
        let Err((codes, message)) = &outcome else {
            return Err(format!("expected {code}, but it gave {}", shown()));
        };
        let words = case.get("error").and_then(|error| error.get("message"));
        return match words.and_then(Value::as_str) {
            _ if !codes.iter().any(|given| given == code) => {
                Err(format!("expected {code}, but it gave {}", shown()))
            }
            Some(words) if words != message => Err(format!("{message} instead of {words}")),
            _ => Ok(()),
        };
    }
    let agrees = match (&outcome, case.get("result")) {
        (Ok(Outcome::Value(value)), Some(expected)) => same(value, expected),
        (Ok(Outcome::Undefined), None) => case["undefinedResult"] == true,
        _ => false,
    };
    if agrees {
        Ok(())
    } else {
        Err(format!("expected {}, but it gave {}", case["result"], shown()))
    }
}

/// What a case comes to: an outcome, or the codes that an error may stand for and its message.
fn evaluate(case: &Value, datasets: &Map<String, Value>) -> Result<Outcome, (Vec<String>, String)> {
    let text = case["expr"].as_str().expect("a case has an expression");
    let input = case.get("data").or_else(|| case["dataset"].as_str().map(|name| &datasets[name]));
    let bindings = case["bindings"].as_object().cloned().unwrap_or_default();
    let world = World { variables: bindings.into_iter().collect(), ..World::default() };
    let depth = case["depth"].as_u64().and_then(|depth| usize::try_from(depth).ok());
    let time = case["timelimit"].as_u64().map(Duration::from_millis);
    let limits = JsonataLimits {
        depth: depth.unwrap_or(LIMITS.depth),
        // Another machine, and a build for development.
        time: time.map_or(LIMITS.time, |time| time * 10),
        ..LIMITS
    };
    let program = Jlens
        .compile(text, Dialect::Plain)
        .map_err(|error| (vec![error.code.clone()], error.message))?;
    program.evaluate(input, &world, &limits).map_err(|error| codes(&error))
}

/// The codes that an error may stand for, and its message.
fn codes(error: &JsonataError) -> (Vec<String>, String) {
    let (codes, message): (&[&str], _) = match error {
        JsonataError::Thrown { code, message } => (&[code], message.clone()),
        // The reference implementation has one code for each limit that its test harness sets.
        JsonataError::Limit(JsonataLimit::Time | JsonataLimit::Depth) => {
            (&["U1001"], error.to_string())
        }
        JsonataError::Limit(JsonataLimit::Memory) => {
            (&["D2014", "D2015", "D2016"], error.to_string())
        }
        JsonataError::Undefined | JsonataError::Function => (&[], error.to_string()),
    };
    (codes.iter().map(|code| (*code).to_owned()).collect(), message)
}

/// The table, and its sums: cases, and those that agree.
fn shown(table: &BTreeMap<String, [usize; 2]>) -> (String, usize, usize) {
    let mut text = format!("\n{:<36}{:>7}{:>8}\n", "group", "cases", "agree");
    let mut line = |name: &str, cases: usize, agreeing: usize| {
        writeln!(text, "{name:<36}{cases:>7}{agreeing:>8}").expect("a string takes all");
    };
    let [mut cases, mut agreeing] = [0, 0];
    for (name, row) in table {
        line(name, row[0], row[1]);
        cases += row[0];
        agreeing += row[1];
    }
    line("all", cases, agreeing);
    (text, cases, agreeing)
}

/// To standard error: a runner reads the list of tests from the standard output.
#[expect(clippy::print_stderr, reason = "a test binary's own report")]
fn say(text: &str) {
    eprintln!("{text}");
}
