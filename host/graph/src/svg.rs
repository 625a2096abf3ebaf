//! A graph as SVG: plain shapes and texts, no scripts, no fonts of its own, and colours for light and dark
//! backgrounds.

use std::fmt::Write;

use stepwell_asl::StateType;

use crate::card::{self, Tone};
use crate::layout::{LABEL_LINE, LABEL_SIZE, Layout, Rectangle};
use crate::model::{EdgeId, EdgeKind, Graph, NodeId, NodeKind};
use crate::path::Path;

/// How far the slanted sides of a shape lean.
const SLANT: f64 = 12.0;

/// The length of an arrow's head.
const HEAD: f64 = 8.0;

/// The longest text that a pointer is shown.
const TITLE_CHARACTERS_MAX: usize = 1_000;

const STYLE: &str = "\
text { font-family: sans-serif; font-size: 11px; text-anchor: middle; fill: #24292f; }
.ground { fill: #ffffff; }
.node path, .node circle { fill: #f6f8fa; stroke: #57606a; stroke-width: 1.3; }
.node.marker circle.full { fill: #57606a; }
.box path { fill: none; }
.branch { fill: none; stroke: #8c959f; stroke-dasharray: 3 4; }
.name { font-size: 14px; font-weight: bold; }
.caption { fill: #57606a; }
.note { fill: #57606a; font-style: italic; }
.status { font-weight: bold; }
.edge path { fill: none; stroke: #57606a; stroke-width: 1.3; }
.edge polygon { fill: #57606a; }
.edge.catch path { stroke-dasharray: 5 4; }
.edge rect { fill: #ffffff; }
.untaken { opacity: 0.5; }
.node.taken > path { fill: #dafbe1; stroke: #1a7f37; stroke-width: 2; }
.node.taken > circle.full { fill: #1a7f37; }
.node.taken > circle { stroke: #1a7f37; }
.node.caught > path { fill: #fff3cd; stroke: #9a6700; stroke-width: 2; }
.node.stopped > path { fill: #fff3cd; stroke: #9a6700; stroke-width: 2; stroke-dasharray: 6 3; }
.node.failed > path { fill: #ffebe9; stroke: #cf222e; stroke-width: 2.5; }
.node.box > path { fill: none; }
.edge.taken path { stroke: #1a7f37; stroke-width: 2.6; }
.edge.taken polygon { fill: #1a7f37; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.ground { fill: #0d1117; }
.node path, .node circle { fill: #161b22; stroke: #8b949e; }
.node.marker circle.full { fill: #8b949e; }
.branch { stroke: #6e7681; }
.caption, .note { fill: #9ea7b3; }
.edge path { stroke: #8b949e; }
.edge polygon { fill: #8b949e; }
.edge rect { fill: #0d1117; }
.node.taken > path { fill: #12361f; stroke: #3fb950; }
.node.taken > circle.full { fill: #3fb950; }
.node.taken > circle { stroke: #3fb950; }
.node.caught > path, .node.stopped > path { fill: #3b2e0a; stroke: #d29922; }
.node.failed > path { fill: #4a1517; stroke: #f85149; }
.node.box > path { fill: none; }
.edge.taken path { stroke: #3fb950; }
.edge.taken polygon { fill: #3fb950; }
}
";

/// The graph as SVG, with the path marked if there is one.
pub fn svg(graph: &Graph, path: Option<&Path>) -> String {
    let layout = Layout::of(graph, path);
    let mut drawing = Drawing { graph, path, layout: &layout, text: String::new() };
    drawing.head();
    for id in 0..graph.nodes.len() {
        if !graph.nodes[id].areas.is_empty() {
            drawing.node(NodeId(id));
        }
    }
    // What was taken lies over what was not.
    let taken = |id: &usize| path.is_some_and(|path| path.edges.contains_key(&EdgeId(*id)));
    let (over, under): (Vec<usize>, Vec<usize>) = (0..graph.edges.len()).partition(taken);
    for id in under {
        drawing.edge(EdgeId(id), path.map(|_| Tone::Untaken));
    }
    for id in over {
        drawing.edge(EdgeId(id), Some(Tone::Taken));
    }
    for id in 0..graph.nodes.len() {
        if graph.nodes[id].areas.is_empty() {
            drawing.node(NodeId(id));
        }
    }
    drawing.text + "</svg>\n"
}

struct Drawing<'g> {
    graph: &'g Graph,
    path: Option<&'g Path>,
    layout: &'g Layout,
    text: String,
}

macro_rules! put {
    ($drawing:expr, $($format:tt)*) => {
        _ = writeln!($drawing.text, $($format)*)
    };
}

impl Drawing<'_> {
    fn head(&mut self) {
        let (width, height) = (number(self.layout.width), number(self.layout.height));
        put!(
            self,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">"
        );
        let mut title = self.graph.name.clone();
        if let Some(path) = self.path {
            _ = write!(title, ": an execution, {}", path.outcome);
        }
        put!(self, "<title>{}</title>", escaped(&title));
        if let Some(comment) = &self.graph.comment {
            put!(self, "<desc>{}</desc>", escaped(comment));
        }
        put!(self, "<style>\n{STYLE}</style>");
        put!(self, "<rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>");
    }

    fn node(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        let place = self.layout.nodes[id.0];
        let tone = card::of_node(self.graph, id, self.path).tone;
        let kind = match node.kind {
            NodeKind::Start | NodeKind::End => "marker".to_owned(),
            NodeKind::State(state_type) => state_type.to_string().to_lowercase(),
        };
        let boxed = if node.areas.is_empty() { "" } else { " box" };
        let tone = tone.class().map(|class| format!(" {class}")).unwrap_or_default();
        put!(self, "<g class=\"node {kind}{boxed}{tone}\">");
        put!(self, "<title>{}</title>", escaped(&card::told(node)));
        let (x, y) = (place.x + place.width / 2.0, place.y + place.height / 2.0);
        match node.kind {
            NodeKind::Start => {
                put!(
                    self,
                    "<circle class=\"full\" cx=\"{}\" cy=\"{}\" r=\"7\"/>",
                    number(x),
                    number(y)
                );
            }
            NodeKind::End => {
                put!(self, "<circle cx=\"{}\" cy=\"{}\" r=\"7.3\"/>", number(x), number(y));
                put!(
                    self,
                    "<circle class=\"full\" cx=\"{}\" cy=\"{}\" r=\"4\"/>",
                    number(x),
                    number(y)
                );
            }
            NodeKind::State(state_type) => put!(self, "{}", shape(state_type, &place)),
        }
        let free = place.height - self.layout.text_height(id);
        // The text of a box is its head.
        let top = place.y + if boxed.is_empty() { free / 2.0 } else { 8.0 };
        self.lines(id, x, top);
        if node.areas.len() > 1 {
            for area in &node.areas {
                let area = self.layout.areas[area.0];
                put!(self, "<rect class=\"branch\" {} rx=\"4\"/>", corners(&area));
            }
        }
        put!(self, "</g>");
    }

    fn lines(&mut self, id: NodeId, x: f64, top: f64) {
        use crate::layout::Style;
        let layout = self.layout;
        let mut y = top;
        for line in &layout.texts[id.0] {
            let class = match line.style {
                Style::Name => "name",
                Style::Caption => "caption",
                Style::Note => "note",
                Style::Status => "status",
            };
            let base = number(y + line.style.size());
            let text = escaped(&line.text);
            put!(self, "<text class=\"{class}\" x=\"{}\" y=\"{base}\">{text}</text>", number(x));
            y += line.style.line_height();
        }
    }

    fn edge(&mut self, id: EdgeId, tone: Option<Tone>) {
        let edge = self.graph.edge(id);
        let points = &self.layout.routes[id.0];
        let kind = match edge.kind {
            EdgeKind::Catch => " catch",
            _ => "",
        };
        let tone = tone.and_then(Tone::class).map(|class| format!(" {class}")).unwrap_or_default();
        put!(self, "<g class=\"edge{kind}{tone}\">");
        if !edge.labels.is_empty() {
            put!(self, "<title>{}</title>", escaped(&edge.labels.join("\n")));
        }
        put!(self, "<path d=\"{}\"/>", line(points));
        if let Some(head) = head(points) {
            put!(self, "<polygon points=\"{head}\"/>");
        }
        if let Some(place) = self.layout.labels[id.0] {
            put!(self, "<rect {}/>", corners(&place));
            let x = number(place.x + place.width / 2.0);
            let mut y = place.y + LABEL_SIZE + 2.0;
            for line in &self.layout.label_texts[id.0] {
                put!(self, "<text x=\"{x}\" y=\"{}\">{}</text>", number(y), escaped(line));
                y += LABEL_LINE;
            }
        }
        put!(self, "</g>");
    }
}

/// What a state of each type looks like.
fn shape(state_type: StateType, place: &Rectangle) -> String {
    let (left, right) = (place.x, place.x + place.width);
    let (top, bottom) = (place.y, place.y + place.height);
    let middle = f64::midpoint(top, bottom);
    let polygon = |points: &[(f64, f64)]| {
        let points = points.iter().map(|(x, y)| format!("{} {}", number(*x), number(*y)));
        format!("<path d=\"M{}Z\"/>", points.collect::<Vec<_>>().join("L"))
    };
    match state_type {
        StateType::Choice => polygon(&[
            (left, middle),
            (left + SLANT, top),
            (right - SLANT, top),
            (right, middle),
            (right - SLANT, bottom),
            (left + SLANT, bottom),
        ]),
        StateType::Pass => {
            polygon(&[(left + SLANT, top), (right, top), (right - SLANT, bottom), (left, bottom)])
        }
        StateType::Fail => polygon(&[
            (left, top + SLANT),
            (left + SLANT, top),
            (right - SLANT, top),
            (right, top + SLANT),
            (right, bottom - SLANT),
            (right - SLANT, bottom),
            (left + SLANT, bottom),
            (left, bottom - SLANT),
        ]),
        StateType::Task | StateType::Map | StateType::Parallel => rounded(place, [5.0; 2]),
        // Flat where it begins and round where it ends, as flowcharts draw a delay.
        StateType::Wait => rounded(place, [2.0, place.height.min(40.0) / 2.0]),
        StateType::Succeed => rounded(place, [place.height.min(40.0) / 2.0; 2]),
    }
}

/// A rectangle with round corners, on the left and on the right.
fn rounded(place: &Rectangle, [left_radius, right_radius]: [f64; 2]) -> String {
    let (left, right) = (place.x, place.x + place.width);
    let (top, bottom) = (place.y, place.y + place.height);
    let arc = |radius: f64, x: f64, y: f64| {
        format!("A{0} {0} 0 0 1 {1} {2}", number(radius), number(x), number(y))
    };
    format!(
        "<path d=\"M{} {}H{}{}V{}{}H{}{}V{}{}Z\"/>",
        number(left + left_radius),
        number(top),
        number(right - right_radius),
        arc(right_radius, right, top + right_radius),
        number(bottom - right_radius),
        arc(right_radius, right - right_radius, bottom),
        number(left + left_radius),
        arc(left_radius, left, bottom - left_radius),
        number(top + left_radius),
        arc(left_radius, left + left_radius, top),
    )
}

fn corners(place: &Rectangle) -> String {
    let Rectangle { x, y, width, height } = *place;
    let [x, y, width, height] = [x, y, width, height].map(number);
    format!("x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"")
}

/// Straight and curved pieces by turns; a curve leaves and arrives upright.
fn line(points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (index, (x, y)) in points.iter().enumerate() {
        match index.checked_sub(1).map(|before| points[before]) {
            None => _ = write!(path, "M{} {}", number(*x), number(*y)),
            Some((from_x, from_y)) if index % 2 == 0 && (from_x - x).abs() > 0.05 => {
                let middle = number(f64::midpoint(from_y, *y));
                _ = write!(
                    path,
                    "C{} {middle} {} {middle} {} {}",
                    number(from_x),
                    number(*x),
                    number(*x),
                    number(*y)
                );
            }
            Some(from) if from == (*x, *y) => {}
            Some(_) => _ = write!(path, "L{} {}", number(*x), number(*y)),
        }
    }
    path
}

/// The arrow's head at the end of a line.
fn head(points: &[(f64, f64)]) -> Option<String> {
    let (x, y) = *points.last()?;
    let before = points
        .iter()
        .rev()
        .find(|(other_x, other_y)| (other_x - x).abs() > 0.05 || (other_y - y).abs() > 0.05)?;
    let straight = points.len() >= 2 && points[points.len() - 2] != (x, y);
    let sideways = straight && (before.1 - y).abs() < 0.05;
    let (back_x, back_y) = if sideways {
        (if before.0 > x { HEAD } else { -HEAD }, 0.0)
    } else {
        (0.0, if before.1 > y { HEAD } else { -HEAD })
    };
    let half = HEAD * 0.45;
    let (side_x, side_y) = if sideways { (0.0, half) } else { (half, 0.0) };
    let corner = |x: f64, y: f64| format!("{},{}", number(x), number(y));
    let corners = [
        corner(x, y),
        corner(x + back_x + side_x, y + back_y + side_y),
        corner(x + back_x - side_x, y + back_y - side_y),
    ];
    Some(corners.join(" "))
}

/// With one digit after the point, and none where it is zero.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A text for XML: what XML cannot hold is replaced, and what is too long is cut.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (index, character) in text.chars().enumerate() {
        if index == TITLE_CHARACTERS_MAX {
            escaped.push('…');
            break;
        }
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ if character.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}
