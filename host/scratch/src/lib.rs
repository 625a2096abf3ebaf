//! A function's private `/tmp`: a file system inside the process, with the quota of Lambda's ephemeral
//! storage (`facts/limits.md` 3: 512 to 10,240 MB).
//!
//! ```text
//!   path --resolve--> node --content--> runs of blocks --storage--> the first MiB in memory,
//!            |          |                    |                      the rest in one unlinked file
//!          names    one per file,       counted by the quota
//!                   folder or link
//! ```
//!
//! No path of a guest ever becomes a path of the host: names live in memory, and contents in blocks of
//! 4 KiB, of which those beyond the first MiB are in one temporary file without a name. So a guest can
//! neither name nor climb to a file of the host, and a killed process leaves nothing behind.
//!
//! Rules and errors are Linux's, with the two of WASI: a path is relative, and never leads above the
//! folder that it starts from ([`Error::NotPermitted`]). The crate reads no clock; the time comes with
//! each call. It knows nothing of WASI's types, of wasmtime, and of functions.
//!
//! # What it costs the host
//!
//! A node takes about 100 bytes. A name takes 24 to 48 bytes in its folder's tree, and one allocation of
//! its length. A run of neighbouring blocks takes 12 to 25 bytes, so a file that was written in one go
//! costs next to nothing, and the worst file 25 bytes for each 4 KiB. There are at most as many nodes,
//! and at most as many names, as the quota has files: 32,768 for 512 MB. With short names that is about
//! 7 MB for a full `/tmp` of 512 MB, and with the longest names about 15 MB. Contents take 1 MiB.
//!
//! Reading order: [`Scratch`], `resolve` (how a path is followed), `names` (what changes folders),
//! `content` and `storage` (where the bytes are), `quota`.

mod content;
mod error;
mod names;
mod node;
mod path;
mod quota;
mod resolve;
mod scratch;
mod space;
mod storage;

#[cfg(test)]
mod tests;

pub use content::FILE_BYTES_MAX;
pub use error::Error;
pub use node::{Kind, LINKS_MAX, NAME_BYTES_MAX, Stat, Timestamp};
pub use path::PATH_BYTES_MAX;
pub use quota::{BLOCK_BYTES, BYTES_PER_FILE, Usage};
pub use resolve::LINKS_FOLLOWED_MAX;
pub use scratch::{Entry, Handle, OpenOptions, Scratch};
