//! A session: lines in, answers out.

use std::fmt::Write as _;

use serde_json::Value;
use stepwell_query::{Document, Scope, is_variable_name, jsonata_functions};

use crate::command::{self, Command};
use crate::{Candidate, Notice, Question, Trouble, Values, ValuesError, complete, functions};

/// Where the files that a line names are read.
pub trait Files {
    /// The text of a file, or why there is none, in words.
    fn read(&mut self, path: &str) -> Result<String, String>;
}

/// Values, and which language is meant.
#[derive(Debug, Clone)]
pub struct Session {
    values: Values,
    jsonpath: bool,
}

/// The answer to a line.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// What is worth a warning, whatever came of it.
    pub notices: Vec<Notice>,
    /// What came of it.
    pub result: Result<Said, Trouble>,
}

/// What is said when all went well.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// Nothing needs to be said.
    Nothing,
    /// A value.
    Value(Value),
    /// A variable that has a value now.
    Assigned {
        /// Its name, without `$`.
        name: String,
        /// The value.
        value: Value,
    },
    /// Words.
    Text(String),
    /// Nothing any more: the session is over.
    Quit,
}

impl Session {
    /// A session over these values.
    pub fn new(values: Values, jsonpath: bool) -> Self {
        Self { values, jsonpath }
    }

    /// Whether lines are read as JSONPath.
    pub fn is_jsonpath(&self) -> bool {
        self.jsonpath
    }

    /// Answers a line at a time, in milliseconds since the epoch. A line may have line breaks in it. An empty
    /// one says nothing.
    pub fn line(&mut self, line: &str, now_ms: i64, files: &mut dyn Files) -> Reply {
        self.values.set_now_ms(now_ms);
        let line = line.trim();
        if line.is_empty() {
            return Reply { notices: Vec::new(), result: Ok(Said::Nothing) };
        }
        if !line.starts_with(':') {
            return self.ask(line, None);
        }
        let command = match command::parse(line) {
            Ok(command) => command,
            Err(trouble) => return Reply { notices: Vec::new(), result: Err(trouble) },
        };
        if let Command::Set { name, expression } = command {
            return self.ask(expression, Some(name));
        }
        Reply { notices: Vec::new(), result: self.perform(command, files) }
    }

    /// What could stand before a place of a line, and from where on, in bytes.
    pub fn complete(&self, line: &str, position: usize) -> (usize, Vec<Candidate>) {
        complete::complete(&self.values, self.jsonpath, line, position)
    }

    /// Evaluates an expression, and keeps its value if a variable is named.
    fn ask(&mut self, text: &str, variable: Option<&str>) -> Reply {
        let question = match Question::read(text, self.jsonpath) {
            Ok(question) => question,
            Err(trouble) => return Reply { notices: Vec::new(), result: Err(trouble) },
        };
        let mut notices = question.notices(&self.values);
        notices.extend(lost_variable(text));
        let value = question.evaluate(&self.values).map(std::borrow::Cow::into_owned);
        let result = match (value, variable) {
            (Ok(value), None) => Ok(Said::Value(value)),
            (Ok(value), Some(name)) => self.assign(name, value),
            (Err(trouble), _) => Err(trouble),
        };
        Reply { notices, result }
    }

    fn assign(&mut self, name: &str, value: Value) -> Result<Said, Trouble> {
        self.values.set_variable(name, value.clone())?;
        Ok(Said::Assigned { name: name.to_owned(), value })
    }

    fn perform(&mut self, command: Command<'_>, files: &mut dyn Files) -> Result<Said, Trouble> {
        match command {
            Command::Input(None) => Ok(Said::Value(self.values.data().clone())),
            Command::Input(Some(text)) => {
                self.values.set_input(json_of(text, files)?);
                Ok(Said::Nothing)
            }
            Command::States(None) => Ok(Said::Value(self.values.whole_states())),
            Command::States(Some(text)) => {
                self.values.set_states(json_of(text, files)?)?;
                Ok(Said::Nothing)
            }
            Command::Context(None) => Ok(Said::Value(self.values.whole_context().clone())),
            Command::Context(Some(text)) => {
                self.values.set_context(json_of(text, files)?)?;
                Ok(Said::Nothing)
            }
            Command::Vars(None) => Ok(Said::Value(
                self.values
                    .variables()
                    .iter()
                    .map(|(name, it)| (name.clone(), it.clone()))
                    .collect(),
            )),
            Command::Vars(Some(text)) => {
                self.values.set_variables(json_of(text, files)?)?;
                Ok(Said::Nothing)
            }
            Command::Set { name, expression } => self.ask(expression, Some(name)).result,
            Command::Unset(name) if self.values.unset_variable(name) => Ok(Said::Nothing),
            Command::Unset(name) => {
                let message = format!("there is no variable `${name}`");
                Err(Trouble::Command { message, help: Some("`:vars` shows them".to_owned()) })
            }
            Command::JsonPath(Some(jsonpath)) => {
                self.jsonpath = jsonpath;
                Ok(Said::Nothing)
            }
            Command::JsonPath(None) => {
                Ok(Said::Text(if self.jsonpath { "on" } else { "off" }.to_owned()))
            }
            Command::Functions(name) => functions_text(name).map(Said::Text),
            Command::Help => Ok(Said::Text(command::help())),
            Command::Quit => Ok(Said::Quit),
        }
    }
}

/// A notice about `$name := ...`, which binds a name that nothing comes after.
fn lost_variable(text: &str) -> Option<Notice> {
    let (name, _) = text.strip_prefix('$')?.split_once(":=")?;
    let name = name.trim();
    is_variable_name(name).then(|| Notice {
        code: None,
        message: format!("`${name}` is gone when the expression has been evaluated"),
        text: text.to_owned(),
        span: 0..1 + name.len(),
        help: Some(format!("`:set {name} EXPR` keeps a variable")),
    })
}

impl From<ValuesError> for Trouble {
    fn from(error: ValuesError) -> Self {
        Self::Command { message: error.message, help: error.help }
    }
}

/// The JSON that a command was given, or that stands in a file.
fn json_of(text: &str, files: &mut dyn Files) -> Result<Value, Trouble> {
    let refuse = |message: String, help: Option<&str>| Trouble::Command {
        message,
        help: help.map(str::to_owned),
    };
    let (json, origin) = match text.strip_prefix('@') {
        Some(path) => {
            let json = files.read(path).map_err(|message| refuse(message, None))?;
            (json, format!("`{path}`"))
        }
        None => (text.to_owned(), "this".to_owned()),
    };
    let document = Document::parse(json.trim());
    document.map(Document::into_value).map_err(|error| {
        refuse(format!("{origin} is not JSON: {error}"), Some("give JSON, or `@FILE` for a file"))
    })
}

fn functions_text(name: Option<&str>) -> Result<String, Trouble> {
    let Some(name) = name else {
        let mut text = String::new();
        for function in jsonata_functions() {
            writeln!(text, "{}", functions::call_of(function)).expect("a text can be written to");
        }
        text.truncate(text.trim_end().len());
        return Ok(text);
    };
    functions::find(name).map(functions::line_of).ok_or_else(|| Trouble::Command {
        message: format!("there is no function `${name}`"),
        help: Some("`:functions` lists them".to_owned()),
    })
}
