//! The lines that begin with a colon.

use std::fmt::Write as _;

use crate::Trouble;

/// What a line with a colon asks for. Arguments are as they were written, without blanks around them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command<'l> {
    /// Show the state's input, or take another.
    Input(Option<&'l str>),
    /// Show the whole of `$states`, or take another.
    States(Option<&'l str>),
    /// Show the context object, or lay something over it.
    Context(Option<&'l str>),
    /// Show the variables, or take others.
    Vars(Option<&'l str>),
    /// Give a variable the value of an expression.
    Set {
        name: &'l str,
        expression: &'l str,
    },
    /// Take a variable away.
    Unset(&'l str),
    /// Say which language is meant, or take one.
    JsonPath(Option<bool>),
    /// Say what functions there are, or what one does.
    Functions(Option<&'l str>),
    Help,
    Quit,
}

/// The commands: name, arguments, what it does.
pub(crate) const COMMANDS: [(&str, &str, &str); 10] = [
    (":input", "[JSON | @FILE]", "the state's input, `$states.input` and `$`: show or change it"),
    (":states", "[JSON | @FILE]", "the whole of `$states`: input, result, errorOutput, context"),
    (
        ":context",
        "[JSON | @FILE]",
        "the context object: show it, or lay something over the default",
    ),
    (":vars", "[JSON | @FILE]", "the workflow's variables: show or replace them"),
    (":set", "NAME EXPR", "give a variable the value of an expression"),
    (":unset", "NAME", "take a variable away"),
    (":jsonpath", "[on | off]", "read lines as JSONPath and intrinsic functions, or as JSONata"),
    (":functions", "[NAME]", "what functions there are, or what one does"),
    (":help", "", "this list"),
    (":quit", "", "end; so does Ctrl-D"),
];

/// Reads a line that begins with a colon.
pub(crate) fn parse(line: &str) -> Result<Command<'_>, Trouble> {
    let line = line.trim();
    let (name, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let argument = argument.trim();
    let given = (!argument.is_empty()).then_some(argument);
    match name {
        ":input" => Ok(Command::Input(given)),
        ":states" => Ok(Command::States(given)),
        ":context" => Ok(Command::Context(given)),
        ":vars" => Ok(Command::Vars(given)),
        ":set" => match argument.split_once(char::is_whitespace) {
            Some((name, expression)) => {
                Ok(Command::Set { name: without_dollar(name), expression: expression.trim() })
            }
            None => Err(usage(":set")),
        },
        ":unset" => given.map(|name| Command::Unset(without_dollar(name))).ok_or(usage(":unset")),
        ":jsonpath" => match argument {
            "" => Ok(Command::JsonPath(None)),
            "on" => Ok(Command::JsonPath(Some(true))),
            "off" => Ok(Command::JsonPath(Some(false))),
            _ => Err(usage(":jsonpath")),
        },
        ":functions" => Ok(Command::Functions(given.map(without_dollar))),
        ":help" | ":h" | ":?" => Ok(Command::Help),
        ":quit" | ":q" | ":exit" => Ok(Command::Quit),
        _ => {
            let near = COMMANDS.iter().map(|(other, ..)| *other);
            let near = near.max_by(|a, b| {
                strsim::jaro_winkler(name, a).total_cmp(&strsim::jaro_winkler(name, b))
            });
            let help = match near {
                Some(near) if strsim::jaro_winkler(name, near) > 0.8 => {
                    format!("did you mean `{near}`? `:help` lists the commands")
                }
                _ => "`:help` lists the commands".to_owned(),
            };
            Err(Trouble::Command { message: format!("there is no `{name}`"), help: Some(help) })
        }
    }
}

/// All commands, a line each.
pub(crate) fn help() -> String {
    let mut text =
        "an expression is evaluated; it goes on in the next line while a bracket is open\n"
            .to_owned();
    for (name, arguments, purpose) in COMMANDS {
        let call = format!("{name} {arguments}");
        _ = writeln!(text, "{call:25}  {purpose}");
    }
    text.truncate(text.trim_end().len());
    text
}

fn without_dollar(name: &str) -> &str {
    name.strip_prefix('$').unwrap_or(name)
}

fn usage(name: &str) -> Trouble {
    let arguments = COMMANDS.iter().find(|(other, ..)| *other == name).map(|(_, it, _)| *it);
    let message = format!("`{name}` is said as `{name} {}`", arguments.unwrap_or_default());
    Trouble::Command { message, help: None }
}
