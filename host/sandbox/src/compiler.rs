//! Where components are compiled, and what that may cost.
//!
//! Compiling is the one thing that the host does with a component at full length before any limit of a function
//! is in force, and a small file can make it costly: a `br_table` of thirty thousand targets that each take a
//! thousand values is 50 kB long. In a process of its own it has bounds that the operating system keeps, and
//! can end in no way that ends the host.

#[cfg(unix)]
mod process;

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmtime::Engine;
use wit_component::ComponentEncoder;

use crate::component::{ComponentKind, LoadError, chain};
use crate::engine::{Inner, code_config};
use crate::limits::COMPONENT_BYTES_MAX;
use crate::scan;

/// Where components are compiled.
#[derive(Debug, Clone, Default)]
pub enum Compiler {
    /// In this process, bounded by nothing but the file's size: for tests, and for components that are
    /// trusted.
    #[default]
    InProcess,
    /// In a process of its own, one at a time. Where there are no resource limits (other systems than Unix) this is
    /// the same as [`InProcess`](Self::InProcess), and other systems than Linux do not keep the bound on memory.
    Process {
        /// The program, which is this one: code that another version compiled is refused.
        command: PathBuf,
        /// What makes it call [`Compiler::serve`]; the arguments for that follow them.
        arguments: Vec<OsString>,
        /// What one compilation may cost.
        bounds: CompilerBounds,
    },
}

/// What compiling one component may cost.
///
/// The defaults leave room for what Lambda's package can hold in practice: an interpreter of 18 MB takes a
/// quarter of the memory and a tenth of the time (`docs/adr/0010`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompilerBounds {
    /// Private writable memory in bytes (`RLIMIT_DATA`), over all threads.
    pub memory_bytes: u64,
    /// Processor time in seconds (`RLIMIT_CPU`), over all threads.
    pub cpu_seconds: u64,
    /// Time on the wall, for what needs no processor time: a machine that swaps, a process that is stopped.
    pub wall: Duration,
}

impl Default for CompilerBounds {
    fn default() -> Self {
        Self { memory_bytes: 4 << 30, cpu_seconds: 120, wall: Duration::from_mins(5) }
    }
}

impl Compiler {
    /// This program, started again with these arguments.
    ///
    /// On Linux it is named by `/proc/self/exe`: the program as it runs, also after an update has put another
    /// one in its place.
    pub fn this_program(arguments: Vec<OsString>, bounds: CompilerBounds) -> io::Result<Self> {
        let running = PathBuf::from("/proc/self/exe");
        let command = if cfg!(target_os = "linux") && running.exists() {
            running
        } else {
            std::env::current_exe()?
        };
        Ok(Self::Process { command, arguments, bounds })
    }

    /// The other side of [`Compiler::Process`]: bounds this process for good, reads a component to its end,
    /// compiles it, and writes the code or why there is none.
    ///
    /// `arguments` are those after the ones of `Compiler::Process`. Fails when they are others, when the
    /// process cannot be bounded, and when nobody takes the answer.
    pub fn serve(arguments: &[OsString], input: impl Read, output: impl Write) -> io::Result<()> {
        #[cfg(unix)]
        return process::serve(arguments, input, output);
        #[cfg(not(unix))]
        {
            _ = (arguments, input, output);
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    /// The compiled code of a component, or of a module that is made one first.
    pub(crate) fn code(&self, inner: &Inner, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
        match self {
            #[cfg(unix)]
            Self::Process { command, arguments, bounds } => {
                let _one =
                    inner.compiling.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                process::run(command, arguments, *bounds, bytes)
            }
            _ => code_here(&inner.engine, bytes),
        }
    }
}

/// What a file holds, by its first bytes; refuses what is too large to be looked at.
pub(crate) fn kind_of(bytes: &[u8]) -> Result<ComponentKind, LoadError> {
    const MAGIC: &[u8] = b"\0asm";
    if !bytes.starts_with(MAGIC) {
        let beginning = match bytes {
            [] => "nothing: the file is empty".to_owned(),
            _ => format!("`{}`", bytes[..bytes.len().min(12)].escape_ascii()),
        };
        return Err(LoadError::NotWasm { beginning });
    }
    if bytes.len() > COMPONENT_BYTES_MAX {
        let reason = format!("it has {} bytes, the most is {COMPONENT_BYTES_MAX}", bytes.len());
        return Err(LoadError::Invalid { reason });
    }
    // The layer field of the preamble: 0 for a core module, 1 for a component.
    match bytes.get(6..8) {
        Some([0, 0]) => Ok(ComponentKind::Module),
        Some(_) => Ok(ComponentKind::Component),
        None => Err(LoadError::Invalid { reason: "the file is cut short".to_owned() }),
    }
}

/// Compiles in this process.
fn code_here(engine: &Engine, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    let encoded = match kind_of(bytes)? {
        ComponentKind::Component => None,
        ComponentKind::Module => Some(encode(bytes)?),
    };
    let bytes = encoded.as_deref().unwrap_or(bytes);
    scan::check(bytes)?;
    engine.precompile_component(bytes).map_err(|error| LoadError::Invalid { reason: chain(&error) })
}

/// An engine that compiles and runs nothing.
fn compiling_engine() -> wasmtime::Result<Engine> {
    Engine::new(&code_config())
}

/// Makes a component of a core module with type information. What it imports of WASI's preview 1, as modules of
/// C toolchains do, is wasmtime's adapter, inside the component.
fn encode(module: &[u8]) -> Result<Vec<u8>, LoadError> {
    let encode = || {
        ComponentEncoder::default()
            .module(module)?
            .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?
            .validate(true)
            .encode()
    };
    encode().map_err(|error| LoadError::Module { reason: format!("{error:#}").replace('\n', " ") })
}
