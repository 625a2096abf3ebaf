//! Findings and runs as text, one thing a line, stable enough for snapshots and short enough to read.

use std::ops::Range;

use jiff::Timestamp;
use serde_json::Value;
use stepwell_asl::{
    ACCOUNT_CONCURRENCY, Architecture, Component, FUNCTION_STORAGE_MB, Finding, FunctionSettings,
    Grants, Reuse, Severity, SourceFile, Workflow,
};
use stepwell_engine::{Effect, Event, HistoryEvent, Invocation, Outcome};

use crate::run::{STARTED_AT, Step};

/// Longer texts are cut in the middle of their line.
const TEXT_CHARACTERS_MAX: usize = 240;

/// Of more lines than this, of one event or of a whole run, the first and the last are shown.
const EVENT_LINES_MAX: usize = 30;
const RUN_LINES_MAX: usize = 120;
/// How many of the first, and how many of the last.
const EVENT_LINES_SHOWN: usize = 4;
const RUN_LINES_SHOWN: usize = 20;

/// What came of loading a file: its machines and functions, then all findings.
pub fn loaded(source: &str, result: &Result<Workflow, Vec<Finding>>) -> String {
    let (mut lines, findings) = match result {
        Err(findings) => (Vec::new(), findings),
        Ok(workflow) => (contents(workflow), &workflow.warnings),
    };
    lines.extend(findings.iter().map(|found| finding(source, found)));
    lines.join("\n")
}

fn contents(workflow: &Workflow) -> Vec<String> {
    let machines = workflow.machines.iter().map(|machine| {
        let states = machine.definition.states();
        let states: Vec<_> = states.map(|state| format!("{:?}", state.name.as_str())).collect();
        let other = Some(&machine.key).filter(|key| **key != machine.name);
        let key = other.map(|key| format!(" ({key})")).unwrap_or_default();
        format!("machine {}{key}: {}", machine.name, cut(&states.join(", ")))
    });
    let functions = workflow
        .functions
        .iter()
        .map(|(name, function)| format!("function {name}: {}", settings(function)));
    let account = Some(workflow.account_concurrency).filter(|most| *most != ACCOUNT_CONCURRENCY);
    let account = account.map(|most| format!("account concurrency {most}"));
    machines.chain(functions).chain(account).collect()
}

/// `code severity line:column pointer message | help: ... | line:column related | AWS: ...`.
pub fn finding(source: &str, finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let pointer = if finding.pointer.is_empty() { "/".to_owned() } else { cut(&finding.pointer) };
    let place_text = place(source, finding.file.as_deref(), &finding.span);
    let message = cut(&finding.message);
    let first = format!("{} {severity} {place_text} {pointer} {message}", finding.code);
    let help = finding.help.iter().map(|help| format!("help: {}", cut(help)));
    let related = finding.related.iter().map(|related| {
        format!("{} {}", place(source, related.file.as_deref(), &related.span), related.what)
    });
    let aws = finding.aws.iter().map(|said| format!("AWS: {}", cut(&said.to_string())));
    [first].into_iter().chain(help).chain(related).chain(aws).collect::<Vec<_>>().join(" | ")
}

/// `line:column`, both from 1, columns in characters, with the text there; before it the file, if it is
/// not the workflow file.
fn place(source: &str, file: Option<&SourceFile>, span: &Range<usize>) -> String {
    if let Some(file) = file {
        return format!("{}:{}", file.path, place(&file.text, None, span));
    }
    let Some(head) = source.get(..span.start) else { return format!("byte {}", span.start) };
    let line = head.matches('\n').count() + 1;
    let column = head.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let marked = source.get(span.clone()).unwrap_or("not on a character's border");
    let marked: String = marked.chars().take(24).collect();
    format!("{line}:{column} {marked:?}")
}

/// A run: each event with its time after the start, what the history gained, and the effects.
pub fn run(steps: &[Step]) -> String {
    let lines = steps.iter().flat_map(|step| {
        let lines = step.applied.history.iter().map(|event| format!("  {}", history(event)));
        let lines = shortened(lines.collect(), EVENT_LINES_MAX, EVENT_LINES_SHOWN);
        let effects = step.applied.effects.iter().map(|asked| format!("  -> {}", effect(asked)));
        [format!("{} {}", offset(step.at), event(&step.event))]
            .into_iter()
            .chain(lines)
            .chain(effects)
    });
    shortened(lines.collect(), RUN_LINES_MAX, RUN_LINES_SHOWN).join("\n")
}

fn shortened(lines: Vec<String>, most: usize, shown: usize) -> Vec<String> {
    if lines.len() <= most {
        return lines;
    }
    let (head, tail) = (&lines[..shown], &lines[lines.len() - shown..]);
    let between = format!("  ... {} lines ...", lines.len() - 2 * shown);
    [head, &[between], tail].concat()
}

fn event(event: &Event) -> String {
    match event {
        Event::Started => "Started".to_owned(),
        Event::Resumed => "Resumed".to_owned(),
        Event::FunctionSucceeded { id, output } => {
            format!("FunctionSucceeded #{} {}", id.0, cut(output.text()))
        }
        Event::FunctionFailed { id, failure } => format!(
            "FunctionFailed #{} {}",
            id.0,
            named(failure.error.as_deref(), failure.cause.as_deref())
        ),
        Event::TaskSucceeded { id, output } => {
            format!("TaskSucceeded #{} {}", id.0, cut(output.text()))
        }
        Event::TaskFailed { id, failure } => format!(
            "TaskFailed #{} {}",
            id.0,
            named(failure.error.as_deref(), failure.cause.as_deref())
        ),
        Event::TaskHeartbeat { id } => format!("TaskHeartbeat #{}", id.0),
        Event::InputReplaced { id, input } => {
            format!("InputReplaced #{} {}", id.0, cut(input.text()))
        }
        Event::RedriveRequested => "RedriveRequested".to_owned(),
        Event::TimerFired { id } => format!("TimerFired #{}", id.0),
        Event::StopRequested { error, cause } => {
            format!("StopRequested {}", named(error.as_deref(), cause.as_deref()))
        }
    }
}

