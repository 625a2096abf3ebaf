//! Where everything of a graph stands: machines within others first, each of which is one large node of
//! the machine around it.

use stepwell_asl::StateType;

use crate::card;
use crate::layered::{self, Item, Link};
use crate::model::{AreaId, EdgeId, Graph, NodeId, NodeKind};
use crate::path::Path;
use crate::text::{width, wrap};

/// Round the whole picture.
const MARGIN: f64 = 20.0;

/// Within a box, round the machines in it; and between two of them.
const PADDING: f64 = 14.0;

/// What a shape needs beside its text: the room of its slanted or round ends.
const SIDES: f64 = 40.0;
const ENDS: f64 = 16.0;

const NODE_WIDTH_MIN: f64 = 96.0;
const MARKER: f64 = 16.0;

/// Lines of text of a node or a label.
const TEXT_WIDTH_MAX: f64 = 210.0;
const LABEL_WIDTH_MAX: f64 = 190.0;
const LINES_MAX: usize = 3;
const NOTES_MAX: usize = 4;
const LABELS_MAX: usize = 6;

/// Branches stand side by side until they are so wide.
const ROW_WIDTH_MAX: f64 = 1_400.0;

/// What an edge that leads to its own node needs on the right of it, without its label.
const LOOP: f64 = 24.0;

/// A place in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[expect(missing_docs, reason = "it is a rectangle")]
pub struct Rectangle {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// Where everything stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Layout {
    /// The size of the picture; everything is between it and zero.
    pub width: f64,
    /// As above.
    pub height: f64,
    /// Every node, by its number in the graph; a Map or Parallel with the machines in it.
    pub nodes: Vec<Rectangle>,
    /// Every machine, by its number in the graph.
    pub areas: Vec<Rectangle>,
    /// The label of every edge, if it has one.
    pub labels: Vec<Option<Rectangle>>,
    /// How every edge runs: from the first to the second point straight, from there to the third curved.
    pub routes: Vec<Vec<(f64, f64)>>,
    pub(crate) texts: Vec<Vec<Line>>,
    pub(crate) label_texts: Vec<Vec<String>>,
}

/// A line of text on a node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) style: Style,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Name,
    Caption,
    Note,
    Status,
}

impl Style {
    pub(crate) fn size(self) -> f64 {
        match self {
            Self::Name => 14.0,
            Self::Caption | Self::Note | Self::Status => LABEL_SIZE,
        }
    }

    /// From one line to the next.
    pub(crate) fn line_height(self) -> f64 {
        self.size() + 4.0
    }

    /// The width of a line: names and statuses are bold.
    fn width(self, text: &str) -> f64 {
        match self {
            Self::Name | Self::Status => width(text, self.size()) * 1.08,
            Self::Caption | Self::Note => width(text, self.size()),
        }
    }
}

/// The size of labels' letters.
pub(crate) const LABEL_SIZE: f64 = 11.0;
pub(crate) const LABEL_LINE: f64 = 14.0;

impl Layout {
    /// Lays out a graph; a path changes it as far as there is more to say.
    pub fn of(graph: &Graph, path: Option<&Path>) -> Self {
        let texts = (0..graph.nodes.len()).map(|id| lines(graph, NodeId(id), path)).collect();
        let label_texts = (0..graph.edges.len()).map(|id| label(graph, EdgeId(id), path)).collect();
        let mut layout = Self {
            nodes: vec![Rectangle::default(); graph.nodes.len()],
            areas: vec![Rectangle::default(); graph.areas.len()],
            labels: vec![None; graph.edges.len()],
            routes: vec![Vec::new(); graph.edges.len()],
            texts,
            label_texts,
            ..Self::default()
        };
        // Machines come after those around them, so backwards each finds those within it done.
        for area in (0..graph.areas.len()).rev() {
            layout.area(graph, AreaId(area));
        }
        let outermost = layout.areas[0];
        layout.width = outermost.width + 2.0 * MARGIN;
        layout.height = outermost.height + 2.0 * MARGIN;
        layout.areas[0] = Rectangle { x: MARGIN, y: MARGIN, ..outermost };
        for area in 0..graph.areas.len() {
            layout.shift(graph, AreaId(area));
        }
        layout
    }

