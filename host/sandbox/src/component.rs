//! Components: bytes checked against the world of a task, compiled, ready to be instantiated.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmtime::component::Type;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{self as wasm, InstancePre};

use crate::compiler::kind_of;
use crate::engine::{Inner, Sandbox};
use crate::host::{Host, bindings::TaskPre};

/// The version of the world that this host offers, `wit/task.wit`.
const WORLD_VERSION: (u64, u64, u64) = (0, 1, 0);
const PACKAGE: &str = "stepwell:task/";
const HANDLER: &str = "stepwell:task/handler";

/// A task, compiled and checked. Cloning shares it.
#[derive(Clone)]
pub struct Component(Arc<Compiled>);

pub(crate) struct Compiled {
    pub(crate) pre: TaskPre<Host>,
    inspection: Inspection,
}

/// What a component is and wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// What the file held.
    pub kind: ComponentKind,
    /// The file's size in bytes.
    pub size_bytes: usize,
    /// The file's SHA-256 in hexadecimal.
    pub sha256: String,
    /// The interfaces that it offers.
    pub exports: Vec<String>,
    /// The interfaces that it uses.
    pub imports: Vec<String>,
    /// Whether it sends HTTP requests, so that it would need `http` grants.
    pub uses_http: bool,
    /// Whether it touches objects, so that it would need `objects` grants.
    pub uses_objects: bool,
}

/// What a file held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComponentKind {
    /// A component.
    Component,
    /// A core module that carries its world's type information; it was made a component.
    Module,
}

/// Why a component cannot be used. `Display` says what is wrong, without the file's name.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The bytes are no WebAssembly at all.
    #[error("not a WebAssembly file: it begins with {beginning}")]
    NotWasm {
        /// The first bytes, for a person.
        beginning: String,
    },
    /// The bytes are cut short or damaged, or use something that is not supported.
    #[error("not a valid component: {reason}")]
    Invalid {
        /// What the compiler says.
        reason: String,
    },
    /// A core module without type information, or with that of another world.
    #[error("a core module that cannot be made a component: {reason}")]
    Module {
        /// What the encoder says.
        reason: String,
    },
    /// More of something than one component may have here: 64 core instances, 4 memories, 8 tables.
    #[error("the component is too large to run here: {reason}")]
    TooLarge {
        /// How much of what, and how much there may be.
        reason: String,
    },
    /// Compiling it broke one of the [`CompilerBounds`](crate::CompilerBounds).
    #[error("the component costs too much to compile: {reason}")]
    TooCostly {
        /// Which bound.
        reason: String,
    },
    /// The compiler's process could not be started, or ended in a way that says nothing about the
    /// component: somebody killed it, or the machine has no memory left.
    #[error("cannot compile the component: {reason}")]
    Compiler {
        /// How it ended.
        reason: String,
    },
    /// The component does not export the handler.
    #[error("the component has another world: it exports {exports} and not `{HANDLER}`")]
    WrongWorld {
        /// What it exports instead.
        exports: String,
    },
    /// The task was built for another version of the world.
    #[error(
        "the task was built for version {found} of `stepwell:task`; this host runs versions {runs}"
    )]
    Version {
        /// The version in the component.
        found: String,
        /// The versions that this host runs.
        runs: String,
    },
    /// The component wants interfaces that the host does not offer.
    #[error("the component imports {imports}, which the host does not offer")]
    UnknownImports {
        /// Their names.
        imports: String,
    },
    /// The component's imports or exports have other types than the world.
    #[error("the component does not fit the world of a task: {reason}")]
    Mismatch {
        /// What does not fit.
        reason: String,
    },
}

impl Component {
    /// Compiles a component, or takes its code from the cache, and checks it against the world.
    ///
    /// Where it is compiled, and what that may cost, is said by `SandboxSettings::compiler`. Compiling takes a tenth of a second for a small task and seconds for a large one: call this off
    /// the threads that must answer.
    pub fn load(sandbox: &Sandbox, bytes: &[u8]) -> Result<Self, LoadError> {
        let kind = kind_of(bytes)?;
        let sha256 = hex(&Sha256::digest(bytes));
        let component = compile(sandbox, bytes, &sha256)?;
        let inspection = inspect(sandbox, &component, kind, bytes.len(), sha256);
        Self::checked(sandbox, &component, inspection)
    }

