//! Write a Stepwell task in about twenty lines.
//!
//! A task is a function from a state to a state. Both are types of your own that `serde` reads from and
//! writes to JSON; [`#[task]`](task) makes the function the component's handler:
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use serde_json::{Map, Value};
//! use stepwell_task::{Bucket, Failure, log, task};
//!
//! #[derive(Deserialize, Serialize)]
//! struct State {
//!     bucket: String,
//!     key: String,
//!     #[serde(default)]
//!     bytes: u64,
//!     /// Whatever else the state holds passes through.
//!     #[serde(flatten)]
//!     rest: Map<String, Value>,
//! }
//!
//! #[task]
//! fn measure(mut state: State) -> Result<State, Failure> {
//!     state.bytes = Bucket::new(&state.bucket).head(&state.key)?.size;
//!     log::info(format_args!("`{}` holds {} bytes", state.key, state.bytes));
//!     Ok(state)
//! }
//! ```
//!
//! | for | there is |
//! |---|---|
//! | failing so that the workflow's `Retry` and `Catch` can match | [`Failure`], and `?` on every error of this crate |
//! | the function's name, memory, deadline | [`context`] |
//! | objects in buckets | [`Bucket`] |
//! | HTTP | [`http::get`] |
//! | log lines | [`log`] |
//!
//! A task can reach only what its function's grants allow; everything else answers with an error that
//! says so. A panic ends the invocation; its message is in the function's log.
//!
//! Built for another target than WebAssembly (as `cargo test` does), the same calls go to a world in
//! memory, which `stepwell_task::testing` sets up and looks into. So tasks are tested without a host.

#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod bindings;
pub mod buckets;
mod context;
mod failure;
mod handler;
pub mod http;
pub mod log;
mod platform;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

pub use buckets::Bucket;
pub use context::{Context, context};
pub use failure::{Failure, report_error};
#[doc(hidden)]
pub use handler::{answer, report_panics};
/// Makes a function the handler of this component; once per component.
///
/// The function is a `fn(State) -> Result<Answer, E>`: `State` is read from the event's JSON and `Answer` is written as
/// JSON, by `serde`. `E` is [`Failure`] or an error of your own, whose name is then the failure's. An event that does not
/// fit `State` fails the invocation with `InvalidInput` before the function is called.
///
/// ```
/// use serde_json::Value;
/// use stepwell_task::task;
///
/// #[derive(Debug)]
/// enum OrderError {
///     /// Becomes the failure `NoOrder`, which the workflow's `Catch` can name.
///     NoOrder,
/// }
/// # impl std::fmt::Display for OrderError {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("there is no order") }
/// # }
/// # impl std::error::Error for OrderError {}
///
/// #[task]
/// fn count(orders: Vec<Value>) -> Result<usize, OrderError> {
///     if orders.is_empty() { Err(OrderError::NoOrder) } else { Ok(orders.len()) }
/// }
/// ```
///
/// With `thiserror`, `#[derive(Debug, thiserror::Error)]` is all that such an error needs.
pub use stepwell_task_macros::task;

/// Makes a function the handler of this component; once per component.
///
/// `handler!(function)` is what [`#[task]`](task) becomes.
///
/// `handler!(raw function)` takes a `fn(&str) -> Result<String, Failure>` that sees the event's text and
/// answers with the text of a JSON value.
#[macro_export]
macro_rules! handler {
    (raw $function:path) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Task;

            impl $crate::bindings::exports::stepwell::task::handler::Guest for Task {
                fn handle(
                    event: ::std::string::String,
                ) -> ::std::result::Result<
                    ::std::string::String,
                    $crate::bindings::exports::stepwell::task::handler::Failure,
                > {
                    $crate::report_panics();
                    ::std::result::Result::map_err($function(&event), ::std::convert::Into::into)
                }
            }

    $crate::bindings::export!(Task with_types_in $crate::bindings);
        };

        #[cfg(not(target_family = "wasm"))]
        const _: fn(&str) -> ::std::result::Result<::std::string::String, $crate::Failure> =
            $function;
    };
    ($function:path) => {
        const _: () = {
            fn handle(
                event: &str,
            ) -> ::std::result::Result<::std::string::String, $crate::Failure> {
                $crate::answer(event, $function)
            }

    $crate::handler!(raw handle);
        };
    };
}
