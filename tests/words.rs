//! Every word of the language, and every event of the history, has a case of our own: a clone without
//! AWS's recordings tests all of them.

use std::fs;
use std::path::Path;

use stepwell_tests::folder;

/// Types, fields and operators that this version runs.
const WORDS: &str = "
    Task Parallel Map Choice Pass Wait Succeed Fail
    TimeoutSeconds InputPath OutputPath Parameters ResultSelector ResultPath Result Assign Next End
    TimeoutSecondsPath HeartbeatSeconds HeartbeatSecondsPath Credentials RoleArn RoleArn.$
    Retry Catch ErrorEquals IntervalSeconds MaxAttempts BackoffRate MaxDelaySeconds JitterStrategy
    Branches ItemProcessor ProcessorConfig Iterator ItemsPath ItemSelector MaxConcurrency
    MaxConcurrencyPath Label ToleratedFailureCount ToleratedFailureCountPath
    ToleratedFailurePercentage ToleratedFailurePercentagePath INLINE DISTRIBUTED
    Seconds SecondsPath Timestamp TimestampPath Error ErrorPath Cause CausePath
    Choices Default Variable And Or Not
    StringEquals StringEqualsPath StringLessThan StringLessThanPath StringGreaterThan
    StringGreaterThanPath StringLessThanEquals StringLessThanEqualsPath StringGreaterThanEquals
    StringGreaterThanEqualsPath StringMatches
    NumericEquals NumericEqualsPath NumericLessThan NumericLessThanPath NumericGreaterThan
    NumericGreaterThanPath NumericLessThanEquals NumericLessThanEqualsPath NumericGreaterThanEquals
    NumericGreaterThanEqualsPath BooleanEquals BooleanEqualsPath
    TimestampEquals TimestampEqualsPath TimestampLessThan TimestampLessThanPath TimestampGreaterThan
    TimestampGreaterThanPath TimestampLessThanEquals TimestampLessThanEqualsPath
    TimestampGreaterThanEquals TimestampGreaterThanEqualsPath
    IsNull IsPresent IsNumeric IsString IsBoolean IsTimestamp
    States.ALL States.TaskFailed States.Timeout States.DataLimitExceeded States.IntrinsicFailure
    States.ExceedToleratedFailureThreshold";

const INTRINSICS: &str = "
    Format StringToJson JsonToString Array ArrayPartition ArrayContains ArrayRange ArrayGetItem
    ArrayLength ArrayUnique Base64Encode Base64Decode Hash JsonMerge MathRandom MathAdd StringSplit UUID";

const EVENTS: &str = "
    ExecutionStarted ExecutionSucceeded ExecutionFailed ExecutionAborted ExecutionTimedOut
    TaskStateEntered ParallelStateEntered MapStateEntered ChoiceStateEntered PassStateEntered
    WaitStateEntered SucceedStateEntered FailStateEntered
    TaskStateExited ParallelStateExited MapStateExited ChoiceStateExited PassStateExited
    WaitStateExited SucceedStateExited
    TaskStateAborted ParallelStateAborted MapStateAborted WaitStateAborted
    LambdaFunctionScheduled LambdaFunctionStarted LambdaFunctionSucceeded LambdaFunctionFailed
    LambdaFunctionTimedOut TaskScheduled TaskStarted TaskSucceeded TaskFailed TaskTimedOut
    ParallelStateStarted ParallelStateSucceeded ParallelStateFailed
    MapStateStarted MapStateSucceeded MapStateFailed
    MapIterationStarted MapIterationSucceeded MapIterationFailed MapIterationAborted
    MapRunStarted MapRunSucceeded MapRunFailed";

pub(crate) fn every_word_has_a_case() {
    let (mut cases, mut snapshots) = (String::new(), String::new());
    for folder in ["engine", "choice", "state"]
        .map(folder::boundary)
        .iter()
        .flat_map(|boundary| folder::cases_below(boundary))
    {
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
        cases += &(read("workflow.asl.json") + &read("table.json"));
        snapshots += &read("expected.snap");
    }
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
    assert_eq!(none(WORDS, &cases, "\"", "\""), [""; 0], "words of the language without a case");
    assert_eq!(none(INTRINSICS, &functions, "States.", "("), [""; 0], "functions without a case");
    // An event is followed by its details or by the end of its line.
    let events = snapshots.replace('\n', " ");
    assert_eq!(none(EVENTS, &events, " ", " "), [""; 0], "events without a case");
}
