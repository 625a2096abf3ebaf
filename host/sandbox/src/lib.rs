//! The sandbox: runs tasks as WebAssembly components under Lambda's limits, with nothing but what they
//! were granted, and reports on every invocation.
//!
//! ```text
//!   Sandbox --load--> Component --function(settings)--> Function --invoke(payload)--> Invoked
//!   one engine,       compiled, cached on disk,         a name, limits,               result or failure,
//!   one account       checked against the world         grants                        and the report
//! ```
//!
//! Reading order: [`Sandbox`], [`Component`], [`FunctionSettings`], [`Function`], [`Invoked`],
//! [`Failure`], [`Report`]; then `compiler` (what compiling
//! may cost), `limits` (what is in force, memory), `fuel` (CPU), `meter` (time) and `host`
//! (what a task sees of the world).
//!
//! The only crate that names wasmtime. Knows nothing of workflows.

mod cache;
mod calibration;
mod compiler;
mod component;
mod concurrency;
mod engine;
mod failure;
mod fuel;
mod function;
mod grants;
mod host;
mod limits;
mod meter;
mod producers;
mod report;
mod scan;

pub use cache::CodeCache;
pub use calibration::Calibration;
pub use compiler::{Compiler, CompilerBounds};
pub use component::{Component, ComponentKind, Inspection, LoadError};
pub use engine::{
    CONCURRENT_INVOCATIONS_MAX, Sandbox, SandboxError, SandboxSettings, raise_descriptor_limit,
};
pub use failure::{Failure, FailureKind};
pub use function::{Enforcement, Environment, Function, FunctionSettings, Invocation, Invoked};
pub use grants::{Grants, HttpGrant, ObjectGrant};
pub use producers::producers;
pub use report::{FailedInit, Guard, InitPhase, LogLine, LogSource, Report, Status};
