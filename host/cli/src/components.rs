//! Where components come from, and how they are loaded: from files, from sources that are built first, and
//! from registries.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt::Display;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use stepwell_asl::{
    Component as Code, FunctionSettings, RegistryReference, RegistryReferenceError,
};
use stepwell_build::{BuildError, Builder, Built, Source};
use stepwell_objects::Buckets;
use stepwell_registry::{Fetched, Registry, RegistryError};
use stepwell_sandbox::{Component, LoadError, Sandbox};

use crate::error::{CommandError, reason};
use crate::functions::Unusable;
use crate::output::Output;

/// What components are loaded with.
pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) objects: Arc<dyn Buckets>,
    pub(crate) supply: Supply,
}

/// What makes files of what is none yet.
pub(crate) struct Supply {
    pub(crate) builder: Builder,
    pub(crate) registry: Registry,
    /// Where it is told what takes a while.
    pub(crate) output: Output,
}

/// Where a component comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// A file that holds it.
    File(PathBuf),
    /// What it is built from.
    Source(Source),
    /// Its name in a registry.
    Registry(RegistryReference),
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
        Code::Registry(reference) => Some(Origin::Registry(reference.clone())),
        Code::Stub(_) => None,
    }
}

/// Whether what a command takes instead of a file is a reference to a component in a registry.
pub(crate) fn is_reference(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().starts_with(b"oci://")
}

/// The reference that a command takes instead of a file.
pub(crate) fn reference(path: &Path) -> Result<RegistryReference, CommandError> {
    let text = path.to_string_lossy();
    text.parse().map_err(|error: RegistryReferenceError| {
        CommandError::invalid(error.message).with_help(error.help)
    })
}

/// What a component is called in the file.
fn written(code: &Code) -> String {
    match code {
        Code::File { path, .. } | Code::Source { path, .. } => path.clone(),
        Code::Registry(reference) => reference.to_string(),
        Code::Stub(_) => "stub".to_owned(),
    }
}

/// Why there is no component.
pub(crate) enum LoadFailure {
    Unbuilt(BuildError),
    Unfetched(RegistryError),
    Unreadable(std::io::Error),
    Refused(LoadError),
}

impl LoadFailure {
    /// What that means for a function of the file.
    pub(crate) fn of(&self, function: &str, code: &Code, origin: &Origin) -> Unusable {
        let (message, environment) = self.tell(&written(code));
        let (function, help) = (function.to_owned(), self.help(origin));
        Unusable { function, message, help, environment }
    }

    /// What happened, and whether the machine is the reason.
    fn tell(&self, path: &str) -> (String, bool) {
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
            Self::Unfetched(error) => (error.to_string(), error.is_of_the_machine()),
            Self::Refused(error @ LoadError::Compiler { .. }) => {
                (format!("`{path}`: {error}"), true)
            }
            Self::Refused(error) => (format!("`{path}` is no task: {error}"), false),
        }
    }

    /// The way out, where there is one that can be known.
    fn help(&self, origin: &Origin) -> Option<String> {
        match (self, origin) {
            (Self::Unbuilt(error), _) => error.help(),
            (Self::Unfetched(error), _) => error.help(),
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

/// Loads a component, once there is a file of it.
pub(crate) fn load(origin: &Origin, bench: &Bench) -> Result<Component, LoadFailure> {
    let Bench { sandbox, supply, .. } = bench;
    let load_file = |path: &Path, named: &dyn Display| {
        let loaded = supply.compiling(named, || Component::load_file(sandbox, path));
        loaded.map_err(LoadFailure::Unreadable)?.map_err(LoadFailure::Refused)
    };
    match origin {
        Origin::File(path) => load_file(path, &path.display()),
        Origin::Source(source) => {
            let built = supply.build(source, false).map_err(LoadFailure::Unbuilt)?;
            load_file(&built.component, &source.path.display())
        }
        Origin::Registry(reference) => {
            load_fetched(supply, reference, |path| load_file(path, reference))
        }
    }
}

/// Loads what was fetched now or before; where it is no longer what was fetched, it is fetched once more.
fn load_fetched(
    supply: &Supply,
    reference: &RegistryReference,
    load_file: impl Fn(&Path) -> Result<Component, LoadFailure>,
) -> Result<Component, LoadFailure> {
    let fetched = supply.fetch(reference).map_err(LoadFailure::Unfetched)?;
    let loaded = load_file(&fetched.component);
    let is_intact = match &loaded {
        // The sandbox knows its hash without reading it once more.
        Ok(component) => component.inspection().sha256 == fetched.sha256,
        Err(_) => fetched.is_intact(),
    };
    if is_intact {
        return loaded;
    }
    let fetched = supply.fetch_again(&fetched).map_err(LoadFailure::Unfetched)?;
    load_file(&fetched.component)
}

/// How long code may be on its way from the cache before it must be a compiler that it waits for.
const COMPILING_AFTER: Duration = Duration::from_millis(500);

impl Supply {
    /// Builds a source, and says so where that takes a while.
    pub(crate) fn build(&self, source: &Source, again: bool) -> Result<Built, BuildError> {
        let began = Instant::now();
        let built =
            self.builder.build(source, again, &|line| self.note(&format!("build  {line}")))?;
        if built.anew {
            self.done(began, &format!("built  {}", source.path.display()));
        }
        Ok(built)
    }

    /// Fetches a component, and says so where that takes a while.
    fn fetch(&self, reference: &RegistryReference) -> Result<Fetched, RegistryError> {
        let began = Instant::now();
        let fetched = self.registry.fetch(reference, &|line| self.note(line))?;
        if fetched.anew {
            self.done(began, &format!("fetched  {reference}"));
        }
        Ok(fetched)
    }

    /// The same, for whoever does not load it: all of the file is read, to see that it is what was fetched.
    pub(crate) fn fetch_intact(
        &self,
        reference: &RegistryReference,
    ) -> Result<Fetched, RegistryError> {
        let fetched = self.fetch(reference)?;
        if fetched.anew || fetched.is_intact() { Ok(fetched) } else { self.fetch_again(&fetched) }
    }

    fn fetch_again(&self, damaged: &Fetched) -> Result<Fetched, RegistryError> {
        self.note(&format!("`{}` is damaged", damaged.component.display()));
        self.registry.fetch_again(damaged, &|line| self.note(line))
    }

    /// Loads a component, and says so where it has to be compiled and that takes a while.
    fn compiling<T>(&self, named: &dyn Display, load: impl FnOnce() -> T) -> T {
        let compile = format!("compile  {named}, once");
        let began = Instant::now();
        std::thread::scope(|scope| {
            let (loading, waiting) = mpsc::channel::<Infallible>();
            let slow = scope.spawn(move || {
                let slow = waiting.recv_timeout(COMPILING_AFTER) == Err(RecvTimeoutError::Timeout);
                if slow {
                    self.note(&compile);
                }
                slow
            });
            let loaded = load();
            drop(loading);
            if slow.join().expect("telling does not panic") {
                self.done(began, &format!("compiled  {named}"));
            }
            loaded
        })
    }

    fn done(&self, began: Instant, what: &str) {
        self.note(&format!("{what} in {:.1} s", began.elapsed().as_secs_f64()));
    }

    fn note(&self, text: &str) {
        self.output.clone().note(text);
    }
}
