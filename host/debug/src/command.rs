//! The command language: one line, one command.

use stepwell_engine::EffectId;

/// What `help` shows.
pub const HELP: &str = "\
step [N|#EFFECT]           s   the next event, the next N, or the one that #EFFECT leads to
back [N]                   b   one event back, or N
run [STATE|failure|end]    r   until a state is entered, something fails, or the end
goto N|start|end           g   to event N of this timeline
at                         a   where am I, and what comes next
show [WHAT]                p   input, output, variables, effects, history, states, or all
input [#EFFECT] JSON       i   the state that waits begins anew with another input
result [#EFFECT] JSON          answers a call or a token without running anything; also `succeed`
fail [#EFFECT] ERROR [CAUSE]   the call or token fails
heartbeat [#EFFECT]            somebody still works on what the token is for
timeout [#EFFECT]              what #EFFECT is for takes too long
timelines                      all timelines; a change of what is known makes a new one
timeline N                 t   to another timeline, where it was left
help                       h   this
quit                       q   the end of the session
JSON may be @FILE. A name of a state, an error or a cause may stand in double quotes. A line that begins
with `#` is a comment.
";

/// Names with their short forms.
const NAMES: [(&str, &str); 17] = [
    ("step", "s"),
    ("back", "b"),
    ("run", "r"),
    ("goto", "g"),
    ("at", "a"),
    ("show", "p"),
    ("input", "i"),
    ("result", ""),
    ("succeed", ""),
    ("fail", "f"),
    ("heartbeat", ""),
    ("timeout", ""),
    ("timelines", ""),
    ("timeline", "t"),
    ("help", "h"),
    ("print", ""),
    ("quit", "q"),
];

/// A command.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command<'l> {
    Step(usize),
    StepEffect(EffectId),
    Back(usize),
    Run(Until),
    GoTo(Place),
    At,
    Show(Topic),
    Input(Option<EffectId>, &'l str),
    Result(Option<EffectId>, &'l str),
    Fail(Option<EffectId>, String, Option<String>),
    Heartbeat(Option<EffectId>),
    Timeout(Option<EffectId>),
    Timelines,
    Timeline(usize),
    Help,
    Quit,
}

/// How far to run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Until {
    State(String),
    Failure,
    End,
}

/// Where to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Event(usize),
    Start,
    End,
}

/// What to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    Input,
    Output,
    Variables,
    Effects,
    History,
    States,
    All,
}

const TOPICS: [(&str, Topic); 7] = [
    ("input", Topic::Input),
    ("output", Topic::Output),
    ("variables", Topic::Variables),
    ("effects", Topic::Effects),
    ("history", Topic::History),
    ("states", Topic::States),
    ("all", Topic::All),
];

/// Reads a line; `None`: there is no command on it. An error says what is wrong and what would be right.
pub(crate) fn parse(line: &str) -> Result<Option<Command<'_>>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (word, rest) = split_word(line);
    let name = name(word)?;
    let command = match name {
        "step" if rest.starts_with('#') => Command::StepEffect(only_effect(name, rest)?),
        "step" => Command::Step(count(name, rest)?),
        "back" => Command::Back(count(name, rest)?),
        "run" => Command::Run(until(rest)?),
        "goto" => Command::GoTo(place(rest)?),
        "show" | "print" => Command::Show(topic(rest)?),
        "input" => {
            let (effect, json) = document(name, rest)?;
            Command::Input(effect, json)
        }
        "result" | "succeed" => {
            let (effect, json) = document(name, rest)?;
            Command::Result(effect, json)
        }
        "fail" => failure(rest)?,
        "heartbeat" => Command::Heartbeat(maybe_effect(name, rest)?),
        "timeout" => Command::Timeout(maybe_effect(name, rest)?),
        "timeline" => Command::Timeline(
            rest.parse().map_err(|_| "`timeline` wants a number: `timelines` lists them")?,
        ),
        "at" | "timelines" | "help" | "quit" if !rest.is_empty() => {
            return Err(format!("`{name}` stands alone, without `{rest}`"));
        }
        "at" => Command::At,
        "timelines" => Command::Timelines,
        "help" => Command::Help,
        "quit" => Command::Quit,
        _ => unreachable!("every name has a command"),
    };
    Ok(Some(command))
}

/// The whole name of a command: it may be shortened as long as it is clear.
fn name(word: &str) -> Result<&'static str, String> {
    let exact = NAMES.iter().find(|(name, short)| word == *name || word == *short);
    if let Some((name, _)) = exact {
        return Ok(name);
    }
    let begin: Vec<&str> =
        NAMES.iter().map(|(name, _)| *name).filter(|name| name.starts_with(word)).collect();
    match begin.as_slice() {
        [one] => Ok(one),
        [] => Err(format!("there is no command `{word}`; `help` lists them all")),
        several => Err(format!("`{word}` may be {}", alternatives(several))),
    }
}

/// Names in backticks, `or` between the last two.
fn alternatives(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn split_word(text: &str) -> (&str, &str) {
    match text.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim()),
        None => (text, ""),
    }
}

fn count(name: &str, rest: &str) -> Result<usize, String> {
    match rest {
        "" => Ok(1),
        text => text
            .parse()
            .ok()
            .filter(|count| *count > 0)
            .ok_or_else(|| format!("`{name}` wants a number of events from 1, not `{text}`")),
    }
}

