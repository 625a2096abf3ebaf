//! What a person reads of a session: moments in short, and everything whole where it is asked for.

use std::fmt::{self, Write};

use serde_json::Value;
use stepwell_engine::{Details, Effect, Outcome, View};

use crate::command::Topic;
use crate::moment::Moment;
use crate::next::Next;
use crate::session::{Session, TimelineSummary};
use crate::words;

/// Of more lines than this, the first and the last are shown.
const LINES_MAX: usize = 24;
const LINES_FIRST: usize = 16;
const LINES_LAST: usize = 4;

/// The moment that led here, with what came of it.
pub(crate) fn moment(out: &mut dyn Write, session: &Session) -> fmt::Result {
    let Some(moment) = session.last() else { return at(out, session) };
    writeln!(out, "{}", head(session, session.position(), moment))?;
    let history = moment.applied.history.iter();
    let gained = history.filter_map(|event| words::gained(&moment.event, event));
    let children = moment.applied.failed_children.iter().map(words::failed_child);
    let views = session.views();
    let start = session.start().at;
    let effects = moment.applied.effects.iter().filter_map(|effect| {
        let asked = words::effect(start, effect, path(&views, effect))?;
        Some(format!("waits for {asked}"))
    });
    let lines: Vec<_> = gained.chain(children).chain(effects).collect();
    few(out, &lines, "`show history` and `show effects` have all")
}

/// One line for an event of the current timeline.
fn head(session: &Session, number: usize, moment: &Moment) -> String {
    let offset = words::offset(session.start().at, moment.at);
    format!("[{number}] {offset} {}", words::event(moment))
}

fn few(out: &mut dyn Write, lines: &[String], where_all: &str) -> fmt::Result {
    let (first, last) = if lines.len() <= LINES_MAX {
        (lines, &[][..])
    } else {
        (&lines[..LINES_FIRST], &lines[lines.len() - LINES_LAST..])
    };
    for line in first {
        writeln!(out, "    {line}")?;
    }
    if !last.is_empty() {
        let left = lines.len() - LINES_FIRST - LINES_LAST;
        writeln!(out, "    ... {left} lines more; {where_all}")?;
    }
    last.iter().try_for_each(|line| writeln!(out, "    {line}"))
}

/// The state that waits for an effect, with those around it.
fn path<'v>(views: &'v [View], effect: &Effect) -> Option<&'v str> {
    let id = effect.id()?;
    let view = views.iter().find(|view| view.effects.contains(&id))?;
    Some(&view.path)
}

/// Where one is, and what comes next.
pub(crate) fn at(out: &mut dyn Write, session: &Session) -> fmt::Result {
    let timelines: Vec<_> = session.timelines().collect();
    let current = timelines.iter().find(|timeline| timeline.is_current);
    let number = current.map_or(1, |timeline| timeline.number);
    let (position, events) = (session.position(), session.events());
    let (now, start) = (session.now(), session.start().at);
    writeln!(
        out,
        "event {position} of {events}, timeline {number} of {}, {now} ({})",
        timelines.len(),
        words::offset(start, now)
    )?;
    if let Some(moment) = session.last() {
        writeln!(out, "last: {}", head(session, position, moment))?;
    }
    few(out, &states(session), "`show states` has all")?;
    writeln!(out, "next: {}", next(session))
}

/// What comes next, in words.
fn next(session: &Session) -> String {
    let subject =
        |id| session.effect(id).map_or_else(String::new, |(_, effect)| words::subject(effect));
    match session.next() {
        Next::Known => {
            let number = session.position() + 1;
            session.coming().map_or_else(String::new, |moment| head(session, number, moment))
        }
        Next::Begin => "the execution begins".to_owned(),
        Next::Resume => "the engine goes on".to_owned(),
        Next::Call(id) => format!("{} is called", subject(id)),
        Next::Timer(id) => format!("{} comes", subject(id)),
        Next::Outside => choices(session),
        Next::Nothing => "nothing, it has ended".to_owned(),
    }
}

/// What somebody outside can do.
pub(crate) fn choices(session: &Session) -> String {
    let tokens: Vec<_> = session
        .open()
        .filter(|(_, _, effect)| matches!(effect, Effect::OpenToken(_)))
        .map(|(id, _, effect)| (format!("#{}", id.0), words::subject(effect)))
        .collect();
    let subjects: Vec<_> = tokens.iter().map(|(_, subject)| subject.as_str()).collect();
    let which = tokens.first().map_or("", |(id, _)| id.as_str());
    format!(
        "only an answer from outside or a timeout: {}; say `succeed {which} JSON`, `fail {which} ERROR`, \
         `heartbeat {which}` or `timeout {which}`",
        subjects.join(", ")
    )
}

