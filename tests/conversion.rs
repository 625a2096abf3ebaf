//! `stepwell convert` against AWS's recordings: every recorded execution of a machine in JSONPath comes to the
//! same end when its machine is converted to JSONata.
//!
//! The same end is the recorded one: status, output or error. A failure that the language itself tells,
//! `States.Runtime` and its like, is another one in JSONata: `States.QueryEvaluationError`; the execution fails in
//! both. `conversion-exceptions.txt` lists the cases that may differ. Without the recordings, which lie in
//! `../shared/conformance`, there is nothing to compare.

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Failed, Trial};
use stepwell_engine::Outcome;
use stepwell_tests::agreement::agreement;
use stepwell_tests::exceptions::{self, Difference};
use stepwell_tests::recording::{self, Case};
use stepwell_tests::say;

/// Cases, those whose machines are converted whole, and those that come to the same end.
type Counts = Arc<Mutex<[usize; 3]>>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance");
    if !root.is_dir() {
        say("conversion: skipped, for `../shared/conformance` is not here");
        return ExitCode::SUCCESS;
    }
    let (counts, exceptions) = (Counts::default(), exceptions::read("conversion-exceptions.txt"));
    let cases = recording::cases(&root, &arguments).into_iter().filter(|case| {
        case.recordings.iter().all(|one| one.definition().is_some() && one.converted().is_some())
    });
    let trials = cases.map(|case| {
        let (counts, exceptions) = (counts.clone(), exceptions.clone());
        Trial::test(case.name.clone(), move || -> Result<(), Failed> {
            exceptions.judge(&case.name, check(&case, &counts))
        })
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if !arguments.list && arguments.filter.is_none() {
        let [cases, whole, same] = *counts.lock().expect("no case panics with the lock");
        say(&format!("\n{cases} cases, {whole} converted whole, {same} come to the same end"));
    }
    conclusion.exit_code()
}

fn check(case: &Case, counts: &Counts) -> Result<(), Difference> {
    let mut whole = true;
    let mut result = Ok(());
    for recording in &case.recordings {
        let before = recording.definition().expect("only cases that load are checked");
        let (outcome, steps) = recording.run(&before);
        let (level, _) = agreement(case, &recording.expected, &outcome, &steps);
        let (converted, kept) = recording.converted().expect("only such cases are checked");
        whole &= kept == 0;
        let Some(after) = converted.definition() else {
            result = differs("refused", "the converted machine is not accepted".to_owned());
            continue;
        };
        let (other, steps) = converted.run(&after);
        let (other_level, what) = agreement(case, &recording.expected, &other, &steps);
        if other_level < level.min(1) && !both_fail(&outcome, &other) {
            result =
                differs("another end", format!("{what}\nbefore {outcome:?}\nafter  {other:?}"));
        }
    }
    let mut counts = counts.lock().expect("no other case panics with the lock");
    counts[0] += 1;
    counts[1] += usize::from(whole);
    counts[2] += usize::from(result.is_ok());
    result
}

fn differs(how: &str, what: String) -> Result<(), Difference> {
    Err(Difference { how: how.to_owned(), what })
}

/// Whether both fail by what the language says of a query that cannot be evaluated.
fn both_fail(before: &Outcome, after: &Outcome) -> bool {
    let error = |outcome: &Outcome| match outcome {
        Outcome::Failed { error, .. } => error.clone().unwrap_or_default(),
        _ => String::new(),
    };
    let of_language = ["States.Runtime", "States.IntrinsicFailure", "States.ReferencePathConflict"];
    of_language.contains(&error(before).as_str())
        && ["States.QueryEvaluationError", "States.Runtime"].contains(&error(after).as_str())
}
