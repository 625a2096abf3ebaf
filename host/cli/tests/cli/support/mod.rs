//! What all tests share: the builder, and the things that a run meets outside of the process.

mod cli;
mod guests;
mod import;
mod languages;
mod ran;
mod registry_server;
mod s3_server;
mod shapes;

pub(crate) use cli::{Background, Cli, command};
pub(crate) use guests::{guest, machine_of};
pub(crate) use import::{DESTINATION, Import, expected_rows, source};
pub(crate) use languages::{guests, link_packages, path_of_languages, with_languages};
pub(crate) use ran::Ran;
pub(crate) use registry_server::{
    RegistryServer, USER as REGISTRY_USER, answer, registry_that, registry_that_is_down,
};
pub(crate) use s3_server::S3Server;
pub(crate) use shapes::{filtered, shown};
