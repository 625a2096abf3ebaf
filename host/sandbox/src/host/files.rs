//! `wasi:filesystem`: the one directory that a task has, `/tmp`, over a file system of our own
//! (`stepwell-scratch`). It takes the place of wasmtime's, which opens files of the host.
//!
//! Every call is bounded: reads, writes and listings go in pieces. Nothing waits for another thread,
//! because what is read and written is in memory or in the host's page cache. What a guest does with a
//! handle that was not opened for it fails as it does on Linux.

mod descriptor;
mod stream;

use std::sync::{Arc, Mutex, MutexGuard};

use stepwell_scratch::{Error, Handle, Kind, Scratch, Timestamp, Usage};
use wasmtime::component::{HasSelf, Linker, Resource, ResourceTable, ResourceTableError};
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;

use super::time::GuestClock;
use super::{Host, log_line};
use crate::meter::Meter;
use crate::report::{Log, LogSource};
use bindings::wasi::filesystem::{preopens, types};
use types::ErrorCode;

/// The interfaces, with resources of our own.
mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "wasi:filesystem/imports",
        imports: { default: trappable },
        with: {
            "wasi:filesystem/types.descriptor": super::Descriptor,
            "wasi:filesystem/types.directory-entry-stream": super::stream::Listing,
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
            "wasi:io": wasmtime_wasi::p2::bindings::io,
        },
        require_store_data_send: true,
        trappable_error_type: { "wasi:filesystem/types.error-code" => super::Failed },
    });
}

/// Where a task finds its directory, as on Lambda.
const MOUNTED_AT: &str = "/tmp";

/// What is read or written in one call, in bytes.
const PIECE_BYTES: usize = 64 << 10;

/// What a part of a path, or a folder on the way, costs in fuel.
const STEP_FUEL: u64 = 50;

/// Puts the interfaces in the place of wasmtime's own.
pub(super) fn add_to_linker(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    types::add_to_linker::<_, HasSelf<_>>(linker, Host::called)?;
    preopens::add_to_linker::<_, HasSelf<_>>(linker, Host::called)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// The files of one instance. Cloning shares them.
#[derive(Clone)]
pub(crate) struct Files {
    scratch: Arc<Mutex<Scratch>>,
    storage_mb: u32,
    clock: GuestClock,
    meter: Arc<Meter>,
    log: Arc<Mutex<Log>>,
}

impl Files {
    /// Of so many MB.
    pub(super) fn new(
        storage_mb: u32,
        clock: &GuestClock,
        meter: &Arc<Meter>,
        log: &Arc<Mutex<Log>>,
    ) -> Self {
        let scratch = Arc::new(Mutex::new(Scratch::new(storage_mb, clock.timestamp())));
        let (clock, meter, log) = (clock.clone(), Arc::clone(meter), Arc::clone(log));
        Self { scratch, storage_mb, clock, meter, log }
    }

    /// The most that the instance ever had.
    pub(crate) fn peak(&self) -> Usage {
        self.lock().peak()
    }

    fn lock(&self) -> MutexGuard<'_, Scratch> {
        self.scratch.lock().expect("nothing panics while it holds this lock")
    }

    /// Says in the log why a stream failed. The C library that most guests are built with makes one
    /// error of all that a stream can have.
    fn tell(&self, error: Error) {
        let text = match error {
            Error::NoSpace => {
                format!("no space left in `/tmp`: {} MB (`ephemeralStorageSize`)", self.storage_mb)
            }
            error => format!("`/tmp` failed: {error}"),
        };
        log_line(&self.log, LogSource::Sandbox, &text);
    }
}

/// An open node, which is closed when this is dropped.
struct OpenNode {
    files: Files,
    /// There until it is dropped.
    handle: Option<Handle>,
}

impl OpenNode {
    fn new(
        files: &Files,
        open: impl FnOnce(&mut Scratch) -> Result<Handle, Error>,
    ) -> Result<Self, Error> {
        let handle = Some(open(&mut files.lock())?);
        Ok(Self { files: files.clone(), handle })
    }

    /// The same node, open once more.
    fn again(&self) -> Result<Self, Error> {
        Self::new(&self.files, |scratch| Ok(scratch.duplicate(self.handle())))
    }

    fn handle(&self) -> &Handle {
        self.handle.as_ref().expect("it is closed when it is dropped")
    }

