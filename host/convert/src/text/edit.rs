//! What differs between a tree and a value, as edits of the text.
//!
//! Members are paired by their names, and by what a new field comes from: `Parameters` becomes
//! `Arguments`, `id.$` becomes `id`. A pair keeps its line, its comments and its place; only the key and
//! the value are written anew. The rest is taken out or put in beside its neighbours.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::{Map, Value};
use stepwell_asl::{Member, Node, NodeKind};

use super::{value_of, write};

/// Where a new field can come from, the best source first.
const SOURCES: [(&str, &[&str]); 8] = [
    ("Arguments", &["Parameters", "InputPath"]),
    (
        "Output",
        &["Result", "ResultSelector", "Parameters", "ResultPath", "OutputPath", "InputPath"],
    ),
    ("Items", &["ItemsPath", "InputPath"]),
    ("ItemSelector", &["Parameters"]),
    ("ItemProcessor", &["Iterator"]),
    ("Condition", &["Variable", "And", "Or", "Not"]),
    ("Seconds", &["SecondsPath"]),
    ("Timestamp", &["TimestampPath"]),
];

/// A text that cannot be edited in place.
#[derive(Debug)]
pub(super) struct Unusual;

type Done = Result<(), Unusual>;

/// Edits of a text.
pub(super) struct Edits<'t> {
    text: &'t str,
    /// Whether the text is JSON, and not only YAML.
    json: bool,
    made: Vec<(Range<usize>, String)>,
    /// Comments that are replaced.
    pub(super) comments_lost: Vec<Range<usize>>,
}

