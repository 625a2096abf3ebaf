//! A layered drawing of one machine: nodes in layers from the start down, edges between them.
//!
//! Between any two layers of nodes there is a layer of bends; labels stand there. An edge over several
//! layers runs through a bend in each, and edges of one kind that lead to one node share their bends, so
//! that twenty catchers are one line. Steps: turn edges that lead back, rank by the longest path, order
//! each layer by the barycentre of its neighbours, place by pulling every element towards its neighbours
//! while those of a layer keep their distance.
//!
//! Knows boxes and lines, nothing of states.

mod order;
mod place;
mod rank;

use std::collections::BTreeMap;

pub(crate) use place::float;

/// Between two elements of a layer.
const GAP: f64 = 26.0;

/// Between two bends of a layer.
const BEND_GAP: f64 = 12.0;

/// Between two layers, and how much is added for each pixel that an edge between them goes sideways.
const LAYER_GAP: f64 = 14.0;
const LAYER_GAP_MAX: f64 = 44.0;
const SLANT: f64 = 0.09;

/// The most bends that edges may have together. The longest edges of a machine that needs more run beside
/// it instead, so that no machine takes long to draw.
const BENDS_MAX: usize = 12_000;

/// Between two edges that run beside the machine.
const LANE_GAP: f64 = 8.0;

/// A node to be placed. Edges meet it in the middle of its width.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Item {
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// What must stay free on its right, for an edge that leads to itself.
    pub(crate) beside: f64,
    /// How far apart edges may meet it.
    pub(crate) ports: f64,
}

/// An edge to be drawn. Those that lead to the node itself are not for here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Link {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// The size of its label; zero for none.
    pub(crate) label: (f64, f64),
    /// Links of one kind to one node share their bends.
    pub(crate) kind: u8,
}

/// A drawing, with its left upper corner at zero.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Drawing {
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// The left upper corner of each item.
    pub(crate) items: Vec<(f64, f64)>,
    pub(crate) routes: Vec<Route>,
}

/// How an edge runs, from its first node to its second.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Route {
    /// From the first to the second point straight, from there to the third curved, and so on.
    pub(crate) points: Vec<(f64, f64)>,
    /// The middle of its label.
    pub(crate) label: Option<(f64, f64)>,
}

/// Something in a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Element {
    layer: usize,
    /// How far it reaches from where edges meet it.
    left: f64,
    right: f64,
    height: f64,
    ports: f64,
    bend: bool,
}

/// A piece of an edge, from an element to one in the next layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    upper: usize,
    lower: usize,
}

/// Where an edge runs.
#[derive(Debug, Clone, Default)]
struct Way {
    /// Elements from the upper node to the lower one.
    elements: Vec<usize>,
    /// Which of them bears the label.
    label: Option<usize>,
    /// Whether the edge leads up.
    back: bool,
    /// The number of the lane that it takes beside the machine after the last but one element or, leading
    /// up, before the second.
    lane: Option<usize>,
}

#[derive(Default)]
struct Layers {
    elements: Vec<Element>,
    pieces: Vec<Piece>,
    ways: Vec<Way>,
    /// The elements of each layer from left to right.
    rows: Vec<Vec<usize>>,
    lanes: usize,
}

/// Draws items and the links between them. The first item is where the machine starts.
pub(crate) fn draw(items: &[Item], links: &[Link]) -> Drawing {
    if items.is_empty() {
        return Drawing::default();
    }
    let ranks = rank::ranks(items.len(), links);
    let mut layers = layers(items, links, &ranks);
    order::order(&mut layers);
    let ports = place::ports(&layers);
    let xs = place::place(&layers, &ports);
    routes(items, &layers, &ports, &xs)
}

fn layers(items: &[Item], links: &[Link], ranks: &[usize]) -> Layers {
    let mut layers = Layers::default();
    for (item, rank) in items.iter().zip(ranks) {
        let half = item.width / 2.0;
        layers.elements.push(Element {
            layer: rank * 2,
            left: half,
            right: half + item.beside,
            height: item.height,
            ports: item.ports,
            bend: false,
        });
    }
    let lanes = lanes(links, ranks);
    layers.lanes = lanes.len();
    let mut shared = BTreeMap::new();
    for link in links {
        let back = ranks[link.from] > ranks[link.to];
        let lane = lanes.get(&(link.to, link.kind, back)).copied();
        let way = way(&mut layers, link, ranks, lane, &mut shared);
        let pieces = way.elements.windows(2);
        let joined =
            |pair: &&[usize]| layers.elements[pair[0]].layer + 1 == layers.elements[pair[1]].layer;
        let pieces = pieces.filter(joined).map(|pair| Piece { upper: pair[0], lower: pair[1] });
        layers.pieces.extend(pieces);
        layers.ways.push(way);
    }
    layers.pieces.sort_unstable();
    layers.pieces.dedup();
    let count = layers.elements.iter().map(|element| element.layer).max().unwrap_or_default() + 1;
    layers.rows = vec![Vec::new(); count];
    layers
}

/// Bends by the node they lead to, the kind of edge, whether it leads up, and the layer.
type Shared = BTreeMap<(usize, u8, bool, usize), usize>;

