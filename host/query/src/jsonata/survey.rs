//! What can be said of an expression before it runs: the names it mentions and where, and what it uses that
//! AWS has not.

use std::ops::Range;

use jlens_core::ast::{Ast, FallbackOp};
use jlens_core::{Expression, Node, NodeKind};

/// What stands in an expression. Places are bytes of its text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Survey {
    /// Variables that the expression does not bind itself, and functions: `$name`, in order.
    pub free: Vec<Mention>,
    /// What is read of `$states`, in order.
    pub states: Vec<StatesMention>,
    /// `$`, `$$` and bare names where there is nothing that they could mean: there is no input document.
    pub inputs: Vec<Range<usize>>,
    /// Operators that JSONata 2.0.6 does not have, which is AWS's version: `??` and `?:`.
    pub newer: Vec<Mention>,
}

/// A name and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The name, without `$`; or the operator.
    pub name: String,
    /// Where.
    pub span: Range<usize>,
    /// Whether it is called as a function.
    pub called: bool,
}

/// A mention of `$states`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatesMention {
    /// The names after it, as far as they are plain: `["context", "Execution", "Id"]`.
    pub names: Vec<String>,
    /// Where, names included.
    pub span: Range<usize>,
}

impl Survey {
    /// Surveys a text, which is an expression.
    pub(super) fn of(text: &str) -> Self {
        let Ok(expression) = Expression::compile(text) else { return Self::default() };
        let mut survey = Self::default();
        _ = (&mut survey, expression.ast() as &Ast);
        survey
    }
}

#[expect(dead_code, reason = "wip")]
fn unused(_: &Node, _: &NodeKind, _: FallbackOp) {}
