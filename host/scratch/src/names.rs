//! What changes folders: making, removing, renaming and linking. The rules, and which error comes first,
//! are Linux's (`fs/namei.c`).

use crate::content::Content;
use crate::error::{Error, Result};
use crate::node::{Body, Directory, LINKS_MAX, Node, NodeId, SHORT_LINK_BYTES_MAX, Timestamp};
use crate::path;
use crate::quota::Count;
use crate::resolve::{Last, Walk, look_up};
use crate::scratch::{Handle, Scratch};

/// A name in a folder, and what it means if it is there.
struct Place {
    folder: NodeId,
    name: Box<str>,
    node: Option<NodeId>,
    /// Whether a slash follows the name.
    slash: bool,
}

impl Scratch {
    /// Makes a folder.
    pub fn create_directory_at(
        &mut self,
        start: &Handle,
        path: &str,
        now: Timestamp,
    ) -> Result<()> {
        let Place { folder, name, .. } = self.new_place(start, path, true)?;
        let node = Node::new(Body::Directory(Directory::new(folder)), now);
        self.add(folder, name, node, now)?;
        self.nodes.get_mut(folder).links += 1;
        Ok(())
    }

    /// Makes a symbolic link. It cannot hold an absolute path, as with wasmtime's own file system:
    /// nothing here is above the root.
    pub fn symlink_at(
        &mut self,
        target: &str,
        start: &Handle,
        path: &str,
        now: Timestamp,
    ) -> Result<()> {
        path::check(target)?;
        let Place { folder, name, .. } = self.new_place(start, path, false)?;
        if target.len() <= SHORT_LINK_BYTES_MAX {
            let node = Node::new(Body::ShortLink(target.into()), now);
            self.add(folder, name, node, now)?;
            return Ok(());
        }
        let mut content = Content::default();
        content.write(&mut self.storage, &mut self.quota, 0, target.as_bytes())?;
        self.add(folder, name, Node::new(Body::LongLink(content), now), now)?;
        Ok(())
    }

    /// Gives a file or a symbolic link one more name. A link at the old path's end is not followed.
    pub fn link_at(
        &mut self,
        old_start: &Handle,
        old_path: &str,
        new_start: &Handle,
        new_path: &str,
        now: Timestamp,
    ) -> Result<()> {
        let old = self.find(old_start, old_path, false)?;
        let Place { folder, name, .. } = self.new_place(new_start, new_path, false)?;
        if self.nodes.is_directory(old) {
            return Err(Error::NotPermitted);
        }
        if self.nodes.get(old).links >= LINKS_MAX {
            return Err(Error::TooManyLinks);
        }
        self.put(folder, name, old, Count::default(), now)?;
        let node = self.nodes.get_mut(old);
        node.links += 1;
        node.changed = now;
        Ok(())
    }

    /// Removes a name of a file or a symbolic link, and the node with its last one.
    pub fn unlink_file_at(&mut self, start: &Handle, path: &str, now: Timestamp) -> Result<()> {
        let Ok(place) = self.place(start, path)? else { return Err(Error::IsDirectory) };
        let id = place.node.ok_or(Error::NotFound)?;
        if self.nodes.is_directory(id) {
            return Err(Error::IsDirectory);
        }
        if place.slash {
            return Err(Error::NotDirectory);
        }
        self.take_name(place.folder, &place.name, now);
        self.unlink(id, now);
        Ok(())
    }

    /// Removes an empty folder.
    pub fn remove_directory_at(
        &mut self,
        start: &Handle,
        path: &str,
        now: Timestamp,
    ) -> Result<()> {
        let place = match self.place(start, path)? {
            Ok(place) => place,
            Err(Last::Here(_)) => return Err(Error::Invalid),
            Err(_) => return Err(Error::NotEmpty),
        };
        let id = place.node.ok_or(Error::NotFound)?;
        if !self.nodes.directory(id)?.names.is_empty() {
            return Err(Error::NotEmpty);
        }
        self.take_name(place.folder, &place.name, now);
        self.nodes.get_mut(place.folder).links -= 1;
        self.unlink(id, now);
        Ok(())
    }

    /// Gives a node another name, in place of what had that name.
    pub fn rename_at(
        &mut self,
        old_start: &Handle,
        old_path: &str,
        new_start: &Handle,
        new_path: &str,
        now: Timestamp,
    ) -> Result<()> {
        let old = self.last(old_start, old_path)?;
        let new = self.last(new_start, new_path)?;
        let (Ok(old), Ok(new)) = (old, new) else { return Err(Error::Busy) };
        let old = self.looked_up(old)?;
        let id = old.node.ok_or(Error::NotFound)?;
        let new = self.looked_up(new)?;
        self.check_rename(&old, &new, id)?;
        if new.node == Some(id) {
            return Ok(());
        }
        let replaced = new.node;
        if replaced.is_some() {
            self.take_name(new.folder, &new.name, now);
        }
        let before = self.nodes.stat(old.folder);
        self.take_name(old.folder, &old.name, now);
        if let Err(error) = self.put(new.folder, new.name, id, Count::default(), now) {
            // Nothing was replaced: there is room for a name in place of another.
            self.put(old.folder, old.name, id, Count::default(), before.modified)
                .expect("there is room for what was just taken out");
            self.nodes.get_mut(old.folder).changed = before.changed;
            return Err(error);
        }
        if self.nodes.is_directory(id) {
            self.nodes.get_mut(old.folder).links -= 1;
            self.nodes.get_mut(new.folder).links += 1;
            self.nodes.directory_mut(id).parent = new.folder;
        }
        self.nodes.get_mut(id).changed = now;
        if let Some(replaced) = replaced {
            if self.nodes.is_directory(replaced) {
                self.nodes.get_mut(new.folder).links -= 1;
            }
            self.unlink(replaced, now);
        }
        Ok(())
    }

