//! A workflow's functions as things that can be called: components in the sandbox, and stubs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use stepwell_asl::{
    Architecture, Component as Code, Definition, FunctionSettings, Limits, Reuse, StateKind, Stub,
    StubAnswer, Workflow,
};
use stepwell_engine::Failure;
use stepwell_lambda::FunctionLimits;
use stepwell_objects::Buckets;
use stepwell_query::Document;
use stepwell_sandbox::{
    Component, Enforcement, Environment, Function, Grants, HttpGrant, Invocation, ObjectGrant,
    Report,
};

use crate::args::{LimitsArg, TermsArgs};
use crate::components::{self, Bench, Origin, origin};

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
        let loaded = bench.map(|bench| components::load_all(&origins, bench)).unwrap_or_default();
        let mut made = BTreeMap::new();
        for (resource, name, settings) in called(workflow, definition) {
            let callable = match &settings.code {
                Some(Code::Stub(stub)) => Callable::Stub(Arc::new(stub.clone())),
                Some(code) => {
                    let origin = origin(settings, base).expect("all but stubs have one");
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
                            unusable.push(failure.of(name, code, &origin));
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
        let without = |message: &str| {
            let (function, message) = (name.to_owned(), message.to_owned());
            Err(Box::new(Unusable { function, message, help: None, environment: false }))
        };
        match &settings.code {
            Some(Code::Stub(_)) => {
                without("it is a `stub:`, which takes nothing that could be measured")
            }
            Some(code) => {
                let origin = origin(settings, base).expect("all but stubs have one");
                let component = components::load(&origin, bench)
                    .map_err(|failure| Box::new(failure.of(name, code, &origin)))?;
                Ok((component, sandbox_settings(name, settings, &bench.objects, terms)))
            }
            None => without("it has no `component:` and no `source:`"),
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
