//! From a task's source to a component, and from nothing to a task's source.
//!
//! Three languages, each with its own toolchain, which is installed beside us and never by us:
//!
//! | language | source | toolchain | built anew |
//! |---|---|---|---|
//! | Rust | a folder with `Cargo.toml` | cargo with the target `wasm32-wasip2` | when cargo says so |
//! | Python | a `.py` file, or a folder with `handler:` | componentize-py | when a file of the folder changes |
//! | JavaScript, TypeScript | a `.js`, `.mjs`, `.cjs` or `.ts` file, or a folder with `handler:` | node with componentize-js | the same |
//!
//! Reading order: [`Source`] and what language it is (`source`), what a component is kept under (`digest`), the
//! toolchains (`toolchain`, `rust`, `python`, `javascript`), [`Builder`], which has the components that were
//! built, and [`Stamp`], which tells whether a source has changed; `project` writes the files of a new task or workflow.

mod builder;
mod digest;
mod error;
mod javascript;
pub mod project;
mod python;
mod rust;
mod source;
mod stamp;
mod toolchain;

pub use builder::{Builder, Built};
pub use error::BuildError;
pub use source::{Language, Source};
pub use stamp::Stamp;

use include_dir::{Dir, include_dir};

/// The contract of a task.
static WIT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../wit");
