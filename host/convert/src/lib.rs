//! A state machine's JSONPath as JSONata, doing the same as before, with the text around it left as it is.
//!
//! Reading order: [`Remark`] (what is said about a conversion), `expr` (expressions as they are put
//! together), `path`, `intrinsic`, `template`, `choice` (from one language to the other), `flow` (what
//! becomes of a result), `draft` and `state` (a state's fields), `machine` (which language is whose), and
//! `text`, which puts the changes into a file.
//!
//! Pure: knows texts and JSON. Evaluates nothing; that what it writes means the same is shown in `tests`.

mod choice;
mod draft;
mod expr;
mod flow;
mod intrinsic;
mod machine;
mod path;
mod remark;
mod scope;
mod state;
mod template;
mod text;

pub use machine::{Converted, convert_definition};
pub use remark::{Remark, RemarkKind};
pub use text::{ConvertedText, convert_text};
