//! Where components come from, and how they are loaded: from files, and from sources that are built first.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stepwell_asl::{Component as Code, FunctionSettings};
use stepwell_build::{BuildError, Builder, Built, Source};
use stepwell_objects::Buckets;
use stepwell_sandbox::{Component, LoadError, Sandbox};

use crate::error::reason;
use crate::output::Output;

/// What components are loaded with.
pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) objects: Arc<dyn Buckets>,
    pub(crate) builder: Builder,
    /// Where it is told that something is built.
    pub(crate) output: Output,
}

/// Where a component comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// A file that holds it.
    File(PathBuf),
    /// What it is built from.
    Source(Source),
}

/// Where a function's component comes from, if it has one. Relative paths begin in `base`.
pub(crate) fn origin(settings: &FunctionSettings, base: &Path) -> Option<Origin> {
    match settings.code.as_ref()? {
        Code::File { path, folder } => Some(Origin::File(base.join(folder).join(path))),
        Code::Source { path, folder, handler } => {
            // Without the `.` of `source: .`, which nobody wants to read.
            let path = base.join(folder).join(path).components().collect();
            Some(Origin::Source(Source { path, handler: handler.clone() }))
        }
        Code::Stub(_) => None,
    }
}

/// Why there is no component.
pub(crate) enum LoadFailure {
    Unbuilt(BuildError),
    Unreadable(std::io::Error),
    Refused(LoadError),
}

impl LoadFailure {
    /// What happened, and whether the machine is the reason.
    pub(crate) fn tell(&self, path: &str) -> (String, bool) {
        match self {
            Self::Unreadable(error) => {
                let message = format!("cannot read the component `{path}`: {}", reason(error));
                let of_the_file = matches!(
                    error.kind(),
                    ErrorKind::NotFound | ErrorKind::IsADirectory | ErrorKind::NotADirectory
                );
                (message, !of_the_file)
            }
            Self::Unbuilt(error) => (error.to_string(), error.is_of_the_machine()),
            Self::Refused(error @ LoadError::Compiler { .. }) => {
                (format!("`{path}`: {error}"), true)
            }
            Self::Refused(error) => (format!("`{path}` is no task: {error}"), false),
        }
    }

    /// The way out, where there is one that can be known.
    pub(crate) fn help(&self, origin: &Origin) -> Option<String> {
        match (self, origin) {
            (Self::Unbuilt(error), _) => error.help(),
            (Self::Unreadable(error), Origin::File(path))
                if error.kind() == ErrorKind::NotFound =>
            {
                let looked_at = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
                let looked_at = looked_at.display();
                Some(format!(
                    "build it so that `{looked_at}` is there, or use a `stub:` until then"
                ))
            }
            (Self::Refused(LoadError::WrongWorld { .. } | LoadError::NotWasm { .. }), _) => {
                Some("build the task for the world `task` of `wit/task.wit`".to_owned())
            }
            (Self::Refused(LoadError::Version { .. }), _) => {
                Some("build the task with the `wit/task.wit` of this version".to_owned())
            }
            (Self::Refused(LoadError::TooCostly { .. }), _) => {
                Some(crate::command::compile::help())
            }
            (Self::Unreadable(_) | Self::Refused(_), _) => None,
        }
    }
}

/// Components, by where they come from.
pub(crate) type Loaded = BTreeMap<Origin, Result<Component, LoadFailure>>;

/// Loads components side by side, each once.
pub(crate) fn load_all(origins: &BTreeSet<Origin>, bench: &Bench) -> Loaded {
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            origins.iter().map(|origin| (origin, scope.spawn(|| load(origin, bench)))).collect();
        let mut loaded = BTreeMap::new();
        for (origin, thread) in threads {
            let component = thread.join().expect("loading a component does not panic");
            loaded.insert(origin.clone(), component);
        }
        loaded
    })
}

/// Loads a component, which is built first if there are only its sources.
pub(crate) fn load(origin: &Origin, bench: &Bench) -> Result<Component, LoadFailure> {
    let built;
    let path = match origin {
        Origin::File(path) => path,
        Origin::Source(source) => {
            built = build(source, false, &bench.builder, &bench.output)
                .map_err(LoadFailure::Unbuilt)?;
            &built.component
        }
    };
    let loaded = Component::load_file(&bench.sandbox, path).map_err(LoadFailure::Unreadable)?;
    loaded.map_err(LoadFailure::Refused)
}

/// Builds a source, and says so where that takes a while.
pub(crate) fn build(
    source: &Source,
    again: bool,
    builder: &Builder,
    output: &Output,
) -> Result<Built, BuildError> {
    let path = source.path.display();
    let began = std::time::Instant::now();
    let built =
        builder.build(source, again, &|line| output.clone().note(&format!("build  {line}")))?;
    if built.anew {
        let seconds = began.elapsed().as_secs_f64();
        output.clone().note(&format!("built  {path} in {seconds:.1} s"));
    }
    Ok(built)
}
