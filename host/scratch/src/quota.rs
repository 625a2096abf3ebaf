//! What may be used, what is used, and the most that ever was.

use crate::error::{Error, Result};

/// Contents are counted, and kept, in blocks of so many bytes.
pub const BLOCK_BYTES: u64 = 4_096;

/// There is one file for so many bytes of the size, as `mkfs.ext4` makes it by default.
pub const BYTES_PER_FILE: u64 = 16_384;

/// An amount of storage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes, in whole blocks: of contents, of long symbolic links, and of what folders need for their
    /// names.
    pub bytes: u64,
    /// Files, folders and symbolic links, those included that have no name any more and are open. The
    /// root does not count.
    pub files: u64,
}

/// The counters. Names are counted beside files: a hard link takes no file, and must not be free.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) blocks: u32,
    pub(crate) files: u32,
    pub(crate) names: u32,
}

#[derive(Debug)]
pub(crate) struct Quota {
    max: Count,
    used: Count,
    peak: Count,
}

impl Quota {
    /// The quota of so many MB.
    pub(crate) fn new(size_mb: u32) -> Self {
        let bytes = u64::from(size_mb) << 20;
        // The block number of a terabyte still fits, and nobody has a function with as much.
        let count = |unit: u64| u32::try_from(bytes / unit).unwrap_or(u32::MAX);
        let files = count(BYTES_PER_FILE);
        let max = Count { blocks: count(BLOCK_BYTES), files, names: files };
        Self { max, used: Count::default(), peak: Count::default() }
    }

    #[cfg(test)]
    pub(crate) fn used(&self) -> Count {
        self.used
    }

    pub(crate) fn peak(&self) -> Usage {
        usage(self.peak)
    }

    pub(crate) fn usage(&self) -> Usage {
        usage(self.used)
    }

    pub(crate) fn blocks_left(&self) -> u32 {
        self.max.blocks - self.used.blocks
    }

    /// Takes all of it, or nothing.
    pub(crate) fn take(&mut self, more: Count) -> Result<()> {
        let fits = |used: u32, more: u32, max: u32| {
            used.checked_add(more).filter(|sum| *sum <= max).ok_or(Error::NoSpace)
        };
        let Count { blocks, files, names } = self.used;
        self.used = Count {
            blocks: fits(blocks, more.blocks, self.max.blocks)?,
            files: fits(files, more.files, self.max.files)?,
            names: fits(names, more.names, self.max.names)?,
        };
        self.peak.blocks = self.peak.blocks.max(self.used.blocks);
        self.peak.files = self.peak.files.max(self.used.files);
        Ok(())
    }

    pub(crate) fn give(&mut self, less: Count) {
        const TAKEN: &str = "what is given back was taken";
        self.used = Count {
            blocks: self.used.blocks.checked_sub(less.blocks).expect(TAKEN),
            files: self.used.files.checked_sub(less.files).expect(TAKEN),
            names: self.used.names.checked_sub(less.names).expect(TAKEN),
        };
    }
}

impl Count {
    pub(crate) fn blocks(blocks: u32) -> Self {
        Self { blocks, ..Self::default() }
    }
}

fn usage(count: Count) -> Usage {
    Usage { bytes: u64::from(count.blocks) * BLOCK_BYTES, files: count.files.into() }
}
