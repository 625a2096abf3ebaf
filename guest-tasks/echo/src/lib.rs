//! The smallest JSON task: parses its event and writes it again. Benchmarks measure the host with it.

use serde_json::Value;
use stepwell_task::{Failure, task};

#[task]
#[expect(clippy::unnecessary_wraps, reason = "a task may fail, this one does not")]
fn echo(event: Value) -> Result<Value, Failure> {
    Ok(event)
}
