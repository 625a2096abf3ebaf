//! Every word of the language, and every event of the history, has a case of our own: a clone without
//! AWS's recordings tests all of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use stepwell_tests::folder;

/// Types of states, and the modes of a Map.
const VALUES: &str = "Task Parallel Map Choice Pass Wait Succeed Fail INLINE DISTRIBUTED";

/// Fields and operators that this version runs.
const FIELDS: &str = "
    TimeoutSeconds InputPath OutputPath Parameters ResultSelector ResultPath Result Assign Next End
    TimeoutSecondsPath HeartbeatSeconds HeartbeatSecondsPath Credentials RoleArn RoleArn.$
    Retry Catch ErrorEquals IntervalSeconds MaxAttempts BackoffRate MaxDelaySeconds JitterStrategy
    Branches ItemProcessor ProcessorConfig Iterator ItemsPath ItemSelector MaxConcurrency
    MaxConcurrencyPath Label ToleratedFailureCount ToleratedFailureCountPath
    ToleratedFailurePercentage ToleratedFailurePercentagePath
    Seconds SecondsPath Timestamp TimestampPath Error ErrorPath Cause CausePath
    Choices Default Variable And Or Not
    QueryLanguage Arguments Output Condition Items
    StringEquals StringEqualsPath StringLessThan StringLessThanPath StringGreaterThan
    StringGreaterThanPath StringLessThanEquals StringLessThanEqualsPath StringGreaterThanEquals
    StringGreaterThanEqualsPath StringMatches
    NumericEquals NumericEqualsPath NumericLessThan NumericLessThanPath NumericGreaterThan
    NumericGreaterThanPath NumericLessThanEquals NumericLessThanEqualsPath NumericGreaterThanEquals
    NumericGreaterThanEqualsPath BooleanEquals BooleanEqualsPath
    TimestampEquals TimestampEqualsPath TimestampLessThan TimestampLessThanPath TimestampGreaterThan
    TimestampGreaterThanPath TimestampLessThanEquals TimestampLessThanEqualsPath
    TimestampGreaterThanEquals TimestampGreaterThanEqualsPath
    IsNull IsPresent IsNumeric IsString IsBoolean IsTimestamp";

/// Names of errors, where they are waited for or come out.
const ERRORS: &str = "
    States.ALL States.TaskFailed States.Timeout States.HeartbeatTimeout States.DataLimitExceeded States.IntrinsicFailure
    States.ExceedToleratedFailureThreshold States.QueryEvaluationError";

const INTRINSICS: &str = "
    Format StringToJson JsonToString Array ArrayPartition ArrayContains ArrayRange ArrayGetItem
    ArrayLength ArrayUnique Base64Encode Base64Decode Hash JsonMerge MathRandom MathAdd StringSplit UUID";

const EVENTS: &str = "
    ExecutionStarted ExecutionSucceeded ExecutionFailed ExecutionAborted ExecutionTimedOut ExecutionRedriven
    TaskStateEntered ParallelStateEntered MapStateEntered ChoiceStateEntered PassStateEntered
    WaitStateEntered SucceedStateEntered FailStateEntered
    TaskStateExited ParallelStateExited MapStateExited ChoiceStateExited PassStateExited
    WaitStateExited SucceedStateExited
    TaskStateAborted ParallelStateAborted MapStateAborted WaitStateAborted
    LambdaFunctionScheduled LambdaFunctionStarted LambdaFunctionSucceeded LambdaFunctionFailed
    LambdaFunctionTimedOut TaskScheduled TaskStarted TaskSubmitted TaskSucceeded TaskFailed TaskTimedOut
    ParallelStateStarted ParallelStateSucceeded ParallelStateFailed
    MapStateStarted MapStateSucceeded MapStateFailed
    MapIterationStarted MapIterationSucceeded MapIterationFailed MapIterationAborted
    MapRunStarted MapRunRedriven MapRunSucceeded MapRunFailed EvaluationFailed";

/// What stands in the machines of the cases.
#[derive(Default)]
struct Words {
    fields: BTreeSet<String>,
    values: BTreeSet<String>,
    errors: BTreeSet<String>,
}

impl Words {
    /// Names of states and what stands in data are no words of the language.
    fn gather(&mut self, node: &Value) {
        if let Value::Array(items) = node {
            for item in items {
                self.gather(item);
            }
        }
        for (name, below) in node.as_object().into_iter().flatten() {
            self.fields.insert(name.clone());
            match name.as_str() {
                "Type" | "Mode" => self.values.extend(below.as_str().map(str::to_owned)),
                "ErrorEquals" => {
                    let names = below.as_array().into_iter().flatten().filter_map(Value::as_str);
                    self.errors.extend(names.map(str::to_owned));
                }
                "States" => {
                    for state in below.as_object().into_iter().flat_map(|all| all.values()) {
                        self.gather(state);
                    }
                }
                "Result" | "Parameters" | "ResultSelector" | "ItemSelector" | "Assign"
                | "Arguments" | "Output" => {}
                _ => self.gather(below),
            }
        }
    }
}

pub(crate) fn every_word_has_a_case() {
    let (mut words, mut snapshots) = (Words::default(), String::new());
    for folder in ["engine", "choice", "state"]
        .map(folder::boundary)
        .iter()
        .flat_map(|boundary| folder::cases_below(boundary))
    {
        if let Some(machine) = folder::json(&folder, "workflow.asl.json") {
            words.gather(&machine);
        }
        let table = folder::json(&folder, "table.json").unwrap_or_default();
        for entry in table.as_array().into_iter().flatten() {
            words.gather(&entry["state"]);
            words.gather(&entry["rule"]);
            let rows = entry["rows"].as_array().into_iter().flatten();
            let errors = rows.filter_map(|row| row[1]["error"].as_str());
            words.errors.extend(errors.map(str::to_owned));
        }
        snapshots += &fs::read_to_string(folder.join("expected.snap")).unwrap_or_default();
    }
    let unused = |words: &'static str, used: &BTreeSet<String>| -> Vec<&str> {
        words.split_whitespace().filter(|word| !used.contains(*word)).collect()
    };
    assert_eq!(unused(VALUES, &words.values), [""; 0], "types without a case");
    assert_eq!(unused(FIELDS, &words.fields), [""; 0], "fields without a case");
    assert_eq!(unused(ERRORS, &words.errors), [""; 0], "errors without a case");
    // Some functions have no place in a table: they draw random numbers.
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/query/src/intrinsic");
    let functions = ["tests/intrinsics.json", "tests.rs"].map(|name| {
        fs::read_to_string(functions.join(name)).expect("the functions have their tests")
    });
    let functions = functions.concat();
    let none = |words: &'static str, text: &str, before: &str, after: &str| -> Vec<&str> {
        let absent = |word: &&str| !text.contains(&format!("{before}{word}{after}"));
        words.split_whitespace().filter(absent).collect()
    };
    assert_eq!(none(INTRINSICS, &functions, "States.", "("), [""; 0], "functions without a case");
    // An event is followed by its details or by the end of its line.
    let events = snapshots.replace('\n', " ");
    assert_eq!(none(EVENTS, &events, " ", " "), [""; 0], "events without a case");
}