fn way(
    layers: &mut Layers,
    link: &Link,
    ranks: &[usize],
    lane: Option<usize>,
    shared: &mut Shared,
) -> Way {
    let back = ranks[link.from] > ranks[link.to];
    let (upper, lower) = if back { (link.to, link.from) } else { (link.from, link.to) };
    let (first, last) = (ranks[upper] * 2 + 1, ranks[lower] * 2 - 1);
    let labelled = if back { last } else { first };
    let mut way = Way { back, lane, ..Way::default() };
    way.elements.push(upper);
    for layer in first..=last {
        if lane.is_some() && layer != labelled {
            continue;
        }
        let bend = Element { layer, left: 0.0, right: 0.0, height: 0.0, ports: 0.0, bend: true };
        let next = layers.elements.len();
        let bend = if layer == labelled && link.label.0 > 0.0 {
            let (half, height) = (link.label.0 / 2.0, link.label.1);
            way.label = Some(next);
            layers.elements.push(Element { left: half, right: half, height, ..bend });
            next
        } else {
            let id = *shared.entry((link.to, link.kind, back, layer)).or_insert(next);
            if id == next {
                layers.elements.push(bend);
            }
            id
        };
        way.elements.push(bend);
    }
    way.elements.push(lower);
    way
}

/// The longest groups of edges, which are too many bends together, with the number of each one's lane.
fn lanes(links: &[Link], ranks: &[usize]) -> BTreeMap<(usize, u8, bool), usize> {
    let mut lengths: BTreeMap<(usize, u8, bool), usize> = BTreeMap::new();
    for link in links {
        let back = ranks[link.from] > ranks[link.to];
        let length = ranks[link.from].abs_diff(ranks[link.to]) * 2;
        let longest = lengths.entry((link.to, link.kind, back)).or_default();
        *longest = length.max(*longest);
    }
    let mut lengths: Vec<_> = lengths.into_iter().collect();
    lengths.sort_by_key(|(group, length)| (*length, *group));
    let mut bends = 0;
    let beyond = lengths.into_iter().filter(|(_, length)| {
        bends += length;
        bends > BENDS_MAX && *length > 2
    });
    beyond.enumerate().map(|(lane, (group, _))| (group, lane)).collect()
}

fn routes(items: &[Item], layers: &Layers, ports: &place::Ports, xs: &[f64]) -> Drawing {
    let bands = bands(layers, ports, xs);
    let right = layers.elements.iter().zip(xs).map(|(element, x)| x + element.right);
    let right = right.fold(0.0, f64::max);
    let lane_x = |lane: usize| right + LANE_GAP * (float(lane) + 2.0);
    let middle = |id: usize| {
        let (top, bottom) = bands[layers.elements[id].layer];
        f64::midpoint(top, bottom)
    };
    let corner = |id: usize| {
        let (element, item) = (&layers.elements[id], &items[id]);
        (xs[id] - element.left, middle(id) - item.height / 2.0)
    };
    let route = |way: &Way| {
        let mut points = Vec::new();
        let count = way.elements.len();
        for (index, id) in way.elements.iter().enumerate() {
            let element = &layers.elements[*id];
            let (top, bottom) = bands[element.layer];
            if index > 0 {
                // Where a piece ends: it comes from above.
                let piece = Piece { upper: way.elements[index - 1], lower: *id };
                let x = xs[*id] + ports.above(piece);
                let node_top = middle(*id) - element.height / 2.0;
                let is_node = index + 1 == count;
                if let (Some(lane), true) =
                    (way.lane, index == if way.back { 1 } else { count - 1 })
                {
                    let (from_x, from_y) = points.last().copied().unwrap_or((x, top));
                    let (x0, y0, y1) =
                        (lane_x(lane), from_y + LAYER_GAP / 2.0, top - LAYER_GAP / 2.0);
                    let corners = [
                        (from_x, y0),
                        (from_x, y0),
                        (x0, y0),
                        (x0, y0),
                        (x0, y1),
                        (x0, y1),
                        (x, y1),
                        (x, y1),
                    ];
                    points.extend(corners);
                }
                points.push((x, top));
                points.push((x, if is_node { node_top } else { bottom }));
            } else {
                let piece = Piece { upper: *id, lower: way.elements[1] };
                let x = xs[*id] + ports.below(piece);
                points.push((x, middle(*id) + element.height / 2.0));
                points.push((x, bottom));
            }
        }
        if way.back {
            points.reverse();
        }
        Route { points, label: way.label.map(|id| (xs[id], middle(id))) }
    };
    let height = bands.last().map_or(0.0, |(_, bottom)| *bottom);
    let beside = if layers.lanes == 0 { 0.0 } else { LANE_GAP * (float(layers.lanes) + 2.0) };
    Drawing {
        width: right + beside,
        height,
        items: (0..items.len()).map(corner).collect(),
        routes: layers.ways.iter().map(route).collect(),
    }
}

/// From where to where each layer reaches.
fn bands(layers: &Layers, ports: &place::Ports, xs: &[f64]) -> Vec<(f64, f64)> {
    let mut heights = vec![0.0_f64; layers.rows.len()];
    for element in &layers.elements {
        heights[element.layer] = heights[element.layer].max(element.height);
    }
    let mut gaps = vec![LAYER_GAP; layers.rows.len()];
    for piece in &layers.pieces {
        let (from, to) =
            (xs[piece.upper] + ports.below(*piece), xs[piece.lower] + ports.above(*piece));
        let gap = &mut gaps[layers.elements[piece.upper].layer];
        *gap = gap.max(LAYER_GAP + (to - from).abs() * SLANT).min(LAYER_GAP_MAX);
    }
    let mut y = 0.0;
    let mut bands = Vec::with_capacity(heights.len());
    for (height, gap) in heights.into_iter().zip(gaps) {
        bands.push((y, y + height));
        y += height + gap;
    }
    bands
}
