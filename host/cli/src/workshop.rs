//! What executions are run with: threads, the sandbox, buckets, and machines with their functions loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use stepwell_asl::{Definition, Workflow};
use stepwell_build::Builder;
use stepwell_engine::DISTRIBUTED_EXECUTIONS_MAX;
use stepwell_objects::{Buckets, FolderBuckets, ObjectError, S3Buckets};
use stepwell_registry::{Registry, Tags};
use stepwell_sandbox::{CONCURRENT_INVOCATIONS_MAX, CodeCache, Sandbox, SandboxSettings};

use crate::args::{CacheArgs, ComponentArgs, TermsArgs};
use crate::command;
use crate::components::{Bench, Supply, is_reference};
use crate::driver::Machine;
use crate::error::CommandError;
use crate::functions::{Functions, Unusable};
use crate::output::Output;
use crate::timings::Timings;
use crate::workflow_file::Kept;

/// How long a run waits for what it has left behind on other threads.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a run waits for the storage to remove what stopped writers have left there.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens what is needed when it is needed, and only once.
pub(crate) struct Workshop {
    pub(crate) runtime: tokio::runtime::Runtime,
    components: ComponentArgs,
    timings: Timings,
    output: Output,
    sandbox: Option<Sandbox>,
    buckets: BTreeMap<PathBuf, Arc<dyn Buckets>>,
}

/// What a machine is made of.
pub(crate) struct Parts<'p> {
    /// The file of the functions.
    pub(crate) kept: &'p Kept,
    /// The functions.
    pub(crate) functions: &'p Workflow,
    /// The machine.
    pub(crate) definition: &'p Definition,
    /// Where objects are: a folder, or `s3`.
    pub(crate) objects: &'p Path,
    /// How tasks are treated.
    pub(crate) terms: &'p TermsArgs,
}

impl Workshop {
    pub(crate) fn new(
        components: ComponentArgs,
        timings: Timings,
        output: &Output,
    ) -> Result<Self, CommandError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| CommandError::environment(format!("cannot start threads: {error}")))?;
        let (output, buckets) = (output.clone(), BTreeMap::new());
        Ok(Self { runtime, components, timings, output, sandbox: None, buckets })
    }

    /// Loads what a machine calls, and opens the buckets if a component may want them.
    pub(crate) fn machine(&mut self, parts: &Parts<'_>) -> Result<Arc<Machine>, CommandError> {
        let Parts { kept, functions: workflow, definition, objects, terms } = *parts;
        let environment = if Functions::need_sandbox(workflow, definition) {
            let granted = Functions::buckets(workflow, definition);
            Some(self.environment(kept, workflow, objects, granted, terms)?)
        } else {
            None
        };
        let functions =
            Functions::load(workflow, definition, &kept.base, environment.as_ref(), terms);
        self.timings.mark("components loaded");
        let functions =
            functions.map_err(|unusable| unusable_functions(kept, workflow, unusable))?;
        Ok(Arc::new(Machine { definition: Arc::new(definition.clone()), functions }))
    }

    /// What components need: the sandbox, the buckets that are granted, and what builds or fetches them.
    pub(crate) fn environment(
        &mut self,
        kept: &Kept,
        workflow: &Workflow,
        objects: &Path,
        granted: BTreeSet<&str>,
        terms: &TermsArgs,
    ) -> Result<Bench, CommandError> {
        let account = terms.account_concurrency.unwrap_or(workflow.account_concurrency);
        let sandbox = self.sandbox(account)?;
        let objects = self.buckets(objects, granted)?;
        let ComponentArgs { locked, cache } = &self.components;
        let supply = Supply {
            builder: builder(cache),
            registry: registry(cache, tags(kept, *locked)),
            output: self.output.clone(),
        };
        Ok(Bench { sandbox, objects, supply })
    }

    /// One for the process; the first who asks says how large the account is.
    fn sandbox(&mut self, account_concurrency: u32) -> Result<Sandbox, CommandError> {
        if let Some(sandbox) = &self.sandbox {
            return Ok(sandbox.clone());
        }
        stepwell_sandbox::raise_descriptor_limit();
        let cache = cache_folder(&self.components.cache).map(CodeCache::new);
        let compiler = command::compile::compiler()?;
        let sandbox = Sandbox::new(SandboxSettings { cache, account_concurrency, compiler });
        let sandbox = sandbox.map_err(|error| CommandError::environment(error.to_string()))?;
        self.timings.mark("sandbox set up");
        self.sandbox = Some(sandbox.clone());
        Ok(sandbox)
    }

    fn buckets(
        &mut self,
        place: &Path,
        granted: BTreeSet<&str>,
    ) -> Result<Arc<dyn Buckets>, CommandError> {
        // In a folder, the buckets that are granted are made each time.
        if let Some(buckets) = self.buckets.get(place)
            && place == Path::new("s3")
        {
            return Ok(Arc::clone(buckets));
        }
        let buckets = self.runtime.block_on(open_objects(place, granted))?;
        self.timings.mark("buckets opened");
        self.buckets.insert(place.to_owned(), Arc::clone(&buckets));
        Ok(buckets)
    }

    /// Lets go of everything, and waits a while for what is still under way.
    pub(crate) fn close(self) {
        for buckets in self.buckets.values() {
            // A writer that was stopped leaves parts of an upload behind, which somebody would pay for.
            _ = self
                .runtime
                .block_on(async { tokio::time::timeout(SETTLE_TIMEOUT, buckets.settle()).await });
        }
        // A file operation of a guest that was stopped may still be under way: not for long.
        self.runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    }
}

