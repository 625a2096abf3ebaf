//! What serverless-step-functions does to a definition before it is deployed (`facts/embeddings.md` 3).

use std::collections::BTreeMap;

use super::super::Reading;
use super::super::intrinsics::{Intrinsics, Scope, called, has_intrinsics};
use super::super::substitutions::Substitutions;
use super::super::template::substitute_in_tree;
use super::TIMEOUT_SECONDS_DEFAULT;
use crate::finding::Place;
use crate::functions::{self, Layers};
use crate::node::{Member, Node, NodeKind};
use crate::source::Text;

/// The states of a machine and of those within it.
pub(super) fn for_each_state(machine: &mut Node, change: &mut dyn FnMut(&mut Vec<Member>)) {
    let Some(states) = member_of(machine, "States") else { return };
    let NodeKind::Object(states) = &mut states.kind else { return };
    for state in states {
        for name in ["ItemProcessor", "Iterator"] {
            if let Some(machine) = member_of(&mut state.node, name) {
                for_each_state(machine, change);
            }
        }
        if let Some(Node { kind: NodeKind::Array(branches), .. }) =
            member_of(&mut state.node, "Branches")
        {
            for branch in branches {
                for_each_state(branch, change);
            }
        }
        if let NodeKind::Object(members) = &mut state.node.kind {
            change(members);
        }
    }
}

fn member_of<'n>(node: &'n mut Node, name: &str) -> Option<&'n mut Node> {
    let NodeKind::Object(members) = &mut node.kind else { return None };
    members.iter_mut().find(|member| member.name == name).map(|member| &mut member.node)
}

/// `configureTaskTimeouts`: a Task that calls one of the file's functions, and says no time of its own, has
/// the function's.
pub(super) fn set_timeout(state: &mut Vec<Member>, functions: &Layers) {
    let get = |name: &str| state.iter().find(|member| member.name == name).map(|found| &found.node);
    let is_task = get("Type").and_then(Node::as_str) == Some("Task");
    if !is_task || get("TimeoutSeconds").or_else(|| get("TimeoutSecondsPath")).is_some() {
        return;
    }
    let Some(resource) = get("Resource").and_then(Node::as_str) else { return };
    let called = match functions::reference::parts(resource).as_slice() {
        ["arn", _, "states", _, _, "lambda", action, ..] if action.starts_with("invoke") => {
            ["Parameters", "Arguments"]
                .iter()
                .find_map(|name| get(name)?.at(&["FunctionName"])?.as_str())
        }
        _ => Some(resource),
    };
    let Some(name) = called.and_then(functions::function_name) else { return };
    let Some((_, layer)) = functions.iter().find(|(key, layer)| layer.is_called(key, name)) else {
        return;
    };
    let seconds = layer.timeout_seconds.unwrap_or(TIMEOUT_SECONDS_DEFAULT);
    let span = get("Resource").map(|resource| resource.span.clone()).unwrap_or_default();
    let kind = NodeKind::Number(seconds.into());
    let node = Node { kind, tag: None, span: span.clone() };
    state.push(Member { name: "TimeoutSeconds".to_owned(), name_span: span, node });
}

/// `Seconds` of a Wait loses its quotes where an intrinsic gives it.
fn unquote_seconds(written: &Node, resolved: &mut Node) {
    if called(written).is_some() {
        return;
    }
    match (&written.kind, &mut resolved.kind) {
        (NodeKind::Object(written), NodeKind::Object(resolved)) => {
            let waits =
                |member: &Member| member.name == "Type" && member.node.as_str() == Some("Wait");
            let waits = written.iter().any(waits);
            for member in resolved {
                let Some(written) = written.iter().find(|other| other.name == member.name) else {
                    continue;
                };
                if waits
                    && member.name == "Seconds"
                    && called(&written.node).is_some()
                    && let Some(Ok(seconds)) = member.node.as_str().map(|text| text.trim().parse())
                {
                    member.node.kind = NodeKind::Number(seconds);
                } else {
                    unquote_seconds(&written.node, &mut member.node);
                }
            }
        }
        (NodeKind::Array(written), NodeKind::Array(resolved)) => {
            for (written, resolved) in written.iter().zip(resolved) {
                unquote_seconds(written, resolved);
            }
        }
        _ => {}
    }
}

