//! The builder: what a run finds in its folder, its environment and its arguments.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;

use super::Ran;

/// No run of these tests takes a tenth of this.
const RUN_TIMEOUT: Duration = Duration::from_mins(1);
/// Nor of this, where toolchains build and interpreters are compiled.
const BUILD_TIMEOUT: Duration = Duration::from_mins(10);

/// A run of the binary, to be described and then run in a folder of its own.
pub(crate) struct Cli {
    folder: TempDir,
    command: Command,
    stdin: Vec<u8>,
    timeout: Duration,
}

impl Cli {
    pub(crate) fn new() -> Self {
        Self::within_folder(TempDir::new().unwrap())
    }

    /// A run in a folder that is there.
    pub(super) fn within_folder(folder: TempDir) -> Self {
        let command = command(folder.path());
        Self { command, folder, stdin: Vec::new(), timeout: RUN_TIMEOUT }
    }

    /// Lets it build what takes long the first time.
    pub(crate) fn patiently(self) -> Self {
        Self { timeout: BUILD_TIMEOUT, ..self }
    }

    /// `stepwell run workflow.yaml` with this text in the file.
    pub(crate) fn workflow(text: &str) -> Self {
        Self::new().file("workflow.yaml", text).args(["run", "workflow.yaml"])
    }

    /// Adds a file to the folder, with the folders above it.
    pub(crate) fn file(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    pub(crate) fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.command.arg(argument.into());
        self
    }

    pub(crate) fn args<A: Into<OsString>>(self, arguments: impl IntoIterator<Item = A>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    pub(crate) fn input(self, json: &str) -> Self {
        self.args(["--input", json])
    }

    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    /// Writes standard output somewhere else.
    pub(crate) fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.command.stdout(stdout);
        self
    }

    /// Writes standard error somewhere else.
    pub(crate) fn stderr(mut self, stderr: impl Into<Stdio>) -> Self {
        self.command.stderr(stderr);
        self
    }

    /// Runs between two shell commands, one that prepares the ground and one that looks at it afterwards.
    /// `wrapper` is what runs the shell, with its arguments, such as `unshare -rm`.
    pub(crate) fn between(self, wrapper: &[&str], before: &str, after: &str) -> Self {
        let script = format!("{before} || exit 99; \"$0\" \"$@\"; code=$?; {after}; exit $code");
        self.within(wrapper, &script)
    }

    /// Runs by way of a shell script, in which `$0` is the binary and `$@` are its arguments.
    pub(crate) fn within(mut self, wrapper: &[&str], script: &str) -> Self {
        let (program, arguments) = wrapper.split_first().unwrap_or((&"env", &[]));
        let mut within = Command::new(program);
        within.args(arguments).args(["sh", "-c", script]);
        within.arg(self.command.get_program()).args(self.command.get_args());
        within.current_dir(self.folder.path()).env_clear();
        for (name, value) in self.command.get_envs() {
            within.env(name, value.unwrap_or_default());
        }
        within.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command = within;
        self
    }

    /// A path in the run's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What `stepwell executions` says in a folder.
    pub(crate) fn listing(folder: &Path) -> String {
        let output = command(folder).arg("executions").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Ran {
        self.start().end()
    }

    /// Starts it and gives the hand on it.
    pub(crate) fn start(mut self) -> Background {
        let mut child = self.command.spawn().unwrap();
        let stdin = std::mem::take(&mut self.stdin);
        let mut pipe = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || {
            // Whoever does not read its input may close it.
            _ = pipe.write_all(&stdin);
        });
        let stdout = child.stdout.take().map(read_to_end);
        let stderr = child.stderr.take().map(BufReader::new);
        let watched = watch(child.id(), self.timeout);
        let said = String::new();
        Background { folder: self.folder, child, writer, stdout, stderr, said, watched }
    }
}

/// A run that goes on while the test does.
pub(crate) struct Background {
    folder: TempDir,
    child: Child,
    writer: JoinHandle<()>,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<BufReader<std::process::ChildStderr>>,
    said: String,
    /// As long as this is there, the run is watched.
    watched: Sender<()>,
}

impl Background {
    /// Reads standard error until it has said this.
    pub(crate) fn wait_for(mut self, text: &str) -> Self {
        let stderr = self.stderr.as_mut().unwrap();
        while !self.said.contains(text) {
            let read = stderr.read_line(&mut self.said).unwrap();
            assert!(read > 0, "it ended without saying `{text}`:\n{}", self.said);
        }
        self
    }

    /// Waits until something holds of the folder.
    pub(crate) fn wait_until(self, holds: impl Fn(&Path) -> bool) -> Self {
        while !holds(self.folder.path()) {
            std::thread::yield_now();
        }
        self
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where it runs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Another run in the same folder, while this one goes on.
    pub(crate) fn beside(&self) -> Beside {
        Beside(command(self.folder.path()))
    }

    /// Sends a signal, such as `INT`.
    pub(crate) fn signal(self, name: &str) -> Self {
        assert!(kill(self.child.id(), name));
        self
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ran {
        let mut stderr = self.said;
        if let Some(mut rest) = self.stderr.take() {
            rest.read_to_string(&mut stderr).unwrap();
        }
        let stdout = self.stdout.map_or_else(String::new, |reader| reader.join().unwrap());
        self.writer.join().unwrap();
        let status = self.child.wait().unwrap();
        drop(self.watched);
        Ran::new(self.folder, status, stdout, stderr)
    }
}

/// A run in the folder of another one.
pub(crate) struct Beside(Command);

impl Beside {
    pub(crate) fn args<A: Into<OsString>>(
        mut self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        self.0.args(arguments.into_iter().map(Into::into));
        self
    }

    pub(crate) fn run(mut self) -> Ran {
        let output = self.0.stdin(Stdio::null()).output().unwrap();
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        Ran::new(TempDir::new().unwrap(), output.status, stdout, stderr)
    }
}

fn kill(process: u32, signal: &str) -> bool {
    let kill = format!("kill -s {signal} {process}");
    Command::new("sh").args(["-c", &kill]).status().unwrap().success()
}

/// Kills a run that takes far too long, so that its test fails instead of hanging.
fn watch(process: u32, timeout: Duration) -> Sender<()> {
    let (watched, over) = mpsc::channel();
    std::thread::spawn(move || {
        if over.recv_timeout(timeout) == Err(RecvTimeoutError::Timeout) {
            kill(process, "KILL");
        }
    });
    watched
}

fn read_to_end(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        text
    })
}

/// The binary with an environment that holds nothing of the developer's own. Compiled code is kept from
/// one run of the tests to the next.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepwell"));
    command.current_dir(folder).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", folder).env("NO_COLOR", "1");
    command.env("STEPWELL_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("stepwell-code"));
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
