//! What AWS did: a case of `../shared/conformance` (its README has the schema), and how it is run here.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use libtest_mimic::Arguments;
use serde_json::{Value, json};
use stepwell_asl::{Definition, Diagnostic, StateKind, load};
use stepwell_engine::Failure;
use stepwell_query::Document;

use crate::run::{self, Answer, Outside, Reply, Step, Stop};

/// The account of the recordings.
const ACCOUNT: &str = "111122223333";

/// One recorded execution: a case of kind `execution`, or a row of an `execution-table`.
#[derive(Clone)]
pub struct Recording {
    /// The machine as text.
    definition: String,
    input: Value,
    /// The recorded outcome and history.
    pub expected: Value,
    /// What the functions do.
    functions: BTreeMap<String, Value>,
    /// The days from the start to the time in the input, where that was relative.
    days_ahead: Option<i64>,
}

/// How far the order of recorded events can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Events come one after the other.
    Total,
    /// Branches ran side by side: an event comes after the one that led to it, and that is all.
    Partial,
    /// The events between a Parallel's start and its end were sorted as text, their ids lost, and some of
    /// them dropped.
    Lost,
}

/// A file of the recordings.
pub struct Case {
    /// `group/name`.
    pub name: String,
    /// Its folder.
    pub group: String,
    /// Tokens in what is expected that stand for anything.
    pub placeholders: Vec<String>,
    /// Causes hold a stack trace: only the error's type and message count.
    pub loose_causes: bool,
    /// How far the order of the recorded events can be relied on.
    pub order: Order,
    /// What was recorded.
    pub recordings: Vec<Recording>,
}

/// Every case that records executions, in the order of their names.
pub fn cases(root: &Path, arguments: &Arguments) -> Vec<Case> {
    let files = files(root, arguments);
    files.iter().filter_map(|file| read(file)).collect()
}

/// A definition that was checked: a case of kind `validation`.
pub struct Validation {
    /// `group/name`.
    pub name: String,
    /// Its folder.
    pub group: String,
    /// Whether AWS itself was asked, not a linter.
    pub is_recorded: bool,
    /// Whether it is accepted.
    pub valid: bool,
    /// What AWS says about it.
    pub diagnostics: Vec<Diagnostic>,
    definition: String,
    express: bool,
}

/// Every case that records what was said about a definition, in the order of their names. What is about
/// other things than the definition, such as where the machine's logs go, is left out.
///
/// A machine of which AWS recorded an execution is a definition that AWS accepted.
pub fn validations(root: &Path, arguments: &Arguments) -> Vec<Validation> {
    let files = files(root, arguments);
    let cases = files.iter().map(|file| read_json(file));
    cases
        .flat_map(|case| read_validation(&case).map_or_else(|| accepted(&case), |one| vec![one]))
        .collect()
}

/// Every case that records which variables a machine's states read: its name, the definition and the answer.
pub fn references(root: &Path, arguments: &Arguments) -> Vec<(String, Value, Value)> {
    let files = files(root, arguments);
    let cases = files.iter().map(|file| read_json(file));
    let cases = cases.filter(|case| case["kind"] == "variable-references");
    let text = |value: &Value| value.as_str().expect("a case has a name").to_owned();
    cases
        .map(|case| {
            let wanted = case["expected"]["variableReferences"].clone();
            (text(&case["name"]), case["definition"].clone(), wanted)
        })
        .collect()
}

fn accepted(case: &Value) -> Vec<Validation> {
    let runs = ["execution", "execution-table", "express-sync", "express-async"];
    if !case["kind"].as_str().is_some_and(|kind| runs.contains(&kind)) {
        return Vec::new();
    }
    let text = |value: &Value| value.as_str().expect("a case has a group and a name").to_owned();
    let rows = case["rows"].as_array().map_or(&[][..], Vec::as_slice);
    let of_rows = rows.iter().enumerate().filter_map(|(row, of_row)| {
        Some((format!("{}#{row}", text(&case["name"])), definition(of_row)?))
    });
    let own = definition(case).map(|definition| (text(&case["name"]), definition));
    own.into_iter()
        .chain(of_rows)
        .map(|(name, definition)| Validation {
            name,
            group: text(&case["group"]),
            is_recorded: true,
            valid: true,
            diagnostics: Vec::new(),
            definition,
            express: case["state_machine_type"] == "EXPRESS",
        })
        .collect()
}

