//! The order of the elements in each layer, with few crossings.

use super::Layers;
use super::place::float;

/// How often all layers are gone through.
const SWEEPS_MAX: usize = 12;

/// Sorts the elements of each layer.
pub(super) fn order(layers: &mut Layers) {
    let (up, down) = neighbours(layers);
    first_order(layers, &down);
    let mut best = (crossings(layers, &down), layers.rows.clone());
    for sweep in 0..SWEEPS_MAX {
        if best.0 == 0 {
            break;
        }
        let count = layers.rows.len();
        if sweep % 2 == 0 {
            (1..count).for_each(|row| sort(layers, row, &up));
        } else {
            (0..count.saturating_sub(1)).rev().for_each(|row| sort(layers, row, &down));
        }
        let crossings = crossings(layers, &down);
        if crossings < best.0 {
            best = (crossings, layers.rows.clone());
        }
    }
    layers.rows = best.1;
}

type Neighbours = Vec<Vec<usize>>;

pub(super) fn neighbours(layers: &Layers) -> (Neighbours, Neighbours) {
    let count = layers.elements.len();
    let (mut up, mut down) = (vec![Vec::new(); count], vec![Vec::new(); count]);
    for piece in &layers.pieces {
        up[piece.lower].push(piece.upper);
        down[piece.upper].push(piece.lower);
    }
    (up, down)
}

/// In the order in which a walk from the start comes by: what a state leads to first stands left. Its
/// lists follow the numbers of elements, which follow the order of edges.
fn first_order(layers: &mut Layers, down: &Neighbours) {
    let mut seen = vec![false; layers.elements.len()];
    let mut roots: Vec<usize> = (0..layers.elements.len()).collect();
    roots.sort_by_key(|element| layers.elements[*element].layer);
    for root in roots {
        let mut open = vec![root];
        while let Some(element) = open.pop() {
            if !std::mem::replace(&mut seen[element], true) {
                layers.rows[layers.elements[element].layer].push(element);
                open.extend(down[element].iter().rev());
            }
        }
    }
}

fn positions(layers: &Layers) -> Vec<usize> {
    let mut positions = vec![0; layers.elements.len()];
    for row in &layers.rows {
        row.iter().enumerate().for_each(|(index, element)| positions[*element] = index);
    }
    positions
}

/// Sorts a layer by the middle of each element's neighbours; one without any stays where it is.
fn sort(layers: &mut Layers, row: usize, neighbours: &Neighbours) {
    let mut at = vec![0; layers.elements.len()];
    for near in [row.checked_sub(1), Some(row), Some(row + 1)].into_iter().flatten() {
        for (index, element) in layers.rows.get(near).into_iter().flatten().enumerate() {
            at[*element] = index;
        }
    }
    let middle = |element: &usize| {
        let near = &neighbours[*element];
        match near.len() {
            0 => float(at[*element]),
            count => near.iter().map(|other| float(at[*other])).sum::<f64>() / float(count),
        }
    };
    let mut keyed: Vec<(f64, usize)> =
        layers.rows[row].iter().map(|element| (middle(element), *element)).collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
    layers.rows[row] = keyed.into_iter().map(|(_, element)| element).collect();
}

fn crossings(layers: &Layers, down: &Neighbours) -> usize {
    let positions = positions(layers);
    let mut count = 0;
    for (index, row) in layers.rows.iter().enumerate() {
        let below = layers.rows.get(index + 1).map_or(0, Vec::len);
        // How many ends lie at each place so far, as a Fenwick tree.
        let mut tree = vec![0_usize; below + 1];
        let mut total = 0;
        for element in row {
            let mut ends: Vec<usize> = down[*element].iter().map(|end| positions[*end]).collect();
            ends.sort_unstable();
            for end in &ends {
                let (mut at, mut not_beyond) = (end + 1, 0);
                while at > 0 {
                    not_beyond += tree[at];
                    at &= at - 1;
                }
                count += total - not_beyond;
            }
            for end in ends {
                total += 1;
                let mut at = end + 1;
                while at <= below {
                    tree[at] += 1;
                    at += at & at.wrapping_neg();
                }
            }
        }
    }
    count
}
