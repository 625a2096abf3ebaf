//! Components from OCI registries: fetched once, kept by their digests, and locked.
//!
//! A reference names what it wants by a tag, which the registry may give to something else tomorrow, or by a
//! digest, which stays. So a tag is looked up once, and what it meant then is written into a lock file
//! (`lock`). From the digest on everything follows by hashes: that of the manifest, which names the one layer
//! that is the component (`manifest`), and that of the layer. Both are kept under their digests (`store`),
//! and what is kept is not asked for again: a workflow whose components are locked and kept runs offline.
//!
//! The protocol (OCI distribution specification 1.1) is oci-client's, and `client` alone knows it; credentials are
//! those that `docker login` left (`credentials`). [`Registry`] puts all of that together.
//!
//! All calls block, and must not come from within an asynchronous runtime.

mod client;
mod credentials;
mod error;
mod lock;
mod manifest;
mod registry;
mod store;

pub use error::RegistryError;
pub use registry::{Fetched, Registry, Tags};
