//! The variables of the Serverless Framework (`facts/embeddings.md` 3): `${self:custom.name}`,
//! `${file(machines.yml):orders}`, `${opt:stage, 'dev'}`, one inside of another.
//!
//! A variable that is a whole string has the value's type, an object of another file, say. One whose
//! source is remote, or a program, has no value here unless the user gives one.

use std::borrow::Cow;

use super::{ACCOUNT_ID, REFERENCES_MAX, REGION, Reading};
use crate::finding::{Findings, Place, UNRESOLVED};
use crate::node::{Member, Node, NodeKind};

/// Resolves the variables of one Serverless file.
pub(super) struct Variables<'r, 'f, 't> {
    /// What `self:` refers to.
    root: &'t Node,
    pub(super) reading: &'r mut Reading<'f>,
    /// The variables that are being resolved, one inside of the other.
    open: Vec<String>,
}

/// What a source says.
enum Found {
    Value(Node),
    /// The next one after the comma counts.
    Nothing(&'static str),
}

/// A variable within a text: where it stands, with `${` and `}`.
struct Variable {
    start: usize,
    end: usize,
}

impl<'r, 'f, 't> Variables<'r, 'f, 't> {
    pub(super) fn new(root: &'t Node, reading: &'r mut Reading<'f>) -> Self {
        Self { root, reading, open: Vec::new() }
    }

    /// A tree without variables.
    pub(super) fn resolve(&mut self, node: &Node, place: &Place) -> Node {
        let kind = match &node.kind {
            NodeKind::String(text) => return self.resolve_text(text, node, place),
            NodeKind::Array(items) => {
                let items = items.iter().enumerate();
                NodeKind::Array(
                    items
                        .map(|(index, item)| {
                            self.resolve(item, &place.below(&index.to_string(), &item.span))
                        })
                        .collect(),
                )
            }
            NodeKind::Object(members) => NodeKind::Object(
                members.iter().map(|member| self.resolve_member(member, place)).collect(),
            ),
            kind => kind.clone(),
        };
        Node { kind, ..node.clone() }
    }

    /// Names may hold variables too.
    fn resolve_member(&mut self, member: &Member, place: &Place) -> Member {
        let here = place.of_member(member);
        let node = self.resolve(&member.node, &here);
        let name = Node::string(member.name.as_str(), &member.name_span);
        let name = self.resolve_text(&member.name, &name, &here).scalar_text();
        Member {
            name: name.unwrap_or_else(|| member.name.clone()),
            name_span: member.name_span.clone(),
            node,
        }
    }

    /// The stage: the one given, the provider's, or `dev`.
    pub(super) fn stage(&mut self) -> String {
        if let Some(given) = self.given("opt", "stage") {
            return given;
        }
        let stage = self.root.at(&["provider", "stage"]);
        let stage = stage.cloned().map(|stage| self.resolve(&stage, &Place::default()));
        stage.and_then(|stage| stage.scalar_text()).unwrap_or_else(|| "dev".to_owned())
    }

    fn given(&self, source: &str, name: &str) -> Option<String> {
        let values = self.reading.values;
        values.get(&format!("{source}:{name}")).or_else(|| values.get(name)).cloned()
    }

    fn resolve_text(&mut self, text: &str, node: &Node, place: &Place) -> Node {
        let mut resolved = String::new();
        let mut done = 0;
        while let Some(variable) = next_variable(text, done) {
            let value = self.value_of(&text[variable.start + 2..variable.end - 1], place);
            if variable.start == 0 && variable.end == text.len() {
                // A scalar stands where it is used; what is larger stands where it was written.
                return match value.kind {
                    NodeKind::Array(_) | NodeKind::Object(_) => value,
                    kind => Node { kind, tag: node.tag.clone(), span: node.span.clone() },
                };
            }
            resolved.push_str(&text[done..variable.start]);
            if matches!(value.kind, NodeKind::Array(_) | NodeKind::Object(_)) {
                let written = &text[variable.start..variable.end];
                let message = format!("`{written}` is {}, inside of a text", value.kind_name());
                self.reading
                    .findings
                    .error(UNRESOLVED, place, message)
                    .help("name one of its values, or let the variable be the whole text");
            }
            resolved.push_str(&value.scalar_text().unwrap_or_default());
            done = variable.end;
        }
        if done == 0 {
            return node.clone();
        }
        resolved.push_str(&text[done..]);
        Node { kind: NodeKind::String(resolved), ..node.clone() }
    }

