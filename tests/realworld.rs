//! Definitions that others have written, in the files of their projects: each must load as its tools
//! would take it, and the worked cases among them must run as expected.
//!
//! The samples lie beside the repository, in `../shared/realworld`; without them there is nothing to do.
//! A sample that is sound must load with no finding but those that name what this version does not
//! support, or what only a deployment knows; one that is broken must be refused.
//! `realworld-exceptions.txt` lists the samples and cases of which that is not true, each with the codes of
//! its findings, or `taken`, and its reason; one that is not needed is a failure. A table for each format stands at the end of the output.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use stepwell_asl::{Finding, Options, Severity, Source, Workflow, function_name, load_with};
use stepwell_engine::{Failure, Outcome};
use stepwell_query::Document;
use stepwell_tests::entered::entered;
use stepwell_tests::exceptions::{self, Difference};
use stepwell_tests::folder::Folder;
use stepwell_tests::run::{self, Answer, Reply, Step};
use stepwell_tests::say;
use stepwell_tests::show;

/// What a sound sample may be warned of: unresolved values, keys that a tool takes and that have no
/// meaning here, what is not enforced or not expanded, functions without code, states out of reach.
const HARMLESS: [&str; 8] =
    ["ASL0002", "ASL0004", "ASL0005", "ASL0102", "ASL0110", "ASL0112", "ASL0502", "ASL0503"];

/// The only error of a sound sample.
const UNSUPPORTED: &str = "ASL0112";

/// Of one format: samples, those that load, those refused for what is not supported yet, and broken ones
/// that are refused as they should be.
#[derive(Debug, Default, Clone, Copy)]
struct Row {
    samples: usize,
    loaded: usize,
    unsupported: usize,
    refused: usize,
}

#[derive(Debug, Default)]
struct Tally {
    formats: BTreeMap<String, Row>,
    cases: usize,
    agree: usize,
    cases_unsupported: usize,
}

type Shared = Arc<Mutex<Tally>>;

type Check = Box<dyn FnOnce() -> Result<(), Difference> + Send>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/realworld");
    if !root.is_dir() {
        say("realworld: skipped, for `../shared/realworld` is not here");
        return ExitCode::SUCCESS;
    }
    let tally = Shared::default();
    let exceptions = exceptions::read("realworld-exceptions.txt");
    let mut names = BTreeSet::new();
    let mut trials = Vec::new();
    let mut add = |name: String, check: Check| {
        let exceptions = exceptions.clone();
        names.insert(name.clone());
        trials.push(Trial::test(name.clone(), move || exceptions.judge(&name, check())));
    };
    for sample in list(&root.join("index.json")) {
        let (root, tally) = (root.clone(), tally.clone());
        let name = format!("sample/{}", text(&sample["id"]));
        add(name, Box::new(move || check_sample(&root, &sample, &tally)));
    }
    for (index, case) in list(&root.join("cases.json")).into_iter().enumerate() {
        let (root, tally) = (root.clone(), tally.clone());
        let name = format!("case/{:02}-{}", index + 1, text(&case["sample"]));
        add(name, Box::new(move || check_case(&root, &case, &tally)));
    }
    let unknown: Vec<_> =
        exceptions.names().filter(|name| !names.contains(*name)).map(str::to_owned).collect();
    trials.push(Trial::test("every_exception_is_a_test", move || match unknown.as_slice() {
        [] => Ok(()),
        _ => Err(Failed::from(format!("these are none: {unknown:?}"))),
    }));
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !arguments.list && arguments.filter.is_none() {
        say(&shown(&tally.lock().expect("no check panics with the lock")));
    }
    conclusion.exit_code()
}

/// Loads a file of a sample with the files beside it.
fn load_sample(folder: &Path, entry: &str) -> (String, Result<Workflow, Vec<Finding>>) {
    let source = fs::read_to_string(folder.join(entry)).unwrap_or_default();
    let options =
        Options { stem: "sample", values: &BTreeMap::new(), functions: None, machine: None };
    let loaded =
        load_with(&Source { path: entry, text: &source }, &Folder(folder.to_owned()), &options);
    (source, loaded)
}