/// How many child executions a distributed Map runs at a time.
pub(crate) fn child_executions_max(workflow: &Workflow, definition: &Definition) -> u32 {
    if Functions::need_sandbox(workflow, definition) {
        // More would only wait for a place in the sandbox, and their timeouts would not wait with them.
        CONCURRENT_INVOCATIONS_MAX
    } else {
        DISTRIBUTED_EXECUTIONS_MAX
    }
}

/// Opens the buckets. In a folder those that are granted are made, as they would exist on AWS.
async fn open_objects(
    place: &Path,
    granted: BTreeSet<&str>,
) -> Result<Arc<dyn Buckets>, CommandError> {
    if place == Path::new("s3") {
        let buckets = S3Buckets::from_environment().await;
        let buckets = buckets.map_err(|error| CommandError::environment(error.to_string()))?;
        return Ok(Arc::new(buckets));
    }
    let open = || {
        let buckets = FolderBuckets::open(place.to_owned())?;
        granted.iter().try_for_each(|bucket| buckets.create_bucket(bucket))?;
        Ok(buckets)
    };
    let buckets = open().map_err(|error: ObjectError| {
        CommandError::environment(error.to_string())
            .with_help("choose another folder with `--objects DIR`")
    })?;
    Ok(Arc::new(buckets))
}

/// What builds components from sources, and keeps them beside the compiled code.
pub(crate) fn builder(cache: &CacheArgs) -> Builder {
    Builder::new(components_folder(cache).join("built"))
}

/// What fetches components from registries, and keeps them there as well.
pub(crate) fn registry(cache: &CacheArgs, tags: Tags) -> Registry {
    Registry::new(components_folder(cache).join("registry"), tags)
}

/// What tags mean for a workflow file: what the lock file beside it says.
pub(crate) fn tags(kept: &Kept, locked: bool) -> Tags {
    match (is_reference(&kept.path), locked) {
        (false, false) => Tags::Locked(kept.folder()),
        (false, true) => Tags::OnlyLocked(kept.folder()),
        // There is no file for a lock file to be beside.
        (true, false) => Tags::Now,
        (true, true) => Tags::OnlyLocked(kept.base.clone()),
    }
}

fn components_folder(cache: &CacheArgs) -> PathBuf {
    // Without a home there is no better place than the one for what can be lost.
    cache_folder(cache).unwrap_or_else(|| std::env::temp_dir().join("stepwell"))
}

/// Where things are kept that can be made again, if there is a place for them.
pub(crate) fn cache_folder(args: &CacheArgs) -> Option<PathBuf> {
    if let Some(folder) = &args.cache {
        return Some(folder.clone());
    }
    let base =
        std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let base = base.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    Some(base.join("stepwell"))
}

/// Functions that cannot be used, as findings at their place in the file; or the first for which the machine is the
/// reason.
pub(crate) fn unusable_functions(
    kept: &Kept,
    workflow: &Workflow,
    unusable: Vec<Unusable>,
) -> CommandError {
    let mut findings = Vec::new();
    for Unusable { function, message, help, environment } in unusable {
        if environment {
            return CommandError::unusable(format!("function `{function}`: {message}"), help, true);
        }
        let mut finding = workflow.unusable_component(&function, message);
        finding.help = help;
        findings.push(finding);
    }
    kept.refuse(findings)
}