    /// The value of what stands between `${` and `}`: the first of its alternatives that has one.
    fn value_of(&mut self, expression: &str, place: &Place) -> Node {
        if let Some(value) = self.reading.values.get(expression) {
            return Node::string(value.as_str(), &place.span);
        }
        let nothing = Node::string("", &place.span);
        if self.reading.values_left.is_none() {
            return nothing;
        }
        let circle = self.open.iter().any(|open| open == expression);
        if circle || self.open.len() > REFERENCES_MAX {
            let text = self.reading.unresolved(expression, "variables go in a circle", place);
            return Node::string(text, &place.span);
        }
        self.open.push(expression.to_owned());
        let mut why = "nothing is there";
        let mut found = None;
        // What is wrong with one alternative matters only if there is no other.
        let mut failed = Findings::default();
        for alternative in alternatives(expression) {
            let before = std::mem::take(&mut self.reading.findings);
            let result = self.alternative(alternative, place);
            let said = std::mem::replace(&mut self.reading.findings, before);
            match result {
                Found::Value(value) => {
                    self.reading.findings.append(said);
                    found = Some(value);
                    break;
                }
                Found::Nothing(reason) => {
                    why = reason;
                    failed.append(said);
                }
            }
        }
        self.open.pop();
        if let Some(found) = found {
            return if self.reading.afford(&found, place) { found } else { nothing };
        }
        let told = failed.has_errors();
        self.reading.findings.append(failed);
        let placeholder = if told {
            format!("${{{expression}}}")
        } else {
            self.reading.unresolved(expression, why, place)
        };
        Node::string(placeholder, &place.span)
    }

    fn alternative(&mut self, text: &str, place: &Place) -> Found {
        let quoted = |quote: char| {
            text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).map(str::to_owned)
        };
        if let Some(literal) = quoted('\'').or_else(|| quoted('"')) {
            let literal = Node::string(literal, &place.span);
            return Found::Value(self.resolve(&literal, place));
        }
        let kind = match text {
            "true" => Some(NodeKind::Bool(true)),
            "false" => Some(NodeKind::Bool(false)),
            "null" => Some(NodeKind::Null),
            _ => text.parse().ok().map(NodeKind::Number),
        };
        if let Some(kind) = kind {
            return Found::Value(Node { kind, tag: None, span: place.span.clone() });
        }
        // What is nested becomes text first, or is the whole.
        let node = Node::string(text, &place.span);
        let resolved = self.resolve_text(text, &node, place);
        let Some(address) = resolved.as_str() else { return Found::Value(resolved) };
        if next_variable(text, 0).is_some_and(|whole| whole.start == 0 && whole.end == text.len()) {
            if address.starts_with("${") {
                return Found::Nothing("what it is made of has none");
            }
            return Found::Value(resolved);
        }
        let address = address.to_owned();
        self.source(&address, place)
    }

    /// `source:address`, `source(parameters)` or both.
    fn source(&mut self, text: &str, place: &Place) -> Found {
        let (source, rest) = match text.find([':', '(']) {
            Some(at) => text.split_at(at),
            None => return Found::Value(Node::string(text, &place.span)),
        };
        let (parameters, address) = match rest.strip_prefix('(') {
            Some(rest) => {
                let (parameters, rest) = rest.split_once(')').unwrap_or((rest, ""));
                (parameters.trim(), rest.strip_prefix(':').unwrap_or_default().trim())
            }
            None => ("", rest[1..].trim()),
        };
        let string = |text: String| Found::Value(Node::string(text, &place.span));
        let given = self.given(source, address);
        match source {
            "self" => self.walk(self.root, address, place),
            "file" => self.file(parameters, address, place),
            "opt" | "env" | "param" if given.is_some() => string(given.unwrap_or_default()),
            "opt" => Found::Nothing("no such option is given"),
            "env" => Found::Nothing("the environment of this process is not read"),
            "param" => self.parameter(address, place),
            "sls" if address == "stage" => string(self.stage()),
            "aws" if address == "region" => {
                let region = self.root.at(&["provider", "region"]).cloned();
                match region {
                    Some(region) => Found::Value(self.resolve(&region, place)),
                    None => string(REGION.to_owned()),
                }
            }
            "aws" if address == "accountId" => string(ACCOUNT_ID.to_owned()),
            "strToBool" => {
                let text = parameters.trim_matches(['\'', '"']).trim();
                if text.contains("${") {
                    return Found::Nothing("what it is made of has none");
                }
                if !matches!(text, "true" | "1" | "false" | "0") {
                    let message = format!("`strToBool` cannot make a boolean of `{text}`");
                    let finding = self.reading.findings.error(UNRESOLVED, place, message);
                    finding.help("give it `true`, `false`, `1` or `0`");
                }
                let kind = NodeKind::Bool(matches!(text, "true" | "1"));
                Found::Value(Node { kind, tag: None, span: place.span.clone() })
            }
            _ => Found::Nothing("it is asked for where it is deployed"),
        }
    }

