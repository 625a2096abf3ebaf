//! A workflow's functions as things that can be called: components in the sandbox, and stubs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stepwell_asl::{
    Architecture, Component as Code, Definition, FunctionSettings, Limits, Reuse, StateKind, Stub,
    StubAnswer, Workflow,
};
use stepwell_build::{BuildError, Builder, Built, Source};
use stepwell_engine::Failure;
use stepwell_lambda::FunctionLimits;
use stepwell_objects::Buckets;
use stepwell_query::Document;
use stepwell_sandbox::{
    Component, Enforcement, Environment, Function, Grants, HttpGrant, Invocation, LoadError,
    ObjectGrant, Report, Sandbox,
};

use crate::args::{LimitsArg, TermsArgs};
use crate::error::reason;
use crate::output::Output;

/// The functions that a machine calls, by the name that its resources use.
#[derive(Clone, Default)]
pub struct Functions {
    by_name: BTreeMap<String, Callable>,
    /// Those that have nothing to answer with.
    without_code: BTreeSet<String>,
    /// SHA-256 of the components, by their functions' names in the file.
    hashes: BTreeMap<String, String>,
}

/// Something that can be called.
#[derive(Clone)]
pub enum Callable {
    /// A component in the sandbox.
    Function(Function),
    /// Answers without a component: one answer per call, the last one repeating.
    Stub(Arc<Stub>),
}

/// A call.
pub(crate) struct Call {
    pub(crate) request_id: String,
    pub(crate) arn: Arc<str>,
    pub(crate) payload: Document,
}

/// What came of a call.
pub(crate) struct Answer {
    pub(crate) result: Result<Document, Failure>,
    pub(crate) report: Option<Box<Report>>,
}

/// What components are loaded with.
pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) objects: Arc<dyn Buckets>,
    pub(crate) builder: Builder,
    /// Where it is told that something is built.
    pub(crate) output: Output,
}

/// A function whose component cannot be used.
pub(crate) struct Unusable {
    pub(crate) function: String,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    /// The machine, not the file, is the reason.
    pub(crate) environment: bool,
}

impl Functions {
    /// No functions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, under the name that resources use.
    pub fn insert(&mut self, name: impl Into<String>, callable: Callable) {
        self.by_name.insert(name.into(), callable);
    }

    /// Whether one of the functions that a machine calls is a component.
    pub(crate) fn need_sandbox(workflow: &Workflow, definition: &Definition) -> bool {
        called(workflow, definition)
            .any(|(_, _, settings)| origin(settings, Path::new("")).is_some())
    }

