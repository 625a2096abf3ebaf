//! The prompt: lines from a terminal, with editing, history and completion, or from a pipe, without.

use std::cell::RefCell;
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use std::rc::Rc;

use jiff::Timestamp;
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor};
use stepwell_eval::{Said, Session, is_open};

use super::{Disk, shown};
use crate::clock::Clock;
use crate::error::{CommandError, reason};
use crate::output::{Output, harmless};

/// Answers lines until there are no more. `clock` is a time that stands still, if one was asked for.
pub(super) fn converse(
    session: Session,
    clock: Option<Timestamp>,
    output: &mut Output,
) -> Result<(), CommandError> {
    let session = Rc::new(RefCell::new(session));
    let mut lines = if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        output.note("`:help` lists the commands, Tab completes, Ctrl-D ends");
        Lines::Terminal(Box::new(Terminal::new(Rc::clone(&session), output)?))
    } else {
        Lines::Pipe
    };
    loop {
        let prompt = if session.borrow().is_jsonpath() { "jsonpath> " } else { "jsonata> " };
        let Some(line) = lines.next(prompt, output)? else { return Ok(()) };
        let now = clock.unwrap_or_else(Clock::wall);
        let reply = session.borrow_mut().line(&line, now.as_millisecond(), &mut Disk);
        for notice in &reply.notices {
            output.notice(notice, None);
        }
        match reply.result {
            Ok(Said::Nothing) => {}
            Ok(Said::Value(value)) => output.data(&shown(&value))?,
            Ok(Said::Assigned { name, value }) => {
                output.data(&format!("${name} = {}", shown(&value)))?;
            }
            Ok(Said::Text(text)) => output.data(&harmless(&text))?,
            Ok(Said::Quit) => return Ok(()),
            Err(trouble) => output.trouble(&trouble, None),
        }
    }
}

enum Lines {
    Terminal(Box<Terminal>),
    Pipe,
}

impl Lines {
    /// The next line, with those that it goes on in.
    fn next(&mut self, prompt: &str, output: &mut Output) -> Result<Option<String>, CommandError> {
        match self {
            Self::Terminal(terminal) => terminal.next(prompt, output),
            Self::Pipe => next_of_pipe(),
        }
    }
}

fn next_of_pipe() -> Result<Option<String>, CommandError> {
    let mut text = String::new();
    loop {
        let read = std::io::stdin().lock().read_line(&mut text);
        let read = read.map_err(|error| {
            CommandError::invalid(format!("cannot read standard input: {}", reason(&error)))
        })?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        if read == 0 {
            return Ok((!text.is_empty()).then_some(text));
        }
        if !is_open(line) {
            return Ok(Some(line.to_owned()));
        }
    }
}

struct Terminal {
    editor: Editor<Helper, FileHistory>,
    /// Where lines are kept from one session to the next; `None` when they cannot be.
    history: Option<PathBuf>,
}

impl Terminal {
    fn new(session: Rc<RefCell<Session>>, output: &mut Output) -> Result<Self, CommandError> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .history_ignore_space(true)
            .auto_add_history(true)
            .build();
        let mut editor = Editor::with_config(config).map_err(|error| unusable(&error))?;
        editor.set_helper(Some(Helper { session }));
        let mut terminal = Self { editor, history: history_file() };
        // The first time there is none.
        if let Some(path) = terminal.history.as_ref().filter(|path| path.exists())
            && let Err(error) = terminal.editor.load_history(path)
        {
            terminal.give_up_history(&error.to_string(), output);
        }
        Ok(terminal)
    }

    fn next(&mut self, prompt: &str, output: &mut Output) -> Result<Option<String>, CommandError> {
        loop {
            match self.editor.readline(prompt) {
                Ok(line) => {
                    self.keep_history(output);
                    return Ok(Some(line));
                }
                // The line is abandoned.
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) => return Ok(None),
                Err(error) => return Err(unusable(&error)),
            }
        }
    }

    /// Writes the new lines, at once: nobody knows how a session ends.
    fn keep_history(&mut self, output: &mut Output) {
        let Some(path) = &self.history else { return };
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        let kept = made
            .map_err(|error| reason(&error))
            .and_then(|()| self.editor.append_history(path).map_err(|error| error.to_string()));
        if let Err(why) = kept {
            self.give_up_history(&why, output);
        }
    }

    fn give_up_history(&mut self, why: &str, output: &mut Output) {
        if let Some(path) = self.history.take() {
            output
                .note(&format!("the history of lines is not kept in `{}`: {why}", path.display()));
        }
    }
}

fn unusable(error: &ReadlineError) -> CommandError {
    CommandError::environment(format!("cannot read from the terminal: {error}"))
        .with_help("`--interactive` reads lines from a pipe as well")
}

/// `$XDG_STATE_HOME/stepwell/eval-history`.
fn history_file() -> Option<PathBuf> {
    let folder = |name: &str| {
        std::env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute())
    };
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    Some(state.join("stepwell/eval-history"))
}

/// What the editor asks while a line is typed.
struct Helper {
    session: Rc<RefCell<Session>>,
}

impl Completer for Helper {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, candidates) = self.session.borrow().complete(line, position);
        let pair = |candidate: stepwell_eval::Candidate| Pair {
            display: harmless(&candidate.shown).into_owned(),
            replacement: candidate.text,
        };
        Ok((start, candidates.into_iter().map(pair).collect()))
    }
}

impl Validator for Helper {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let open = is_open(context.input());
        Ok(if open { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}

impl Hinter for Helper {
    type Hint = String;
}

impl Highlighter for Helper {}

impl rustyline::Helper for Helper {}
