//! The compiler's process, from both sides.
//!
//! ```text
//!   host                                         compiler
//!   starts it: no environment, three pipes  -->  sets its own limits
//!   the component                           -->  reads to the end, compiles
//!   reads at most what code may have        <--  kind (1 byte), SHA-256 (32), code or reason (the rest)
//! ```
//!
//! An answer that is whole is the truth. Anything else was the end of a process, and its status says which bound
//! ended it. Standard error holds what a process says that dies: the allocator, a panic, a full stack.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;

use rustix::process::{Resource, Rlimit, Signal};
use sha2::{Digest, Sha256};

use super::{CompilerBounds, code_here, compiling_engine};
use crate::component::LoadError;
use crate::limits::{CODE_BYTES_MAX, COMPONENT_BYTES_MAX};

/// What is kept of what the process says on standard error, in bytes.
const SAID_BYTES_MAX: u64 = 8 << 10;
/// The longest reason that is passed on, in bytes: names in it come from the component.
const REASON_BYTES_MAX: usize = 4 << 10;

/// The kinds of answers.
const CODE: u8 = 0;
const INVALID: u8 = 1;
const MODULE: u8 = 2;
const TOO_LARGE: u8 = 3;
const TOO_COSTLY: u8 = 4;

/// What a process left behind.
enum Ended {
    Answered(Result<Vec<u8>, LoadError>),
    /// The answer would be larger than code may be.
    Endless,
    /// Without a whole answer.
    Silent,
}

/// A process that does not outlive this.
struct Running(Child);

impl Running {
    fn end(&mut self) -> io::Result<ExitStatus> {
        self.0.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both do nothing where it has ended.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// Compiles in another process.
pub(super) fn run(
    command: &Path,
    arguments: &[OsString],
    bounds: CompilerBounds,
    bytes: &[u8],
) -> Result<Vec<u8>, LoadError> {
    // What needs no compiler to be refused.
    super::kind_of(bytes)?;
    let mut running = start(command, arguments, bounds).map_err(|error| LoadError::Compiler {
        reason: format!("`{}` does not start: {error}", command.display()),
    })?;
    let (stdin, stdout, stderr) =
        (running.0.stdin.take(), running.0.stdout.take(), running.0.stderr.take());
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
        unreachable!("all three are pipes");
    };
    std::thread::scope(|scope| {
        // Whoever has ended reads no more; its end says why.
        scope.spawn(move || _ = stdin.write_all(bytes));
        let said = scope.spawn(move || said(stderr));
        let (tell, told) = mpsc::channel();
        scope.spawn(move || _ = tell.send(answer(stdout)));
        let ended = told.recv_timeout(bounds.wall);
        if !matches!(ended, Ok(Ended::Silent)) {
            // It is late, endless or done. The threads beside this one end with it.
            _ = running.0.kill();
        }
        let status = running.end();
        let said = said.join().unwrap_or_default();
        match ended {
            Ok(Ended::Answered(answer)) => answer,
            Ok(Ended::Endless) => {
                Err(costly(format!("its code has more than {CODE_BYTES_MAX} bytes")))
            }
            Ok(Ended::Silent) => Err(died(status, &said, bounds)),
            Err(_) => Err(costly(format!("it takes more than {} seconds", bounds.wall.as_secs()))),
        }
    })
}

fn start(command: &Path, arguments: &[OsString], bounds: CompilerBounds) -> io::Result<Running> {
    let mut command = Command::new(command);
    command.args(arguments).args([bounds.memory_bytes, bounds.cpu_seconds].map(|n| n.to_string()));
    command.env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(target_os = "linux")]
    {
        // Ctrl-C is for the host, and the compiler goes with it (`bound`): otherwise one that was
        // interrupted beside its host would look like a fault of the component.
        use std::os::unix::process::CommandExt;
        command.process_group(0);
    }
    command.spawn().map(Running)
}

/// Reads an answer, and no more than an answer may have.
fn answer(mut stdout: ChildStdout) -> Ended {
    let mut head = [0; 33];
    let mut body = Vec::new();
    let most = CODE_BYTES_MAX as u64 + 1;
    let read = stdout.read_exact(&mut head).and_then(|()| stdout.take(most).read_to_end(&mut body));
    if read.is_err() {
        return Ended::Silent;
    }
    if body.len() > CODE_BYTES_MAX {
        return Ended::Endless;
    }
    let [kind, hash @ ..] = head;
    if digest(kind, &body) != hash {
        return Ended::Silent;
    }
    let reason = || String::from_utf8_lossy(&body).into_owned();
    let answer = match kind {
        CODE => return Ended::Answered(Ok(body)),
        INVALID => LoadError::Invalid { reason: reason() },
        MODULE => LoadError::Module { reason: reason() },
        TOO_LARGE => LoadError::TooLarge { reason: reason() },
        TOO_COSTLY => LoadError::TooCostly { reason: reason() },
        _ => return Ended::Silent,
    };
    Ended::Answered(Err(answer))
}

fn digest(kind: u8, body: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update([kind]).chain_update(body).finalize().into()
}