    /// The buckets that the functions of a machine have grants for.
    pub(crate) fn buckets<'w>(
        workflow: &'w Workflow,
        definition: &'w Definition,
    ) -> BTreeSet<&'w str> {
        called(workflow, definition)
            .flat_map(|(_, _, settings)| &settings.grants.objects)
            .map(|grant| grant.bucket.as_str())
            .collect()
    }

    /// Loads what a machine calls. Components are compiled side by side, one that several functions
    /// share only once. Relative paths begin in `base`.
    pub(crate) fn load(
        workflow: &Workflow,
        definition: &Definition,
        base: &Path,
        bench: Option<&Bench>,
        terms: &TermsArgs,
    ) -> Result<Self, Vec<Unusable>> {
        let mut functions = Self::default();
        let mut unusable = Vec::new();
        // Without components there is no sandbox, and nothing to load.
        let origins: BTreeSet<Origin> = called(workflow, definition)
            .filter_map(|(_, _, settings)| origin(settings, base))
            .collect();
        let loaded = bench.map(|bench| load_all(&origins, bench)).unwrap_or_default();
        let mut made = BTreeMap::new();
        for (resource, name, settings) in called(workflow, definition) {
            let callable = match &settings.code {
                Some(Code::Stub(stub)) => Callable::Stub(Arc::new(stub.clone())),
                Some(Code::File { path, .. } | Code::Source { path, .. }) => {
                    let origin = origin(settings, base).expect("it has one");
                    match (loaded.get(&origin), bench) {
                        (Some(Ok(component)), Some(Bench { sandbox, objects, .. })) => {
                            let hash = component.inspection().sha256.clone();
                            functions.hashes.insert(name.to_owned(), hash);
                            // One function, whatever it is called: its concurrency is one.
                            let function = made.entry(name).or_insert_with(|| {
                                let settings = sandbox_settings(name, settings, objects, terms);
                                Function::new(sandbox, component.clone(), settings)
                            });
                            Callable::Function(function.clone())
                        }
                        (Some(Err(failure)), _) => {
                            let (message, environment) = failure.tell(path);
                            let function = name.to_owned();
                            let help = failure.help(&origin);
                            unusable.push(Unusable { function, message, help, environment });
                            continue;
                        }
                        _ => unreachable!("a workflow with components is loaded with a sandbox"),
                    }
                }
                None => {
                    functions.without_code.insert(resource.to_owned());
                    continue;
                }
            };
            functions.insert(resource, callable);
        }
        if unusable.is_empty() { Ok(functions) } else { Err(unusable) }
    }

    /// Loads a function that nobody calls: its component, and what it is to be a function with.
    pub(crate) fn load_one(
        name: &str,
        settings: &FunctionSettings,
        base: &Path,
        bench: &Bench,
        terms: &TermsArgs,
    ) -> Result<(Component, stepwell_sandbox::FunctionSettings), Box<Unusable>> {
        let unusable = |message: &str, help: Option<String>, environment| {
            let (function, message) = (name.to_owned(), message.to_owned());
            Box::new(Unusable { function, message, help, environment })
        };
        match &settings.code {
            Some(Code::File { path, .. } | Code::Source { path, .. }) => {
                let origin = origin(settings, base).expect("it has one");
                let component = load_component(&origin, bench).map_err(|failure| {
                    let (message, environment) = failure.tell(path);
                    unusable(&message, failure.help(&origin), environment)
                })?;
                Ok((component, sandbox_settings(name, settings, &bench.objects, terms)))
            }
            Some(Code::Stub(_)) => Err(unusable(
                "it is a `stub:`, which takes nothing that could be measured",
                None,
                false,
            )),
            None => Err(unusable("it has no `component:` and no `source:`", None, false)),
        }
    }

    /// SHA-256 of the components, by their functions' names in the file.
    pub(crate) fn hashes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.hashes.iter().map(|(name, hash)| (name.as_str(), hash.as_str()))
    }

    /// The answer to a call of a function that is not there.
    pub(crate) fn missing(&self, resource: &str, call: &Call) -> Answer {
        let failure = if self.without_code.contains(resource) {
            let cause = format!("the function `{resource}` has no `component:` and no `stub:`");
            Failure::new("Stepwell.NoCode", cause)
        } else {
            no_such_function(call)
        };
        Answer { result: Err(failure), report: None }
    }

    pub(crate) fn get(&self, resource: &str) -> Option<&Callable> {
        self.by_name.get(resource)
    }
}

/// What the Lambda service answers for a function that it does not know (`facts/asl.md` 13.1).
fn no_such_function(call: &Call) -> Failure {
    /// Colons in an ARN without a qualifier.
    const COLONS: usize = 6;
    let (arn, id) = (&call.arn, &call.request_id);
    let version = if arn.matches(':').count() > COLONS { "" } else { ":$LATEST" };
    let cause = format!(
        "Function not found: {arn}{version} (Service: AWSLambda; Status Code: 404; Error Code: \
         ResourceNotFoundException; Request ID: {id}; Proxy: null)"
    );
    Failure::new("Lambda.ResourceNotFoundException", cause)
}

/// Calls a function in the sandbox. Dropping the future stops it at once.
pub(crate) async fn invoke(function: &Function, call: Call) -> Answer {
    let payload = call.payload.text().to_owned();
    let invoked = function
        .invoke(Invocation { request_id: call.request_id, function_arn: call.arn, payload })
        .await;
    let result = match invoked.result {
        // The sandbox has checked the syntax; what is left is how deep it nests.
        Ok(text) => Document::parse(text).map_err(|error| {
            Failure::new("Runtime.MarshalError", format!("Unable to marshal response: {error}"))
        }),
        Err(failure) => Err(Failure::new(failure.error_type.clone(), failure.payload())),
    };
    Answer { result, report: Some(Box::new(invoked.report)) }
}

/// The answer of a stub to one of an execution's calls, and how many seconds it sleeps before that.
pub(crate) fn answer_of(stub: &Stub, call: u64) -> (f64, &StubAnswer) {
    let last = stub.answers.len() - 1;
    let (seconds, answer) = &stub.answers[usize::try_from(call).unwrap_or(last).min(last)];
    (seconds.unwrap_or_default(), answer)
}