/// `id<previous Type field=text ...`; what is the same in every event is left out.
fn history(event: &HistoryEvent) -> String {
    let first = format!("{}<{} {}", event.id, event.previous_id, event.details.event_type());
    let details = details(event);
    let fields = details.as_object().into_iter().flatten();
    let fields = fields
        .filter(|(name, _)| !matches!(name.as_str(), "inputDetails" | "outputDetails" | "roleArn"))
        .map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("{name}={}", cut(&value))
        });
    [first].into_iter().chain(fields).collect::<Vec<_>>().join(" ")
}

/// An event's details as AWS shows them; null where it has none.
pub fn details(event: &HistoryEvent) -> Value {
    let shown = serde_json::to_value(event).expect("an event is JSON");
    let members = shown.as_object().expect("an event is an object");
    let details = members.iter().find(|(name, _)| name.ends_with("EventDetails"));
    details.map_or(Value::Null, |(_, details)| details.clone())
}

fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Invoke(Invocation { id, function, payload, attempt, .. }) => {
            format!("Invoke #{} {function} attempt {attempt} {}", id.0, cut(payload.text()))
        }
        Effect::OpenToken(token) => {
            let heartbeat = token.heartbeat_seconds.map(|s| format!(" heartbeat {s} s"));
            format!("OpenToken #{}{}", token.id.0, heartbeat.unwrap_or_default())
        }
        Effect::SetTimer { id, at, .. } => format!("SetTimer #{} {}", id.0, offset(*at)),
        Effect::Cancel { id } => format!("Cancel #{}", id.0),
        Effect::Resume => "Resume".to_owned(),
        Effect::Finish(outcome) => self::outcome(outcome),
    }
}

/// How an execution ended.
pub fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Succeeded { output } => format!("Succeeded {}", cut(output.text())),
        Outcome::Failed { error, cause } => {
            format!("Failed {}", named(error.as_deref(), cause.as_deref()))
        }
        Outcome::TimedOut => "TimedOut".to_owned(),
        Outcome::Aborted { error, cause } => {
            format!("Aborted {}", named(error.as_deref(), cause.as_deref()))
        }
    }
}

fn named(error: Option<&str>, cause: Option<&str>) -> String {
    let shown = |text: Option<&str>| text.map_or_else(|| "(none)".to_owned(), cut);
    format!("{}: {}", shown(error), shown(cause))
}

/// Seconds after the start.
fn offset(at: Timestamp) -> String {
    let start: Timestamp = STARTED_AT.parse().expect("it is a timestamp");
    let milliseconds = at.as_millisecond() - start.as_millisecond();
    format!("+{}.{:03}", milliseconds / 1000, milliseconds.rem_euclid(1000))
}

/// A text on one line, cut when it is long.
pub fn cut(text: &str) -> String {
    let mut characters = text.chars();
    let head: String = characters.by_ref().take(TEXT_CHARACTERS_MAX).collect();
    let mut shown = String::with_capacity(head.len());
    for character in head.chars() {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    match characters.count() {
        0 => shown,
        left => format!("{shown}... ({left} more)"),
    }
}

/// A function's settings, those that are Lambda's defaults or empty left out.
fn settings(settings: &FunctionSettings) -> String {
    let code = match &settings.code {
        None => "no code".to_owned(),
        Some(Component::File { path, folder }) if folder.is_empty() => path.clone(),
        Some(Component::File { path, folder }) => format!("{path} beside {folder}"),
        Some(Component::Source { path, folder, handler }) => {
            let beside =
                if folder.is_empty() { String::new() } else { format!(" beside {folder}") };
            let handler = handler.as_ref().map(|handler| format!(", handler {handler}"));
            format!("built from {path}{beside}{}", handler.unwrap_or_default())
        }
        Some(Component::Registry(reference)) => format!("component {reference}"),
        Some(Component::Stub(stub)) => format!("{stub:?}"),
    };
    let mut shown = vec![code];
    shown.extend(settings.deployed_name.as_ref().map(|name| format!("deployed as {name}")));
    if !settings.other_names.is_empty() {
        shown.push(format!("also {}", settings.other_names.join(", ")));
    }
    shown.push(format!("{} MB", settings.memory_mb));
    shown.push(format!("{} s", settings.timeout_seconds));
    shown.extend(settings.fuel.map(|fuel| format!("fuel {fuel}")));
    shown.extend(settings.max_fuel.map(|fuel| format!("at most {fuel} fuel in tests")));
    if settings.storage_mb != *FUNCTION_STORAGE_MB.start() {
        shown.push(format!("storage {} MB", settings.storage_mb));
    }
    shown.extend(settings.reserved_concurrency.map(|most| format!("at most {most} at once")));
    if !settings.environment.is_empty() {
        shown.push(cut(&format!("environment {:?}", settings.environment)));
    }
    shown.extend(settings.limits.map(|limits| format!("limits {limits:?}")));
    if settings.architecture != Architecture::default() {
        shown.push(format!("{:?}", settings.architecture));
    }
    if settings.reuse != Reuse::Fresh {
        shown.push(format!("{:?}", settings.reuse));
    }
    if settings.grants != Grants::default() {
        shown.push(format!("{:?}", settings.grants));
    }
    shown.join(", ")
}
