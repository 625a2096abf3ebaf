//! Streams over files, and listings of directories. All are done when they return, so all are ready.

use std::vec;

use bytes::Bytes;
use stepwell_scratch::{Entry, Error};
use wasmtime::component::Resource;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

use super::types::{DirectoryEntry, HostDirectoryEntryStream};
use super::{Failed, OpenNode, PIECE_BYTES, descriptor_type};
use crate::host::Host;

/// Entries that a listing looks up at once.
const LISTED_AT_ONCE: usize = 64;

/// Reads a file from a position on. At the file's end it is closed, until the file grows.
pub(super) struct Reader {
    node: OpenNode,
    position: u64,
}

impl Reader {
    pub(super) fn new(node: OpenNode, position: u64) -> Self {
        Self { node, position }
    }
}

#[async_trait]
impl InputStream for Reader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if size == 0 {
            return Ok(Bytes::new());
        }
        let mut bytes = vec![0; size.min(PIECE_BYTES)];
        let position = self.position;
        let read = self.node.with(|scratch, handle| scratch.read(handle, position, &mut bytes));
        match read.map_err(failed)? {
            0 => Err(StreamError::Closed),
            read => {
                bytes.truncate(read);
                self.node.files.meter.charge(read as u64);
                self.position += read as u64;
                Ok(bytes.into())
            }
        }
    }
}

#[async_trait]
impl Pollable for Reader {
    async fn ready(&mut self) {}
}

/// Writes to a file from a position on, or at its end. After an error it is closed.
pub(super) struct Writer {
    node: OpenNode,
    /// None to append.
    position: Option<u64>,
    is_closed: bool,
}

impl Writer {
    pub(super) fn new(node: OpenNode, position: Option<u64>) -> Self {
        Self { node, position, is_closed: false }
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            let position = self.position;
            let now = self.node.files.clock.timestamp();
            let written = self.node.with(|scratch, handle| match position {
                Some(position) => scratch.write(handle, position, bytes, now),
                None => scratch.append(handle, bytes, now),
            })?;
            bytes = &bytes[written..];
            self.position = position.map(|position| position + written as u64);
        }
        Ok(())
    }
}

#[async_trait]
impl OutputStream for Writer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > self.check_write()? {
            return Err(StreamError::trap("more is written than `check-write` allows"));
        }
        self.node.files.meter.charge(bytes.len() as u64);
        self.write_all(&bytes).map_err(|error| {
            self.is_closed = true;
            self.node.files.tell(error);
            failed(error)
        })
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.check_write().map(drop)
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        if self.is_closed { Err(StreamError::Closed) } else { Ok(PIECE_BYTES) }
    }
}

#[async_trait]
impl Pollable for Writer {
    async fn ready(&mut self) {}
}

/// `filesystem-error-code` finds the error again.
fn failed(error: Error) -> StreamError {
    StreamError::LastOperationFailed(error.into())
}

/// A listing that is under way.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Listing {
    node: OpenNode,
    /// What was looked up and not asked for yet.
    page: vec::IntoIter<Entry>,
    /// The last name that was listed.
    after: Option<Box<str>>,
}

impl Listing {
    pub(super) fn new(node: OpenNode) -> Self {
        Self { node, page: vec::IntoIter::default(), after: None }
    }

    fn next(&mut self) -> Result<Option<Entry>, Error> {
        if self.page.as_slice().is_empty() {
            let after = self.after.as_deref();
            let page = self
                .node
                .with(|scratch, handle| scratch.read_directory(handle, after, LISTED_AT_ONCE))?;
            self.page = page.into_iter();
        }
        let entry = self.page.next();
        if let Some(entry) = &entry {
            self.after = Some(entry.name.clone());
        }
        Ok(entry)
    }
}

impl HostDirectoryEntryStream for Host {
    fn read_directory_entry(
        &mut self,
        listing: Resource<Listing>,
    ) -> Result<Option<DirectoryEntry>, Failed> {
        let entry = self.table.get_mut(&listing)?.next()?;
        Ok(entry.map(|Entry { name, kind }| DirectoryEntry {
            type_: descriptor_type(kind),
            name: name.into_string(),
        }))
    }

    fn drop(&mut self, listing: Resource<Listing>) -> wasmtime::Result<()> {
        self.table.delete(listing)?;
        Ok(())
    }
}