    /// Does something with the node.
    fn with<T>(&self, call: impl FnOnce(&mut Scratch, &Handle) -> T) -> T {
        let mut scratch = self.files.lock();
        let outcome = call(&mut scratch, self.handle());
        self.files.meter.charge(STEP_FUEL * scratch.take_steps());
        outcome
    }
}

impl Drop for OpenNode {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            self.files.lock().close(handle);
        }
    }
}

/// A guest's handle to a file or a directory.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Descriptor {
    node: OpenNode,
    is_directory: bool,
    is_readable: bool,
    is_writable: bool,
}

impl Descriptor {
    fn file(&self) -> Result<&OpenNode, ErrorCode> {
        if self.is_directory { Err(ErrorCode::BadDescriptor) } else { Ok(&self.node) }
    }

    fn directory(&self) -> Result<&OpenNode, ErrorCode> {
        if self.is_directory { Ok(&self.node) } else { Err(ErrorCode::NotDirectory) }
    }

    fn writable(&self) -> Result<&OpenNode, ErrorCode> {
        if self.is_writable { self.file() } else { Err(ErrorCode::BadDescriptor) }
    }
}

/// Why a call gives no answer: an error for the guest, or the end of it.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub enum Failed {
    Code(ErrorCode),
    Trap(wasmtime::Error),
}

impl From<ErrorCode> for Failed {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Code(code(error))
    }
}

impl From<ResourceTableError> for Failed {
    fn from(error: ResourceTableError) -> Self {
        match error {
            // Linux says that too many files are open; WASI has no word for it.
            ResourceTableError::Full => Self::Code(ErrorCode::InsufficientMemory),
            error => Self::Trap(error.into()),
        }
    }
}

impl preopens::Host for Host {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let node = OpenNode::new(&self.files, |scratch| Ok(scratch.root()))?;
        let root = Descriptor { node, is_directory: true, is_readable: true, is_writable: false };
        Ok(vec![(self.table.push(root)?, MOUNTED_AT.to_owned())])
    }
}

impl types::Host for Host {
    fn convert_error_code(&mut self, failed: Failed) -> wasmtime::Result<ErrorCode> {
        match failed {
            Failed::Code(code) => Ok(code),
            Failed::Trap(error) => Err(error),
        }
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        Ok(self.table.get(&error)?.downcast_ref::<Error>().copied().map(code))
    }
}

fn directory<'table>(
    table: &'table ResourceTable,
    descriptor: &Resource<Descriptor>,
) -> Result<&'table OpenNode, Failed> {
    Ok(table.get(descriptor)?.directory()?)
}

fn datetime(timestamp: Timestamp) -> Datetime {
    let nanoseconds = u32::try_from(timestamp % 1_000_000_000).unwrap_or(0);
    Datetime { seconds: timestamp / 1_000_000_000, nanoseconds }
}

fn timestamp(new: types::NewTimestamp, now: Timestamp) -> Result<Option<Timestamp>, ErrorCode> {
    match new {
        types::NewTimestamp::NoChange => Ok(None),
        types::NewTimestamp::Now => Ok(Some(now)),
        types::NewTimestamp::Timestamp(Datetime { seconds, nanoseconds }) => {
            let whole = seconds.checked_mul(1_000_000_000).ok_or(ErrorCode::Overflow)?;
            whole.checked_add(nanoseconds.into()).ok_or(ErrorCode::Overflow).map(Some)
        }
    }
}

fn descriptor_type(kind: Kind) -> types::DescriptorType {
    match kind {
        Kind::File => types::DescriptorType::RegularFile,
        Kind::Directory => types::DescriptorType::Directory,
        Kind::Symlink => types::DescriptorType::SymbolicLink,
    }
}

fn code(error: Error) -> ErrorCode {
    match error {
        Error::Busy => ErrorCode::Busy,
        Error::Exists => ErrorCode::Exist,
        Error::FileTooLarge => ErrorCode::FileTooLarge,
        Error::Invalid => ErrorCode::Invalid,
        Error::IsDirectory => ErrorCode::IsDirectory,
        Error::Loop => ErrorCode::Loop,
        Error::NameTooLong => ErrorCode::NameTooLong,
        Error::NoSpace => ErrorCode::InsufficientSpace,
        Error::NotDirectory => ErrorCode::NotDirectory,
        Error::NotEmpty => ErrorCode::NotEmpty,
        Error::NotFound => ErrorCode::NoEntry,
        Error::NotPermitted => ErrorCode::NotPermitted,
        Error::TooManyLinks => ErrorCode::TooManyLinks,
        _ => ErrorCode::Io,
    }
}
