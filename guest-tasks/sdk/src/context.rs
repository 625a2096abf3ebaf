//! The invocation that is under way.

use std::time::{Duration, SystemTime};

use crate::platform;

/// What Lambda's context object says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Identifies this invocation (a UUID); a retry has another one.
    pub request_id: String,
    /// The function's name in the workflow file.
    pub function_name: String,
    /// `$LATEST`.
    pub function_version: String,
    /// The function's ARN.
    pub invoked_function_arn: String,
    /// The function's memory in MB (2^20 bytes).
    pub memory_limit_mb: u32,
    /// When the invocation is stopped.
    pub deadline: SystemTime,
}

impl Context {
    /// How long the invocation may go on, as of now: CPU time counts as the function's share of a CPU
    /// would take it. A long task looks at this to stop in good order.
    pub fn remaining_time(&self) -> Duration {
        platform::remaining_time()
    }
}

/// The context of this invocation.
pub fn context() -> Context {
    platform::context()
}
