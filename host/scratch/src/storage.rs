//! Where the bytes of blocks are: the first ones in memory, all others in one temporary file that has no
//! name. The file is made when the first block needs it and ends with the process, however that ends.
//!
//! A block that was handed out holds whatever it held before. Who takes one writes all of it.

use std::fs::File;

use crate::error::Result;
use crate::quota::BLOCK_BYTES;
use crate::space::{Run, Runs, Space};

/// Bytes that are kept in memory. Where a file cannot be read at a position, all are.
const MEMORY_BYTES: u64 = if cfg!(unix) { 1 << 20 } else { u64::MAX };

#[derive(Debug, Default)]
pub(crate) struct Storage {
    pub(crate) space: Space,
    memory: Vec<u8>,
    file: Option<File>,
}

impl Storage {
    /// Gives back runs of so many blocks in all; with the last one, memory and file go as well.
    pub(crate) fn remove(&mut self, runs: Runs, blocks: u32) {
        self.space.remove(runs, blocks);
        if self.space.is_unused() {
            *self = Self::default();
        }
    }

    /// Writes the whole of a run that was just taken: data from an offset on, and zeros around it.
    pub(crate) fn fill(&mut self, run: Run, offset: usize, data: &[u8]) -> Result<()> {
        let position = position(run.start);
        let bytes = usize::try_from(u64::from(run.len) * BLOCK_BYTES).unwrap_or(usize::MAX);
        if data.len() == bytes {
            return self.write(position, data);
        }
        let mut padded = vec![0; bytes];
        padded[offset..offset + data.len()].copy_from_slice(data);
        self.write(position, &padded)
    }

    pub(crate) fn write(&mut self, position: u64, data: &[u8]) -> Result<()> {
        let (here, there) = data.split_at(in_memory(position, data.len()));
        if !here.is_empty() {
            let start = index(position);
            let end = start + here.len();
            if self.memory.len() < end {
                self.memory.resize(end, 0);
            }
            self.memory[start..end].copy_from_slice(here);
        }
        if !there.is_empty() {
            let file = match &mut self.file {
                Some(file) => file,
                none => none.insert(tempfile::tempfile()?),
            };
            write_at(file, there, (position + here.len() as u64) - MEMORY_BYTES)?;
        }
        Ok(())
    }

    pub(crate) fn read(&self, position: u64, buffer: &mut [u8]) -> Result<()> {
        let (here, there) = buffer.split_at_mut(in_memory(position, buffer.len()));
        let here_bytes = here.len() as u64;
        if !here.is_empty() {
            let start = index(position);
            here.copy_from_slice(&self.memory[start..start + here.len()]);
        }
        if !there.is_empty() {
            let file =
                self.file.as_ref().expect("a block of the file was written when it was taken");
            read_at(file, there, (position + here_bytes) - MEMORY_BYTES)?;
        }
        Ok(())
    }

    /// A storage whose file is this one.
    #[cfg(test)]
    pub(crate) fn with_file(file: File) -> Self {
        Self { file: Some(file), ..Self::default() }
    }

    #[cfg(test)]
    pub(crate) fn replace_file(&mut self, file: File) {
        self.file = Some(file);
    }

    #[cfg(test)]
    pub(crate) fn has_file(&self) -> bool {
        self.file.is_some()
    }
}

/// The position of a block's first byte.
pub(crate) fn position(block: u32) -> u64 {
    u64::from(block) * BLOCK_BYTES
}

/// How many of the bytes at a position are in memory.
fn in_memory(position: u64, bytes: usize) -> usize {
    let left = usize::try_from(MEMORY_BYTES.saturating_sub(position)).unwrap_or(usize::MAX);
    left.min(bytes)
}

fn index(position: u64) -> usize {
    usize::try_from(position).expect("a position in memory is an address")
}

#[cfg(unix)]
fn write_at(file: &File, data: &[u8], position: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, data, position)
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, position)
}

#[cfg(not(unix))]
fn write_at(_: &File, _: &[u8], _: u64) -> std::io::Result<()> {
    unreachable!("all blocks are in memory")
}

#[cfg(not(unix))]
fn read_at(_: &File, _: &mut [u8], _: u64) -> std::io::Result<()> {
    unreachable!("all blocks are in memory")
}