fn check_sample(root: &Path, sample: &Value, tally: &Shared) -> Result<(), Difference> {
    let folder = root.join("samples").join(text(&sample["id"]));
    let (source, loaded) = load_sample(&folder, text(&sample["entry"]));
    let findings = match &loaded {
        Ok(workflow) => &workflow.warnings,
        Err(findings) => findings,
    };
    let shown: Vec<_> = findings.iter().map(|finding| show::finding(&source, finding)).collect();
    let grave = findings.iter().filter(|finding| is_grave(finding)).count();
    let grave = if cannot_be_judged(findings) { 0 } else { grave };
    let sound = sample["sanity"] == "ok" && sample["source_claims"] != "invalid";
    {
        let mut tally = tally.lock().expect("no check panics with the lock");
        let row = tally.formats.entry(text(&sample["format"]).to_owned()).or_default();
        row.samples += 1;
        row.loaded += usize::from(loaded.is_ok());
        let unsupported = loaded.is_err() && grave == 0;
        row.unsupported += usize::from(unsupported);
        row.refused += usize::from(loaded.is_err() && !unsupported);
    }
    match (sound, grave, &loaded) {
        // What is not supported cannot be judged yet.
        (true, 0, _) | (false, _, Err(_)) => Ok(()),
        (true, _, _) => Err(Difference {
            how: exceptions::codes(findings.iter().filter(|finding| is_grave(finding))),
            what: format!("a sound sample is refused:\n{}", shown.join("\n")),
        }),
        (false, ..) => Err(Difference {
            how: exceptions::codes([]),
            what: format!("a broken sample is not refused:\n{}", shown.join("\n")),
        }),
    }
}

/// What must not be said about a sound sample.
fn is_grave(finding: &Finding) -> bool {
    match finding.severity {
        Severity::Warning => !HARMLESS.contains(&finding.code),
        Severity::Error => finding.code != UNSUPPORTED,
    }
}

/// Whether a file is refused for what is not supported yet.
fn cannot_be_judged(findings: &[Finding]) -> bool {
    let mut errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.clone().next().is_some() && errors.all(|found| found.code == UNSUPPORTED)
}

fn check_case(root: &Path, case: &Value, tally: &Shared) -> Result<(), Difference> {
    let count = |choose: fn(&mut Tally) -> &mut usize| {
        *choose(&mut tally.lock().expect("no check panics with the lock")) += 1;
    };
    count(|tally| &mut tally.cases);
    let folder = root.join("samples").join(text(&case["sample"]));
    let samples = list(&root.join("index.json"));
    let sample = samples.iter().find(|sample| sample["id"] == case["sample"]);
    let entry = text(&sample.expect("a case has a sample")["entry"]);
    let (file, pointer) =
        text(&case["definition"]).split_once('#').unwrap_or((text(&case["definition"]), ""));
    // A definition in a file of its own is loaded as such, one within another file with all around it.
    let serverless = entry.contains("serverless");
    let entry = if pointer.is_empty() && !serverless { file } else { entry };
    let (source, loaded) = load_sample(&folder, entry);
    let workflow = match loaded {
        Ok(workflow) => workflow,
        Err(findings) if cannot_be_judged(&findings) => {
            count(|tally| &mut tally.cases_unsupported);
            return Ok(());
        }
        Err(findings) => {
            let shown: Vec<_> = findings.iter().map(|f| show::finding(&source, f)).collect();
            return Err(Difference { how: exceptions::codes(&findings), what: shown.join("\n") });
        }
    };
    let key = pointer.trim_end_matches("/definition").split('/').rev();
    let keys: Vec<&str> = key.collect();
    let machine = workflow
        .machines
        .iter()
        .find(|machine| keys.contains(&machine.key.as_str()))
        .or(workflow.machines.first())
        .expect("a file that loads holds a machine");
    let mut stubs = Stubs::new(case, &workflow);
    let start = run::start(Document::from(case["input"].clone()));
    let (outcome, steps) =
        run::run(&machine.definition, start, run::Outside::default(), |function, payload| {
            stubs.call(function, payload)
        });
    compare(&case["expect"], &outcome, &steps, &stubs).map_err(|what| {
        let how = what.split_whitespace().next().unwrap_or_default().to_owned();
        Difference { how, what }
    })?;
    count(|tally| &mut tally.agree);
    Ok(())
}

/// The answers of a case by function, and what the functions were called with.
struct Stubs<'c> {
    workflow: &'c Workflow,
    answers: BTreeMap<String, (String, &'c [Value])>,
    calls: BTreeMap<String, Vec<Value>>,
}

impl<'c> Stubs<'c> {
    fn new(case: &'c Value, workflow: &'c Workflow) -> Self {
        let stubs = case["stubs"].as_object().into_iter().flatten();
        let answers = stubs
            .map(|(reference, answers)| {
                let answers = answers.as_array().map(Vec::as_slice).unwrap_or_default();
                (key(workflow, reference), (reference.clone(), answers))
            })
            .collect();
        Self { workflow, answers, calls: BTreeMap::new() }
    }

