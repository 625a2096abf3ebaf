//! Which definitions AWS accepts, and what it says about those that it refuses: our verdict beside that of
//! AWS, and beside that of two linters. A machine of which AWS recorded an execution is one that it accepted.
//!
//! The cases lie beside the repository, in `../shared/conformance`; without them there is nothing to
//! compare. `validation-exceptions.txt` lists the cases that may differ, each with its reason; one that
//! agrees after all is a failure. A table for each group stands at the end of the output.
//!
//! Level 1: valid or not. What is not supported here ([`UNSUPPORTED`]) makes no definition invalid. Level 2,
//! where AWS itself was asked: its code, message and location as well.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Failed, Trial};
use stepwell_asl::{Finding, Severity, load, variable_references};
use stepwell_tests::exceptions::{self, Difference};
use stepwell_tests::recording::{self, Validation};
use stepwell_tests::say;
use stepwell_tests::show;

/// Errors that say what this version cannot do, not what is wrong with a definition.
const UNSUPPORTED: [&str; 1] = ["ASL0112"];

/// Of one group: how many cases there are, of how many we cannot tell what is wrong because they use what
/// is not supported here, and how many agree at each level.
#[derive(Debug, Default, Clone, Copy)]
struct Row {
    cases: usize,
    undecided: usize,
    verdicts: usize,
    of_aws: usize,
    wordings: usize,
}

type Table = Arc<Mutex<BTreeMap<String, Row>>>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance");
    if !root.is_dir() {
        say("validation: skipped, for `../shared/conformance` is not here");
        return ExitCode::SUCCESS;
    }
    let table = Table::default();
    let exceptions = exceptions::read("validation-exceptions.txt");
    let mut unknown: BTreeSet<String> = exceptions.names().map(str::to_owned).collect();
    let mut trials = Vec::new();
    for case in recording::validations(&root, &arguments) {
        unknown.remove(&case.name);
        let (exceptions, table) = (exceptions.clone(), table.clone());
        trials.push(Trial::test(case.name.clone(), move || {
            exceptions.judge(&case.name, check(&case, &table))
        }));
    }
    trials.extend(references(&root, &arguments));
    trials.push(Trial::test("every_exception_is_a_case", move || match unknown.len() {
        0 => Ok(()),
        _ => Err(Failed::from(format!("these are none: {unknown:?}"))),
    }));
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !arguments.list && arguments.filter.is_none() {
        say(&shown(&table.lock().expect("a failing case panics before it locks")));
    }
    conclusion.exit_code()
}

/// Which variables the states of a machine read, where AWS was asked.
fn references(root: &Path, arguments: &Arguments) -> Vec<Trial> {
    let cases = recording::references(root, arguments).into_iter();
    let trials = cases.map(|(name, definition, wanted)| {
        Trial::test(name, move || {
            let found = serde_json::to_value(variable_references(&definition))
                .expect("names are written as they are");
            if found == wanted {
                return Ok(());
            }
            Err(Failed::from(format!("expected {wanted}, found {found}")))
        })
    });
    trials.collect()
}

fn check(case: &Validation, table: &Table) -> Result<(), Difference> {
    let source = case.source();
    let findings = match load(&source, "machine") {
        Ok(workflow) => workflow.warnings,
        Err(findings) => findings,
    };
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let (unsupported, errors): (Vec<_>, Vec<_>) =
        errors.partition(|finding| UNSUPPORTED.contains(&finding.code));
    let verdict = errors.is_empty() == case.valid;
    let wording = verdict && case.diagnostics.iter().all(|wanted| says(&errors, wanted));
    {
        let mut rows = table.lock().expect("no other case panics with the lock");
        let row = rows.entry(case.group.clone()).or_default();
        row.cases += 1;
        row.undecided += usize::from(!verdict && !unsupported.is_empty() && errors.is_empty());
        row.verdicts += usize::from(verdict);
        row.of_aws += usize::from(case.is_recorded);
        row.wordings += usize::from(case.is_recorded && wording);
    }
    if wording {
        return Ok(());
    }
    let shown: Vec<_> = findings.iter().map(|finding| show::finding(&source, finding)).collect();
    let level = if verdict { 2 } else { 1 };
    Err(Difference {
        how: format!("level {level}, {}", exceptions::codes(errors)),
        what: format!(
            "expected valid: {} {:?}, found:\n  {}",
            case.valid,
            case.diagnostics,
            shown.join("\n  ")
        ),
    })
}

fn says(errors: &[&Finding], wanted: &stepwell_asl::Diagnostic) -> bool {
    errors.iter().any(|finding| finding.aws.as_ref() == Some(wanted))
}

fn shown(table: &BTreeMap<String, Row>) -> String {
    let mut text = format!(
        "\n{:<28}{:>7}{:>13}{:>10}{:>9}{:>9}\n",
        "group", "cases", "undecided", "verdict", "by AWS", "wording"
    );
    let mut all = Row::default();
    let mut line = |name: &str, row: &Row| {
        let Row { cases, undecided, verdicts, of_aws, wordings } = row;
        writeln!(text, "{name:<28}{cases:>7}{undecided:>13}{verdicts:>10}{of_aws:>9}{wordings:>9}")
            .expect("a string takes all");
    };
    for (name, row) in table {
        line(name, row);
        all.cases += row.cases;
        all.undecided += row.undecided;
        all.verdicts += row.verdicts;
        all.of_aws += row.of_aws;
        all.wordings += row.wordings;
    }
    line("all", &all);
    text
}
