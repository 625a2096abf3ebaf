//! `stepwell history`: an execution's history, as a table or as GetExecutionHistory would reply.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use stepwell_engine::HistoryEvent;
use stepwell_journal::{Journal, Key};

use crate::args::HistoryArgs;
use crate::error::CommandError;
use crate::keeping;
use crate::output::{Output, harmless};

/// How often somebody who follows looks for more.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(200);
/// So many events are read at a time.
const PAGE: usize = 1000;

pub(crate) fn run(args: &HistoryArgs, output: &mut Output) -> Result<(), CommandError> {
    let journal = keeping::open(&args.state)?;
    let summary = keeping::find(&journal, &args.name)?;
    if args.json && !args.follow {
        let events = journal.history(summary.key, 0, usize::MAX)?;
        output.data(&json!({ "events": events }).to_string())?;
        let gap = (1..).zip(&events).find(|(id, event)| event.id != *id);
        return gap.map_or(Ok(()), |(id, _)| Err(missing(&summary.name, id)));
    }
    let mut last = 0;
    loop {
        // Asked before the events are read: nothing comes after an end that was seen.
        let (closed, driven) = state_of(&journal, summary.key)?;
        loop {
            let page = journal.history(summary.key, last, PAGE)?;
            let Some(end) = page.last() else { break };
            let gap = (last + 1..).zip(&page).find(|(id, event)| event.id != *id);
            last = end.id;
            for event in &page {
                let line = if args.json {
                    serde_json::to_string(event).expect("an event is JSON")
                } else {
                    line(event, summary.started_at)
                };
                output.data(&line)?;
            }
            if let Some((id, _)) = gap {
                return Err(missing(&summary.name, id));
            }
        }
        if closed || !args.follow {
            return Ok(());
        }
        if !driven {
            return Err(CommandError::interrupted(&summary.name, journal.dir()));
        }
        std::thread::sleep(FOLLOW_INTERVAL);
    }
}

fn missing(name: &str, id: u64) -> CommandError {
    CommandError::environment(format!("event {id} of the history of `{name}` is missing"))
        .with_help("`stepwell doctor` says what is wrong with the journal")
}

/// Whether it has ended, and whether a process runs it.
fn state_of(journal: &Journal, key: Key) -> Result<(bool, bool), CommandError> {
    // In this order: one that ends is nobody's any more.
    let driven = journal.driven_by(key)?.is_some();
    Ok((journal.describe(key)?.status.is_closed(), driven))
}

/// `id  seconds since the start  type  what matters most`.
fn line(event: &HistoryEvent, started_at: Timestamp) -> String {
    let shown = serde_json::to_value(event).expect("an event is JSON");
    let members = shown.as_object().expect("an event is an object");
    let details = members.iter().find(|(name, _)| name.ends_with("EventDetails"));
    let details = details.map_or(&Value::Null, |(_, details)| details);
    let seconds = event.at.duration_since(started_at).as_secs_f64();
    let head = format!("{:>6}  {seconds:>9.3} s  {:<26}", event.id, event.details.event_type());
    let mut words = vec![head];
    for name in ["name", "index", "resource", "error", "redriveCount", "input", "output", "cause"] {
        match &details[name] {
            Value::Null => {}
            Value::String(text) if name == "name" => words.push(harmless(text).into_owned()),
            Value::String(text) => words.push(format!("{name}={}", cut(&harmless(text)))),
            value => words.push(format!("{name}={value}")),
        }
    }
    words.join("  ").trim_end().to_owned()
}

/// The beginning of a text, with how much was left out.
fn cut(text: &str) -> String {
    const SHOWN_MAX: usize = 60;
    let text = text.replace('\n', "\\n");
    match text.char_indices().nth(SHOWN_MAX) {
        None => text,
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
    }
}