    fn call(&mut self, function: &str, payload: &Document) -> Reply {
        let Some((reference, answers)) = self.answers.get(&key(self.workflow, function)) else {
            let failure = Failure::new("NoStub", format!("no stub for {function}"));
            return Reply { answer: Answer::Fails(failure), after: SignedDuration::ZERO };
        };
        let calls = self.calls.entry(reference.clone()).or_default();
        let answer = &answers[calls.len().min(answers.len() - 1)];
        calls.push(payload.value().clone());
        let seconds = answer["delay_seconds"].as_f64().unwrap_or_default();
        let after = SignedDuration::from_secs_f64(seconds);
        let answer = match answer.get("error") {
            Some(error) => {
                Answer::Fails(Failure::new(text(&error["Error"]), text(&error["Cause"])))
            }
            None => Answer::Returns(Document::from(answer["return"].clone())),
        };
        Reply { answer, after }
    }
}

/// The key of the function that a text refers to, or the text itself where there is none.
fn key(workflow: &Workflow, reference: &str) -> String {
    let name = function_name(reference).unwrap_or(reference);
    workflow.function(name).map_or(name, |(key, _)| key).to_owned()
}

fn compare(
    expect: &Value,
    outcome: &Outcome,
    steps: &[Step],
    stubs: &Stubs<'_>,
) -> Result<(), String> {
    let (status, output, error, cause) = match outcome {
        Outcome::Succeeded { output } => ("SUCCEEDED", Some(output.value().clone()), None, None),
        Outcome::Failed { error, cause } => ("FAILED", None, error.clone(), cause.clone()),
        Outcome::Aborted { error, cause } => ("ABORTED", None, error.clone(), cause.clone()),
        Outcome::TimedOut => ("TIMED_OUT", None, None, None),
    };
    let same = |what: &str, got: Value| match expect.get(what) {
        Some(expected) if *expected != got => {
            Err(format!("{what}\n  expected {expected}\n       got {got}"))
        }
        _ => Ok(()),
    };
    same("status", status.into()).map_err(|why| format!("{why}: {}", show::outcome(outcome)))?;
    same("error", error.into())?;
    same("cause", cause.into())?;
    if let Some(output) = output {
        same("output", output.clone())?;
        for (path, expected) in expect["output_at"].as_object().into_iter().flatten() {
            let parsed =
                stepwell_query::JsonPath::parse(path).map_err(|error| error.to_string())?;
            let found = parsed.evaluate(&output).map_err(|error| error.to_string())?;
            if *found != *expected {
                return Err(format!("{path}\n  expected {expected}\n       got {found}"));
            }
        }
    }
    let events: Vec<_> = steps.iter().flat_map(|step| &step.applied.history).collect();
    let path = entered(&events);
    let outermost = path.as_array().into_iter().flatten().map(|state| match &state["state"] {
        Value::Null => state.clone(),
        name => name.clone(),
    });
    same("top_path", outermost.collect())?;
    same("path", path)?;
    for (reference, expected) in expect["calls"].as_object().into_iter().flatten() {
        let got = Value::from(stubs.calls.get(reference).cloned().unwrap_or_default());
        if *expected != got {
            return Err(format!("calls of {reference}\n  expected {expected}\n       got {got}"));
        }
    }
    for (reference, expected) in expect["call_counts"].as_object().into_iter().flatten() {
        let got = stubs.calls.get(reference).map_or(0, Vec::len);
        if *expected != got {
            return Err(format!("{reference} was called {got} times, not {expected}"));
        }
    }
    Ok(())
}

/// A JSON array of a file.
fn list(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("the list can be read");
    let value: Value = serde_json::from_str(&text).expect("the list is JSON");
    value.as_array().expect("it is an array").clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn shown(tally: &Tally) -> String {
    let mut text = format!(
        "\n{:<22}{:>8}{:>8}{:>13}{:>9}\n",
        "format", "samples", "load", "unsupported", "refused"
    );
    let mut all = Row::default();
    let mut line = |name: &str, row: &Row| {
        let Row { samples, loaded, unsupported, refused } = row;
        writeln!(text, "{name:<22}{samples:>8}{loaded:>8}{unsupported:>13}{refused:>9}")
            .expect("a string takes all");
    };
    for (name, row) in &tally.formats {
        line(name, row);
        all.samples += row.samples;
        all.loaded += row.loaded;
        all.unsupported += row.unsupported;
        all.refused += row.refused;
    }
    line("all", &all);
    let Tally { cases, agree, cases_unsupported, .. } = tally;
    write!(text, "worked cases: {cases}, {agree} agree, {cases_unsupported} not supported yet")
        .expect("a string takes all");
    text
}