impl<'t> Edits<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        Self { text, json, made: Vec::new(), comments_lost: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.made.len()
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.made.truncate(length);
    }

    /// The text with all edits; overlapping ones leave it as it is, for what comes out to be refused.
    pub(super) fn applied(mut self) -> String {
        self.made.sort_by_key(|(range, _)| (range.start, range.end));
        let mut new = String::new();
        let mut at = 0;
        for (range, replacement) in &self.made {
            if range.start < at {
                return String::new();
            }
            new.push_str(&self.text[at..range.start]);
            new.push_str(replacement);
            at = range.end;
        }
        new.push_str(&self.text[at..]);
        new
    }

    fn edit(&mut self, range: Range<usize>, replacement: impl Into<String>) {
        self.made.push((range, replacement.into()));
    }

    /// Makes a value of a node that keeps its kind.
    pub(super) fn value(&mut self, node: &Node, new: &Value) -> Done {
        if value_of(node) == *new {
            return Ok(());
        }
        match (&node.kind, new) {
            (NodeKind::Object(members), Value::Object(new)) if node.tag.is_none() => {
                self.object(node, members, new)
            }
            (NodeKind::Array(items), Value::Array(new)) if items.len() == new.len() => {
                items.iter().zip(new).try_for_each(|(item, new)| self.value(item, new))
            }
            (NodeKind::Object(_) | NodeKind::Array(_), _) => Err(Unusual),
            _ => self.scalar(node, new),
        }
    }

    /// A scalar on one line by another one.
    fn scalar(&mut self, node: &Node, new: &Value) -> Done {
        let written = self.text.get(node.span.clone()).ok_or(Unusual)?;
        // The content of a block scalar stands on lines of its own.
        let block = self.before_on_line(node.span.start).trim().is_empty()
            && self.text[..node.span.start].trim_end().ends_with(['|', '>', '-', '+']);
        if written.is_empty()
            || written.contains('\n')
            || block
            || new.is_object()
            || new.is_array()
        {
            return Err(Unusual);
        }
        let new = if self.json { new.to_string() } else { write::scalar(new) };
        self.edit(node.span.clone(), new);
        Ok(())
    }

    fn object(&mut self, node: &Node, members: &[Member], new: &Map<String, Value>) -> Done {
        let first = members.first().ok_or(Unusual)?;
        let in_braces = self.text[..first.name_span.start].trim_end().ends_with('{')
            && self.text[node.span.start..].starts_with('{');
        let object = Object { members, in_braces };
        let pairs = pair(members, new);
        for (member, paired) in members.iter().zip(&pairs.of_old) {
            if let Some(name) = paired {
                self.key(member, name)?;
                self.member_value(&object, member, &new[*name])?;
            }
        }
        self.take_out(&object, &pairs)?;
        self.put_in(&object, &pairs, new)
    }

    /// A key by another one, quoted as it was.
    fn key(&mut self, member: &Member, name: &str) -> Done {
        if member.name == name {
            return Ok(());
        }
        let span = self.key_span(member)?;
        let written = &self.text[span.clone()];
        let new = if written.starts_with('"') {
            Value::from(name).to_string()
        } else if written.starts_with('\'') {
            format!("'{}'", name.replace('\'', "''"))
        } else {
            write::key(name)
        };
        self.edit(span, new);
        Ok(())
    }

    /// A key with its quotes.
    fn key_span(&self, member: &Member) -> Result<Range<usize>, Unusual> {
        let span = member.name_span.clone();
        let written = self.text.get(span.clone()).ok_or(Unusual)?;
        let bare = written.trim_matches(['"', '\'']);
        if bare == member.name || written.starts_with(['"', '\'']) {
            Ok(span)
        } else {
            Err(Unusual)
        }
    }

    /// The byte behind a key's colon.
    fn behind_colon(&self, member: &Member) -> Result<usize, Unusual> {
        let end = self.key_span(member)?.end;
        let rest = &self.text[end..];
        let blanks = rest.len() - rest.trim_start_matches(' ').len();
        if rest[blanks..].starts_with(':') { Ok(end + blanks + 1) } else { Err(Unusual) }
    }

    fn member_value(&mut self, object: &Object<'_>, member: &Member, new: &Value) -> Done {
        if value_of(&member.node) == *new {
            return Ok(());
        }
        let before = self.len();
        let lost = self.comments_lost.len();
        if Self::keeps_shape(&member.node, new) && self.value(&member.node, new).is_ok() {
            return Ok(());
        }
        self.truncate(before);
        self.comments_lost.truncate(lost);
        if object.in_braces {
            let (start, end) = self.value_in_braces(member)?;
            self.report_comments(start..end);
            let replacement = self.in_braces(object, member, new);
            self.edit(start..end, replacement);
            return Ok(());
        }
        let start = self.behind_colon(member)?;
        let end = self.block_end(member)?;
        let indent = self.column(member.name_span.start);
        let comments = self.comments(start..end);
        self.move_up(comments, member.name_span.start);
        self.edit(start..end, write::block(new, indent + 2));
        Ok(())
    }

    /// Puts comments on lines of their own above a key, or above the dash that it stands behind.
    fn move_up(&mut self, comments: Vec<Range<usize>>, key_start: usize) {
        let before = self.before_on_line(key_start);
        if !before.trim_start_matches([' ', '-']).is_empty() {
            self.comments_lost.extend(comments);
            return;
        }
        let blanks = " ".repeat(before.len() - before.trim_start().len());
        let line = key_start - before.len();
        let lines = self.lines(&comments, &blanks);
        if !lines.is_empty() {
            self.edit(line..line, lines);
        }
    }

    /// Comments on lines of their own.
    fn lines(&self, comments: &[Range<usize>], blanks: &str) -> String {
        comments
            .iter()
            .fold(String::new(), |lines, range| lines + blanks + &self.text[range.clone()] + "\n")
    }

    /// Whether a value can be changed within its lines.
    fn keeps_shape(node: &Node, new: &Value) -> bool {
        match (&node.kind, new) {
            (NodeKind::Object(members), Value::Object(new)) => {
                let kept = pair(members, new).of_old;
                kept.iter().any(Option::is_some)
            }
            (NodeKind::Array(items), Value::Array(new)) => {
                items.len() == new.len() && !items.is_empty()
            }
            (NodeKind::Object(_) | NodeKind::Array(_), _) => false,
            (_, new) => !new.is_object() && !new.is_array(),
        }
    }

    fn take_out(&mut self, object: &Object<'_>, pairs: &Pairs<'_>) -> Done {
        let members = object.members;
        let last_kept = pairs.of_old.iter().rposition(Option::is_some).ok_or(Unusual)?;
        for (index, member) in members.iter().enumerate() {
            if pairs.of_old[index].is_some() {
                continue;
            }
            if object.in_braces {
                let range = if index > last_kept {
                    let (_, from) = self.value_in_braces(&members[index - 1])?;
                    let (_, to) = self.value_in_braces(member)?;
                    from..to
                } else {
                    member.name_span.start..members[index + 1].name_span.start
                };
                self.report_comments(range.clone());
                self.edit(range, "");
                continue;
            }
            let start = member.name_span.start;
            let end = self.block_end(member)?;
            let comments = self.comments(self.behind_colon(member)?..self.line_end(end));
            if self.before_on_line(start).trim().is_empty() {
                let line = start - self.before_on_line(start).len();
                let blanks = " ".repeat(start - line);
                let kept = self.lines(&comments, &blanks);
                let behind = (self.line_end(end) + 1).min(self.text.len());
                self.edit(line..behind, kept);
            } else {
                // Behind the dash of a list: the next key goes there.
                let next = members.get(index + 1).ok_or(Unusual)?;
                self.move_up(comments, start);
                self.edit(start..next.name_span.start, "");
            }
        }
        Ok(())
    }

    fn put_in(&mut self, object: &Object<'_>, pairs: &Pairs<'_>, new: &Map<String, Value>) -> Done {
        let mut before: Option<&Member> = None;
        let first = &object.members[0];
        let indent = self.column(first.name_span.start);
        for (name, value) in new {
            if let Some(index) = pairs.of_old.iter().position(|paired| *paired == Some(name)) {
                before = Some(&object.members[index]);
                continue;
            }
            if object.in_braces {
                let own_lines = self.on_own_lines(object);
                let member = before.unwrap_or(first);
                let key = if self.json {
                    Value::from(name.as_str()).to_string()
                } else {
                    write::key(name)
                };
                let written = format!("{key}: {}", self.in_braces(object, member, value));
                let gap = if own_lines {
                    format!("\n{}", self.before_on_line(first.name_span.start))
                } else {
                    " ".to_owned()
                };
                if let Some(before) = before {
                    let (_, end) = self.value_in_braces(before)?;
                    self.edit(end..end, format!(",{gap}{written}"));
                } else {
                    let start = first.name_span.start;
                    self.edit(start..start, format!("{written},{gap}"));
                }
                continue;
            }
            let blanks = " ".repeat(indent);
            let written = format!("{}:{}", write::key(name), write::block(value, indent + 2));
            if let Some(before) = before {
                let end = self.line_end(self.block_end(before)?);
                self.edit(end..end, format!("\n{blanks}{written}"));
            } else {
                let start = first.name_span.start;
                self.edit(start..start, format!("{written}\n{blanks}"));
            }
        }
        Ok(())
    }

    /// Whether the members of an object in braces stand on lines of their own.
    fn on_own_lines(&self, object: &Object<'_>) -> bool {
        let first = object.members[0].name_span.start;
        self.before_on_line(first).trim().is_empty()
    }

    /// A value within braces, in the manner of its neighbours.
    fn in_braces(&self, object: &Object<'_>, member: &Member, value: &Value) -> String {
        let start = member.name_span.start;
        let column = self.column(start);
        let unit = self.on_own_lines(object).then(|| self.unit());
        write::flow(value, self.json, column, unit)
    }

    /// By how much the file's lines are indented.
    fn unit(&self) -> usize {
        let mut indents =
            self.text.lines().map(|line| line.len() - line.trim_start_matches(' ').len());
        indents.find(|indent| *indent > 0).unwrap_or(2)
    }

    /// Where a member's value begins and ends, within braces.
    fn value_in_braces(&self, member: &Member) -> Result<(usize, usize), Unusual> {
        let colon = self.behind_colon(member)?;
        let rest = &self.text[colon..];
        let start = colon + rest.len() - rest.trim_start().len();
        let end = match member.node.kind {
            NodeKind::Object(_) | NodeKind::Array(_) => start + closed(&self.text[start..])?,
            NodeKind::Null if member.node.span.is_empty() => colon,
            _ => member.node.span.end,
        };
        Ok((start.min(end), end))
    }

    /// Where a member of a block ends: the end of its last line but for the comment behind a short value.
    fn block_end(&self, member: &Member) -> Result<usize, Unusual> {
        let start = self.behind_colon(member)?;
        let column = self.column(member.name_span.start);
        let is_list = matches!(member.node.kind, NodeKind::Array(_));
        // A block scalar reaches up to the next line.
        let least = self.text[..furthest(&member.node).max(start)].trim_end().len().max(start);
        let mut end = self.line_end(start);
        let mut at = end + 1;
        while at < self.text.len() {
            let line_end = self.line_end(at);
            let line = &self.text[at..line_end];
            let (content, indent) = (line.trim(), line.len() - line.trim_start_matches(' ').len());
            let belongs =
                indent > column || (is_list && indent == column && content.starts_with('-'));
            if belongs && !content.is_empty() {
                end = line_end;
            } else if !content.is_empty() && !content.starts_with('#') && at > least {
                break;
            }
            at = line_end + 1;
        }
        let end = end.max(self.line_end(least));
        let short = !self.text[start..end].contains('\n');
        if short && !self.is_block_scalar(start) {
            let value_end = match &member.node.kind {
                NodeKind::Object(_) | NodeKind::Array(_) => {
                    let blanks = self.text[start..].len() - self.text[start..].trim_start().len();
                    start + blanks + closed(&self.text[start + blanks..])?
                }
                NodeKind::Null if member.node.span.is_empty() || member.node.span.start < start => {
                    start
                }
                _ => member.node.span.end,
            };
            return Ok(value_end.max(start));
        }
        Ok(end)
    }

    fn is_block_scalar(&self, start: usize) -> bool {
        self.text[start..].trim_start_matches(' ').starts_with(['|', '>'])
    }

    /// The comments within a range that is no scalar of several lines.
    fn comments(&self, range: Range<usize>) -> Vec<Range<usize>> {
        if self.json || self.is_block_scalar(range.start) {
            return Vec::new();
        }
        let mut comments = Vec::new();
        let (mut quote, mut before) = (None, ' ');
        let mut characters = self.text[range.clone()].char_indices();
        while let Some((index, character)) = characters.next() {
            match (quote, character) {
                (Some('"'), '\\') => _ = characters.next(),
                (Some(open), close) if open == close => quote = None,
                (None, '"' | '\'') if " \n[{,:".contains(before) => quote = Some(character),
                (None, '#') if before.is_whitespace() => {
                    let start = range.start + index;
                    let end = self.line_end(start).min(range.end);
                    comments.push(start..end);
                    while characters.as_str().len() > range.end - end {
                        characters.next();
                    }
                }
                _ => {}
            }
            before = character;
        }
        comments
    }

    fn report_comments(&mut self, range: Range<usize>) {
        let comments = self.comments(range);
        self.comments_lost.extend(comments);
    }

    fn line_end(&self, at: usize) -> usize {
        let end = self.text[at..].find('\n').map_or(self.text.len(), |offset| at + offset);
        if self.text[..end].ends_with('\r') && end > at { end - 1 } else { end }
    }

    fn before_on_line(&self, at: usize) -> &'t str {
        let start = self.text[..at].rfind('\n').map_or(0, |at| at + 1);
        &self.text[start..at]
    }

    fn column(&self, at: usize) -> usize {
        self.before_on_line(at).chars().count()
    }
}

