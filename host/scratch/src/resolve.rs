//! Following a path from a folder, link by link, without ever leaving that folder.
//!
//! A walk keeps how deep below its start it is. `..` at depth 0 is refused, whether it stands in the path
//! or in a symbolic link, so nothing above the start is ever looked at.

use crate::content::Content;
use crate::error::{Error, Result};
use crate::node::{Body, NAME_BYTES_MAX, NodeId, Nodes};
use crate::path::{Part, Parts};
use crate::storage::Storage;

/// How many symbolic links are followed on one path: Linux's number.
pub const LINKS_FOLLOWED_MAX: u32 = 40;

/// A path that is being followed.
pub(crate) struct Walk<'path> {
    at: NodeId,
    depth: u32,
    links: u32,
    /// What is left of the path, and on top of it what is left of the links in it. No element is empty.
    rest: Vec<Parts<'path>>,
    /// Whether a slash ends the path, or the link that its last name was: only a folder can be meant.
    pub(crate) ends_in_slash: bool,
}

/// The last part of a path, and the folder that it is to be looked up in.
pub(crate) enum Last {
    /// A name, which may be there or not.
    Name(NodeId, Box<str>),
    /// `.`: the folder itself.
    Here(NodeId),
    /// `..`: the folder above.
    Up(NodeId),
}

impl<'path> Walk<'path> {
    pub(crate) fn new(start: NodeId, path: &'path str) -> Result<Self> {
        let rest = vec![Parts::new(path)?];
        Ok(Self { at: start, depth: 0, links: 0, rest, ends_in_slash: false })
    }

    /// Goes to the folder of the last part.
    pub(crate) fn last(&mut self, nodes: &Nodes, storage: &Storage) -> Result<Last> {
        nodes.directory(self.at)?;
        loop {
            nodes.step();
            let parts = self.rest.last_mut().expect("a path and a link have at least one part");
            let (part, slash) = parts.next();
            if parts.is_empty() {
                self.rest.pop();
            }
            if self.rest.is_empty() {
                self.ends_in_slash |= slash;
                return Ok(match part {
                    Part::Name(name) => Last::Name(self.at, name),
                    Part::Here => Last::Here(self.at),
                    Part::Up => {
                        self.up(nodes)?;
                        Last::Up(self.at)
                    }
                });
            }
            match part {
                Part::Here => {}
                Part::Up => self.up(nodes)?,
                Part::Name(name) => self.down(nodes, storage, &name)?,
            }
        }
    }

    /// Goes on where a symbolic link leads, which the walk has met as its last part or on its way.
    pub(crate) fn follow(&mut self, nodes: &Nodes, storage: &Storage, link: NodeId) -> Result<()> {
        if self.links == LINKS_FOLLOWED_MAX {
            return Err(Error::Loop);
        }
        self.links += 1;
        self.rest.push(Parts::new(target(nodes, storage, link)?)?);
        Ok(())
    }

    fn down(&mut self, nodes: &Nodes, storage: &Storage, name: &str) -> Result<()> {
        let next = look_up(nodes, self.at, name)?.ok_or(Error::NotFound)?;
        match &nodes.get(next).body {
            Body::Directory(_) => {
                self.at = next;
                self.depth += 1;
                Ok(())
            }
            Body::ShortLink(_) | Body::LongLink(_) => self.follow(nodes, storage, next),
            Body::File(_) => Err(Error::NotDirectory),
        }
    }

    fn up(&mut self, nodes: &Nodes) -> Result<()> {
        self.depth = self.depth.checked_sub(1).ok_or(Error::NotPermitted)?;
        self.at = nodes.directory(self.at)?.parent;
        Ok(())
    }
}

/// What a name in a folder means.
pub(crate) fn look_up(nodes: &Nodes, folder: NodeId, name: &str) -> Result<Option<NodeId>> {
    if name.len() > NAME_BYTES_MAX {
        return Err(Error::NameTooLong);
    }
    Ok(nodes.directory(folder)?.names.get(name).copied())
}

/// The node that a path leads to. A link at its end is followed if that is asked for, or if a slash says
/// that a folder is meant.
pub(crate) fn find(
    nodes: &Nodes,
    storage: &Storage,
    start: NodeId,
    path: &str,
    follow: bool,
) -> Result<NodeId> {
    let mut walk = Walk::new(start, path)?;
    loop {
        let (folder, name) = match walk.last(nodes, storage)? {
            Last::Name(folder, name) => (folder, name),
            Last::Here(folder) | Last::Up(folder) => return Ok(folder),
        };
        let id = look_up(nodes, folder, &name)?.ok_or(Error::NotFound)?;
        match &nodes.get(id).body {
            Body::ShortLink(_) | Body::LongLink(_) if follow || walk.ends_in_slash => {
                walk.follow(nodes, storage, id)?;
            }
            Body::Directory(_) => return Ok(id),
            _ if walk.ends_in_slash => return Err(Error::NotDirectory),
            _ => return Ok(id),
        }
    }
}

/// Where a symbolic link leads.
pub(crate) fn target(nodes: &Nodes, storage: &Storage, link: NodeId) -> Result<String> {
    match &nodes.get(link).body {
        Body::ShortLink(target) => Ok(target.to_string()),
        Body::LongLink(content) => long_target(storage, content),
        Body::File(_) | Body::Directory(_) => Err(Error::Invalid),
    }
}

fn long_target(storage: &Storage, content: &Content) -> Result<String> {
    let mut bytes = vec![0; usize::try_from(content.size()).unwrap_or(0)];
    content.read(storage, 0, &mut bytes)?;
    String::from_utf8(bytes).map_err(|_| Error::Io(std::io::ErrorKind::InvalidData))
}
