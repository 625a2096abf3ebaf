//! The only place that prints: data to standard output, all else to standard error.

use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::path::Path;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Level, Renderer};
use stepwell_eval::{Notice, Trouble};

use crate::error::{CommandError, reason};
use crate::findings;

/// Where a command prints.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    quiet: bool,
    renderer: Renderer,
}

impl Output {
    pub(crate) fn new(quiet: bool) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let styled = std::io::stderr().is_terminal() && !no_color;
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        Self { quiet, renderer: renderer.decor_style(DecorStyle::Ascii) }
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Data: what the user asked for. A reader that went away is no error.
    #[expect(clippy::unused_self, reason = "whoever may print has an `Output`")]
    pub(crate) fn data(&mut self, text: &str) -> Result<(), CommandError> {
        let mut stdout = std::io::stdout().lock();
        match stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.write_all(b"\n"))
            .and_then(|()| stdout.flush())
        {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                let why = reason(&error);
                Err(CommandError::environment(format!("cannot write to standard output: {why}")))
            }
            _ => Ok(()),
        }
    }

    /// What is good to know.
    pub(crate) fn note(&mut self, text: &str) {
        if !self.quiet {
            say(text);
        }
    }

    /// What went wrong, and is no reason to stop.
    #[expect(clippy::unused_self, reason = "whoever may print has an `Output`")]
    pub(crate) fn warning(&mut self, text: &str) {
        say(&harmless(text));
    }

    /// Findings about a file, as a compiler shows them.
    pub(crate) fn findings(
        &mut self,
        path: &Path,
        source: &str,
        findings: &[stepwell_asl::Finding],
    ) {
        for finding in findings {
            let warning = finding.severity == stepwell_asl::Severity::Warning;
            if !(self.quiet && warning) {
                say(&format!("{}\n", findings::render(&self.renderer, path, source, finding)));
            }
        }
    }

    /// What is worth a warning in an expression, which may stand in a file.
    pub(crate) fn notice(&mut self, notice: &Notice, path: Option<&Path>) {
        if !self.quiet {
            say(&findings::render_notice(&self.renderer, &Level::WARNING, path, notice));
        }
    }

    /// Why an expression, which may stand in a file, or a command at a prompt gave no answer.
    pub(crate) fn trouble(&mut self, trouble: &Trouble, path: Option<&Path>) {
        match trouble {
            Trouble::Syntax(notice) => {
                say(&findings::render_notice(&self.renderer, &Level::ERROR, path, notice));
            }
            Trouble::Evaluation { name, message } => {
                let message = harmless(message);
                let title = Level::ERROR.primary_title(message.as_ref()).id(*name);
                say(&self.renderer.render(&[annotate_snippets::Group::with_title(title)]));
            }
            Trouble::Command { message, help } => self.message(message, help.as_deref()),
        }
    }

    /// Why a command did not succeed.
    pub(crate) fn error(&mut self, error: &CommandError) {
        let message = match error {
            CommandError::Findings { path, source_text, findings } => {
                self.findings(path, source_text, findings);
                format!("`{}` cannot be used: {error}", path.display())
            }
            CommandError::Expression { trouble, path } => {
                self.trouble(trouble, path.as_deref());
                return;
            }
            CommandError::Interrupted { help, .. }
            | CommandError::Invalid { help, .. }
            | CommandError::Environment { help, .. } => {
                self.message(&error.to_string(), help.as_deref());
                return;
            }
            CommandError::Execution(_)
            | CommandError::Invocation(_)
            | CommandError::Many(_)
            | CommandError::Partly(_) => error.to_string(),
        };
        self.message(&message, None);
    }

    fn message(&self, message: &str, help: Option<&str>) {
        let message = harmless(message);
        let group = Level::ERROR
            .primary_title(message.as_ref())
            .elements(help.map(|help| Level::HELP.message(help)));
        say(&self.renderer.render(&[group]));
    }
}

/// Rows whose columns stand below each other.
pub(crate) fn table<const N: usize>(rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<_> = rows.map(|row| row.map(|cell| harmless(&cell).into_owned())).collect();
    let widths: [usize; N] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    });
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A text whose control characters are written out, but for ends of lines and tabs: what a task logs or
/// fails with must not reach the terminal's controls.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    let harms = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !text.contains(harms) {
        return Cow::Borrowed(text);
    }
    let escape = |text: &mut String, c: char| {
        if harms(c) {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    };
    Cow::Owned(text.chars().fold(String::with_capacity(text.len()), |mut text, c| {
        escape(&mut text, c);
        text
    }))
}

/// A line on standard error. Nobody can be told that it cannot be written, and that is no reason to
/// stop: `eprintln` would panic.
fn say(text: &str) {
    let mut stderr = std::io::stderr().lock();
    _ = stderr.write_all(format!("{text}\n").as_bytes());
}

/// How many characters a line has: the terminal's, within reason, or what most have.
pub(crate) fn width() -> usize {
    const WIDTH_DEFAULT: usize = 120;
    let terminal = terminal_size::terminal_size();
    terminal.map_or(WIDTH_DEFAULT, |(width, _)| usize::from(width.0).clamp(40, 200))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tasks_words_do_not_control_the_terminal() {
        assert_eq!(harmless("plain\tté\n"), "plain\tté\n");
        assert_eq!(harmless("\u{1b}[2J\r\u{9b}x"), "\\u{1b}[2J\\r\\u{9b}x");
    }
}
