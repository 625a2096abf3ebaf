//! Which blocks of the storage are free.
//!
//! Work is bounded by what is asked for, not by what was removed: the runs of a removed file are taken
//! apart a few at a time, while new blocks are asked for.

use std::collections::BTreeMap;

/// Neighbouring blocks of the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

/// Blocks of a file, by the number of the first one within the file.
pub(crate) type Runs = BTreeMap<u32, Run>;

/// How many runs of removed files are made free in one call.
const RECLAIMED_RUNS: usize = 256;

#[derive(Debug, Default)]
pub(crate) struct Space {
    /// Free runs by their start; neighbours are joined.
    free: BTreeMap<u32, u32>,
    /// What removed files had and is not among the free runs yet.
    removed: Vec<Runs>,
    /// No block from here on was ever used.
    end: u32,
    /// Blocks that files have.
    used: u32,
}

impl Space {
    /// Takes 1 to `most` neighbouring blocks: the lowest that are free.
    pub(crate) fn take(&mut self, most: u32) -> Run {
        self.reclaim();
        let run = if let Some((start, len)) = self.free.pop_first() {
            let taken = len.min(most);
            if taken < len {
                self.free.insert(start + taken, len - taken);
            }
            Run { start, len: taken }
        } else {
            let start = self.end;
            self.end += most;
            Run { start, len: most }
        };
        self.used += run.len;
        run
    }

    /// Gives back a run that nothing was written to.
    pub(crate) fn give(&mut self, run: Run) {
        self.used -= run.len;
        self.free(run);
    }

    /// Gives back runs of so many blocks in all.
    pub(crate) fn remove(&mut self, runs: Runs, blocks: u32) {
        self.used -= blocks;
        if !runs.is_empty() {
            self.removed.push(runs);
        }
        self.reclaim();
    }

    /// Whether no file has a block.
    pub(crate) fn is_unused(&self) -> bool {
        self.used == 0
    }

    fn reclaim(&mut self) {
        for _ in 0..RECLAIMED_RUNS {
            let Some(runs) = self.removed.last_mut() else { return };
            match runs.pop_first() {
                Some((_, run)) => self.free(run),
                None => drop(self.removed.pop()),
            }
        }
    }

    fn free(&mut self, run: Run) {
        let Run { mut start, mut len } = run;
        if let Some((&before, &before_len)) = self.free.range(..start).next_back()
            && before + before_len == start
        {
            self.free.remove(&before);
            (start, len) = (before, before_len + len);
        }
        if let Some(after_len) = self.free.remove(&(start + len)) {
            len += after_len;
        }
        self.free.insert(start, len);
    }

    /// Every block that is not used: free, or of a removed file.
    #[cfg(test)]
    pub(crate) fn unused(&self) -> (Vec<Run>, u32) {
        let free = self.free.iter().map(|(&start, &len)| Run { start, len });
        let removed = self.removed.iter().flat_map(|runs| runs.values().copied());
        (free.chain(removed).collect(), self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_joined_and_the_lowest_is_taken_first() {
        let mut space = Space::default();
        let runs: Vec<Run> = (0..4).map(|_| space.take(2)).collect();
        assert_eq!(runs[3], Run { start: 6, len: 2 });
        for index in [0, 2, 1] {
            space.give(runs[index]);
        }
        assert_eq!(space.take(5), Run { start: 0, len: 5 });
        assert_eq!(space.take(5), Run { start: 5, len: 1 }, "a run may be shorter than asked for");
        assert_eq!(space.take(5), Run { start: 8, len: 5 });
    }

    #[test]
    fn a_removed_file_in_many_pieces_is_taken_apart_piece_by_piece() {
        let mut space = Space::default();
        let pieces = u32::try_from(4 * RECLAIMED_RUNS).unwrap();
        let runs: Runs = (0..pieces).map(|piece| (piece, space.take(1))).collect();
        space.remove(runs, pieces);
        assert!(space.is_unused());
        assert_eq!(space.removed[0].len(), 3 * RECLAIMED_RUNS);
        for _ in 0..pieces {
            space.take(1);
        }
        assert_eq!(space.end, pieces, "no block was added while others were free");
    }
}
