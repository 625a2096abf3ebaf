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

pub mod interface;
pub mod interpreter;
pub mod program;
pub mod trial;