fn read_validation(case: &Value) -> Option<Validation> {
    if case["kind"] != "validation" {
        return None;
    }
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let expected = &case["expected"];
    let error = text(&expected["exception_typename"]).or_else(|| text(&expected["Error"]["Code"]));
    if error.is_some_and(|error| error != "InvalidDefinition") {
        return None;
    }
    let group = text(&case["group"]).expect("a case has a group");
    let listed = expected["diagnostics"].as_array().into_iter().flatten().map(|one| Diagnostic {
        code: text(&one["code"]).expect("a diagnostic has a code").into(),
        message: text(&one["message"]).expect("a diagnostic has a message"),
        location: text(&one["location"]),
    });
    let thrown = text(&expected["exception_value"]).or_else(|| text(&expected["message"]));
    Some(Validation {
        name: text(&case["name"]).expect("a case has a name"),
        is_recorded: !group.starts_with("lint-"),
        group,
        valid: expected["valid"].as_bool().expect("a case has a verdict"),
        diagnostics: listed.chain(thrown.map(|thrown| thrown_diagnostic(&thrown))).collect(),
        // What is empty is left out of a case.
        definition: definition(case).unwrap_or_else(|| "{}".to_owned()),
        express: case["state_machine_type"] == "EXPRESS",
    })
}

/// From `Invalid State Machine Definition: 'CODE: MESSAGE at LOCATION'`.
fn thrown_diagnostic(text: &str) -> Diagnostic {
    let (_, quoted) = text.split_once("Definition: '").expect("it says what is wrong");
    let quoted = quoted.strip_suffix('\'').expect("it is quoted");
    let (code, rest) = quoted.split_once(": ").expect("a code stands first");
    let (message, location) = rest.rsplit_once(" at ").expect("a place stands last");
    let location = Some(location.to_owned());
    Diagnostic { code: code.to_owned().into(), message: message.to_owned(), location }
}

impl Validation {
    /// The file for it: an Express machine's type stands beside its definition.
    pub fn source(&self) -> String {
        if !self.express {
            return self.definition.clone();
        }
        let definition: Value =
            serde_json::from_str(&self.definition).expect("such a definition is JSON");
        json!({ "stateMachines": { "machine": { "type": "EXPRESS", "definition": definition } } })
            .to_string()
    }
}

/// The files that the tests which are asked for are made of, in order. nextest asks for one test at a time,
/// each in a process of its own: reading hundreds of files for it would take most of the suite's time.
fn files(root: &Path, arguments: &Arguments) -> Vec<PathBuf> {
    if arguments.exact
        && let [name] = arguments.filter.as_slice()
    {
        // A row of a table is `group/name#row`.
        let name = name.split('#').next().unwrap_or(name);
        let file = root.join(format!("{name}.json"));
        if file.is_file() {
            return vec![file];
        }
    }
    let mut files = files_below(root);
    files.sort();
    files
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder of the recordings can be read");
    entries
        .map(|entry| entry.expect("the folder of the recordings can be read").path())
        .flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect()
}

fn read_json(file: &Path) -> Value {
    let text = fs::read_to_string(file).expect("a recording can be read");
    serde_json::from_str(&text).expect("a recording is JSON")
}

