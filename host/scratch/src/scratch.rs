//! The file system itself: opening, reading, writing, describing. What changes folders is in `names`.

use std::ops::Bound;

use crate::content::Content;
use crate::error::{Error, Result};
use crate::node::{Body, Kind, Node, NodeId, Nodes, Stat, Timestamp};
use crate::quota::{Count, Quota, Usage};
use crate::resolve::{Last, Walk, find, look_up, target};
use crate::storage::Storage;

/// A file system of its own, empty when it is made.
///
/// Every call takes time that grows with its arguments (a buffer's length, a path's, the number of
/// entries asked for), with two exceptions that the quota bounds: cutting a file takes nanoseconds for
/// each of its runs, and renaming a folder a step for each folder above.
#[derive(Debug)]
pub struct Scratch {
    pub(crate) nodes: Nodes,
    pub(crate) storage: Storage,
    pub(crate) quota: Quota,
}

/// An open file, folder or symbolic link. It belongs to the [`Scratch`] that gave it, and must be given
/// back with [`Scratch::close`]: what is removed while it is open lives until then.
#[derive(Debug)]
#[must_use = "a handle that is dropped keeps what it is open to"]
pub struct Handle(pub(crate) NodeId);

/// How to open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of `open`, each of which is its own")]
pub struct OpenOptions {
    /// Follow a symbolic link at the path's end.
    pub follow: bool,
    /// Make the file if it is not there.
    pub create: bool,
    /// With `create`: fail if it is there.
    pub exclusive: bool,
    /// Cut the file to nothing.
    pub truncate: bool,
    /// Fail if it is no folder.
    pub directory: bool,
    /// It will be written to, so it must be no folder. `create` and `truncate` say so as well.
    pub write: bool,
}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: Box<str>,
    /// What it is.
    pub kind: Kind,
}

impl Scratch {
    /// An empty file system of so many MB (2^20 bytes).
    pub fn new(size_mb: u32, now: Timestamp) -> Self {
        let (nodes, quota) = (Nodes::new(now), Quota::new(size_mb));
        Self { nodes, storage: Storage::default(), quota }
    }

    /// What is used. The root itself is free.
    pub fn used(&self) -> Usage {
        self.quota.usage()
    }

    /// The most that was used at any time, bytes and files each on their own.
    pub fn peak(&self) -> Usage {
        self.quota.peak()
    }

    /// How many parts of paths and folders were gone through since this was last asked: what a call cost
    /// beside the bytes that it moved.
    pub fn take_steps(&mut self) -> u64 {
        self.nodes.take_steps()
    }

    /// Opens the root.
    pub fn root(&mut self) -> Handle {
        self.handle(NodeId::ROOT)
    }

    /// Opens what is open once more.
    pub fn duplicate(&mut self, handle: &Handle) -> Handle {
        self.handle(handle.0)
    }

    /// Opens a path. A folder is opened for anything but writing.
    pub fn open_at(
        &mut self,
        start: &Handle,
        path: &str,
        options: OpenOptions,
        now: Timestamp,
    ) -> Result<Handle> {
        let OpenOptions { create, exclusive, truncate, directory, .. } = options;
        if directory && (create || exclusive || truncate) {
            return Err(Error::Invalid);
        }
        let follow = options.follow && !(create && exclusive);
        let mut walk = Walk::new(start.0, path)?;
        let id = loop {
            let (folder, name) = match walk.last(&self.nodes, &self.storage)? {
                Last::Name(folder, name) => (folder, name),
                Last::Here(folder) | Last::Up(folder) => break folder,
            };
            if create && walk.ends_in_slash {
                return Err(Error::IsDirectory);
            }
            let Some(id) = look_up(&self.nodes, folder, &name)? else {
                if !create {
                    return Err(Error::NotFound);
                }
                let node = Node::new(Body::File(Content::default()), now);
                let id = self.add(folder, name, node, now)?;
                return Ok(self.handle(id));
            };
            if self.nodes.get(id).kind() != Kind::Symlink || !(follow || walk.ends_in_slash) {
                break id;
            }
            walk.follow(&self.nodes, &self.storage, id)?;
        };
        if create && exclusive {
            return Err(Error::Exists);
        }
        match self.nodes.get(id).kind() {
            Kind::Directory if options.write || create || truncate => Err(Error::IsDirectory),
            Kind::File if directory || walk.ends_in_slash => Err(Error::NotDirectory),
            Kind::Symlink => Err(Error::Loop),
            Kind::Directory | Kind::File => {
                if truncate {
                    self.resize(id, 0, now)?;
                }
                Ok(self.handle(id))
            }
        }
    }

    /// Closes a handle. What has no name and no handle any more is gone.
    #[expect(clippy::needless_pass_by_value, reason = "a handle is given back")]
    pub fn close(&mut self, handle: Handle) {
        self.nodes.get_mut(handle.0).handles -= 1;
        self.remove_unused(handle.0);
    }

