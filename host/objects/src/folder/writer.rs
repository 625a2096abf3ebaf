//! Writing an object to a folder piece by piece.

use std::io::{self, Write};

use async_trait::async_trait;
use bytes::Bytes;

use super::temporary::TemporaryFile;
use super::{Place, blocking};
use crate::{OBJECT_BYTES_MAX, ObjectError, ObjectInfo, ObjectWriter};

/// Small writes are gathered up to this size, so that each hop to a blocking thread is worth it.
const BUFFER_BYTES: usize = 256 * 1_024;

/// An object on its way into a folder.
pub(super) struct FolderWriter {
    /// `None` after an error and while a write is under way: whoever drops that write drops the file.
    open: Option<Open>,
    buffer: Vec<u8>,
    size: u64,
}

struct Open {
    place: Place,
    temporary: TemporaryFile,
}

impl FolderWriter {
    pub(super) fn create(place: Place) -> Result<Self, ObjectError> {
        let temporary = place.create()?;
        Ok(Self { open: Some(Open { place, temporary }), buffer: Vec::new(), size: 0 })
    }

    fn take(&mut self) -> Result<Open, ObjectError> {
        self.open.take().ok_or_else(ObjectError::broken_writer)
    }
}

#[async_trait]
impl ObjectWriter for FolderWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), ObjectError> {
        let mut open = self.take()?;
        self.size = self.size.saturating_add(bytes.len() as u64);
        if self.size > OBJECT_BYTES_MAX {
            return Err(ObjectError::TooLarge { size: self.size, max: OBJECT_BYTES_MAX });
        }
        if self.buffer.len() + bytes.len() < BUFFER_BYTES {
            self.buffer.extend_from_slice(&bytes);
            self.open = Some(open);
            return Ok(());
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let (open, buffer) = blocking(move || {
            open.write_all(&buffer)?;
            open.write_all(&bytes)?;
            buffer.clear();
            Ok((open, buffer))
        })
        .await?;
        self.open = Some(open);
        self.buffer = buffer;
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<ObjectInfo, ObjectError> {
        let mut open = self.take()?;
        let buffer = std::mem::take(&mut self.buffer);
        blocking(move || {
            open.write_all(&buffer)?;
            open.place.fill(open.temporary)
        })
        .await
    }

    async fn abort(mut self: Box<Self>) -> Result<(), ObjectError> {
        let open = self.open.take();
        blocking(move || {
            drop(open);
            Ok(())
        })
        .await
    }
}

impl Open {
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), ObjectError> {
        let result: io::Result<()> = self.temporary.file().write_all(bytes);
        result.map_err(|error| self.place.failure(&error, "write the object"))
    }
}