    /// How high the text of a node is.
    pub(crate) fn text_height(&self, node: NodeId) -> f64 {
        self.texts[node.0].iter().map(|line| line.style.line_height()).sum()
    }

    /// Lays out one machine by itself, from its own left upper corner.
    fn area(&mut self, graph: &Graph, id: AreaId) {
        let area = graph.area(id);
        let mut items = Vec::with_capacity(area.nodes.len());
        for node in &area.nodes {
            items.push(self.size_node(graph, *node));
        }
        let place = |node: NodeId| {
            area.nodes.binary_search(&node).expect("edges of an area are between its nodes")
        };
        let mut links = Vec::new();
        let mut linked = Vec::new();
        for edge_id in &area.edges {
            let edge = graph.edge(*edge_id);
            let (from, to) = (place(edge.from), place(edge.to));
            let label = self.label_size(*edge_id);
            if from == to {
                // The label stands beside the node, and must not reach beyond it above or below.
                let item = &mut items[from];
                item.beside = item.beside.max(LOOP + label.0);
                item.height = item.height.max(label.1);
            } else {
                links.push(Link { from, to, label, kind: edge.kind as u8 });
                linked.push(*edge_id);
            }
        }
        let drawing = layered::draw(&items, &links);
        for ((node, item), (x, y)) in area.nodes.iter().zip(&items).zip(&drawing.items) {
            self.nodes[node.0] = Rectangle { x: *x, y: *y, width: item.width, height: item.height };
        }
        for (edge, route) in linked.into_iter().zip(drawing.routes) {
            let (width, height) = self.label_size(edge);
            self.labels[edge.0] = route.label.map(|(x, y)| Rectangle {
                x: x - width / 2.0,
                y: y - height / 2.0,
                width,
                height,
            });
            self.routes[edge.0] = route.points;
        }
        for edge in &area.edges {
            if graph.edge(*edge).from == graph.edge(*edge).to {
                self.draw_loop(graph, *edge);
            }
        }
        let (width, height) = (drawing.width, drawing.height);
        self.areas[id.0] = Rectangle { width, height, ..Rectangle::default() };
    }

    fn size_node(&mut self, graph: &Graph, id: NodeId) -> Item {
        let node = graph.node(id);
        if node.kind == NodeKind::Start || node.kind == NodeKind::End {
            return Item { width: MARKER, height: MARKER, beside: 0.0, ports: 0.0 };
        }
        let lines = &self.texts[id.0];
        let text = lines.iter().map(|line| line.style.width(&line.text)).fold(0.0, f64::max);
        let (mut width, mut height) =
            ((text + SIDES).max(NODE_WIDTH_MIN), self.text_height(id) + ENDS);
        if !node.areas.is_empty() {
            let is_parallel = node.state_type() == Some(StateType::Parallel);
            let (inner_width, inner_height) = self.place_within(&node.areas, height, is_parallel);
            width = width.max(inner_width);
            // What is narrower than the head stands in the middle of it.
            for area in &node.areas {
                self.areas[area.0].x += (width - inner_width) / 2.0;
            }
            height = inner_height;
        }
        Item { width, height, beside: 0.0, ports: width * 0.45 }
    }

