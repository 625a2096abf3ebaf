//! What a task sees of chance and of time: a seed and a clock of its own make both the same again.

use serde_json::{Value, json};

/// Random bytes, and the clocks before and after a wait.
pub(crate) fn look() -> Value {
    let wall_ms = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
    };
    let (wall, began) = (wall_ms(), std::time::Instant::now());
    std::thread::sleep(std::time::Duration::from_millis(20));
    let slept = began.elapsed();
    json!({
        "random": random(),
        "wallMs": wall,
        "sleptNs": u64::try_from(slept.as_nanos()).unwrap_or(u64::MAX),
        "wallAfterMs": wall_ms(),
    })
}

#[cfg(target_family = "wasm")]
fn random() -> Vec<u8> {
    bindings::wasi::random::random::get_random_bytes(16)
}

#[cfg(not(target_family = "wasm"))]
fn random() -> Vec<u8> {
    Vec::new()
}

#[cfg(target_family = "wasm")]
mod bindings {
    #![expect(clippy::pedantic, reason = "generated code")]

    wit_bindgen::generate!({
        path: "../../wit",
        world: "wasi:random/imports",
        generate_all,
    });
}