/// One line for each open state.
fn states(session: &Session) -> Vec<String> {
    let start = session.start().at;
    let views = session.views();
    let lines = views.iter().map(|view| {
        let since = words::offset(start, view.entered_at);
        let effects = view.effects.iter().filter_map(|id| session.effect(*id));
        let effects: Vec<_> = effects.map(|(_, effect)| words::subject(effect)).collect();
        match effects.as_slice() {
            [] => format!("in {} since {since}", view.path),
            effects => format!("in {} since {since}, waits for {}", view.path, effects.join(", ")),
        }
    });
    lines.collect()
}

/// Everything about one topic, whole.
pub(crate) fn topic(out: &mut dyn Write, session: &Session, topic: Topic) -> fmt::Result {
    match topic {
        Topic::Input => input(out, session),
        Topic::Output => output(out, session),
        Topic::Variables => variables(out, session),
        Topic::Effects => effects(out, session),
        Topic::History => history(out, session),
        Topic::States => match states(session).as_slice() {
            [] => writeln!(out, "no state is open"),
            lines => lines.iter().try_for_each(|line| writeln!(out, "{line}")),
        },
        Topic::All => {
            let topics = [
                ("states", Topic::States),
                ("input", Topic::Input),
                ("variables", Topic::Variables),
                ("effects", Topic::Effects),
                ("output", Topic::Output),
            ];
            topics.into_iter().try_for_each(|(name, one)| {
                writeln!(out, "-- {name}")?;
                self::topic(out, session, one)
            })
        }
    }
}

fn input(out: &mut dyn Write, session: &Session) -> fmt::Result {
    let views = session.views();
    if views.is_empty() {
        return document(out, "input of the execution", session.start().input.value());
    }
    views
        .iter()
        .try_for_each(|view| document(out, &format!("input of {}", view.path), view.input.value()))
}

fn output(out: &mut dyn Write, session: &Session) -> fmt::Result {
    match session.execution().outcome() {
        Some(Outcome::Succeeded { output }) => {
            return document(out, "output of the execution", output.value());
        }
        Some(outcome) => writeln!(out, "the execution {}", words::outcome(outcome))?,
        None => {}
    }
    let left = session.history().rev().find_map(|event| match &event.details {
        Details::StateExited { name, output, .. } => Some((name, output)),
        _ => None,
    });
    match left {
        Some((name, left)) => document(out, &format!("output of {name}, left last"), left.value()),
        None => writeln!(out, "no state was left so far"),
    }
}

fn variables(out: &mut dyn Write, session: &Session) -> fmt::Result {
    let views = session.views();
    if views.iter().all(|view| view.variables.is_empty()) {
        return writeln!(out, "no variables");
    }
    for view in &views {
        for (name, value) in &view.variables {
            document(out, &format!("${name} in {}", view.path), value.value())?;
        }
    }
    Ok(())
}

fn effects(out: &mut dyn Write, session: &Session) -> fmt::Result {
    let views = session.views();
    let start = session.start().at;
    let mut some = false;
    for (_, asked_at, effect) in session.open() {
        some = true;
        let subject = words::subject(effect);
        let place = path(&views, effect).unwrap_or("the execution");
        let since = words::offset(start, asked_at);
        let head = format!("{subject} for {place}, asked for at {since}");
        match effect {
            Effect::Invoke(call) => document(out, &head, call.payload.value())?,
            Effect::OpenToken(token) => writeln!(out, "{head}: token {}", token.token)?,
            Effect::SetTimer { at, .. } => {
                writeln!(out, "{head}: {at} ({})", words::offset(start, *at))?;
            }
            _ => writeln!(out, "{head}")?,
        }
    }
    match (some, session.wants_to_resume()) {
        (_, true) => writeln!(out, "a turn of the engine"),
        (false, false) => writeln!(out, "it waits for nothing"),
        (true, false) => Ok(()),
    }
}

fn history(out: &mut dyn Write, session: &Session) -> fmt::Result {
    let start = session.start().at;
    session.history().try_for_each(|event| {
        writeln!(out, "{} {}", words::offset(start, event.at), words::history(event))
    })
}

/// A document as a whole: beside its name, or below it when it takes lines.
fn document(out: &mut dyn Write, name: &str, value: &Value) -> fmt::Result {
    let text = format!("{value:#}");
    if !text.contains('\n') {
        return writeln!(out, "{name}: {text}");
    }
    writeln!(out, "{name}:")?;
    text.lines().try_for_each(|line| writeln!(out, "  {line}"))
}

/// All timelines, one a line.
pub(crate) fn timelines(out: &mut dyn Write, session: &Session) -> fmt::Result {
    session.timelines().try_for_each(|timeline| {
        let TimelineSummary { number, parted, events, position, is_current } = timeline;
        let mark = if is_current { '*' } else { ' ' };
        let parted = parted.map_or_else(String::new, |(from, position)| {
            format!(", parted from timeline {from} after event {position}")
        });
        writeln!(out, "{mark} timeline {number}: event {position} of {events}{parted}")
    })
}
