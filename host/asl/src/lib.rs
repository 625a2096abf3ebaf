//! The Amazon States Language: a workflow file's text in, checked state machines or all findings out.
//!
//! Reading order: [`Finding`] (what is said about a file), `source` (texts and where they come from),
//! `node` (text with places; `syntax` for texts that have none), `fields` (reading an object field by
//! field), `path` (paths and templates), `state` (one file per state type), `machine`, `functions`,
//! `embedding` (the forms that a file can have, one file per form), and `workflow`, the whole.
//!
//! Knows text and the language. Does not know file systems, clocks, functions' code or how a machine runs.

mod definition;
mod embedding;
mod fields;
mod finding;
mod functions;
mod machine;
mod node;
mod path;
mod references;
mod scalar;
mod source;
mod state;
mod syntax;
mod variables;
mod workflow;

pub use definition::{Definition, Machine, MachineId, Name, StateId, Transition};
pub use finding::{CODES, Diagnostic, Finding, Related, Severity};
pub use functions::{
    ACCOUNT_CONCURRENCY, Architecture, Component, FUNCTION_MEMORY_MB, FUNCTION_STORAGE_MB,
    FUNCTION_TIMEOUT_SECONDS, FunctionSettings, Grants, HttpGrant, Limits, ObjectGrant,
    RegistryReference, RegistryReferenceError, Reuse, Stub, StubAnswer, UNRESERVED_CONCURRENCY_MIN,
    function_name, is_sha256_digest,
};
pub use machine::{QueryLanguage, STATE_NAME_CHARACTERS_MAX};
pub use node::{Member, Node, NodeKind};
pub use references::variable_references;
pub use source::{Files, NoFiles, Source, SourceFile};
pub use state::assign::Assign;
pub use state::choice::{Choice, Comparison, Condition, Operand, Ordering, Rule, Test, is_pattern};
pub use state::fail::{Fail, Text};
pub use state::jsonata::Computed;
pub use state::map::{Items, Map, Mode, Percentage};
pub use state::parallel::Parallel;
pub use state::pass::Pass;
pub use state::succeed::Succeed;
pub use state::task::{Call, Resource, Task};
pub use state::wait::{Wait, WaitFor};
pub use state::work::{Catcher, Jitter, Retrier, Work};
pub use state::{InputOutput, Part, Quantity, ResultPath, State, StateKind, StateType};
pub use workflow::{NamedMachine, Options, Workflow, load, load_with, read_node, read_value};