    /// Places the machines of a Map or Parallel below its head, and gives the size of all together.
    fn place_within(&mut self, areas: &[AreaId], head: f64, padded: bool) -> (f64, f64) {
        let pad = if padded { PADDING } else { 0.0 };
        let (mut x, mut y) = (PADDING, head);
        let (mut width, mut row_height) = (0.0_f64, 0.0_f64);
        for area in areas {
            let area = &mut self.areas[area.0];
            (area.width, area.height) = (area.width + 2.0 * pad, area.height + 2.0 * pad);
            if x > PADDING && x + area.width > ROW_WIDTH_MAX {
                (x, y) = (PADDING, y + row_height + PADDING);
                row_height = 0.0;
            }
            (area.x, area.y) = (x, y);
            x += area.width + PADDING;
            width = width.max(x);
            row_height = row_height.max(area.height);
        }
        (width, y + row_height + PADDING)
    }

    fn draw_loop(&mut self, graph: &Graph, edge: EdgeId) {
        let node = self.nodes[graph.edge(edge).from.0];
        let (right, middle) = (node.x + node.width, node.y + node.height / 2.0);
        let (near, far) = (right - 5.0, right + 16.0);
        let (low, high) = (middle + 10.0, middle - 10.0);
        self.routes[edge.0] = vec![(near, low), (far, low), (far, high), (near, high)];
        let (width, height) = self.label_size(edge);
        let label = Rectangle { x: right + LOOP, y: middle - height / 2.0, width, height };
        self.labels[edge.0] = (width > 0.0).then_some(label);
    }

    fn label_size(&self, edge: EdgeId) -> (f64, f64) {
        let lines = &self.label_texts[edge.0];
        if lines.is_empty() {
            return (0.0, 0.0);
        }
        let widest = lines.iter().map(|line| width(line, LABEL_SIZE)).fold(0.0, f64::max);
        (widest + 8.0, LABEL_LINE * layered::float(lines.len()) + 4.0)
    }

    /// Moves what is in a machine to where the machine itself has been placed.
    fn shift(&mut self, graph: &Graph, id: AreaId) {
        let area = graph.area(id);
        let place = self.areas[id.0];
        let parallel = area
            .around
            .is_some_and(|around| graph.node(around).state_type() == Some(StateType::Parallel));
        let pad = if parallel { PADDING } else { 0.0 };
        let (x, y) = (place.x + pad, place.y + pad);
        for node in &area.nodes {
            self.nodes[node.0].x += x;
            self.nodes[node.0].y += y;
            for nested in &graph.node(*node).areas {
                self.areas[nested.0].x += self.nodes[node.0].x;
                self.areas[nested.0].y += self.nodes[node.0].y;
            }
        }
        for edge in &area.edges {
            for point in &mut self.routes[edge.0] {
                *point = (point.0 + x, point.1 + y);
            }
            if let Some(label) = &mut self.labels[edge.0] {
                (label.x, label.y) = (label.x + x, label.y + y);
            }
        }
    }
}

fn lines(graph: &Graph, id: NodeId, path: Option<&Path>) -> Vec<Line> {
    let card = card::of_node(graph, id, path);
    let mut lines = Vec::new();
    let mut add = |text: &str, style: Style| {
        let texts = wrap(text, style.size(), TEXT_WIDTH_MAX, LINES_MAX);
        lines.extend(texts.into_iter().map(|text| Line { text, style }));
    };
    add(&card.name, Style::Name);
    add(&card.caption, Style::Caption);
    card.notes.iter().take(NOTES_MAX).for_each(|note| add(note, Style::Note));
    if card.notes.len() > NOTES_MAX {
        add("…", Style::Note);
    }
    card.status.iter().for_each(|status| add(status, Style::Status));
    lines
}

fn label(graph: &Graph, id: EdgeId, path: Option<&Path>) -> Vec<String> {
    let times = path.and_then(|path| path.edges.get(&id)).copied();
    let labels = card::of_edge(graph.edge(id), times);
    let wrapped = labels.iter().take(LABELS_MAX);
    let mut lines: Vec<String> =
        wrapped.flat_map(|label| wrap(label, LABEL_SIZE, LABEL_WIDTH_MAX, LINES_MAX)).collect();
    if labels.len() > LABELS_MAX {
        lines.push("…".to_owned());
    }
    lines
}