    /// Loads a component from a file, which is not read where its code is in the cache already.
    ///
    /// The outer error is that of the file.
    pub fn load_file(sandbox: &Sandbox, path: &Path) -> io::Result<Result<Self, LoadError>> {
        let metadata = fs::metadata(path)?;
        let cache = sandbox.inner().cache.as_ref();
        if let Some(sha256) = cache.and_then(|cache| cache.known_hash(&metadata))
            && let Some(component) = cached(sandbox.inner(), &sha256)
        {
            let mut beginning = [0; 8];
            let read = fs::File::open(path)?.read(&mut beginning)?;
            return Ok(kind_of(&beginning[..read]).and_then(|kind| {
                let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
                let inspection = inspect(sandbox, &component, kind, size, sha256);
                Self::checked(sandbox, &component, inspection)
            }));
        }
        let loaded = Self::load(sandbox, &fs::read(path)?);
        if let (Some(cache), Ok(component)) = (cache, &loaded)
            && fs::metadata(path).is_ok_and(|after| after.len() == metadata.len())
        {
            cache.remember_hash(&metadata, &component.inspection().sha256);
        }
        Ok(loaded)
    }

    fn checked(
        sandbox: &Sandbox,
        component: &wasm::Component,
        inspection: Inspection,
    ) -> Result<Self, LoadError> {
        check_versions(&inspection)?;
        let pre = instantiate_pre(sandbox, component)?;
        check_handler(sandbox, component)?;
        let pre =
            TaskPre::new(pre).map_err(|error| LoadError::Mismatch { reason: chain(&error) })?;
        Ok(Self(Arc::new(Compiled { pre, inspection })))
    }

    /// What it is and wants.
    pub fn inspection(&self) -> &Inspection {
        &self.0.inspection
    }

    pub(crate) fn pre(&self) -> &TaskPre<Host> {
        &self.0.pre
    }
}

/// Looks at a component without asking whether it is a task.
impl Inspection {
    /// Inspects any component or module with type information.
    pub fn of(sandbox: &Sandbox, bytes: &[u8]) -> Result<Self, LoadError> {
        let kind = kind_of(bytes)?;
        let sha256 = hex(&Sha256::digest(bytes));
        let component = compile(sandbox, bytes, &sha256)?;
        Ok(inspect(sandbox, &component, kind, bytes.len(), sha256))
    }
}

/// The component's code from the cache, or compiled.
fn compile(sandbox: &Sandbox, bytes: &[u8], sha256: &str) -> Result<wasm::Component, LoadError> {
    let inner = sandbox.inner();
    if let Some(component) = cached(inner, sha256) {
        return Ok(component);
    }
    let code = inner.compiler.code(inner, bytes)?;
    // A cache that cannot be written costs the next process some time; that is no reason to fail.
    let kept = inner.cache.as_ref().and_then(|cache| cache.put(&key(inner, sha256), &code).ok());
    kept.and_then(|path| map(inner, &path).ok())
        .map_or_else(|| deserialize(inner, &code), Ok)
        .map_err(|error| unusable(&error))
}

/// The component's code, if the cache has it.
fn cached(inner: &Inner, sha256: &str) -> Option<wasm::Component> {
    map(inner, &inner.cache.as_ref()?.get(&key(inner, sha256))?).ok()
}

/// The name of a component's code: the component, and everything else that it depends on.
fn key(inner: &Inner, sha256: &str) -> String {
    format!("{sha256}-{:016x}", inner.compatibility)
}

/// Code that was just compiled and still cannot be used: the pool has no place for it, or the compiler is
/// another program than this one.
fn unusable(error: &wasmtime::Error) -> LoadError {
    LoadError::Invalid { reason: chain(error) }
}

#[expect(unsafe_code, reason = "compiled code is what is run")]
fn deserialize(inner: &Inner, code: &[u8]) -> wasmtime::Result<wasm::Component> {
    // SAFETY: the bytes were written by wasmtime in this program, by its compiler, here or in a process that is
    // this very program and was started by us, over a pipe that nobody else has; it runs nothing of the
    // component. wasmtime itself refuses code of other versions and settings.
    unsafe { wasm::Component::deserialize(&inner.engine, code) }
}

/// Code of the cache, mapped into memory: only what is touched is read, and all processes share it.
#[expect(unsafe_code, reason = "compiled code is what is run")]
fn map(inner: &Inner, path: &Path) -> wasmtime::Result<wasm::Component> {
    // SAFETY: the file is an entry of the cache, which names only what this user wrote to a folder that nobody
    // else can write to, for this key and whole by its hash. Entries are replaced and removed, never changed, so
    // what is mapped stays what it is. wasmtime itself refuses code of other versions and settings.
    unsafe { wasm::Component::deserialize_file(&inner.engine, path) }
}

