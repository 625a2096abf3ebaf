//! The bytes of one file: its size, and which blocks of the storage it has. What has no block is a hole,
//! reads as zeros and costs nothing.
//!
//! Two rules keep old content from showing: a block is written whole, padded with zeros, before the file
//! has it; and bytes of a block beyond the file's size are zeros at all times.

use crate::error::{Error, Result};
use crate::quota::{BLOCK_BYTES, Count, Quota};
use crate::space::{Run, Runs};
use crate::storage::{Storage, position};

/// The largest size of a file, in bytes: ext4's with blocks of 4 KiB. Of a file of this size nearly all
/// is holes.
pub const FILE_BYTES_MAX: u64 = (1 << 44) - BLOCK_BYTES;

#[derive(Debug, Default)]
pub(crate) struct Content {
    size: u64,
    blocks: u32,
    runs: Runs,
}

/// What begins at a block of a file, and for how many blocks.
enum Segment {
    Data(Run),
    Hole(u32),
}

impl Content {
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    #[cfg(test)]
    pub(crate) fn blocks(&self) -> u32 {
        self.blocks
    }

    /// Reads from an offset on, and says how much there was: less than asked for only at the end.
    pub(crate) fn read(&self, storage: &Storage, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let there = self.size.saturating_sub(offset).min(buffer.len() as u64);
        let (mut at, end) = (offset, offset.saturating_add(there));
        let mut rest = &mut buffer[..index(there)];
        while at < end {
            let (block, within) = block_of(at);
            let segment = self.segment(block);
            let len = match segment {
                Segment::Data(run) => run.len,
                Segment::Hole(len) => len,
            };
            let bytes = (u64::from(len) * BLOCK_BYTES - within).min(end - at);
            let (piece, after) = rest.split_at_mut(index(bytes));
            match segment {
                Segment::Data(run) => storage.read(position(run.start) + within, piece)?,
                Segment::Hole(_) => piece.fill(0),
            }
            rest = after;
            at += bytes;
        }
        Ok(index(there))
    }

    /// Writes at an offset, and says how much was written: less than asked for when the space ends in
    /// the middle. Fails when not a byte could be written.
    pub(crate) fn write(
        &mut self,
        storage: &mut Storage,
        quota: &mut Quota,
        offset: u64,
        data: &[u8],
    ) -> Result<usize> {
        let room = FILE_BYTES_MAX.saturating_sub(offset);
        if room == 0 && !data.is_empty() {
            return Err(Error::FileTooLarge);
        }
        let data = &data[..index(room.min(data.len() as u64))];
        let mut written = 0;
        while written < data.len() {
            let at = offset + written as u64;
            match self.write_piece(storage, quota, at, &data[written..]) {
                Ok(bytes) => written += bytes,
                Err(error) if written == 0 => return Err(error),
                Err(_) => break,
            }
            self.size = self.size.max(offset + written as u64);
        }
        Ok(written)
    }

    fn write_piece(
        &mut self,
        storage: &mut Storage,
        quota: &mut Quota,
        at: u64,
        data: &[u8],
    ) -> Result<usize> {
        let (block, within) = block_of(at);
        match self.segment(block) {
            Segment::Data(run) => {
                let bytes = (u64::from(run.len) * BLOCK_BYTES - within).min(data.len() as u64);
                let bytes = index(bytes);
                storage.write(position(run.start) + within, &data[..bytes])?;
                Ok(bytes)
            }
            Segment::Hole(len) => {
                let wanted = (within + data.len() as u64).div_ceil(BLOCK_BYTES);
                let most = u64::from(len.min(quota.blocks_left())).min(wanted);
                if most == 0 {
                    return Err(Error::NoSpace);
                }
                let run = storage.space.take(u32::try_from(most).unwrap_or(u32::MAX));
                let bytes = (u64::from(run.len) * BLOCK_BYTES - within).min(data.len() as u64);
                let bytes = index(bytes);
                if let Err(error) = storage.fill(run, index(within), &data[..bytes]) {
                    storage.space.give(run);
                    return Err(error);
                }
                quota.take(Count::blocks(run.len)).expect("no more was taken than was left");
                self.insert(block, run);
                Ok(bytes)
            }
        }
    }

    /// Makes the file so long: cut, or with a hole at its end.
    pub(crate) fn set_size(
        &mut self,
        storage: &mut Storage,
        quota: &mut Quota,
        size: u64,
    ) -> Result<()> {
        if size > FILE_BYTES_MAX {
            return Err(Error::FileTooLarge);
        }
        if size < self.size {
            let (last, within) = block_of(size);
            if within > 0
                && let Segment::Data(run) = self.segment(last)
            {
                let zeros = vec![0; index(BLOCK_BYTES - within)];
                storage.write(position(run.start) + within, &zeros)?;
            }
            let kept = if within > 0 { last + 1 } else { last };
            self.cut(storage, quota, kept);
        }
        self.size = size;
        Ok(())
    }

    /// Gives back everything.
    pub(crate) fn clear(&mut self, storage: &mut Storage, quota: &mut Quota) {
        self.cut(storage, quota, 0);
        self.size = 0;
    }

    /// Gives back all blocks from this one on.
    fn cut(&mut self, storage: &mut Storage, quota: &mut Quota, kept: u32) {
        let mut removed = self.runs.split_off(&kept);
        if let Some((&first, run)) = self.runs.range_mut(..kept).next_back()
            && first + run.len > kept
        {
            let len = kept - first;
            removed.insert(kept, Run { start: run.start + len, len: run.len - len });
            run.len = len;
        }
        let blocks = match kept {
            0 => self.blocks,
            _ => removed.values().map(|run| run.len).sum(),
        };
        self.blocks -= blocks;
        quota.give(Count::blocks(blocks));
        storage.remove(removed, blocks);
    }

    /// What begins at a block. A hole at the end is as long as a file can be.
    fn segment(&self, block: u32) -> Segment {
        if let Some((&first, run)) = self.runs.range(..=block).next_back()
            && block < first + run.len
        {
            let skipped = block - first;
            return Segment::Data(Run { start: run.start + skipped, len: run.len - skipped });
        }
        let next = self.runs.range(block..).next().map_or(u32::MAX, |(&first, _)| first);
        Segment::Hole(next - block)
    }

    /// Puts a run into a hole, joined with its neighbours where they are neighbours in the storage too.
    fn insert(&mut self, block: u32, run: Run) {
        self.blocks += run.len;
        let (mut first, mut run) = (block, run);
        if let Some((&before, joined)) = self.runs.range(..block).next_back()
            && before + joined.len == first
            && joined.start + joined.len == run.start
        {
            run = Run { start: joined.start, len: joined.len + run.len };
            first = before;
        }
        let after = first + run.len;
        if let Some(next) = self.runs.get(&after)
            && next.start == run.start + run.len
        {
            run.len += next.len;
            self.runs.remove(&after);
        }
        self.runs.insert(first, run);
    }

    #[cfg(test)]
    pub(crate) fn runs(&self) -> impl Iterator<Item = Run> {
        self.runs.values().copied()
    }
}

/// The block that a byte is in, and where in it.
fn block_of(at: u64) -> (u32, u64) {
    let block = u32::try_from(at / BLOCK_BYTES).expect("no file is larger than its largest size");
    (block, at % BLOCK_BYTES)
}

fn index(bytes: u64) -> usize {
    usize::try_from(bytes).expect("no more than a buffer has")
}
