//! The texts of a picture: what stands on a node and beside an edge, whatever the format.

use crate::model::{Edge, EdgeId, EdgeKind, Graph, Node, NodeId, NodeKind};
use crate::path::{Mark, Outcome, Path};
use stepwell_asl::StateType;

/// The most errors that a note names; the others are counted.
const NAMED_MAX: usize = 2;

/// What stands on a state's node, from top to bottom.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Card {
    pub(crate) name: String,
    /// The type, and what the state does.
    pub(crate) caption: String,
    pub(crate) notes: Vec<String>,
    /// What happened there.
    pub(crate) status: Option<String>,
    pub(crate) tone: Tone,
}

/// How something stands in the path that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tone {
    /// There is no path.
    #[default]
    Plain,
    Untaken,
    Taken,
    /// It failed, and something caught it.
    Caught,
    /// It was at work when the execution, or what is around it, ended.
    Stopped,
    Failed,
}

impl Tone {
    /// As a class of CSS or Mermaid.
    pub(crate) fn class(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Untaken => Some("untaken"),
            Self::Taken => Some("taken"),
            Self::Caught => Some("caught"),
            Self::Stopped => Some("stopped"),
            Self::Failed => Some("failed"),
        }
    }
}

/// What stands on a node.
pub(crate) fn of_node(graph: &Graph, id: NodeId, path: Option<&Path>) -> Card {
    let node = graph.node(id);
    let mark = path.and_then(|path| path.nodes.get(&id));
    let Some(state_type) = node.state_type() else {
        return Card { tone: tone_of_marker(graph, id, path), ..Card::default() };
    };
    let mut caption = vec![state_type.to_string()];
    caption.extend(node.does.iter().cloned());
    if !node.reachable {
        caption.push("out of reach".to_owned());
    }
    Card {
        name: node.name.clone(),
        caption: caption.join(" · "),
        notes: node.retries.iter().map(|note| shortened(note)).collect(),
        status: path.and_then(|path| status(node, mark?, path.outcome)),
        tone: match (path, mark) {
            (None, _) => Tone::Plain,
            (Some(_), None) => Tone::Untaken,
            (Some(_), Some(mark)) => tone(mark),
        },
    }
}

/// A list of errors with the later ones counted.
fn shortened(note: &str) -> String {
    let names: Vec<&str> = note.split(", ").collect();
    match names.len() {
        all if all > NAMED_MAX + 1 => {
            format!("{} and {} more", names[..NAMED_MAX].join(", "), all - NAMED_MAX)
        }
        _ => note.to_owned(),
    }
}

fn tone(mark: &Mark) -> Tone {
    match mark {
        Mark { failed: 1.., .. } => Tone::Failed,
        Mark { stopped: 1.., .. } | Mark { aborted: 1.., .. } => Tone::Stopped,
        Mark { caught: 1.., .. } => Tone::Caught,
        _ => Tone::Taken,
    }
}

fn tone_of_marker(graph: &Graph, id: NodeId, path: Option<&Path>) -> Tone {
    let Some(path) = path else { return Tone::Plain };
    let edges = &graph.area(graph.node(id).area).edges;
    let touches = |edge: &&EdgeId| {
        let edge = graph.edge(**edge);
        edge.from == id || edge.to == id
    };
    let taken = edges.iter().filter(touches).any(|edge| path.edges.contains_key(edge));
    if taken { Tone::Taken } else { Tone::Untaken }
}

/// What happened in a state, such as `3×, 2 retries, failed`. Nothing for one that was simply passed.
fn status(node: &Node, mark: &Mark, outcome: Outcome) -> Option<String> {
    let mut words = Vec::new();
    if mark.entered > 1 {
        words.push(format!("{}×", mark.entered));
    }
    if mark.iterations > 0 {
        words.push(counted(mark.iterations, "iteration"));
        let parts = [(mark.iterations_failed, "failed"), (mark.iterations_aborted, "aborted")];
        words.extend(parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
    } else if node.state_type() == Some(StateType::Map) {
        words.push(counted(mark.items, "item"));
    }
    if mark.retried > 0 {
        words.push(if mark.retried == 1 {
            "1 retry".to_owned()
        } else {
            format!("{} retries", mark.retried)
        });
    }
    let stopped = match outcome {
        Outcome::TimedOut => "timed out here",
        Outcome::Running => "at work",
        Outcome::Failed | Outcome::Aborted | Outcome::Succeeded => "stopped here",
    };
    let ends = [
        (mark.caught, "caught"),
        (mark.failed, "failed"),
        (mark.aborted, "aborted"),
        (mark.stopped, stopped),
    ];
    for (times, what) in ends {
        match times {
            0 => {}
            times if times == mark.entered => words.push(what.to_owned()),
            times => words.push(format!("{what} {times}×")),
        }
    }
    (!words.is_empty()).then(|| words.join(", "))
}

fn counted(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// What stands beside an edge: when it is taken and, if more than once, how often it was.
pub(crate) fn of_edge(edge: &Edge, times: Option<u64>) -> Vec<String> {
    let shorten = |label: &String| match edge.kind {
        EdgeKind::Catch => shortened(label),
        _ => label.clone(),
    };
    let mut lines: Vec<String> = edge.labels.iter().map(shorten).collect();
    lines.extend(times.filter(|times| *times > 1).map(|times| format!("{times}×")));
    lines
}

/// All that is to be said of a node, for who points at it.
pub(crate) fn told(node: &Node) -> String {
    let mut lines = match node.kind {
        NodeKind::Start => vec!["Start".to_owned()],
        NodeKind::End => vec!["End".to_owned()],
        NodeKind::State(state_type) => vec![format!("{} ({state_type})", node.name)],
    };
    lines.extend(node.does.iter().cloned());
    lines.extend(node.comment.iter().cloned());
    lines.extend(node.retries.iter().cloned());
    lines.join("\n")
}
