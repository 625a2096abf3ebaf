//! Texts and where they come from: the workflow file, the files beside it that it refers to, and texts
//! that are put together from parts of them.
//!
//! All texts of a load share one line of byte positions, one text after the other, the workflow file
//! first. So a span alone says in which text something stands, and readers need not know that there are
//! several. A text that was put together (a definition inside of a string, say) has positions of its own
//! too; [`Sources::place`] leads them back to the file where the text was written.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::finding::{Finding, Findings, Related};
use crate::scalar::locate;

/// A workflow file: its path and its text.
#[derive(Debug, Clone, Copy)]
pub struct Source<'s> {
    /// As it was opened. The paths of other files are made from it.
    pub path: &'s str,
    /// What it holds.
    pub text: &'s str,
}

/// Reads the files that a workflow file refers to.
pub trait Files {
    /// The text of a file, or why it cannot be read, in words that end a sentence. The path is the one
    /// of the file that refers to it, without its last part, and then the reference as written.
    fn read(&self, path: &str) -> Result<String, String>;
}

/// No other files: every reference is a finding.
#[derive(Debug, Clone, Copy)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str) -> Result<String, String> {
        Err("other files are not read here".to_owned())
    }
}

/// A file with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// As it was opened.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// All texts of a load.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources(Vec<Placed>);

/// A text on the line of positions.
#[derive(Debug, Clone)]
struct Placed {
    start: usize,
    length: usize,
    origin: Origin,
}

#[derive(Debug, Clone)]
enum Origin {
    File(Arc<SourceFile>),
    Made(Vec<Piece>),
}

/// Where texts come from plays no part in whether two workflows are the same.
impl PartialEq for Sources {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Sources {
    /// Adds a file and gives the position of its first byte. The first file is the workflow file.
    pub(crate) fn add_file(&mut self, path: &str, text: &str) -> usize {
        let file = SourceFile { path: path.to_owned(), text: text.to_owned() };
        self.add(text.len(), Origin::File(Arc::new(file)))
    }

    /// Adds a text that was put together and gives the position of its first byte.
    pub(crate) fn add_text(&mut self, text: &Text) -> usize {
        self.add(text.text.len(), Origin::Made(text.pieces.clone()))
    }

    fn add(&mut self, length: usize, origin: Origin) -> usize {
        let start = self.0.last().map_or(0, |last| last.start + last.length + 1);
        self.0.push(Placed { start, length, origin });
        start
    }

    /// The path of the file in which something stands.
    pub(crate) fn path_at(&self, position: usize) -> String {
        let (file, _) = self.place(&(position..position));
        file.or_else(|| self.entry()).map(|file| file.path.clone()).unwrap_or_default()
    }

    /// The folder of the file in which something stands; empty: where paths begin.
    pub(crate) fn folder_at(&self, position: usize) -> String {
        let path = self.path_at(position);
        let folder = Path::new(&path).parent().unwrap_or(Path::new(""));
        folder.to_string_lossy().into_owned()
    }

    /// The path of another file that is written as `reference` in the file at a position.
    pub(crate) fn path_beside(&self, position: usize, reference: &str) -> String {
        join(&self.folder_at(position), reference)
    }

    /// The text of a value as it is written in its file.
    pub(crate) fn written(&self, span: &Range<usize>) -> &str {
        let Some(placed) = self.at(span.start) else { return "" };
        match &placed.origin {
            Origin::File(file) => file
                .text
                .get(span.start - placed.start..span.end.saturating_sub(placed.start))
                .unwrap_or_default(),
            Origin::Made(_) => "",
        }
    }

    /// Places findings in their files, in the order a person reads: the workflow file first.
    pub(crate) fn tell(&self, findings: Findings) -> Vec<Finding> {
        let mut findings = findings.into_unsorted();
        for finding in &mut findings {
            if let Some(part) = finding.part.take() {
                let written = self.written(&finding.span);
                if let Some(place) = locate(written, &part.value, &part.range) {
                    let start = finding.span.start;
                    finding.span = start + place.start..start + place.end;
                }
            }
            finding.span = self.in_files(&finding.span);
            for related in &mut finding.related {
                related.span = self.in_files(&related.span);
            }
        }
        findings.sort_by_key(|finding| (finding.span.start, finding.severity));
        for finding in &mut findings {
            (finding.file, finding.span) = self.place(&finding.span);
            for Related { file, span, .. } in &mut finding.related {
                (*file, *span) = self.place(span);
            }
        }
        findings.dedup();
        findings
    }

    /// The file in which something stands, if it is not the workflow file, and where in that file.
    pub(crate) fn place(&self, span: &Range<usize>) -> (Option<Arc<SourceFile>>, Range<usize>) {
        let span = self.in_files(span);
        let Some((index, placed)) = self.index_at(span.start) else { return (None, span) };
        let local = span.start - placed.start..span.end.saturating_sub(placed.start);
        match &placed.origin {
            Origin::File(file) => {
                let start = file.text.floor_char_boundary(local.start);
                let local = start..file.text.ceil_char_boundary(local.end).max(start);
                ((index > 0).then(|| Arc::clone(file)), local)
            }
            Origin::Made(_) => (None, local),
        }
    }

    /// The same place in a file, also for a place in a text that was put together.
    fn in_files(&self, span: &Range<usize>) -> Range<usize> {
        let mut span = span.clone();
        // A made text is made of texts before it, so this ends.
        while let Some(Placed { start, origin: Origin::Made(pieces), .. }) = self.at(span.start) {
            let local = span.start - start..span.end.saturating_sub(*start);
            span = origin_of(pieces, &local);
        }
        span
    }

