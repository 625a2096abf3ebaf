//! What the fuzz targets of the sandbox share.
//!
//! ```text
//!   interface     program                     interpreter          trial
//!   wit/*.wit --> bytes of the fuzzer become  a component that --> a function, invoked twice,
//!   every call    calls with arguments        does the calls       and what must hold
//! ```
//!
//! Nothing here knows a host function by name: what `wit/` has is what is tried, so that an interface that
//! is added is tried as well.

use std::sync::LazyLock;

pub mod interface;
pub mod interpreter;
pub mod program;
pub mod trial;

/// Whether to tell on standard error what is tried, and what came of it: for a person who has a crash.
pub static SAY: LazyLock<bool> = LazyLock::new(|| std::env::var_os("FUZZ_SAY").is_some());
