//! The journal as the commands use it: where it is, what they keep with an execution beside its events, and
//! taking an execution up again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stepwell_asl::{Definition, NamedMachine, Workflow};
use stepwell_engine::Execution;
use stepwell_journal::{Durability, Journal, JournalError, Key, Loaded, Status, Summary};

use crate::args::{DriveArgs, DurabilityArg, StateArgs, TermsArgs};
use crate::clock::Clock;
use crate::driver::Share;
use crate::error::CommandError;
use crate::workflow_file::{Kept, choose};

/// What an execution is run with, beside its workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// Where objects are: a folder, or `s3`.
    pub(crate) objects: PathBuf,
    /// Whether the clock jumps over waits.
    #[serde(default)]
    pub(crate) skip_waits: bool,
    /// How its tasks are treated.
    #[serde(default, flatten)]
    pub(crate) terms: TermsArgs,
    /// The hashes of its components when it began, by the names of their functions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) components: BTreeMap<String, String>,
}

impl Settings {
    /// Those that were kept with an execution.
    pub(crate) fn read(loaded: &Loaded) -> Result<Self, CommandError> {
        serde_json::from_str(&loaded.settings).map_err(|error| broken(loaded, &error))
    }

    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("settings are texts")
    }
}

/// The journal of a command that only looks, or that says something to executions.
pub(crate) fn open(state: &StateArgs) -> Result<Journal, CommandError> {
    open_in(&state.state)
}

/// The journal of a folder that has one.
pub(crate) fn open_in(dir: &Path) -> Result<Journal, CommandError> {
    Ok(Journal::open_existing(dir, Durability::Step)?)
}

/// An execution by its name, the beginning of its name, or its ARN.
pub(crate) fn find(journal: &Journal, name: &str) -> Result<Summary, CommandError> {
    Ok(journal.describe(journal.find(name)?)?)
}

/// An execution that this process takes up.
pub(crate) struct Taken {
    pub(crate) loaded: Loaded,
    /// What its workflow was read from.
    pub(crate) kept: Kept,
    /// The workflow as it was.
    pub(crate) workflow: Workflow,
    pub(crate) settings: Settings,
}

impl Taken {
    /// Reads what the journal has.
    pub(crate) fn load(journal: &Journal, key: Key) -> Result<Self, CommandError> {
        let loaded = journal.load(key)?;
        let kept: Kept =
            serde_json::from_str(&loaded.workflow).map_err(|error| broken(&loaded, &error))?;
        let settings = Settings::read(&loaded)?;
        let workflow = kept.load().map_err(|findings| kept.refuse(findings))?;
        Ok(Self { loaded, kept, workflow, settings })
    }

    /// The machine that it runs, as it was.
    pub(crate) fn machine(&self) -> Result<&NamedMachine, CommandError> {
        choose(&self.workflow, Some(&self.loaded.start.machine_name))
    }

    /// Where it stands.
    pub(crate) fn restore(&self, journal: &Journal) -> Result<Execution, CommandError> {
        restore(&self.loaded, journal, &self.machine()?.definition)
    }
}

/// Where an execution stands.
pub(crate) fn restore(
    loaded: &Loaded,
    journal: &Journal,
    definition: &Definition,
) -> Result<Execution, CommandError> {
    if loaded.summary.status == Status::Pending {
        let start = loaded.start.clone();
        return Ok(Execution::new(stepwell_engine::Start { at: Clock::wall(), ..start }));
    }
    Ok(journal.restore(loaded.summary.key, definition)?)
}

fn broken(loaded: &Loaded, what: &dyn std::fmt::Display) -> CommandError {
    let name = &loaded.summary.name;
    CommandError::environment(format!("what is kept with the execution `{name}`: {what}"))
}

/// The status as it is shown: of one that has not ended, whether a process runs it.
pub(crate) fn status_of(journal: &Journal, summary: &Summary) -> Result<String, CommandError> {
    if summary.status != Status::Running || journal.driven_by(summary.key)?.is_some() {
        return Ok(summary.status.to_string());
    }
    // It may have ended since it was looked for.
    Ok(match journal.describe(summary.key)?.status {
        Status::Running => "INTERRUPTED".to_owned(),
        status => status.to_string(),
    })
}

/// The journal of a command that drives executions of it.
pub(crate) fn share(args: &DriveArgs) -> Result<Share, CommandError> {
    let durability = args.durability.into();
    share_of(Journal::open_existing(&args.state.state, durability)?, durability)
}

/// Makes this process one that drives executions.
pub(crate) fn share_of(journal: Journal, durability: Durability) -> Result<Share, CommandError> {
    let owner = journal.register(Timestamp::now())?;
    let optional = durability == Durability::None;
    Ok(Share { journal, owner, optional, given_up: false })
}

impl From<DurabilityArg> for Durability {
    fn from(said: DurabilityArg) -> Self {
        match said {
            DurabilityArg::None => Self::None,
            DurabilityArg::Step => Self::Step,
            DurabilityArg::Full => Self::Full,
        }
    }
}

/// Where objects are if it is not said: beside the journal.
pub(crate) fn objects(said: Option<&Path>, state: &Path) -> PathBuf {
    said.map_or_else(|| state.join("objects"), Path::to_owned)
}

impl From<JournalError> for CommandError {
    fn from(error: JournalError) -> Self {
        let (message, help) = (error.to_string(), help_of(&error));
        match error {
            JournalError::NotFound { .. }
            | JournalError::AlreadyExists { .. }
            | JournalError::NoSuchExecution { .. }
            | JournalError::Ambiguous { .. }
            | JournalError::BatchExists { .. }
            | JournalError::Owned { .. }
            | JournalError::NotClosed { .. }
            | JournalError::InvalidToken
            | JournalError::TaskDoesNotExist
            | JournalError::TaskTimedOut => Self::invalid(message).with_help(help),
            _ => Self::environment(message).with_help(help),
        }
    }
}

/// The way out, with the commands that lead there.
fn help_of(error: &JournalError) -> String {
    let help = error.help();
    match error {
        JournalError::NotFound { .. } => {
            "`stepwell run FILE` makes one; name its folder with `--state DIR`".to_owned()
        }
        JournalError::NoSuchExecution { .. } => {
            "`stepwell executions` lists those that there are".to_owned()
        }
        JournalError::ReadOnly { .. } | JournalError::Io { .. } => {
            format!("{help}; or choose another folder with `--state DIR`")
        }
        JournalError::Damaged { .. } | JournalError::Corrupt { .. } => {
            "`stepwell doctor` says what is wrong, and saves what can be read with `--salvage DIR`"
                .to_owned()
        }
        JournalError::DiskFull { .. } => {
            format!("{help}: `stepwell prune --older-than 7d`, then `stepwell resume --all`")
        }
        _ => help.to_owned(),
    }
}