fn read(file: &Path) -> Option<Case> {
    let case = read_json(file);
    let rows = match case["kind"].as_str() {
        Some("execution") => vec![case.clone()],
        Some("execution-table") => case["rows"].as_array().expect("a table has rows").clone(),
        _ => return None,
    };
    let name = case["name"].as_str().expect("a case has a name").to_owned();
    let flagged = |flag: &str| {
        let flags = case["trust"]["flags"].as_array();
        flags.is_some_and(|flags| flags.iter().any(|found| found == flag))
    };
    let relative = flagged("input-time-must-be-computed-relative-to-now");
    let days_ahead =
        relative.then(|| name.rsplit("--").next().and_then(|days| days.parse().ok())).flatten();
    let functions = case["functions"].as_object().into_iter().flatten();
    let functions: BTreeMap<_, _> =
        functions.map(|(name, function)| (name.clone(), function.clone())).collect();
    let strings = |list: &Value| {
        let list = list.as_array().into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let recordings = rows.iter().map(|row| Recording {
        definition: definition(row).or_else(|| definition(&case)).unwrap_or_default(),
        input: row.get("input").cloned().unwrap_or_else(|| json!({})),
        expected: row["expected"].clone(),
        functions: functions.clone(),
        days_ahead,
    });
    Some(Case {
        group: case["group"].as_str().expect("a case has a group").to_owned(),
        placeholders: strings(&case["placeholders"]),
        loose_causes: flagged("lambda-error-cause"),
        order: if flagged("parallel-events-sorted-and-ids-blanked-by-peer") {
            Order::Lost
        } else if flagged("interleaving-possible") {
            Order::Partial
        } else {
            Order::Total
        },
        recordings: recordings.collect(),
        name,
    })
}

fn definition(row: &Value) -> Option<String> {
    match (row.get("definition"), &row["definition_text"]) {
        (Some(definition), _) => Some(definition.to_string()),
        (None, Value::String(text)) => Some(text.clone()),
        (None, _) => None,
    }
}

impl Recording {
    /// The machine, if this version can run it: it loads, and the script can answer for its functions.
    pub fn definition(&self) -> Option<Definition> {
        let definition = load(&self.definition, "machine").ok()?.machines.remove(0).definition;
        let answered = definition.states().all(|state| match &state.kind {
            StateKind::Task(task) => task.resource.function().is_none_or(|function| {
                let function = self.functions.get(function.as_str());
                function.is_some_and(|function| reply(function).is_some())
            }),
            _ => true,
        });
        answered.then_some(definition)
    }

    /// The same with its machine in JSONata, as `stepwell convert` writes it, and how many states stayed as they
    /// were; `None` if the machine is no object.
    pub fn converted(&self) -> Option<(Self, usize)> {
        let machine: Value = serde_json::from_str(&self.definition).ok()?;
        let converted = stepwell_convert::convert_definition(&machine);
        let definition = converted.definition.to_string();
        Some((Self { definition, ..self.clone() }, converted.kept))
    }

    /// Runs it.
    pub fn run(&self, definition: &Definition) -> (stepwell_engine::Outcome, Vec<Step>) {
        let mut start = run::start(Document::from(self.input.clone()));
        if let Some(days) = self.days_ahead {
            let then = self.input["start_at"].as_str().and_then(|text| text.parse().ok());
            let then: Timestamp = then.expect("such an input has a time");
            start.at = then - SignedDuration::from_hours(24 * days);
        }
        for arn in [&mut start.execution_arn, &mut start.machine_arn, &mut start.role_arn] {
            *arn = arn.replace("123456789012", ACCOUNT);
        }
        let stop = (self.expected["status"] == "ABORTED").then(|| Stop {
            after: SignedDuration::from_secs(1),
            error: self.expected["error"].as_str().map(str::to_owned),
            cause: self.expected["cause"].as_str().map(str::to_owned),
        });
        let outside = Outside { stop, ..Outside::default() };
        run::run(definition, start, outside, |function, _| {
            self.functions.get(function).map_or_else(
                || no_such_function(function),
                |function| reply(function).expect("only such machines are run"),
            )
        })
    }
}

/// What AWS answers for a function that does not exist.
fn no_such_function(name: &str) -> Reply {
    let cause = format!(
        "Function not found: arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}:$LATEST (Service: AWSLambda; \
         Status Code: 404; Error Code: ResourceNotFoundException; Request ID: 0; Proxy: null)"
    );
    let failure = Failure::new("Lambda.ResourceNotFoundException", cause);
    Reply { answer: Answer::Fails(failure), after: SignedDuration::from_secs(1) }
}

/// What a recorded function does, if the script knows its kind.
fn reply(function: &Value) -> Option<Reply> {
    let mut after = SignedDuration::from_secs(1);
    let answer = match function["kind"].as_str()? {
        "echo" => Answer::Echo,
        "static" => Answer::Returns(Document::from(function["value"].clone())),
        "sleep" => {
            after = SignedDuration::from_secs_f64(function["seconds"].as_f64()?);
            Answer::Echo
        }
        "large-string" => {
            let length = usize::try_from(function["length"].as_u64()?).ok()?;
            let text = function["char"].as_str()?.repeat(length);
            Answer::Returns(Document::from(Value::from(text)))
        }
        "fail" => {
            let (error, message) = (&function["errorType"], &function["errorMessage"]);
            let cause = json!({ "errorMessage": message, "errorType": error }).to_string();
            Answer::Fails(Failure::from_parts(error.as_str().map(str::to_owned), Some(cause)))
        }
        _ => return None,
    };
    Some(Reply { answer, after })
}
