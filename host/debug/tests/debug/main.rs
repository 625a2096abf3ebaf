//! Debugging at its boundary: scripts of commands and what is said about them, properties of sessions, and
//! replays.

#![expect(
    clippy::unwrap_used,
    reason = "a failed test panics; Clippy does not count helpers as tests"
)]

mod cases;
mod properties;
mod replays;
mod stubs;

use stepwell_engine::Start;
use stepwell_query::Document;

/// The start of an execution with this input, the same in all tests.
fn start(input: Document) -> Start {
    Start {
        name: "execution".to_owned(),
        machine_name: "machine".to_owned(),
        execution_arn: "arn:aws:states:us-east-1:123456789012:execution:machine:execution"
            .to_owned(),
        machine_arn: "arn:aws:states:us-east-1:123456789012:stateMachine:machine".to_owned(),
        role_arn: "arn:aws:iam::123456789012:role/role".to_owned(),
        input,
        at: "2026-01-31T12:00:00Z".parse().unwrap(),
        seed: 42,
        history_events_max: Some(stepwell_engine::HISTORY_EVENTS_MAX),
        child_executions_max: stepwell_engine::DISTRIBUTED_EXECUTIONS_MAX,
        from: None,
    }
}
