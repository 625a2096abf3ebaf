//! What the test binaries of this package share: where cases lie ([`folder`]), how an execution runs in
//! virtual time against scripted functions ([`run`], [`script`]), and how findings and runs are written
//! down ([`show`]).
//!
//! The only code that touches the crates' interfaces on behalf of the case folders; a change of an
//! interface is an edit here and not in hundreds of cases.

pub mod folder;
pub mod run;
pub mod script;
pub mod show;