fn said(mut stderr: ChildStderr) -> String {
    let mut said = Vec::new();
    _ = (&mut stderr).take(SAID_BYTES_MAX).read_to_end(&mut said);
    // The rest is read as well, so that nobody waits for somebody to read it.
    _ = io::copy(&mut stderr, &mut io::sink());
    String::from_utf8_lossy(&said).trim().replace('\n', " ")
}

fn costly(reason: String) -> LoadError {
    LoadError::TooCostly { reason }
}

/// Why a process ended that gave no answer.
fn died(status: io::Result<ExitStatus>, said: &str, bounds: CompilerBounds) -> LoadError {
    let status = match status {
        Ok(status) => status,
        Err(error) => return LoadError::Compiler { reason: error.to_string() },
    };
    let signal = |signal: Signal| status.signal() == Some(signal.as_raw());
    if signal(Signal::XCPU) {
        return costly(format!(
            "it takes more than {} seconds of processor time",
            bounds.cpu_seconds
        ));
    }
    // Rust's allocator says so and aborts.
    if said.contains("memory allocation of") {
        return out_of_memory(bounds.memory_bytes);
    }
    // Threads are refused in the words of the operating system, for their stacks or for their number.
    if said.contains("Resource temporarily unavailable") {
        let mebibytes = bounds.memory_bytes >> 20;
        let reason = "the compiler cannot start its threads: the machine allows no more";
        return LoadError::Compiler {
            reason: format!("{reason}, or {mebibytes} MiB are too little"),
        };
    }
    if said.contains("has overflowed its stack") || signal(Signal::SEGV) {
        return costly("its nesting is too deep for the compiler's stack".to_owned());
    }
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    if signal(Signal::KILL) {
        let reason = "something outside killed the compiler; the machine may be short of memory";
        return LoadError::Compiler { reason: format!("{reason}{said}") };
    }
    LoadError::Compiler { reason: format!("the compiler ended with {status}{said}") }
}

fn out_of_memory(memory_bytes: u64) -> LoadError {
    costly(out_of_memory_reason(memory_bytes))
}

fn out_of_memory_reason(memory_bytes: u64) -> String {
    format!("it takes more than {} MiB of memory", memory_bytes >> 20)
}

/// See [`Compiler::serve`](super::Compiler::serve).
pub(super) fn serve(
    arguments: &[OsString],
    input: impl Read,
    mut output: impl Write,
) -> io::Result<()> {
    let number = |argument: &OsString| argument.to_str()?.parse::<u64>().ok();
    let [Some(memory_bytes), Some(cpu_seconds)] =
        arguments.iter().map(number).collect::<Vec<_>>()[..]
    else {
        let expected = "expected the bytes of memory and the seconds of processor time";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, expected));
    };
    bound(memory_bytes, cpu_seconds)?;
    let engine = compiling_engine().map_err(io::Error::other)?;
    let mut bytes = Vec::new();
    let read = input.take(COMPONENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
    let compiled = match read {
        Ok(_) => code_here(&engine, &bytes),
        Err(error) if error.kind() == io::ErrorKind::OutOfMemory => {
            Err(out_of_memory(memory_bytes))
        }
        Err(error) => return Err(error),
    };
    let (kind, body) = match compiled {
        Ok(code) => (CODE, code),
        // The memory that wasmtime asks the operating system for itself.
        Err(LoadError::Invalid { reason }) if reason.contains("Cannot allocate memory") => {
            (TOO_COSTLY, out_of_memory_reason(memory_bytes).into_bytes())
        }
        Err(LoadError::Invalid { reason }) => (INVALID, shortened(reason)),
        Err(LoadError::Module { reason }) => (MODULE, shortened(reason)),
        Err(LoadError::TooLarge { reason }) => (TOO_LARGE, shortened(reason)),
        Err(LoadError::TooCostly { reason }) => (TOO_COSTLY, shortened(reason)),
        Err(other) => (INVALID, shortened(other.to_string())),
    };
    output.write_all(&[kind])?;
    output.write_all(&digest(kind, &body))?;
    output.write_all(&body)?;
    output.flush()
}

fn shortened(mut reason: String) -> Vec<u8> {
    if reason.len() > REASON_BYTES_MAX {
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        reason.push_str(" ...");
    }
    reason.into_bytes()
}

/// Bounds this process for good. `RLIMIT_AS` would count address space, which engines reserve in
/// terabytes; `RLIMIT_DATA` counts what can be written and is nobody else's.
fn bound(memory_bytes: u64, cpu_seconds: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The soft limit on time ends the process with a signal of its own, the hard one a second later.
    limit(Resource::Cpu, cpu_seconds, cpu_seconds + 1)?;
    limit(Resource::Data, memory_bytes, memory_bytes)?;
    limit(Resource::Core, 0, 0)?;
    limit(Resource::Fsize, 0, 0)
}

/// Lowers a limit; one that is lower already stays.
fn limit(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let now = rustix::process::getrlimit(resource);
    let lower = |now: Option<u64>, to: u64| Some(now.map_or(to, |now| now.min(to)));
    let to = Rlimit { current: lower(now.current, soft), maximum: lower(now.maximum, hard) };
    Ok(rustix::process::setrlimit(resource, to)?)
}