/// As the plugin does it: where there is an intrinsic or `#{...}`, the whole text goes through `Fn::Sub`;
/// where there is none, `${...}` is a text like any other.
pub(super) fn resolve(
    node: &Node,
    place: &Place,
    scope: Scope<'_>,
    reading: &mut Reading<'_>,
) -> Option<Node> {
    if !has_intrinsics(node) && !has_pseudo_parameters(node) {
        let values = reading.values.iter().map(|(name, value)| (name.clone(), value.clone()));
        return Some(substitute_in_tree(node, &Substitutions::new(values)));
    }
    let resolved = substitute(node, place, &mut Intrinsics::new(scope, reading));
    let mut resolved = Intrinsics::new(scope, reading).resolve(&resolved, place)?;
    unquote_seconds(node, &mut resolved);
    Some(resolved)
}

fn has_pseudo_parameters(node: &Node) -> bool {
    match &node.kind {
        NodeKind::String(text) => text.contains("#{"),
        NodeKind::Array(items) => items.iter().any(has_pseudo_parameters),
        NodeKind::Object(members) => {
            members.iter().any(|member| has_pseudo_parameters(&member.node))
        }
        _ => false,
    }
}

/// `Fn::Sub` on the strings outside of intrinsics.
fn substitute(node: &Node, place: &Place, intrinsics: &mut Intrinsics<'_, '_, '_>) -> Node {
    if node.tag.is_some() {
        return node.clone();
    }
    let kind = match &node.kind {
        NodeKind::String(text) => {
            let text = Text::made(text.replace("#{", "${"), &node.span);
            NodeKind::String(intrinsics.substitute_text(&text, &BTreeMap::new(), place).text)
        }
        NodeKind::Array(items) => {
            let items = items.iter().enumerate();
            let items = items.map(|(index, item)| {
                substitute(item, &place.below(&index.to_string(), &item.span), intrinsics)
            });
            NodeKind::Array(items.collect())
        }
        // The argument of an intrinsic is its own business.
        NodeKind::Object(_) if called(node).is_some() => node.kind.clone(),
        NodeKind::Object(members) => NodeKind::Object(
            members
                .iter()
                .map(|member| Member {
                    node: substitute(&member.node, &place.of_member(member), intrinsics),
                    ..member.clone()
                })
                .collect(),
        ),
        kind => kind.clone(),
    };
    Node { kind, ..node.clone() }
}

#[cfg(test)]
mod tests {
    use crate::{Quantity, StateKind, WaitFor, load};

    #[test]
    fn the_plugin_s_settings_reach_the_states() {
        let source = include_str!(
            "../../../../../tests/cases/validate/embedding/serverless-machine-settings/serverless.yml"
        );
        let workflow = load(source, "workflow").expect("the file loads");
        let said = |index: usize| -> Vec<String> {
            let states = workflow.machines[index].definition.states();
            let said = states.map(|state| {
                let seconds = match &state.kind {
                    StateKind::Task(task) => match &task.timeout {
                        Some(Quantity::Literal(seconds)) => Some(*seconds),
                        _ => None,
                    },
                    StateKind::Wait(wait) => match &wait.until {
                        WaitFor::Seconds(seconds) => Some(*seconds),
                        _ => None,
                    },
                    _ => None,
                };
                seconds.map(|seconds| format!("{} {seconds}", state.name))
            });
            said.flatten().collect()
        };
        let wanted = ["Fetch 20", "Own 9", "Mine 3", "Pause 30", "Longer 300", "Persist 6"];
        assert_eq!(said(0), wanted);
        assert_eq!(said(1), [""; 0]);
    }
}
