//! A graph as a Mermaid flowchart, with Map and Parallel as subgraphs.
//!
//! Names reach Mermaid only inside quotes and with everything escaped that it, its Markdown or HTML could
//! take for more than a letter, so that no name can change the picture.

use std::fmt::Write;

use stepwell_asl::StateType;

use crate::card::{self, Card};
use crate::model::{AreaId, EdgeKind, Graph, NodeId, NodeKind};
use crate::path::Path;

/// The longest line of a label, in characters.
const LINE_CHARACTERS_MAX: usize = 120;

/// The most lines of a label.
const LINES_MAX: usize = 8;

/// The tones of nodes: how they are filled and how they are framed. Readable on light and dark
/// backgrounds; a box is only framed, for what is in it has tones of its own.
const CLASSES: [(&str, &str, &str); 5] = [
    ("taken", "fill:#d3f0d9,color:#0b3d1a", "stroke:#1a7f37,stroke-width:2px"),
    ("caught", "fill:#fdebc8,color:#4d3300", "stroke:#9a6700,stroke-width:2px"),
    (
        "stopped",
        "fill:#fdebc8,color:#4d3300",
        "stroke:#9a6700,stroke-width:2px,stroke-dasharray:5 3",
    ),
    ("failed", "fill:#ffd7d5,color:#660d14", "stroke:#cf222e,stroke-width:3px"),
    ("untaken", "fill:#eceef0,color:#57606a", "stroke:#8c959f"),
];

/// The graph as a Mermaid flowchart, with the path marked if there is one.
pub fn mermaid(graph: &Graph, path: Option<&Path>) -> String {
    let mut drawing = Drawing { graph, path, text: String::from("flowchart TD\n") };
    drawing.area(AreaId(0), 1);
    drawing.edges();
    drawing.classes();
    drawing.text
}

struct Drawing<'g> {
    graph: &'g Graph,
    path: Option<&'g Path>,
    text: String,
}

impl Drawing<'_> {
    fn line(&mut self, depth: usize, line: &str) {
        _ = writeln!(self.text, "{:1$}{line}", "", depth * 4);
    }

    fn area(&mut self, id: AreaId, depth: usize) {
        for node in &self.graph.area(id).nodes {
            self.node(*node, depth);
        }
    }

    fn node(&mut self, id: NodeId, depth: usize) {
        let node = self.graph.node(id);
        let NodeId(number) = id;
        let Some(state_type) = node.state_type() else {
            // Those of nested machines are small.
            let is_nested = self.graph.around(id).is_some();
            let line = if node.kind == NodeKind::End {
                format!("n{number}(((\"{}\")))", if is_nested { " " } else { "End" })
            } else {
                format!("n{number}((\"{}\"))", if is_nested { " " } else { "Start" })
            };
            self.line(depth, &line);
            return;
        };
        let label = label(&lines(&card::of_node(self.graph, id, self.path)));
        if node.areas.is_empty() {
            let (open, close) = match state_type {
                StateType::Task | StateType::Parallel | StateType::Map => ("[", "]"),
                StateType::Choice => ("{", "}"),
                StateType::Pass => ("(", ")"),
                StateType::Wait => ("{{", "}}"),
                StateType::Succeed => ("([", "])"),
                StateType::Fail => ("[[", "]]"),
            };
            self.line(depth, &format!("n{number}{open}\"{label}\"{close}"));
            return;
        }
        self.line(depth, &format!("subgraph n{number}[\"{label}\"]"));
        for (branch, area) in node.areas.iter().enumerate() {
            if state_type == StateType::Parallel {
                let title = format!("branch {}", branch + 1);
                self.line(depth + 1, &format!("subgraph n{number}b{branch}[\"{title}\"]"));
                self.area(*area, depth + 2);
                self.line(depth + 1, "end");
            } else {
                self.area(*area, depth + 1);
            }
        }
        self.line(depth, "end");
    }

    fn edges(&mut self) {
        let mut taken = Vec::new();
        for (index, edge) in self.graph.edges.iter().enumerate() {
            let id = crate::model::EdgeId(index);
            let times = self.path.and_then(|path| path.edges.get(&id)).copied();
            if times.is_some() {
                taken.push(index.to_string());
            }
            let line = match edge.kind {
                EdgeKind::Catch => "-.->",
                _ => "-->",
            };
            let lines = card::of_edge(edge, times);
            let label =
                if lines.is_empty() { String::new() } else { format!("|\"{}\"|", label(&lines)) };
            self.line(1, &format!("n{} {line}{label} n{}", edge.from.0, edge.to.0));
        }
        if !taken.is_empty() {
            let style = "stroke:#1a7f37,stroke-width:3px";
            self.line(1, &format!("linkStyle {} {style}", taken.join(",")));
        }
    }

    fn classes(&mut self) {
        if self.path.is_none() {
            return;
        }
        let toned = |id| card::of_node(self.graph, NodeId(id), self.path).tone.class();
        let classes: Vec<Option<&str>> = (0..self.graph.nodes.len()).map(toned).collect();
        for (class, fill, frame) in CLASSES {
            for (name, fill, boxed) in
                [(class.to_owned(), fill, false), (format!("{class}Box"), "fill:none", true)]
            {
                let ids: Vec<String> = (0..classes.len())
                    .filter(|id| classes[*id] == Some(class))
                    .filter(|id| self.graph.nodes[*id].areas.is_empty() != boxed)
                    .map(|id| format!("n{id}"))
                    .collect();
                if !ids.is_empty() {
                    self.line(1, &format!("classDef {name} {fill},{frame}"));
                    self.line(1, &format!("class {} {name}", ids.join(",")));
                }
            }
        }
    }
}

fn lines(card: &Card) -> Vec<String> {
    let mut lines = vec![card.name.clone(), card.caption.clone()];
    lines.extend(card.notes.iter().cloned());
    lines.extend(card.status.iter().cloned());
    lines
}

fn label(lines: &[String]) -> String {
    let mut shown: Vec<String> = lines.iter().take(LINES_MAX).map(|line| escaped(line)).collect();
    if lines.len() > LINES_MAX {
        shown.push("…".to_owned());
    }
    shown.join("<br/>")
}

fn escaped(text: &str) -> String {
    let characters: Vec<char> = text.chars().take(LINE_CHARACTERS_MAX + 1).collect();
    let mut escaped = String::new();
    for (index, character) in characters.iter().copied().enumerate() {
        if index == LINE_CHARACTERS_MAX {
            escaped.push('…');
            break;
        }
        let is = |index: Option<usize>, what: fn(char) -> bool| {
            index.and_then(|index| characters.get(index)).copied().is_some_and(what)
        };
        let (before, after) = (index.checked_sub(1), Some(index + 1));
        let plain = match character {
            // What Markdown makes a list of at the beginning of a line is none anywhere else.
            '-' | '+' | '.' | ')' => !escaped.chars().all(|c| c.is_ascii_digit()),
            // Two of them begin a formula.
            '$' => !is(before, |c| c == '$') && !is(after, |c| c == '$'),
            // Between letters it stresses nothing.
            '_' => is(before, char::is_alphanumeric) && is(after, char::is_alphanumeric),
            ' ' | '(' | ',' | ':' | '/' | '=' | '!' | '?' | '\'' => true,
            _ => !character.is_ascii_punctuation(),
        };
        if character.is_control() {
            escaped.push('\u{fffd}');
        } else if plain {
            escaped.push(character);
        } else if character == '"' {
            escaped.push_str("#quot;");
        } else {
            _ = write!(escaped, "#{};", u32::from(character));
        }
    }
    escaped
}
