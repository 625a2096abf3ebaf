//! The one seam between this crate and the world: the host through the contract in `wit/`, or, where
//! there is no host, a world in memory. Both sides have the same functions.

#[cfg(not(target_family = "wasm"))]
mod memory;
#[cfg(target_family = "wasm")]
mod wasm;
#[cfg(target_family = "wasm")]
mod wasm_http;

#[cfg(not(target_family = "wasm"))]
pub(crate) use memory::*;
#[cfg(target_family = "wasm")]
pub(crate) use wasm::*;
#[cfg(target_family = "wasm")]
pub(crate) use wasm_http::send;

/// First byte and, if there is one, last byte; both included.
pub(crate) type Range = (u64, Option<u64>);
