//! Findings as a compiler shows them.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde_json::{Value, json};
use stepwell_asl::{Finding, Severity, SourceFile};
use stepwell_eval::Notice;

/// Shows a finding. `path` and `source` are the workflow file's, whose files stand beside it.
pub(crate) fn render(renderer: &Renderer, path: &Path, source: &str, finding: &Finding) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let path = path.display().to_string();
    let path_of = |file: &Option<Arc<SourceFile>>| file.as_ref().map(|file| file.path.clone());
    let (path_here, source_here) = match &finding.file {
        Some(file) => (file.path.as_str(), file.text.as_str()),
        None => (path.as_str(), source),
    };
    let (here, elsewhere): (Vec<_>, Vec<_>) = finding
        .related
        .iter()
        .partition(|related| path_of(&related.file) == path_of(&finding.file));
    let snippet = Snippet::source(source_here)
        .path(path_here)
        .annotation(AnnotationKind::Primary.span(within(&finding.span, source_here)))
        .annotations(here.into_iter().map(|related| {
            AnnotationKind::Context
                .span(within(&related.span, source_here))
                .label(related.what.as_str())
        }));
    let snippets = elsewhere.into_iter().map(|related| {
        let (path, source) = match &related.file {
            Some(file) => (file.path.as_str(), file.text.as_str()),
            None => (path.as_str(), source),
        };
        let label = AnnotationKind::Context.span(within(&related.span, source));
        Snippet::source(source).path(path).annotation(label.label(related.what.as_str()))
    });
    // What AWS says about an error is in our words already; that it refuses what we only warn of is not.
    let refusal = finding.aws.as_ref().filter(|_| finding.severity == Severity::Warning);
    let refusal = refusal.map(|said| format!("AWS refuses this: {said}"));
    let group = level
        .primary_title(finding.message.as_str())
        .id(finding.code)
        .element(snippet)
        .elements(snippets)
        .elements(finding.help.as_deref().map(|help| Level::HELP.message(help)))
        .elements(refusal.as_deref().map(|words| Level::NOTE.message(words)));
    renderer.render(&[group])
}

/// Shows what is said about an expression, with the file that it stands in, if it does.
pub(crate) fn render_notice(
    renderer: &Renderer,
    level: &Level<'_>,
    path: Option<&Path>,
    notice: &Notice,
) -> String {
    let path = path.map(|path| path.display().to_string());
    let title = level.clone().primary_title(notice.message.as_str());
    let title = match &notice.code {
        Some(code) => title.id(code.as_str()),
        None => title,
    };
    let snippet = Snippet::source(notice.text.as_str())
        .path(path.as_deref())
        .annotation(AnnotationKind::Primary.span(within(&notice.span, &notice.text)));
    let help = notice.help.as_deref().map(|help| Level::HELP.message(help));
    renderer.render(&[title.element(snippet).elements(help)])
}

/// A span that surely lies in the text, on characters' borders, and is not empty where it can be helped.
fn within(span: &Range<usize>, source: &str) -> Range<usize> {
    let start = source.floor_char_boundary(span.start.min(source.len()));
    let end = source.ceil_char_boundary(span.end.clamp(start, source.len()));
    // A block that goes on for pages is named by its first line.
    let line_end = source[start..end].find('\n').map_or(end, |offset| start + offset);
    start..line_end
}

/// The shape that `validate --json` prints.
pub(crate) fn to_json(path: &Path, source: &str, finding: &Finding) -> Value {
    let (path, source) = match &finding.file {
        Some(file) => (file.path.clone(), file.text.as_str()),
        None => (path.display().to_string(), source),
    };
    let (line, column) = line_and_column(source, finding.span.start);
    json!({
        "file": path,
        "code": finding.code,
        "severity": finding.severity,
        "message": finding.message,
        "pointer": finding.pointer,
        "line": line,
        "column": column,
        "help": finding.help,
        "aws": finding.aws,
    })
}

/// From 1, the column in characters.
fn line_and_column(source: &str, offset: usize) -> (usize, usize) {
    let head = &source[..source.floor_char_boundary(offset.min(source.len()))];
    let line_start = head.rfind('\n').map_or(0, |at| at + 1);
    (head.matches('\n').count() + 1, head[line_start..].chars().count() + 1)
}
