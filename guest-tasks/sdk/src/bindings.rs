//! The contract in `wit/` as Rust: generated, and used by this crate and its `handler!` only.
#![expect(clippy::pedantic, reason = "generated code")]

wit_bindgen::generate!({
    path: "../../wit",
    world: "task",
    generate_all,
    pub_export_macro: true,
    default_bindings_module: "stepwell_task::bindings",
});
