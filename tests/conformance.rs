//! What real AWS Step Functions did, run again here: every recorded execution whose machine this version
//! can run must agree in full, down to the ids and details of its history.
//!
//! The recordings lie beside the repository, in `../shared/conformance`; without them there is nothing
//! to compare. `conformance-exceptions.txt` lists the cases that may differ, each with its level and its reason; one
//! that agrees after all is a failure. A table for each group stands at the end of the output.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Failed, Trial};
use stepwell_tests::agreement::{LEVELS, agreement};
use stepwell_tests::exceptions::{self, Difference};
use stepwell_tests::recording::{self, Case};
use stepwell_tests::say;

/// Of one group: how many cases there are, can be run, and agree at each level.
#[derive(Debug, Default, Clone, Copy)]
struct Row {
    cases: usize,
    loaded: usize,
    agree: [usize; LEVELS],
}

type Table = Arc<Mutex<BTreeMap<String, Row>>>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance");
    if !root.is_dir() {
        say("conformance: skipped, for `../shared/conformance` is not here");
        return ExitCode::SUCCESS;
    }
    let table = Table::default();
    let exceptions = exceptions::read("conformance-exceptions.txt");
    let mut trials = Vec::new();
    let mut unknown: BTreeSet<String> = exceptions.names().map(str::to_owned).collect();
    for case in recording::cases(&root, &arguments) {
        let mut rows = table.lock().expect("no thread has panicked yet");
        let row = rows.entry(case.group.clone()).or_default();
        row.cases += 1;
        let runs = case.recordings.iter().all(|recording| recording.definition().is_some());
        if runs {
            row.loaded += 1;
            unknown.remove(&case.name);
            let (exceptions, table) = (exceptions.clone(), table.clone());
            trials.push(Trial::test(case.name.clone(), move || {
                exceptions.judge(&case.name, check(&case, &table))
            }));
        }
    }
    trials.push(Trial::test("every_exception_is_a_case_that_runs", move || match unknown.len() {
        0 => Ok(()),
        _ => Err(Failed::from(format!("these are none: {unknown:?}"))),
    }));
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !arguments.list && arguments.filter.is_none() {
        say(&shown(&table.lock().expect("a failing case panics before it locks")));
    }
    conclusion.exit_code()
}

fn check(case: &Case, table: &Table) -> Result<(), Difference> {
    let compared = case.recordings.iter().map(|recording| {
        let definition = recording.definition().expect("only cases that load are checked");
        let (outcome, steps) = recording.run(&definition);
        agreement(case, &recording.expected, &outcome, &steps)
    });
    let (level, difference) = compared.min().expect("a case has a recording");
    let mut rows = table.lock().expect("no other case panics with the lock");
    let row = rows.entry(case.group.clone()).or_default();
    row.agree[..level].iter_mut().for_each(|count| *count += 1);
    if level == LEVELS {
        return Ok(());
    }
    Err(Difference { how: format!("level {}", level + 1), what: difference })
}

fn shown(table: &BTreeMap<String, Row>) -> String {
    let mut text =
        format!("\n{:<28}{:>7}{:>9}   agree at level 1 2 3 4\n", "group", "cases", "runs");
    let mut all = Row::default();
    let mut line = |name: &str, row: &Row| {
        let [one, two, three, four] = row.agree;
        let (cases, loaded) = (row.cases, row.loaded);
        writeln!(text, "{name:<28}{cases:>7}{loaded:>9}{one:>6}{two:>6}{three:>6}{four:>6}")
            .expect("a string takes all");
    };
    for (name, row) in table {
        line(name, row);
        all.cases += row.cases;
        all.loaded += row.loaded;
        for (sum, count) in all.agree.iter_mut().zip(row.agree) {
            *sum += count;
        }
    }
    line("all", &all);
    text
}
