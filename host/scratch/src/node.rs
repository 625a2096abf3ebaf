//! Files, folders and symbolic links, by number; and the table that has them all.
//!
//! Nodes name each other by number only. So nothing here calls itself, however deep a guest nests its
//! folders, not even when all of it is dropped.

use std::cell::Cell;
use std::collections::BTreeMap;

use crate::content::Content;
use crate::error::{Error, Result};
use crate::quota::BLOCK_BYTES;

/// The longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 255;

/// The most names that a file can have: ext4's.
pub const LINKS_MAX: u32 = 65_000;

/// A symbolic link up to this length needs no block: ext4 keeps it in the inode.
pub(crate) const SHORT_LINK_BYTES_MAX: usize = 59;

/// A time: nanoseconds since 1970-01-01T00:00:00Z.
pub type Timestamp = u64;

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file with contents.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
}

/// What is known about a node beside its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Its number: equal for all names and handles of one node, and free for another one when the node
    /// is gone.
    pub number: u32,
    /// What it is.
    pub kind: Kind,
    /// Names that it has. A folder has two and one for each folder in it; 0 when it was removed.
    pub links: u32,
    /// Its size in bytes: of a file its content, of a symbolic link its text, of a folder its blocks.
    pub size: u64,
    /// When it was last read, as far as somebody set it: reading does not change it (`noatime`).
    pub accessed: Timestamp,
    /// When its content last changed.
    pub modified: Timestamp,
    /// When anything about it last changed.
    pub changed: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId(pub(crate) u32);

impl NodeId {
    pub(crate) const ROOT: Self = Self(0);
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) links: u32,
    pub(crate) handles: u32,
    pub(crate) accessed: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) changed: Timestamp,
    pub(crate) body: Body,
}

#[derive(Debug)]
pub(crate) enum Body {
    File(Content),
    Directory(Directory),
    ShortLink(Box<str>),
    LongLink(Content),
}

#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) parent: NodeId,
    pub(crate) names: BTreeMap<Box<str>, NodeId>,
    /// What the names would take on a disk.
    bytes: u64,
}

impl Directory {
    /// `.` and `..`, as ext4 writes them.
    const EMPTY_BYTES: u64 = 24;

    pub(crate) fn new(parent: NodeId) -> Self {
        Self { parent, names: BTreeMap::new(), bytes: Self::EMPTY_BYTES }
    }

    pub(crate) fn blocks(&self) -> u32 {
        blocks(self.bytes)
    }

    /// How many blocks more it needs with one more name.
    pub(crate) fn growth(&self, name: &str) -> u32 {
        blocks(self.bytes + entry_bytes(name)) - self.blocks()
    }

    /// Puts in a name that it does not have.
    pub(crate) fn insert(&mut self, name: Box<str>, node: NodeId) {
        self.bytes += entry_bytes(&name);
        let before = self.names.insert(name, node);
        assert!(before.is_none(), "a name is given once");
    }

    /// Takes out a name, and says how many blocks fewer it needs.
    pub(crate) fn remove(&mut self, name: &str) -> u32 {
        let before = self.blocks();
        self.names.remove(name).expect("only a name that was looked up is removed");
        self.bytes -= entry_bytes(name);
        before - self.blocks()
    }
}

/// What ext4 takes for a name: a number, lengths, and the name rounded up to four bytes.
fn entry_bytes(name: &str) -> u64 {
    8 + (name.len() as u64).next_multiple_of(4)
}

fn blocks(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(BLOCK_BYTES)).unwrap_or(u32::MAX)
}

impl Node {
    pub(crate) fn new(body: Body, now: Timestamp) -> Self {
        let links = if matches!(body, Body::Directory(_)) { 2 } else { 1 };
        Self { links, handles: 0, accessed: now, modified: now, changed: now, body }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.body {
            Body::File(_) => Kind::File,
            Body::Directory(_) => Kind::Directory,
            Body::ShortLink(_) | Body::LongLink(_) => Kind::Symlink,
        }
    }