/// What a stub answers to a call.
pub(crate) fn answer(answer: &StubAnswer, call: Call) -> Answer {
    let result = match answer {
        StubAnswer::Returns(value) => Ok(Document::from(value.clone())),
        StubAnswer::Echo => Ok(call.payload),
        StubAnswer::Fails { error, cause } => Err(Failure::new(error.as_str(), cause.as_str())),
    };
    Answer { result, report: None }
}

/// The functions that a machine's states call: the resource's name, the function's, its settings.
fn called<'w>(
    workflow: &'w Workflow,
    definition: &'w Definition,
) -> impl Iterator<Item = (&'w str, &'w str, &'w FunctionSettings)> {
    let mut resources = BTreeSet::new();
    for state in definition.states() {
        let StateKind::Task(task) = &state.kind else { continue };
        match task.resource.function() {
            Some(function) => _ = resources.insert(function.as_str()),
            // Each call names its function: it may be any.
            None => resources.extend(workflow.functions.iter().flat_map(|(name, settings)| {
                let names = settings.other_names.iter().chain(&settings.deployed_name);
                names.map(String::as_str).chain([name.as_str()])
            })),
        }
    }
    resources.into_iter().filter_map(|resource| {
        let (name, settings) = workflow.function(resource)?;
        Some((resource, name, settings))
    })
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

enum LoadFailure {
    Unbuilt(BuildError),
    Unreadable(std::io::Error),
    Refused(LoadError),
}

impl LoadFailure {
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

type Loaded = BTreeMap<Origin, Result<Component, LoadFailure>>;

/// Loads components side by side.
fn load_all(origins: &BTreeSet<Origin>, bench: &Bench) -> Loaded {
    std::thread::scope(|scope| {
        let threads: Vec<_> = origins
            .iter()
            .map(|origin| (origin, scope.spawn(|| load_component(origin, bench))))
            .collect();
        let mut loaded = BTreeMap::new();
        for (origin, thread) in threads {
            let component = thread.join().expect("loading a component does not panic");
            loaded.insert(origin.clone(), component);
        }
        loaded
    })
}

fn load_component(origin: &Origin, bench: &Bench) -> Result<Component, LoadFailure> {
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

fn sandbox_settings(
    name: &str,
    settings: &FunctionSettings,
    objects: &Arc<dyn Buckets>,
    terms: &TermsArgs,
) -> stepwell_sandbox::FunctionSettings {
    let http = settings.grants.http.iter();
    let granted = settings.grants.objects.iter();
    stepwell_sandbox::FunctionSettings {
        name: name.to_owned(),
        limits: FunctionLimits {
            memory_mb: settings.memory_mb,
            timeout_seconds: settings.timeout_seconds,
            storage_mb: settings.storage_mb,
            architecture: match settings.architecture {
                Architecture::X86_64 => stepwell_lambda::Architecture::X86_64,
                Architecture::Arm64 => stepwell_lambda::Architecture::Arm64,
            },
            fuel: settings.fuel,
        },
        enforcement: match (settings.limits, terms.limits) {
            (Some(Limits::Enforce), _) | (None, Some(LimitsArg::Enforce) | None) => {
                Enforcement::Enforce
            }
            (Some(Limits::Warn), _) | (None, Some(LimitsArg::Warn)) => Enforcement::Warn,
            (Some(Limits::Off), _) | (None, Some(LimitsArg::Off)) => Enforcement::Off,
        },
        reserved_concurrency: settings.reserved_concurrency,
        variables: settings.environment.clone(),
        environment: match settings.reuse {
            Reuse::Fresh => Environment::Fresh,
            Reuse::Warm => Environment::Warm,
        },
        grants: Grants {
            http: http
                .map(|grant| HttpGrant { host: grant.host.clone(), port: grant.port })
                .collect(),
            objects: granted
                .map(|grant| ObjectGrant {
                    bucket: grant.bucket.clone(),
                    key: grant.key.clone(),
                    prefix: grant.prefix,
                    read: grant.read,
                    write: grant.write,
                })
                .collect(),
        },
        objects: Arc::clone(objects),
        seed: terms.seed,
        clock: terms.clock.map(Into::into),
    }
}