    /// `param:`: of the stage, or the default one.
    fn parameter(&mut self, name: &str, place: &Place) -> Found {
        let stage = self.stage();
        let paths: [&[&str]; 4] = [
            &["stages", &stage, "params", name],
            &["params", &stage, name],
            &["stages", "default", "params", name],
            &["params", "default", name],
        ];
        match paths.iter().find_map(|path| self.root.at(path)) {
            Some(node) => Found::Value(self.resolve(&node.clone(), place)),
            None => Found::Nothing("no such parameter is given"),
        }
    }

    fn file(&mut self, path: &str, address: &str, place: &Place) -> Found {
        let path = path.trim_matches(['\'', '"']);
        let extension = path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        match extension.as_str() {
            "yml" | "yaml" | "json" => {
                // All paths begin beside the Serverless file, also those in other files.
                let Some(node) = self.reading.node_of(path, 0, place) else {
                    return Found::Nothing("the file cannot be read");
                };
                self.walk(&node, address, place)
            }
            "js" | "ts" | "cjs" | "mjs" => Found::Nothing("a program makes it"),
            _ => match self.reading.text_of(path, 0, place) {
                Some(text) => Found::Value(Node::string(text.text, &place.span)),
                None => Found::Nothing("the file cannot be read"),
            },
        }
    }

    /// The value at a path of names below a node. What is a variable on the way is resolved first.
    fn walk(&mut self, node: &Node, address: &str, place: &Place) -> Found {
        let mut node = Cow::Borrowed(node);
        for name in address.split('.').filter(|name| !name.is_empty()) {
            if node.as_str().is_some() {
                node = Cow::Owned(self.resolve(&node, place));
            }
            let below = match node {
                Cow::Borrowed(node) => below(node, name).map(Cow::Borrowed),
                Cow::Owned(node) => below(&node, name).cloned().map(Cow::Owned),
            };
            match below {
                Some(below) => node = below,
                None => return Found::Nothing("nothing is there"),
            }
        }
        if node.is_null() {
            return Found::Nothing("nothing is there");
        }
        // Places below are those of the value, which may lie in another file.
        let here = Place { pointer: place.pointer.clone(), span: node.span.clone() };
        Found::Value(self.resolve(&node, &here))
    }
}

/// A member, or an item by its index.
fn below<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    match &node.kind {
        NodeKind::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => node.at(&[name]),
    }
}

/// The next variable from a byte on. `${Name}` and `${AWS::Region}` are CloudFormation's.
fn next_variable(text: &str, from: usize) -> Option<Variable> {
    let mut at = from;
    loop {
        let start = at + text.get(at..)?.find("${")?;
        let end = closing(text, start)?;
        if is_variable(&text[start + 2..end - 1]) {
            return Some(Variable { start, end });
        }
        at = start + 2;
    }
}

/// The byte after the brace that closes the one at `start`.
fn closing(text: &str, start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, character) in text[start..].char_indices() {
        match character {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(start + at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// Whether it begins as a source does: a word with `:` or `(` behind it, or a variable of its own.
fn is_variable(expression: &str) -> bool {
    let expression = expression.trim_start();
    if expression.starts_with("${") {
        return true;
    }
    let word = expression.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c));
    let length = word.count();
    let rest = &expression[length..];
    length > 0 && (rest.starts_with('(') || (rest.starts_with(':') && !rest.starts_with("::")))
}

/// What the commas separate that stand outside of quotes, braces and parentheses.
fn alternatives(expression: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth, mut quote) = (0, 0_usize, None);
    for (at, character) in expression.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, '{' | '(') => depth += 1,
            (None, '}' | ')') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(expression[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(expression[start..].trim());
    parts
}