    /// The blocks that it takes beside those of its content.
    pub(crate) fn own_blocks(&self) -> u32 {
        match &self.body {
            Body::Directory(directory) => directory.blocks(),
            Body::File(_) | Body::ShortLink(_) | Body::LongLink(_) => 0,
        }
    }

    pub(crate) fn size(&self) -> u64 {
        match &self.body {
            Body::File(content) | Body::LongLink(content) => content.size(),
            Body::Directory(directory) => u64::from(directory.blocks()) * BLOCK_BYTES,
            Body::ShortLink(target) => target.len() as u64,
        }
    }

    /// Notes that its content changed.
    pub(crate) fn touch(&mut self, now: Timestamp) {
        self.modified = now;
        self.changed = now;
    }
}

/// All nodes; the root is the first one and stays.
#[derive(Debug)]
pub(crate) struct Nodes {
    slots: Vec<Option<Node>>,
    free: Vec<NodeId>,
    /// Parts of paths and folders that were gone through, since somebody asked.
    steps: Cell<u64>,
}

impl Nodes {
    /// Notes a step on the way to a node.
    pub(crate) fn step(&self) {
        self.steps.set(self.steps.get() + 1);
    }

    pub(crate) fn take_steps(&self) -> u64 {
        self.steps.take()
    }

    pub(crate) fn new(now: Timestamp) -> Self {
        let root = Node::new(Body::Directory(Directory::new(NodeId::ROOT)), now);
        Self { slots: vec![Some(root)], free: Vec::new(), steps: Cell::new(0) }
    }

    pub(crate) fn get(&self, id: NodeId) -> &Node {
        self.slots[id.0 as usize].as_ref().expect("a node is there while it has a name or a handle")
    }

    pub(crate) fn get_mut(&mut self, id: NodeId) -> &mut Node {
        self.slots[id.0 as usize].as_mut().expect("a node is there while it has a name or a handle")
    }

    pub(crate) fn add(&mut self, node: Node) -> NodeId {
        if let Some(id) = self.free.pop() {
            self.slots[id.0 as usize] = Some(node);
            return id;
        }
        let id = NodeId(u32::try_from(self.slots.len()).expect("the quota of files fits"));
        self.slots.push(Some(node));
        id
    }

    pub(crate) fn remove(&mut self, id: NodeId) -> Node {
        let node = self.slots[id.0 as usize].take().expect("a node is removed once");
        self.free.push(id);
        node
    }

    /// A node that must be a folder.
    pub(crate) fn directory(&self, id: NodeId) -> Result<&Directory> {
        match &self.get(id).body {
            Body::Directory(directory) => Ok(directory),
            _ => Err(Error::NotDirectory),
        }
    }

    /// A node that is known to be a folder.
    pub(crate) fn directory_mut(&mut self, id: NodeId) -> &mut Directory {
        match &mut self.get_mut(id).body {
            Body::Directory(directory) => directory,
            _ => unreachable!("only folders have names in them"),
        }
    }

    pub(crate) fn is_directory(&self, id: NodeId) -> bool {
        self.get(id).kind() == Kind::Directory
    }

    pub(crate) fn stat(&self, id: NodeId) -> Stat {
        let node = self.get(id);
        let &Node { links, accessed, modified, changed, .. } = node;
        let (kind, size) = (node.kind(), node.size());
        Stat { number: id.0, kind, links, size, accessed, modified, changed }
    }

    #[cfg(test)]
    pub(crate) fn all(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        let numbered = self.slots.iter().enumerate();
        numbered.filter_map(|(id, node)| Some((NodeId(u32::try_from(id).ok()?), node.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_as_small_as_the_documentation_says() {
        assert!(size_of::<Option<Node>>() <= 100, "{}", size_of::<Option<Node>>());
    }
}
