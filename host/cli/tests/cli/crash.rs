//! Executions survive: killed with SIGKILL at random moments, or with a disk that takes no more, they end as
//! an undisturbed run does, and no step that had finished runs again.
//!
//! `STEPWELL_CRASH_KILLS` says how often each workflow is killed (`cargo xtask crash` kills each 500
//! times), `STEPWELL_CRASH_SEED` from which seed the moments come; a failure names the seed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use regex::Regex;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{DESTINATION, Import, command, expected_rows, guest, source};

/// How often each workflow is killed in an ordinary run of the tests.
const KILLS: u64 = 8;

fn kills() -> u64 {
    std::env::var("STEPWELL_CRASH_KILLS").map_or(KILLS, |text| text.parse().unwrap())
}

/// Random numbers of a seed (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn new(salt: u64) -> Self {
        let seed = match std::env::var("STEPWELL_CRASH_SEED") {
            Ok(text) => text.parse().unwrap(),
            Err(_) => SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs(),
        };
        println!("STEPWELL_CRASH_SEED={seed}");
        Self(seed ^ salt)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A time up to `most`.
    fn within(&mut self, most: Duration) -> Duration {
        let parts = u32::try_from(self.roll() % 1_000_000).unwrap();
        most * parts / 1_000_000
    }
}

/// A folder in which the same command is run again and again.
struct Place {
    folder: TempDir,
}

impl Place {
    fn with(workflow: &str) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("workflow.yaml"), workflow).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn stepwell(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.folder.path());
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// The same where no file may grow beyond so many blocks of 512 bytes.
    fn limited(&self, arguments: &[&str], blocks: u64) -> Command {
        let command = self.stepwell(arguments);
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut limited = Command::new("sh");
        limited.current_dir(self.folder.path()).env_clear();
        for (name, value) in command.get_envs() {
            limited.env(name, value.unwrap_or_default());
        }
        limited.args(["-c", &script]).arg(command.get_program()).args(command.get_args());
        limited.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        limited
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.stepwell(arguments).output().unwrap()
    }

    /// The history, as far as there is one.
    fn history(&self, name: &str) -> Vec<Value> {
        let output = self.output(&["history", name, "--json"]);
        let reply: Option<Value> = serde_json::from_slice(&output.stdout).ok();
        reply.and_then(|reply| reply["events"].as_array().cloned()).unwrap_or_default()
    }

    /// When the object of a key was written.
    fn written_at(&self, key: &str) -> SystemTime {
        let object = self.path(".stepwell/objects/rows").join(key);
        std::fs::metadata(object).unwrap().modified().unwrap()
    }
}

/// A run that may be killed. What it says is read, and tokens that it names are answered.
struct Victim {
    child: Child,
    reader: JoinHandle<String>,
    ended: mpsc::Receiver<()>,
}

impl Victim {
    fn start(place: &Place, arguments: &[&str]) -> Self {
        Self::of(place, place.stepwell(arguments))
    }

