//! JSON documents and the queries that read and write them: JSONPath, reference paths, payload templates.
//!
//! Pure: knows JSON values, and nothing of states, files or clocks. The paths speak the dialect that AWS
//! Step Functions shows, which is Jayway json-path 2.0.0 with its quirks; [`JsonPath`] lists them.

mod document;
mod jsonpath;
mod reference_path;
mod template;
mod timestamp;

pub use document::{DEPTH_MAX, Document, DocumentError};
pub use jsonpath::{JsonPath, PathError, PathSyntaxError};
pub use reference_path::{ReferencePath, ReferencePathError};
pub use template::{Query, Scope, Template, TemplateError};
pub use timestamp::{format_timestamp, parse_timestamp};