    /// Reads from an offset of a file on. Less than asked for comes only at the file's end, nothing
    /// after it.
    pub fn read(&self, file: &Handle, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        match &self.nodes.get(file.0).body {
            Body::File(content) => content.read(&self.storage, offset, buffer),
            Body::Directory(_) => Err(Error::IsDirectory),
            Body::ShortLink(_) | Body::LongLink(_) => Err(Error::Invalid),
        }
    }

    /// Writes at an offset of a file and says how much was written: less than asked for when the space,
    /// or the host's, ends in the middle. It fails when not a byte could be written.
    pub fn write(
        &mut self,
        file: &Handle,
        offset: u64,
        data: &[u8],
        now: Timestamp,
    ) -> Result<usize> {
        let node = self.nodes.get_mut(file.0);
        let content = file_content(node)?;
        let written = content.write(&mut self.storage, &mut self.quota, offset, data)?;
        if written > 0 {
            node.touch(now);
        }
        Ok(written)
    }

    /// Writes at a file's end, as [`Self::write`] does.
    pub fn append(&mut self, file: &Handle, data: &[u8], now: Timestamp) -> Result<usize> {
        let end = self.nodes.get(file.0).size();
        self.write(file, end, data, now)
    }

    /// Makes a file so long: cut, or with a hole at its end, which costs nothing.
    pub fn set_size(&mut self, file: &Handle, size: u64, now: Timestamp) -> Result<()> {
        self.resize(file.0, size, now)
    }

    /// Everything that was written is where it stays; there is nothing to wait for.
    pub fn sync(&self, _: &Handle) {}

    /// Describes what is open.
    pub fn stat(&self, handle: &Handle) -> Stat {
        self.nodes.stat(handle.0)
    }

    /// Describes what a path leads to.
    pub fn stat_at(&self, start: &Handle, path: &str, follow: bool) -> Result<Stat> {
        Ok(self.nodes.stat(self.find(start, path, follow)?))
    }

    /// Sets the times of what is open; a time that is none stays.
    pub fn set_times(
        &mut self,
        handle: &Handle,
        accessed: Option<Timestamp>,
        modified: Option<Timestamp>,
        now: Timestamp,
    ) {
        let node = self.nodes.get_mut(handle.0);
        node.accessed = accessed.unwrap_or(node.accessed);
        node.modified = modified.unwrap_or(node.modified);
        node.changed = now;
    }

    /// Sets the times of what a path leads to.
    pub fn set_times_at(
        &mut self,
        start: &Handle,
        path: &str,
        follow: bool,
        (accessed, modified): (Option<Timestamp>, Option<Timestamp>),
        now: Timestamp,
    ) -> Result<()> {
        let found = Handle(self.find(start, path, follow)?);
        self.set_times(&found, accessed, modified, now);
        Ok(())
    }

    /// The text of a symbolic link.
    pub fn readlink_at(&self, start: &Handle, path: &str) -> Result<String> {
        target(&self.nodes, &self.storage, self.find(start, path, false)?)
    }

    /// Entries of a folder in the order of their names' bytes: at most so many, those after a name. A
    /// listing goes on after the last name that it has seen, whatever was added or removed meanwhile.
    pub fn read_directory(
        &self,
        directory: &Handle,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<Entry>> {
        let names = &self.nodes.directory(directory.0)?.names;
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let entries = names.range::<str, _>((after, Bound::Unbounded)).take(most);
        let kind = |id: NodeId| self.nodes.get(id).kind();
        Ok(entries.map(|(name, id)| Entry { name: name.clone(), kind: kind(*id) }).collect())
    }

    /// Whether two handles are of one node.
    pub fn is_same_object(&self, one: &Handle, other: &Handle) -> bool {
        one.0 == other.0
    }

    pub(crate) fn find(&self, start: &Handle, path: &str, follow: bool) -> Result<NodeId> {
        find(&self.nodes, &self.storage, start.0, path, follow)
    }

    /// Takes a node out that nothing leads to any more.
    pub(crate) fn remove_unused(&mut self, id: NodeId) {
        let node = self.nodes.get(id);
        if node.links > 0 || node.handles > 0 {
            return;
        }
        let mut node = self.nodes.remove(id);
        self.quota.give(Count { files: 1, blocks: node.own_blocks(), names: 0 });
        if let Body::File(content) | Body::LongLink(content) = &mut node.body {
            content.clear(&mut self.storage, &mut self.quota);
        }
    }

    fn handle(&mut self, id: NodeId) -> Handle {
        self.nodes.get_mut(id).handles += 1;
        Handle(id)
    }

    fn resize(&mut self, file: NodeId, size: u64, now: Timestamp) -> Result<()> {
        let node = self.nodes.get_mut(file);
        file_content(node)?.set_size(&mut self.storage, &mut self.quota, size)?;
        node.touch(now);
        Ok(())
    }
}

fn file_content(node: &mut Node) -> Result<&mut Content> {
    match &mut node.body {
        Body::File(content) => Ok(content),
        Body::Directory(_) => Err(Error::IsDirectory),
        Body::ShortLink(_) | Body::LongLink(_) => Err(Error::Invalid),
    }
}