/// An object as it stands in the text; it has members.
struct Object<'n> {
    members: &'n [Member],
    in_braces: bool,
}

/// Which member becomes which.
struct Pairs<'v> {
    /// For each old member the new name.
    of_old: Vec<Option<&'v String>>,
}

fn pair<'v>(members: &[Member], new: &'v Map<String, Value>) -> Pairs<'v> {
    let mut of_old: Vec<Option<&String>> = members
        .iter()
        .map(|member| new.get_key_value(&member.name).map(|(name, _)| name))
        .collect();
    let mut taken: BTreeSet<&String> = of_old.iter().copied().flatten().collect();
    for name in new.keys() {
        if taken.contains(name) {
            continue;
        }
        let (templated, by_path) = (format!("{name}.$"), format!("{name}Path"));
        let sources = SOURCES.iter().find(|(to, _)| to == name).map_or(&[][..], |(_, from)| *from);
        let candidates =
            [templated.as_str(), by_path.as_str()].into_iter().chain(sources.iter().copied());
        let found = candidates
            .filter_map(|source| members.iter().position(|member| member.name == source))
            .find(|index| of_old[*index].is_none());
        if let Some(index) = found {
            of_old[index] = Some(name);
            taken.insert(name);
        }
    }
    // What changes its place is written anew.
    let mut last = 0;
    for paired in &mut of_old {
        let Some(place) = paired.and_then(|name| new.keys().position(|other| other == name)) else {
            continue;
        };
        if place < last { *paired = None } else { last = place }
    }
    Pairs { of_old }
}

/// How long the value in braces or brackets is that a text begins with.
fn closed(text: &str) -> Result<usize, Unusual> {
    if !text.starts_with(['{', '[']) {
        return Err(Unusual);
    }
    let (mut depth, mut quote, mut before) = (0_usize, None, ' ');
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match (quote, character) {
            (Some('"'), '\\') => _ = characters.next(),
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') if " \n[{,:".contains(before) => quote = Some(character),
            (None, '#') if before.is_whitespace() => {
                characters.by_ref().find(|(_, character)| *character == '\n');
            }
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => {
                depth -= 1;
                if depth == 0 {
                    return Ok(index + 1);
                }
            }
            _ => {}
        }
        before = character;
    }
    Err(Unusual)
}

/// The last byte that a node or one below it reaches.
fn furthest(node: &Node) -> usize {
    let below = match &node.kind {
        NodeKind::Array(items) => items.iter().map(furthest).max(),
        NodeKind::Object(members) => {
            members.iter().map(|member| furthest(&member.node).max(member.name_span.end)).max()
        }
        _ => None,
    };
    below.unwrap_or_default().max(node.span.end)
}
