//! Where the elements of each layer stand from left to right.

use std::collections::BTreeMap;

use super::order::neighbours;
use super::{BEND_GAP, Element, GAP, Layers, Piece};

/// How much work placing may be, in elements moved.
const MOVES_MAX: usize = 1_500_000;

/// How often all layers are gone through, in a machine that is not large.
const SWEEPS_MAX: usize = 200;

/// The distance of two edges that meet a node.
const PORT_GAP: f64 = 18.0;

/// Where each piece meets its elements, beside their middles.
pub(super) struct Ports {
    /// At its upper and its lower element.
    offsets: BTreeMap<Piece, (f64, f64)>,
}

impl Ports {
    pub(super) fn below(&self, piece: Piece) -> f64 {
        self.offsets.get(&piece).map_or(0.0, |offsets| offsets.0)
    }

    pub(super) fn above(&self, piece: Piece) -> f64 {
        self.offsets.get(&piece).map_or(0.0, |offsets| offsets.1)
    }
}

/// Spreads the edges of each node, in the order of where they come from or go to.
pub(super) fn ports(layers: &Layers) -> Ports {
    let (mut up, mut down) = neighbours(layers);
    let mut positions = vec![0; layers.elements.len()];
    for row in &layers.rows {
        row.iter().enumerate().for_each(|(index, element)| positions[*element] = index);
    }
    let mut offsets: BTreeMap<Piece, (f64, f64)> = BTreeMap::new();
    for (id, element) in layers.elements.iter().enumerate() {
        for (near, above) in [(&mut up[id], true), (&mut down[id], false)] {
            near.sort_by_key(|other| positions[*other]);
            let (count, last) = (near.len(), float(near.len().saturating_sub(1)));
            let gap = if count > 1 { PORT_GAP.min(element.ports / last) } else { 0.0 };
            for (index, other) in near.iter().enumerate() {
                let offset = (float(index) - last / 2.0) * gap;
                if above {
                    offsets.entry(Piece { upper: *other, lower: id }).or_default().1 = offset;
                } else {
                    offsets.entry(Piece { upper: id, lower: *other }).or_default().0 = offset;
                }
            }
        }
    }
    Ports { offsets }
}

/// Another element that pulls one towards itself, and where it wants it.
struct Pull {
    other: usize,
    offset: f64,
    weight: f64,
}

/// The x of every element, the leftmost reaching to zero.
pub(super) fn place(layers: &Layers, ports: &Ports) -> Vec<f64> {
    let mut xs = vec![0.0; layers.elements.len()];
    for row in &layers.rows {
        let mut x = 0.0;
        for (index, id) in row.iter().enumerate() {
            if index > 0 {
                x += distance(&layers.elements[row[index - 1]], &layers.elements[*id]);
            }
            xs[*id] = x;
        }
    }
    let (up, down) = pulls(layers, ports);
    let sweeps = (MOVES_MAX / layers.elements.len().max(1)).clamp(4, SWEEPS_MAX);
    let count = layers.rows.len();
    for sweep in 0..sweeps {
        // The first times, what is above and what is below pull in turn; then both.
        let alone = sweep < 4;
        let rows: Vec<usize> =
            if sweep % 2 == 0 { (0..count).collect() } else { (0..count).rev().collect() };
        for row in rows {
            let (above, below) = match (alone, sweep % 2) {
                (true, 0) => (Some(&up), None),
                (true, _) => (None, Some(&down)),
                (false, _) => (Some(&up), Some(&down)),
            };
            move_row(layers, row, &mut xs, above, below);
        }
    }
    straighten(layers, ports, &mut xs);
    let left = layers.elements.iter().zip(&xs).map(|(element, x)| x - element.left);
    let left = left.fold(f64::INFINITY, f64::min);
    for x in &mut xs {
        *x -= left;
    }
    xs
}

type Pulls = Vec<Vec<Pull>>;

fn pulls(layers: &Layers, ports: &Ports) -> (Pulls, Pulls) {
    let count = layers.elements.len();
    let (above, below) = neighbours(layers);
    let nothing = || std::iter::repeat_with(Vec::new).take(count).collect::<Pulls>();
    let (mut up, mut down) = (nothing(), nothing());
    for piece in &layers.pieces {
        let Piece { upper, lower } = *piece;
        let bends = [upper, lower].iter().filter(|id| layers.elements[**id].bend).count();
        let only = below[upper].len() == 1 && above[lower].len() == 1;
        // Long edges are straight before plain sequences are, and those before anything else.
        let weight = match (bends, only) {
            (2, _) => 8.0,
            (_, true) => 4.0,
            _ => 1.0,
        };
        let offset = ports.below(*piece) - ports.above(*piece);
        up[lower].push(Pull { other: upper, offset, weight });
        down[upper].push(Pull { other: lower, offset: -offset, weight });
    }
    (up, down)
}

