//! Which layer a node stands in: the length of the longest path to it from the start, along edges that do
//! not lead back.

use super::Link;

#[derive(Clone, Copy, PartialEq)]
enum Seen {
    Not,
    /// The walk is below it.
    Open,
    Done,
}

/// The rank of each node. Node 0 has rank 0; the two ends of a link never have the same one.
pub(super) fn ranks(count: usize, links: &[Link]) -> Vec<usize> {
    let mut down: Vec<Vec<usize>> = vec![Vec::new(); count];
    for link in links {
        down[link.from].push(link.to);
    }
    let (down, order) = without_cycles(&down);
    let mut ranks = vec![0; count];
    for from in order {
        // What nothing leads to stands beside the first state.
        if from > 0 && ranks[from] == 0 {
            ranks[from] = 1;
        }
        for to in &down[from] {
            ranks[*to] = ranks[*to].max(ranks[from] + 1);
        }
    }
    ranks
}

/// The same links with those turned that lead back to where the walk came from, and the nodes in an order
/// that follows all links.
fn without_cycles(down: &[Vec<usize>]) -> (Vec<Vec<usize>>, Vec<usize>) {
    let mut turned = vec![Vec::new(); down.len()];
    let mut seen = vec![Seen::Not; down.len()];
    let mut done = Vec::with_capacity(down.len());
    // Nodes that nothing leads to first, so that what follows them does not lead back to them.
    let mut led_to = vec![false; down.len()];
    down.iter().flatten().for_each(|to| led_to[*to] = true);
    let roots = (0..down.len()).filter(|root| !led_to[*root]).chain(0..down.len());
    for root in roots {
        if seen[root] != Seen::Not {
            continue;
        }
        seen[root] = Seen::Open;
        let mut open = vec![(root, 0)];
        while let Some((node, next)) = open.last_mut() {
            let node = *node;
            let Some(to) = down[node].get(*next).copied() else {
                seen[node] = Seen::Done;
                done.push(node);
                open.pop();
                continue;
            };
            *next += 1;
            match seen[to] {
                Seen::Open => turned[to].push(node),
                Seen::Done => turned[node].push(to),
                Seen::Not => {
                    turned[node].push(to);
                    seen[to] = Seen::Open;
                    open.push((to, 0));
                }
            }
        }
    }
    done.reverse();
    (turned, done)
}
