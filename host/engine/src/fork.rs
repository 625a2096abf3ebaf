//! What a Parallel or Map state keeps while branches run below it.

use serde::{Deserialize, Serialize};
use stepwell_query::Document;

/// Branches side by side, and what came of those that have ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fork {
    /// The outputs so far, in the order of the definition or the items.
    pub(crate) outputs: Vec<Option<Document>>,
    /// How many branches have not ended yet, begun or not.
    pub(crate) left: u32,
    /// The next branch to begin.
    pub(crate) next: u32,
    /// The state's effective input.
    pub(crate) input: Document,
    /// A Map's items.
    pub(crate) items: Option<Document>,
    /// The map run of a distributed Map.
    pub(crate) run: Option<MapRun>,
}

/// Executions that a distributed Map runs for its items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MapRun {
    pub(crate) arn: String,
    /// How often the run was redriven.
    pub(crate) redrives: u64,
    /// What the executions' ARNs have in common with the run's.
    pub(crate) label: String,
    /// How many may fail, and how many in a hundred.
    pub(crate) tolerated_count: Option<u64>,
    pub(crate) tolerated_percentage: Option<f64>,
    /// How many have failed.
    pub(crate) failed: u64,
}

impl Fork {
    pub(crate) fn new(branches: usize, input: Document) -> Self {
        Self {
            outputs: vec![None; branches],
            left: u32::try_from(branches).expect("a document is too small to hold so many items"),
            next: 0,
            input,
            items: None,
            run: None,
        }
    }

    /// Whether every branch has begun.
    pub(crate) fn all_begun(&self) -> bool {
        self.next as usize == self.outputs.len()
    }

    /// Keeps what a branch came to.
    pub(crate) fn end(&mut self, index: u32, output: Document) {
        self.outputs[index as usize] = Some(output);
        self.left -= 1;
    }
}

impl MapRun {
    /// Whether more would have failed than may, were it one more.
    pub(crate) fn exceeds_with_one_more(&self, items: usize) -> bool {
        Self { failed: self.failed + 1, ..self.clone() }.exceeds(items)
    }

    /// Whether more have failed than may. Without a limit, none may.
    #[expect(clippy::cast_precision_loss, reason = "items are far fewer than 2^53")]
    pub(crate) fn exceeds(&self, items: usize) -> bool {
        let by_count = self.tolerated_count.map(|most| self.failed > most);
        let by_percentage =
            self.tolerated_percentage.map(|most| self.failed as f64 * 100.0 > most * items as f64);
        match (by_count, by_percentage) {
            (None, None) => self.failed > 0,
            (by_count, by_percentage) => {
                by_count.unwrap_or(false) || by_percentage.unwrap_or(false)
            }
        }
    }
}