fn move_row(
    layers: &Layers,
    row: usize,
    xs: &mut [f64],
    above: Option<&Pulls>,
    below: Option<&Pulls>,
) {
    let row = &layers.rows[row];
    let mut wanted = Vec::with_capacity(row.len());
    let mut before = 0.0;
    for (index, id) in row.iter().enumerate() {
        if index > 0 {
            before += distance(&layers.elements[row[index - 1]], &layers.elements[*id]);
        }
        let (mut sum, mut weights) = (0.0, 0.0);
        for pull in [above, below].into_iter().flatten().flat_map(|pulls| &pulls[*id]) {
            sum += (xs[pull.other] + pull.offset) * pull.weight;
            weights += pull.weight;
        }
        let (x, weight) = if weights > 0.0 { (sum / weights, weights) } else { (xs[*id], 0.01) };
        // Relative to where it would stand if all stood side by side.
        wanted.push(Block { sum: (x - before) * weight, weight, count: 1, before });
    }
    let befores: Vec<f64> = wanted.iter().map(|block| block.before).collect();
    let mut index = 0;
    for block in pooled(wanted) {
        for (id, before) in row.iter().zip(&befores).skip(index).take(block.count) {
            xs[*id] = block.place() + before;
        }
        index += block.count;
    }
}

/// Puts the bends of an edge above each other, as many as the room between their neighbours allows.
fn straighten(layers: &Layers, ports: &Ports, xs: &mut [f64]) {
    let mut beside = vec![(None, None); layers.elements.len()];
    for row in &layers.rows {
        for pair in row.windows(2) {
            beside[pair[0]].1 = Some(pair[1]);
            beside[pair[1]].0 = Some(pair[0]);
        }
    }
    let room = |id: usize, xs: &[f64]| {
        let element = &layers.elements[id];
        let (left, right): (Option<usize>, Option<usize>) = beside[id];
        let least = left
            .map_or(f64::NEG_INFINITY, |left| xs[left] + distance(&layers.elements[left], element));
        let most = right
            .map_or(f64::INFINITY, |right| xs[right] - distance(element, &layers.elements[right]));
        (least, most)
    };
    // Long ones first: short ones find their way round them. Bends that are shared come by more than
    // once, which does no harm.
    let mut ways: Vec<&[usize]> = layers.ways.iter().map(|way| way.elements.as_slice()).collect();
    ways.sort_by_key(|way| std::cmp::Reverse(way.len()));
    for way in ways {
        let (&[first, ref bends @ .., end], Some(_)) = (way, way.get(2)) else { continue };
        let port = |upper: usize, lower: usize| {
            let piece = Piece { upper, lower };
            (xs[upper] + ports.below(piece), xs[lower] + ports.above(piece))
        };
        let ends = (port(first, bends[0]).0, port(bends[bends.len() - 1], end).1);
        let mut rest = bends;
        while !rest.is_empty() {
            let (mut least, mut most, mut count) = (f64::NEG_INFINITY, f64::INFINITY, 0);
            for id in rest {
                let (from, to) = room(*id, xs);
                let (from, to) = (least.max(from), most.min(to));
                if from > to && count > 0 {
                    break;
                }
                (least, most, count) = (from, to, count + 1);
            }
            let (run, after) = rest.split_at(count);
            let wanted = match (run.len() == bends.len(), after.is_empty()) {
                // Straight down to the node it comes from or leads to, where it need not be elsewhere.
                (true, _) if ends.1 >= least && ends.1 <= most => ends.1,
                (true, _) => ends.0,
                (false, true) => ends.1,
                (false, false) => run.iter().map(|id| xs[*id]).sum::<f64>() / float(count),
            };
            // Rounding may have left less than no room.
            if least <= most {
                for bend in run {
                    xs[*bend] = wanted.clamp(least, most);
                }
            }
            rest = after;
        }
    }
}

/// Neighbours that want to stand further left than those before them, and so stand side by side.
struct Block {
    sum: f64,
    weight: f64,
    count: usize,
    before: f64,
}

impl Block {
    fn place(&self) -> f64 {
        self.sum / self.weight
    }
}

/// The places nearest to the wanted ones that keep the order: pools what violates it.
fn pooled(wanted: Vec<Block>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::with_capacity(wanted.len());
    for mut block in wanted {
        while let Some(last) = blocks.pop_if(|last| last.place() > block.place()) {
            block = Block {
                sum: last.sum + block.sum,
                weight: last.weight + block.weight,
                count: last.count + block.count,
                before: last.before,
            };
        }
        blocks.push(block);
    }
    blocks
}

/// How far apart two neighbours must stand.
fn distance(left: &Element, right: &Element) -> f64 {
    let gap = if left.bend && right.bend { BEND_GAP } else { GAP };
    left.right + gap + right.left
}

/// A number of things as a length.
pub(crate) fn float(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}
