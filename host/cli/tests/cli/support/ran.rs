//! What came of a run, and what can be said about it.

use std::fs;
use std::path::PathBuf;
use std::process::ExitStatus;

use serde_json::Value;
use tempfile::TempDir;

use super::{Cli, filtered};

/// What a failed test shows of each stream, in bytes.
const TOLD_BYTES_MAX: usize = 8_192;

/// A run that has ended. Its folder is still there.
pub(crate) struct Ran {
    folder: TempDir,
    status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(super) fn new(folder: TempDir, status: ExitStatus, stdout: String, stderr: String) -> Self {
        let ran = Self { folder, status, stdout, stderr };
        let panicked = ran.stderr.lines().any(|line| line.starts_with("thread '"));
        assert!(!panicked, "{}", ran.told());
        ran
    }

    /// The folder once more, for another run in it.
    pub(crate) fn again(self) -> Cli {
        Cli::within_folder(self.folder)
    }

    /// It exited with this code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{}", self.told());
        self
    }

    #[track_caller]
    pub(crate) fn succeeds(self) -> Self {
        self.exits(0)
    }

    /// Standard error holds all of these.
    #[track_caller]
    pub(crate) fn says<const N: usize>(self, texts: [&str; N]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "it does not say `{text}`:\n{}", self.told());
        }
        self
    }

    /// Standard error holds none of these.
    #[track_caller]
    pub(crate) fn does_not_say<const N: usize>(self, texts: [&str; N]) -> Self {
        for text in texts {
            assert!(!self.stderr.contains(text), "it says `{text}`:\n{}", self.told());
        }
        self
    }

    /// Standard output is exactly this, and the end of the line.
    #[track_caller]
    pub(crate) fn prints(self, text: &str) -> Self {
        assert_eq!(self.stdout, format!("{text}\n"), "{}", self.told());
        self
    }

    /// Standard output is empty.
    #[track_caller]
    pub(crate) fn prints_nothing(self) -> Self {
        assert_eq!(self.stdout, "", "{}", self.told());
        self
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.told()))
    }

    /// Standard error with what differs from run to run replaced.
    pub(crate) fn shown_stderr(&self) -> String {
        let folder = self.folder.path().display().to_string();
        filtered(&self.stderr.replace(&folder, "FOLDER"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file that the run left.
    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> String {
        let read = fs::read_to_string(self.path(name));
        read.unwrap_or_else(|error| panic!("`{name}`: {error}\n{}", self.told()))
    }

    /// A history that the run left: its events.
    #[track_caller]
    pub(crate) fn history(&self, name: &str) -> Vec<Value> {
        let history: Value = serde_json::from_str(&self.read(name)).unwrap();
        history["events"].as_array().unwrap().clone()
    }

    /// All files below a folder that the run left, by their paths in it.
    pub(crate) fn files(&self, below: &str) -> Vec<String> {
        let root = self.path(below);
        let mut open = vec![root.clone()];
        let mut files = Vec::new();
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    files.push(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        files.sort();
        files
    }

    /// All of it, within bounds, for the message of a test that fails.
    pub(crate) fn told(&self) -> String {
        let Self { status, stdout, stderr, .. } = self;
        let [stdout, stderr] =
            [stdout, stderr].map(|text| &text[..text.floor_char_boundary(TOLD_BYTES_MAX)]);
        format!("{status}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}
