//! The file system as a whole: rule by rule, at its limits, and beside the host's own file system.

#[cfg(target_os = "linux")]
mod against_host;
mod contents;
mod limits;
mod rules;

use std::collections::BTreeMap;

use crate::error::Result;
use crate::node::{Body, NodeId};
use crate::quota::Count;
use crate::scratch::{Handle, OpenOptions, Scratch};

/// A block, as the length of a buffer.
const BLOCK: usize = 4_096;

/// Makes the file if it is not there, for writing.
const CREATE: OpenOptions = OpenOptions {
    follow: true,
    create: true,
    exclusive: false,
    truncate: false,
    directory: false,
    write: true,
};

/// Opens what is there, for reading.
const READ: OpenOptions = OpenOptions { create: false, write: false, ..CREATE };

/// A file system with a handle to its root: calls with few words, all at time 1.
struct Tested {
    scratch: Scratch,
    root: Handle,
}

impl Tested {
    fn of_mb(size_mb: u32) -> Self {
        let mut scratch = Scratch::new(size_mb, 0);
        let root = scratch.root();
        Self { scratch, root }
    }

    fn open(&mut self, path: &str, options: OpenOptions) -> Result<Handle> {
        self.scratch.open_at(&self.root, path, options, 1)
    }

    /// A file with this content in place of what was there.
    fn put(&mut self, path: &str, content: &[u8]) -> Result<()> {
        let file = self.open(path, OpenOptions { truncate: true, ..CREATE })?;
        let written = self.scratch.write(&file, 0, content, 1);
        self.scratch.close(file);
        assert_eq!(written?, content.len());
        Ok(())
    }

    fn get(&mut self, path: &str) -> Result<Vec<u8>> {
        let file = self.open(path, READ)?;
        let mut content = vec![0xEE; usize::try_from(self.scratch.stat(&file).size).unwrap()];
        let read = self.scratch.read(&file, 0, &mut content);
        self.scratch.close(file);
        assert_eq!(read?, content.len());
        Ok(content)
    }

    fn make_directory(&mut self, path: &str) -> Result<()> {
        self.scratch.create_directory_at(&self.root, path, 1)
    }

    fn remove_directory(&mut self, path: &str) -> Result<()> {
        self.scratch.remove_directory_at(&self.root, path, 1)
    }

    fn unlink(&mut self, path: &str) -> Result<()> {
        self.scratch.unlink_file_at(&self.root, path, 1)
    }

    fn rename(&mut self, old: &str, new: &str) -> Result<()> {
        self.scratch.rename_at(&self.root, old, &self.root, new, 1)
    }

    fn link(&mut self, old: &str, new: &str) -> Result<()> {
        self.scratch.link_at(&self.root, old, &self.root, new, 1)
    }

    fn symlink(&mut self, target: &str, path: &str) -> Result<()> {
        self.scratch.symlink_at(target, &self.root, path, 1)
    }

    fn names(&self, path: &str) -> Vec<String> {
        let found = Handle(self.scratch.find(&self.root, path, true).unwrap());
        let entries = self.scratch.read_directory(&found, None, usize::MAX).unwrap();
        entries.into_iter().map(|entry| entry.name.into_string()).collect()
    }
}

/// Counts everything anew and holds it against the counters, and against each other.
fn audit(scratch: &Scratch) {
    let mut count = Count::default();
    let mut names: BTreeMap<NodeId, u32> = BTreeMap::new();
    let mut runs = Vec::new();
    let mut content_blocks = 0;
    for (id, node) in scratch.nodes.all() {
        count.files += u32::from(id != NodeId::ROOT);
        count.blocks += node.own_blocks();
        match &node.body {
            Body::File(content) | Body::LongLink(content) => {
                let of_runs: u32 = content.runs().map(|run| run.len).sum();
                assert_eq!(content.blocks(), of_runs);
                content_blocks += of_runs;
                runs.extend(content.runs());
            }
            Body::Directory(directory) => {
                let folders =
                    directory.names.values().filter(|id| scratch.nodes.is_directory(**id));
                let folders = u32::try_from(folders.count()).unwrap();
                assert!(node.links == 2 + folders || (node.links == 0 && folders == 0));
                for child in directory.names.values() {
                    *names.entry(*child).or_default() += 1;
                    count.names += 1;
                    if let Body::Directory(child) = &scratch.nodes.get(*child).body {
                        assert_eq!(child.parent, id);
                    }
                }
            }
            Body::ShortLink(_) => {}
        }
    }
    for (id, node) in scratch.nodes.all() {
        let leading = names.get(&id).copied().unwrap_or(0);
        match node.body {
            Body::Directory(_) => assert!(leading <= 1 && (leading == 1 || node.handles > 0)),
            _ => assert_eq!(node.links, leading),
        }
        assert!(node.links > 0 || node.handles > 0, "what nothing leads to is gone");
    }
    // The root's own block is free.
    count.blocks = count.blocks + content_blocks - 1;
    assert_eq!(scratch.quota.used(), count);
    assert_eq!(scratch.storage.space.is_unused(), content_blocks == 0);
    let (unused, end) = scratch.storage.space.unused();
    runs.extend(unused);
    runs.sort_by_key(|run| run.start);
    let joined = runs.iter().fold(0, |at, run| {
        assert_eq!(at, run.start, "every block is of one file or free");
        at + run.len
    });
    assert_eq!(joined, end);
}