    fn entry(&self) -> Option<Arc<SourceFile>> {
        match &self.0.first()?.origin {
            Origin::File(file) => Some(Arc::clone(file)),
            Origin::Made(_) => None,
        }
    }

    fn at(&self, position: usize) -> Option<&Placed> {
        self.index_at(position).map(|(_, placed)| placed)
    }

    fn index_at(&self, position: usize) -> Option<(usize, &Placed)> {
        let index = self.0.partition_point(|placed| placed.start <= position).checked_sub(1)?;
        Some((index, &self.0[index]))
    }
}

/// A path below a folder, `./` left out.
pub(crate) fn join(folder: &str, reference: &str) -> String {
    let mut reference = reference;
    while let Some(rest) = reference.strip_prefix("./") {
        reference = rest.trim_start_matches('/');
    }
    Path::new(folder).join(reference).to_string_lossy().into_owned()
}

/// A text put together from parts, each of which knows where it was written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text {
    pub(crate) text: String,
    pieces: Vec<Piece>,
}

/// From this byte of the text on until the next piece, the text was written there.
#[derive(Debug, Clone)]
struct Piece {
    start: usize,
    origin: Range<usize>,
    /// Whether it was written byte for byte as it is now.
    exact: bool,
}

impl Text {
    /// A text that stands somewhere in other words: the value of an intrinsic, say.
    pub(crate) fn made(text: impl Into<String>, span: &Range<usize>) -> Self {
        let mut made = Self::default();
        made.push(&text.into(), span, false);
        made
    }

    /// The text of a scalar, each part of it at its place within the scalar: behind escapes, and the
    /// indentation of a block.
    pub(crate) fn of_scalar(text: &str, span: &Range<usize>, sources: &Sources) -> Self {
        let written = sources.written(span);
        if written.is_empty() {
            return Self::made(text, span);
        }
        let quote = written.chars().next().filter(|first| matches!(first, '"' | '\''));
        let mut scalar = Self::default();
        let mut at = usize::from(quote.is_some());
        for character in text.chars() {
            let rest = written.get(at..).unwrap_or_default();
            let blank = rest.len() - rest.trim_start().len();
            let (skipped, length, exact) = match escape_length(quote, rest, character) {
                Some(length) => (0, length, false),
                None if rest.starts_with(character) => (0, character.len_utf8(), true),
                // The end of a line that is folded into a blank.
                None if character.is_whitespace() => (0, blank, false),
                // The indentation of a block.
                None if rest[blank..].starts_with(character) => (blank, character.len_utf8(), true),
                None => (0, 0, false),
            };
            let start = span.start + at + skipped;
            let mut buffer = [0; 4];
            scalar.push(character.encode_utf8(&mut buffer), &(start..start + length), exact);
            at += skipped + length;
        }
        scalar
    }

    pub(crate) fn push(&mut self, text: &str, origin: &Range<usize>, exact: bool) {
        if text.is_empty() {
            return;
        }
        match self.pieces.last_mut() {
            Some(last) if exact && last.exact && last.origin.end == origin.start => {
                last.origin.end = origin.end;
            }
            _ => {
                self.pieces.push(Piece { start: self.text.len(), origin: origin.clone(), exact });
            }
        }
        self.text.push_str(text);
    }

    pub(crate) fn append(&mut self, other: &Self) {
        let shift = self.text.len();
        let pieces = other.pieces.iter().cloned();
        self.pieces.extend(pieces.map(|piece| Piece { start: piece.start + shift, ..piece }));
        self.text.push_str(&other.text);
    }

    /// A part of the text.
    pub(crate) fn slice(&self, range: Range<usize>) -> Self {
        let mut part = Self::default();
        let first = self.pieces.partition_point(|piece| piece.start <= range.start);
        for (index, piece) in self.pieces.iter().enumerate().skip(first.saturating_sub(1)) {
            if piece.start >= range.end {
                break;
            }
            let end = self.pieces.get(index + 1).map_or(self.text.len(), |next| next.start);
            let (from, to) = (piece.start.max(range.start), end.min(range.end));
            if from < to {
                let skipped = if piece.exact { from - piece.start } else { 0 };
                let start = (piece.origin.start + skipped).min(piece.origin.end);
                part.push(&self.text[from..to], &(start..piece.origin.end), piece.exact);
            }
        }
        part
    }

    /// Where a part of the text was written.
    pub(crate) fn origin(&self, range: &Range<usize>) -> Range<usize> {
        origin_of(&self.pieces, range)
    }
}

fn origin_of(pieces: &[Piece], range: &Range<usize>) -> Range<usize> {
    let piece_at = |position: usize| {
        let index = pieces.partition_point(|piece| piece.start <= position).saturating_sub(1);
        pieces.get(index)
    };
    let Some(first) = piece_at(range.start) else { return 0..0 };
    let start = if first.exact {
        (first.origin.start + (range.start - first.start)).min(first.origin.end)
    } else {
        first.origin.start
    };
    let last = piece_at(range.end.saturating_sub(1).max(range.start)).unwrap_or(first);
    let end = if range.is_empty() {
        start
    } else if last.exact {
        (last.origin.start + range.end.saturating_sub(last.start)).min(last.origin.end)
    } else {
        last.origin.end
    };
    start..end.max(start)
}

/// How long the escape is that a quoted scalar begins with, if it begins with one.
fn escape_length(quote: Option<char>, written: &str, character: char) -> Option<usize> {
    match quote? {
        '"' if written.starts_with("\\u") => Some(6 * character.len_utf16()),
        '"' if written.starts_with('\\') => Some(2),
        '\'' if written.starts_with("''") => Some(2),
        _ => None,
    }
}