fn inspect(
    sandbox: &Sandbox,
    component: &wasm::Component,
    kind: ComponentKind,
    size_bytes: usize,
    sha256: String,
) -> Inspection {
    let component_type = component.component_type();
    let engine = &sandbox.inner().engine;
    let exports: Vec<_> = component_type.exports(engine).map(|(name, _)| name.to_owned()).collect();
    let imports: Vec<_> = component_type.imports(engine).map(|(name, _)| name.to_owned()).collect();
    let uses = |prefix: &str| imports.iter().any(|import| import.starts_with(prefix));
    let uses_http = uses("wasi:http/outgoing-handler");
    let uses_objects = uses("stepwell:task/buckets");
    Inspection { kind, size_bytes, sha256, exports, imports, uses_http, uses_objects }
}

/// Compares the versions by name before anything else, because what goes wrong later is hard to read.
fn check_versions(inspection: &Inspection) -> Result<(), LoadError> {
    let handler = inspection.exports.iter().find(|name| {
        name.strip_prefix(HANDLER).is_some_and(|rest| rest.is_empty() || rest.starts_with('@'))
    });
    if handler.is_none() {
        if inspection.kind == ComponentKind::Module && inspection.exports.is_empty() {
            let reason = "it carries no type information of a world; build it with wit-bindgen";
            return Err(LoadError::Module { reason: reason.to_owned() });
        }
        let exports = match inspection.exports.as_slice() {
            [] => "nothing".to_owned(),
            exports => quoted(exports),
        };
        return Err(LoadError::WrongWorld { exports });
    }
    let ours = inspection.exports.iter().chain(&inspection.imports);
    for name in ours.filter(|name| name.starts_with(PACKAGE)) {
        let found = name.split_once('@').map_or("none", |(_, version)| version);
        let (major, minor, _) = WORLD_VERSION;
        let mut parts = found.split('.').map(|part| part.parse::<u64>().ok());
        if (parts.next().flatten(), parts.next().flatten()) != (Some(major), Some(minor)) {
            let runs = format!("{major}.{minor}.x");
            return Err(LoadError::Version { found: found.to_owned(), runs });
        }
    }
    Ok(())
}

/// The generated bindings look at the handler's type when they instantiate; that is too late to refuse.
fn check_handler(sandbox: &Sandbox, component: &wasm::Component) -> Result<(), LoadError> {
    let engine = &sandbox.inner().engine;
    let component_type = component.component_type();
    let fits = component_type.exports(engine).any(|(name, item)| match item.ty {
        ComponentItem::ComponentInstance(handler) if name.starts_with(HANDLER) => {
            match handler.get_export(engine, "handle").map(|item| item.ty) {
                Some(ComponentItem::ComponentFunc(handle)) => is_handle(&handle),
                _ => false,
            }
        }
        _ => false,
    });
    if fits {
        return Ok(());
    }
    let signature = "handle: func(event: string) -> result<string, failure>";
    Err(LoadError::Mismatch { reason: format!("`{HANDLER}` has no `{signature}`") })
}

fn is_handle(function: &ComponentFunc) -> bool {
    let takes_text = matches!(function.params().collect::<Vec<_>>()[..], [(_, Type::String)]);
    let results: Vec<_> = function.results().collect();
    let [Type::Result(result)] = &results[..] else { return false };
    let Some(Type::Record(failure)) = result.err() else { return false };
    let fields: Vec<_> = failure.fields().map(|field| (field.name, field.ty)).collect();
    takes_text
        && result.ok() == Some(Type::String)
        && fields == [("error", Type::String), ("cause", Type::String)]
}

fn instantiate_pre(
    sandbox: &Sandbox,
    component: &wasm::Component,
) -> Result<InstancePre<Host>, LoadError> {
    let inner = sandbox.inner();
    inner.linker.instantiate_pre(component).map_err(|error| {
        let unknown: Vec<String> = component
            .component_type()
            .imports(&inner.engine)
            .filter(|(name, item)| {
                // What the host offers at all; another version or type is a mismatch.
                let interface = name.split('@').next().unwrap_or(name);
                !matches!(item.ty, ComponentItem::ComponentInstance(_)) || !host_offers(interface)
            })
            .map(|(name, _)| name.to_owned())
            .collect();
        if unknown.is_empty() {
            LoadError::Mismatch { reason: chain(&error) }
        } else {
            LoadError::UnknownImports { imports: quoted(&unknown) }
        }
    })
}

fn host_offers(interface: &str) -> bool {
    const PACKAGES: [&str; 9] = [
        PACKAGE,
        "wasi:cli/",
        "wasi:clocks/",
        "wasi:filesystem/",
        "wasi:http/",
        "wasi:io/",
        "wasi:logging/",
        "wasi:random/",
        "wasi:sockets/",
    ];
    PACKAGES.iter().any(|package| interface.starts_with(package))
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// An error with its causes on one line.
pub(crate) fn chain(error: &wasmtime::Error) -> String {
    format!("{error:#}").replace('\n', " ")
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        _ = write!(text, "{byte:02x}");
        text
    })
}