    fn of(place: &Place, mut run: Command) -> Self {
        let mut child = run.spawn().unwrap();
        let (tell, ended) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let program = command(place.folder.path()).get_program().to_owned();
        let folder = place.folder.path().to_owned();
        let reader = std::thread::spawn(move || {
            let mut said = String::new();
            for line in stderr.lines().map_while(Result::ok) {
                if let Some((_, token)) = line.split_once("by the token ") {
                    // A token that was answered before the last crash is answered once more, in vain.
                    let mut answer = Command::new(&program);
                    answer.current_dir(&folder).args(["task", "success", token]);
                    answer.args(["--output", r#"{"approved":true}"#]);
                    _ = answer.output();
                }
                said += &line;
                said.push('\n');
            }
            _ = tell.send(());
            said
        });
        Self { child, reader, ended }
    }

    /// Lets it live for a while. Whether it was killed then.
    fn live_for(self, time: Duration) -> bool {
        self.live(time, false)
    }

    /// The same; `limited`: the disk may be too small for it.
    fn live(mut self, time: Duration, limited: bool) -> bool {
        if self.ended.recv_timeout(time) == Err(RecvTimeoutError::Timeout) {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
            return true;
        }
        let status = self.child.wait().unwrap();
        let said = self.reader.join().unwrap();
        if limited && status.code() == Some(3) {
            return true;
        }
        assert!(status.success(), "it ended by itself: {status}\n{said}");
        false
    }
}

/// An undisturbed run: how long it takes, what it prints.
fn undisturbed(place: &Place, arguments: &[&str]) -> (Duration, String) {
    let began = Instant::now();
    let mut victim = Victim::start(place, arguments);
    let mut stdout = String::new();
    std::io::Read::read_to_string(victim.child.stdout.as_mut().unwrap(), &mut stdout).unwrap();
    assert!(!victim.live_for(Duration::from_mins(1)));
    (began.elapsed(), stdout)
}

/// The history without what differs from run to run; `ordered`: in its order, with ids.
fn shown(history: &[Value], ordered: bool) -> Vec<String> {
    let events = history.iter().map(|event| {
        let mut event = event.as_object().unwrap().clone();
        event.remove("timestamp");
        if !ordered {
            event.remove("id");
            event.remove("previousEventId");
        }
        VOLATILE.iter().fold(Value::Object(event).to_string(), |text, pattern| {
            Regex::new(pattern).unwrap().replace_all(&text, "*").into_owned()
        })
    });
    let mut events: Vec<_> = events.collect();
    if !ordered {
        events.sort();
    }
    events
}

/// Tokens, ids, and what storage and the wrapped answers of `lambda:invoke` say of time.
const VOLATILE: [&str; 5] = [
    r"st1\.[A-Za-z0-9_-]{43}",
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    r"root=1-[0-9a-f-]+",
    r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]+ GMT",
    r#"etag\\":\\"[^"]*""#,
];

/// Two histories are the same; shows where they are not.
#[track_caller]
fn assert_same(found: &[String], expected: &[String], whose: &str) {
    for (index, pair) in found.iter().zip(expected).enumerate() {
        assert_eq!(pair.0, pair.1, "{whose}: event {index}");
    }
    assert_eq!(found.len(), expected.len(), "{whose}: number of events");
}

/// What a function was called with, in calls that were answered.
fn answered_calls(history: &[Value], function: &str) -> Vec<Value> {
    let by_id: BTreeMap<u64, &Value> =
        history.iter().map(|event| (event["id"].as_u64().unwrap(), event)).collect();
    let previous = |event: &Value| by_id[&event["previousEventId"].as_u64().unwrap()];
    let answers = history.iter().filter(|event| event["type"] == "LambdaFunctionSucceeded");
    let calls = answers.map(|answer| previous(previous(answer)));
    let details = calls.map(|call| &call["lambdaFunctionScheduledEventDetails"]);
    let of_function = details
        .filter(|call| call["resource"].as_str().unwrap().ends_with(&format!(":{function}")));
    of_function.map(|call| serde_json::from_str(call["input"].as_str().unwrap()).unwrap()).collect()
}

#[test]
fn an_import_that_is_killed_goes_on_where_it_was() {
    const ROWS: u64 = 153;
    let mut dice = Dice::new(1);
    let source = source(ROWS, &[]);
    let input = Import::input_from(&source.url());
    let run = ["run", "workflow.yaml", "--name", "import", "--input", &input];
    let place = Place::with(Import::new().text());
    let (lasts, output) = undisturbed(&place, &run);
    let history = shown(&place.history("import"), true);
    let mut killed = 0;
    while killed < kills() {
        let place = Place::with(Import::new().text());
        loop {
            let history = place.history("import");
            if history.last().is_some_and(|event| event["type"] == "ExecutionSucceeded") {
                // It was killed after its end.
                break;
            }
            let calls = answered_calls(&history, "fetch");
            let fetched: Vec<_> = calls.iter().map(|call| call["offset"].as_u64()).collect();
            let asked = source.offsets().len();
            let dies = Victim::start(&place, &run).live_for(dice.within(lasts));
            let pages = &source.offsets()[asked..];
            let again = pages.iter().find(|page| fetched.contains(&Some(**page)));
            assert_eq!(again, None, "a page that was there was asked for again");
            if !dies {
                break;
            }
            killed += 1;
        }
        assert_same(&shown(&place.history("import"), true), &history, "import");
        let object = std::fs::read_to_string(place.path(".stepwell/objects").join(DESTINATION));
        assert_eq!(object.unwrap(), expected_rows(ROWS), "rows are lost or doubled");
        let described: Value =
            serde_json::from_slice(&place.output(&["describe", "import"]).stdout).unwrap();
        let kept = described["output"].as_str().unwrap();
        assert_eq!(without_etag(kept), without_etag(&output));
    }
}

/// An import's output without what the storage says.
fn without_etag(output: &str) -> Value {
    let mut output: Value = serde_json::from_str(output).unwrap();
    output["object"]["etag"].take();
    output
}

/// A Map whose items leave an object each, and then side by side: retries, a wait, and a task that somebody
/// answers.
fn everything() -> String {
    format!(
        "functions:
  busy: {{ stub: [{{ fails: {{ error: Busy }} }}, {{ sleeps: 0.05, returns: ok }}] }}
  ask: {{ stub: {{ sleeps: 0.05, returns: sent }} }}
  hostile:
    component: {}
    grants: {{ objects: [\"rows/*\"] }}
stateMachines:
  everything:
    definition:
      StartAt: Each
      States:
        Each:
          Type: Map
          MaxConcurrency: 2
          ItemProcessor:
            StartAt: Put
            States:
              Put:
                Type: Task
                Resource: hostile
                Parameters:
                  do: bucket-put
                  bucket: rows
                  key.$: States.Format('{{}}/{{}}', $$.Execution.Name, $$.Map.Item.Index)
                  body: row
                ResultPath: null
                End: true
          Next: Both
        Both:
          Type: Parallel
          Branches:
            - StartAt: Busy
              States:
                Busy:
                  Type: Task
                  Resource: busy
                  Retry: [{{ ErrorEquals: [Busy], IntervalSeconds: 1 }}]
                  End: true
            - StartAt: Nap
              States: {{ Nap: {{ Type: Wait, Seconds: 1, End: true }} }}
            - StartAt: Ask
              States:
                Ask:
                  Type: Task
                  Resource: arn:aws:states:::lambda:invoke.waitForTaskToken
                  Parameters: {{ FunctionName: ask, Payload: {{ token.$: $$.Task.Token }} }}
                  TimeoutSeconds: 60
                  End: true
          End: true
",
        guest("hostile")
    )
}

/// How many executions of it run at a time.
const TOGETHER: usize = 5;
const ITEMS: usize = 4;

#[test]
fn everything_that_is_killed_goes_on_where_it_was() {
    let mut dice = Dice::new(2);
    let run =
        ["run", "workflow.yaml", "--name", "all", "--inputs", "inputs.jsonl", "--concurrency", "9"];
    let inputs = format!("{}\n", json!((0..ITEMS).collect::<Vec<_>>())).repeat(TOGETHER);
    let begin = || {
        let place = Place::with(&everything());
        std::fs::write(place.path("inputs.jsonl"), &inputs).unwrap();
        place
    };
    let names: Vec<_> = (1..=TOGETHER).map(|number| format!("all-{number}")).collect();
    let place = begin();
    let (lasts, _) = undisturbed(&place, &run);
    let expected = shown(&place.history("all-1"), false);
    let mut killed = 0;
    while killed < kills() {
        let place = begin();
        let mut finished: BTreeMap<String, SystemTime> = BTreeMap::new();
        loop {
            // Each third life has too small a disk.
            let limited = dice.roll().is_multiple_of(3);
            let command = if limited {
                place.limited(&run, 100 + dice.roll() % 500)
            } else {
                place.stepwell(&run)
            };
            if !Victim::of(&place, command).live(dice.within(lasts), limited) {
                break;
            }
            killed += 1;
            for name in &names {
                for call in answered_calls(&place.history(name), "hostile") {
                    let key = call["key"].as_str().unwrap();
                    let written = place.written_at(key);
                    finished.entry(key.to_owned()).or_insert(written);
                }
            }
        }
        for (key, written) in &finished {
            assert_eq!(place.written_at(key), *written, "`{key}` had been put, and was put again");
        }
        for name in &names {
            let found = shown(&place.history(name), false);
            let found: Vec<_> = found.iter().map(|event| event.replace(name, "all-1")).collect();
            assert_same(&found, &expected, name);
        }
        let rows = std::fs::read_dir(place.path(".stepwell/objects/rows")).unwrap();
        let objects: usize =
            rows.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count()).sum();
        assert_eq!(objects, TOGETHER * ITEMS);
    }
}

#[test]
fn a_disk_that_takes_no_more_loses_nothing() {
    const ROUNDS: usize = 60;
    let workflow = format!(
        "functions:
  more: {{ stub: {{ echo: true }} }}
stateMachines:
  machine:
    definition:
      StartAt: More
      States:
        More:
          Type: Task
          Resource: more
          Parameters: {{ n.$: 'States.MathAdd($.n, 1)' }}
          Next: Enough
        Enough:
          Type: Choice
          Choices: [{{ Variable: $.n, NumericLessThan: {ROUNDS}, Next: More }}]
          Default: Done
        Done: {{ Type: Succeed }}
"
    );
    let mut dice = Dice::new(3);
    let run = ["run", "workflow.yaml", "--name", "full", "--input", r#"{"n":0}"#];
    let place = Place::with(&workflow);
    let (_, output) = undisturbed(&place, &run);
    let history = shown(&place.history("full"), true);
    let mut failed = 0;
    for _ in 0..kills() {
        let place = Place::with(&workflow);
        // The journal needs some 300.
        let blocks = 64 + dice.roll() % 250;
        let limited = place.limited(&run, blocks).output().unwrap();
        let said = String::from_utf8_lossy(&limited.stderr).into_owned();
        if limited.status.success() {
            continue;
        }
        failed += 1;
        assert_eq!(limited.status.code(), Some(3), "{blocks} blocks: {said}");
        assert!(limited.stdout.is_empty(), "{blocks} blocks");
        // What was told has been written down.
        let told = said.lines().filter(|line| line.ends_with("  More  stub")).count();
        let kept = answered_calls(&place.history("full"), "more").len();
        assert!(kept >= told, "{blocks} blocks: {told} steps were told, {kept} are kept\n{said}");
        let (_, ended) = undisturbed(&place, &run);
        assert_eq!(ended, output, "{blocks} blocks");
        assert_same(&shown(&place.history("full"), true), &history, &format!("{blocks} blocks"));
    }
    assert!(failed > 0, "no run met the limit");
}
