//! JSON documents and the queries that read and write them: JSONPath, intrinsic functions, JSONata,
//! reference paths, payload templates.
//!
//! Pure: knows JSON values, and nothing of states, files or clocks; random bits come from the caller's
//! [`Scope`]. The paths speak the dialect that AWS Step Functions shows, which is Jayway json-path 2.0.0
//! with its quirks; [`JsonPath`] lists them, and [`Intrinsic`] those of the functions.

mod document;
mod expression;
mod intrinsic;
mod java;
mod jsonata;
mod jsonpath;
mod kind;
mod query;
mod reference_path;
mod template;
#[cfg(test)]
mod testing;
mod timestamp;
mod uuid;

pub use document::{DEPTH_MAX, Document, DocumentError, Keeper, with_keeper};
pub use expression::{Expression, ExpressionError, ExpressionSyntaxError, QUERY_EVALUATION_ERROR};
pub use intrinsic::{INTRINSIC_BYTES_MAX, Intrinsic, IntrinsicError, IntrinsicSyntaxError};
pub use jsonata::{
    Dialect, JSONATA_DELIMITERS, Jlens, Jsonata, JsonataEngine, JsonataError, JsonataFunction,
    JsonataLimit, JsonataLimits, JsonataProgram, JsonataSyntaxError, Mention, Outcome,
    StatesMention, Survey, jsonata_functions,
};
pub use jsonpath::{JsonPath, PathError, PathSyntaxError};
pub use query::{Query, Scope, SharedRoot, VARIABLE_NAME_CHARACTERS_MAX, is_variable_name};
pub use reference_path::{ReferencePath, ReferencePathError};
pub use template::{Template, TemplateError};
pub use timestamp::{format_timestamp, parse_timestamp};
pub use uuid::{TOKEN_PREFIX, format_token, format_uuid, random_uuid};
