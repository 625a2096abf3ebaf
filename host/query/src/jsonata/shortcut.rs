//! Plain paths: `$name.field.field`, which most expressions of workflows are. They are looked up without the
//! engine, which costs nothing per document and keeps numbers as they are written.

use jlens_core::{Expression, Node, NodeKind};
use serde_json::Value;

use crate::{Document, Scope, SharedRoot};

/// The longest path that is looked up, so that the depth limit is the engine's business.
const STEPS_MAX: usize = 32;

/// A path of names that begins at a variable or at a field of `$states`.
#[derive(Debug)]
pub(super) struct Shortcut {
    root: Root,
    names: Box<[Box<str>]>,
}

#[derive(Debug)]
enum Root {
    Variable(Box<str>),
    States(Box<str>),
}

impl Shortcut {
    pub(super) fn of(text: &str) -> Option<Self> {
        let expression = Expression::compile(text).ok()?;
        let root = &expression.ast().root;
        let steps = match &root.kind {
            NodeKind::Variable { .. } => std::slice::from_ref(root),
            NodeKind::Path { steps, keep_singleton_array: false } if is_plain(root) => steps,
            _ => return None,
        };
        let (first, rest) = steps.split_first()?;
        let NodeKind::Variable { name } = &first.kind else { return None };
        if name.is_empty() || name == "$" || steps.len() > STEPS_MAX || !steps.iter().all(is_plain)
        {
            return None;
        }
        let mut names = Vec::with_capacity(rest.len());
        for step in rest {
            let NodeKind::Name { name } = &step.kind else { return None };
            names.push(name.as_str().into());
        }
        let root = if name == "states" {
            // `$states` itself is made when it is asked for, and so is the context object.
            if names.is_empty() || names[0] == "context".into() {
                return None;
            }
            Root::States(names.remove(0))
        } else {
            Root::Variable(name.as_str().into())
        };
        Some(Self { root, names: names.into() })
    }

    /// What the path leads to as a document that is there already, if it is the whole of one.
    pub(super) fn share(&self, scope: &dyn Scope) -> Option<Document> {
        if !self.names.is_empty() {
            return None;
        }
        scope.shared(match &self.root {
            Root::Variable(name) => SharedRoot::Variable(name),
            Root::States(field) => SharedRoot::States(field),
        })
    }

    /// What the path leads to: the inner option. `None` if the engine has to say: where a path meets an array,
    /// it goes on within its items, and a variable that is none may be a function.
    #[expect(clippy::option_option, reason = "the engine may have to say, or there may be nothing")]
    pub(super) fn find<'v>(&self, scope: &'v dyn Scope) -> Option<Option<&'v Value>> {
        let root = match &self.root {
            Root::Variable(name) => Some(scope.variable(name)?),
            Root::States(field) => scope.states(field),
        };
        let Some(mut value) = root else { return Some(None) };
        for name in &self.names {
            value = match value {
                Value::Object(members) => match members.get(&**name) {
                    Some(member) => member,
                    None => return Some(None),
                },
                Value::Array(_) => return None,
                _ => return Some(None),
            };
        }
        Some(Some(value))
    }
}

/// Whether a step is only what its kind says.
fn is_plain(node: &Node) -> bool {
    let attributes = &node.attrs;
    !attributes.keep_array
        && !attributes.cons_array
        && !attributes.tuple
        && attributes.focus.is_none()
        && attributes.index.is_none()
        && attributes.stages.is_empty()
        && attributes.predicate.is_empty()
        && attributes.group.is_none()
        && attributes.ancestor.is_none()
        && attributes.seeking_parent.is_empty()
}
