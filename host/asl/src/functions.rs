//! `functions:` of a workflow file: what each function is, its limits and its grants, in the shape that
//! Serverless users know (`facts/embeddings.md` 3).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::state::task::PlaceEq;

pub(crate) mod account;
mod environment;
mod grants;
mod layer;
mod read;
pub(crate) mod reference;
mod registry;
mod stub;

pub use account::{ACCOUNT_CONCURRENCY, UNRESERVED_CONCURRENCY_MIN};
pub(crate) use environment::read_variables;
pub use grants::{Grants, HttpGrant, ObjectGrant};
pub(crate) use layer::{Layer, Layers};
pub(crate) use read::{Manner, read, read_architectures, read_limit};
pub use reference::function_name;
pub use registry::{RegistryReference, RegistryReferenceError, is_sha256_digest};
pub use stub::{Stub, StubAnswer};

/// What Lambda takes for `memorySize`, in MB (`facts/limits.md` 3).
pub const FUNCTION_MEMORY_MB: RangeInclusive<u32> = 128..=10_240;
/// What Lambda takes for `timeout`, in seconds (`facts/limits.md` 3).
pub const FUNCTION_TIMEOUT_SECONDS: RangeInclusive<u32> = 1..=900;
/// What Lambda takes for `ephemeralStorageSize`, in MB (`facts/limits.md` 3).
pub const FUNCTION_STORAGE_MB: RangeInclusive<u32> = 512..=10_240;

/// A function, as its workflow file, the mapping and Lambda's defaults together have it.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionSettings {
    /// Its code, or what stands for it.
    pub code: Option<Component>,
    /// `name`: what it is called on AWS, where ARNs end in it.
    pub deployed_name: Option<String>,
    /// Other names that lead to it: the logical id that a tool gives it, its name in a CDK app.
    pub other_names: Vec<String>,
    /// `memorySize`, in MB (2^20 bytes).
    pub memory_mb: u32,
    /// `timeout`, in seconds.
    pub timeout_seconds: u32,
    /// `fuel`: the budget of one invocation, instead of the one that memory and timeout give.
    pub fuel: Option<u64>,
    /// `maxFuel`: how much an invocation may use and still pass a regression test, in the units of `fuel`.
    /// It changes neither the budget nor the speed.
    pub max_fuel: Option<u64>,
    /// `environment`: variables that the task sees.
    pub environment: BTreeMap<String, String>,
    /// `ephemeralStorageSize`: the space below `/tmp`, in MB (2^20 bytes), within [`FUNCTION_STORAGE_MB`].
    pub storage_mb: u32,
    /// `reservedConcurrency`: how many invocations may be under way at the same time; 0: none is ever
    /// begun. `None`: as many as the account has left. All of a file together leave
    /// [`UNRESERVED_CONCURRENCY_MIN`] of the account's.
    pub reserved_concurrency: Option<u32>,
    /// `limits`: what comes of an invocation that breaks a limit of Lambda. `None`: the file does not say.
    pub limits: Option<Limits>,
    /// `architecture`: the processor whose price counts; nothing else depends on it.
    pub architecture: Architecture,
    /// `reuse`: whether an instance serves more than one invocation.
    pub reuse: Reuse,
    /// `grants`: what the task may do.
    pub grants: Grants,
    /// Where it stands.
    pub(crate) place: PlaceEq,
    /// Where its code does.
    pub(crate) code_place: PlaceEq,
}

/// What answers for a function.
#[derive(Debug, Clone, PartialEq)]
pub enum Component {
    /// `component`: a path to a WebAssembly file.
    File {
        /// The path as written.
        path: String,
        /// The folder of the file in which it is written; empty: where that file's own path begins.
        folder: String,
    },
    /// `component: oci://...`: a component in a registry.
    Registry(RegistryReference),
    /// `source`: what a component is built from.
    Source {
        /// The path of a file or a folder, as written.
        path: String,
        /// The folder of the file in which it is written; empty: where that file's own path begins.
        folder: String,
        /// `handler`: which function of the source handles an invocation, as Lambda names it
        /// (`module.function`). `None`: the file does not say.
        handler: Option<String>,
    },
    /// `stub`: answers without a component.
    Stub(Stub),
}

/// Whether an instance serves more than one invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// A fresh instance for each invocation: nothing leaks from one to the next.
    Fresh,
    /// An instance is kept for the next invocation, as Lambda does.
    Warm,
}

/// What comes of an invocation that breaks one of Lambda's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limits {
    /// It fails as it would on AWS.
    Enforce,
    /// It goes on, and what would have failed on AWS is told.
    Warn,
    /// It goes on, and nothing is told.
    Off,
}

/// A processor that Lambda has, which decides what an invocation costs (`facts/limits.md` 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Architecture {
    /// `x86_64`, Lambda's default.
    #[default]
    X86_64,
    /// `arm64`.
    Arm64,
}