    /// Puts a new node under a name that is not there.
    pub(crate) fn add(
        &mut self,
        folder: NodeId,
        name: Box<str>,
        mut node: Node,
        now: Timestamp,
    ) -> Result<NodeId> {
        let own = Count { files: 1, blocks: node.own_blocks(), names: 0 };
        let id = NodeId(u32::MAX);
        if let Err(error) = self.put(folder, name.clone(), id, own, now) {
            if let Body::LongLink(content) = &mut node.body {
                content.clear(&mut self.storage, &mut self.quota);
            }
            return Err(error);
        }
        let id = self.nodes.add(node);
        self.nodes.directory_mut(folder).names.insert(name, id);
        Ok(id)
    }

    /// Puts a name into a folder, if there is room for it and for what comes with it.
    fn put(
        &mut self,
        folder: NodeId,
        name: Box<str>,
        id: NodeId,
        own: Count,
        now: Timestamp,
    ) -> Result<()> {
        let node = self.nodes.get_mut(folder);
        if node.links == 0 {
            return Err(Error::NotFound);
        }
        let Body::Directory(directory) = &mut node.body else { return Err(Error::NotDirectory) };
        let blocks = own.blocks + directory.growth(&name);
        self.quota.take(Count { blocks, files: own.files, names: 1 })?;
        directory.insert(name, id);
        node.touch(now);
        Ok(())
    }

    fn take_name(&mut self, folder: NodeId, name: &str, now: Timestamp) {
        let blocks = self.nodes.directory_mut(folder).remove(name);
        self.quota.give(Count { blocks, files: 0, names: 1 });
        self.nodes.get_mut(folder).touch(now);
    }

    /// Notes that a node has a name less. A folder has only one.
    fn unlink(&mut self, id: NodeId, now: Timestamp) {
        let node = self.nodes.get_mut(id);
        node.changed = now;
        match &mut node.body {
            Body::Directory(directory) => {
                node.links = 0;
                // It may stay open for longer than the folder that it was in is there.
                directory.parent = NodeId::ROOT;
            }
            _ => node.links -= 1,
        }
        self.remove_unused(id);
    }

    /// The place of something new.
    fn new_place(&self, start: &Handle, path: &str, is_directory: bool) -> Result<Place> {
        match self.place(start, path)? {
            Ok(Place { node: None, slash: true, .. }) if !is_directory => Err(Error::NotFound),
            Ok(place) if place.node.is_none() => Ok(place),
            Ok(_) | Err(_) => Err(Error::Exists),
        }
    }

    /// Where a path's last name is, and what it means; it is not followed. Or that it has none.
    fn place(&self, start: &Handle, path: &str) -> Result<Result<Place, Last>> {
        match self.last(start, path)? {
            Ok(place) => Ok(Ok(self.looked_up(place)?)),
            Err(no_name) => Ok(Err(no_name)),
        }
    }

    /// Where a path's last name is, before it is looked up.
    fn last(&self, start: &Handle, path: &str) -> Result<Result<Place, Last>> {
        let mut walk = Walk::new(start.0, path)?;
        Ok(match walk.last(&self.nodes, &self.storage)? {
            Last::Name(folder, name) => {
                Ok(Place { folder, name, node: None, slash: walk.ends_in_slash })
            }
            no_name => Err(no_name),
        })
    }

    fn looked_up(&self, place: Place) -> Result<Place> {
        Ok(Place { node: look_up(&self.nodes, place.folder, &place.name)?, ..place })
    }

    fn check_rename(&self, old: &Place, new: &Place, id: NodeId) -> Result<()> {
        let is_directory = self.nodes.is_directory(id);
        if !is_directory && (old.slash || new.slash) {
            return Err(Error::NotDirectory);
        }
        if is_directory && self.is_above(id, new.folder)? {
            return Err(Error::Invalid);
        }
        let Some(replaced) = new.node.filter(|replaced| *replaced != id) else {
            return match self.nodes.get(new.folder).links {
                0 => Err(Error::NotFound),
                _ => Ok(()),
            };
        };
        if !self.nodes.is_directory(replaced) {
            return if is_directory { Err(Error::NotDirectory) } else { Ok(()) };
        }
        if self.is_above(replaced, old.folder)? {
            return Err(Error::NotEmpty);
        }
        if !is_directory {
            return Err(Error::IsDirectory);
        }
        if self.nodes.directory(replaced)?.names.is_empty() { Ok(()) } else { Err(Error::NotEmpty) }
    }

    /// Whether a folder is another one, or has it in it at any depth.
    fn is_above(&self, above: NodeId, mut folder: NodeId) -> Result<bool> {
        loop {
            self.nodes.step();
            if folder == above {
                return Ok(true);
            }
            if folder == NodeId::ROOT {
                return Ok(false);
            }
            folder = self.nodes.directory(folder)?.parent;
        }
    }
}