fn effect(text: &str) -> Result<EffectId, String> {
    let number = text.strip_prefix('#').and_then(|number| number.parse().ok());
    number.map(EffectId).ok_or_else(|| {
        format!("`{text}` is no effect: they are written `#1`, and `show effects` lists them")
    })
}

fn only_effect(name: &str, rest: &str) -> Result<EffectId, String> {
    match split_word(rest) {
        (word, "") => effect(word),
        (_, more) => Err(format!("`{name}` wants one effect, without `{more}`")),
    }
}

fn maybe_effect(name: &str, rest: &str) -> Result<Option<EffectId>, String> {
    if rest.is_empty() { Ok(None) } else { only_effect(name, rest).map(Some) }
}

/// An effect, if one is named, and the rest.
fn leading_effect(rest: &str) -> Result<(Option<EffectId>, &str), String> {
    if !rest.starts_with('#') {
        return Ok((None, rest));
    }
    let (word, rest) = split_word(rest);
    Ok((Some(effect(word)?), rest))
}

fn document<'l>(name: &str, rest: &'l str) -> Result<(Option<EffectId>, &'l str), String> {
    let (effect, json) = leading_effect(rest)?;
    if json.is_empty() {
        return Err(format!("`{name}` wants JSON, such as `{name} {{\"count\": 3}}`, or `@FILE`"));
    }
    Ok((effect, json))
}

fn failure(rest: &str) -> Result<Command<'_>, String> {
    let (effect, rest) = leading_effect(rest)?;
    let (error, rest) = text(rest)?;
    if error.is_empty() {
        return Err(
            "`fail` wants the name of an error, such as `fail Busy \"try later\"`".to_owned()
        );
    }
    let cause = match rest {
        "" => None,
        quoted if quoted.starts_with('"') => match text(quoted)? {
            (cause, "") => Some(cause),
            (_, more) => return Err(format!("the cause ends before `{more}`")),
        },
        cause => Some(cause.to_owned()),
    };
    Ok(Command::Fail(effect, error, cause))
}

/// A word or a text in double quotes, and the rest.
fn text(rest: &str) -> Result<(String, &str), String> {
    if !rest.starts_with('"') {
        let (word, rest) = split_word(rest);
        return Ok((word.to_owned(), rest));
    }
    let mut texts = serde_json::Deserializer::from_str(rest).into_iter::<String>();
    match texts.next() {
        Some(Ok(text)) => {
            let end = texts.byte_offset();
            Ok((text, rest[end..].trim()))
        }
        _ => Err(format!("the text in quotes has no end, or an escape that is none: {rest}")),
    }
}

fn until(rest: &str) -> Result<Until, String> {
    match rest {
        "" | "end" => Ok(Until::End),
        "failure" => Ok(Until::Failure),
        quoted if quoted.starts_with('"') => match text(quoted)? {
            (state, "") => Ok(Until::State(state)),
            (_, more) => Err(format!("the name of the state ends before `{more}`")),
        },
        state => Ok(Until::State(state.to_owned())),
    }
}

fn place(rest: &str) -> Result<Place, String> {
    match rest {
        "start" => Ok(Place::Start),
        "end" => Ok(Place::End),
        number => number
            .parse()
            .map(Place::Event)
            .map_err(|_| "`goto` wants the number of an event, `start` or `end`".to_owned()),
    }
}

fn topic(rest: &str) -> Result<Topic, String> {
    if rest.is_empty() {
        return Ok(Topic::All);
    }
    let found: Vec<_> = TOPICS.iter().filter(|(name, _)| name.starts_with(rest)).collect();
    if let [(_, topic)] = found.as_slice() {
        return Ok(*topic);
    }
    let names: Vec<_> = TOPICS.iter().map(|(name, _)| *name).collect();
    Err(format!("`show` knows {}", alternatives(&names)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_may_be_short() {
        for (line, command) in [
            ("s", Command::Step(1)),
            ("ste 3", Command::Step(3)),
            ("step #12", Command::StepEffect(EffectId(12))),
            ("r", Command::Run(Until::End)),
            ("run Two Words", Command::Run(Until::State("Two Words".to_owned()))),
            ("run \"end\"", Command::Run(Until::State("end".to_owned()))),
            ("goto start", Command::GoTo(Place::Start)),
            ("p eff", Command::Show(Topic::Effects)),
            ("result #1 [1, 2]", Command::Result(Some(EffectId(1)), "[1, 2]")),
            ("f Busy try later", fails("Busy", Some("try later"))),
            ("fail \"Very busy\" \"a\\nb\"", fails("Very busy", Some("a\nb"))),
            ("fail Busy", fails("Busy", None)),
        ] {
            assert_eq!(parse(line), Ok(Some(command)), "{line}");
        }
    }

    #[test]
    fn blank_lines_and_comments_are_no_commands() {
        for line in ["", "  \t", "# step", "#1"] {
            assert_eq!(parse(line), Ok(None), "{line:?}");
        }
    }

    #[test]
    fn a_mistake_is_told_with_a_way_out() {
        let told = |line| parse(line).unwrap_err();
        let lines = [
            "stpe",
            "ti",
            "step 0",
            "step x",
            "step #x",
            "goto",
            "input",
            "fail",
            "fail \"a",
            "timeline",
            "at 3",
            "show me",
            "timeout #1 #2",
        ];
        insta::assert_snapshot!(lines.map(|line| format!("{line}\n    {}", told(line))).join("\n"));
    }

    fn fails(error: &str, cause: Option<&str>) -> Command<'static> {
        Command::Fail(None, error.to_owned(), cause.map(str::to_owned))
    }
}
